/*
 * stock.c
 *		Offers the stock to claims: batch by batch in preference order.
 */
#include "service_layer/stock.h"

#include <stdlib.h>
#include <string.h>

/* The stock before anything was read. */
Stock
stock_of(Repository *repository, Locks *locks, int64_t now)
{
	return (Stock) {
		.repository = repository,
		.locks = locks,
		.now = now,
		.freed.repository = repository,
		.serving.repository = repository,
		.replaced.repository = repository,
		.expired.repository = repository
	};
}

/*
 * Units that are free although storage does not say so
 */

/* By key, pointers to stocked batches. */
static int
compare_batch_keys(const void *a, const void *b)
{
	RowKey		x = batch_key(&(*(StockedBatch *const *) a)->batch);
	RowKey		y = batch_key(&(*(StockedBatch *const *) b)->batch);

	return compare_keys(&x, &y);
}

/* By the keys of their batches, pointers to lines that have one. */
static int
compare_batches_of_lines(const void *a, const void *b)
{
	const OrderLine *x = *(OrderLine *const *) a;
	const OrderLine *y = *(OrderLine *const *) b;
	RowKey		of_x = {.sku = x->sku, .name = x->batchref};
	RowKey		of_y = {.sku = y->sku, .name = y->batchref};

	return compare_keys(&of_x, &of_y);
}

/* The batch of the line, among those with freed units; NULL if it is not among them. */
StockedBatch *
stock_batch_of(const Stock *stock, const OrderLine *line)
{
	StockedBatch sought = {.batch = {.sku = line->sku, .reference = line->batchref}};
	StockedBatch *key = &sought;
	StockedBatch **found = NULL;

	if (stock->freed.n > 0)
		found = bsearch(&key, stock->freed.items, stock->freed.n, sizeof(void *), compare_batch_keys);
	return found ? *found : NULL;
}

/* Frees more units of the batch. */
static void
free_units(StockedBatch *batch, int32_t units)
{
	batch->freed += units;
	batch->batch.allocated_quantity -= units;
}

/* The units of the batch that were allocated before it was offered. */
static int32_t
allocated_before(const StockedBatch *batch)
{
	return batch->stored.batch.allocated_quantity - batch->freed;
}

/* Has the batch so many units of the line?  If not, the tables contradict each other. */
static bool
has_units_of(const StockedBatch *batch, const OrderLine *line)
{
	return allocated_before(batch) - batch->batch.shipped_quantity >= line_open_quantity(line);
}

/* Frees the units of the line, whose batch has been read.  False if the tables contradict each other. */
bool
stock_free(Stock *stock, const OrderLine *line)
{
	StockedBatch *batch = stock_batch_of(stock, line);

	if (!has_units_of(batch, line))
		return false;
	free_units(batch, line_open_quantity(line));
	return true;
}

static StockedBatch
as_read(const StoredBatch *batch)
{
	return (StockedBatch) {.batch = batch->batch, .stored = *batch};
}

/* The batch in memory that lasts. */
static StockedBatch *
keep(const Stock *stock, const StockedBatch *batch)
{
	StockedBatch *kept = new_array(stock->repository, StockedBatch, 1);

	*kept = *batch;
	return kept;
}

/* Adds a batch of which so many units are freed.  The caller adds batches by key. */
void
stock_add_freed(Stock *stock, const StoredBatch *batch, int32_t units)
{
	StockedBatch read = as_read(batch);

	free_units(&read, units);
	vector_append(&stock->freed, keep(stock, &read));
}

/* Visitor: adds a batch that lines may leave. */
static Visit
add_read_batch(void *stock, const StoredBatch *batch)
{
	stock_add_freed(stock, batch, 0);
	return VISIT_NEXT;
}

/* Reads the batches of lines that all have one, and sorts these by batch.  False if the tables contradict each other. */
bool
stock_read_batches_of(Stock *stock, Vector *lines)
{
	RowKey	   *keys = new_array(stock->repository, RowKey, lines->n);
	size_t		n = 0;

	vector_sort(lines, compare_batches_of_lines);
	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];

		if ((i == 0 || compare_batches_of_lines(&lines->items[i - 1], &lines->items[i]) != 0) && !stock_batch_of(stock, line))
			keys[n++] = (RowKey) {.sku = line->sku, .name = line->batchref};
	}
	if (n > 0)
		stock->repository->visit_known_batches(stock->repository, keys, n, add_read_batch, stock);
	vector_sort(&stock->freed, compare_batch_keys);

	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];
		const StockedBatch *batch = stock_batch_of(stock, line);

		if (!batch || !has_units_of(batch, line))
			return false;
	}
	return true;
}

