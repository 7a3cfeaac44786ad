/*
 * allocation.c
 *		The functions that SQL calls: each reads its arguments, calls a service and
 *		returns its result.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "entrypoints/arguments.h"
#include "entrypoints/results.h"
#include "adapters/searching.h"
#include "service_layer/services.h"
#include "adapters/statement.h"
#include "adapters/subtransaction.h"

PG_MODULE_MAGIC_EXT(.name = "allocation", .version = ALLOCATION_VERSION);

PGDLLEXPORT void _PG_init(void);

/* Defines the settings of the extension. */
void
_PG_init(void)
{
	/* Whoever could set it would change the plans of a call that works as somebody else. */
	DefineCustomBoolVariable("allocation.distributed",
							 "The tables of extension \"allocation\" are distributed over several nodes by SKU.",
							 NULL, &tables_are_distributed, false, PGC_SUSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("allocation");
	statement_install_planner();
}

/* The unit of work over the tables beside the function that is called. */
static UnitOfWork *
begin_reading(FunctionCallInfo fcinfo, Subtransaction *subtransaction)
{
	subtransaction_init(subtransaction, fcinfo->flinfo->fn_oid);
	return &subtransaction->base;
}

/* The same for a function that is about to write. */
static UnitOfWork *
begin(FunctionCallInfo fcinfo, Subtransaction *subtransaction, const char *function)
{
	PreventCommandIfReadOnly(function);
	return begin_reading(fcinfo, subtransaction);
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

/*
 * The batch that a function is to change: sku, ref and one argument more; or
 * without sku, which then is NULL.
 */
static Batch
batch_arguments(FunctionCallInfo fcinfo)
{
	bool		names_sku = PG_NARGS() == 3;

	return (Batch) {
		.sku = names_sku ? name_argument(fcinfo, 0, "sku") : NULL,
		.reference = name_argument(fcinfo, names_sku ? 1 : 0, "ref")
	};
}

/* The rows of a change to a batch, or an error that says why there is none. */
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

	spi_repository_begin_progress(&subtransaction.repository, 0);
	result = change_batch_quantity(uow, batch.sku, batch.reference, qty);
	spi_repository_end_progress(&subtransaction.repository);
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

/* The line that a function is called for: orderid, sku, qty, by, hold. */
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

/* The lines that a function is called for. */
typedef struct LinesArgument
{
	OrderLine  *lines;
	int			n;
} LinesArgument;

/* An error where an element of one of the arrays is not as it must be, the first line's first. */
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
 * The lines of one order, or of as many as there are lines: orderid or orderids,
 * skus, qtys; by and hold are the arguments from another one on.  There may be
 * millions, so nothing is copied before all of them have been checked.
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

/* Allocates lines that are given in arrays. */
static Datum
allocate_many(FunctionCallInfo fcinfo, UnitOfWork *uow, LinesArgument argument, bool all_or_nothing)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	LinesResult result;

	spi_repository_begin_progress(repository, argument.n);
	result = allocate_lines(uow, argument.lines, argument.n, all_or_nothing);
	spi_repository_end_progress(repository);
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
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "allocate_lines()");
	bool		all_or_nothing = flag_argument(fcinfo, 3, "all_or_nothing");

	return allocate_many(fcinfo, uow, lines_arguments(fcinfo, false, 4), all_or_nothing);
}

PG_FUNCTION_INFO_V1(allocation_allocate_order);

/*
 * allocate_order(orderid text, skus text[], qtys integer[], all_or_nothing boolean, by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_allocate_order(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "allocate_order()");
	bool		all_or_nothing = flag_argument(fcinfo, 3, "all_or_nothing");

	return allocate_many(fcinfo, uow, lines_arguments(fcinfo, true, 4), all_or_nothing);
}

/* Allocates n lines or says, as rows, why not. */
static Datum
try_to_allocate_many(FunctionCallInfo fcinfo, UnitOfWork *uow, OrderLine *lines, int n)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	LinesResult result;

	spi_repository_begin_progress(repository, n);
	result = try_allocate_lines(uow, lines, n);
	spi_repository_end_progress(repository);
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
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "try_allocate()");
	OrderLine	line = line_arguments(fcinfo);

	return try_to_allocate_many(fcinfo, uow, &line, 1);
}

