/*
 * bulk_services.c
 *		The use cases on many lines at once.  They read what they need, decide in
 *		memory by the rules of the model, and write everything at the end.
 */
#include "services.h"
#include "serving.h"

#include <stdlib.h>
#include <string.h>

/*
 * allocate_lines
 */

/* One line of the call. */
typedef struct Request
{
	OrderLine  *line;			/* what it asks for, and what becomes of it */
	OrderLine  *known;			/* what is known of it, or NULL */
} Request;

typedef struct AllocateLines
{
	OrderLine  *lines;
	size_t		n;
	bool		all_or_nothing;
	LinesResult result;

	/* of one attempt */
	Repository *repository;
	Request    *requests;		/* by SKU and order, the lock order of lines */
	size_t		next_request;	/* while known lines are visited */
	OrderLine **wanting;		/* lines that want a batch, by SKU and position */
	size_t		nwanting;
} AllocateLines;

/* The order of lines in storage. */
static int
compare_identities(const OrderLine *a, const OrderLine *b)
{
	int			order = strcmp(a->sku, b->sku);

	return order != 0 ? order : strcmp(a->orderid, b->orderid);
}

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

static int
compare_turns(const void *a, const void *b)
{
	const OrderLine *x = *(OrderLine *const *) a;
	const OrderLine *y = *(OrderLine *const *) b;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : compare_positions(x, y);
}

/* Sorts the lines of the call. */
static void
collect_requests(AllocateLines *command)
{
	Request    *requests = command->repository->allocate_memory(command->repository, command->n * sizeof(Request));

	for (size_t i = 0; i < command->n; i++)
	{
		command->lines[i].batchref = NULL;
		command->lines[i].allocated_at = 0;
		requests[i] = (Request) {.line = &command->lines[i]};
	}
	sort(command->repository, requests, command->n, sizeof(Request), compare_requests);
	command->requests = requests;
}

/* Both the requests and the known lines come in the order of storage. */
static bool
note_known_line(void *context, const OrderLine *line)
{
	AllocateLines *command = context;

	while (command->next_request < command->n)
	{
		Request    *request = &command->requests[command->next_request++];

		if (compare_identities(request->line, line) != 0)
			continue;
		request->known = command->repository->allocate_memory(command->repository, sizeof(OrderLine));
		*request->known = *line;
		return true;
	}
	return false;
}

/* Finds what storage knows of the lines of the call. */
static void
look_up_requests(AllocateLines *command)
{
	Repository *repository = command->repository;
	OrderLine **lines = repository->allocate_memory(repository, command->n * sizeof(OrderLine *));

	for (size_t i = 0; i < command->n; i++)
		lines[i] = command->requests[i].line;
	command->next_request = 0;
	repository->visit_known_lines(repository, lines, command->n, note_known_line, command);
}

/* Refuses the call for this line, unless it was refused for an earlier one. */
static void
refuse(AllocateLines *command, const OrderLine *line, LineResult refused)
{
	LinesResult *result = &command->result;
	size_t		position = (size_t) (line - command->lines);

	if (result->refused.outcome == DONE || position < result->position)
	{
		result->refused = refused;
		result->position = position;
	}
}

/* Refuses the call for a line that repeats another. */
static void
refuse_repeated(AllocateLines *command)
{
	for (size_t i = 1; i < command->n; i++)
	{
		const OrderLine *first = command->requests[i - 1].line;
		const OrderLine *line = command->requests[i].line;

		if (compare_identities(first, line) != 0)
			continue;
		refuse(command, line, (LineResult) {.outcome = REPEATED_LINE, .line = *line});
		if (command->lines + command->result.position == line)
			command->result.first_position = (size_t) (first - command->lines);
	}
}

/* Answers the lines that have a batch, refuses those that are known with another quantity, gathers the others. */
static void
gather_wanting(AllocateLines *command)
{
	command->wanting = command->repository->allocate_memory(command->repository, command->n * sizeof(OrderLine *));
	command->nwanting = 0;
	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		OrderLine  *line = request->line;

		if (request->known && request->known->qty != line->qty)
			refuse(command, line, (LineResult) {.outcome = ORDER_LINE_CONFLICT, .line = *request->known});
		else if (request->known && request->known->batchref)
		{
			line->batchref = request->known->batchref;
			line->allocated_at = request->known->allocated_at;
		}
		else
			command->wanting[command->nwanting++] = line;
	}
	sort(command->repository, command->wanting, command->nwanting, sizeof(OrderLine *), compare_turns);
}

