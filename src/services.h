/*
 * services.h
 *		The use cases, one function each.  What they find out is a value, never
 *		an error; unless the outcome is DONE, nothing has changed.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include "unit_of_work.h"

typedef enum Outcome
{
	DONE = 0,
	INVALID_SKU,				/* no batch has the SKU */
	OUT_OF_STOCK,				/* no batch has room for the line */
	UNKNOWN_BATCH,
	UNKNOWN_ORDER_LINE,
	ORDER_LINE_CONFLICT,		/* the line is known with another quantity */
	REPEATED_LINE,				/* the line stands in the call twice */
	BATCH_EXISTS				/* the reference is known */
} Outcome;

/* What became of one order line. */
typedef struct LineResult
{
	Outcome		outcome;
	OrderLine	line;			/* DONE: as it is now, or was last; ORDER_LINE_CONFLICT: as it is
								 * known; else as it was asked for */
	int32_t		most_available; /* OUT_OF_STOCK: the most that one batch has */
} LineResult;

/* What became of many order lines. */
typedef struct LinesResult
{
	LineResult	refused;		/* its outcome is DONE unless one of the lines was refused, and all with it */
	size_t		position;		/* of that line, from 0 */
	size_t		first_position; /* REPEATED_LINE: where it stands first */
	size_t		nlines;
	OrderLine  *lines;			/* as they are now, or were last */
} LinesResult;

/* In a line to reallocate: the quantity that it has. */
#define SAME_QUANTITY 0

/* services.c */
extern Outcome add_batch(UnitOfWork *uow, const Batch *batch);
extern LineResult allocate(UnitOfWork *uow, const OrderLine *line);
extern LineResult deallocate(UnitOfWork *uow, const char *orderid, const char *sku);
extern LineResult reallocate(UnitOfWork *uow, const OrderLine *line);
extern bool batch_serves_lines(UnitOfWork *uow, const Batch *batch);

/* bulk_services.c */
extern LinesResult allocate_lines(UnitOfWork *uow, OrderLine *lines, size_t n, bool all_or_nothing);
extern LinesResult deallocate_order(UnitOfWork *uow, const char *orderid);
extern LinesResult change_batch_quantity(UnitOfWork *uow, const char *reference, int32_t qty);

#endif							/* SERVICES_H */
