/*
 * batches.c
 *		The use cases on a batch: it is bought, turns out larger or smaller, and
 *		comes on another day.
 */
#include "service_layer/placing.h"

#include <string.h>

/*
 * add_batch
 */

typedef struct AddBatch
{
	const Batch *batch;
	Outcome		outcome;
} AddBatch;

static Verdict
add_batch_body(Repository *repository, void *context)
{
	AddBatch   *command = context;
	Batch		known;

	/* A reference is of one SKU only. */
	if (repository->cautious && repository->find_batch(repository, NULL, command->batch->reference, &known))
	{
		command->outcome = BATCH_EXISTS;
		return UNDO;
	}
	repository->add_batch(repository, command->batch);
	command->outcome = DONE;
	return KEEP;
}

/* Records a new batch. */
Outcome
add_batch(UnitOfWork *uow, const Batch *batch)
{
	AddBatch	command = {.batch = batch};

	uow->run(uow, add_batch_body, &command);
	return command.outcome;
}

/*
 * Begins to change a batch, and holds the queue of its SKU: lines may leave the
 * batch, and whoever changes it may go on to serve that queue.  KEEP if the batch
 * is there, UNDO if it is not.
 */
static Verdict
find_batch_to_change(Repository *repository, const char *sku, const char *reference, Wanted *wanted, Batch *batch)
{
	const char *held = sku;

	if (!held)
	{
		if (!repository->find_batch(repository, NULL, reference, batch))
			return UNDO;
		held = batch->sku;
	}
	repository->hold_queue(repository, held);
	lock_wanted(repository, wanted);
	if (!repository->find_batch(repository, sku, reference, batch))
		return UNDO;
	return strcmp(batch->sku, held) == 0 ? KEEP : WAIT;
}

/*
 * change_batch_quantity
 */

typedef struct ChangeBatchQuantity
{
	const char *sku;			/* or NULL */
	const char *reference;
	int32_t		qty;
	LinesResult result;
	Wanted		wanted;
} ChangeBatchQuantity;

/* What leaves a batch, the latest turn first: lines as they were, and expired holds, which are nobody's. */
typedef struct Leavers
{
	Batch	   *batch;
	int64_t		now;
	List		lines;
	List		holds;
} Leavers;

/* An expired hold leaves its batch, and is forgotten. */
static bool
let_hold_leave(void *context, const OrderLine *line)
{
	Leavers    *leavers = context;

	if (strcmp(line->batchref, leavers->batch->reference) == 0)
	{
		leavers->batch->allocated_quantity -= line_open_quantity(line);
		list_line(&leavers->holds, line);
	}
	return true;
}

/* Lets one line leave its batch; the last is the one after which the batch covers the others. */
static bool
let_line_leave(void *context, const OrderLine *line)
{
	Leavers    *leavers = context;

	if (!batch_is_overallocated(leavers->batch))
		return false;
	if (line_open_quantity(line) > 0 && !line_is_expired(line, leavers->now))
	{
		leavers->batch->allocated_quantity -= line_open_quantity(line);
		list_line(&leavers->lines, line);
	}
	return true;
}

/* Claims other batches for lines that have left theirs; lists these as they will be, too. */
static Placing
claim_other_batches(Repository *repository, Wanted *wanted, const Leavers *leavers, List *to)
{
	size_t		n = leavers->lines.n;
	Placing		placing = begin_placing(repository, wanted, leavers->now, n);

	placing.passed_over = leavers->batch->reference;
	placing.nclaims = n;
	for (size_t i = 0; i < n; i++)
	{
		OrderLine  *line;

		list_line(to, leavers->lines.items[i]);
		line = to->items[i];
		line->batchref = NULL;
		/* It is the turn of the last one first. */
		placing.claims[n - 1 - i] = (Claim) {.line = line, .deadline = line_deadline(line)};
	}
	return placing;
}

/* Takes from a batch what it no longer covers, and moves that to where there is room. */
static Verdict
shrink_batch(Repository *repository, ChangeBatchQuantity *command, const Batch *batch)
{
	Batch		smaller = *batch;
	Leavers		leavers = {
		.batch = &smaller, .now = repository->current_time(repository),
		.lines.repository = repository, .holds.repository = repository
	};
	Changes		changes = no_changes(repository);
	Placing		placing;

	smaller.purchased_quantity = command->qty;
	repository->visit_expired_holds(repository, (const char *[]) {batch->sku}, 1, leavers.now, let_hold_leave, &leavers);
	repository->visit_lines_of_batch(repository, batch, let_line_leave, &leavers);
	if (batch_is_overallocated(&smaller) || smaller.allocated_quantity < smaller.shipped_quantity)
		return CONTRADICTION;

	placing = claim_other_batches(repository, &command->wanted, &leavers, &changes.to);
	leave_batch(&placing, batch, smaller.allocated_quantity);
	if (!place(&placing))
		return CONTRADICTION;
	if (lacks_batches(&placing))
		return WAIT;

	command->result = (LinesResult) {.nlines = changes.to.n, .lines = lines_of(&changes.to)};
	changes.resized = batch;
	changes.resized_to = &smaller;
	changes.from = leavers.lines;
	changes.removed = leavers.holds;
	return settle(&placing, &changes);
}