PG_FUNCTION_INFO_V1(allocation_try_allocate_lines);

/*
 * try_allocate_lines(orderids text[], skus text[], qtys integer[], by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
 */
PGDLLEXPORT Datum
allocation_try_allocate_lines(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "try_allocate_lines()");
	LinesArgument argument = lines_arguments(fcinfo, false, 3);

	return try_to_allocate_many(fcinfo, uow, argument.lines, argument.n);
}

PG_FUNCTION_INFO_V1(allocation_try_allocate_order);

/*
 * try_allocate_order(orderid text, skus text[], qtys integer[], by date, hold interval)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
 */
PGDLLEXPORT Datum
allocation_try_allocate_order(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "try_allocate_order()");
	LinesArgument argument = lines_arguments(fcinfo, true, 3);

	return try_to_allocate_many(fcinfo, uow, argument.lines, argument.n);
}

PG_FUNCTION_INFO_V1(allocation_promise);

/* promise(sku text, qty integer, by date) RETURNS TABLE (batchref text, eta date) */
PGDLLEXPORT Datum
allocation_promise(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin_reading(fcinfo, &subtransaction);
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

	/* A line that is not there has nothing to give back: no error. */
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

	spi_repository_begin_progress(&subtransaction.repository, 0);
	result = reallocate_sku(uow, sku);
	spi_repository_end_progress(&subtransaction.repository);
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

/*
 * For the tables
 */

PG_FUNCTION_INFO_V1(allocation_batch_room);

/* batch_room(purchased_quantity integer, allocated_quantity integer, shipped_quantity integer) RETURNS integer */
PGDLLEXPORT Datum
allocation_batch_room(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(room_of_batch(PG_GETARG_INT32(0), PG_GETARG_INT32(1), PG_GETARG_INT32(2)));
}

PG_FUNCTION_INFO_V1(allocation_keep_allocated_batches);

/* What a row of the trigger's table has in one of its columns. */
static const char *
trigger_value(const TriggerData *trigger, HeapTuple row, const char *column)
{
	TupleDesc	columns = RelationGetDescr(trigger->tg_relation);
	int			number = SPI_fnumber(columns, column);
	const char *value = number > 0 ? SPI_getvalue(row, columns, number) : NULL;

	if (!value)
		refuse_table(RelationGetRelationName(trigger->tg_relation),
					 psprintf("It has no column \"%s\", or a null in it.", column));
	return value;
}

/* The key of the batch in a row of the trigger's table. */
static RowKey
trigger_batch(const TriggerData *trigger, HeapTuple row)
{
	return (RowKey) {
		.sku = trigger_value(trigger, row, "sku"),
		.name = trigger_value(trigger, row, "reference")
	};
}

/* The trigger on batches: one that serves lines is neither deleted nor renamed. */
PGDLLEXPORT Datum
allocation_keep_allocated_batches(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	Subtransaction subtransaction;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("keep_allocated_batches() must be called as an AFTER trigger for each row, or for TRUNCATE"));
	subtransaction_init(&subtransaction, fcinfo->flinfo->fn_oid);
	if (!installation_has_batches(&subtransaction.repository.tables, trigger->tg_relation))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("keep_allocated_batches() is for table \"batches\" of its extension, not for table \"%s\"",
					   RelationGetRelationName(trigger->tg_relation)));
	/* DELETE and TRUNCATE take what the snapshot of their transaction does not show, too. */
	subtransaction.repository.sees_latest = true;

	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		if (batch_serves_lines(&subtransaction.base, NULL))
			report_serving_batch(NULL);
	}
	else
	{
		RowKey		batch = trigger_batch(trigger, trigger->tg_trigtuple);

		if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		{
			RowKey		renamed = trigger_batch(trigger, trigger->tg_newtuple);

			if (strcmp(batch.name, renamed.name) == 0 && strcmp(batch.sku, renamed.sku) == 0)
				return PointerGetDatum(NULL);
		}
		if (batch_serves_lines(&subtransaction.base, &batch))
			report_serving_batch(batch.name);
	}
	return PointerGetDatum(NULL);
}
