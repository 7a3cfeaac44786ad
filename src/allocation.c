/*
 * allocation.c
 *		The functions that SQL calls: they check their arguments, call a service
 *		and turn its outcome into a value or an error.
 */
#include "postgres.h"

#include "compat.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "services.h"
#include "statement.h"
#include "subtransaction.h"

PG_MODULE_MAGIC_EXT(.name = "allocation", .version = ALLOCATION_VERSION);

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
 *
 * Errors name them as the caller does: an element of an array by its subscript,
 * which is 0 for what is no element.
 */

static const char *
argument_name(const char *name, int subscript)
{
	return subscript > 0 ? psprintf("%s[%d]", name, subscript) : name;
}

static void
refuse_null(bool is_null, const char *name, int subscript)
{
	if (is_null)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", argument_name(name, subscript)));
}

/* What names an order, a SKU or a batch. */
static const char *
checked_name(text *value, const char *name, int subscript)
{
	int			length = VARSIZE_ANY_EXHDR(value);

	if (length == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be empty", argument_name(name, subscript)));
	if (length > MAX_NAME_LENGTH)
		length = pg_mbstrlen_with_len(VARDATA_ANY(value), length);
	if (length > MAX_NAME_LENGTH)
		ereport(ERROR,
				errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				errmsg("%s must not be longer than %d characters",
					   argument_name(name, subscript), MAX_NAME_LENGTH),
				errdetail("It has %d.", length));
	return text_to_cstring(value);
}

/* How many units. */
static int32
checked_quantity(int32 qty, const char *name, int subscript)
{
	if (qty <= 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must be greater than zero", argument_name(name, subscript)),
				errdetail("It is %d.", qty));
	return qty;
}

static const char *
name_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return checked_name(PG_GETARG_TEXT_PP(n), name, 0);
}

static int32
quantity_argument(FunctionCallInfo fcinfo, int n)
{
	refuse_null(PG_ARGISNULL(n), "qty", 0);
	return checked_quantity(PG_GETARG_INT32(n), "qty", 0);
}

static bool
flag_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return PG_GETARG_BOOL(n);
}

/* An array with one element for each line. */
typedef struct Column
{
	const char *name;
	Datum	   *values;
	bool	   *nulls;
	int			n;
} Column;

static Column
array_argument(FunctionCallInfo fcinfo, int n, const char *name, Oid type)
{
	Column		column = {.name = name};
	ArrayType  *array;
	int16		length;
	bool		by_value;
	char		alignment;

	refuse_null(PG_ARGISNULL(n), name, 0);
	array = PG_GETARG_ARRAYTYPE_P(n);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("%s must have one dimension", name),
				errdetail("It has %d.", ARR_NDIM(array)));
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(array, type, length, by_value, alignment, &column.values, &column.nulls, &column.n);
	return column;
}

/* An element of a column, and there must be one. */
static Datum
element(const Column *column, int i)
{
	refuse_null(column->nulls[i], column->name, i + 1);
	return column->values[i];
}

static const char *
name_element(const Column *column, int i)
{
	return checked_name(DatumGetTextPP(element(column, i)), column->name, i + 1);
}

static void
refuse_unequal(const Column *a, const Column *b)
{
	if (a->n != b->n)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s and %s must have the same number of elements", a->name, b->name),
				errdetail("%s has %d, %s has %d.", a->name, a->n, b->name, b->n));
}

