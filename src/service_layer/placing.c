/*
 * placing.c
 *		Finds batches for lines.
 *
 * Batches are visited in preference order, and each serves the lines that it can
 * in their turn.  Units that are free although storage does not say so, because
 * this unit of work is giving them back or because an expired hold has them, are
 * in batches that are slipped in among those that are visited.
 */
#include "service_layer/placing.h"

#include <stdlib.h>
#include <string.h>

static void *
new(Repository *repository, size_t n, size_t size)
{
	return repository->allocate_memory(repository, n * size);
}

/* Begins to place lines; the caller fills in up to so many claims. */
Placing
begin_placing(Repository *repository, Wanted *wanted, int64_t now, size_t nclaims)
{
	return (Placing) {
		.repository = repository,
		.wanted = wanted,
		.now = now,
		.claims = new(repository, nclaims, sizeof(Claim)),
		.freed.repository = repository,
		.replaced.repository = repository,
		.expired.repository = repository,
		.put_off.repository = repository,
		.serving.repository = repository
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

/* Would charging the batch have to wait for a lock that this attempt lacks? */
static bool
is_out_of_reach(const Placing *placing, const Batch *batch)
{
	return placing->wanted && placing->wanted->is_locking && !has_locked(placing->wanted, batch->sku, batch->reference);
}

/*
 * An attempt that has failed so often chooses among the batches that it has
 * locked only, and so cannot fail again.  Then the preference order is that of
 * the moment when it locked them.
 */
#define ATTEMPTS_WITH_FREE_CHOICE 4

static bool
chooses_among_locked(const Placing *placing)
{
	return placing->wanted && placing->repository->attempts >= ATTEMPTS_WITH_FREE_CHOICE;
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
	if (chooses_among_locked(placing) && is_out_of_reach(placing, batch))
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
	if (batch->is_taken || is_out_of_reach(placing, batch))
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
		Demand		demand = {claim->line->sku, line_open_quantity(claim->line), claim->deadline};

		if (n == 0 || strcmp(demands[n - 1].sku, demand.sku) != 0)
			demands[n++] = demand;
		if (demand.qty < demands[n - 1].qty)
			demands[n - 1].qty = demand.qty;
		if (demand.deadline > demands[n - 1].deadline)
			demands[n - 1].deadline = demand.deadline;
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
	/* The first batches may all be the one that is passed over, or out of reach. */
	if (placing->nclaims == 1 && !placing->passed_over && !(placing->wanted && placing->wanted->is_locking))
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
		if ((claim->batch && claim->batch->eta == IN_WAREHOUSE) || (n > 0 && strcmp(skus[n - 1], claim->line->sku) == 0))
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

/*
 * Reaching further
 */

/* Is the claim lost to others: has it got a batch that is out of reach, or none among those that are locked? */
static bool
is_lost(const Placing *placing, const Claim *claim)
{
	return claim->batch ? is_out_of_reach(placing, claim->batch) : chooses_among_locked(placing);
}

/* The batches of the SKU, beside those that are locked, that could serve any of its claims. */
static void
list_batches_out_of_reach(const Placing *placing, Demand demand, List *batches)
{
	List		all = {.repository = placing->repository};

	placing->repository->visit_batches(placing->repository, &demand, 1, list_batch, &all);
	for (size_t i = 0; i < placing->freed.n; i++)
	{
		const Candidate *candidate = placing->freed.items[i];

		if (strcmp(candidate->batch.sku, demand.sku) == 0)
			list_batch(&all, &candidate->batch);
	}
	for (size_t i = 0; i < all.n; i++)
		if (batch_comes_by(all.items[i], demand.deadline) && is_out_of_reach(placing, all.items[i]))
			append(batches, all.items[i]);
}

/* Is any claim lost, of n from the first one on? */
static bool
is_any_lost(const Placing *placing, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (is_lost(placing, &placing->claims[i]))
			return true;
	return false;
}

/*
 * After so many attempts, batches that have been added since the last one no
 * longer count: others may add them, and take from them, faster than this call
 * could lock them.
 */
#define ATTEMPTS_THAT_LOOK_FURTHER 10

/*
 * Does the next attempt have to lock more batches?  After some attempts it locks
 * all batches of the SKUs that were lost, so it has to choose among these only;
 * and no line is refused, or left waiting, for a batch that was not among them.
 * Each attempt may lose other SKUs.  So the last that looks takes those of all.
 */
bool
lacks_batches(Placing *placing)
{
	Repository *repository = placing->repository;
	List		batches = {.repository = repository};
	Demand	   *demands;
	Charge	   *charges;
	bool		takes_all = repository->attempts == ATTEMPTS_THAT_LOOK_FURTHER - 1;
	size_t		n;
	size_t		first = 0;
	size_t		next = 0;

	if (repository->attempts < ATTEMPTS_WITH_FREE_CHOICE - 1 || repository->attempts >= ATTEMPTS_THAT_LOOK_FURTHER ||
		!is_any_lost(placing, 0, placing->nclaims))
		return false;
	demands = new(repository, placing->nclaims, sizeof(Demand));
	n = find_demands(placing, demands);
	for (size_t i = 0; i < n; i++, first = next)
	{
		while (next < placing->nclaims && strcmp(placing->claims[next].line->sku, demands[i].sku) == 0)
			next++;
		if (takes_all || is_any_lost(placing, first, next - first))
			list_batches_out_of_reach(placing, demands[i], &batches);
	}
	charges = new(repository, batches.n, sizeof(Charge));
	for (size_t i = 0; i < batches.n; i++)
	{
		const Batch *batch = batches.items[i];

		charges[i] = (Charge) {.sku = batch->sku, .reference = batch->reference};
	}
	want_batches(repository, placing->wanted, charges, batches.n);
	return batches.n > 0;
}

/*
 * What comes of it
 */

/* Of a batch that serves a line, or that a line leaves for a better one, the day is relied on. */
static Charge
charge_for(const Candidate *candidate, int32_t units)
{
	const Batch *batch = &candidate->batch;

	return (Charge) {
		.sku = batch->sku, .reference = batch->reference, .units = units, .place = batch->place,
		.relies_on_day = true, .eta = batch->eta
	};
}

/*
 * Charges what the unit of work changes about the batch, be it only which lines
 * it serves or by when: whoever changes its day has to wait for that.  Its
 * expired holds are left alone where there is room without them.
 */
static void
charge_candidate(Candidate *candidate, Changes *changes)
{
	const Batch *batch = &candidate->batch;
	int32_t		units = batch->allocated_quantity - candidate->stored;

	candidate->takes_back = candidate->expired > 0 && batch_available_quantity(batch) < candidate->expired;
	if (!candidate->takes_back)
		units += candidate->expired;
	if (units != 0 || candidate->takes_back || candidate->serves || candidate->is_in_time)
		changes->charges[changes->ncharges++] = charge_for(candidate, units);
}

/* Adds what has to be written to batches, and the expired holds that this takes back. */
static void
collect_charges(Placing *placing, Changes *changes)
{
	changes->charges = new(placing->repository, placing->freed.n + placing->serving.n, sizeof(Charge));
	for (size_t i = 0; i < placing->freed.n; i++)
		charge_candidate(placing->freed.items[i], changes);
	for (size_t i = 0; i < placing->serving.n; i++)
		charge_candidate(placing->serving.items[i], changes);
	for (size_t i = 0; i < placing->expired.n; i++)
	{
		Candidate  *candidate = find_freed(placing, placing->expired.items[i]);

		if (candidate && candidate->takes_back)
			append(&changes->removed, placing->expired.items[i]);
	}
}

/* Could any of these lines, by SKU, be placed as things are now?  The batches that could serve them are wanted then. */
static bool
could_place_any(const Placing *before, const List *lines)
{
	Repository *repository = before->repository;
	Placing		placing = begin_placing(repository, NULL, 0, lines->n);
	Changes		changes = no_changes(repository);

	placing.passed_over = before->passed_over;
	for (size_t i = 0; i < lines->n; i++)
	{
		OrderLine  *line = new(repository, 1, sizeof(OrderLine));

		*line = *(OrderLine *) lines->items[i];
		placing.claims[placing.nclaims++] = (Claim) {.line = line, .deadline = line_deadline(line)};
	}
	serve_claims(&placing);
	collect_charges(&placing, &changes);
	want_batches(repository, before->wanted, changes.charges, changes.ncharges);
	return changes.ncharges > 0;
}

static void
append_waiting(List *waiting, const List *lines)
{
	for (size_t i = 0; i < lines->n; i++)
	{
		OrderLine  *line = lines->items[i];

		if (!line->batchref && line_open_quantity(line) > 0)
			append(waiting, line);
	}
}

/*
 * Whoever serves a queue just now sees neither a line that this transaction
 * leaves waiting, nor does this transaction see what is being served: the line
 * would wait beside free stock.  So both meet at the queue.  What has been served
 * before, and who has made room, shows once this transaction has joined it.
 */
static Verdict
leave_waiting(Placing *placing, const Changes *changes)
{
	Repository *repository = placing->repository;
	List		waiting = {.repository = repository};
	const char **skus;
	size_t		n = 0;

	append_waiting(&waiting, &changes->added);
	append_waiting(&waiting, &changes->to);
	if (waiting.n == 0)
		return KEEP;
	sort(repository, waiting.items, waiting.n, sizeof(void *), compare_line_identities);
	skus = new(repository, waiting.n, sizeof(char *));
	for (size_t i = 0; i < waiting.n; i++)
	{
		const char *sku = ((OrderLine *) waiting.items[i])->sku;

		if (n == 0 || strcmp(skus[n - 1], sku) != 0)
			skus[n++] = sku;
	}
	if (!repository->join_queues(repository, skus, n))
		return WAIT;
	/* If this attempt joined first, whoever makes room and serves the queue waits for it: no line is overlooked. */
	if (repository->attempts >= ATTEMPTS_THAT_LOOK_FURTHER && repository->joined_first)
		return KEEP;
	return could_place_any(placing, &waiting) ? RETRY : KEEP;
}

/* Writes all that comes of placing lines, and leaves those waiting that no batch can serve. */
Verdict
settle(Placing *placing, Changes *changes)
{
	Verdict		verdict;

	collect_charges(placing, changes);
	verdict = write_changes(changes, placing->wanted);
	return verdict == KEEP ? leave_waiting(placing, changes) : verdict;
}
