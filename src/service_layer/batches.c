/*
 * batches.c
 *		The use cases on a batch: it is bought, turns out larger or smaller, and
 *		arrives on another day.
 */
#include "service_layer/backorders.h"
#include "service_layer/services.h"

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
	RowKey		of_any_sku = {.name = command->batch->reference};
	StoredBatch known;

	if (repository->attempt.looks_first && repository->find_batch(repository, of_any_sku, &known))
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
 * Changing a batch
 */

typedef struct ChangeBatch
{
	RowKey		key;			/* of any SKU if it has none */
	int32_t		qty;			/* the new quantity, or the new ETA */
	Day			eta;
	LinesResult result;
	Locks		locks;

	/* of one attempt: */
	Repository *repository;
	StoredBatch batch;
} ChangeBatch;

/*
 * Begins an attempt.  It holds the queue of the SKU: lines may leave the batch,
 * and the transaction may go on to serve that queue.  KEEP if the batch is there;
 * otherwise what the body returns.
 */
static Verdict
begin_change(ChangeBatch *command, Repository *repository)
{
	const char *sku = command->key.sku;

	command->repository = repository;
	command->result = (LinesResult) {.refused.outcome = UNKNOWN_BATCH};
	if (!sku)
	{
		if (!repository->find_batch(repository, command->key, &command->batch))
			return UNDO;
		sku = command->batch.batch.sku;
	}
	repository->hold_queue(repository, sku);
	locks_take(&command->locks, repository);
	if (!repository->find_batch(repository, command->key, &command->batch))
		return UNDO;
	command->result = (LinesResult) {.batch = command->batch.batch};
	/* Meanwhile another batch may have got the reference. */
	return strcmp(command->batch.batch.sku, sku) == 0 ? KEEP : WAIT;
}

/* Refuses the change, as more has shipped than it would leave. */
static Verdict
refuse_shipped(ChangeBatch *command)
{
	command->result.refused.outcome = ALREADY_SHIPPED;
	return UNDO;
}

static LinesResult
run_change(UnitOfWork *uow, Body body, ChangeBatch command)
{
	uow->run(uow, body, &command);
	return command.result;
}

/*
 * change_batch_quantity
 */

/* What leaves a shrinking batch. */
typedef struct Leavers
{
	Batch	   *batch;			/* as it will be */
	int64_t		now;
	Vector		lines;			/* the latest turn first */
	Vector		holds;			/* expired ones, which nobody is told of */
} Leavers;

/* Visitor: lets an expired hold leave the batch, if it is on that. */
static bool
let_hold_leave(void *context, const StoredLine *hold)
{
	Leavers    *leavers = context;

	if (strcmp(hold->line.batchref, leavers->batch->reference) == 0)
	{
		leavers->batch->allocated_quantity -= line_open_quantity(&hold->line);
		vector_add_line(&leavers->holds, hold);
	}
	return true;
}

/* Visitor: lets one line leave, until the batch covers the others. */
static bool
let_line_leave(void *context, const StoredLine *stored)
{
	Leavers    *leavers = context;
	const OrderLine *line = &stored->line;

	if (!batch_is_overallocated(leavers->batch))
		return false;
	if (line_open_quantity(line) > 0 && !line_is_expired(line, leavers->now))
	{
		leavers->batch->allocated_quantity -= line_open_quantity(line);
		vector_add_line(&leavers->lines, stored);
	}
	return true;
}

/* Claims other batches for the lines that leave; the one that leaves last has the earliest turn. */
static Claims
claim_other_batches(Repository *repository, const Leavers *leavers, Changes *changes)
{
	size_t		n = leavers->lines.n;
	Claims		claims = {.all = new_array(repository, Claim, n)};

	for (size_t i = n; i > 0; i--)
	{
		OrderLine  *line = changes_replace(changes, leavers->lines.items[i - 1]);

		claims_add(&claims, (Claim) {.line = line, .deadline = line_deadline(line)});
	}
	return claims;
}

/* The lines of the claims, the latest turn first. */
static LinesResult
lines_that_left(Repository *repository, const Claims *claims)
{
	LinesResult result = {.nlines = claims->n, .lines = new_array(repository, OrderLine, claims->n)};

	for (size_t i = 0; i < claims->n; i++)
		result.lines[i] = *claims->all[claims->n - 1 - i].line;
	return result;
}

