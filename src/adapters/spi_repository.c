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
#include "adapters/parameters.h"
#include "adapters/queues.h"
#include "adapters/rows.h"
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
	show_progress((SpiRepository *) repository, 0);
}

static void
look_again(Repository *repository)
{
	spi_repository_end_moment((SpiRepository *) repository);
}

static void
visit_known_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	reader.wants_one = n == 1;
	if (n == 1)
		execute(repository, &select_line, (NullableDatum[]) {line_orderid(lines, 0), line_sku(lines, 0)}, &reader);
	else
		execute_on_arrays(repository, &select_lines, n, (Column[]) {{lines, line_orderid}, {lines, line_sku}}, &reader);
}

static void
visit_lines_of_order(Repository *repository, const char *id, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	execute(repository, &select_lines_of_order, (NullableDatum[]) {string(id)}, &reader);
}

static void
visit_lines_of_batch(Repository *repository, const Batch *batch, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	execute(repository, &select_lines_of_batch,
			(NullableDatum[]) {string(batch->sku), string(batch->reference)}, &reader);
}

static bool
see_line(void *context, const OrderLine *line)
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
	NullableDatum values[] = {string(sku)};
	Reader		then = reader_of_lines(self->memory, see_line, NULL);
	Reader		now = reader_of_lines(self->memory, see_line, NULL);

	execute(repository, &select_lines_to_improve, values, &then);
	PushActiveSnapshot(GetLatestSnapshot());
	execute(repository, &select_lines_to_improve, values, &now);
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
	execute(repository, &select_lines_to_improve, (NullableDatum[]) {string(sku)}, &reader);
}

static void
visit_expired_holds(Repository *repository, const char **skus, size_t n, int64_t now, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	if (n == 1)
		execute(repository, &select_expired_holds_of_sku, (NullableDatum[]) {sku(skus, 0), time_of_all(&now, 0)}, &reader);
	else
		execute_on_arrays(repository, &select_expired_holds, n, (Column[]) {{skus, sku}, {&now, time_of_all}}, &reader);
}

static bool
find_batch(Repository *repository, const char *sku, const char *reference, Batch *batch)
{
	if (sku)
		return read_batch(repository, &select_batch_of_sku, (NullableDatum[]) {string(sku), string(reference)}, batch);
	if (tables_are_distributed)
		return read_batch(repository, &select_batch_sku, (NullableDatum[]) {string(reference)}, batch) &&
			find_batch(repository, batch->sku, reference, batch);
	return read_batch(repository, &select_batch, (NullableDatum[]) {string(reference)}, batch);
}

static void
visit_known_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit, context);

	reader.wants_one = n == 1;
	if (n == 1)
		execute(repository, &select_batch_of_sku,
				(NullableDatum[]) {charge_sku(charges, 0), charge_reference(charges, 0)}, &reader);
	else
		execute_on_arrays(repository, &select_known_batches, n,
						  (Column[]) {{charges, charge_sku}, {charges, charge_reference}}, &reader);
}

static bool
has_sku(Repository *repository, const char *sku)
{
	return execute(repository, &select_sku, (NullableDatum[]) {string(sku)}, NULL) > 0;
}

static bool
serves_lines(Repository *repository, const Batch *batch)
{
	if (!batch)
		return execute(repository, &select_allocation, NULL, NULL) > 0;
	return execute(repository, &select_allocation_of_batch,
				   (NullableDatum[]) {string(batch->sku), string(batch->reference)}, NULL) > 0;
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

	self->base.joined_first &= queues_include(&self->queues, &queues);
	self->queues = queues;
	is_joined = queues_join(&self->tables, &self->queues, false);
	self->joins_first = !is_joined || self->base.attempts >= ATTEMPTS_TO_JOIN_LAST;
	if (is_joined)
		spi_repository_look_at_latest(self);
	return is_joined;
}

static void
lock_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit, context);

	((SpiRepository *) repository)->has_locked = true;
	execute_on_arrays(repository, &lock_batches_of, n, (Column[]) {{charges, charge_sku}, {charges, charge_reference}}, &reader);
}

