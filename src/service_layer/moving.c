/*
 * moving.c
 *		The use cases that take lines from their batches: to give them back, or to
 *		move them to better ones.
 */
#include "service_layer/placing.h"

#include <string.h>

/*
 * deallocate, deallocate_order
 */

typedef struct Deallocation
{
	const char *orderid;
	const char *sku;			/* NULL: all of the order */
	LinesResult result;
	Wanted		wanted;
} Deallocation;

static Verdict
deallocation_body(Repository *repository, void *context)
{
	Deallocation *command = context;
	OrderLine	asked = {.orderid = command->orderid, .sku = command->sku};
	List		lines = {.repository = repository};
	List		told = {.repository = repository};
	Changes		changes = no_changes(repository);
	int64_t		now;

	lock_wanted(repository, &command->wanted);
	now = repository->current_time(repository);
	command->result = (LinesResult) {.nlines = 0};
	if (command->sku)
		repository->visit_known_lines(repository, (OrderLine *[]) {&asked}, 1, list_line, &lines);
	else
		repository->visit_lines_of_order(repository, command->orderid, list_line, &lines);
	if (lines.n == 0)
		return UNDO;

	changes.charges = repository->allocate_memory(repository, lines.n * sizeof(Charge));
	changes.removed = lines;
	for (size_t i = 0; i < lines.n; i++)
	{
		OrderLine  *line = lines.items[i];

		if (line->shipped_qty > 0)
		{
			command->result.refused = (LineResult) {.outcome = ALREADY_SHIPPED, .line = *line};
			return UNDO;
		}
		if (line->batchref)
			changes.charges[changes.ncharges++] = (Charge) {
				.sku = line->sku, .reference = line->batchref, .units = -line->qty
			};
		if (!line_is_expired(line, now))
			append(&told, line);
	}
	command->result.nlines = told.n;
	command->result.lines = lines_of(&told);
	return write_changes(&changes, &command->wanted);
}

/* Gives the units of the line back and forgets it; DONE says which line it was. */
LineResult
deallocate(UnitOfWork *uow, const char *orderid, const char *sku)
{
	Deallocation command = {.orderid = orderid, .sku = sku};

	uow->run(uow, deallocation_body, &command);
	if (command.result.refused.outcome != DONE)
		return command.result.refused;
	if (command.result.nlines == 0)
		return (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = {.orderid = orderid, .sku = sku}};
	return (LineResult) {.outcome = DONE, .line = command.result.lines[0]};
}

/* Gives the units of all lines of the order back and forgets them; says which they were, by SKU. */
LinesResult
deallocate_order(UnitOfWork *uow, const char *orderid)
{
	Deallocation command = {.orderid = orderid};

	uow->run(uow, deallocation_body, &command);
	return command.result;
}

/*
 * reallocate_sku
 */

typedef struct ReallocateSku
{
	const char *sku;
	LinesResult result;
	Wanted		wanted;
} ReallocateSku;

/* Claims something better for each of these lines, which it leaves as they are and lists as they will be. */
static bool
claim_better_batches(Placing *placing, const List *lines, List *to)
{
	List		with_batch = {.repository = placing->repository};

	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];

		if (line->batchref)
			append(&with_batch, lines->items[i]);
	}
	if (!free_batches_of(placing, &with_batch, false))
		return false;

	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];
		Candidate  *own = line->batchref ? find_freed(placing, line) : NULL;

		list_line(to, line);
		placing->claims[placing->nclaims++] = (Claim) {
			.line = to->items[i],
			.own = own ? &own->batch : NULL,
			.deadline = line_deadline_to_improve(line, own ? &own->batch : NULL)
		};
	}
	return true;
}

static Verdict
reallocate_sku_body(Repository *repository, void *context)
{
	ReallocateSku *command = context;
	LinesResult *result = &command->result;
	int64_t		now;
	List		known = {.repository = repository};
	List		lines = {.repository = repository};
	List		all = {.repository = repository};
	Changes		changes = no_changes(repository);
	Placing		placing;

	repository->hold_queue(repository, command->sku);
	lock_wanted(repository, &command->wanted);
	now = repository->current_time(repository);
	*result = (LinesResult) {.nlines = 0};
	if (!repository->has_sku(repository, command->sku))
	{
		result->refused = (LineResult) {.outcome = INVALID_SKU, .line = {.sku = command->sku}};
		return UNDO;
	}

	repository->visit_lines_to_improve(repository, command->sku, list_line, &known);
	for (size_t i = 0; i < known.n; i++)
		if (!line_is_expired(known.items[i], now))
			append(&lines, known.items[i]);
	sort(repository, lines.items, lines.n, sizeof(void *), compare_line_turns);
	placing = begin_placing(repository, &command->wanted, now, lines.n);
	if (!claim_better_batches(&placing, &lines, &all) || !place(&placing))
		return CONTRADICTION;
	if (lacks_batches(&placing))
		return WAIT;

	for (size_t i = 0; i < lines.n; i++)
		if (placing.claims[i].batch)
		{
			append(&changes.from, lines.items[i]);
			append(&changes.to, all.items[i]);
		}
	result->nlines = changes.to.n;
	result->lines = lines_of(&changes.to);
	return settle(&placing, &changes);
}

/*
 * Offers the lines of the SKU, in their turn, what is better for them now: a
 * batch if they wait or theirs comes too late, otherwise one that comes on an
 * earlier day.  None is worse off.  Says which have changed, in their turn.
 */
LinesResult
reallocate_sku(UnitOfWork *uow, const char *sku)
{
	ReallocateSku command = {.sku = sku};

	uow->run(uow, reallocate_sku_body, &command);
	return command.result;
}
