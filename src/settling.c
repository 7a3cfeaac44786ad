/*
 * settling.c
 *		Writes what comes of placing lines, in the order of locks, or says what is
 *		short.
 */
#include "settling.h"

#include <stdlib.h>
#include <string.h>

/* Of a batch that serves a line, or that a line leaves for a better one, the day is relied on. */
static Charge
charge_for(const Candidate *candidate, int32_t units)
{
	const Batch *batch = &candidate->batch;

	return (Charge) {
		.sku = batch->sku, .reference = batch->reference, .units = units, .place = batch->place,
		.relies_on_day = true, .under_way = batch->under_way, .eta = batch->eta
	};
}

/*
 * Charges what the unit of work changes about the batch, be it only which lines
 * it serves or by when: whoever changes its day has to wait for that.  Its
 * expired holds are left alone where there is room without them.
 */
static void
charge_candidate(Placing *placing, Candidate *candidate)
{
	const Batch *batch = &candidate->batch;
	int32_t		units = batch->allocated_quantity - candidate->stored;

	candidate->takes_back = candidate->expired > 0 && batch_available_quantity(batch) < candidate->expired;
	if (!candidate->takes_back)
		units += candidate->expired;
	if (units != 0 || candidate->takes_back || candidate->serves || candidate->is_in_time)
		placing->charges[placing->ncharges++] = charge_for(candidate, units);
}

/* Finds what has to be written to batches, and which expired holds that takes back. */
void
settle(Placing *placing)
{
	Repository *repository = placing->repository;

	placing->charges = repository->allocate_memory(repository, (placing->freed.n + placing->serving.n) * sizeof(Charge));
	placing->ncharges = 0;
	for (size_t i = 0; i < placing->freed.n; i++)
		charge_candidate(placing, placing->freed.items[i]);
	for (size_t i = 0; i < placing->serving.n; i++)
		charge_candidate(placing, placing->serving.items[i]);
	sort(repository, placing->charges, placing->ncharges, sizeof(Charge), compare_charges);

	for (size_t i = 0; i < placing->expired.n; i++)
	{
		Candidate  *candidate = find_freed(placing, placing->expired.items[i]);

		if (candidate && candidate->takes_back)
			append(&placing->taken_back, placing->expired.items[i]);
	}
}

/*
 * What is short
 */

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
	Demand		anything = {sku, 1, INT64_MAX};
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

		if (batch_comes_by(batch, claim->latest))
		{
			if (left > result->most_available)
				result->most_available = left;
		}
		else if (batch_comes_by(batch, INT64_MAX) && left >= line_open_quantity(claim->line) &&
				 (!result->has_eta || batch->eta < result->eta))
		{
			result->has_eta = true;
			result->eta = batch->eta;
		}
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

/*
 * Writing
 */

/* Locks what the last attempt wanted, before anything is read. */
void
lock_wanted(Repository *repository, const Wanted *wanted)
{
	if (wanted->n > 0)
		repository->lock_batches(repository, wanted->charges, wanted->n);
}

/* Are all the batches of charges among those of others?  Both are given in lock order. */
static bool
are_among(const Charge *charges, size_t n, const Charge *others, size_t nothers)
{
	for (; n > 0 && nothers > 0; others++, nothers--)
		if (compare_charges(charges, others) == 0)
			charges++, n--;
	return n == 0;
}

/*
 * Notes what is wanted now.  False where batches are locked and it is not among
 * them: to lock another one now might be out of order.
 */
bool
are_locked(Wanted *wanted, const Placing *placing)
{
	bool		are_locked = wanted->n == 0 ||
		are_among(placing->charges, placing->ncharges, wanted->charges, wanted->n);

	*wanted = (Wanted) {placing->charges, placing->ncharges};
	return are_locked;
}

/* Makes charges, if there are any; false where a batch is no longer what it was. */
bool
charge(Repository *repository, const Charge *charges, size_t n)
{
	return n == 0 || repository->charge_batches(repository, charges, n);
}

/* Changes known lines and removes others, all in lock order; false where one is no longer what it was. */
bool
write_known_lines(Repository *repository, List *from, List *to, List *removed)
{
	OrderLine **was = (OrderLine **) from->items;
	OrderLine **gone = (OrderLine **) removed->items;
	size_t		i = 0;
	size_t		j = 0;

	sort(repository, from->items, from->n, sizeof(void *), compare_line_identities);
	sort(repository, to->items, to->n, sizeof(void *), compare_line_identities);
	sort(repository, removed->items, removed->n, sizeof(void *), compare_line_identities);
	while (i < from->n || j < removed->n)
	{
		size_t		first_change = i;
		size_t		first_removal = j;

		/* No line stands in both, unless the table has it twice. */
		while (i < from->n && (j == removed->n || compare_identities(was[i], gone[j]) <= 0))
			i++;
		if (i > first_change &&
			!repository->change_lines(repository, was + first_change, (OrderLine **) to->items + first_change, i - first_change))
			return false;
		while (j < removed->n && (i == from->n || compare_identities(gone[j], was[i]) < 0))
			j++;
		if (j > first_removal && !repository->remove_lines(repository, gone + first_removal, j - first_removal))
			return false;
	}
	return true;
}