static Verdict
change_batch_quantity_body(Repository *repository, void *context)
{
	ChangeBatchQuantity *command = context;
	LinesResult *result = &command->result;
	Batch		batch;
	Verdict		found;

	*result = (LinesResult) {.nlines = 0};
	found = find_batch_to_change(repository, command->sku, command->reference, &command->wanted, &batch);
	if (found == WAIT)
		return WAIT;
	result->batch = batch;
	if (found == UNDO)
		result->refused.outcome = UNKNOWN_BATCH;
	else if (batch.shipped_quantity > command->qty)
		result->refused.outcome = ALREADY_SHIPPED;
	if (result->refused.outcome != DONE)
		return UNDO;
	if (batch.allocated_quantity > command->qty)
		return shrink_batch(repository, command, &batch);
	if (!want_batch(repository, &command->wanted, &batch))
		return WAIT;
	return repository->resize_batch(repository, &batch, command->qty) ? KEEP : RETRY;
}

/*
 * Sets the purchased quantity of a batch.  Where that no longer covers what is
 * allocated, the lines with the latest turn leave, just enough of them, and each
 * in its turn goes to the first other batch that can serve it or waits.  Says
 * which, the latest turn first.
 */
LinesResult
change_batch_quantity(UnitOfWork *uow, const char *sku, const char *reference, int32_t qty)
{
	ChangeBatchQuantity command = {.sku = sku, .reference = reference, .qty = qty};

	uow->run(uow, change_batch_quantity_body, &command);
	return command.result;
}

/*
 * change_batch_eta
 */

typedef struct ChangeBatchEta
{
	const char *sku;			/* or NULL */
	const char *reference;
	Day			eta;
	LinesResult result;
	Wanted		wanted;
} ChangeBatchEta;

static Verdict
change_batch_eta_body(Repository *repository, void *context)
{
	ChangeBatchEta *command = context;
	LinesResult *result = &command->result;
	List		lines = {.repository = repository};
	List		told = {.repository = repository};
	Changes		changes = no_changes(repository);
	Charge		freed = {.units = 0};
	int64_t		now;
	Batch		batch;
	Batch		changed;
	Verdict		found;

	*result = (LinesResult) {.nlines = 0};
	found = find_batch_to_change(repository, command->sku, command->reference, &command->wanted, &batch);
	if (found == WAIT)
		return WAIT;
	result->batch = batch;
	if (found == UNDO)
		result->refused.outcome = UNKNOWN_BATCH;
	/* What has left was in the warehouse: the rest can be blocked, but it is not under way. */
	else if (command->eta != IN_WAREHOUSE && command->eta != NEVER && batch.shipped_quantity > 0)
		result->refused.outcome = ALREADY_SHIPPED;
	if (result->refused.outcome != DONE)
		return UNDO;

	changed = batch;
	changed.eta = command->eta;
	if (!want_batch(repository, &command->wanted, &batch))
		return WAIT;
	if (!repository->reschedule_batch(repository, &batch, &changed))
		return RETRY;

	/* Whoever comes to the batch or leaves it now has to wait for us, and then knows the new day. */
	repository->look_again(repository);
	now = repository->current_time(repository);
	repository->visit_lines_of_batch(repository, &changed, list_line, &lines);
	for (size_t i = lines.n; i > 0; i--)
	{
		OrderLine  *line = lines.items[i - 1];

		/* Taken back, lest one that is just being confirmed becomes a line that nobody has told. */
		if (line_is_expired(line, now))
		{
			append(&changes.removed, line);
			freed.units -= line_open_quantity(line);
		}
		else if (line_open_quantity(line) > 0)
			append(&told, line);
	}
	result->nlines = told.n;
	result->lines = lines_of(&told);

	freed.sku = changed.sku;
	freed.reference = changed.reference;
	changes.charges = &freed;
	changes.ncharges = changes.removed.n > 0 ? 1 : 0;
	return write_changes(&changes, &command->wanted);
}

/*
 * Sets the day on which a batch arrives: IN_WAREHOUSE, or NEVER to block it.  Moves no line; says which have open units on it, in their turn.
 */
LinesResult
change_batch_eta(UnitOfWork *uow, const char *sku, const char *reference, Day eta)
{
	ChangeBatchEta command = {.sku = sku, .reference = reference, .eta = eta};

	uow->run(uow, change_batch_eta_body, &command);
	return command.result;
}

/*
 * batch_serves_lines
 */

typedef struct BatchServesLines
{
	const Batch *batch;
	bool		answer;
} BatchServesLines;

static Verdict
batch_serves_lines_body(Repository *repository, void *context)
{
	BatchServesLines *command = context;

	command->answer = repository->serves_lines(repository, command->batch);
	return UNDO;
}

/* Does the batch, or any batch if NULL, serve a line? */
bool
batch_serves_lines(UnitOfWork *uow, const Batch *batch)
{
	BatchServesLines command = {.batch = batch};

	uow->run(uow, batch_serves_lines_body, &command);
	return command.answer;
}
