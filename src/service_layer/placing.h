/*
 * placing.h
 *		Finds batches for lines: what all use cases share that do so, for one line
 *		as for many.
 */
#ifndef PLACING_H
#define PLACING_H

#include "service_layer/changes.h"
#include "service_layer/services.h"

/* A batch as the unit of work leaves it. */
typedef struct Candidate
{
	Batch		batch;
	int32_t		stored;			/* units allocated, as storage has them */
	int32_t		before;			/* units allocated before any claim is served */
	int32_t		expired;		/* units of expired holds that are counted as free */
	bool		serves;			/* a claim */
	bool		is_in_time;		/* for a line that stays, with another date */
	bool		takes_back;		/* the expired holds */
} Candidate;

/* Claims to batches, units that are free but not yet so in storage, and what comes of both. */
typedef struct Placing
{
	Repository *repository;
	int64_t		now;
	const char *passed_over;	/* a batch that serves nobody, or NULL */
	Wanted	   *wanted;			/* what the call has locked, or NULL */
	Claim	   *claims;			/* by SKU and turn */
	size_t		nclaims;
	List		freed;			/* Candidates of which units are free, in lock order */
	List		replaced;		/* expired holds that are to be replaced anyway, in lock order */
	List		expired;		/* other expired holds */

	/* while claims are served */
	size_t		next_claim;		/* the first behind the queue */
	ClaimQueue	queue;			/* the claims to one SKU */
	ClaimNode  *nodes;
	Candidate **in_preference_order;	/* the freed ones */
	size_t		next_freed;
	List		put_off;		/* Candidates, all equally good: others are taking from them */

	/* what comes of it */
	List		serving;		/* Candidates that serve, beside the freed ones */
	bool		waits;			/* others are taking from a batch that serves */
} Placing;

extern Placing begin_placing(Repository *repository, Wanted *wanted, int64_t now, size_t nclaims);
extern void leave_batch(Placing *placing, const Batch *batch, int32_t allocated_quantity);
extern bool free_batches_of(Placing *placing, List *lines, bool are_expired);
extern Candidate *find_freed(const Placing *placing, const OrderLine *line);
extern void free_line(Placing *placing, const OrderLine *line);
extern bool place(Placing *placing);
extern bool are_all_placed(const Placing *placing);
extern bool lacks_batches(Placing *placing);
extern Verdict settle(Placing *placing, Changes *changes);

#endif							/* PLACING_H */
