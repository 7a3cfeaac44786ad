/*
 * spi_repository.c
 *		The repository over SPI.
 */
#include "postgres.h"

#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "common/pg_prng.h"
#include "port/pg_bitutils.h"
#include "utils/date.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "charging.h"
#include "execution.h"
#include "parameters.h"
#include "rows.h"
#include "spi_repository.h"
#include "sql.h"

/*
 * Errors
 */

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

static int64_t
current_time(Repository *repository)
{
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

static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

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
find_batch(Repository *repository, const char *reference, Batch *batch)
{
	return read_batch(repository, &select_batch, (NullableDatum[]) {string(reference)}, batch);
}

static void
visit_known_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit, context);

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
 * The room of a batch: an upper bound of what is left, kept in its row for the
 * indexes.  It changes seldom, as each change costs an entry in every index; when
 * little is left it is exact.  Below zero says that the quantities are not right.
 */
int32
spi_repository_room(int32 purchased_quantity, int32 allocated_quantity, int32 shipped_quantity)
{
	if (shipped_quantity < 0 || shipped_quantity > allocated_quantity || allocated_quantity > purchased_quantity)
		return -1;
	if (purchased_quantity - allocated_quantity <= 16)
		return purchased_quantity - allocated_quantity;
	return (int32) Min(pg_nextpower2_64(purchased_quantity - allocated_quantity), PG_INT32_MAX);
}

/* The first batches of one room that can meet a demand in time, up to the first that nobody else is taking from. */
typedef struct BatchesOfRoom
{
	int64_t		latest;
	int32		room;			/* 0: there is none */
	Batch	   *batches;
	int			n;
	int			most;
} BatchesOfRoom;

static bool
collect_batch(void *context, const Batch *batch)
{
	BatchesOfRoom *found = context;
	int32		room = spi_repository_room(batch->purchased_quantity, batch->allocated_quantity, batch->shipped_quantity);

	if (found->room != 0 && room != found->room)
		return false;
	found->room = room;
	if (!batch_comes_by(batch, found->latest))
		return false;
	found->batches[found->n++] = *batch;
	return batch->is_taken && found->n < found->most;
}

static int
compare_batches(const void *a, const void *b)
{
	return batch_precedes(a, b) ? -1 : 1;
}

/* After so many batches with too little left, those with more are looked for by their room. */
#define PATIENCE 16
#define ROOMS 44
#define BATCHES_OF_ROOM 16

/* Visits the first batches of each room, in preference order. */
static void
visit_batches_by_room(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	Batch	   *batches = palloc(ROOMS * BATCHES_OF_ROOM * sizeof(Batch));
	int			n = 0;
	int64		room = spi_repository_room(demand.qty, 0, 0);

	while (room <= PG_INT32_MAX)
	{
		BatchesOfRoom found = {.latest = demand.latest, .batches = batches + n, .most = BATCHES_OF_ROOM};
		Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, collect_batch, &found);

		execute(repository, &select_batches_by_room, (NullableDatum[]) {
				string(demand.sku), number((int32) room), number(demand.qty)
				}, &reader);
		if (found.room == 0)
			break;
		if (found.room < room)
			refuse_table("batches", "Its column \"room\" has not what is generated from the quantities.");
		n += found.n;
		room = (int64) found.room + 1;
	}
	qsort(batches, n, sizeof(Batch), compare_batches);
	for (int i = 0; i < n && visit(context, &batches[i]); i++)
		;
}

/*
 * A batch that others are taking from has many versions where somebody's old
 * snapshot keeps them, and to read on from it is to read them all before the
 * next batch is met.  Where that is so, which shows by the buffers that a search
 * takes and is taken to be so for some searches, a search pauses at such a batch
 * and goes on with what comes after it.
 */
#define BUFFERS_OF_SEARCH 64
#define SEARCHES_WITH_PAUSES 1000

static int	searches_with_pauses = 0;

/* The visit of the first batches. */
typedef struct FirstBatches
{
	const Demand *demand;
	BatchVisitor visit;
	void	   *context;
	bool		may_pause;
	bool		pauses;
	Batch		last;
} FirstBatches;

