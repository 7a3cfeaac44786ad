/*
 * shipping.c
 *		The use cases on what leaves the warehouse.
 */
#include "service_layer/changes.h"
#include "service_layer/services.h"

#include <string.h>

typedef struct Shipping
{
	const char *orderid;
	const char *sku;			/* NULL: all of the order */
	int32_t		qty;			/* how many of the line have left in all; or SAME_QUANTITY: all that it asks for */
	bool		all_or_nothing;
	LinesResult result;
	Wanted		wanted;

	/* of one attempt */
	Repository *repository;
	List		shipped;		/* lines of which all that is asked for has left already */
	Changes		changes;		/* lines of which more is to leave, in lock order, and a charge for each */
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
ship_line(Shipping *command, OrderLine *known)
{
	int32_t		qty = command->qty == SAME_QUANTITY ? known->qty : command->qty;
	OrderLine  *line;

	if (qty == known->shipped_qty)
		append(&command->shipped, known);
	else if (qty < known->shipped_qty)
		refuse(command, (LineResult) {.outcome = ALREADY_SHIPPED, .line = *known});
	else if (qty > known->qty)
		refuse(command, (LineResult) {.outcome = SHIPS_TOO_MUCH, .line = *known});
	else if (known->batchref)
	{
		append(&command->changes.from, known);
		list_line(&command->changes.to, known);
		line = command->changes.to.items[command->changes.to.n - 1];
		line->shipped_qty = qty;
		line->held_until = 0;	/* what leaves is nobody else's any more */
	}
	else if (command->all_or_nothing)
		refuse(command, (LineResult) {.outcome = NOT_IN_WAREHOUSE, .line = *known});
}

/* Finds what has to be written to batches; an order has one line per SKU, so one charge per line. */
static void
find_charges(Shipping *command)
{
	Changes    *changes = &command->changes;

	changes->ncharges = changes->from.n;
	changes->charges = command->repository->allocate_memory(command->repository, changes->ncharges * sizeof(Charge));
	for (size_t i = 0; i < changes->ncharges; i++)
	{
		const OrderLine *from = changes->from.items[i];
		const OrderLine *to = changes->to.items[i];

		changes->charges[i] = (Charge) {
			.sku = from->sku, .reference = from->batchref, .units = to->shipped_qty - from->shipped_qty
		};
	}
}

/*
 * Looks which batches are in the warehouse.  What is elsewhere stays, or refuses
 * the call; false where a batch is not there.
 */
static bool
leave_what_is_elsewhere(Shipping *command)
{
	Changes    *changes = &command->changes;
	List		batches = {.repository = command->repository};
	List		from = changes->from;
	List		to = changes->to;

	changes->from = changes->to = (List) {.repository = command->repository};
	command->repository->visit_known_batches(command->repository, changes->charges, from.n, list_batch, &batches);
	if (batches.n < from.n)
		return false;
	for (size_t i = 0; i < from.n; i++)
	{
		const Batch *batch = batches.items[i];

		if (batch->eta == IN_WAREHOUSE)
		{
			append(&changes->from, from.items[i]);
			append(&changes->to, to.items[i]);
		}
		else if (command->all_or_nothing)
			refuse(command, (LineResult) {
				   .outcome = NOT_IN_WAREHOUSE, .line = *(OrderLine *) from.items[i], .eta = batch->eta
				   });
	}
	find_charges(command);
	return true;
}

/* Says of which lines all that is asked for has left. */
static void
tell(Shipping *command)
{
	List	   *shipped = &command->shipped;

	for (size_t i = 0; i < command->changes.to.n; i++)
		append(shipped, command->changes.to.items[i]);
	sort(command->repository, shipped->items, shipped->n, sizeof(void *), compare_line_identities);
	command->result.nlines = shipped->n;
	command->result.lines = lines_of(shipped);
}

/*
 * Far more often than not everything is in the warehouse, so a first attempt
 * looks at no batch: to ship from one that is elsewhere fails.
 */
static Verdict
shipping_body(Repository *repository, void *context)
{
	Shipping   *command = context;
	OrderLine	asked = {.orderid = command->orderid, .sku = command->sku};
	List		known = {.repository = repository};
	int64_t		now;

	lock_wanted(repository, &command->wanted);
	now = repository->current_time(repository);
	command->repository = repository;
	command->shipped = (List) {.repository = repository};
	command->changes = no_changes(repository);
	command->changes.ships = true;
	command->result = (LinesResult) {.nlines = 0};
	if (command->sku)
		repository->visit_known_lines(repository, (OrderLine *[]) {&asked}, 1, list_line, &known);
	else
		repository->visit_lines_of_order(repository, command->orderid, list_line, &known);
	for (size_t i = 0; i < known.n; i++)
		if (!line_is_expired(known.items[i], now))
			ship_line(command, known.items[i]);
	find_charges(command);
	if (repository->cautious && command->changes.from.n > 0 && !leave_what_is_elsewhere(command))
		return CONTRADICTION;
	if (command->result.refused.outcome != DONE)
		return UNDO;
	tell(command);
	if (command->changes.from.n == 0)
		return UNDO;
	return write_changes(&command->changes, &command->wanted);
}

/* So many units of the line have left, in all; all that it asks for if SAME_QUANTITY.  Twice is once. */
LineResult
ship(UnitOfWork *uow, const char *orderid, const char *sku, int32_t qty)
{
	Shipping	command = {.orderid = orderid, .sku = sku, .qty = qty, .all_or_nothing = true};

	uow->run(uow, shipping_body, &command);
	if (command.result.refused.outcome != DONE)
		return command.result.refused;
	if (command.result.nlines == 0)
		return (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = {.orderid = orderid, .sku = sku}};
	return (LineResult) {.outcome = DONE, .line = command.result.lines[0]};
}

/*
 * All lines of the order have left or, unless all or nothing, those that are in
 * the warehouse.  Says which have left altogether, by SKU.
 */
LinesResult
ship_order(UnitOfWork *uow, const char *orderid, bool all_or_nothing)
{
	Shipping	command = {.orderid = orderid, .qty = SAME_QUANTITY, .all_or_nothing = all_or_nothing};

	uow->run(uow, shipping_body, &command);
	return command.result;
}
