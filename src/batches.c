/*
 * batches.c
 *		The use cases on a batch: it is bought, turns out larger or smaller, and
 *		comes on another day.
 */
#include "settling.h"

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
claim_other_batches(Repository *repository, const Leavers *leavers, List *to)
{
	size_t		n = leavers->lines.n;
	Placing		placing = begin_placing(repository, leavers->now, n);

	placing.passed_over = leavers->batch->reference;
	placing.nclaims = n;
	for (size_t i = 0; i < n; i++)
	{
		OrderLine  *line;

		list_line(to, leavers->lines.items[i]);
		line = to->items[i];
		line->batchref = NULL;
		/* It is the turn of the last one first. */
		placing.claims[n - 1 - i] = (Claim) {.line = line, .latest = line_latest_day(line)};
	}
	return placing;
}

/* Writes what becomes of all that has left; false where something is no longer what it was. */
static bool
write_leavers(Repository *repository, Leavers *leavers, List *to, const List *taken_back)
{
	List	   *removed = &leavers->holds;

	for (size_t i = 0; i < taken_back->n; i++)
		append(removed, taken_back->items[i]);
	return write_known_lines(repository, &leavers->lines, to, removed);
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
	List		to = {.repository = repository};
	Placing		placing;
	size_t		before = 0;

	smaller.purchased_quantity = command->qty;
	repository->visit_expired_holds(repository, (const char *[]) {batch->sku}, 1, leavers.now, let_hold_leave, &leavers);
	repository->visit_lines_of_batch(repository, batch, let_line_leave, &leavers);
	if (batch_is_overallocated(&smaller) || smaller.allocated_quantity < smaller.shipped_quantity)
		return CONTRADICTION;

	placing = claim_other_batches(repository, &leavers, &to);
	leave_batch(&placing, batch, smaller.allocated_quantity);
	if (!place(&placing))
		return CONTRADICTION;
	settle(&placing);
	command->result = (LinesResult) {.nlines = to.n, .lines = lines_of(&to)};
	if (!are_locked(&command->wanted, &placing))
		return RETRY;

	while (strcmp(placing.charges[before].reference, batch->reference) != 0)
		before++;
	return charge(repository, placing.charges, before) &&
		repository->shrink_batch(repository, batch, &smaller) &&
		charge(repository, placing.charges + before + 1, placing.ncharges - before - 1) &&
		write_leavers(repository, &leavers, &to, &placing.taken_back) ? KEEP : RETRY;
}

static Verdict
change_batch_quantity_body(Repository *repository, void *context)
{
	ChangeBatchQuantity *command = context;
	LinesResult *result = &command->result;

	/*
	 * Where others change a batch all the time, its counter is never what was
	 * read, unless it was locked before.
	 */
	lock_wanted(repository, &command->wanted);
	*result = (LinesResult) {.nlines = 0};
	if (!repository->find_batch(repository, command->sku, command->reference, &result->batch))
		result->refused.outcome = UNKNOWN_BATCH;
	else if (result->batch.shipped_quantity > command->qty)
		result->refused.outcome = ALREADY_SHIPPED;
	if (result->refused.outcome != DONE)
		return UNDO;
	if (result->batch.allocated_quantity > command->qty)
	{
		Batch		batch = result->batch;

		return shrink_batch(repository, command, &batch);
	}
	command->wanted.n = 0;
	return repository->resize_batch(repository, &result->batch, command->qty) ? KEEP : RETRY;
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
	bool		under_way;
	int32_t		eta;
	LinesResult result;
} ChangeBatchEta;

static Verdict
change_batch_eta_body(Repository *repository, void *context)
{
	ChangeBatchEta *command = context;
	LinesResult *result = &command->result;
	List		lines = {.repository = repository};
	List		told = {.repository = repository};
	List		expired = {.repository = repository};
	Charge		freed = {.units = 0};
	int64_t		now;
	Batch		changed;

	*result = (LinesResult) {.nlines = 0};
	if (!repository->find_batch(repository, command->sku, command->reference, &result->batch))
		result->refused.outcome = UNKNOWN_BATCH;
	/* What has left was in the warehouse: the rest can be blocked, but it is not under way. */
	else if (command->under_way && command->eta != NEVER && result->batch.shipped_quantity > 0)
		result->refused.outcome = ALREADY_SHIPPED;
	if (result->refused.outcome != DONE)
		return UNDO;

	changed = result->batch;
	changed.under_way = command->under_way;
	changed.eta = command->eta;
	if (!repository->reschedule_batch(repository, &result->batch, &changed))
		return RETRY;

	/* Whoever comes to the batch or leaves it now has to wait for us, and then knows the new day. */
	repository->look_again(repository);
	now = repository->current_time(repository);
	repository->visit_lines_of_batch(repository, &changed, list_line, &lines);
	for (size_t i = lines.n; i > 0; i--)
	{
		OrderLine  *line = lines.items[i - 1];

		if (line_is_expired(line, now))
		{
			append(&expired, line);
			freed.units -= line_open_quantity(line);
		}
		else if (line_open_quantity(line) > 0)
			append(&told, line);
	}
	result->nlines = told.n;
	result->lines = lines_of(&told);

	/* Expired holds are taken back, lest one that is just being confirmed becomes a line that nobody has told. */
	freed.sku = changed.sku;
	freed.reference = changed.reference;
	sort(repository, expired.items, expired.n, sizeof(void *), compare_line_identities);
	return expired.n == 0 ||
		(repository->charge_batches(repository, &freed, 1) &&
		 repository->remove_lines(repository, (OrderLine **) expired.items, expired.n)) ? KEEP : RETRY;
}

/*
 * Sets the day on which a batch comes: none if it has come, NEVER if nobody is to
 * get any of it.  Moves no line; says which have open units on it, in their turn.
 */
LinesResult
change_batch_eta(UnitOfWork *uow, const char *sku, const char *reference, bool under_way, int32_t eta)
{
	ChangeBatchEta command = {.sku = sku, .reference = reference, .under_way = under_way, .eta = eta};

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
