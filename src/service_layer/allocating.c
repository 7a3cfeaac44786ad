/*
 * allocating.c
 *		The use cases that give lines a batch: allocating, reallocating, and asking
 *		what could be promised.  A single line is a list of one.
 */
#include "service_layer/placing.h"
#include "service_layer/shortages.h"

#include <string.h>

/* One line of the call. */
typedef struct Request
{
	OrderLine  *line;			/* what it asks for, and what becomes of it */
	OrderLine  *known;			/* what is known of it, or NULL */
	bool		wants_batch;
	bool		stays;			/* with its batch, if that comes by another date */
} Request;

typedef struct Allocation
{
	OrderLine  *lines;
	size_t		n;
	OrderLine	terms;			/* what a line asked for beside its SKU, and all have in common */
	bool		is_afresh;		/* what a line has is given back first */
	bool		all_or_nothing;
	bool		tells_each;		/* what became of each line */
	LinesResult result;
	Wanted		wanted;

	/* of one attempt */
	Repository *repository;
	int64_t		now;
	bool		has_looked;		/* for known lines */
	bool		contradicts;
	Request    *requests;		/* in the lock order of lines */
	size_t		next_request;	/* while known lines are visited */
	size_t		nknown;
	Placing		placing;
} Allocation;

/* The turn of a line that storage does not know. */
#define NOT_RECORDED INT64_MIN

static int
compare_positions(const OrderLine *a, const OrderLine *b)
{
	return (a > b) - (a < b);
}

static int
compare_requests(const void *a, const void *b)
{
	const OrderLine *x = ((const Request *) a)->line;
	const OrderLine *y = ((const Request *) b)->line;
	int			order = compare_identities(x, y);

	return order != 0 ? order : compare_positions(x, y);
}

/* By SKU and turn; of the same time, those that come first in the call. */
static int
compare_claims(const void *a, const void *b)
{
	const OrderLine *x = ((const Claim *) a)->line;
	const OrderLine *y = ((const Claim *) b)->line;
	int			order = strcmp(x->sku, y->sku);

	if (order == 0)
		order = line_compare_turns(x, y);
	return order != 0 ? order : compare_positions(x, y);
}

/*
 * What is asked for, and what is known of it
 */

/* Makes the lines of the call what they were when it began, and sorts them. */
static void
collect_requests(Allocation *command)
{
	Repository *repository = command->repository;
	Request    *requests = repository->allocate_memory(repository, command->n * sizeof(Request));

	for (size_t i = 0; i < command->n; i++)
	{
		OrderLine  *line = &command->lines[i];

		*line = (OrderLine) {
			.orderid = line->orderid, .sku = line->sku,
			.qty = command->is_afresh ? command->terms.qty : line->qty,
			.needed_by = command->terms.needed_by,
			.held_until = command->terms.held_until,
			.ordered_at = NOT_RECORDED
		};
		requests[i] = (Request) {.line = line};
	}
	sort(repository, requests, command->n, sizeof(Request), compare_requests);
	command->requests = requests;
}

/* Both the requests and the known lines come in the order of storage. */
static bool
note_known_line(void *context, const OrderLine *line)
{
	Allocation *command = context;

	while (command->next_request < command->n)
	{
		Request    *request = &command->requests[command->next_request++];

		if (compare_identities(request->line, line) != 0)
			continue;
		request->known = command->repository->allocate_memory(command->repository, sizeof(OrderLine));
		*request->known = *line;
		command->nknown++;
		return true;
	}
	return false;
}

/* Finds what storage knows of the lines of the call. */
static void
look_up_requests(Allocation *command)
{
	Repository *repository = command->repository;
	OrderLine **lines = repository->allocate_memory(repository, command->n * sizeof(OrderLine *));

	for (size_t i = 0; i < command->n; i++)
		lines[i] = command->requests[i].line;
	command->next_request = 0;
	command->nknown = 0;
	repository->visit_known_lines(repository, lines, command->n, note_known_line, command);
	command->has_looked = true;
}

