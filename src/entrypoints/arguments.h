/*
 * arguments.h
 *		Reads and checks the arguments of the functions that SQL calls.  An error
 *		names the argument.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "fmgr.h"

#include "domain/model.h"

/* An array with one element for each line, and how far it has been read. */
typedef struct ArrayArgument
{
	const char *name;
	int			n;
	const uint8 *nulls;			/* NULL if no element is null */
	const char *next;			/* the next element */
	int			nread;
} ArrayArgument;

extern const char *name_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern int32 quantity_argument(FunctionCallInfo fcinfo, int n);
extern int32 batch_quantity_argument(FunctionCallInfo fcinfo, int n);
extern int32 integer_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern bool flag_argument(FunctionCallInfo fcinfo, int n, const char *name);

extern Day	eta_argument(FunctionCallInfo fcinfo, int n);
extern void date_argument(FunctionCallInfo fcinfo, int n, OrderLine *line);
extern void hold_argument(FunctionCallInfo fcinfo, int n, OrderLine *line);

extern ArrayArgument array_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern const text *next_name(ArrayArgument *argument);
extern int32 next_quantity(ArrayArgument *argument);
extern void refuse_unequal(const ArrayArgument *a, const ArrayArgument *b);
extern void refuse_repeated_lines(const char *orderid, ArrayArgument orderids, ArrayArgument skus);

#endif							/* ARGUMENTS_H */
