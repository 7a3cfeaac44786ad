/*
 * claims.h
 *		Which line gets which batch: the rule of the whole thing.
 *
 * Each line, in its turn, gets the first batch in preference order that can serve
 * it.  Batches are offered one by one in that order, and each meets all claims
 * that it can in their turn: that gives the same answer, and looks at each batch
 * once.
 */
#ifndef CLAIMS_H
#define CLAIMS_H

#include "domain/model.h"

/* A line that wants a batch. */
typedef struct Claim
{
	OrderLine  *line;
	Batch	   *own;			/* the batch that the line leaves for a better one, or NULL if it has none */
	Day			deadline;		/* a batch with a later ETA does not help */
	const Batch *batch;			/* the batch that it has got; NULL while it is open */
} Claim;

/* Claims, by SKU and turn. */
typedef struct Claims
{
	Claim	   *all;
	size_t		n;

	/* while they are met: */
	size_t		first;			/* no claim before it can be met any more */
	size_t		end;			/* behind the last claim to its SKU */
	int32_t		too_few;		/* so many units can meet no claim to the SKU any more, as far as that is known */
} Claims;

extern void claims_add(Claims *claims, Claim claim);
extern void claims_reopen(Claims *claims);
extern bool claims_advance(Claims *claims, const Batch *batch);
extern bool claims_meet(Claims *claims, Batch *batch);
extern bool claims_to_sku_are_over(const Claims *claims);
extern bool claims_are_over(const Claims *claims);
extern bool claims_are_all_met(const Claims *claims);

#endif							/* CLAIMS_H */
