/*
 * services.h
 *		The use cases, one function each.  A refusal is a value, never an error;
 *		unless the outcome is DONE, nothing has changed.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include "service_layer/unit_of_work.h"

typedef enum Outcome
{
	DONE = 0,
	INVALID_SKU,				/* no batch has the SKU */
	OUT_OF_STOCK,				/* no batch has room for the line and arrives in time */
	UNKNOWN_BATCH,
	UNKNOWN_ORDER_LINE,
	ORDER_LINE_CONFLICT,		/* the line is known with another quantity */
	DATE_CONFLICT,				/* the line is known, and its batch arrives after the date asked for */
	ALREADY_SHIPPED,			/* more has shipped than the call would leave */
	NOT_IN_WAREHOUSE,			/* a line to be shipped waits, or its batch is not in the warehouse */
	SHIPS_TOO_MUCH,				/* more than the line asks for */
	BATCH_EXISTS				/* the reference is known */
} Outcome;

/* What became of one order line. */
typedef struct LineResult
{
	Outcome		outcome;
	OrderLine	line;			/* DONE: as it is now, or was last; INVALID_SKU, OUT_OF_STOCK,
								 * UNKNOWN_ORDER_LINE: as it was asked for; else as it is known */
	int32_t		most_available; /* OUT_OF_STOCK: the most that one batch has in time */
	Day			eta;			/* OUT_OF_STOCK: the earliest day on which a batch could serve it, NEVER if none can;
								 * DATE_CONFLICT, NOT_IN_WAREHOUSE: that of its batch, if it has one */
} LineResult;

/* What became of many order lines. */
typedef struct LinesResult
{
	LineResult	refused;		/* why the call was refused, as a whole or for one of the lines; or DONE */
	size_t		position;		/* of that line, from 0 */
	Batch		batch;			/* ALREADY_SHIPPED, where a batch was to be changed: as it is */
	size_t		nlines;
	OrderLine  *lines;			/* as they are now, or were last */
	LineResult *each;			/* of try_allocate_lines: what became of each line, or would become of it alone */
} LinesResult;

/* As the quantity to reallocate or ship: the one that the line has. */
#define SAME_QUANTITY 0

/* batches.c: the SKU of a batch to change may be NULL */
extern Outcome add_batch(UnitOfWork *uow, const Batch *batch);
extern LinesResult change_batch_quantity(UnitOfWork *uow, const char *sku, const char *reference, int32_t qty);
extern LinesResult change_batch_eta(UnitOfWork *uow, const char *sku, const char *reference, Day eta);
extern bool batch_serves_lines(UnitOfWork *uow, const RowKey *batch);

/* allocating.c: a call names no line twice */
extern LineResult allocate(UnitOfWork *uow, const OrderLine *line);
extern LinesResult allocate_lines(UnitOfWork *uow, OrderLine *lines, size_t n, bool all_or_nothing);
extern LinesResult try_allocate_lines(UnitOfWork *uow, OrderLine *lines, size_t n);
extern LineResult reallocate(UnitOfWork *uow, const OrderLine *line);
extern bool promise(UnitOfWork *uow, const OrderLine *line, Batch *batch);

/* moving.c */
extern LineResult deallocate(UnitOfWork *uow, const char *orderid, const char *sku);
extern LinesResult deallocate_order(UnitOfWork *uow, const char *orderid);
extern LinesResult reallocate_sku(UnitOfWork *uow, const char *sku);

/* shipping.c */
extern LineResult ship(UnitOfWork *uow, const char *orderid, const char *sku, int32_t total);
extern LinesResult ship_order(UnitOfWork *uow, const char *orderid, bool all_or_nothing);

#endif							/* SERVICES_H */
