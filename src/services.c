/*
 * services.c
 *		The use cases on one line or batch.  Each is a body that runs in one unit
 *		of work and leaves its result in the command that it was given.
 */
#include "services.h"

#include <string.h>

/*
 * Finding a line and choosing a batch
 */

/* A line to look for. */
typedef struct Lookup
{
	bool		found;
	OrderLine	line;
} Lookup;

static bool
keep_line(void *context, const OrderLine *line)
{
	Lookup	   *lookup = context;

	lookup->found = true;
	lookup->line = *line;
	return false;
}

/* Reads the line as it is known; false where it is not. */
static bool
find_line(Repository *repository, OrderLine *line, OrderLine *known)
{
	Lookup		lookup = {.found = false};

	repository->visit_known_lines(repository, &line, 1, keep_line, &lookup);
	*known = lookup.line;
	return lookup.found;
}

/* The first batch, in preference order, that can serve a line. */
typedef struct Search
{
	const OrderLine *line;
	const char *passed_over;	/* a reference that does not count, or NULL */
	bool		found;
	Batch		batch;
} Search;

/* Ends the search at the first batch that can serve its line. */
static bool
consider_batch(void *context, const Batch *batch)
{
	Search	   *search = context;

	if (!batch_can_allocate(batch, search->line) ||
		(search->passed_over && strcmp(batch->reference, search->passed_over) == 0))
		return true;
	search->batch = *batch;
	search->found = true;
	return false;
}

static void
search_batch(Repository *repository, Search *search)
{
	Demand		demand = {search->line->sku, search->line->qty};

	repository->visit_batches(repository, &demand, 1, false, consider_batch, search);
}

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

	if (repository->cautious &&
		repository->find_batch(repository, command->batch->reference, &known))
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
 * allocate
 */

typedef struct LineCommand
{
	OrderLine	line;
	LineResult	result;
} LineCommand;

/* Is the call answered by what is known of its line?  It is not while that waits for the same quantity. */
static bool
is_answered(LineCommand *command, const OrderLine *known)
{
	if (known->qty != command->line.qty)
		command->result = (LineResult) {.outcome = ORDER_LINE_CONFLICT, .line = *known};
	else if (known->batchref)
		command->result = (LineResult) {.outcome = DONE, .line = *known};
	else
		return false;
	return true;
}

static bool
note_most_available(void *context, const Batch *batch)
{
	int32_t    *most_available = context;

	if (batch_available_quantity(batch) > *most_available)
		*most_available = batch_available_quantity(batch);
	return true;
}

/* Says why no batch can serve the line. */
static LineResult
refuse_line(Repository *repository, const OrderLine *line)
{
	LineResult	result = {.line = *line};
	Demand		anything = {line->sku, 1};

	repository->visit_batches(repository, &anything, 1, false, note_most_available, &result.most_available);
	result.outcome = repository->has_sku(repository, line->sku) ? OUT_OF_STOCK : INVALID_SKU;
	return result;
}

/*
 * Ties the line, new or waiting so far, to the first batch that can serve it.
 * Where another session takes that batch's units first, trying the next batch
 * at once would be out of order: even a lost race leaves a lock on the batch.
 */
static Verdict
place_line(Repository *repository, OrderLine line, OrderLine *waiting, LineResult *result)
{
	Search		search = {.line = &line};
	Charge		charge = {.sku = line.sku, .units = line.qty};
	OrderLine  *placed = &result->line;

	search_batch(repository, &search);
	if (!search.found)
	{
		*result = refuse_line(repository, &line);
		/* Meanwhile there may be room. */
		return result->most_available >= line.qty ? RETRY : UNDO;
	}

	charge.reference = search.batch.reference;
	if (!repository->charge_batches(repository, &charge, 1))
		return RETRY;
	*result = (LineResult) {.outcome = DONE, .line = line};
	batch_allocate(&search.batch, placed);
	placed->allocated_at = repository->current_time(repository);
	if (waiting)
		return repository->change_lines(repository, &waiting, &placed, 1) ? KEEP : RETRY;
	repository->add_lines(repository, &placed, 1);
	return KEEP;
}

/*
 * Far more often than not the line is a new one.  So it is looked for only
 * after adding it has failed, or when no batch can serve it.
 */
static Verdict
allocate_body(Repository *repository, void *context)
{
	LineCommand *command = context;
	OrderLine	known;
	bool		is_known = repository->cautious && find_line(repository, &command->line, &known);
	Verdict		verdict;

	if (is_known && is_answered(command, &known))
		return UNDO;
	verdict = place_line(repository, command->line, is_known ? &known : NULL, &command->result);
	if (command->result.outcome != DONE && !repository->cautious &&
		find_line(repository, &command->line, &known))
		is_answered(command, &known);
	return verdict;
}

