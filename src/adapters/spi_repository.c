/*
 * spi_repository.c
 *		The repository over SPI.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "common/pg_prng.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "adapters/charging.h"
#include "adapters/execution.h"
#include "adapters/mapping.h"
#include "adapters/queues.h"
#include "adapters/searching.h"
#include "adapters/spi_repository.h"
#include "adapters/sql.h"
#include "adapters/waiting.h"

/*
 * Errors
 */

/* What others have committed, this transaction cannot take into account, since it keeps its snapshot. */
void
report_serialization_failure(void)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("could not serialize access due to concurrent update"),
			errhint("Run the transaction again."));
}

/* A trigger of the user's may have robbed us of rows that we have added. */
static void
expect_rows(uint64 nadded, size_t n)
{
	if (nadded != n)
		ereport(ERROR,
				errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				errmsg("a trigger on a table of extension \"allocation\" has suppressed a row"));
}

/*
 * The methods that read
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
	spi_repository_look((SpiRepository *) repository);
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
	spi_repository_show_progress((SpiRepository *) repository, 0);
}

static void
look_again(Repository *repository)
{
	spi_repository_end_moment((SpiRepository *) repository);
}

static void
visit_known_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	reader.wants_one = n == 1;
	execute_for_each(repository, &sql_known_lines, values_of_line_key, keys, n, &reader);
}

static void
visit_lines_of_order(Repository *repository, const char *id, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	execute_statement(repository, &sql_select_lines_of_order, (NullableDatum[]) {value_of_text(id)}, &reader);
}

static void
visit_lines_of_batch(Repository *repository, RowKey batch, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);
	NullableDatum key[MAX_PARAMETERS];

	values_of_batch_key(&batch, 0, key);
	execute_statement(repository, &sql_select_lines_of_batch, key, &reader);
}

static bool
see_line(void *context, const StoredLine *line)
{
	return true;
}

/*
 * Under a kept snapshot, a line may have begun to wait that this does not show.
 * Nobody would serve it: so the transaction has to be run again.
 */
static void
refuse_stale_queue(Repository *repository, const char *sku)
{
	SpiRepository *self = (SpiRepository *) repository;
	NullableDatum values[] = {value_of_text(sku)};
	Reader		then = reader_of_lines(self->memory, see_line, NULL);
	Reader		now = reader_of_lines(self->memory, see_line, NULL);

	execute_statement(repository, &sql_select_lines_to_improve, values, &then);
	PushActiveSnapshot(GetLatestSnapshot());
	execute_statement(repository, &sql_select_lines_to_improve, values, &now);
	PopActiveSnapshot();
	if (then.versions != now.versions)
		report_serialization_failure();
}

static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	if (IsolationUsesXactSnapshot())
		refuse_stale_queue(repository, sku);
	execute_statement(repository, &sql_select_lines_to_improve, (NullableDatum[]) {value_of_text(sku)}, &reader);
}

static void
visit_expired_holds(Repository *repository, const char **skus, size_t n, int64_t now, LineVisitor visit, void *context)
{
	Expiries	expiries = {.skus = skus, .now = now};
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	execute_for_each(repository, &sql_expired_holds, values_of_expiry, &expiries, n, &reader);
}

static bool
find_batch(Repository *repository, RowKey key, StoredBatch *batch)
{
	NullableDatum values[] = {value_of_text(key.name)};

	if (key.sku)
	{
		Reader		reader = reader_of_one_batch(((SpiRepository *) repository)->memory, batch);

		execute_for_each(repository, &sql_known_batches, values_of_batch_key, &key, 1, &reader);
		return batch->batch.reference != NULL;
	}
	if (!tables_are_distributed)
		return execute_to_find_batch(repository, &sql_select_batch, values, batch);
	return execute_to_find_batch(repository, &sql_select_batch_sku, values, batch) &&
		find_batch(repository, (RowKey) {.sku = batch->batch.sku, .name = key.name}, batch);
}

static void
visit_known_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit, context);

	reader.wants_one = n == 1;
	execute_for_each(repository, &sql_known_batches, values_of_batch_key, keys, n, &reader);
}

static bool
has_sku(Repository *repository, const char *sku)
{
	return execute_statement(repository, &sql_select_sku, (NullableDatum[]) {value_of_text(sku)}, NULL) > 0;
}