/* Lines of these SKUs and quantities; the orders are still to be filled in. */
static OrderLine *
new_lines(const Column *skus, const Column *qtys)
{
	OrderLine  *lines = MemoryContextAllocHuge(CurrentMemoryContext, skus->n * sizeof(OrderLine));

	for (int i = 0; i < skus->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		lines[i] = (OrderLine) {
			.sku = name_element(skus, i),
			.qty = checked_quantity(DatumGetInt32(element(qtys, i)), "qtys", i + 1)
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

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Says why a line has no batch; asked is its quantity, position where it stands in an array, or 0. */
static void
report_refusal(const LineResult *refused, int32 asked, size_t position)
{
	const OrderLine *line = &refused->line;
	const char *order = position > 0 ? psprintf("Line %zu: order", position) : "Order";

	switch (refused->outcome)
	{
		case INVALID_SKU:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_SKU),
					errmsg("Invalid sku %s", line->sku),
					errdetail("%s \"%s\" asks for %d of SKU \"%s\", which no batch has.",
							  order, line->orderid, line->qty, line->sku),
					errhint("Record a batch of it with add_batch()."));
			break;
		case OUT_OF_STOCK:
			ereport(ERROR,
					errcode(ERRCODE_OUT_OF_STOCK),
					errmsg("Out of stock for sku %s", line->sku),
					errdetail("%s \"%s\" asks for %d of SKU \"%s\", and the most that one batch has is %d.",
							  order, line->orderid, line->qty, line->sku, refused->most_available),
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
					errdetail("%s \"%s\" has %d of SKU \"%s\", and %d are asked for.",
							  order, line->orderid, line->qty, line->sku, asked),
					errhint("Change the quantity with reallocate()."));
			break;
		default:
			elog(ERROR, "unexpected outcome: %d", (int) refused->outcome);
	}
}

/* The batch of the line, or an error that says why it has none. */
static Datum
line_result(FunctionCallInfo fcinfo, const LineResult *result, const OrderLine *asked)
{
	if (result->outcome != DONE)
		report_refusal(result, asked->qty, 0);
	return reference_result(fcinfo, result->line.batchref);
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
	LinesResult result;
	int32		qty;

	/* Unlike elsewhere, nothing is a quantity too: the batch is lost. */
	refuse_null(PG_ARGISNULL(1), "qty", 0);
	qty = PG_GETARG_INT32(1);
	if (qty < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("qty must not be negative"),
				errdetail("It is %d.", qty));

	spi_repository_begin_progress(&subtransaction.repository, 0);
	result = change_batch_quantity(uow, reference, qty);
	spi_repository_end_progress(&subtransaction.repository);
	if (result.refused.outcome == UNKNOWN_BATCH)
		ereport(ERROR,
				errcode(ERRCODE_UNKNOWN_BATCH),
				errmsg("batch \"%s\" does not exist", reference),
				errhint("Record it with add_batch()."));
	return lines_result(fcinfo, result.lines, result.nlines);
}

/* Allocates lines, the quantities of which the caller has asked for in qtys. */
static Datum
allocate_many(FunctionCallInfo fcinfo, UnitOfWork *uow, OrderLine *lines,
			  const Column *qtys, bool all_or_nothing)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	LinesResult result;

	spi_repository_begin_progress(repository, qtys->n);
	result = allocate_lines(uow, lines, qtys->n, all_or_nothing);
	spi_repository_end_progress(repository);
	if (result.refused.outcome == REPEATED_LINE)
		ereport(ERROR,
				errcode(ERRCODE_CARDINALITY_VIOLATION),
				errmsg("order \"%s\" asks for sku \"%s\" twice in one call",
					   result.refused.line.orderid, result.refused.line.sku),
				errdetail("Lines %zu and %zu are the same.", result.first_position + 1, result.position + 1),
				errhint("Make them one line with the sum of their quantities."));
	if (result.refused.outcome != DONE)
		report_refusal(&result.refused, DatumGetInt32(qtys->values[result.position]), result.position + 1);
	return lines_result(fcinfo, result.lines, result.nlines);
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
	Column		orderids = array_argument(fcinfo, 0, "orderids", TEXTOID);
	Column		skus = array_argument(fcinfo, 1, "skus", TEXTOID);
	Column		qtys = array_argument(fcinfo, 2, "qtys", INT4OID);
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
	Column		skus = array_argument(fcinfo, 1, "skus", TEXTOID);
	Column		qtys = array_argument(fcinfo, 2, "qtys", INT4OID);
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

	return lines_result(fcinfo, result.lines, result.nlines);
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
			ereport(ERROR,
					errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					errmsg("batches serve order lines"),
					errhint("TRUNCATE batches, order_lines empties both."));
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
