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

/* The batch that is to serve a line. */
typedef struct Search
{
	Repository *repository;
	const OrderLine *line;
	const Batch *own;			/* the one that serves it now, as if it did not, or NULL */
	uint32_t	ntaken;			/* batches that others are taking from, all as good as the one chosen */
	bool		found;
	Batch		batch;
} Search;

/*
 * Chooses the first batch that can serve the line.  Of those that are equally
 * good, one that nobody else is taking from comes first; if there is none such,
 * each has the same chance, so that not all who come wait for the same one.
 */
static bool
consider_batch(void *context, const Batch *batch)
{
	Search	   *search = context;

	if (search->own && strcmp(batch->reference, search->own->reference) == 0)
		batch = search->own;
	if (search->found && !batch_is_as_good_as(batch, &search->batch))
		return false;
	if (!batch_can_allocate(batch, search->line))
		return true;
	if (!batch->is_taken || search->repository->random_below(search->repository, ++search->ntaken) == 0)
		search->batch = *batch;
	search->found = true;
	return batch->is_taken;
}

/* Looks for the batch that is to serve the line, which may have a batch of its own. */
static Search
search_batch(Repository *repository, const OrderLine *line, const Batch *own)
{
	Search		search = {.repository = repository, .line = line, .own = own};

	repository->visit_first_batches(repository, (Demand) {line->sku, line->qty}, consider_batch, &search);
	/* With its own units in use it may have nothing left, and not have been visited. */
	if (own && batch_can_allocate(own, line) && !(search.found && batch_precedes(&search.batch, own)))
	{
		search.batch = *own;
		search.found = true;
	}
	return search;
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
		repository->find_batch(repository, NULL, command->batch->reference, &known))
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

/*
 * Looks whether the line is known, and whether that answers the call: it does
 * not while the line waits for the same quantity.
 */
static bool
is_answered(Repository *repository, LineCommand *command, OrderLine *known, bool *is_known)
{
	*is_known = find_line(repository, &command->line, known);
	if (!*is_known)
		return false;
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

	repository->visit_batches(repository, &anything, 1, note_most_available, &result.most_available);
	result.outcome = repository->has_sku(repository, line->sku) ? OUT_OF_STOCK : INVALID_SKU;
	return result;
}

static Charge
charge_for(const Batch *batch, int32_t units)
{
	return (Charge) {batch->sku, batch->reference, units, batch->place};
}

/*
 * Ties the line, new or waiting so far, to the batch that was found for it.
 * Where another session takes that batch's units first, trying the next batch
 * at once would be out of order: even a lost race leaves a lock on the batch.
 */
static Verdict
place_line(Repository *repository, OrderLine line, OrderLine *waiting, Search search, LineResult *result)
{
	Charge		charge = charge_for(&search.batch, line.qty);
	OrderLine  *placed = &result->line;

	if (!search.found)
	{
		*result = refuse_line(repository, &line);
		return UNDO;
	}

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
 * after adding it has failed, or where the call would be refused, or would wait
 * for another session.
 */
static Verdict
allocate_body(Repository *repository, void *context)
{
	LineCommand *command = context;
	OrderLine	known;
	bool		is_known = false;
	Search		search;

	if (repository->cautious && is_answered(repository, command, &known, &is_known))
		return UNDO;
	search = search_batch(repository, &command->line, NULL);
	if (!repository->cautious && (!search.found || search.batch.is_taken) &&
		is_answered(repository, command, &known, &is_known))
		return UNDO;
	return place_line(repository, command->line, is_known ? &known : NULL, search, &command->result);
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
	charge = (Charge) {.sku = known->sku, .reference = known->batchref, .units = -known->qty};
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

/* Takes what is wanted from one batch and gives what is freed back to another, by reference. */
static bool
exchange_stock(Repository *repository, const Batch *taken, int32_t wanted, const Batch *left, int32_t freed)
{
	Charge		take = charge_for(taken, wanted);
	Charge		give = charge_for(left, -freed);
	int			order = strcmp(taken->reference, left->reference);

	if (order < 0)
		return repository->charge_batches(repository, (Charge[]) {take, give}, 2);
	if (order > 0)
		return repository->charge_batches(repository, (Charge[]) {give, take}, 2);
	take.units += give.units;	/* one and the same batch */
	return repository->charge_batches(repository, &take, 1);
}

/* Ties a line that has a batch to the first that can serve it once the line's own units are free. */
static Verdict
move_line(Repository *repository, OrderLine line, OrderLine *known, LineResult *result)
{
	Search		search;
	OrderLine	left = *known;
	OrderLine  *moved = &result->line;
	Batch		own;

	if (!repository->find_batch(repository, known->sku, known->batchref, &own) ||
		own.allocated_quantity < known->qty)
		return CONTRADICTION;
	batch_deallocate(&own, &left);
	own.is_taken = false;		/* to stay there is as good as anything */
	search = search_batch(repository, &line, &own);
	if (!search.found)
	{
		*result = refuse_line(repository, &line);
		note_most_available(&result->most_available, &own);
		return UNDO;
	}

	*result = (LineResult) {.outcome = DONE, .line = *known};
	if (strcmp(search.batch.reference, own.reference) == 0 && line.qty == known->qty)
		return UNDO;			/* it is where it belongs */
	if (!exchange_stock(repository, &search.batch, line.qty, &own, known->qty))
		return RETRY;
	*moved = line;
	batch_allocate(&search.batch, moved);
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
	return place_line(repository, line, is_known ? &known : NULL,
					  search_batch(repository, &line, NULL), &command->result);
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
