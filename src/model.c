/*
 * model.c
 *		The rules of the domain.
 */
#include "model.h"

#include <string.h>

/* The units of the batch that no line has taken; below zero only while a smaller batch gives up lines. */
int32_t
batch_available_quantity(const Batch *batch)
{
	return batch->purchased_quantity - batch->allocated_quantity;
}

/* Can the batch serve the whole line?  A line is never split. */
bool
batch_can_allocate(const Batch *batch, const OrderLine *line)
{
	return strcmp(batch->sku, line->sku) == 0 &&
		batch_available_quantity(batch) >= line->qty;
}

/* Has the batch promised more than it holds?  So it is once it turns out smaller than was bought. */
bool
batch_is_overallocated(const Batch *batch)
{
	return batch_available_quantity(batch) < 0;
}

/* Ties the line to the batch, which must have room for it. */
void
batch_allocate(Batch *batch, OrderLine *line)
{
	batch->allocated_quantity += line->qty;
	line->batchref = batch->reference;
}

/* Gives the units of the line back to the batch that serves it; the line waits. */
void
batch_deallocate(Batch *batch, OrderLine *line)
{
	batch->allocated_quantity -= line->qty;
	line->batchref = NULL;
}

/* Below, above or equal to zero as a is better than b, worse or equally good: the warehouse, then the earliest shipment. */
static int
compare_goodness(const Batch *a, const Batch *b)
{
	if (a->under_way != b->under_way)
		return a->under_way ? 1 : -1;
	return a->under_way ? (a->eta > b->eta) - (a->eta < b->eta) : 0;
}

/*
 * Is one batch as good as the other?  Then it does not matter which of them
 * serves a line, and whoever is in a hurry takes one that nobody else is taking
 * from.
 */
bool
batch_is_as_good_as(const Batch *a, const Batch *b)
{
	return compare_goodness(a, b) == 0;
}

/* The preference order: the better batch, and by reference where they are equally good. */
bool
batch_precedes(const Batch *a, const Batch *b)
{
	int			order = compare_goodness(a, b);

	return order != 0 ? order < 0 : strcmp(a->reference, b->reference) < 0;
}

/*
 * The queue.  Serving line by line, each from the first batch that can, and
 * serving batch by batch, each to all the lines that it can in their order, ties
 * every line to the same batch.  The latter reads each batch once.
 */

#define SERVED UINT32_MAX

/* The leaves of a tree over n lines: a power of two. */
static size_t
leaves_for(size_t n)
{
	size_t		leaves = 1;

	while (leaves < n)
		leaves *= 2;
	return leaves;
}

/* How many elements of memory the queue of n lines takes. */
size_t
line_queue_size(size_t n)
{
	return 2 * leaves_for(n);
}

static void
refresh_node(LineQueue *queue, size_t node)
{
	uint32_t	left = queue->smallest[2 * node];
	uint32_t	right = queue->smallest[2 * node + 1];

	queue->smallest[node] = left < right ? left : right;
}

/* Queues n lines that have no batch. */
void
line_queue_init(LineQueue *queue, OrderLine **lines, size_t n, uint32_t *memory)
{
	queue->lines = lines;
	queue->leaves = leaves_for(n);
	queue->smallest = memory;
	for (size_t i = 0; i < queue->leaves; i++)
		queue->smallest[queue->leaves + i] = i < n ? (uint32_t) lines[i]->qty : SERVED;
	for (size_t node = queue->leaves - 1; node > 0; node--)
		refresh_node(queue, node);
}

/* Has every line been served? */
bool
line_queue_is_empty(const LineQueue *queue)
{
	return queue->smallest[1] == SERVED;
}

/* Ties to the batch, of the lines in their order, all that it can serve; returns how many units they take. */
int32_t
line_queue_serve(LineQueue *queue, Batch *batch)
{
	int32_t		before = batch->allocated_quantity;

	while ((int64_t) queue->smallest[1] <= batch_available_quantity(batch))
	{
		uint32_t	room = (uint32_t) batch_available_quantity(batch);
		size_t		node = 1;

		while (node < queue->leaves)
			node = queue->smallest[2 * node] <= room ? 2 * node : 2 * node + 1;
		batch_allocate(batch, queue->lines[node - queue->leaves]);
		queue->smallest[node] = SERVED;
		while (node /= 2)
			refresh_node(queue, node);
	}
	return batch->allocated_quantity - before;
}