static bool
serves_lines(Repository *repository, const RowKey *batch)
{
	NullableDatum key[MAX_PARAMETERS];

	if (!batch)
		return execute_statement(repository, &sql_select_allocation, NULL, NULL) > 0;
	values_of_batch_key(batch, 0, key);
	return execute_statement(repository, &sql_select_allocation_of_batch, key, NULL) > 0;
}

/*
 * The methods that lock
 */

/* If so many attempts have failed although they could join their queues at their end, others join before they read. */
#define ATTEMPTS_TO_JOIN_LAST 5

static void
hold_queue(Repository *repository, const char *sku)
{
	SpiRepository *self = (SpiRepository *) repository;

	be_ready_to_yield(self->nyields < MOST_YIELDS);
	self->has_queue = true;
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
		spi_repository_look_at_latest(self);
	return is_joined;
}

static void
lock_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit, context);

	((SpiRepository *) repository)->has_locked = true;
	execute_for_each(repository, &sql_lock_batches, values_of_batch_key, keys, n, &reader);
}

static void
lock_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	((SpiRepository *) repository)->has_locked = true;
	execute_for_each(repository, &sql_lock_lines, values_of_line_key, keys, n, &reader);
}

/*
 * The methods that write
 */

/* Notes whether a write has found what it relied on. */
static bool
held(Repository *repository, bool held)
{
	((SpiRepository *) repository)->write_failed |= !held;
	return held;
}

/*
 * Where batches are distributed by SKU, what says that a reference is known is its
 * row in batch_skus.  That stays when the batch is deleted, and then may be taken
 * over by a batch of another SKU.
 */
static void
register_reference(Repository *repository, const Batch *batch)
{
	NullableDatum values[] = {value_of_text(batch->reference), value_of_text(batch->sku)};
	StoredBatch known;

	if (execute_statement(repository, &sql_insert_batch_sku, values, NULL) == 1)
		return;

	/*
	 * Nobody else adds a batch of the reference now.  But the one it was added
	 * for may be committed here and not yet on the node of its SKU, where nothing
	 * waits for it but a row of the same key.
	 */
	if (execute_to_find_batch(repository, &sql_select_batch_sku_now, values, &known))
	{
		NullableDatum key[] = {value_of_text(known.batch.sku), values[0]};

		if (execute_to_find_batch(repository, &sql_select_newest_batch, key, &known) ||
			execute_statement(repository, &sql_insert_key_of_batch, key, NULL) == 0)
			ereport(ERROR,
					errcode(ERRCODE_UNIQUE_VIOLATION),
					errmsg("batch \"%s\" already exists", batch->reference));
		execute_statement(repository, &sql_delete_batch, key, NULL);
	}
	expect_rows(execute_statement(repository, &sql_update_batch_sku, values, NULL), 1);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	if (tables_are_distributed)
		register_reference(repository, batch);
	expect_rows(execute_statement(repository, &sql_insert_batch, (NullableDatum[]) {
						value_of_text(batch->reference), value_of_text(batch->sku), value_of_number(batch->purchased_quantity),
						value_of_number(batch->rank), value_of_eta(batch->eta)
						}, NULL), 1);
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	if (n <= 2)
	{
		for (size_t i = 0; i < n; i++)
			if (!charge_one(repository, charges[i]))
				return held(repository, false);
		return true;
	}
	return held(repository, execute_for_each(repository, &sql_charge_batches, values_of_charge, charges, n, NULL) == n);
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	return held(repository, execute_for_each(repository, &sql_ship_from_batches, values_of_charge, charges, n, NULL) == n);
}

static bool
resize_batch(Repository *repository, RowKey batch, int32_t purchased_quantity)
{
	return held(repository, execute_statement(repository, &sql_set_purchased_quantity, (NullableDatum[]) {
					  value_of_text(batch.sku), value_of_text(batch.name), value_of_number(purchased_quantity)
					  }, NULL) == 1);
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return held(repository, execute_statement(repository, &sql_set_quantities, (NullableDatum[]) {
					  value_of_text(from->sku), value_of_text(from->reference), value_of_number(from->allocated_quantity),
					  value_of_number(from->shipped_quantity), value_of_number(to->purchased_quantity), value_of_number(to->allocated_quantity)
					  }, NULL) == 1);
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return held(repository, execute_statement(repository, &sql_set_eta, (NullableDatum[]) {
					  value_of_text(from->sku), value_of_text(from->reference), value_of_number(from->shipped_quantity), value_of_eta(to->eta)
					  }, NULL) == 1);
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	SpiRepository *self = (SpiRepository *) repository;
	Patience	before = current_patience();
	uint64		added = 0;

	if (!self->waits_for_lines && !tables_are_distributed)
	{
		self->added = lines;
		self->nadded = n;
		wait_for_a_moment();
	}
	/* Citus turns a multi-row INSERT into COPY, which loses the unique violation: insert one by one. */
	if (tables_are_distributed)
		for (size_t i = 0; i < n; i++)
		{
			if (n > 1)
				spi_repository_show_progress(self, i);
			added += execute_for_each(repository, &sql_insert_lines, values_of_line, lines + i, 1, NULL);
		}
	else
		added = execute_for_each(repository, &sql_insert_lines, values_of_line, lines, n, NULL);
	restore_patience(before);
	self->nadded = 0;
	expect_rows(added, n);
}

