/*
 * arguments.h
 *		The arguments of the functions that SQL calls, read and checked.  What is
 *		not as it must be is an error that names the argument.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "fmgr.h"

#include "model.h"

/* An array with one element for each line. */
typedef struct ArrayArgument
{
	const char *name;
	Datum	   *values;
	bool	   *nulls;
	int			n;
} ArrayArgument;

extern const char *name_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern int32 quantity_argument(FunctionCallInfo fcinfo, int n);
extern int32 batch_quantity_argument(FunctionCallInfo fcinfo, int n);
extern int32 integer_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern bool flag_argument(FunctionCallInfo fcinfo, int n, const char *name);

extern void date_argument(FunctionCallInfo fcinfo, int n, OrderLine *line);
extern void hold_argument(FunctionCallInfo fcinfo, int n, OrderLine *line);

extern ArrayArgument array_argument(FunctionCallInfo fcinfo, int n, const char *name, Oid type);
extern const char *name_element(const ArrayArgument *argument, int i);
extern int32 quantity_element(const ArrayArgument *argument, int i);
extern void refuse_unequal(const ArrayArgument *a, const ArrayArgument *b);

#endif							/* ARGUMENTS_H */