/*
 * Offering
 */

typedef struct Offering
{
	Stock	   *stock;
	Claims	   *claims;
	StockedBatch **freed;		/* those with freed units, in preference order */
	size_t		next_freed;		/* the first that was not offered yet */
	Vector		contended;		/* equally good batches that are offered last */
} Offering;

/* Offers one batch. */
static void
offer(Offering *offering, StockedBatch *batch)
{
	if (!claims_meet(offering->claims, &batch->batch))
		return;
	batch->serves = true;
	offering->stock->waits |= batch->stored.row.is_contended;
}

/* Offers the contended batches, beginning with any of them, so that not all sessions wait for the same one. */
static void
offer_contended(Offering *offering)
{
	Vector	   *contended = &offering->contended;
	Repository *repository = offering->stock->repository;
	uint32_t	first = contended->n > 0 ? repository->random_below(repository, (uint32_t) contended->n) : 0;

	for (size_t i = contended->n; i > 0; i--)
		offer(offering, contended->items[(first + i - 1) % contended->n]);
	contended->n = 0;
}

static bool
are_equally_good(const StockedBatch *a, const StockedBatch *b)
{
	return strcmp(a->batch.sku, b->batch.sku) == 0 && batch_is_as_good_as(&a->batch, &b->batch);
}

/*
 * Considers the next batch in preference order.  Among equally good ones, those
 * are offered last for which this session would have to wait.
 */
static Visit
consider(Offering *offering, StockedBatch *batch, bool is_freed)
{
	Stock	   *stock = offering->stock;
	Claims	   *claims = offering->claims;
	bool		lacks_lock = locks_lack_batch(stock->locks, batch_key(&batch->batch));

	if (stock->closed && strcmp(batch->batch.reference, stock->closed) == 0)
		return VISIT_NEXT;
	if (lacks_lock && locks_limit_choice(stock->locks))
		return VISIT_NEXT;
	if (offering->contended.n > 0 && !are_equally_good(offering->contended.items[0], batch))
		offer_contended(offering);
	if (claims_advance(claims, &batch->batch))
	{
		if (!is_freed)
			vector_append(&stock->serving, batch = keep(stock, batch));
		if (lacks_lock || batch->stored.row.is_contended)
			vector_append(&offering->contended, batch);
		else
			offer(offering, batch);
	}
	if (claims_are_over(claims))
		return VISIT_NO_MORE;
	return claims_to_sku_are_over(claims) ? VISIT_NEXT_SKU : VISIT_NEXT;
}

/* By SKU and in preference order, pointers to stocked batches. */
static int
compare_preference(const void *a, const void *b)
{
	const Batch *x = &(*(StockedBatch *const *) a)->batch;
	const Batch *y = &(*(StockedBatch *const *) b)->batch;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : batch_precedes(x, y) ? -1 : batch_precedes(y, x);
}

/* Visitor: considers a batch that is read, and before it those with freed units that precede it or are the same. */
static Visit
consider_read(void *context, const StoredBatch *stored)
{
	Offering   *offering = context;
	StockedBatch read = as_read(stored);
	StockedBatch *key = &read;

	while (offering->next_freed < offering->stock->freed.n)
	{
		StockedBatch **freed = &offering->freed[offering->next_freed];
		int			order = compare_preference(freed, &key);
		Visit		next;

		if (order > 0)
			break;
		offering->next_freed++;
		next = consider(offering, *freed, true);
		if (order == 0 || next == VISIT_NO_MORE)
			return next;
	}
	return consider(offering, &read, false);
}