static bool
change_lines(Repository *repository, StoredLine **from, OrderLine **to, size_t n)
{
	LineChanges changes = {.from = from, .to = to};

	return held(repository, execute_for_each(repository, &sql_update_lines, values_of_line_change, &changes, n, NULL) == n);
}

static bool
remove_lines(Repository *repository, StoredLine **lines, size_t n)
{
	LineChanges changes = {.from = lines};

	return held(repository, execute_for_each(repository, &sql_delete_lines, values_of_line_change, &changes, n, NULL) == n);
}

/*
 * For the unit of work
 */

/* Has the index a key of ours, and no other?  It may be one that is being built to replace the one we have made. */
static bool
is_our_key(Oid index, Oid table)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		is_ours;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	is_ours = form->indrelid == table && heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	for (int i = 0; is_ours && i < form->indnkeyatts; i++)
	{
		char	   *column = get_attname(table, form->indkey.values[i], true);

		is_ours = column && (strcmp(column, "reference") == 0 ||
							 (form->indnkeyatts == 2 && (strcmp(column, "orderid") == 0 || strcmp(column, "sku") == 0)));
	}
	ReleaseSysCache(tuple);
	return is_ours;
}

/* Is it the table's name, or that of a shard or partition of it, as order_lines_102016 or order_lines_1? */
static bool
is_of_table(const char *name, const char *table)
{
	size_t		length = strlen(table);

	return strncmp(name, table, length) == 0 && (name[length] == '\0' || name[length] == '_');
}

/*
 * Is it the duplicate that the contracts of add_batch and add_lines speak of?
 * Triggers and constraints that a user has added report their own.  It goes by
 * where it happened and by what the index is, as its name may be another one.
 * It is uncertain in a part of our tables, where the index is gone by now, and
 * where no table is named, as by another node.
 */
DuplicateOwner
spi_repository_whose_duplicate(const SpiRepository *self, const ErrorData *error)
{
	bool		is_of_batches;
	bool		is_of_lines;
	Oid			table;
	Oid			index;

	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		return THEIRS;
	if (!error->table_name)
		return PERHAPS_OURS;
	is_of_batches = is_of_table(error->table_name, "batches");
	is_of_lines = is_of_table(error->table_name, "order_lines");
	if (!error->schema_name || strcmp(error->schema_name, NameStr(self->tables.schema)) != 0 || (!is_of_batches && !is_of_lines))
		return THEIRS;
	table = get_relname_relid(error->table_name, self->tables.namespace);
	index = error->constraint_name ? get_relname_relid(error->constraint_name, self->tables.namespace) : InvalidOid;
	if (!OidIsValid(index))
		return PERHAPS_OURS;
	if (!is_our_key(index, table))
		return THEIRS;
	/* Over several nodes a row is in a part of the table: in the table itself, only a trigger says that it is. */
	return !tables_are_distributed && strcmp(error->table_name, is_of_batches ? "batches" : "order_lines") == 0 ?
		OURS : PERHAPS_OURS;
}

/* Makes a repository over the tables beside the function that is called, and locks these. */
void
spi_repository_init(SpiRepository *self, Oid function)
{
	*self = (SpiRepository) {
		.tables = lock_installation(function),
		.patience = current_patience(),
		.memory = CurrentMemoryContext,
		.lasting_memory = CurrentMemoryContext,
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
			.find_batch = find_batch,
			.visit_known_batches = visit_known_batches,
			.has_sku = has_sku,
			.serves_lines = serves_lines,
			.visit_first_batches = visit_first_batches,
			.visit_batches = visit_batches,
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
