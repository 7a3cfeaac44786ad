/*
 * arguments.c
 *		Checks and reads the arguments of the functions that SQL calls.
 *
 * Errors name an argument as the caller does, and an element of an array by its
 * subscript.  Subscript 0 says that the argument is no element.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "adapters/dates.h"
#include "entrypoints/arguments.h"

/* In characters, so that the longest keys fit into an index in any encoding. */
#define MAX_NAME_LENGTH 255

/* The name of an argument, or of an element of it, for errors. */
static const char *
argument_name(const char *name, int subscript)
{
	return subscript > 0 ? psprintf("%s[%d]", name, subscript) : name;
}

/* Refuses a null. */
static void
refuse_null(bool is_null, const char *name, int subscript)
{
	if (is_null)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", argument_name(name, subscript)));
}

/* Refuses a name of an order, a SKU or a batch that is empty or too long. */
static const text *
checked_name(const text *value, const char *name, int subscript)
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
	return value;
}

/* Refuses a quantity below one. */
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

/* Reads the name of an order, a SKU or a batch. */
const char *
name_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return text_to_cstring(checked_name(PG_GETARG_TEXT_PP(n), name, 0));
}

/* Reads the argument qty, which is at least one. */
int32
quantity_argument(FunctionCallInfo fcinfo, int n)
{
	refuse_null(PG_ARGISNULL(n), "qty", 0);
	return checked_quantity(PG_GETARG_INT32(n), "qty", 0);
}

/* Reads the argument qty of a batch, which may be 0: the whole batch is lost. */
int32
batch_quantity_argument(FunctionCallInfo fcinfo, int n)
{
	int32		qty;

	refuse_null(PG_ARGISNULL(n), "qty", 0);
	qty = PG_GETARG_INT32(n);
	if (qty < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("qty must not be negative"),
				errdetail("It is %d.", qty));
	return qty;
}

/* Reads any number. */
int32
integer_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return PG_GETARG_INT32(n);
}

/* Reads true or false. */
bool
flag_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return PG_GETARG_BOOL(n);
}

/* Reads the ETA of a batch; a null is the warehouse. */
Day
eta_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? IN_WAREHOUSE : eta_of_date(PG_GETARG_DATEADT(n));
}

/* Reads the date by which a line is needed; a null sets none. */
void
date_argument(FunctionCallInfo fcinfo, int n, OrderLine *line)
{
	line->needed_by = PG_ARGISNULL(n) ? 0 : day_of_date(PG_GETARG_DATEADT(n));
}

/* Reads for how long from now a line is held; a null makes it firm. */
void
hold_argument(FunctionCallInfo fcinfo, int n, OrderLine *line)
{
	TimestampTz now;

	line->held_until = 0;
	if (PG_ARGISNULL(n))
		return;
	now = GetCurrentTimestamp();
	line->held_until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
															   PG_GETARG_DATUM(n)));
	if (line->held_until <= now || TIMESTAMP_NOT_FINITE(line->held_until))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("hold must be greater than zero, and finite"),
				errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(n)))));
}

/*
 * Arrays
 *
 * They may be large, so they are read in place: nothing is copied of an array that
 * is refused.
 */

/* Begins to read an array of one dimension.  Its elements are read, and checked, one by one. */
ArrayArgument
array_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	ArrayType  *array;

	refuse_null(PG_ARGISNULL(n), name, 0);
	array = PG_GETARG_ARRAYTYPE_P(n);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("%s must have one dimension", name),
				errdetail("It has %d.", ARR_NDIM(array)));
	return (ArrayArgument) {
		.name = name,
		.n = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0],
		.nulls = ARR_NULLBITMAP(array),
		/* ARR_DATA_PTR, but that compares an int with a size_t */
		.next = (char *) array + (ARR_HASNULL(array) ? (size_t) array->dataoffset : ARR_OVERHEAD_NONULLS(ARR_NDIM(array)))
	};
}

/* Refuses a null as the next element. */
static void
refuse_null_element(const ArrayArgument *argument)
{
	refuse_null(argument->nulls && att_isnull(argument->nread, argument->nulls), argument->name, argument->nread + 1);
}

/* Reads the next element, a name. */
const text *
next_name(ArrayArgument *argument)
{
	const text *value = (const text *) argument->next;

	refuse_null_element(argument);
	argument->next += INTALIGN(VARSIZE_ANY(value));
	return checked_name(value, argument->name, ++argument->nread);
}

/* Reads the next element, a quantity. */
int32
next_quantity(ArrayArgument *argument)
{
	int32		value;

	refuse_null_element(argument);
	value = *(const int32 *) argument->next;
	argument->next += sizeof(int32);
	return checked_quantity(value, argument->name, ++argument->nread);
}

/* Refuses two arrays of different lengths. */
void
refuse_unequal(const ArrayArgument *a, const ArrayArgument *b)
{
	if (a->n != b->n)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s and %s must have the same number of elements", a->name, b->name),
				errdetail("%s has %d, %s has %d.", a->name, a->n, b->name, b->n));
}

/* The key of a line, in the arrays.  An SKU that comes later in the call has a higher address. */
typedef struct Identity
{
	const text *sku;
	const text *orderid;		/* NULL if all lines are of one order */
} Identity;

static int
compare_names(const text *a, const text *b)
{
	int			length = VARSIZE_ANY_EXHDR(a);
	int			order = length - (int) VARSIZE_ANY_EXHDR(b);

	return order != 0 ? order : memcmp(VARDATA_ANY(a), VARDATA_ANY(b), length);
}

static int
compare_identities(const Identity *a, const Identity *b)
{
	int			order = compare_names(a->sku, b->sku);

	return order != 0 || !a->orderid ? order : compare_names(a->orderid, b->orderid);
}

/* Sorts lines so that those with the same key are neighbours, in the order of the call. */
static int
compare_lines(const void *a, const void *b, void *unused)
{
	int			order = compare_identities(a, b);
	const text *x = ((const Identity *) a)->sku;
	const text *y = ((const Identity *) b)->sku;

	return order != 0 ? order : (x > y) - (x < y);
}

/* The subscript of an element that has been read from the array. */
static int
position(ArrayArgument argument, const text *element)
{
	while (next_name(&argument) != element)
		;
	return argument.nread;
}

/* Refuses two lines with the same key.  All lines are of this order or, if that is NULL, of the orders in orderids. */
void
refuse_repeated_lines(const char *orderid, ArrayArgument orderids, ArrayArgument skus)
{
	ArrayArgument rest = skus;
	Identity   *lines = MemoryContextAllocHuge(CurrentMemoryContext, skus.n * sizeof(Identity));
	const Identity *repeated = NULL;

	for (int i = 0; i < skus.n; i++)
		lines[i] = (Identity) {.sku = next_name(&rest), .orderid = orderid ? NULL : next_name(&orderids)};
	qsort_interruptible(lines, skus.n, sizeof(Identity), compare_lines, NULL);
	for (int i = 1; i < skus.n; i++)
		if (compare_identities(&lines[i - 1], &lines[i]) == 0 && (!repeated || lines[i].sku < repeated->sku))
			repeated = &lines[i];
	if (repeated)
		ereport(ERROR,
				errcode(ERRCODE_CARDINALITY_VIOLATION),
				errmsg("order \"%s\" asks for sku \"%s\" twice in one call",
					   orderid ? orderid : text_to_cstring(repeated->orderid), text_to_cstring(repeated->sku)),
				errdetail("Lines %d and %d are the same.",
						  position(skus, repeated[-1].sku), position(skus, repeated->sku)),
				errhint("Make them one line with the sum of their quantities."));
	pfree(lines);
}
