/*
 * model.c
 *		The rules of the domain.
 */
#include "domain/model.h"

#include <string.h>

/*
 * Order lines
 */

/* The units of the line that have not left.  They are what a batch serves, and are never split. */
int32_t
line_open_quantity(const OrderLine *line)
{
	return line->qty - line->shipped_qty;
}

/* Was the line held until now or before?  Then it is nobody's: as if it had been deallocated. */
bool
line_is_expired(const OrderLine *line, int64_t now)
{
	return line->held_until != 0 && line->held_until <= now;
}

/* Below, above or equal to zero as it is the turn of a before that of b, after it, or at the same time. */
int
line_compare_turns(const OrderLine *a, const OrderLine *b)
{
	return (a->ordered_at > b->ordered_at) - (a->ordered_at < b->ordered_at);
}

/* The last day on which the line can be used. */
Day
line_deadline(const OrderLine *line)
{
	return line->needed_by != 0 ? line->needed_by : NO_DEADLINE;
}

/*
 * The last day on which another batch would serve the line better than its own
 * (NULL if it waits).  If its own batch arrives in time, that is the day before.
 */
Day
line_deadline_to_improve(const OrderLine *line, const Batch *own)
{
	Day			deadline = line_deadline(line);

	return own && batch_comes_by(own, deadline) ? own->eta - 1 : deadline;
}

/*
 * Batches
 */

/* The units of the batch that no line has taken; below zero only while a smaller batch gives up lines. */
int32_t
batch_available_quantity(const Batch *batch)
{
	return batch->purchased_quantity - batch->allocated_quantity;
}

/* Does the batch arrive in time?  If not, no later batch in preference order does: the caller may stop. */
bool
batch_comes_by(const Batch *batch, Day deadline)
{
	return batch->eta <= deadline;
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
	batch->allocated_quantity += line_open_quantity(line);
	line->batchref = batch->reference;
}

/* Gives the open units of the line back to the batch that serves it; the line waits. */
void
batch_deallocate(Batch *batch, OrderLine *line)
{
	batch->allocated_quantity -= line_open_quantity(line);
	line->batchref = NULL;
}

/*
 * Below, above or equal to zero as a is better than b, worse or equally good:
 * the warehouse, then the earliest shipment, then the lowest rank.
 */
static int
compare_goodness(const Batch *a, const Batch *b)
{
	int64_t		x = a->eta;
	int64_t		y = b->eta;

	if (x == y)
	{
		x = a->rank;
		y = b->rank;
	}
	return (x > y) - (x < y);
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
 * serving batch by batch, each to all the lines that it can in their turn, ties
 * every line to the same batch.  The latter reads each batch once.
 *
 * Where lines leave a batch for a better one, what they leave is a worse batch,
 * so it comes later, with these units free.
 */

#define SERVED UINT32_MAX

/* The leaves of a tree over n claims: a power of two. */
static size_t
leaves_for(size_t n)
{
	size_t		leaves = 1;

	while (leaves < n)
		leaves *= 2;
	return leaves;
}

/* How many nodes the queue of n claims takes. */
size_t
claim_queue_size(size_t n)
{
	return 2 * leaves_for(n);
}

static void
refresh_node(ClaimQueue *queue, size_t node)
{
	const ClaimNode *left = &queue->nodes[2 * node];
	const ClaimNode *right = &queue->nodes[2 * node + 1];

	queue->nodes[node] = (ClaimNode) {
		.smallest = left->smallest < right->smallest ? left->smallest : right->smallest,
		.soonest = left->soonest < right->soonest ? left->soonest : right->soonest
	};
}

/* Takes the claim at a leaf out of the queue. */
static void
close_claim(ClaimQueue *queue, size_t node)
{
	queue->nodes[node] = (ClaimNode) {SERVED, INT64_MAX};
	while (node /= 2)
		refresh_node(queue, node);
}

/* Queues n claims. */
void
claim_queue_init(ClaimQueue *queue, Claim *claims, size_t n, ClaimNode *memory)
{
	queue->claims = claims;
	queue->leaves = leaves_for(n);
	queue->nodes = memory;
	for (size_t i = 0; i < queue->leaves; i++)
		queue->nodes[queue->leaves + i] = i < n ?
			(ClaimNode) {(uint32_t) line_open_quantity(claims[i].line), claims[i].deadline} :
			(ClaimNode) {SERVED, INT64_MAX};
	for (size_t node = queue->leaves - 1; node > 0; node--)
		refresh_node(queue, node);
}

/* Is no claim left that could still be served? */
bool
claim_queue_is_empty(const ClaimQueue *queue)
{
	return queue->nodes[1].smallest == SERVED;
}

/* Can the batch serve any claim?  Those for which it comes too late leave the queue, as all that follow come no sooner. */
bool
claim_queue_wants(ClaimQueue *queue, const Batch *batch)
{
	while (queue->nodes[1].soonest < batch->eta)
	{
		size_t		node = 1;

		while (node < queue->leaves)
			node = queue->nodes[2 * node].soonest < batch->eta ? 2 * node : 2 * node + 1;
		close_claim(queue, node);
	}
	return batch->eta != NEVER && (int64_t) queue->nodes[1].smallest <= batch_available_quantity(batch);
}

/* Ties to the batch, of the claims in their order, all that it can serve. */
void
claim_queue_serve(ClaimQueue *queue, Batch *batch)
{
	while (claim_queue_wants(queue, batch))
	{
		uint32_t	room = (uint32_t) batch_available_quantity(batch);
		size_t		node = 1;
		Claim	   *claim;

		while (node < queue->leaves)
			node = queue->nodes[2 * node].smallest <= room ? 2 * node : 2 * node + 1;
		claim = &queue->claims[node - queue->leaves];
		if (claim->own)
			batch_deallocate(claim->own, claim->line);
		batch_allocate(batch, claim->line);
		claim->batch = batch;
		close_claim(queue, node);
	}
}
