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
	int32_t		shipped_qty;	/* of them, what has left; the rest is open */
	const char *batchref;		/* the batch that serves it, NULL while it waits */
	int64_t		ordered_at;		/* its turn: when it was first recorded */
	Day			needed_by;		/* the last day on which it can be used; 0 if any day will do */
	int64_t		held_until;		/* a hold: from then on it is nobody's; 0 says that it is firm */
	uint32_t	version;		/* of its row, for storage */
	uint64_t	place;			/* where storage has that, for storage */
} OrderLine;

/* A quantity of one SKU, bought together under a unique reference. */
typedef struct Batch
{
	const char *reference;
	const char *sku;
	int32_t		purchased_quantity;
	int32_t		allocated_quantity; /* counts what has shipped, too */
	int32_t		shipped_quantity;
	Day			eta;			/* when it arrives; IN_WAREHOUSE once it has, NEVER while it is blocked */
	int32_t		rank;			/* of batches that come on the same day, the lowest goes first */
	bool		is_taken;		/* another transaction is taking from it at this moment, as it seems */
	uint64_t	place;			/* where storage has it, for storage; 0 says nothing */
} Batch;

/* A line that wants a batch, until some day. */
typedef struct Claim
{
	OrderLine  *line;
	Batch	   *own;			/* the batch that it leaves for a better one, or NULL */
	Day			deadline;		/* a batch that arrives after this day does not help */
	const Batch *batch;			/* the batch that it has got, or NULL */
} Claim;

/* Claims to batches of one SKU, in the order in which they are to be served. */
typedef struct ClaimNode
{
	uint32_t	smallest;		/* the smallest quantity below this node that still waits */
	Day			soonest;		/* earliest deadline among the open claims below this node */
} ClaimNode;

typedef struct ClaimQueue
{
	Claim	   *claims;
	size_t		leaves;
	ClaimNode  *nodes;			/* a binary tree */
} ClaimQueue;

extern int32_t line_open_quantity(const OrderLine *line);
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

extern size_t claim_queue_size(size_t n);
extern void claim_queue_init(ClaimQueue *queue, Claim *claims, size_t n, ClaimNode *memory);
extern bool claim_queue_is_empty(const ClaimQueue *queue);
extern bool claim_queue_wants(ClaimQueue *queue, const Batch *batch);
extern void claim_queue_serve(ClaimQueue *queue, Batch *batch);

#endif							/* MODEL_H */
