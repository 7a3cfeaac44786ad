/*
 * allocating.c
 *		The use cases that give lines a batch: allocating, reallocating, and asking
 *		what could be promised.  A single line is a list of one.
 */
#include "service_layer/backorders.h"
#include "service_layer/shortages.h"

#include <string.h>

/* One line of the call. */
typedef struct Request
{
	OrderLine  *line;			/* what is asked for, then what becomes of it */
	StoredLine *known;			/* the same line as storage has it, or NULL */
	bool		wants_batch;
	bool		stays;			/* on its batch, if that arrives by another date than before */
} Request;

typedef struct Allocation
{
	OrderLine  *lines;
	size_t		n;
	OrderLine	terms;			/* what the lines ask for beside their SKU, as the first one says it */
	bool		is_afresh;		/* known lines are given back first, and allocated anew */
	bool		all_or_nothing;
	bool		tells_each;		/* what became of each line */
	LinesResult result;
	Locks		locks;

	/* of one attempt: */
	Repository *repository;
	int64_t		now;
	bool		has_looked;		/* for known lines */
	size_t		nknown;
	Request    *requests;		/* in lock order */
	size_t		next_request;	/* while known lines are visited */
	Stock		stock;
	Claims		claims;
} Allocation;

/* The turn of a line that storage does not know. */
#define NOT_RECORDED INT64_MIN

/* Lines come from one array, so the earlier one in the call has the lower address. */
static int
compare_positions(const OrderLine *a, const OrderLine *b)
{
	return (a > b) - (a < b);
}

/* In lock order. */
static int
compare_requests(const void *a, const void *b)
{
	const Request *x = a;
	const Request *y = b;
	int			order = compare_line_keys(&x->line, &y->line);

	return order != 0 ? order : compare_positions(x->line, y->line);
}

/* By SKU and turn; of lines that are recorded at the same time, the earlier one in the call first. */
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
	command->requests = new_array(command->repository, Request, command->n);
	for (size_t i = 0; i < command->n; i++)
	{
		OrderLine  *line = &command->lines[i];

		*line = (OrderLine) {
			.orderid = line->orderid, .sku = line->sku,
			.qty = command->is_afresh ? command->terms.qty : line->qty,
			.needed_by = command->terms.needed_by, .held_until = command->terms.held_until,
			.ordered_at = NOT_RECORDED
		};
		command->requests[i] = (Request) {.line = line};
	}
	sort_array(command->repository, command->requests, command->n, sizeof(Request), compare_requests);
}

/* Visitor: gives the known line to the request for it; both come in lock order. */
static bool
note_known_line(void *context, const StoredLine *line)
{
	Allocation *command = context;
	const OrderLine *known = &line->line;

	while (command->next_request < command->n)
	{
		Request    *request = &command->requests[command->next_request++];

		if (compare_line_keys(&request->line, &known) != 0)
			continue;
		request->known = new_array(command->repository, StoredLine, 1);
		*request->known = *line;
		command->nknown++;
		return true;
	}
	return false;
}

/* Looks up what storage knows of the lines of the call. */
static void
look_up_requests(Allocation *command)
{
	RowKey	   *keys = new_array(command->repository, RowKey, command->n);

	for (size_t i = 0; i < command->n; i++)
		keys[i] = line_key(command->requests[i].line);
	command->next_request = 0;
	command->nknown = 0;
	command->repository->visit_known_lines(command->repository, keys, command->n, note_known_line, command);
	command->has_looked = true;
}

/* Is the line known, and not merely an expired hold? */
static bool
is_known(const Allocation *command, const Request *request)
{
	return request->known && !line_is_expired(&request->known->line, command->now);
}

/* Refuses the call because of this line, unless it was refused because of an earlier one. */
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

/* Why a known line cannot be what is asked for; DONE if it can. */
static Outcome
conflict_with(const Allocation *command, const OrderLine *known, const OrderLine *asked)
{
	if (!command->is_afresh)
		return asked->qty == known->qty ? DONE : ORDER_LINE_CONFLICT;
	/* A line that has shipped altogether has nothing to move. */
	if (asked->qty == SAME_QUANTITY)
		return line_open_quantity(known) > 0 ? DONE : ALREADY_SHIPPED;
	return asked->qty >= known->shipped_qty ? DONE : ALREADY_SHIPPED;
}

