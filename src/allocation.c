/*
 * allocation.c
 *		The functions that SQL calls: each reads its arguments, calls a service and
 *		returns its result.
 */
#include "postgres.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "arguments.h"
#include "results.h"
#include "services.h"
#include "statement.h"
#include "subtransaction.h"

PG_MODULE_MAGIC_EXT(.name = "allocation", .version = ALLOCATION_VERSION);

/* Lines of these SKUs and quantities; the orders are still to be filled in. */
static OrderLine *
new_lines(const ArrayArgument *skus, const ArrayArgument *qtys)
{
	OrderLine  *lines = MemoryContextAllocHuge(CurrentMemoryContext, skus->n * sizeof(OrderLine));

	for (int i = 0; i < skus->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		lines[i] = (OrderLine) {
			.sku = name_element(skus, i),
			.qty = quantity_element(qtys, i)
		};
	}
	return lines;
}

/*
 * The unit of work over the tables beside the function that is called, which
 * is about to write.
 */
static UnitOfWork *
begin(FunctionCallInfo fcinfo, Subtransaction *subtransaction, const char *function)
{
	PreventCommandIfReadOnly(function);
	subtransaction_init(subtransaction, get_func_namespace(fcinfo->flinfo->fn_oid));
	return &subtransaction->base;
}

/*
 * The functions
 */

PG_FUNCTION_INFO_V1(allocation_add_batch);

/* add_batch(ref text, sku text, qty integer, eta date) RETURNS void */
PGDLLEXPORT Datum
allocation_add_batch(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "add_batch()");
	Batch		batch = {
		.reference = name_argument(fcinfo, 0, "ref"),
		.sku = name_argument(fcinfo, 1, "sku"),
		.purchased_quantity = quantity_argument(fcinfo, 2),
		.under_way = !PG_ARGISNULL(3),
		.eta = PG_ARGISNULL(3) ? 0 : PG_GETARG_DATEADT(3)
	};
	Outcome		outcome = add_batch(uow, &batch);

	if (outcome != DONE)
		report_refused_batch(outcome, batch.reference);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(allocation_allocate);

/* allocate(orderid text, sku text, qty integer) RETURNS text */
PGDLLEXPORT Datum
allocation_allocate(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "allocate()");
	OrderLine	line = {
		.orderid = name_argument(fcinfo, 0, "orderid"),
		.sku = name_argument(fcinfo, 1, "sku"),
		.qty = quantity_argument(fcinfo, 2)
	};
	LineResult	result = allocate(uow, &line);

	return line_result(fcinfo, &result, &line);
}

PG_FUNCTION_INFO_V1(allocation_deallocate);

/* deallocate(orderid text, sku text) RETURNS text */
PGDLLEXPORT Datum
allocation_deallocate(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "deallocate()");
	const char *orderid = name_argument(fcinfo, 0, "orderid");
	const char *sku = name_argument(fcinfo, 1, "sku");
	LineResult	result = deallocate(uow, orderid, sku);

	/* A line that is not there has nothing to give back: no error. */
	return reference_result(fcinfo, result.outcome == DONE ? result.line.batchref : NULL);
}

PG_FUNCTION_INFO_V1(allocation_reallocate);

/* reallocate(orderid text, sku text, qty integer) RETURNS text */
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
	LineResult	result = reallocate(uow, &line);

	return line_result(fcinfo, &result, &line);
}

PG_FUNCTION_INFO_V1(allocation_change_batch_quantity);

