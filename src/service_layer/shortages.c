/*
 * shortages.c
 *		Measures what was left when it was the turn of a line that no batch can
 *		serve.
 */
#include "service_layer/shortages.h"

#include <stdlib.h>
#include <string.h>

/* By reference, pointers to batches of one SKU. */
static int
compare_references(const void *a, const void *b)
{
	return strcmp((*(Batch *const *) a)->reference, (*(Batch *const *) b)->reference);
}

/* The batch of this reference; NULL if storage no longer shows it, as only a contradiction explains. */
static Batch *
find_batch(const Vector *batches, const char *reference)
{
	Batch		sought = {.reference = reference};
	Batch	   *key = &sought;
	Batch	  **found = NULL;

	if (batches->n > 0)
		found = bsearch(&key, batches->items, batches->n, sizeof(void *), compare_references);
	return found ? *found : NULL;
}

/* The batches of the SKU before any of them was offered, by reference. */
static Vector
batches_before_offering(Stock *stock, const char *sku)
{
	Demand		anything = {.sku = sku, .qty = 1, .deadline = NO_DEADLINE};
	Vector		read = {.repository = stock->repository};
	Vector		batches = {.repository = stock->repository};

	stock->repository->visit_batches(stock->repository, &anything, 1, vector_add_batch, &read);
	for (size_t i = 0; i < read.n; i++)
	{
		const Batch *batch = read.items[i];

		if (!stock_batch_of(stock, &(OrderLine) {.sku = batch->sku, .batchref = batch->reference}))
			vector_append(&batches, read.items[i]);
	}
	for (size_t i = 0; i < stock->freed.n; i++)
	{
		const StockedBatch *freed = stock->freed.items[i];
		StoredBatch before = freed->stored;

		if (strcmp(before.batch.sku, sku) != 0)
			continue;
		before.batch.allocated_quantity -= freed->freed;
		vector_add_batch(&batches, &before);
	}
	vector_sort(&batches, compare_references);
	return batches;
}

/* Finds the most that one batch has in time for the claim, and the first day on which a batch could serve it. */
static void
measure_shortage(const Vector *batches, const Claim *claim, LineResult *result)
{
	for (size_t i = 0; i < batches->n; i++)
	{
		const Batch *batch = batches->items[i];
		int32_t		available = batch_available_quantity(batch);

		if (batch_comes_by(batch, claim->deadline))
		{
			if (available > result->most_available)
				result->most_available = available;
		}
		else if (available >= line_open_quantity(claim->line) && batch->eta < result->eta)
			result->eta = batch->eta;
	}
}

/* Says, in the result of each claim that has one, what was left when it was its turn. */
void
measure_shortages(Stock *stock, const Claims *claims, LineResult **results)
{
	size_t		next;

	for (size_t first = 0; first < claims->n; first = next)
	{
		const char *sku = claims->all[first].line->sku;
		bool		is_short = false;
		Vector		batches;

		for (next = first; next < claims->n && strcmp(claims->all[next].line->sku, sku) == 0; next++)
			is_short |= results[next] != NULL;
		if (!is_short)
			continue;
		batches = batches_before_offering(stock, sku);
		for (size_t i = first; i < next; i++)
		{
			const Claim *claim = &claims->all[i];
			Batch	   *batch = claim->batch ? find_batch(&batches, claim->batch->reference) : NULL;

			stock->repository->check_cancelled(stock->repository);
			if (results[i])
				measure_shortage(&batches, claim, results[i]);
			if (batch)
				batch->allocated_quantity += line_open_quantity(claim->line);
		}
	}
}
