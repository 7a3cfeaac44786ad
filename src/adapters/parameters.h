/*
 * parameters.h
 *		Values and arrays, as parameters of statements.
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include "service_layer/repository.h"

extern NullableDatum number(int32 value);
extern NullableDatum string(const char *value);
extern NullableDatum batch_eta(const Batch *batch);

/* A parameter that is an array: what a function says of each of these lines, charges or demands. */
typedef struct Column
{
	const void *elements;
	NullableDatum (*value) (const void *elements, size_t i);
} Column;

/* Of lines, which come as pointers to them. */
extern NullableDatum line_place(const void *lines, size_t i);
extern NullableDatum line_version(const void *lines, size_t i);
extern NullableDatum line_orderid(const void *lines, size_t i);
extern NullableDatum line_sku(const void *lines, size_t i);
extern NullableDatum line_qty(const void *lines, size_t i);
extern NullableDatum line_shipped_qty(const void *lines, size_t i);
extern NullableDatum line_ordered_at(const void *lines, size_t i);
extern NullableDatum line_batchref(const void *lines, size_t i);
extern NullableDatum line_needed_by(const void *lines, size_t i);
extern NullableDatum line_held_until(const void *lines, size_t i);

/* Of charges. */
extern NullableDatum charge_sku(const void *charges, size_t i);
extern NullableDatum charge_reference(const void *charges, size_t i);
extern NullableDatum charge_units(const void *charges, size_t i);
extern NullableDatum charge_eta(const void *charges, size_t i);

/* Of demands. */
extern NullableDatum demand_sku(const void *demands, size_t i);
extern NullableDatum demand_qty(const void *demands, size_t i);

/* Of SKUs, and of a time that is the same for all. */
extern NullableDatum sku(const void *skus, size_t i);
extern NullableDatum time_of_all(const void *time, size_t i);

extern size_t end_of_sku(const Column *columns, int ncolumns, size_t from, size_t to);
extern NullableDatum column_array(const Column *column, size_t from, size_t to, Oid array_type);

#endif							/* PARAMETERS_H */