/* Finds out what to do about a line that is known. */
static void
meet_known(Allocation *command, Request *request)
{
	const OrderLine *known = &request->known->line;
	OrderLine  *line = request->line;
	Outcome		outcome = conflict_with(command, known, line);
	bool		is_open;

	if (outcome != DONE)
	{
		refuse(command, line, (LineResult) {.outcome = outcome, .line = *known});
		return;
	}
	if (line->qty == SAME_QUANTITY)
		line->qty = known->qty;
	line->shipped_qty = known->shipped_qty;
	line->ordered_at = known->ordered_at;
	if (line->needed_by == 0)
		line->needed_by = known->needed_by;
	/* A firm line stays firm, and moving a hold does not make it firm. */
	if (command->is_afresh || known->held_until == 0)
		line->held_until = known->held_until;

	is_open = line_open_quantity(line) > 0;
	request->wants_batch = is_open && (command->is_afresh || !known->batchref);
	if (request->wants_batch)
		return;
	line->batchref = known->batchref;
	request->stays = is_open && known->batchref && line->needed_by != known->needed_by;
}

/* Finds out, line by line, what to do about it. */
static void
meet_requests(Allocation *command)
{
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		request->wants_batch = request->stays = false;
		if (is_known(command, request))
			meet_known(command, request);
		else if (command->is_afresh)
			refuse(command, request->line, (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = *request->line});
		else
			request->wants_batch = true;
	}
	/* New lines take turns as they stand in the call.  Known ones take none, lest the last turns lie in the future. */
	for (size_t i = 0, nrecorded = 0; i < command->n; i++)
		if (command->lines[i].ordered_at == NOT_RECORDED)
			command->lines[i].ordered_at = command->now + nrecorded++;
}

/*
 * The batches of known lines
 */

/* Does the request give the units of the known line back? */
static bool
gives_back(const Allocation *command, const Request *request)
{
	return request->known && request->known->line.batchref && (command->is_afresh || !is_known(command, request));
}

/* Checks that the batch of a line that stays arrives by its new date; else the line is refused. */
static void
check_date(Allocation *command, const Request *request, StockedBatch *batch)
{
	batch->is_relied_on = batch_comes_by(&batch->batch, line_deadline(request->line));
	if (!batch->is_relied_on)
		refuse(command, request->line, (LineResult) {
			   .outcome = DATE_CONFLICT, .line = request->known->line, .eta = batch->batch.eta
			   });
}

/* Frees the units that known lines give back, and checks the dates of those that stay.  False if the tables contradict each other. */
static bool
meet_batches(Allocation *command)
{
	Stock	   *stock = &command->stock;
	Vector		with_batch = {.repository = command->repository};

	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		if (request->stays || gives_back(command, request))
			vector_append(&with_batch, request->known);
		if (gives_back(command, request) && !is_known(command, request))
			vector_append(&stock->replaced, request->known);
	}
	if (!stock_read_batches_of(stock, &with_batch))
		return false;
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		StockedBatch *batch;

		if (!request->stays && !gives_back(command, request))
			continue;
		batch = stock_batch_of(stock, &request->known->line);
		if (request->stays)
			check_date(command, request, batch);
		else if (!stock_free(stock, &request->known->line))
			return false;
		else
			batch->stored.row.is_contended = false; /* a line never waits for its own batch */
	}
	return true;
}

/* Finds a batch for each line that wants one.  False if the tables contradict each other. */
static bool
place_requests(Allocation *command)
{
	Claims	   *claims = &command->claims;

	command->stock = stock_of(command->repository, &command->locks, command->now);
	*claims = (Claims) {.all = new_array(command->repository, Claim, command->n)};
	meet_requests(command);
	if (command->has_looked && !meet_batches(command))
		return false;
	for (Request *request = command->requests; request < command->requests + command->n; request++)
		if (request->wants_batch)
			claims_add(claims, (Claim) {.line = request->line, .deadline = line_deadline(request->line)});
	sort_array(command->repository, claims->all, claims->n, sizeof(Claim), compare_claims);
	return stock_place(&command->stock, claims);
}

/*
 * What becomes of it
 */

/* Refuses the lines without a batch: all of them if no batch has the SKU, otherwise only if the call is all or nothing. */
static void
refuse_unplaced(Allocation *command)
{
	Repository *repository = command->repository;
	const Claims *claims = &command->claims;
	const char *sku = NULL;
	Outcome		outcome = DONE;

	for (size_t i = 0; i < claims->n; i++)
	{
		const OrderLine *line = claims->all[i].line;

		if (claims->all[i].batch)
			continue;
		if (!sku || strcmp(sku, line->sku) != 0)
			outcome = repository->has_sku(repository, line->sku) ? OUT_OF_STOCK : INVALID_SKU;
		sku = line->sku;
		if (outcome == INVALID_SKU || command->all_or_nothing)
			refuse(command, line, (LineResult) {.outcome = outcome, .line = *line, .eta = NEVER});
	}
}

/* The result that says why the line at this position is out of stock; NULL if none says it. */
static LineResult *
shortage_at(LinesResult *result, size_t position)
{
	if (result->each)
		return result->each[position].outcome == OUT_OF_STOCK ? &result->each[position] : NULL;
	return result->refused.outcome == OUT_OF_STOCK && result->position == position ? &result->refused : NULL;
}

