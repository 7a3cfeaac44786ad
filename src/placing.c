/*
 * placing.c
 *		Finds batches for lines.
 *
 * Batches are visited in preference order, and each serves the lines that it can
 * in their turn.  Units that are free although storage does not say so, because
 * this unit of work is giving them back or because an expired hold has them, are
 * in batches that are slipped in among those that are visited.
 */
#include "placing.h"

#include <stdlib.h>
#include <string.h>

static void *
new(Repository *repository, size_t n, size_t size)
{
	return repository->allocate_memory(repository, n * size);
}

/* Begins to place lines; the caller fills in up to so many claims. */
Placing
begin_placing(Repository *repository, int64_t now, size_t nclaims)
{
	return (Placing) {
		.repository = repository,
		.now = now,
		.claims = new(repository, nclaims, sizeof(Claim)),
		.freed.repository = repository,
		.replaced.repository = repository,
		.expired.repository = repository,
		.put_off.repository = repository,
		.serving.repository = repository,
		.taken_back.repository = repository
	};
}

/*
 * Units that are free
 */

static Candidate *
new_candidate(Repository *repository, const Batch *batch)
{
	Candidate  *candidate = new(repository, 1, sizeof(Candidate));

	*candidate = (Candidate) {
		.batch = *batch, .stored = batch->allocated_quantity, .before = batch->allocated_quantity
	};
	return candidate;
}

/* By SKU and reference, pointers to candidates. */
static int
compare_keys(const void *a, const void *b)
{
	const Batch *x = &(*(Candidate *const *) a)->batch;
	const Batch *y = &(*(Candidate *const *) b)->batch;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : strcmp(x->reference, y->reference);
}

/* The candidate among the freed ones that serves this line in storage; NULL if it is not among them. */
Candidate *
find_freed(const Placing *placing, const OrderLine *line)
{
	Candidate	sought = {.batch = {.sku = line->sku, .reference = line->batchref}};
	Candidate  *key = &sought;
	Candidate **found = NULL;

	if (placing->freed.n > 0)
		found = bsearch(&key, placing->freed.items, placing->freed.n, sizeof(void *), compare_keys);
	return found ? *found : NULL;
}

/* From now on the units of the line, of which the batch is a candidate already, are free. */
void
free_line(Placing *placing, const OrderLine *line)
{
	Candidate  *candidate = find_freed(placing, line);

	candidate->before -= line_open_quantity(line);
	candidate->batch.allocated_quantity = candidate->before;
}

/* All of the batch but so many allocated units is free. */
void
leave_batch(Placing *placing, const Batch *batch, int32_t allocated_quantity)
{
	Candidate  *candidate = new_candidate(placing->repository, batch);

	candidate->before = candidate->batch.allocated_quantity = allocated_quantity;
	append(&placing->freed, candidate);
}

static bool
list_freed(void *context, const Batch *batch)
{
	leave_batch(context, batch, batch->allocated_quantity);
	return true;
}

/*
 * Makes candidates of the batches that serve these lines, whether or not they
 * have any room left, and frees the units of those that are expired holds.  False
 * where a batch is not there, or has not so many units allocated.
 */
bool
free_batches_of(Placing *placing, List *lines, bool are_expired)
{
	Repository *repository = placing->repository;
	Charge	   *keys;
	size_t		n = 0;

	if (lines->n == 0)
		return true;
	keys = new(repository, lines->n, sizeof(Charge));
	sort(repository, lines->items, lines->n, sizeof(void *), compare_line_batches);
	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];

		if ((i == 0 || compare_line_batches(&lines->items[i - 1], &lines->items[i]) != 0) && !find_freed(placing, line))
			keys[n++] = (Charge) {.sku = line->sku, .reference = line->batchref};
	}
	if (n > 0)
		repository->visit_known_batches(repository, keys, n, list_freed, placing);
	sort(repository, placing->freed.items, placing->freed.n, sizeof(void *), compare_keys);

	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];
		Candidate  *candidate = find_freed(placing, line);

		if (!candidate || candidate->before - candidate->batch.shipped_quantity < line_open_quantity(line))
			return false;
		if (are_expired)
		{
			free_line(placing, line);
			candidate->expired += line_open_quantity(line);
		}
	}
	return true;
}