static void
lock_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	((SpiRepository *) repository)->has_locked = true;
	execute_on_arrays(repository, &lock_lines_of, n, (Column[]) {{lines, line_orderid}, {lines, line_sku}}, &reader);
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
	NullableDatum values[] = {string(batch->reference), string(batch->sku)};
	Batch		known;

	if (execute(repository, &insert_batch_sku, values, NULL) == 1)
		return;

	/*
	 * Nobody else adds a batch of the reference now.  But the one it was added
	 * for may be committed here and not yet on the node of its SKU, where nothing
	 * waits for it but a row of the same key.
	 */
	if (read_batch(repository, &select_batch_sku_now, values, &known))
	{
		NullableDatum key[] = {string(known.sku), values[0]};

		if (read_batch(repository, &select_newest_batch, key, &known) ||
			execute(repository, &insert_key_of_batch, key, NULL) == 0)
			ereport(ERROR,
					errcode(ERRCODE_UNIQUE_VIOLATION),
					errmsg("batch \"%s\" is known", batch->reference));
		execute(repository, &delete_batch, key, NULL);
	}
	expect_rows(execute(repository, &update_batch_sku, values, NULL), 1);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	if (tables_are_distributed)
		register_reference(repository, batch);
	expect_rows(execute(repository, &insert_batch, (NullableDatum[]) {
						string(batch->reference), string(batch->sku), number(batch->purchased_quantity),
						number(batch->rank), batch_eta(batch)
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
	return held(repository, execute_on_arrays(repository, &charge_many, n, (Column[]) {
						{charges, charge_sku}, {charges, charge_reference}, {charges, charge_units}, {charges, charge_eta}
						}, NULL) == n);
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	uint64		shipped;

	if (n == 1)
		shipped = execute(repository, &ship_from_batch, (NullableDatum[]) {
						  charge_sku(charges, 0), charge_reference(charges, 0), charge_units(charges, 0)
						  }, NULL);
	else
		shipped = execute_on_arrays(repository, &ship_from_many, n, (Column[]) {
									{charges, charge_sku}, {charges, charge_reference}, {charges, charge_units}
									}, NULL);
	return held(repository, shipped == n);
}

static bool
resize_batch(Repository *repository, const Batch *batch, int32_t purchased_quantity)
{
	return held(repository, execute(repository, &set_purchased_quantity, (NullableDatum[]) {
					  string(batch->sku), string(batch->reference), number(purchased_quantity)
					  }, NULL) == 1);
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return held(repository, execute(repository, &set_quantities, (NullableDatum[]) {
					  string(from->sku), string(from->reference), number(from->allocated_quantity),
					  number(from->shipped_quantity), number(to->purchased_quantity), number(to->allocated_quantity)
					  }, NULL) == 1);
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return held(repository, execute(repository, &set_eta, (NullableDatum[]) {
					  string(from->sku), string(from->reference), number(from->shipped_quantity), batch_eta(to)
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
	/* Many lines at once Citus copies to their node, and then a duplicate does not come back as one. */
	if (n == 1 || tables_are_distributed)
		for (size_t i = 0; i < n; i++)
		{
			if (n > 1)
				show_progress(self, i);
			added += execute(repository, &insert_line, (NullableDatum[]) {
							 line_orderid(lines, i), line_sku(lines, i), line_qty(lines, i), line_shipped_qty(lines, i),
							 line_ordered_at(lines, i), line_batchref(lines, i), line_needed_by(lines, i),
							 line_held_until(lines, i)
							 }, NULL);
		}
	else
		added = execute_on_arrays(repository, &insert_lines, n, (Column[]) {
								  {lines, line_orderid}, {lines, line_sku}, {lines, line_qty}, {lines, line_shipped_qty},
								  {lines, line_ordered_at}, {lines, line_batchref}, {lines, line_needed_by},
								  {lines, line_held_until}
								  }, NULL);
	restore_patience(before);
	self->nadded = 0;
	expect_rows(added, n);
}

static bool
change_lines(Repository *repository, OrderLine **from, OrderLine **to, size_t n)
{
	uint64		changed;

	if (n == 1)
		changed = execute(repository, &update_line, (NullableDatum[]) {
						  line_place(from, 0), line_version(from, 0), line_orderid(from, 0), line_sku(from, 0),
						  line_qty(to, 0), line_shipped_qty(to, 0), line_ordered_at(to, 0), line_batchref(to, 0),
						  line_needed_by(to, 0), line_held_until(to, 0)
						  }, NULL);
	else
		changed = execute_on_arrays(repository, &update_lines, n, (Column[]) {
									{from, line_place}, {from, line_version}, {from, line_orderid}, {from, line_sku},
									{to, line_qty}, {to, line_shipped_qty}, {to, line_ordered_at}, {to, line_batchref},
									{to, line_needed_by}, {to, line_held_until}
									}, NULL);
	return held(repository, changed == n);
}

static bool
remove_lines(Repository *repository, OrderLine **lines, size_t n)
{
	uint64		removed;

	if (n == 1)
		removed = execute(repository, &delete_line, (NullableDatum[]) {
						  line_place(lines, 0), line_version(lines, 0), line_orderid(lines, 0), line_sku(lines, 0)
						  }, NULL);
	else
		removed = execute_on_arrays(repository, &delete_lines, n, (Column[]) {
									{lines, line_place}, {lines, line_version}, {lines, line_orderid}, {lines, line_sku}
									}, NULL);
	return held(repository, removed == n);
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
