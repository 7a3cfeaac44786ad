/*
 * shipping.c
 *		The use cases on what leaves the warehouse.
 */
#include "service_layer/changes.h"
#include "service_layer/lines.h"

typedef struct Shipping
{
	const char *orderid;
	const char *sku;			/* NULL: all lines of the order */
	int32_t		total;			/* how many units of the line have left in all; or SAME_QUANTITY: the whole line */
	bool		all_or_nothing;
	LinesResult result;
	Locks		locks;

	/* of one attempt: */
	Repository *repository;
	Vector		shipped;		/* lines of which so many have left already */
	Changes		changes;		/* lines of which more is to leave */
} Shipping;

/* Refuses the call, unless it was refused before. */
static void
refuse(Shipping *command, LineResult refused)
{
	if (command->result.refused.outcome == DONE)
		command->result.refused = refused;
}

/* Finds out how much of one line is to leave. */
static void
ship_line(Shipping *command, StoredLine *stored)
{
	const OrderLine *known = &stored->line;
	int32_t		total = command->total == SAME_QUANTITY ? known->qty : command->total;

	if (total == known->shipped_qty)
		vector_append(&command->shipped, stored);
	else if (total < known->shipped_qty)
		refuse(command, (LineResult) {.outcome = ALREADY_SHIPPED, .line = *known});
	else if (total > known->qty)
		refuse(command, (LineResult) {.outcome = SHIPS_TOO_MUCH, .line = *known});
	else if (known->batchref)
	{
		OrderLine  *line = changes_replace(&command->changes, stored);

		line->shipped_qty = total;
		line->held_until = 0;	/* a line that ships is firm */
	}
	else if (command->all_or_nothing)
		refuse(command, (LineResult) {.outcome = NOT_IN_WAREHOUSE, .line = *known});
}

/*
 * Looks which batches are in the warehouse.  Lines on others stay, or refuse the
 * call.  False if the tables contradict each other.
 */
static bool
leave_what_is_elsewhere(Shipping *command)
{
	Changes    *changes = &command->changes;
	Vector		from = changes->from;
	Vector		to = changes->to;
	Vector		batches = {.repository = command->repository};
	RowKey	   *keys = new_array(command->repository, RowKey, from.n);

	for (size_t i = 0; i < from.n; i++)
	{
		const OrderLine *line = from.items[i];

		keys[i] = (RowKey) {.sku = line->sku, .name = line->batchref};
	}
	command->repository->visit_known_batches(command->repository, keys, from.n, vector_add_batch, &batches);
	if (batches.n < from.n)
		return false;

	changes->from = changes->to = (Vector) {.repository = command->repository};
	for (size_t i = 0; i < from.n; i++)
	{
		const Batch *batch = batches.items[i];

		if (batch->eta == IN_WAREHOUSE)
		{
			vector_append(&changes->from, from.items[i]);
			vector_append(&changes->to, to.items[i]);
		}
		else if (command->all_or_nothing)
			refuse(command, (LineResult) {
				   .outcome = NOT_IN_WAREHOUSE, .line = *(OrderLine *) from.items[i], .eta = batch->eta
				   });
	}
	return true;
}

/* Charges the batches with what leaves.  An order has one line per SKU, so one charge per line. */
static void
charge_batches(Changes *changes)
{
	for (size_t i = 0; i < changes->from.n; i++)
	{
		const OrderLine *from = changes->from.items[i];
		const OrderLine *to = changes->to.items[i];

		changes_charge(changes, (Charge) {
					   .batch = {from->sku, from->batchref}, .units = to->shipped_qty - from->shipped_qty
					   });
	}
}

/* Says of which lines so much has left. */
static void
tell_shipped(Shipping *command)
{
	Vector	   *shipped = &command->shipped;

	for (size_t i = 0; i < command->changes.to.n; i++)
		vector_append(shipped, command->changes.to.items[i]);
	vector_sort(shipped, compare_line_keys);
	command->result.nlines = shipped->n;
	command->result.lines = vector_lines(shipped);
}

/*
 * Usually everything is in the warehouse.  So a first attempt looks at no batch:
 * shipping from one that is elsewhere fails.
 */
static Verdict
shipping_body(Repository *repository, void *context)
{
	Shipping   *command = context;
	Vector		known = {.repository = repository};
	int64_t		now;

	locks_take(&command->locks, repository);
	now = repository->current_time(repository);
	command->repository = repository;
	command->shipped = (Vector) {.repository = repository};
	command->changes = changes_of(repository, &command->locks);
	command->changes.ship = true;
	command->result = (LinesResult) {.nlines = 0};
	visit_lines(repository, command->orderid, command->sku, vector_add_line, &known);
	for (size_t i = 0; i < known.n; i++)
	{
		StoredLine *line = known.items[i];

		if (!line_is_expired(&line->line, now))
			ship_line(command, line);
	}
	if (repository->attempt.looks_first && command->changes.from.n > 0 && !leave_what_is_elsewhere(command))
		return CONTRADICTION;
	if (command->result.refused.outcome != DONE)
		return UNDO;
	tell_shipped(command);
	if (command->changes.from.n == 0)
		return UNDO;
	charge_batches(&command->changes);
	return changes_write(&command->changes);
}

/* So many units of the line have left, in all; the whole line if SAME_QUANTITY.  Twice is once. */
LineResult
ship(UnitOfWork *uow, const char *orderid, const char *sku, int32_t total)
{
	Shipping	command = {.orderid = orderid, .sku = sku, .total = total, .all_or_nothing = true};

	uow->run(uow, shipping_body, &command);
	return result_of_line(&command.result, orderid, sku);
}

/*
 * All lines of the order have left or, unless all or nothing, those that are in
 * the warehouse.  Says which have left altogether, by SKU.
 */
LinesResult
ship_order(UnitOfWork *uow, const char *orderid, bool all_or_nothing)
{
	Shipping	command = {.orderid = orderid, .total = SAME_QUANTITY, .all_or_nothing = all_or_nothing};

	uow->run(uow, shipping_body, &command);
	return command.result;
}