/*
 * Serving
 */

static void
queue_next_sku(Placing *placing)
{
	Claim	   *first = placing->claims + placing->next_claim;
	size_t		n = 0;

	while (placing->next_claim + n < placing->nclaims && strcmp(first[n].line->sku, first[0].line->sku) == 0)
		n++;
	placing->next_claim += n;
	claim_queue_init(&placing->queue, first, n, placing->nodes);
}

static bool
is_served(const Placing *placing)
{
	return placing->next_claim == placing->nclaims && claim_queue_is_empty(&placing->queue);
}

static void
serve_from(Placing *placing, Candidate *candidate)
{
	if (!claim_queue_wants(&placing->queue, &candidate->batch))
		return;
	claim_queue_serve(&placing->queue, &candidate->batch);
	candidate->serves = true;
	placing->waits |= candidate->batch.is_taken;
}

/* Serves from the batches that were put off, beginning with any of them, so that not all wait for the same one. */
static void
serve_from_put_off(Placing *placing)
{
	List	   *put_off = &placing->put_off;
	uint32_t	first = put_off->n > 0 ? placing->repository->random_below(placing->repository, (uint32_t) put_off->n) : 0;

	for (size_t i = put_off->n; i > 0; i--)
		serve_from(placing, put_off->items[(first + i - 1) % put_off->n]);
	put_off->n = 0;
}

/*
 * Serves from one batch, which is a freed candidate or none yet, all the lines
 * that it can; of equally good ones, those last that others are taking from.
 * Returns whether any line is left to serve.
 */
static bool
consider_batch(Placing *placing, const Batch *batch, Candidate *freed)
{
	List	   *put_off = &placing->put_off;
	Candidate  *candidate = freed;
	int			order;

	if (placing->passed_over && strcmp(batch->reference, placing->passed_over) == 0)
		return true;
	if (put_off->n > 0)
	{
		const Batch *other = &((Candidate *) put_off->items[0])->batch;

		if (strcmp(other->sku, batch->sku) != 0 || !batch_is_as_good_as(other, batch))
			serve_from_put_off(placing);
	}
	/* What no batch is left of is passed over, and so is what nobody claims. */
	while ((order = strcmp(placing->queue.claims[0].line->sku, batch->sku)) < 0)
	{
		if (placing->next_claim == placing->nclaims)
			return false;
		queue_next_sku(placing);
	}
	if (order > 0)
		return true;
	if (!claim_queue_wants(&placing->queue, batch))
		return !is_served(placing);

	if (!candidate)
	{
		candidate = new_candidate(placing->repository, batch);
		append(&placing->serving, candidate);
	}
	if (batch->is_taken)
		append(put_off, candidate);
	else
		serve_from(placing, candidate);
	return !is_served(placing);
}

static int
compare_preference(const void *a, const void *b)
{
	const Batch *x = &(*(Candidate *const *) a)->batch;
	const Batch *y = &(*(Candidate *const *) b)->batch;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : batch_precedes(x, y) ? -1 : batch_precedes(y, x);
}

/* Considers the batch that is visited, and before it the freed ones that precede it; of one that is both, what is freed. */
static bool
consider_visited(void *context, const Batch *batch)
{
	Placing    *placing = context;
	Candidate	visited;
	Candidate  *key = &visited;

	if (placing->next_freed < placing->freed.n)
		visited.batch = *batch;
	while (placing->next_freed < placing->freed.n)
	{
		Candidate **next = &placing->in_preference_order[placing->next_freed];
		int			order = compare_preference(next, &key);

		if (order > 0)
			break;
		placing->next_freed++;
		if (!consider_batch(placing, &(*next)->batch, *next))
			return false;
		if (order == 0)
			return true;
	}
	return consider_batch(placing, batch, NULL);
}