/* Ties the lines to the first batches that can serve them. */
static Serving
serve_wanting(AllocateLines *command)
{
	Repository *repository = command->repository;
	Serving		serving = begin_serving(repository, command->wanting, command->nwanting);
	Demand	   *demands = repository->allocate_memory(repository, command->nwanting * sizeof(Demand));
	size_t		n = 0;

	for (size_t i = 0; i < command->nwanting; i++)
	{
		const OrderLine *line = command->wanting[i];

		if (n == 0 || strcmp(demands[n - 1].sku, line->sku) != 0)
			demands[n++] = (Demand) {line->sku, line->qty};
		else if (line->qty < demands[n - 1].qty)
			demands[n - 1].qty = line->qty;
	}

	if (command->nwanting == 1)
		repository->visit_first_batches(repository, demands[0], serve_from_batch, &serving);
	else
		repository->visit_batches(repository, demands, n, serve_from_batch, &serving);
	end_serving(&serving);
	return serving;
}

/* Refuses the lines without a batch, by SKU: all if the SKU is invalid, else if the call is all or nothing. */
static void
refuse_unserved(AllocateLines *command)
{
	Repository *repository = command->repository;
	const OrderLine *unserved = NULL;
	Outcome		outcome = DONE;

	for (size_t i = 0; i < command->nwanting; i++)
	{
		const OrderLine *line = command->wanting[i];

		if (line->batchref)
			continue;
		if (!unserved || strcmp(unserved->sku, line->sku) != 0)
			outcome = repository->has_sku(repository, line->sku) ? OUT_OF_STOCK : INVALID_SKU;
		unserved = line;
		if (outcome == INVALID_SKU || command->all_or_nothing)
			refuse(command, line, (LineResult) {.outcome = outcome, .line = *line});
	}
}

/* What is left when it is the turn of a line. */
typedef struct Rest
{
	Charge	   *taken;			/* by the lines before it, in lock order */
	size_t		ntaken;
	int32_t		most_available;
} Rest;

static bool
measure_rest(void *context, const Batch *batch)
{
	Rest	   *rest = context;
	Charge		key = {batch->sku, batch->reference};
	const Charge *taken = bsearch(&key, rest->taken, rest->ntaken, sizeof(Charge), compare_charges);
	int32_t		left = batch_available_quantity(batch) - (taken ? taken->units : 0);

	if (left > rest->most_available)
		rest->most_available = left;
	return true;
}

/* The most that one batch had when it was the turn of this line. */
static int32_t
most_available_for(AllocateLines *command, const OrderLine *line)
{
	Repository *repository = command->repository;
	Charge	   *taken = repository->allocate_memory(repository, command->nwanting * sizeof(Charge));
	size_t		n = 0;
	Rest		rest = {.taken = taken};
	Demand		anything = {line->sku, 1};

	for (OrderLine **before = command->wanting; *before != line; before++)
		if ((*before)->batchref && strcmp((*before)->sku, line->sku) == 0)
			taken[n++] = (Charge) {line->sku, (*before)->batchref, (*before)->qty};
	sort(repository, taken, n, sizeof(Charge), compare_charges);
	for (size_t i = 0; i < n; i++)
	{
		if (rest.ntaken > 0 && compare_charges(&taken[rest.ntaken - 1], &taken[i]) == 0)
			taken[rest.ntaken - 1].units += taken[i].units;
		else
			taken[rest.ntaken++] = taken[i];
	}
	repository->visit_batches(repository, &anything, 1, measure_rest, &rest);
	return rest.most_available;
}

/* Has the call any line that got no answer? */
static bool
has_unserved(const AllocateLines *command)
{
	for (size_t i = 0; i < command->nwanting; i++)
		if (!command->wanting[i]->batchref)
			return true;
	return command->result.refused.outcome != DONE;
}