/*
 * change_batch_quantity(ref text, qty integer)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_change_batch_quantity(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "change_batch_quantity()");
	const char *reference = name_argument(fcinfo, 0, "ref");
	int32		qty = batch_quantity_argument(fcinfo, 1);
	LinesResult result;

	spi_repository_begin_progress(&subtransaction.repository, 0);
	result = change_batch_quantity(uow, reference, qty);
	spi_repository_end_progress(&subtransaction.repository);
	if (result.refused.outcome != DONE)
		report_refused_batch(result.refused.outcome, reference);
	return lines_result(fcinfo, &result);
}

/* Allocates lines, the quantities of which the caller has asked for in qtys. */
static Datum
allocate_many(FunctionCallInfo fcinfo, UnitOfWork *uow, OrderLine *lines,
			  const ArrayArgument *qtys, bool all_or_nothing)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	LinesResult result;

	spi_repository_begin_progress(repository, qtys->n);
	result = allocate_lines(uow, lines, qtys->n, all_or_nothing);
	spi_repository_end_progress(repository);
	if (result.refused.outcome != DONE)
		report_refused_lines(&result, quantity_element(qtys, result.position));
	return lines_result(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(allocation_allocate_lines);

/*
 * allocate_lines(orderids text[], skus text[], qtys integer[], all_or_nothing boolean)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_allocate_lines(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "allocate_lines()");
	ArrayArgument orderids = array_argument(fcinfo, 0, "orderids", TEXTOID);
	ArrayArgument skus = array_argument(fcinfo, 1, "skus", TEXTOID);
	ArrayArgument qtys = array_argument(fcinfo, 2, "qtys", INT4OID);
	bool		all_or_nothing = flag_argument(fcinfo, 3, "all_or_nothing");
	OrderLine  *lines;

	refuse_unequal(&orderids, &skus);
	refuse_unequal(&orderids, &qtys);
	lines = new_lines(&skus, &qtys);
	for (int i = 0; i < orderids.n; i++)
		lines[i].orderid = name_element(&orderids, i);
	return allocate_many(fcinfo, uow, lines, &qtys, all_or_nothing);
}

PG_FUNCTION_INFO_V1(allocation_allocate_order);

/*
 * allocate_order(orderid text, skus text[], qtys integer[], all_or_nothing boolean)
 * RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
 */
PGDLLEXPORT Datum
allocation_allocate_order(PG_FUNCTION_ARGS)
{
	Subtransaction subtransaction;
	UnitOfWork *uow = begin(fcinfo, &subtransaction, "allocate_order()");
	const char *orderid = name_argument(fcinfo, 0, "orderid");
	ArrayArgument skus = array_argument(fcinfo, 1, "skus", TEXTOID);
	ArrayArgument qtys = array_argument(fcinfo, 2, "qtys", INT4OID);
	bool		all_or_nothing = flag_argument(fcinfo, 3, "all_or_nothing");
	OrderLine  *lines;

	refuse_unequal(&skus, &qtys);
	lines = new_lines(&skus, &qtys);
	for (int i = 0; i < skus.n; i++)
		lines[i].orderid = orderid;
	return allocate_many(fcinfo, uow, lines, &qtys, all_or_nothing);
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

	return lines_result(fcinfo, &result);
}

PG_FUNCTION_INFO_V1(allocation_batch_room);

/* batch_room(purchased_quantity integer, allocated_quantity integer) RETURNS integer */
PGDLLEXPORT Datum
allocation_batch_room(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(spi_repository_room(PG_GETARG_INT32(0), PG_GETARG_INT32(1)));
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

/* The identity of the batch in a row of the trigger's table. */
static Batch
trigger_batch(const TriggerData *trigger, HeapTuple row)
{
	return (Batch) {
		.reference = trigger_value(trigger, row, "reference"),
		.sku = trigger_value(trigger, row, "sku")
	};
}

/* The trigger on batches: one that serves lines is neither deleted nor renamed. */
PGDLLEXPORT Datum
allocation_keep_allocated_batches(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	Subtransaction subtransaction;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("keep_allocated_batches() must be called as an AFTER trigger"));
	subtransaction_init(&subtransaction, RelationGetNamespace(trigger->tg_relation));
	/* DELETE and TRUNCATE take what the snapshot of their transaction does not show, too. */
	subtransaction.repository.sees_latest = true;

	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		if (batch_serves_lines(&subtransaction.base, NULL))
			report_serving_batch(NULL);
	}
	else
	{
		Batch		batch = trigger_batch(trigger, trigger->tg_trigtuple);

		if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		{
			Batch		renamed = trigger_batch(trigger, trigger->tg_newtuple);

			if (strcmp(batch.reference, renamed.reference) == 0 && strcmp(batch.sku, renamed.sku) == 0)
				return PointerGetDatum(NULL);
		}
		if (batch_serves_lines(&subtransaction.base, &batch))
			report_serving_batch(batch.reference);
	}
	return PointerGetDatum(NULL);
}
