/*
 * model.h
 *		The domain: order lines, batches of stock, and the rules that tie one to
 *		the other.  Each rule stands here once.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A quantity of one SKU that one order asks for; (orderid, sku) identifies it. */
typedef struct OrderLine
{
	const char *orderid;
	const char *sku;
	int32_t		qty;
	const char *batchref;		/* the batch that serves it, NULL while it waits */
	int64_t		allocated_at;	/* if it has a batch: later means newer */
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
	bool		is_taken;		/* another transaction is taking from it at this moment, as it seems */
	uint64_t	place;			/* where storage has it, for storage; 0 says nothing */
} Batch;

/* Lines of one SKU that want a batch, in the order in which they are to be served. */
typedef struct LineQueue
{
	OrderLine **lines;
	size_t		leaves;
	uint32_t   *smallest;		/* a binary tree: the smallest quantity below each node that still waits */
} LineQueue;

extern int32_t batch_available_quantity(const Batch *batch);
extern bool batch_can_allocate(const Batch *batch, const OrderLine *line);
extern bool batch_is_overallocated(const Batch *batch);
extern void batch_allocate(Batch *batch, OrderLine *line);
extern void batch_deallocate(Batch *batch, OrderLine *line);
extern bool batch_is_as_good_as(const Batch *a, const Batch *b);
extern bool batch_precedes(const Batch *a, const Batch *b);

extern size_t line_queue_size(size_t n);
extern void line_queue_init(LineQueue *queue, OrderLine **lines, size_t n, uint32_t *memory);
extern bool line_queue_is_empty(const LineQueue *queue);
extern int32_t line_queue_serve(LineQueue *queue, Batch *batch);

#endif							/* MODEL_H */
