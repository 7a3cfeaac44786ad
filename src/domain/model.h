/*
 * model.h
 *		Order lines, batches of stock, and what holds for one of each.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A day, counted from any epoch but above zero, so that days can be compared.
 * A batch that is in the warehouse precedes all days.  A deadline is the last
 * day that will do: NO_DEADLINE follows all days, and NEVER follows even that.
 */
typedef int64_t Day;

#define IN_WAREHOUSE 0
#define NO_DEADLINE (INT64_MAX - 1)
#define NEVER INT64_MAX			/* a batch is blocked until further notice */

/* A quantity of one SKU that one order asks for; (orderid, sku) identifies it. */
typedef struct OrderLine
{
	const char *orderid;
	const char *sku;
	int32_t		qty;
	int32_t		shipped_qty;	/* units of it that have left; the others are open */
	const char *batchref;		/* the batch that serves it, NULL while it waits */
	int64_t		ordered_at;		/* its turn: when it was first recorded */
	Day			needed_by;		/* the last day on which it can be used; 0 if any day will do */
	int64_t		held_until;		/* when its hold expires; 0 if it is firm */
} OrderLine;

/* A quantity of one SKU, bought together under a unique reference. */
typedef struct Batch
{
	const char *reference;
	const char *sku;
	int32_t		purchased_quantity;
	int32_t		allocated_quantity; /* includes what has shipped */
	int32_t		shipped_quantity;
	Day			eta;			/* when it arrives; IN_WAREHOUSE once it has, NEVER while it is blocked */
	int32_t		rank;			/* among batches with the same ETA, the lowest goes first */
} Batch;

extern int32_t line_open_quantity(const OrderLine *line);
extern bool line_waits(const OrderLine *line);
extern bool line_is_expired(const OrderLine *line, int64_t now);
extern int	line_compare_turns(const OrderLine *a, const OrderLine *b);
extern Day	line_deadline(const OrderLine *line);
extern Day	line_deadline_to_improve(const OrderLine *line, const Batch *own);

extern int32_t batch_available_quantity(const Batch *batch);
extern bool batch_comes_by(const Batch *batch, Day deadline);
extern bool batch_is_overallocated(const Batch *batch);
extern void batch_allocate(Batch *batch, OrderLine *line);
extern void batch_deallocate(Batch *batch, OrderLine *line);
extern bool batch_is_as_good_as(const Batch *a, const Batch *b);
extern bool batch_precedes(const Batch *a, const Batch *b);

#endif							/* MODEL_H */
