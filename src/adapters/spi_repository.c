/*
 * spi_repository.c
 *		The methods of the repository over SPI.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "adapters/charging.h"
#include "adapters/execution.h"
#include "adapters/hot_rows.h"
#include "adapters/searching.h"
#include "adapters/spi_repository.h"
#include "adapters/sql.h"

/*
 * Memory, time, and the moment of the attempt
 */

static void *
allocate_memory(Repository *repository, size_t size)
{
	return MemoryContextAllocHuge(((SpiRepository *) repository)->memory, size);
}

static void *
allocate_lasting_memory(Repository *repository, size_t size)
{
	return MemoryContextAllocHuge(((SpiRepository *) repository)->lasting_memory, size);
}

static int64_t
current_time(Repository *repository)
{
	attempt_look((SpiRepository *) repository);
	return GetCurrentTimestamp();
}

static uint32_t
random_below(Repository *repository, uint32_t n)
{
	return (uint32_t) pg_prng_uint64_range(&pg_global_prng_state, 0, n - 1);
}

static void
check_cancelled(Repository *repository)
{
	progress_show(&((SpiRepository *) repository)->progress, 0);
}

static void
look_again(Repository *repository)
{
	attempt_end_moment((SpiRepository *) repository);
}

/*
 * Reading lines
 */

static void
visit_known_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(visit, context);

	reader.wants_one = n == 1;
	execute_for_each(repository, &sql_known_lines, values_of_line_key, keys, n, &reader);
}

static void
visit_lines_of_order(Repository *repository, const char *orderid, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(visit, context);

	execute_statement(repository, &sql_lines_of_order, (NullableDatum[]) {value_of_text(orderid)}, &reader);
}

static void
visit_lines_of_batch(Repository *repository, RowKey batch, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(visit, context);

	execute_for_each(repository, &sql_lines_of_batch, values_of_batch_key, &batch, 1, &reader);
}

static bool
see_line(void *context, const StoredLine *line)
{
	return true;
}

/*
 * Under a kept snapshot, there may be waiting lines that this does not show.
 * Nobody would serve them, so the transaction has to be run again.
 */
static void
refuse_stale_queue(Repository *repository, const char *sku)
{
	NullableDatum values[] = {value_of_text(sku)};
	Reader		then = reader_of_lines(see_line, NULL);
	Reader		now = reader_of_lines(see_line, NULL);

	execute_statement(repository, &sql_lines_to_improve, values, &then);
	PushActiveSnapshot(GetLatestSnapshot());
	execute_statement(repository, &sql_lines_to_improve, values, &now);
	PopActiveSnapshot();
	if (then.versions != now.versions)
		attempt_report_serialization_failure();
}

static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(visit, context);

	if (IsolationUsesXactSnapshot())
		refuse_stale_queue(repository, sku);
	execute_statement(repository, &sql_lines_to_improve, (NullableDatum[]) {value_of_text(sku)}, &reader);
}

static void
visit_expired_holds(Repository *repository, const char **skus, size_t n, int64_t now, LineVisitor visit, void *context)
{
	Expiries	expiries = {.skus = skus, .now = now};
	Reader		reader = reader_of_lines(visit, context);

	execute_for_each(repository, &sql_expired_holds, values_of_expiry, &expiries, n, &reader);
}

static bool
serves_lines(Repository *repository, const RowKey *batch)
{
	if (!batch)
		return execute_statement(repository, &sql_allocation, NULL, NULL) > 0;
	return execute_for_each(repository, &sql_allocation_of_batch, values_of_batch_key, batch, 1, NULL) > 0;
}

/*
 * Reading batches
 */

static bool
find_batch(Repository *repository, RowKey key, StoredBatch *batch)
{
	if (!key.sku)
		return execute_to_find_batch(repository, &sql_batch, (NullableDatum[]) {value_of_text(key.name)}, batch);
	return execute_to_find_by_key(repository, &sql_known_batches, &key, batch);
}

static void
visit_known_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(visit, context);

	reader.wants_one = n == 1;
	execute_for_each(repository, &sql_known_batches, values_of_batch_key, keys, n, &reader);
}

static bool
has_sku(Repository *repository, const char *sku)
{
	return execute_statement(repository, &sql_sku, (NullableDatum[]) {value_of_text(sku)}, NULL) > 0;
}

/*
 * Locking
 */

/* After so many failed attempts that could join their queues at their end, the next ones join them before they read. */
#define ATTEMPTS_TO_JOIN_LAST 5

static void
hold_queue(Repository *repository, const char *sku)
{
	SpiRepository *self = (SpiRepository *) repository;

	patience_be_ready_to_yield(self->nyields < MOST_YIELDS);
	self->uses_queue = true;
	queues_hold(&self->tables, sku);
	look_again(repository);
}

static bool
join_queues(Repository *repository, const char **skus, size_t n)
{
	SpiRepository *self = (SpiRepository *) repository;
	Queues		queues = queues_of(&self->tables, skus, n);
	bool		is_joined;

	self->base.attempt.joined_first &= queues_include(&self->queues, &queues);
	self->queues = queues;
	is_joined = queues_join(&self->tables, &self->queues, false);
	self->joins_first = !is_joined || self->base.attempt.nfailed >= ATTEMPTS_TO_JOIN_LAST;
	if (is_joined)
		attempt_look_at_latest(self);
	return is_joined;
}