static bool
visit_up_to_taken(void *context, const Batch *batch)
{
	FirstBatches *first = context;
	bool		goes_on = first->visit(first->context, batch);

	first->pauses = first->may_pause && goes_on && batch->is_taken &&
		batch_available_quantity(batch) >= first->demand->qty;
	first->last = *batch;
	return goes_on && !first->pauses;
}

/* Goes on with the batches after the last one, of which those that are as good as that matter. */
static void
visit_batches_after(Repository *repository, FirstBatches *first, Reader *reader)
{
	const Batch *last = &first->last;

	first->pauses = false;
	if (last->under_way)
		execute(repository, &select_shipments_after, (NullableDatum[]) {
				string(last->sku), batch_eta(last), number(last->rank), string(last->reference)
				}, reader);
	else
		execute(repository, &select_warehouse_after, (NullableDatum[]) {
				string(last->sku), number(last->rank), string(last->reference)
				}, reader);
}

static void
visit_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	FirstBatches first = {.demand = &demand, .visit = visit, .context = context};
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit_up_to_taken, &first);
	int64		buffers = pgBufferUsage.shared_blks_hit;

	reader.demand = &demand;
	reader.patience = PATIENCE;
	if (searches_with_pauses > 0)
	{
		searches_with_pauses--;
		first.may_pause = true;
	}
	execute(repository, &select_open_batches, (NullableDatum[]) {string(demand.sku)}, &reader);
	if (pgBufferUsage.shared_blks_hit - buffers > BUFFERS_OF_SEARCH)
		searches_with_pauses = SEARCHES_WITH_PAUSES;
	while (first.pauses)
		visit_batches_after(repository, &first, &reader);
	if (reader.patience == 0)
		visit_batches_by_room(repository, demand, visit, context);
}

static void
visit_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit, context);

	execute_on_arrays(repository, &select_batches, n, (Column[]) {{demands, demand_sku}, {demands, demand_qty}}, &reader);
}

/*
 * Writes that fail
 *
 * A write fails where others have changed what it relied on.  If it fails again
 * and again, and others are always at work, that may yet not be why.  So after
 * some attempts the rows are looked at: as the attempt has read them, and as
 * they are now.
 */

#define ATTEMPTS_TO_LOOK_CLOSER 10

static bool
batch_is_as_read(Repository *repository, const char *sku, const char *reference)
{
	NullableDatum key[] = {string(sku), string(reference)};
	Batch		then;
	Batch		now;
	bool		was_there = read_batch(repository, &select_batch_of_sku, key, &then);
	bool		is_there = read_batch(repository, &select_newest_batch, key, &now);

	/* Of several batches this attempt may have written some before it failed. */
	return was_there == is_there &&
		(!is_there || (then.place != 0 && then.place == now.place) || (now.place & PLACE_IS_OWN));
}

static bool
keep_line(void *context, const OrderLine *line)
{
	*(OrderLine *) context = *line;
	return false;
}

static bool
line_is_as_read(Repository *repository, const OrderLine *line)
{
	OrderLine	now = {.version = InvalidTransactionId};
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, keep_line, &now);

	execute(repository, &select_line_now, (NullableDatum[]) {string(line->orderid), string(line->sku)}, &reader);
	return now.version == line->version;
}

/* Notes that a write has failed; returns whether to look closer at the rows, which so far are as they were read. */
static bool
has_failed(Repository *repository)
{
	SpiRepository *self = (SpiRepository *) repository;

	self->write_failed = true;
	return self->is_as_read = self->attempts >= ATTEMPTS_TO_LOOK_CLOSER;
}

static bool
batches_held(Repository *repository, const Charge *charges, size_t n, bool held)
{
	bool	   *is_as_read = &((SpiRepository *) repository)->is_as_read;

	if (!held && has_failed(repository))
		for (size_t i = 0; i < n && *is_as_read; i++)
			*is_as_read = batch_is_as_read(repository, charges[i].sku, charges[i].reference);
	return held;
}

static bool
batch_held(Repository *repository, const Batch *batch, bool held)
{
	return batches_held(repository, &(Charge) {.sku = batch->sku, .reference = batch->reference}, 1, held);
}

