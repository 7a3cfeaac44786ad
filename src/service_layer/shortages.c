/*
 * shortages.c
 *		Says what is short where no batch can serve a line.
 */
#include "service_layer/shortages.h"

#include <stdlib.h>
#include <string.h>

/* What is left of the batches of one SKU when it is the turn of a line. */
typedef struct Rest
{
	Batch	  **batches;		/* by reference */
	size_t		n;
} Rest;

static int
compare_references(const void *a, const void *b)
{
	return strcmp((*(Batch *const *) a)->reference, (*(Batch *const *) b)->reference);
}

/* The one of this reference; NULL where storage no longer shows it, as no table should. */
static Batch *
find_rest(const Rest *rest, const char *reference)
{
	Batch		sought = {.reference = reference};
	Batch	   *key = &sought;
	Batch	  **found = NULL;

	if (rest->n > 0)
		found = bsearch(&key, rest->batches, rest->n, sizeof(Batch *), compare_references);
	return found ? *found : NULL;
}

/* What is there of the SKU before any claim is served. */
static Rest
find_rest_of(Placing *placing, const char *sku)
{
	Repository *repository = placing->repository;
	Demand		anything = {sku, 1, NO_DEADLINE};
	List		visited = {.repository = repository};
	List		all = {.repository = repository};

	repository->visit_batches(repository, &anything, 1, list_batch, &visited);
	for (size_t i = 0; i < visited.n; i++)
	{
		const Batch *batch = visited.items[i];

		if (!find_freed(placing, &(OrderLine) {.sku = batch->sku, .batchref = batch->reference}))
			append(&all, visited.items[i]);
	}
	for (size_t i = 0; i < placing->freed.n; i++)
	{
		const Candidate *candidate = placing->freed.items[i];

		if (strcmp(candidate->batch.sku, sku) != 0)
			continue;
		list_batch(&all, &candidate->batch);
		((Batch *) all.items[all.n - 1])->allocated_quantity = candidate->before;
	}
	sort(repository, all.items, all.n, sizeof(void *), compare_references);
	return (Rest) {(Batch **) all.items, all.n};
}

/* Finds the most that one batch of the rest has in time for the claim, and the first day on which one could serve it. */
static void
measure_shortage(const Rest *rest, const Claim *claim, LineResult *result)
{
	for (size_t i = 0; i < rest->n; i++)
	{
		const Batch *batch = rest->batches[i];
		int32_t		left = batch_available_quantity(batch);

		if (batch_comes_by(batch, claim->deadline))
		{
			if (left > result->most_available)
				result->most_available = left;
		}
		else if (left >= line_open_quantity(claim->line) && batch->eta < result->eta)
			result->eta = batch->eta;
	}
}

/* Says, in the results of claims that no batch can serve, what there was in their turn; other claims have none. */
void
measure_shortages(Placing *placing, LineResult **results)
{
	size_t		next;

	for (size_t first = 0; first < placing->nclaims; first = next)
	{
		const char *sku = placing->claims[first].line->sku;
		bool		is_short = false;
		Rest		rest;

		for (next = first; next < placing->nclaims && strcmp(placing->claims[next].line->sku, sku) == 0; next++)
			is_short |= results[next] != NULL;
		if (!is_short)
			continue;
		rest = find_rest_of(placing, sku);
		for (size_t i = first; i < next; i++)
		{
			const Claim *claim = &placing->claims[i];
			Batch	   *batch = claim->batch ? find_rest(&rest, claim->batch->reference) : NULL;

			placing->repository->check_cancelled(placing->repository);
			if (results[i])
				measure_shortage(&rest, claim, results[i]);
			if (batch)
				batch->allocated_quantity += line_open_quantity(claim->line);
		}
	}
}
