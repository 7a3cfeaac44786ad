/*
 * allocation.c
 *		The functions that SQL calls: each reads its arguments, calls a service and
 *		returns its result.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "adapters/subtransaction.h"
#include "entrypoints/arguments.h"
#include "entrypoints/results.h"
#include "service_layer/services.h"

PG_MODULE_MAGIC_EXT(.name = "allocation", .version = ALLOCATION_VERSION);

PGDLLEXPORT void _PG_init(void);

/* Called by the server when it loads the library. */
void
_PG_init(void)
{
	subtransaction_set_up_library();
}

/*
 * Makes the unit of work over the tables beside the function that is called.  A
 * function that writes gives its name, because a read-only transaction refuses it.
 */
static UnitOfWork *
begin(FunctionCallInfo fcinfo, Subtransaction *subtransaction, const char *writing_function)
{
	if (writing_function)
		PreventCommandIfReadOnly(writing_function);
	subtransaction_init(subtransaction, fcinfo->flinfo->fn_oid);
	return &subtransaction->base;
}

/*
 * Batches
 */

PG_FUNCTION_INFO_V1(allocation_add_batch);

/* add_batch(ref text, sku text, qty integer, eta date, rank integer) RETURNS void */
PGDLLEXPORT Datum
allocation_add_batch(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "add_batch()");
	Batch		batch = {
		.reference = name_argument(fcinfo, 0, "ref"),
		.sku = name_argument(fcinfo, 1, "sku"),
		.purchased_quantity = quantity_argument(fcinfo, 2),
		.eta = eta_argument(fcinfo, 3),
		.rank = integer_argument(fcinfo, 4, "rank")
	};
	Outcome		outcome = add_batch(uow, &batch);

	if (outcome != DONE)
		report_refused_batch(outcome, &batch);
	PG_RETURN_VOID();
}

/* Reads which batch to change, from the arguments sku and ref, or ref only: then the SKU is NULL.  One more follows. */
static Batch
batch_arguments(FunctionCallInfo fcinfo)
{
	bool		names_sku = PG_NARGS() == 3;

	return (Batch) {
		.sku = names_sku ? name_argument(fcinfo, 0, "sku") : NULL,
		.reference = name_argument(fcinfo, names_sku ? 1 : 0, "ref")
	};
}

/* Returns the lines that a change to a batch has moved, or reports why it is refused. */
static Datum
changed_batch_result(FunctionCallInfo fcinfo, const LinesResult *result, const Batch *batch)
{
	if (result->refused.outcome != DONE)
		report_refused_batch(result->refused.outcome,
							 result->refused.outcome == UNKNOWN_BATCH ? batch : &result->batch);
	return lines_result(fcinfo, result);
}

PG_FUNCTION_INFO_V1(allocation_change_batch_quantity);

/*
 * change_batch_quantity(ref text, qty integer)
 * change_batch_quantity(sku text, ref text, qty integer)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_change_batch_quantity(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "change_batch_quantity()");
	Batch		batch = batch_arguments(fcinfo);
	int32		qty = batch_quantity_argument(fcinfo, PG_NARGS() - 1);
	LinesResult result;

	subtransaction_show_progress(&subtransaction, 0);
	result = change_batch_quantity(uow, batch.sku, batch.reference, qty);
	return changed_batch_result(fcinfo, &result, &batch);
}

PG_FUNCTION_INFO_V1(allocation_change_batch_eta);

/*
 * change_batch_eta(ref text, eta date)
 * change_batch_eta(sku text, ref text, eta date)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_change_batch_eta(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "change_batch_eta()");
	Batch		batch = batch_arguments(fcinfo);
	LinesResult result = change_batch_eta(uow, batch.sku, batch.reference, eta_argument(fcinfo, PG_NARGS() - 1));

	return changed_batch_result(fcinfo, &result, &batch);
}

/*
 * Allocating
 */

/* Reads a line from the arguments orderid, sku, qty, by, hold. */
static OrderLine
line_arguments(FunctionCallInfo fcinfo)
{
	OrderLine	line = {
		.orderid = name_argument(fcinfo, 0, "orderid"),
		.sku = name_argument(fcinfo, 1, "sku"),
		.qty = quantity_argument(fcinfo, 2)
	};

	date_argument(fcinfo, 3, &line);
	hold_argument(fcinfo, 4, &line);
	return line;
}

PG_FUNCTION_INFO_V1(allocation_allocate);