/* What is least asked for of each SKU, and by when at the latest; returns of how many SKUs. */
static size_t
find_demands(const Claims *claims, Demand *demands)
{
	size_t		n = 0;

	for (const Claim *claim = claims->all; claim < claims->all + claims->n; claim++)
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

/* Makes the stock what it was before it was offered, with its freed batches in preference order. */
static Offering
begin_offering(Stock *stock, Claims *claims)
{
	Offering	offering = {.stock = stock, .claims = claims, .contended.repository = stock->repository};

	stock->serving.n = 0;
	stock->waits = false;
	claims_reopen(claims);
	if (stock->freed.n == 0)
		return offering;
	offering.freed = new_array(stock->repository, StockedBatch *, stock->freed.n);
	for (size_t i = 0; i < stock->freed.n; i++)
	{
		StockedBatch *batch = stock->freed.items[i];

		batch->batch.allocated_quantity = allocated_before(batch);
		batch->serves = false;
		offering.freed[i] = batch;
	}
	sort_array(stock->repository, offering.freed, stock->freed.n, sizeof(StockedBatch *), compare_preference);
	return offering;
}

/* Ties each line, in its turn, to the first batch of the stock that can serve it. */
void
stock_offer(Stock *stock, Claims *claims)
{
	Repository *repository = stock->repository;
	Demand	   *demands = new_array(repository, Demand, claims->n);
	size_t		n = find_demands(claims, demands);
	Offering	offering = begin_offering(stock, claims);

	/* The first batches may all be closed, or not be locked. */
	if (claims->n == 1 && !stock->closed && !stock->locks->are_taken)
		repository->visit_first_batches(repository, demands[0], consider_read, &offering);
	else
		repository->visit_batches(repository, demands, n, consider_read, &offering);
	while (!claims_are_over(claims) && offering.next_freed < stock->freed.n)
	{
		repository->check_cancelled(repository);
		consider(&offering, offering.freed[offering.next_freed++], true);
	}
	offer_contended(&offering);
}

/*
 * Expired holds
 */

/* Does the caller deal with the hold itself, or is it on the closed batch? */
static bool
is_dealt_with(const Stock *stock, const StoredLine *hold)
{
	if (stock->closed && strcmp(hold->line.batchref, stock->closed) == 0)
		return true;
	return stock->replaced.n > 0 &&
		bsearch(&hold, stock->replaced.items, stock->replaced.n, sizeof(void *), compare_line_keys);
}

/* The SKUs of claims that a freed unit could help: those that are open, or met by a shipment.  Returns how many. */
static size_t
find_skus_in_need(const Claims *claims, const char **skus)
{
	size_t		n = 0;

	for (const Claim *claim = claims->all; claim < claims->all + claims->n; claim++)
	{
		bool		is_in_need = !claim->batch || claim->batch->eta != IN_WAREHOUSE;

		if (is_in_need && (n == 0 || strcmp(skus[n - 1], claim->line->sku) != 0))
			skus[n++] = claim->line->sku;
	}
	return n;
}

/* Frees the units of expired holds where they could help.  False if the tables contradict each other. */
static bool
free_expired_holds(Stock *stock, const Claims *claims)
{
	Repository *repository = stock->repository;
	const char **skus = new_array(repository, const char *, claims->n);
	size_t		n = find_skus_in_need(claims, skus);
	Vector		holds = {.repository = repository};

	if (n > 0)
		repository->visit_expired_holds(repository, skus, n, stock->now, vector_add_line, &holds);
	for (size_t i = 0; i < holds.n; i++)
		if (!is_dealt_with(stock, holds.items[i]))
			vector_append(&stock->expired, holds.items[i]);
	if (stock->expired.n == 0)
		return true;
	if (!stock_read_batches_of(stock, &stock->expired))
		return false;
	for (size_t i = 0; i < stock->expired.n; i++)
	{
		const OrderLine *hold = stock->expired.items[i];

		if (!stock_free(stock, hold))
			return false;
		stock_batch_of(stock, hold)->expired += line_open_quantity(hold);
	}
	return true;
}

/*
 * Finds a batch for each claim.  Expired holds are left alone where there is
 * enough without them.  False if the tables contradict each other.
 */
bool
stock_place(Stock *stock, Claims *claims)
{
	if (claims->n == 0)
		return true;
	stock_offer(stock, claims);
	if (!free_expired_holds(stock, claims))
		return false;
	if (stock->expired.n > 0)
		stock_offer(stock, claims);
	return true;
}

/*
 * Batches that the next attempt has to lock as well
 */

/* Has the claim no batch that this attempt has locked? */
static bool
lacks_batch(const Stock *stock, const Claim *claim)
{
	return claim->batch ? locks_lack_batch(stock->locks, batch_key(claim->batch)) : locks_limit_choice(stock->locks);
}

/* The same for any of n claims from the first one on. */
static bool
lack_batches(const Stock *stock, const Claim *first, size_t n)
{
	for (const Claim *claim = first; claim < first + n; claim++)
		if (lacks_batch(stock, claim))
			return true;
	return false;
}

/* Adds the batches of the SKU that could meet the demand, and are not locked. */
static void
add_unlocked(const Stock *stock, Demand demand, Vector *unlocked)
{
	Vector		all = {.repository = stock->repository};

	stock->repository->visit_batches(stock->repository, &demand, 1, vector_add_batch, &all);
	for (size_t i = 0; i < stock->freed.n; i++)
	{
		StockedBatch *batch = stock->freed.items[i];

		if (strcmp(batch->batch.sku, demand.sku) == 0)
			vector_append(&all, &batch->batch);
	}
	for (size_t i = 0; i < all.n; i++)
	{
		const Batch *batch = all.items[i];

		if (batch_comes_by(batch, demand.deadline) && locks_lack_batch(stock->locks, batch_key(batch)))
			vector_append(unlocked, all.items[i]);
	}
}

/*
 * Does the next attempt have to lock more batches?  Before choosing among locked
 * ones only, an attempt locks all batches of the SKUs that it needs, so no line is
 * refused, or left waiting, for a batch that was not among them.  Each attempt may
 * need others; so the last one that looks takes the batches of all SKUs.
 */
bool
stock_lacks_batches(const Stock *stock, const Claims *claims)
{
	Repository *repository = stock->repository;
	int			nfailed = repository->attempt.nfailed;
	bool		takes_all = nfailed == ATTEMPTS_THAT_LOOK_FURTHER - 1;
	Vector		unlocked = {.repository = repository};
	const Claim *first = claims->all;
	Demand	   *demands;
	RowKey	   *keys;
	size_t		n;

	if (nfailed < ATTEMPTS_WITH_FREE_CHOICE - 1 || nfailed >= ATTEMPTS_THAT_LOOK_FURTHER ||
		!lack_batches(stock, claims->all, claims->n))
		return false;
	demands = new_array(repository, Demand, claims->n);
	n = find_demands(claims, demands);
	for (size_t i = 0; i < n; i++)
	{
		const Claim *next = first;

		while (next < claims->all + claims->n && strcmp(next->line->sku, demands[i].sku) == 0)
			next++;
		if (takes_all || lack_batches(stock, first, (size_t) (next - first)))
			add_unlocked(stock, demands[i], &unlocked);
		first = next;
	}
	keys = new_array(repository, RowKey, unlocked.n);
	for (size_t i = 0; i < unlocked.n; i++)
		keys[i] = batch_key(unlocked.items[i]);
	locks_want_batches(stock->locks, keys, unlocked.n);
	return unlocked.n > 0;
}

/*
 * What comes of it
 */

/*
 * Charges what this unit of work changes about the batch, be it only which lines
 * it serves or by when: then whoever changes its ETA waits for that.  Its expired
 * holds stay if there is enough without them.
 */
static void
charge_batch(StockedBatch *stocked, Changes *changes)
{
	const Batch *batch = &stocked->batch;
	int32_t		units = batch->allocated_quantity - stocked->stored.batch.allocated_quantity;

	stocked->takes_back = stocked->expired > 0 && batch_available_quantity(batch) < stocked->expired;
	if (!stocked->takes_back)
		units += stocked->expired;
	if (units != 0 || stocked->takes_back || stocked->serves || stocked->is_relied_on)
		changes_charge(changes, (Charge) {
					   .batch = batch_key(batch), .units = units, .row = stocked->stored.row,
					   .relies_on_day = true, .eta = batch->eta
					   });
}

/* Adds the charges, and the expired holds that they take back. */
void
stock_charge(Stock *stock, Changes *changes)
{
	for (size_t i = 0; i < stock->freed.n; i++)
		charge_batch(stock->freed.items[i], changes);
	for (size_t i = 0; i < stock->serving.n; i++)
		charge_batch(stock->serving.items[i], changes);
	for (size_t i = 0; i < stock->expired.n; i++)
	{
		const StockedBatch *batch = stock_batch_of(stock, stock->expired.items[i]);

		if (batch && batch->takes_back)
			vector_append(&changes->removed, stock->expired.items[i]);
	}
}