static bool
lines_held(Repository *repository, OrderLine **lines, size_t n, bool held)
{
	bool	   *is_as_read = &((SpiRepository *) repository)->is_as_read;

	if (!held && has_failed(repository))
		for (size_t i = 0; i < n && *is_as_read; i++)
			*is_as_read = line_is_as_read(repository, lines[i]);
	return held;
}

/*
 * The methods that write
 */

static void
lock_batches(Repository *repository, const Charge *charges, size_t n)
{
	execute_on_arrays(repository, &lock_many, n, (Column[]) {{charges, charge_sku}, {charges, charge_reference}}, NULL);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
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
				return batches_held(repository, &charges[i], 1, false);
		return true;
	}
	return batches_held(repository, charges, n, execute_on_arrays(repository, &charge_many, n, (Column[]) {
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
	return batches_held(repository, charges, n, shipped == n);
}

static bool
resize_batch(Repository *repository, const Batch *batch, int32_t purchased_quantity)
{
	return batch_held(repository, batch, execute(repository, &set_purchased_quantity, (NullableDatum[]) {
					  string(batch->sku), string(batch->reference), number(purchased_quantity)
					  }, NULL) == 1);
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return batch_held(repository, from, execute(repository, &set_quantities, (NullableDatum[]) {
					  string(from->sku), string(from->reference), number(from->allocated_quantity),
					  number(from->shipped_quantity), number(to->purchased_quantity), number(to->allocated_quantity)
					  }, NULL) == 1);
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	return batch_held(repository, from, execute(repository, &set_eta, (NullableDatum[]) {
					  string(from->sku), string(from->reference), number(from->shipped_quantity), batch_eta(to)
					  }, NULL) == 1);
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	uint64		added;

	if (n == 1)
		added = execute(repository, &insert_line, (NullableDatum[]) {
						line_orderid(lines, 0), line_sku(lines, 0), line_qty(lines, 0), line_shipped_qty(lines, 0),
						line_ordered_at(lines, 0), line_batchref(lines, 0), line_needed_by(lines, 0),
						line_held_until(lines, 0)
						}, NULL);
	else
		added = execute_on_arrays(repository, &insert_lines, n, (Column[]) {
								  {lines, line_orderid}, {lines, line_sku}, {lines, line_qty}, {lines, line_shipped_qty},
								  {lines, line_ordered_at}, {lines, line_batchref}, {lines, line_needed_by},
								  {lines, line_held_until}
								  }, NULL);
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
	return lines_held(repository, from, n, changed == n);
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
	return lines_held(repository, lines, n, removed == n);
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

/*
 * The duplicate that the contracts of add_batch and add_lines speak of, and no
 * other: triggers and constraints that a user has added report their own.  It
 * goes by what the index is, as its name may be another one.
 */
bool
spi_repository_met_duplicate(const SpiRepository *self, const ErrorData *error)
{
	Oid			table;
	Oid			index;

	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || !error->table_name || !error->constraint_name ||
		!error->schema_name || strcmp(error->schema_name, self->schema) != 0)
		return false;
	table = get_relname_relid(error->table_name, self->namespace);
	index = get_relname_relid(error->constraint_name, self->namespace);
	if (strcmp(error->table_name, "batches") != 0 && strcmp(error->table_name, "order_lines") != 0)
		return false;
	/* Where it is gone by now, it was one that was being built or replaced. */
	return !OidIsValid(index) || is_our_key(index, table);
}

/* The owner of the tables, as whom the unit of work does its work. */
static Oid
find_owner(const SpiRepository *self)
{
	Oid			batches = get_relname_relid("batches", self->namespace);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(batches));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the tables of extension \"allocation\" are not in schema \"%s\"", self->schema),
				errhint("Its functions and tables have to stay in one schema."));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Makes a repository over the tables in the schema. */
void
spi_repository_init(SpiRepository *self, Oid namespace)
{
	/* What others have changed about the tables is known by now, so plans are made where that is expected. */
	AcceptInvalidationMessages();
	*self = (SpiRepository) {
		.namespace = namespace,
		.schema = get_namespace_name(namespace),
		.memory = CurrentMemoryContext,
		.base = {
			.allocate_memory = allocate_memory,
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
			.lock_batches = lock_batches,
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
	self->owner = find_owner(self);
}