/* allocate(orderid text, sku text, qty integer, by date, hold interval) RETURNS text */
PGDLLEXPORT Datum
allocation_allocate(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "allocate()");
	OrderLine	line = line_arguments(fcinfo);
	LineResult	result = allocate(uow, &line);

	return line_result(fcinfo, &result, &line);
}

/* The lines of a call */
typedef struct LinesArgument
{
	OrderLine  *lines;
	int			n;
} LinesArgument;

/* Checks all elements of the arrays, line by line. */
static void
check_elements(bool one_order, ArrayArgument orderids, ArrayArgument skus, ArrayArgument qtys)
{
	for (int i = 0; i < skus.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!one_order)
			next_name(&orderids);
		next_name(&skus);
		next_quantity(&qtys);
	}
}

/*
 * Reads lines from the arguments orderid or orderids, skus, qtys, and two later
 * ones, by and hold.  There may be millions of lines, so they are all checked before
 * anything is copied.
 */
static LinesArgument
lines_arguments(FunctionCallInfo fcinfo, bool one_order, int by)
{
	ArrayArgument orderids = {0};
	const char *orderid = NULL;
	ArrayArgument skus;
	ArrayArgument qtys;
	LinesArgument argument;
	OrderLine	terms = {0};

	if (one_order)
		orderid = name_argument(fcinfo, 0, "orderid");
	else
		orderids = array_argument(fcinfo, 0, "orderids");
	skus = array_argument(fcinfo, 1, "skus");
	qtys = array_argument(fcinfo, 2, "qtys");
	if (!one_order)
		refuse_unequal(&orderids, &skus);
	refuse_unequal(&skus, &qtys);
	date_argument(fcinfo, by, &terms);
	hold_argument(fcinfo, by + 1, &terms);
	check_elements(one_order, orderids, skus, qtys);
	refuse_repeated_lines(orderid, orderids, skus);

	argument = (LinesArgument) {
		.lines = MemoryContextAllocHuge(CurrentMemoryContext, skus.n * sizeof(OrderLine)), .n = skus.n
	};
	for (int i = 0; i < skus.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		argument.lines[i] = terms;
		argument.lines[i].orderid = one_order ? orderid : text_to_cstring(next_name(&orderids));
		argument.lines[i].sku = text_to_cstring(next_name(&skus));
		argument.lines[i].qty = next_quantity(&qtys);
	}
	return argument;
}

