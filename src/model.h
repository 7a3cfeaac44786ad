/*
 * model.h
 *		The domain: order lines, batches of stock, and the rules that tie one to
 *		the other.  Each rule stands here once.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* A quantity of one SKU that one order asks for; (orderid, sku) identifies it. */
typedef struct OrderLine
{
	const char *orderid;
	const char *sku;
	int32_t		qty;
	const char *batchref;		/* the batch that serves it, NULL while it waits */
} OrderLine;

/* A quantity of one SKU, bought together under a unique reference. */
typedef struct Batch
{
	const char *reference;
	const char *sku;
	int32_t		purchased_quantity;
	int32_t		allocated_quantity;
	bool		under_way;		/* a shipment; false once in the warehouse */
	int32_t		eta;			/* of a shipment: a day, counted from any epoch */
} Batch;

extern int32_t batch_available_quantity(const Batch *batch);
extern bool batch_can_allocate(const Batch *batch, const OrderLine *line);
extern bool batch_is_overallocated(const Batch *batch);
extern void batch_allocate(Batch *batch, OrderLine *line);
extern void batch_deallocate(Batch *batch, OrderLine *line);
extern bool batch_precedes(const Batch *a, const Batch *b);

#endif							/* MODEL_H */