/* Writes what has become of the lines; false where one is no longer what it was. */
static bool
write_requests(AllocateLines *command)
{
	Repository *repository = command->repository;
	int64_t		now = repository->current_time(repository);
	OrderLine **added = repository->allocate_memory(repository, command->n * sizeof(OrderLine *));
	OrderLine **from = repository->allocate_memory(repository, command->n * sizeof(OrderLine *));
	OrderLine **to = repository->allocate_memory(repository, command->n * sizeof(OrderLine *));
	size_t		nadded = 0;
	size_t		nchanged = 0;

	/* Later in the call is newer.  What was known before gets no number, lest the last ones lie in the future. */
	for (size_t i = 0, nserved = 0; i < command->n; i++)
		if (command->lines[i].batchref && command->lines[i].allocated_at == 0)
			command->lines[i].allocated_at = now + nserved++;

	for (Request *request = command->requests; request < command->requests + command->n; request++)
	{
		if (!request->known)
			added[nadded++] = request->line;
		else if (!request->known->batchref && request->line->batchref)
		{
			from[nchanged] = request->known;
			to[nchanged++] = request->line;
		}
	}
	repository->add_lines(repository, added, nadded);
	return repository->change_lines(repository, from, to, nchanged);
}

static Verdict
allocate_lines_body(Repository *repository, void *context)
{
	AllocateLines *command = context;
	LinesResult *result = &command->result;
	Serving		serving = {0};

	command->repository = repository;
	*result = (LinesResult) {.nlines = command->n, .lines = command->lines};
	collect_requests(command);
	refuse_repeated(command);
	if (result->refused.outcome != DONE)
		return UNDO;
	if (repository->cautious)
		look_up_requests(command);
	gather_wanting(command);
	if (command->nwanting > 0)
		serving = serve_wanting(command);

	/* As with a single line, what is known is looked for only where the call would be refused, or would wait. */
	if (!repository->cautious && (serving.waits || has_unserved(command)))
		return RETRY;
	refuse_unserved(command);
	if (result->refused.outcome == OUT_OF_STOCK)
		result->refused.most_available = most_available_for(command, &command->lines[result->position]);
	if (result->refused.outcome != DONE)
		return UNDO;
	return repository->charge_batches(repository, serving.charges, serving.ncharges) &&
		write_requests(command) ? KEEP : RETRY;
}

/*
 * Ties n lines, in their order, each to the first batch that can serve it, and
 * says in place which.  A line that no batch can serve refuses the call if that
 * is all or nothing, and otherwise waits.
 */
LinesResult
allocate_lines(UnitOfWork *uow, OrderLine *lines, size_t n, bool all_or_nothing)
{
	AllocateLines command = {.lines = lines, .n = n, .all_or_nothing = all_or_nothing};

	uow->run(uow, allocate_lines_body, &command);
	return command.result;
}

/*
 * deallocate_order
 */

typedef struct DeallocateOrder
{
	const char *orderid;
	LinesResult result;
} DeallocateOrder;

static Verdict
deallocate_order_body(Repository *repository, void *context)
{
	DeallocateOrder *command = context;
	LineList	list = {.repository = repository};
	Charge	   *charges;
	size_t		ncharges = 0;

	repository->visit_lines_of_order(repository, command->orderid, list_line, &list);
	command->result = (LinesResult) {.nlines = list.n, .lines = list.lines};
	charges = repository->allocate_memory(repository, list.n * sizeof(Charge));
	for (const OrderLine *line = list.lines; line < list.lines + list.n; line++)
		if (line->batchref)
			charges[ncharges++] = (Charge) {.sku = line->sku, .reference = line->batchref, .units = -line->qty};
	return repository->charge_batches(repository, charges, ncharges) &&
		repository->remove_lines(repository, pointers_to(repository, list.lines, list.n), list.n) ? KEEP : RETRY;
}

/* Gives the units of all lines of the order back and forgets them; says which they were, by SKU. */
LinesResult
deallocate_order(UnitOfWork *uow, const char *orderid)
{
	DeallocateOrder command = {.orderid = orderid};

	uow->run(uow, deallocate_order_body, &command);
	return command.result;
}

/*
 * change_batch_quantity
 */

typedef struct ChangeBatchQuantity
{
	const char *reference;
	int32_t		qty;
	LinesResult result;
	Charge	   *wanted;			/* what the last attempt would have written to batches, in lock order */
	size_t		nwanted;
} ChangeBatchQuantity;

/* The lines that leave a batch, newest first: as they were, and as they will be. */
typedef struct Leavers
{
	Batch	   *batch;
	LineList	from;
	LineList	to;
} Leavers;