/* Allocates the lines of a call of the function with this name. */
static Datum
allocate_many(FunctionCallInfo fcinfo, const char *function, bool one_order)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, function);
	bool		all_or_nothing = flag_argument(fcinfo, 3, "all_or_nothing");
	LinesArgument argument = lines_arguments(fcinfo, one_order, 4);
	LinesResult result;

	subtransaction_show_progress(&subtransaction, argument.n);
	result = allocate_lines(uow, argument.lines, argument.n, all_or_nothing);
	if (result.refused.outcome != DONE)
		report_refused_lines(&result, &argument.lines[result.position]);
	return lines_result(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(allocation_allocate_lines);

/*
 * allocate_lines(orderids text[], skus text[], qtys integer[], all_or_nothing boolean, by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_allocate_lines(PG_FUNCTION_ARGS)
{
	return allocate_many(fcinfo, "allocate_lines()", false);
}

PG_FUNCTION_INFO_V1(allocation_allocate_order);

/*
 * allocate_order(orderid text, skus text[], qtys integer[], all_or_nothing boolean, by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_allocate_order(PG_FUNCTION_ARGS)
{
	return allocate_many(fcinfo, "allocate_order()", true);
}

/* Allocates n lines, and returns for each what became of it. */
static Datum
try_to_allocate(FunctionCallInfo fcinfo, Subtransaction *subtransaction, OrderLine *lines, int n)
{
	LinesResult result;

	subtransaction_show_progress(subtransaction, n);
	result = try_allocate_lines(&subtransaction->base, lines, n);
	return trial_result(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(allocation_try_allocate);

/*
 * try_allocate(orderid text, sku text, qty integer, by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
 */
PGDLLEXPORT Datum
allocation_try_allocate(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	OrderLine	line;

	begin(fcinfo, &subtransaction, "try_allocate()");
	line = line_arguments(fcinfo);
	return try_to_allocate(fcinfo, &subtransaction, &line, 1);
}

/* The same for the lines of a call of the function with this name. */
static Datum
try_to_allocate_many(FunctionCallInfo fcinfo, const char *function, bool one_order)
{
	Subtransaction subtransaction;
	LinesArgument argument;

	begin(fcinfo, &subtransaction, function);
	argument = lines_arguments(fcinfo, one_order, 3);
	return try_to_allocate(fcinfo, &subtransaction, argument.lines, argument.n);
}

PG_FUNCTION_INFO_V1(allocation_try_allocate_lines);

/*
 * try_allocate_lines(orderids text[], skus text[], qtys integer[], by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
 */
PGDLLEXPORT Datum
allocation_try_allocate_lines(PG_FUNCTION_ARGS)
{
	return try_to_allocate_many(fcinfo, "try_allocate_lines()", false);
}

PG_FUNCTION_INFO_V1(allocation_try_allocate_order);

/*
 * try_allocate_order(orderid text, skus text[], qtys integer[], by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
 */
PGDLLEXPORT Datum
allocation_try_allocate_order(PG_FUNCTION_ARGS)
{
	return try_to_allocate_many(fcinfo, "try_allocate_order()", true);
}

PG_FUNCTION_INFO_V1(allocation_promise);

/* promise(sku text, qty integer, by date) RETURNS TABLE (batchref text, eta date) */
PGDLLEXPORT Datum
allocation_promise(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, NULL);
	OrderLine	line = {.sku = name_argument(fcinfo, 0, "sku"), .qty = quantity_argument(fcinfo, 1)};
	Batch		batch;

	date_argument(fcinfo, 2, &line);
	return promise_result(fcinfo, promise(uow, &line, &batch) ? &batch : NULL);
}

/*
 * Moving
 */

PG_FUNCTION_INFO_V1(allocation_deallocate);

/* deallocate(orderid text, sku text) RETURNS text */
PGDLLEXPORT Datum
allocation_deallocate(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "deallocate()");
	OrderLine	line = {.orderid = name_argument(fcinfo, 0, "orderid"), .sku = name_argument(fcinfo, 1, "sku")};
	LineResult	result = deallocate(uow, line.orderid, line.sku);

	/* A line that does not exist has nothing to give back, so this is no error. */
	if (result.outcome == UNKNOWN_ORDER_LINE)
		PG_RETURN_NULL();
	return line_result(fcinfo, &result, &line);
}

PG_FUNCTION_INFO_V1(allocation_deallocate_order);

/*
 * deallocate_order(orderid text)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_deallocate_order(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "deallocate_order()");
	LinesResult result = deallocate_order(uow, name_argument(fcinfo, 0, "orderid"));

	return order_result(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(allocation_reallocate);

/* reallocate(orderid text, sku text, qty integer, by date) RETURNS text */
PGDLLEXPORT Datum
allocation_reallocate(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "reallocate()");
	OrderLine	line = {
		.orderid = name_argument(fcinfo, 0, "orderid"),
		.sku = name_argument(fcinfo, 1, "sku"),
		.qty = PG_ARGISNULL(2) ? SAME_QUANTITY : quantity_argument(fcinfo, 2)
	};
	LineResult	result;

	date_argument(fcinfo, 3, &line);
	result = reallocate(uow, &line);
	return line_result(fcinfo, &result, &line);
}

PG_FUNCTION_INFO_V1(allocation_reallocate_sku);

/*
 * reallocate_sku(sku text)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_reallocate_sku(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "reallocate_sku()");
	const char *sku = name_argument(fcinfo, 0, "sku");
	LinesResult result;

	subtransaction_show_progress(&subtransaction, 0);
	result = reallocate_sku(uow, sku);
	return order_result(fcinfo, &result);
}

/*
 * Shipping
 */

PG_FUNCTION_INFO_V1(allocation_ship);

/* ship(orderid text, sku text, qty integer) RETURNS text */
PGDLLEXPORT Datum
allocation_ship(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "ship()");
	OrderLine	line = {
		.orderid = name_argument(fcinfo, 0, "orderid"),
		.sku = name_argument(fcinfo, 1, "sku"),
		.qty = PG_ARGISNULL(2) ? SAME_QUANTITY : quantity_argument(fcinfo, 2)
	};
	LineResult	result = ship(uow, line.orderid, line.sku, line.qty);

	return line_result(fcinfo, &result, &line);
}

PG_FUNCTION_INFO_V1(allocation_ship_order);

/*
 * ship_order(orderid text, all_or_nothing boolean)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_ship_order(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "ship_order()");
	const char *orderid = name_argument(fcinfo, 0, "orderid");
	LinesResult result = ship_order(uow, orderid, flag_argument(fcinfo, 1, "all_or_nothing"));

	return order_result(fcinfo, &result);
}
