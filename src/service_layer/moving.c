/*
 * moving.c
 *		The use cases that take lines from their batches: to give them back, or to
 *		move them to better ones.
 */
#include "service_layer/backorders.h"
#include "service_layer/lines.h"

#include <string.h>

/*
 * deallocate, deallocate_order
 */

typedef struct Deallocation
{
	const char *orderid;
	const char *sku;			/* NULL: all lines of the order */
	LinesResult result;
	Locks		locks;
} Deallocation;

static Verdict
deallocation_body(Repository *repository, void *context)
{
	Deallocation *command = context;
	Changes		changes = changes_of(repository, &command->locks);
	Vector		lines = {.repository = repository};
	Vector		told = {.repository = repository};
	int64_t		now;

	locks_take(&command->locks, repository);
	now = repository->current_time(repository);
	command->result = (LinesResult) {.nlines = 0};
	visit_lines(repository, command->orderid, command->sku, vector_add_line, &lines);
	if (lines.n == 0)
		return UNDO;

	for (size_t i = 0; i < lines.n; i++)
	{
		const OrderLine *line = lines.items[i];

		if (line->shipped_qty > 0)
		{
			command->result.refused = (LineResult) {.outcome = ALREADY_SHIPPED, .line = *line};
			return UNDO;
		}
		if (line->batchref)
			changes_charge(&changes, (Charge) {.batch = {line->sku, line->batchref}, .units = -line->qty});
		/* Nobody is told of an expired hold. */
		if (!line_is_expired(line, now))
			vector_append(&told, lines.items[i]);
	}
	changes.removed = lines;
	command->result.nlines = told.n;
	command->result.lines = vector_lines(&told);
	return changes_write(&changes);
}

/* Gives the units of the line back and forgets it; DONE says which line it was. */
LineResult
deallocate(UnitOfWork *uow, const char *orderid, const char *sku)
{
	Deallocation command = {.orderid = orderid, .sku = sku};

	uow->run(uow, deallocation_body, &command);
	return result_of_line(&command.result, orderid, sku);
}

/* Gives the units of all lines of the order back and forgets them; says which lines they were, by SKU. */
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
	Locks		locks;
} ReallocateSku;

/* By turn, pointers to lines of one SKU. */
static int
compare_turns(const void *a, const void *b)
{
	const OrderLine *x = *(OrderLine *const *) a;
	const OrderLine *y = *(OrderLine *const *) b;
	int			order = line_compare_turns(x, y);

	return order != 0 ? order : strcmp(x->orderid, y->orderid);
}

/* The lines for which something better may be found. */
typedef struct Improvable
{
	Vector		lines;
	int64_t		now;
} Improvable;

/* Visitor: adds the line unless its hold has expired. */
static bool
add_unless_expired(void *context, const StoredLine *line)
{
	Improvable *improvable = context;

	return line_is_expired(&line->line, improvable->now) || vector_add_line(&improvable->lines, line);
}

/* Claims something better for each line, as a copy of it.  False if the tables contradict each other. */
static bool
claim_better_batches(Stock *stock, const Vector *lines, Claims *claims)
{
	OrderLine  *copies = vector_lines(lines);
	Vector		with_batch = {.repository = stock->repository};

	for (size_t i = 0; i < lines->n; i++)
		if (copies[i].batchref)
			vector_append(&with_batch, &copies[i]);
	if (!stock_read_batches_of(stock, &with_batch))
		return false;

	for (size_t i = 0; i < lines->n; i++)
	{
		StockedBatch *stocked = copies[i].batchref ? stock_batch_of(stock, &copies[i]) : NULL;
		Batch	   *own = stocked ? &stocked->batch : NULL;

		claims_add(claims, (Claim) {
				   .line = &copies[i], .own = own, .deadline = line_deadline_to_improve(&copies[i], own)
				   });
	}
	return true;
}

static Verdict
reallocate_sku_body(Repository *repository, void *context)
{
	ReallocateSku *command = context;
	Changes		changes = changes_of(repository, &command->locks);
	Improvable	known = {.lines.repository = repository};
	Claims		claims = {0};
	Stock		stock;

	repository->hold_queue(repository, command->sku);
	locks_take(&command->locks, repository);
	known.now = repository->current_time(repository);
	command->result = (LinesResult) {.nlines = 0};
	if (!repository->has_sku(repository, command->sku))
	{
		command->result.refused = (LineResult) {.outcome = INVALID_SKU, .line = {.sku = command->sku}};
		return UNDO;
	}

	repository->visit_lines_to_improve(repository, command->sku, add_unless_expired, &known);
	vector_sort(&known.lines, compare_turns);
	stock = stock_of(repository, &command->locks, known.now);
	claims.all = new_array(repository, Claim, known.lines.n);
	if (!claim_better_batches(&stock, &known.lines, &claims) || !stock_place(&stock, &claims))
		return CONTRADICTION;
	if (stock_lacks_batches(&stock, &claims))
		return WAIT;

	for (size_t i = 0; i < claims.n; i++)
		if (claims.all[i].batch)
			*changes_replace(&changes, known.lines.items[i]) = *claims.all[i].line;
	command->result.nlines = changes.to.n;
	command->result.lines = vector_lines(&changes.to);
	return settle(&stock, &changes);
}

/*
 * Offers the lines of the SKU, in their turn, what is better for them now: any
 * batch in time if they wait or theirs comes too late, otherwise one with an
 * earlier ETA.  No line gets a later batch.  Says which have changed, in turn.
 */
LinesResult
reallocate_sku(UnitOfWork *uow, const char *sku)
{
	ReallocateSku command = {.sku = sku};

	uow->run(uow, reallocate_sku_body, &command);
	return command.result;
}