/* Says of the lines that are out of stock what was left. */
static void
tell_shortages(Allocation *command)
{
	const Claims *claims = &command->claims;
	LineResult **shortages = new_array(command->repository, LineResult *, claims->n);

	for (size_t i = 0; i < claims->n; i++)
		shortages[i] = shortage_at(&command->result, (size_t) (claims->all[i].line - command->lines));
	measure_shortages(&command->stock, claims, shortages);
}

/* Says what became of each line.  If the call is refused, all lines are as they were. */
static void
tell_each(Allocation *command)
{
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		LineResult *result = &command->result.each[request->line - command->lines];

		result->line = *request->line;
		if (command->result.refused.outcome != DONE)
			result->line.batchref = is_known(command, request) ? request->known->line.batchref : NULL;
	}
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

/* Writes what has become of the lines and their batches. */
static Verdict
write_allocation(Allocation *command)
{
	Changes		changes = changes_of(command->repository, &command->locks);

	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		if (!request->known)
			vector_append(&changes.added, request->line);
		else if (!is_same(request->line, &request->known->line))
			*changes_replace(&changes, request->known) = *request->line;
	}
	if (changes.added.n == 0 && changes.from.n == 0)
		return KEEP;
	return settle(&command->stock, &changes);
}

/* Makes everything as it was before the call. */
static void
begin_attempt(Allocation *command, Repository *repository)
{
	command->repository = repository;
	locks_take(&command->locks, repository);
	command->now = repository->current_time(repository);
	command->has_looked = false;
	command->nknown = 0;
	command->result = (LinesResult) {.nlines = command->n, .lines = command->lines};
	if (command->tells_each)
	{
		command->result.each = new_array(repository, LineResult, command->n);
		memset(command->result.each, 0, command->n * sizeof(LineResult));
	}
	collect_requests(command);
}

/*
 * Lines are usually new.  So they are looked up only after adding one has failed,
 * or if the call would be refused, or would wait for another session.
 */
static Verdict
allocation_body(Repository *repository, void *context)
{
	Allocation *command = context;

	begin_attempt(command, repository);
	if (repository->attempt.looks_first || command->is_afresh)
		look_up_requests(command);
	if (!place_requests(command))
		return CONTRADICTION;
	if (!command->has_looked && (command->stock.waits || !claims_are_all_met(&command->claims)))
	{
		look_up_requests(command);
		if (command->nknown > 0 && !place_requests(command))
			return CONTRADICTION;
	}
	if (stock_lacks_batches(&command->stock, &command->claims))
		return WAIT;

	refuse_unplaced(command);
	if (command->tells_each)
		tell_each(command);
	if (command->result.refused.outcome == DONE)
		return write_allocation(command);
	tell_shortages(command);
	return UNDO;
}

static LinesResult
run_allocation(UnitOfWork *uow, Allocation command)
{
	if (command.n > 0)
		command.terms = command.lines[0];
	uow->run(uow, allocation_body, &command);
	return command.result;
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

/* Runs the command for one line. */
static LineResult
run_for_line(UnitOfWork *uow, const OrderLine *line, bool is_afresh)
{
	OrderLine	lines[] = {*line};
	LinesResult result = run_allocation(uow, (Allocation) {
										.lines = lines, .n = 1, .all_or_nothing = true, .is_afresh = is_afresh
										});

	return result.refused.outcome != DONE ? result.refused : (LineResult) {.outcome = DONE, .line = lines[0]};
}

/* Ties the line to the first batch, in preference order, that can serve it. */
LineResult
allocate(UnitOfWork *uow, const OrderLine *line)
{
	return run_for_line(uow, line, false);
}

/*
 * Deallocates a known line and allocates it afresh, with another quantity unless
 * line says SAME_QUANTITY, and with another date if it has one.  If it fits
 * nowhere, it stays as it is.
 */
LineResult
reallocate(UnitOfWork *uow, const OrderLine *line)
{
	return run_for_line(uow, line, true);
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
	Locks		none = {.repository = repository};
	Stock		stock = stock_of(repository, &none, repository->current_time(repository));
	Claims		claims = {.all = new_array(repository, Claim, 1)};

	claims_add(&claims, (Claim) {.line = &command->line, .deadline = line_deadline(&command->line)});
	if (!stock_place(&stock, &claims))
		return CONTRADICTION;
	command->found = claims.all[0].batch != NULL;
	if (command->found)
		*command->batch = *claims.all[0].batch;
	return UNDO;
}

/* Finds the batch that a new line would be tied to now; false if there is none. */
bool
promise(UnitOfWork *uow, const OrderLine *line, Batch *batch)
{
	Promise		command = {.line = *line, .batch = batch};

	uow->run(uow, promise_body, &command);
	return command.found;
}
