/*
 * model.c
 *		The rules for one line and one batch.  Each stands here once.
 */
#include "domain/model.h"

#include <string.h>

/*
 * Order lines
 */

/* The units of the line that have not shipped.  One batch serves all of them. */
int32_t
line_open_quantity(const OrderLine *line)
{
	return line->qty - line->shipped_qty;
}

/* Does the line wait for a batch?  A line that has shipped altogether does not. */
bool
line_waits(const OrderLine *line)
{
	return !line->batchref && line_open_quantity(line) > 0;
}

/* Has the hold of the line expired?  Then its units are free, as if it had been deallocated. */
bool
line_is_expired(const OrderLine *line, int64_t now)
{
	return line->held_until != 0 && line->held_until <= now;
}

/* Compares turns: below zero if a was recorded before b. */
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

/* The units left of the batch; below zero only while a shrinking batch gives up lines. */
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

/* Are more units allocated than the batch has?  Only while it shrinks. */
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

/* Gives the open units of the line back to its batch; the line waits. */
void
batch_deallocate(Batch *batch, OrderLine *line)
{
	batch->allocated_quantity -= line_open_quantity(line);
	line->batchref = NULL;
}

/* Compares how good batches are: the warehouse first, then the earliest ETA, then the lowest rank. */
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
 * Are the batches equally good?  Then either may serve a line, so it can take the
 * one that no other transaction is taking from.
 */
bool
batch_is_as_good_as(const Batch *a, const Batch *b)
{
	return compare_goodness(a, b) == 0;
}

/* The preference order: does a come before b?  Equally good batches are ordered by reference. */
bool
batch_precedes(const Batch *a, const Batch *b)
{
	int			order = compare_goodness(a, b);

	return order != 0 ? order < 0 : strcmp(a->reference, b->reference) < 0;
}