/* Refuses the call for this line, unless it was refused for an earlier one. */
static void
refuse(Allocation *command, const OrderLine *line, LineResult refused)
{
	LinesResult *result = &command->result;
	size_t		position = (size_t) (line - command->lines);

	if (result->refused.outcome == DONE || position < result->position)
	{
		result->refused = refused;
		result->position = position;
	}
	if (result->each)
		result->each[position] = refused;
}

/*
 * What is known of a line
 */

/* Finds out what to do about a line that is known and not an expired hold. */
static void
meet_known(Allocation *command, Request *request)
{
	const OrderLine *known = request->known;
	OrderLine  *line = request->line;
	bool		asks_for_date = line->needed_by != 0;

	if (command->is_afresh)
	{
		/* Of what has left altogether nothing can be moved. */
		if (line->qty == SAME_QUANTITY ? line_open_quantity(known) == 0 : line->qty < known->shipped_qty)
		{
			refuse(command, line, (LineResult) {.outcome = ALREADY_SHIPPED, .line = *known});
			return;
		}
		if (line->qty == SAME_QUANTITY)
			line->qty = known->qty;
	}
	else if (line->qty != known->qty)
	{
		refuse(command, line, (LineResult) {.outcome = ORDER_LINE_CONFLICT, .line = *known});
		return;
	}

	line->shipped_qty = known->shipped_qty;
	line->ordered_at = known->ordered_at;
	if (!asks_for_date)
		line->needed_by = known->needed_by;
	/* What is firm stays firm, and to move a hold does not make it firm. */
	if (command->is_afresh || known->held_until == 0)
		line->held_until = known->held_until;

	request->wants_batch = line_open_quantity(line) > 0 && (command->is_afresh || !known->batchref);
	if (request->wants_batch)
		return;
	line->batchref = known->batchref;
	request->stays = known->batchref && line_open_quantity(line) > 0 && line->needed_by != known->needed_by;
}

/* Another date for a line relies on that its batch comes by then; otherwise it is refused. */
static void
check_date(Allocation *command, const Request *request, Candidate *candidate)
{
	candidate->is_in_time = batch_comes_by(&candidate->batch, line_deadline(request->line));
	if (!candidate->is_in_time)
		refuse(command, request->line, (LineResult) {
			   .outcome = DATE_CONFLICT, .line = *request->known, .eta = candidate->batch.eta
			   });
}

/*
 * Frees what the known lines have that are replaced: expired holds, and any line
 * that is allocated afresh.  Looks at the batches of those that stay.
 */
static void
meet_batches(Allocation *command)
{
	Placing    *placing = &command->placing;
	List		with_batch = {.repository = command->repository};

	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		OrderLine  *known = request->known;

		if (!known || !known->batchref)
			continue;
		if (line_is_expired(known, command->now))
			append(&placing->replaced, known);
		if (command->is_afresh || request->stays || line_is_expired(known, command->now))
			append(&with_batch, known);
	}
	if (!free_batches_of(placing, &with_batch, false))
	{
		command->contradicts = true;
		return;
	}
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		OrderLine  *known = request->known;
		Candidate  *candidate;

		if (!known || !known->batchref)
			continue;
		candidate = find_freed(placing, known);
		if (request->stays)
			check_date(command, request, candidate);
		else if (command->is_afresh || line_is_expired(known, command->now))
		{
			free_line(placing, known);
			/* To stay there is as good as anything. */
			candidate->batch.is_taken = false;
		}
	}
}

