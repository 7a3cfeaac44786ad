/*
 * claims.c
 *		Meets claims batch by batch.
 *
 * The units that a line leaves on its own batch are not lost for others: it left
 * that batch for a better one, so its own batch is offered later.
 */
#include "domain/claims.h"

#include <string.h>

/* Adds a claim; the caller has seen to it that there is room. */
void
claims_add(Claims *claims, Claim claim)
{
	claims->all[claims->n++] = claim;
}

/* Opens all claims again; lines are back on the batches that they would leave. */
void
claims_reopen(Claims *claims)
{
	claims->first = claims->end = 0;
	for (Claim *claim = claims->all; claim < claims->all + claims->n; claim++)
	{
		claim->line->batchref = claim->own ? claim->own->reference : NULL;
		claim->batch = NULL;
	}
}

/* A claim is met by a batch if it is open, and the batch arrives in time and has room for the whole line. */
static bool
can_be_met(const Claim *claim, const Batch *batch)
{
	return !claim->batch && batch_comes_by(batch, claim->deadline) &&
		line_open_quantity(claim->line) <= batch_available_quantity(batch);
}

/* Compares the SKU of the first claim with that of the batch. */
static int
compare_skus(const Claims *claims, const Batch *batch)
{
	return strcmp(claims->all[claims->first].line->sku, batch->sku);
}

/* Finds where the claims to the SKU of the first one end. */
static void
find_end(Claims *claims)
{
	const char *sku = claims->all[claims->first].line->sku;

	if (claims->first == claims->end)	/* it is another SKU than before */
		claims->too_few = 0;
	while (claims->end < claims->n && strcmp(claims->all[claims->end].line->sku, sku) == 0)
		claims->end++;
}

/*
 * Notes that what is left of the batch meets no claim.  Claims are met and run out
 * of time, but none is added, so it is too little for the rest of the SKU.  That
 * spares a look at all claims for each batch that has no more.
 */
static void
note_too_few(Claims *claims, const Batch *batch)
{
	if (batch_available_quantity(batch) > claims->too_few)
		claims->too_few = batch_available_quantity(batch);
}

/* Can the batch meet any claim to its SKU? */
static bool
can_meet_any(const Claims *claims, const Batch *batch)
{
	for (size_t i = claims->first; i < claims->end; i++)
		if (can_be_met(&claims->all[i], batch))
			return true;
	return false;
}

/*
 * Advances to the claims that this batch can meet; false if it can meet none.
 * Passes over those that no later batch can meet, either.  Claims and batches are
 * both sorted by SKU: advance whichever is behind.
 */
bool
claims_advance(Claims *claims, const Batch *batch)
{
	int			order = -1;

	while (claims->first < claims->n && (order = compare_skus(claims, batch)) < 0)
	{
		find_end(claims);
		claims->first = claims->end;
	}
	if (claims->first == claims->n || order > 0)
		return false;
	find_end(claims);
	while (claims->first < claims->end &&
		   (claims->all[claims->first].batch || !batch_comes_by(batch, claims->all[claims->first].deadline)))
		claims->first++;

	if (batch_available_quantity(batch) <= claims->too_few)
		return false;
	if (can_meet_any(claims, batch))
		return true;
	note_too_few(claims, batch);
	return false;
}

/* Ties to the batch all claims that it can meet, in their turn; false if there is none. */
bool
claims_meet(Claims *claims, Batch *batch)
{
	bool		meets_any = false;

	for (size_t i = claims->first; i < claims->end && batch_available_quantity(batch) > claims->too_few; i++)
	{
		Claim	   *claim = &claims->all[i];

		if (!can_be_met(claim, batch))
			continue;
		if (claim->own)
			batch_deallocate(claim->own, claim->line);
		batch_allocate(batch, claim->line);
		claim->batch = batch;
		meets_any = true;
	}
	note_too_few(claims, batch);
	while (claims->first < claims->end && claims->all[claims->first].batch)
		claims->first++;
	return meets_any;
}

/* Can no further batch of the SKU at hand meet any claim? */
bool
claims_to_sku_are_over(const Claims *claims)
{
	return claims->first == claims->end;
}

/* Can no further batch meet any claim? */
bool
claims_are_over(const Claims *claims)
{
	return claims->first == claims->n;
}

/* Has every claim got a batch? */
bool
claims_are_all_met(const Claims *claims)
{
	for (size_t i = 0; i < claims->n; i++)
		if (!claims->all[i].batch)
			return false;
	return true;
}