static void
lock_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(visit, context);

	((SpiRepository *) repository)->has_locked = true;
	execute_for_each(repository, &sql_lock_batches, values_of_batch_key, keys, n, &reader);
}

static void
lock_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(visit, context);

	((SpiRepository *) repository)->has_locked = true;
	execute_for_each(repository, &sql_lock_lines, values_of_line_key, keys, n, &reader);
}

/*
 * Writing batches
 */

static void
add_batch(Repository *repository, const Batch *batch)
{
	NullableDatum values[] = {
		value_of_text(batch->reference), value_of_text(batch->sku), value_of_number(batch->purchased_quantity),
		value_of_number(batch->rank), value_of_eta(batch->eta)
	};

	execute_refuse_suppressed_rows(execute_statement(repository, &sql_insert_batch, values, NULL), 1);
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	if (n > FEW_CHARGES)
		return execute_writes(repository, &sql_charge_batches, values_of_charge, charges, n);
	for (size_t i = 0; i < n; i++)
		if (!charge_where_read(repository, &charges[i]))
			return false;
	return true;
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	return execute_writes(repository, &sql_ship_from_batches, values_of_charge, charges, n);
}

static bool
resize_batch(Repository *repository, RowKey batch, int32_t qty)
{
	return execute_write(repository, &sql_set_purchased_quantity, (NullableDatum[]) {
			value_of_text(batch.sku), value_of_text(batch.name), value_of_number(qty)
			});
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return execute_write(repository, &sql_set_quantities, (NullableDatum[]) {
			value_of_text(from->sku), value_of_text(from->reference), value_of_number(from->allocated_quantity),
			value_of_number(from->shipped_quantity), value_of_number(to->purchased_quantity),
			value_of_number(to->allocated_quantity)
			});
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return execute_write(repository, &sql_set_eta, (NullableDatum[]) {
			value_of_text(from->sku), value_of_text(from->reference), value_of_number(from->shipped_quantity),
			value_of_eta(to->eta)
			});
}

/*
 * Writing lines
 */

/* If it waits too long for another transaction, the attempt ends, and the next one waits for that before it holds locks. */
static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	SpiRepository *self = (SpiRepository *) repository;
	Patience	before = patience_now();
	uint64		nadded;

	if (!self->adds_patiently)
	{
		self->added = lines;
		self->nadded = n;
		patience_limit_to_moment();
	}
	nadded = execute_for_each(repository, &sql_insert_lines, values_of_line, lines, n, NULL);
	patience_restore(before);
	self->nadded = 0;
	execute_refuse_suppressed_rows(nadded, n);
}

static bool
change_lines(Repository *repository, StoredLine **from, OrderLine **to, size_t n)
{
	LineChanges changes = {.from = from, .to = to};

	return execute_writes(repository, &sql_update_lines, values_of_line_change, &changes, n);
}

static bool
remove_lines(Repository *repository, StoredLine **lines, size_t n)
{
	LineChanges changes = {.from = lines};

	return execute_writes(repository, &sql_delete_lines, values_of_line_change, &changes, n);
}

/* Makes a repository over the tables beside the function that is called, and locks these. */
void
spi_repository_init(SpiRepository *self, Oid function)
{
	*self = (SpiRepository) {
		.tables = installation_lock(function),
		.patience = patience_now(),
		.memory = CurrentMemoryContext,
		.lasting_memory = CurrentMemoryContext,
		.set_up_attempt = statement_keep_plans,
		.read_hints = mapping_read_hints,
		.is_explained = attempt_is_explained,
		.base = {
			.allocate_memory = allocate_memory,
			.allocate_lasting_memory = allocate_lasting_memory,
			.current_time = current_time,
			.random_below = random_below,
			.check_cancelled = check_cancelled,
			.look_again = look_again,
			.visit_known_lines = visit_known_lines,
			.visit_lines_of_order = visit_lines_of_order,
			.visit_lines_of_batch = visit_lines_of_batch,
			.visit_lines_to_improve = visit_lines_to_improve,
			.visit_expired_holds = visit_expired_holds,
			.serves_lines = serves_lines,
			.find_batch = find_batch,
			.visit_known_batches = visit_known_batches,
			.has_sku = has_sku,
			.visit_first_batches = search_first_batches,
			.visit_batches = search_all_batches,
			.hold_queue = hold_queue,
			.join_queues = join_queues,
			.lock_batches = lock_batches,
			.lock_lines = lock_lines,
			.add_batch = add_batch,
			.charge_batches = charge_batches,
			.ship_from_batches = ship_from_batches,
			.resize_batch = resize_batch,
			.shrink_batch = shrink_batch,
			.reschedule_batch = reschedule_batch,
			.add_lines = add_lines,
			.change_lines = change_lines,
			.remove_lines = remove_lines
		}
	};
}