/* Finds out, line by line, what to do about it, and makes claims of those that want a batch. */
static void
gather_claims(Allocation *command)
{
	Repository *repository = command->repository;
	Placing    *placing = &command->placing;

	*placing = begin_placing(repository, &command->wanted, command->now, command->n);
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		request->wants_batch = request->stays = false;
		if (request->known && !line_is_expired(request->known, command->now))
			meet_known(command, request);
		else if (command->is_afresh)
			refuse(command, request->line, (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = *request->line});
		else
			request->wants_batch = true;
	}
	/* Later in the call is later.  What was known before gets no number, lest the last ones lie in the future. */
	for (size_t i = 0, nrecorded = 0; i < command->n; i++)
		if (command->lines[i].ordered_at == NOT_RECORDED)
			command->lines[i].ordered_at = command->now + nrecorded++;

	if (command->has_looked)
		meet_batches(command);
	for (Request *request = command->requests; request < command->requests + command->n; request++)
		if (request->wants_batch)
			placing->claims[placing->nclaims++] = (Claim) {
				.line = request->line, .deadline = line_deadline(request->line)
			};
	sort(repository, placing->claims, placing->nclaims, sizeof(Claim), compare_claims);
}

/*
 * What becomes of it
 */

/* Refuses the lines without a batch, by SKU: all if the SKU is invalid, else if the call is all or nothing. */
static void
refuse_unplaced(Allocation *command)
{
	Repository *repository = command->repository;
	Placing    *placing = &command->placing;
	LineResult **shortages = repository->allocate_memory(repository, placing->nclaims * sizeof(LineResult *));
	const char *sku = NULL;
	Outcome		outcome = DONE;

	for (size_t i = 0; i < placing->nclaims; i++)
	{
		const OrderLine *line = placing->claims[i].line;

		shortages[i] = NULL;
		if (placing->claims[i].batch)
			continue;
		if (!sku || strcmp(sku, line->sku) != 0)
			outcome = repository->has_sku(repository, line->sku) ? OUT_OF_STOCK : INVALID_SKU;
		sku = line->sku;
		if (outcome == INVALID_SKU || command->all_or_nothing)
			refuse(command, line, (LineResult) {.outcome = outcome, .line = *line, .eta = NEVER});
	}
	for (size_t i = 0; i < placing->nclaims; i++)
	{
		size_t		position = (size_t) (placing->claims[i].line - command->lines);

		if (command->result.each && command->result.each[position].outcome == OUT_OF_STOCK)
			shortages[i] = &command->result.each[position];
		else if (command->result.refused.outcome == OUT_OF_STOCK && position == command->result.position)
			shortages[i] = &command->result.refused;
	}
	if (command->result.refused.outcome != DONE)
		measure_shortages(placing, shortages);
}

/* Is the line as it was? */
static bool
is_same(const OrderLine *line, const OrderLine *known)
{
	return line->qty == known->qty && line->ordered_at == known->ordered_at &&
		line->held_until == known->held_until && line->needed_by == known->needed_by &&
		!line->batchref == !known->batchref &&
		(!line->batchref || strcmp(line->batchref, known->batchref) == 0);
}

/* Writes what has become of batches and lines. */
static Verdict
write_allocation(Allocation *command)
{
	Changes		changes = no_changes(command->repository);

	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		OrderLine  *line = request->line;

		if (request->known && is_same(line, request->known))
			continue;
		if (request->known)
		{
			append(&changes.from, request->known);
			append(&changes.to, line);
		}
		else
			append(&changes.added, line);
	}
	if (changes.added.n == 0 && changes.from.n == 0)
		return KEEP;
	return settle(&command->placing, &changes);
}

/* Says what became of each line.  Where the call is refused, all lines are as they were. */
static void
tell_each(Allocation *command)
{
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		LineResult *result = &command->result.each[request->line - command->lines];
		bool		is_known = request->known && !line_is_expired(request->known, command->now);

		result->line = *request->line;
		if (command->result.refused.outcome != DONE)
			result->line.batchref = is_known ? request->known->batchref : NULL;
	}
}

/* Finds a batch for each line that wants one. */
static bool
place_requests(Allocation *command)
{
	gather_claims(command);
	return !command->contradicts && place(&command->placing);
}

/*
 * Far more often than not the lines are new ones.  So they are looked for only
 * after adding one has failed, or where the call would be refused, or would wait
 * for another session.
 */
