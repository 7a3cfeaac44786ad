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
	BATCH_EXISTS				/* the reference is known */
} Outcome;

/* What became of one order line. */
typedef struct LineResult
{
	Outcome		outcome;
	OrderLine	line;			/* as it is now; where the call has failed for another
								 * reason than what is known of it, as asked for */
	int32_t		most_available; /* OUT_OF_STOCK: the most that one batch has */
} LineResult;

/* What became of the lines that left a batch. */
typedef struct BatchResult
{
	Outcome		outcome;
	size_t		nlines;
	OrderLine  *lines;			/* as they are now, in the order they left */
} BatchResult;

/* In a line to reallocate: the quantity that it has. */
#define SAME_QUANTITY 0

extern Outcome add_batch(UnitOfWork *uow, const Batch *batch);
extern LineResult allocate(UnitOfWork *uow, const OrderLine *line);
extern LineResult deallocate(UnitOfWork *uow, const char *orderid, const char *sku);
extern LineResult reallocate(UnitOfWork *uow, const OrderLine *line);
extern BatchResult change_batch_quantity(UnitOfWork *uow, const char *reference, int32_t qty);
extern bool batch_serves_lines(UnitOfWork *uow, const Batch *batch);

#endif							/* SERVICES_H */
