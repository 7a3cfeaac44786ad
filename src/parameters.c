/*
 * parameters.c
 *		Makes values and arrays of what the domain has.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "parameters.h"

/* A number. */
NullableDatum
number(int32 value)
{
	return (NullableDatum) {.value = Int32GetDatum(value)};
}

/* A text; a null for NULL. */
NullableDatum
string(const char *value)
{
	if (!value)
		return (NullableDatum) {.isnull = true};
	return (NullableDatum) {.value = CStringGetTextDatum(value)};
}

/*
 * The columns of lines, of charges and of demands: what each says of the element
 * at a position.
 */

/* Lines come as an array of pointers to them. */
static const OrderLine *
line_at(const void *lines, size_t i)
{
	return ((OrderLine *const *) lines)[i];
}

/* The order of a line. */
NullableDatum
line_orderid(const void *lines, size_t i)
{
	return string(line_at(lines, i)->orderid);
}

/* The SKU of a line. */
NullableDatum
line_sku(const void *lines, size_t i)
{
	return string(line_at(lines, i)->sku);
}

/* The quantity of a line. */
NullableDatum
line_qty(const void *lines, size_t i)
{
	return number(line_at(lines, i)->qty);
}

/* The batch that serves a line; a null while it waits. */
NullableDatum
line_batchref(const void *lines, size_t i)
{
	return string(line_at(lines, i)->batchref);
}

/* When a line got its batch; a null while it waits. */
NullableDatum
line_allocated_at(const void *lines, size_t i)
{
	const OrderLine *line = line_at(lines, i);

	return (NullableDatum) {.value = TimestampTzGetDatum(line->allocated_at), .isnull = !line->batchref};
}

/* The SKU of the batch that is charged. */
NullableDatum
charge_sku(const void *charges, size_t i)
{
	return string(((const Charge *) charges)[i].sku);
}

/* The reference of the batch that is charged. */
NullableDatum
charge_reference(const void *charges, size_t i)
{
	return string(((const Charge *) charges)[i].reference);
}

/* How many units are charged. */
NullableDatum
charge_units(const void *charges, size_t i)
{
	return number(((const Charge *) charges)[i].units);
}

/* The SKU that is asked for. */
NullableDatum
demand_sku(const void *demands, size_t i)
{
	return string(((const Demand *) demands)[i].sku);
}

/* How many units are asked for. */
NullableDatum
demand_qty(const void *demands, size_t i)
{
	return number(((const Demand *) demands)[i].qty);
}

/*
 * Arrays
 */

/* An array of one dimension, of a type for arrays. */
static NullableDatum
array(Datum *values, bool *nulls, int n, Oid array_type)
{
	Oid			type = get_element_type(array_type);
	int16		length;
	bool		by_value;
	char		alignment;
	int			lower_bound = 1;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return (NullableDatum) {
		.value = PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower_bound,
													type, length, by_value, alignment))
	};
}

/* What a column says of the elements from one position up to, but not including, another one. */
NullableDatum
column_array(const Column *column, size_t from, size_t to, Oid array_type)
{
	Datum	   *values = palloc((to - from) * sizeof(Datum));
	bool	   *nulls = palloc((to - from) * sizeof(bool));

	for (size_t i = from; i < to; i++)
	{
		NullableDatum value = column->value(column->elements, i);

		values[i - from] = value.value;
		nulls[i - from] = value.isnull;
	}
	return array(values, nulls, (int) (to - from), array_type);
}
