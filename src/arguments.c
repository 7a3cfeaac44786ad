/*
 * arguments.c
 *		Checks and reads the arguments of the functions that SQL calls.
 *
 * Errors name them as the caller does: an element of an array by its subscript,
 * which is 0 for what is no element.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "arguments.h"

/* In characters; the longest keys of the tables then fit into an index whatever the encoding. */
#define MAX_NAME_LENGTH 255

/* What errors call an argument or, if the subscript is above 0, an element of it. */
static const char *
argument_name(const char *name, int subscript)
{
	return subscript > 0 ? psprintf("%s[%d]", name, subscript) : name;
}

/* An error where a value is null. */
static void
refuse_null(bool is_null, const char *name, int subscript)
{
	if (is_null)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", argument_name(name, subscript)));
}

/* What names an order, a SKU or a batch: a text that is neither empty nor too long. */
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

/* How many units: at least one. */
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

/* An argument that names an order, a SKU or a batch, and there must be one. */
const char *
name_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return checked_name(PG_GETARG_TEXT_PP(n), name, 0);
}

/* The argument qty: how many units, and at least one. */
int32
quantity_argument(FunctionCallInfo fcinfo, int n)
{
	refuse_null(PG_ARGISNULL(n), "qty", 0);
	return checked_quantity(PG_GETARG_INT32(n), "qty", 0);
}

/* The argument qty of a whole batch.  Unlike elsewhere, nothing is a quantity too: the batch is lost. */
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

/* An argument that is any number, and not null. */
int32
integer_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return PG_GETARG_INT32(n);
}

/* An argument that is true or false, and not null. */
bool
flag_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	refuse_null(PG_ARGISNULL(n), name, 0);
	return PG_GETARG_BOOL(n);
}

/* An argument that is the date of a line, unless it is null. */
void
date_argument(FunctionCallInfo fcinfo, int n, OrderLine *line)
{
	line->has_date = !PG_ARGISNULL(n);
	line->needed_by = line->has_date ? PG_GETARG_DATEADT(n) : 0;
}

/* An argument that says for how long from now a line is held; it is firm if that is null. */
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

/* An argument that is an array of this type and of one dimension; its elements are still to be checked. */
ArrayArgument
array_argument(FunctionCallInfo fcinfo, int n, const char *name, Oid type)
{
	ArrayArgument argument = {.name = name};
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
	deconstruct_array(array, type, length, by_value, alignment, &argument.values, &argument.nulls, &argument.n);
	return argument;
}

/* An element of an array, which must not be null; i counts from 0. */
static Datum
element(const ArrayArgument *argument, int i)
{
	refuse_null(argument->nulls[i], argument->name, i + 1);
	return argument->values[i];
}

/* An element that names an order, a SKU or a batch. */
const char *
name_element(const ArrayArgument *argument, int i)
{
	return checked_name(DatumGetTextPP(element(argument, i)), argument->name, i + 1);
}

/* An element that says how many units. */
int32
quantity_element(const ArrayArgument *argument, int i)
{
	return checked_quantity(DatumGetInt32(element(argument, i)), argument->name, i + 1);
}

/* An error where two arrays have not one element each for the same lines. */
void
refuse_unequal(const ArrayArgument *a, const ArrayArgument *b)
{
	if (a->n != b->n)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s and %s must have the same number of elements", a->name, b->name),
				errdetail("%s has %d, %s has %d.", a->name, a->n, b->name, b->n));
}
