/*
 * allocation.c
 *		The functions that SQL calls: they check their arguments, call a service
 *		and turn its outcome into a value or an error.
 */
#include "postgres.h"
#include "compat.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "services.h"
#include "subtransaction.h"

PG_MODULE_MAGIC;

/* The SQLSTATEs of the domain's own refusals. */
#define ERRCODE_INVALID_SKU MAKE_SQLSTATE('S', 'K', '0', '0', '1')
#define ERRCODE_OUT_OF_STOCK MAKE_SQLSTATE('S', 'K', '0', '0', '2')
#define ERRCODE_UNKNOWN_BATCH MAKE_SQLSTATE('S', 'K', '0', '0', '3')
#define ERRCODE_UNKNOWN_ORDER_LINE MAKE_SQLSTATE('S', 'K', '0', '0', '4')
#define ERRCODE_ORDER_LINE_CONFLICT MAKE_SQLSTATE('S', 'K', '0', '0', '5')

/* In characters; the longest keys of the tables then fit into an index whatever the encoding. */
#define MAX_NAME_LENGTH 255

/*
 * Arguments
 */

static void
refuse_null(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", name));
}

/* The n-th argument, which names something. */
static const char *
name_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	text	   *value;
	int			length;

	refuse_null(fcinfo, n, name);
	value = PG_GETARG_TEXT_PP(n);
	length = VARSIZE_ANY_EXHDR(value);
	if (length == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be empty", name));
	if (length > MAX_NAME_LENGTH)
		length = pg_mbstrlen_with_len(VARDATA_ANY(value), length);
	if (length > MAX_NAME_LENGTH)
		ereport(ERROR,
				errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				errmsg("%s must not be longer than %d characters", name, MAX_NAME_LENGTH),
				errdetail("It has %d.", length));
	return text_to_cstring(value);
}

/* The n-th argument, which says how many units. */
static int32
quantity_argument(FunctionCallInfo fcinfo, int n, bool zero_allowed)
{
	int32		qty;

	refuse_null(fcinfo, n, "qty");
	qty = PG_GETARG_INT32(n);
	if (qty < 0 || (qty == 0 && !zero_allowed))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				zero_allowed ? errmsg("qty must not be negative") : errmsg("qty must be greater than zero"),
				errdetail("It is %d.", qty));
	return qty;
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
 * Results
 */

/* The reference, or NULL for a line that waits. */
static Datum
reference_result(FunctionCallInfo fcinfo, const char *batchref)
{
	if (!batchref)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(batchref));
}

/* One row per line: orderid, sku, qty, batchref. */
static Datum
lines_result(FunctionCallInfo fcinfo, const OrderLine *lines, size_t n)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (const OrderLine *line = lines; line < lines + n; line++)
	{
		Datum		values[] = {
			CStringGetTextDatum(line->orderid),
			CStringGetTextDatum(line->sku),
			Int32GetDatum(line->qty),
			line->batchref ? CStringGetTextDatum(line->batchref) : (Datum) 0
		};
		bool		nulls[] = {false, false, false, line->batchref == NULL};

		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The batch of the line, or an error that says why it has none; asked is the line in the caller's words. */
static Datum
line_result(FunctionCallInfo fcinfo, const LineResult *result, const OrderLine *asked)
{
	const OrderLine *line = &result->line;

	switch (result->outcome)
	{
		case DONE:
			return reference_result(fcinfo, line->batchref);
		case INVALID_SKU:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_SKU),
					errmsg("Invalid sku %s", line->sku),
					errdetail("No batch has this SKU."),
					errhint("Record a batch of it with add_batch()."));
			break;
		case OUT_OF_STOCK:
			ereport(ERROR,
					errcode(ERRCODE_OUT_OF_STOCK),
					errmsg("Out of stock for sku %s", line->sku),
					errdetail("Order \"%s\" asks for %d, and the most that one batch has is %d.",
							  line->orderid, line->qty, result->most_available),
					errhint("Ask for less, or record another batch with add_batch()."));
			break;
		case UNKNOWN_ORDER_LINE:
			ereport(ERROR,
					errcode(ERRCODE_UNKNOWN_ORDER_LINE),
					errmsg("order \"%s\" has no line for sku \"%s\"", line->orderid, line->sku),
					errhint("Give a quantity to allocate the line."));
			break;
		case ORDER_LINE_CONFLICT:
			ereport(ERROR,
					errcode(ERRCODE_ORDER_LINE_CONFLICT),
					errmsg("order \"%s\" has a line for sku \"%s\" with another quantity", line->orderid, line->sku),
					errdetail("The line has %d, the call asks for %d.", line->qty, asked->qty),
					errhint("Change the quantity with reallocate()."));
			break;
		case UNKNOWN_BATCH:
		case BATCH_EXISTS:
			break;
	}
	elog(ERROR, "unexpected outcome: %d", (int) result->outcome);
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
		.purchased_quantity = quantity_argument(fcinfo, 2, false),
		.under_way = !PG_ARGISNULL(3),
		.eta = PG_ARGISNULL(3) ? 0 : PG_GETARG_DATEADT(3)
	};

	if (add_batch(uow, &batch) == BATCH_EXISTS)
		ereport(ERROR,
				errcode(ERRCODE_UNIQUE_VIOLATION),
				errmsg("batch \"%s\" already exists", batch.reference),
				errhint("Change its quantity with change_batch_quantity()."));
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
		.qty = quantity_argument(fcinfo, 2, false)
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
		.qty = PG_ARGISNULL(2) ? SAME_QUANTITY : quantity_argument(fcinfo, 2, false)
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
	int32		qty = quantity_argument(fcinfo, 1, true);
	BatchResult result = change_batch_quantity(uow, reference, qty);

	if (result.outcome == UNKNOWN_BATCH)
		ereport(ERROR,
				errcode(ERRCODE_UNKNOWN_BATCH),
				errmsg("batch \"%s\" does not exist", reference),
				errhint("Record it with add_batch()."));
	return lines_result(fcinfo, result.lines, result.nlines);
}

PG_FUNCTION_INFO_V1(allocation_keep_allocated_batches);

/* The identity of the batch in a row of the trigger's table. */
static Batch
trigger_batch(const TriggerData *trigger, HeapTuple row)
{
	TupleDesc	columns = RelationGetDescr(trigger->tg_relation);

	return (Batch) {
		.reference = SPI_getvalue(row, columns, SPI_fnumber(columns, "reference")),
		.sku = SPI_getvalue(row, columns, SPI_fnumber(columns, "sku"))
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

	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		if (batch_serves_lines(&subtransaction.base, NULL))
			ereport(ERROR,
					errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					errmsg("batches serve order lines"),
					errhint("Truncate order_lines together with batches."));
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
			ereport(ERROR,
					errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					errmsg("batch \"%s\" serves order lines", batch.reference),
					errhint("Move them with change_batch_quantity(), or give them back with deallocate()."));
	}
	return PointerGetDatum(NULL);
}