/* Makes everything as it was before any claim was served. */
static void
begin_serving(Placing *placing)
{
	Repository *repository = placing->repository;

	if (!placing->nodes)
		placing->nodes = new(repository, claim_queue_size(placing->nclaims), sizeof(ClaimNode));
	for (Claim *claim = placing->claims; claim < placing->claims + placing->nclaims; claim++)
	{
		claim->line->batchref = claim->own ? claim->own->reference : NULL;
		claim->batch = NULL;
	}
	if (placing->freed.n > 0)
	{
		placing->in_preference_order = new(repository, placing->freed.n, sizeof(Candidate *));
		memcpy(placing->in_preference_order, placing->freed.items, placing->freed.n * sizeof(Candidate *));
		sort(repository, placing->in_preference_order, placing->freed.n, sizeof(Candidate *), compare_preference);
	}
	for (size_t i = 0; i < placing->freed.n; i++)
	{
		Candidate  *candidate = placing->freed.items[i];

		candidate->batch.allocated_quantity = candidate->before;
		candidate->serves = false;
	}
	placing->next_freed = 0;
	placing->serving.n = 0;
	placing->waits = false;
	placing->next_claim = 0;
	queue_next_sku(placing);
}

/* What the claims to each SKU ask for at least; returns of how many SKUs. */
static size_t
find_demands(const Placing *placing, Demand *demands)
{
	size_t		n = 0;

	for (const Claim *claim = placing->claims; claim < placing->claims + placing->nclaims; claim++)
	{
		Demand		demand = {claim->line->sku, line_open_quantity(claim->line), claim->latest};

		if (n == 0 || strcmp(demands[n - 1].sku, demand.sku) != 0)
			demands[n++] = demand;
		if (demand.qty < demands[n - 1].qty)
			demands[n - 1].qty = demand.qty;
		if (demand.latest > demands[n - 1].latest)
			demands[n - 1].latest = demand.latest;
	}
	return n;
}

static void
serve_claims(Placing *placing)
{
	Repository *repository = placing->repository;
	Demand	   *demands = new(repository, placing->nclaims, sizeof(Demand));
	size_t		n = find_demands(placing, demands);

	begin_serving(placing);
	/* The first batches may all be the one that is passed over. */
	if (placing->nclaims == 1 && !placing->passed_over)
		repository->visit_first_batches(repository, demands[0], consider_visited, placing);
	else
		repository->visit_batches(repository, demands, n, consider_visited, placing);
	while (!is_served(placing) && placing->next_freed < placing->freed.n)
	{
		Candidate  *next = placing->in_preference_order[placing->next_freed++];

		consider_batch(placing, &next->batch, next);
	}
	serve_from_put_off(placing);
}

/* Is the hold among those that are to be replaced, or of the batch that is passed over? */
static bool
is_counted_already(const Placing *placing, OrderLine *hold)
{
	if (placing->passed_over && strcmp(hold->batchref, placing->passed_over) == 0)
		return true;
	return placing->replaced.n > 0 &&
		bsearch(&hold, placing->replaced.items, placing->replaced.n, sizeof(void *), compare_line_identities);
}

/*
 * Frees the units of expired holds, as far as they can be of use: for lines that
 * would come from a shipment, or from nowhere.  Returns whether what they say is
 * true.
 */
static bool
free_expired_holds(Placing *placing)
{
	Repository *repository = placing->repository;
	const char **skus = NULL;
	List		found = {.repository = repository};
	size_t		n = 0;

	for (const Claim *claim = placing->claims; claim < placing->claims + placing->nclaims; claim++)
	{
		if ((claim->batch && !claim->batch->under_way) || (n > 0 && strcmp(skus[n - 1], claim->line->sku) == 0))
			continue;
		if (!skus)
			skus = new(repository, placing->nclaims, sizeof(char *));
		skus[n++] = claim->line->sku;
	}
	if (n > 0)
		repository->visit_expired_holds(repository, skus, n, placing->now, list_line, &found);
	for (size_t i = 0; i < found.n; i++)
		if (!is_counted_already(placing, found.items[i]))
			append(&placing->expired, found.items[i]);
	return free_batches_of(placing, &placing->expired, true);
}

/* Serves the claims, each from the first batch that can; false where what storage has contradicts itself. */
bool
place(Placing *placing)
{
	if (placing->nclaims == 0)
		return true;
	serve_claims(placing);
	if (!free_expired_holds(placing))
		return false;
	if (placing->expired.n > 0)
		serve_claims(placing);
	return true;
}

/* Has every claim got a batch? */
bool
are_all_placed(const Placing *placing)
{
	for (size_t i = 0; i < placing->nclaims; i++)
		if (!placing->claims[i].batch)
			return false;
	return true;
}