static Verdict
allocation_body(Repository *repository, void *context)
{
	Allocation *command = context;
	LinesResult *result = &command->result;

	command->repository = repository;
	lock_wanted(repository, &command->wanted);
	command->now = repository->current_time(repository);
	command->has_looked = false;
	command->contradicts = false;
	*result = (LinesResult) {.nlines = command->n, .lines = command->lines};
	if (command->tells_each)
	{
		result->each = repository->allocate_memory(repository, command->n * sizeof(LineResult));
		memset(result->each, 0, command->n * sizeof(LineResult));
	}
	collect_requests(command);

	if (repository->cautious || command->is_afresh)
		look_up_requests(command);
	if (!place_requests(command))
		return CONTRADICTION;
	if (!command->has_looked && (command->placing.waits || !are_all_placed(&command->placing)))
	{
		look_up_requests(command);
		if (command->nknown > 0 && !place_requests(command))
			return CONTRADICTION;
	}

	if (lacks_batches(&command->placing))
		return WAIT;

	if (!are_all_placed(&command->placing))
		refuse_unplaced(command);
	if (command->tells_each)
		tell_each(command);
	if (result->refused.outcome != DONE)
		return UNDO;
	return write_allocation(command);
}

static LinesResult
run_allocation(UnitOfWork *uow, Allocation command)
{
	if (command.n > 0)
		command.terms = command.lines[0];
	uow->run(uow, allocation_body, &command);
	return command.result;
}

static LineResult
single_result(const LinesResult *result)
{
	if (result->refused.outcome != DONE)
		return result->refused;
	return (LineResult) {.outcome = DONE, .line = result->lines[0]};
}

/* Ties the line to the first batch, in preference order, that can serve it. */
LineResult
allocate(UnitOfWork *uow, const OrderLine *line)
{
	OrderLine	lines[] = {*line};
	LinesResult result = allocate_lines(uow, lines, 1, true);

	return single_result(&result);
}

/*
 * Ties n lines, all with the same date and hold, in their turn each to the first
 * batch that can serve it, and says in place which.  A line that no batch can
 * serve refuses the call if that is all or nothing, and otherwise waits.
 */
LinesResult
allocate_lines(UnitOfWork *uow, OrderLine *lines, size_t n, bool all_or_nothing)
{
	return run_allocation(uow, (Allocation) {.lines = lines, .n = n, .all_or_nothing = all_or_nothing});
}

/* The same, all or nothing, but says of each line what became of it, or why it is refused. */
LinesResult
try_allocate_lines(UnitOfWork *uow, OrderLine *lines, size_t n)
{
	return run_allocation(uow, (Allocation) {.lines = lines, .n = n, .all_or_nothing = true, .tells_each = true});
}

/*
 * Deallocates a known line and allocates it afresh, with another quantity unless
 * line says SAME_QUANTITY and another date if it has one.  If it fits nowhere, it
 * stays as it is.
 */
LineResult
reallocate(UnitOfWork *uow, const OrderLine *line)
{
	OrderLine	lines[] = {*line};
	LinesResult result = run_allocation(uow, (Allocation) {
										.lines = lines, .n = 1, .all_or_nothing = true, .is_afresh = true
										});

	return single_result(&result);
}

/*
 * promise
 */

typedef struct Promise
{
	OrderLine	line;
	bool		found;
	Batch	   *batch;
} Promise;

static Verdict
promise_body(Repository *repository, void *context)
{
	Promise    *command = context;
	Placing		placing = begin_placing(repository, NULL, repository->current_time(repository), 1);

	placing.claims[placing.nclaims++] = (Claim) {.line = &command->line, .deadline = line_deadline(&command->line)};
	if (!place(&placing))
		return CONTRADICTION;
	command->found = placing.claims[0].batch != NULL;
	if (command->found)
		*command->batch = *placing.claims[0].batch;
	return UNDO;
}

/* Finds the batch that a new line would be tied to now; false where there is none. */
bool
promise(UnitOfWork *uow, const OrderLine *line, Batch *batch)
{
	Promise		command = {.line = *line, .batch = batch};

	uow->run(uow, promise_body, &command);
	return command.found;
}