/* Lets one line leave its batch; the last is the one after which the batch covers the others. */
static bool
let_line_leave(void *context, const OrderLine *line)
{
	Leavers    *leavers = context;
	OrderLine	leaver = *line;

	batch_deallocate(leavers->batch, &leaver);
	list_line(&leavers->from, line);
	list_line(&leavers->to, &leaver);
	return batch_is_overallocated(leavers->batch);
}

/* Are all the batches of charges among those of others?  Both are given in lock order. */
static bool
are_among(const Charge *charges, size_t n, const Charge *others, size_t nothers)
{
	for (; n > 0 && nothers > 0; others++, nothers--)
		if (compare_charges(charges, others) == 0)
			charges++, n--;
	return n == 0;
}

/* Takes from a batch what it no longer covers, and moves that to where there is room. */
static Verdict
shrink_batch(Repository *repository, ChangeBatchQuantity *command, const Batch *batch)
{
	Leavers		leavers = {.from.repository = repository, .to.repository = repository};
	Batch		smaller = *batch;
	OrderLine **to;
	Serving		serving;
	Demand		demand = {batch->sku, INT32_MAX};
	size_t		before = 0;
	bool		is_in_order;
	int64_t		now;
	size_t		n;

	smaller.purchased_quantity = command->qty;
	leavers.batch = &smaller;
	repository->visit_lines_of_batch(repository, batch, let_line_leave, &leavers);
	if (batch_is_overallocated(&smaller) || smaller.allocated_quantity < 0)
		return CONTRADICTION;

	n = leavers.from.n;
	to = pointers_to(repository, leavers.to.lines, n);
	for (size_t i = 0; i < n; i++)
		if (to[i]->qty < demand.qty)
			demand.qty = to[i]->qty;
	serving = begin_serving(repository, to, n);
	serving.passed_over = batch->reference;
	repository->visit_batches(repository, &demand, 1, serve_from_batch, &serving);
	add_charge(&serving, batch, smaller.allocated_quantity - batch->allocated_quantity);
	end_serving(&serving);
	now = repository->current_time(repository);
	for (size_t i = 0; i < n; i++)
		to[i]->allocated_at = now + i;
	command->result = (LinesResult) {.nlines = n, .lines = leavers.to.lines};

	/* Where some batches are locked, to lock another one now might be out of order. */
	is_in_order = command->nwanted == 0 ||
		are_among(serving.charges, serving.ncharges, command->wanted, command->nwanted);
	command->wanted = serving.charges;
	command->nwanted = serving.ncharges;
	if (!is_in_order)
		return RETRY;

	while (strcmp(serving.charges[before].reference, batch->reference) != 0)
		before++;
	return repository->charge_batches(repository, serving.charges, before) &&
		repository->shrink_batch(repository, batch, &smaller) &&
		repository->charge_batches(repository, serving.charges + before + 1, serving.ncharges - before - 1) &&
		repository->change_lines(repository, pointers_to(repository, leavers.from.lines, n), to, n) ? KEEP : RETRY;
}

static Verdict
change_batch_quantity_body(Repository *repository, void *context)
{
	ChangeBatchQuantity *command = context;
	Batch		batch;

	/*
	 * Where others change a batch all the time, its counter is never what was
	 * read, unless it was locked before.
	 */
	if (command->nwanted > 0)
		repository->lock_batches(repository, command->wanted, command->nwanted);
	command->result = (LinesResult) {.nlines = 0};
	if (!repository->find_batch(repository, NULL, command->reference, &batch))
	{
		command->result.refused.outcome = UNKNOWN_BATCH;
		return UNDO;
	}
	if (batch.allocated_quantity > command->qty)
		return shrink_batch(repository, command, &batch);
	command->nwanted = 0;
	return repository->resize_batch(repository, &batch, command->qty) ? KEEP : RETRY;
}

/*
 * Sets the purchased quantity of a batch.  Where that no longer covers what is
 * allocated, the newest lines leave, just enough of them, and each goes to the
 * first other batch that can serve it or waits.  Says which, newest first.
 */
LinesResult
change_batch_quantity(UnitOfWork *uow, const char *reference, int32_t qty)
{
	ChangeBatchQuantity command = {.reference = reference, .qty = qty};

	uow->run(uow, change_batch_quantity_body, &command);
	return command.result;
}
