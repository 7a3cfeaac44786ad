/*
 * in_memory.c
 *		The methods of a repository that are the same for all storage in memory.
 *		They keep the contracts of repository.h by the simplest means.
 */
#include "in_memory.h"

#include <stdlib.h>
#include <string.h>

static bool
is_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The lock order of rows of one kind. */
int
in_memory_compare(RowKey a, RowKey b)
{
	int			order = strcmp(a.sku, b.sku);

	return order != 0 ? order : strcmp(a.name, b.name);
}

/*
 * Reading lines
 */

static bool
line_has_key(const OrderLine *line, const void *key)
{
	return in_memory_compare((RowKey) {line->sku, line->orderid}, *(const RowKey *) key) == 0;
}

static void
visit_known_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	StoredLine	line;

	for (size_t i = 0; i < n; i++)
		if (read_lines(repository, line_has_key, &keys[i], &line) > 0 && !visit(context, &line))
			return;
}

/* Visits the lines that meet the condition, sorted; returns whether to go on. */
static bool
visit_sorted(Repository *repository, LineCondition condition, const void *argument,
			 int (*compare) (const void *a, const void *b), LineVisitor visit, void *context)
{
	StoredLine	lines[MOST_ROWS];
	size_t		n = read_lines(repository, condition, argument, lines);

	qsort(lines, n, sizeof(StoredLine), compare);
	for (size_t i = 0; i < n; i++)
		if (!visit(context, &lines[i]))
			return false;
	return true;
}

static bool
line_is_of_order(const OrderLine *line, const void *orderid)
{
	return is_equal(line->orderid, orderid);
}

static int
compare_skus(const void *a, const void *b)
{
	return strcmp(((const StoredLine *) a)->line.sku, ((const StoredLine *) b)->line.sku);
}

static void
visit_lines_of_order(Repository *repository, const char *orderid, LineVisitor visit, void *context)
{
	visit_sorted(repository, line_is_of_order, orderid, compare_skus, visit, context);
}

static bool
line_has_batch(const OrderLine *line, const void *key)
{
	return line->batchref && (!key || is_equal(line->batchref, ((const RowKey *) key)->name));
}

static int
compare_latest_first(const void *a, const void *b)
{
	const OrderLine *x = &((const StoredLine *) a)->line;
	const OrderLine *y = &((const StoredLine *) b)->line;
	int			order = line_compare_turns(y, x);

	return order != 0 ? order : strcmp(y->orderid, x->orderid);
}

static void
visit_lines_of_batch(Repository *repository, RowKey batch, LineVisitor visit, void *context)
{
	visit_sorted(repository, line_has_batch, &batch, compare_latest_first, visit, context);
}

/* Is it a line of the SKU with open units that waits, or whose own batch is not in the warehouse? */
bool
in_memory_can_be_improved(const OrderLine *line, const char *sku, const Batch *own)
{
	return is_equal(line->sku, sku) && line_open_quantity(line) > 0 && (!own || own->eta != IN_WAREHOUSE);
}

/* A SKU at some moment. */
typedef struct Moment
{
	const char *sku;
	int64_t		now;
} Moment;

static bool
line_has_expired(const OrderLine *line, const void *argument)
{
	const Moment *moment = argument;

	return is_equal(line->sku, moment->sku) && line->batchref && line_is_expired(line, moment->now);
}

static void
visit_expired_holds(Repository *repository, const char **skus, size_t n, int64_t now,
					LineVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
		if (!visit_sorted(repository, line_has_expired, &(Moment) {skus[i], now}, compare_skus, visit, context))
			return;
}

static bool
serves_lines(Repository *repository, const RowKey *batch)
{
	StoredLine	lines[MOST_ROWS];

	return read_lines(repository, line_has_batch, batch, lines) > 0;
}

/*
 * Reading batches
 */

static bool
batch_has_key(const Batch *batch, const void *argument)
{
	const RowKey *key = argument;

	return is_equal(batch->reference, key->name) && (!key->sku || is_equal(batch->sku, key->sku));
}

static bool
find_batch(Repository *repository, RowKey key, StoredBatch *batch)
{
	return read_batches(repository, batch_has_key, &key, batch) > 0;
}

static void
visit_known_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	StoredBatch batch;

	for (size_t i = 0; i < n; i++)
		if (find_batch(repository, keys[i], &batch) && !visit(context, &batch))
			return;
}