/* Ties the line to the first batch, in preference order, that can serve it. */
LineResult
allocate(UnitOfWork *uow, const OrderLine *line)
{
	LineCommand command = {.line = *line};

	uow->run(uow, allocate_body, &command);
	return command.result;
}

/*
 * deallocate
 */

static Verdict
deallocate_body(Repository *repository, void *context)
{
	LineCommand *command = context;
	OrderLine  *known = &command->result.line;
	Charge		charge;

	if (!find_line(repository, &command->line, known))
	{
		command->result = (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = command->line};
		return UNDO;
	}
	command->result.outcome = DONE;
	charge = (Charge) {known->sku, known->batchref, -known->qty};
	if (known->batchref && !repository->charge_batches(repository, &charge, 1))
		return RETRY;
	return repository->remove_lines(repository, &known, 1) ? KEEP : RETRY;
}

/* Gives the units of the line back and forgets it; DONE says which line it was. */
LineResult
deallocate(UnitOfWork *uow, const char *orderid, const char *sku)
{
	LineCommand command = {.line = {.orderid = orderid, .sku = sku}};

	uow->run(uow, deallocate_body, &command);
	return command.result;
}

/*
 * reallocate
 */

/* Takes what is wanted from one batch and gives what is freed back to another, in preference order. */
static bool
exchange_stock(Repository *repository, const Batch *taken, int32_t wanted, const Batch *left, int32_t freed)
{
	Charge		take = {taken->sku, taken->reference, wanted};
	Charge		give = {left->sku, left->reference, -freed};

	if (batch_precedes(taken, left))
		return repository->charge_batches(repository, (Charge[]) {take, give}, 2);
	if (batch_precedes(left, taken))
		return repository->charge_batches(repository, (Charge[]) {give, take}, 2);
	take.units += give.units;	/* one and the same batch */
	return repository->charge_batches(repository, &take, 1);
}

/* What there is for a line once its own units are free. */
typedef struct Freed
{
	const OrderLine *known;
	int32_t		most_available;
} Freed;

static bool
note_freed(void *context, const Batch *batch)
{
	Freed	   *freed = context;
	OrderLine	line = *freed->known;
	Batch		after = *batch;

	if (strcmp(batch->reference, line.batchref) == 0)
		batch_deallocate(&after, &line);
	return note_most_available(&freed->most_available, &after);
}

/* Ties a line that has a batch to the first that can serve it once the line's own units are free. */
static Verdict
move_line(Repository *repository, OrderLine line, OrderLine *known, LineResult *result)
{
	Search		search = {.line = &line, .passed_over = known->batchref};
	OrderLine	left = *known;
	OrderLine  *moved = &result->line;
	Batch		own;
	Batch	   *target = &search.batch;

	if (!repository->find_batch(repository, known->batchref, &own))
		return RETRY;
	batch_deallocate(&own, &left);
	search_batch(repository, &search);
	if (batch_can_allocate(&own, &line) &&
		!(search.found && batch_precedes(&search.batch, &own)))
		target = &own;
	else if (!search.found)
	{
		Freed		freed = {.known = known};

		/* Between the two looks, room may have moved from one batch to another: one look decides. */
		repository->visit_siblings(repository, &own, false, note_freed, &freed);
		if (freed.most_available >= line.qty)
			return RETRY;
		*result = (LineResult) {.outcome = OUT_OF_STOCK, .line = line, .most_available = freed.most_available};
		return UNDO;
	}

	*result = (LineResult) {.outcome = DONE, .line = *known};
	if (target == &own && line.qty == known->qty)
		return UNDO;			/* it is where it belongs */
	if (!exchange_stock(repository, target, line.qty, &own, known->qty))
		return RETRY;
	*moved = line;
	batch_allocate(target, moved);
	moved->allocated_at = repository->current_time(repository);
	return repository->change_lines(repository, &known, &moved, 1) ? KEEP : RETRY;
}

static Verdict
reallocate_body(Repository *repository, void *context)
{
	LineCommand *command = context;
	OrderLine	line = command->line;
	OrderLine	known;
	bool		is_known = find_line(repository, &line, &known);

	if (!is_known && line.qty == SAME_QUANTITY)
	{
		command->result = (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = line};
		return UNDO;
	}
	if (line.qty == SAME_QUANTITY)
		line.qty = known.qty;
	if (is_known && known.batchref)
		return move_line(repository, line, &known, &command->result);
	return place_line(repository, line, is_known ? &known : NULL, &command->result);
}

/*
 * Deallocates the line and allocates it afresh, with another quantity unless
 * line says SAME_QUANTITY.  If it fits nowhere, it stays as it is.
 */
LineResult
reallocate(UnitOfWork *uow, const OrderLine *line)
{
	LineCommand command = {.line = *line};

	uow->run(uow, reallocate_body, &command);
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
