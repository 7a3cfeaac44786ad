/*
 * parameters.c
 *		Makes values and arrays of what the domain has.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "adapters/dates.h"
#include "adapters/parameters.h"
#include "adapters/rows.h"

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

/* When a batch comes; a null for the warehouse. */
NullableDatum
batch_eta(const Batch *batch)
{
	return (NullableDatum) {.value = DateADTGetDatum(date_of_day(batch->eta)), .isnull = batch->eta == IN_WAREHOUSE};
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

/* Where the row of a line is. */
NullableDatum
line_place(const void *lines, size_t i)
{
	ItemPointer tid = palloc(sizeof(ItemPointerData));

	*tid = place_tid(line_at(lines, i)->place);
	return (NullableDatum) {.value = PointerGetDatum(tid)};
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

/* How many units of a line have left. */
NullableDatum
line_shipped_qty(const void *lines, size_t i)
{
	return number(line_at(lines, i)->shipped_qty);
}

/* The turn of a line. */
NullableDatum
line_ordered_at(const void *lines, size_t i)
{
	return (NullableDatum) {.value = TimestampTzGetDatum(line_at(lines, i)->ordered_at)};
}

/* The batch that serves a line; a null while it waits. */
NullableDatum
line_batchref(const void *lines, size_t i)
{
	return string(line_at(lines, i)->batchref);
}

/* The date of a line; a null if it has none. */
NullableDatum
line_needed_by(const void *lines, size_t i)
{
	const OrderLine *line = line_at(lines, i);

	return (NullableDatum) {.value = DateADTGetDatum(date_of_day(line->needed_by)), .isnull = line->needed_by == 0};
}

/* When the hold of a line expires; a null if it is firm. */
NullableDatum
line_held_until(const void *lines, size_t i)
{
	const OrderLine *line = line_at(lines, i);

	return (NullableDatum) {.value = TimestampTzGetDatum(line->held_until), .isnull = line->held_until == 0};
}

/* Which version of its row a line is. */
NullableDatum
line_version(const void *lines, size_t i)
{
	return (NullableDatum) {.value = TransactionIdGetDatum(line_at(lines, i)->version)};
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

/* The day on which a charge relies, and -infinity for the warehouse; a null if on none. */
NullableDatum
charge_eta(const void *charges, size_t i)
{
	const Charge *charge = &((const Charge *) charges)[i];

	return (NullableDatum) {
		.value = DateADTGetDatum(charge->eta == IN_WAREHOUSE ? DATEVAL_NOBEGIN : date_of_day(charge->eta)),
		.isnull = !charge->relies_on_day
	};
}

/* A SKU. */
NullableDatum
sku(const void *skus, size_t i)
{
	return string(((const char *const *) skus)[i]);
}

/* The time. */
NullableDatum
time_of_all(const void *time, size_t i)
{
	return (NullableDatum) {.value = TimestampTzGetDatum(*(const TimestampTz *) time)};
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

/* Up to which position, at most that given, the elements from another one on have the same SKU; columns say which. */
size_t
end_of_sku(const Column *columns, int ncolumns, size_t from, size_t to)
{
	for (const Column *column = columns; column < columns + ncolumns; column++)
	{
		Datum		first;

		if (column->value != line_sku && column->value != charge_sku && column->value != demand_sku &&
			column->value != sku)
			continue;
		first = column->value(column->elements, from).value;
		for (size_t i = from + 1; i < to; i++)
			if (!datumIsEqual(first, column->value(column->elements, i).value, false, -1))
				return i;
	}
	return to;
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