static bool
batch_is_of_sku(const Batch *batch, const void *sku)
{
	return is_equal(batch->sku, sku);
}

static bool
has_sku(Repository *repository, const char *sku)
{
	StoredBatch batches[MOST_ROWS];

	return read_batches(repository, batch_is_of_sku, sku, batches) > 0;
}

/* Also batches with one unit less: the port allows some that cannot meet the demand. */
static bool
may_meet_demand(const Batch *batch, const void *argument)
{
	const Demand *demand = argument;

	return is_equal(batch->sku, demand->sku) && batch_available_quantity(batch) >= demand->qty - 1;
}

static int
compare_preference(const void *a, const void *b)
{
	const Batch *x = &((const StoredBatch *) a)->batch;
	const Batch *y = &((const StoredBatch *) b)->batch;

	return batch_precedes(x, y) ? -1 : batch_precedes(y, x);
}

static void
visit_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
	{
		StoredBatch batches[MOST_ROWS];
		size_t		nbatches = read_batches(repository, may_meet_demand, &demands[i], batches);

		qsort(batches, nbatches, sizeof(StoredBatch), compare_preference);
		for (size_t j = 0; j < nbatches; j++)
		{
			Visit		next = visit(context, &batches[j]);

			if (next == VISIT_NO_MORE)
				return;
			if (next == VISIT_NEXT_SKU)
				break;
		}
	}
}

static void
visit_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	visit_batches(repository, &demand, 1, visit, context);
}

/*
 * Writing batches
 */

/* Can the charge be made? */
bool
in_memory_can_charge(const Batch *batch, const void *argument)
{
	const Charge *charge = argument;

	return batch_available_quantity(batch) >= charge->units &&
		batch->allocated_quantity - batch->shipped_quantity >= -charge->units &&
		(!charge->relies_on_day || batch->eta == charge->eta);
}

/* Can the units of the charge ship? */
bool
in_memory_can_ship(const Batch *batch, const void *argument)
{
	return batch->eta == IN_WAREHOUSE &&
		batch->allocated_quantity - batch->shipped_quantity >= ((const Charge *) argument)->units;
}

static bool
has_allocated_no_more(const Batch *batch, const void *qty)
{
	return batch->allocated_quantity <= *(const int32_t *) qty;
}

static bool
resize_batch(Repository *repository, RowKey key, int32_t qty)
{
	Batch	   *batch = write_to_batch(repository, key, has_allocated_no_more, &qty);

	if (batch)
		batch->purchased_quantity = qty;
	return batch != NULL;
}

static bool
has_these_quantities(const Batch *batch, const void *argument)
{
	const Batch *from = argument;

	return batch->allocated_quantity == from->allocated_quantity && batch->shipped_quantity == from->shipped_quantity;
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	Batch	   *batch = write_to_batch(repository, (RowKey) {from->sku, from->reference}, has_these_quantities, from);

	if (batch)
	{
		batch->purchased_quantity = to->purchased_quantity;
		batch->allocated_quantity = to->allocated_quantity;
	}
	return batch != NULL;
}

static bool
has_shipped_as_much(const Batch *batch, const void *from)
{
	return batch->shipped_quantity == ((const Batch *) from)->shipped_quantity;
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	Batch	   *batch = write_to_batch(repository, (RowKey) {from->sku, from->reference}, has_shipped_as_much, from);

	if (batch)
		batch->eta = to->eta;
	return batch != NULL;
}

/* There is nobody to cancel. */
static void
check_cancelled(Repository *repository)
{
}

/* Gives a repository these methods. */
void
in_memory_init(Repository *repository)
{
	repository->check_cancelled = check_cancelled;
	repository->visit_known_lines = visit_known_lines;
	repository->visit_lines_of_order = visit_lines_of_order;
	repository->visit_lines_of_batch = visit_lines_of_batch;
	repository->visit_expired_holds = visit_expired_holds;
	repository->serves_lines = serves_lines;
	repository->find_batch = find_batch;
	repository->visit_known_batches = visit_known_batches;
	repository->has_sku = has_sku;
	repository->visit_first_batches = visit_first_batches;
	repository->visit_batches = visit_batches;
	repository->resize_batch = resize_batch;
	repository->shrink_batch = shrink_batch;
	repository->reschedule_batch = reschedule_batch;
}