/* Takes from the batch what it no longer covers: expired holds first, then the lines with the latest turn. */
static Verdict
shrink_batch(ChangeBatch *command)
{
	Repository *repository = command->repository;
	const StoredBatch *batch = &command->batch;
	Batch		smaller = batch->batch;
	Leavers		leavers = {
		.batch = &smaller, .now = repository->current_time(repository),
		.lines.repository = repository, .holds.repository = repository
	};
	Changes		changes = changes_of(repository, &command->locks);
	Stock		stock = stock_of(repository, &command->locks, leavers.now);
	Claims		claims;

	smaller.purchased_quantity = command->qty;
	repository->visit_expired_holds(repository, &smaller.sku, 1, leavers.now, let_hold_leave, &leavers);
	repository->visit_lines_of_batch(repository, batch_key(&smaller), let_line_leave, &leavers);
	if (batch_is_overallocated(&smaller) || smaller.allocated_quantity < smaller.shipped_quantity)
		return CONTRADICTION;

	claims = claim_other_batches(repository, &leavers, &changes);
	stock.closed = smaller.reference;
	stock_add_freed(&stock, batch, batch->batch.allocated_quantity - smaller.allocated_quantity);
	if (!stock_place(&stock, &claims))
		return CONTRADICTION;
	if (stock_lacks_batches(&stock, &claims))
		return WAIT;

	command->result = lines_that_left(repository, &claims);
	changes.shrinks_from = &batch->batch;
	changes.shrinks_to = &smaller;
	changes.removed = leavers.holds;
	return settle(&stock, &changes);
}

static Verdict
change_batch_quantity_body(Repository *repository, void *context)
{
	ChangeBatch *command = context;
	Verdict		found = begin_change(command, repository);
	const Batch *batch = &command->batch.batch;

	if (found != KEEP)
		return found;
	if (batch->shipped_quantity > command->qty)
		return refuse_shipped(command);
	if (batch->allocated_quantity > command->qty)
		return shrink_batch(command);
	if (!locks_allow(&command->locks, batch_key(batch)))
		return WAIT;
	return repository->resize_batch(repository, batch_key(batch), command->qty) ? KEEP : RETRY;
}

/*
 * Sets the purchased quantity of a batch.  If that no longer covers what is
 * allocated, the lines with the latest turn leave, just enough of them; each in
 * its turn gets the first other batch that can serve it, or waits.  Says which,
 * the latest turn first.
 */
LinesResult
change_batch_quantity(UnitOfWork *uow, const char *sku, const char *reference, int32_t qty)
{
	return run_change(uow, change_batch_quantity_body, (ChangeBatch) {.key = {sku, reference}, .qty = qty});
}

/*
 * change_batch_eta
 */

static Verdict
change_batch_eta_body(Repository *repository, void *context)
{
	ChangeBatch *command = context;
	Verdict		found = begin_change(command, repository);
	Batch		changed = command->batch.batch;
	Charge		freed = {.batch = batch_key(&changed)};
	Changes		changes = changes_of(repository, &command->locks);
	Vector		lines = {.repository = repository};
	Vector		told = {.repository = repository};
	int64_t		now;

	if (found != KEEP)
		return found;
	/* What has shipped was in the warehouse.  The rest can be blocked, but not be under way. */
	if (command->eta != IN_WAREHOUSE && command->eta != NEVER && changed.shipped_quantity > 0)
		return refuse_shipped(command);
	if (!locks_allow(&command->locks, batch_key(&changed)))
		return WAIT;
	changed.eta = command->eta;
	if (!repository->reschedule_batch(repository, &command->batch.batch, &changed))
		return RETRY;

	/* From here on, a line that comes to the batch or leaves it has to wait for us, and then sees the new ETA. */
	repository->look_again(repository);
	now = repository->current_time(repository);
	repository->visit_lines_of_batch(repository, batch_key(&changed), vector_add_line, &lines);
	for (size_t i = lines.n; i > 0; i--)
	{
		StoredLine *stored = lines.items[i - 1];
		const OrderLine *line = &stored->line;

		/* An expired hold is removed: if it were confirmed just now, nobody would be told of the new ETA. */
		if (line_is_expired(line, now))
		{
			vector_append(&changes.removed, stored);
			freed.units -= line_open_quantity(line);
		}
		else if (line_open_quantity(line) > 0)
			vector_append(&told, stored);
	}
	command->result.nlines = told.n;
	command->result.lines = vector_lines(&told);
	if (changes.removed.n > 0)
		changes_charge(&changes, freed);
	return changes_write(&changes);
}

/*
 * Sets the ETA of a batch: IN_WAREHOUSE when it has arrived, NEVER to block it.
 * Moves no line; says which lines have open units on it, in their turn.
 */
LinesResult
change_batch_eta(UnitOfWork *uow, const char *sku, const char *reference, Day eta)
{
	return run_change(uow, change_batch_eta_body, (ChangeBatch) {.key = {sku, reference}, .eta = eta});
}

/*
 * batch_serves_lines
 */

typedef struct BatchServesLines
{
	const RowKey *batch;
	bool		answer;
} BatchServesLines;

static Verdict
batch_serves_lines_body(Repository *repository, void *context)
{
	BatchServesLines *command = context;

	command->answer = repository->serves_lines(repository, command->batch);
	return UNDO;
}

/* Does the batch, or any batch if that is NULL, serve a line? */
bool
batch_serves_lines(UnitOfWork *uow, const RowKey *batch)
{
	BatchServesLines command = {.batch = batch};

	uow->run(uow, batch_serves_lines_body, &command);
	return command.answer;
}
