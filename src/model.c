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

/* The preference order: the warehouse first, then the earliest shipment, then by reference. */
bool
batch_precedes(const Batch *a, const Batch *b)
{
	if (a->under_way != b->under_way)
		return b->under_way;
	if (a->under_way && a->eta != b->eta)
		return a->eta < b->eta;
	return strcmp(a->reference, b->reference) < 0;
}
