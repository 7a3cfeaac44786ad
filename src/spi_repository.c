/*
 * spi_repository.c
 *		The repository over SPI.
 */
#include "postgres.h"

#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "executor/instrument.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "rows.h"
#include "spi_repository.h"
#include "sql.h"

/* Beside what a COPY shows; the view allocation_progress reads it. */
#define PROGRESS_LINES_TOTAL (PGSTAT_NUM_PROGRESS_PARAM - 1)

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
 * Parameters
 */

static NullableDatum
number(int32 value)
{
	return (NullableDatum) {.value = Int32GetDatum(value)};
}

static NullableDatum
string(const char *value)
{
	if (!value)
		return (NullableDatum) {.isnull = true};
	return (NullableDatum) {.value = CStringGetTextDatum(value)};
}

/* A parameter that is an array: what a function says of each of these lines, charges or demands. */
typedef struct Column
{
	const void *elements;
	NullableDatum (*value) (const void *elements, size_t i);
} Column;

static const OrderLine *
line_at(const void *lines, size_t i)
{
	return ((OrderLine *const *) lines)[i];
}

static NullableDatum
orderid(const void *lines, size_t i)
{
	return string(line_at(lines, i)->orderid);
}

static NullableDatum
sku(const void *lines, size_t i)
{
	return string(line_at(lines, i)->sku);
}

static NullableDatum
qty(const void *lines, size_t i)
{
	return number(line_at(lines, i)->qty);
}

static NullableDatum
batchref(const void *lines, size_t i)
{
	return string(line_at(lines, i)->batchref);
}

static NullableDatum
allocated_at(const void *lines, size_t i)
{
	const OrderLine *line = line_at(lines, i);

	return (NullableDatum) {.value = TimestampTzGetDatum(line->allocated_at), .isnull = !line->batchref};
}

static NullableDatum
charge_sku(const void *charges, size_t i)
{
	return string(((const Charge *) charges)[i].sku);
}

static NullableDatum
charge_reference(const void *charges, size_t i)
{
	return string(((const Charge *) charges)[i].reference);
}

static NullableDatum
charge_units(const void *charges, size_t i)
{
	return number(((const Charge *) charges)[i].units);
}

static NullableDatum
demand_sku(const void *demands, size_t i)
{
	return string(((const Demand *) demands)[i].sku);
}

static NullableDatum
demand_qty(const void *demands, size_t i)
{
	return number(((const Demand *) demands)[i].qty);
}

static NullableDatum
array(Datum *values, bool *nulls, int n, Oid array_type)
{
	Oid			type = get_element_type(array_type);
	int16		length;
	bool		by_value;
	char		alignment;
	int			lower_bound = 1;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return (NullableDatum) {
		.value = PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower_bound,
													type, length, by_value, alignment))
	};
}

static NullableDatum
column_array(const Column *column, size_t from, size_t to, Oid array_type)
{
	Datum	   *values = palloc((to - from) * sizeof(Datum));
	bool	   *nulls = palloc((to - from) * sizeof(bool));

	for (size_t i = from; i < to; i++)
	{
		NullableDatum value = column->value(column->elements, i);

		values[i - from] = value.value;
		nulls[i - from] = value.isnull;
	}
	return array(values, nulls, (int) (to - from), array_type);
}

/*
 * Execution
 */

/* How many subtransactions of this session have been undone: to the server, these are ends of transactions, too. */
static uint64 subtransactions_undone = 0;

static void
count_undone(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
		subtransactions_undone++;
}

/* How many transactions of others have ended, counted from any number, when the snapshot was taken. */
static uint64
ends_of_others(Snapshot snapshot)
{
	return snapshot->snapXactCompletionCount - subtransactions_undone;
}

/* Takes the snapshot for all that this attempt reads, before it reads first. */
static void
look(SpiRepository *self)
{
	Snapshot	snapshot;

	if (self->has_looked)
		return;
	CommandCounterIncrement();
	snapshot = self->sees_latest ? GetLatestSnapshot() : GetTransactionSnapshot();
	self->moment = ends_of_others(snapshot);
	PushActiveSnapshot(snapshot);
	self->has_looked = true;
}

static uint64
execute(Repository *repository, Statement *statement, const NullableDatum *values, Reader *reader)
{
	SpiRepository *self = (SpiRepository *) repository;

	if (!statement->is_fresh)
		look(self);
	return statement_execute(statement, self->schema, values, reader ? &reader->receiver : None_Receiver);
}

/* Says how many lines a long call has written, and ends it where the caller has cancelled it. */
static void
show_progress(SpiRepository *self, size_t lines_done)
{
	CHECK_FOR_INTERRUPTS();
	if (!self->shows_progress)
		return;
	/* An attempt that is undone takes what it showed with it. */
	if (MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID)
	{
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, get_relname_relid("order_lines", self->namespace));
		pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
		pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_CALLBACK);
		pgstat_progress_update_param(PROGRESS_LINES_TOTAL, self->lines_total);
	}
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, lines_done);
}

/*
 * So many elements of arrays are handed to a statement at once.  In between the
 * caller can cancel, and no array outgrows what PostgreSQL allows.
 */
#define ELEMENTS_PER_STATEMENT 1000

/* Runs a statement that takes arrays on all n elements; returns how many rows it has read or written. */
static uint64
execute_on_arrays(Repository *repository, Statement *statement, size_t n, const Column *columns, Reader *reader)
{
	bool		writes_lines = columns[0].value == orderid && statement->is_fresh;
	MemoryContext arrays = AllocSetContextCreate(CurrentMemoryContext, "allocation arrays", ALLOCSET_DEFAULT_SIZES);
	uint64		nrows = 0;

	for (size_t done = 0; done < n && !(reader && reader->has_seen_enough); done += ELEMENTS_PER_STATEMENT)
	{
		MemoryContext old = MemoryContextSwitchTo(arrays);
		NullableDatum values[MAX_PARAMETERS] = {{0}};

		show_progress((SpiRepository *) repository, writes_lines ? done : 0);
		for (int i = 0; i < statement->nparameters; i++)
			values[i] = column_array(&columns[i], done, Min(n, done + ELEMENTS_PER_STATEMENT), statement->types[i]);
		nrows += execute(repository, statement, values, reader);
		MemoryContextSwitchTo(old);
		MemoryContextReset(arrays);
	}
	MemoryContextDelete(arrays);
	return nrows;
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
visit_known_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, visit, context);

	if (n == 1)
		execute(repository, &select_line, (NullableDatum[]) {orderid(lines, 0), sku(lines, 0)}, &reader);
	else
		execute_on_arrays(repository, &select_lines, n, (Column[]) {{lines, orderid}, {lines, sku}}, &reader);
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

/* The one batch that a statement may find. */
typedef struct FoundBatch
{
	Batch	   *batch;
	bool		found;
} FoundBatch;

static bool
keep_batch(void *context, const Batch *batch)
{
	FoundBatch *found = context;

	*found->batch = *batch;
	found->found = true;
	return false;
}

/* Reads the batch that a statement finds by its key; false where there is none. */
static bool
read_batch(Repository *repository, Statement *statement, const NullableDatum *key, Batch *batch)
{
	FoundBatch	found = {.batch = batch};
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, keep_batch, &found);

	execute(repository, statement, key, &reader);
	return found.found;
}

static bool
find_batch(Repository *repository, const char *sku, const char *reference, Batch *batch)
{
	if (sku)
		return read_batch(repository, &select_batch_of_sku, (NullableDatum[]) {string(sku), string(reference)}, batch);
	return read_batch(repository, &select_batch, (NullableDatum[]) {string(reference)}, batch);
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
spi_repository_room(int32 purchased_quantity, int32 allocated_quantity)
{
	if (allocated_quantity < 0 || allocated_quantity > purchased_quantity)
		return -1;
	if (purchased_quantity - allocated_quantity <= 16)
		return purchased_quantity - allocated_quantity;
	return (int32) Min(pg_nextpower2_64(purchased_quantity - allocated_quantity), PG_INT32_MAX);
}

/* The first batches of one room that can meet a demand, up to the first that nobody else is taking from. */
typedef struct BatchesOfRoom
{
	int32		room;			/* or the first that has any */
	Batch	   *batches;
	int			n;
	int			most;
} BatchesOfRoom;

static bool
collect_batch(void *context, const Batch *batch)
{
	BatchesOfRoom *found = context;
	int32		room = spi_repository_room(batch->purchased_quantity, batch->allocated_quantity);

	if (found->n > 0 && room != found->room)
		return false;
	found->room = room;
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
	int64		room = spi_repository_room(demand.qty, 0);

	while (room <= PG_INT32_MAX)
	{
		BatchesOfRoom found = {.batches = batches + n, .most = BATCHES_OF_ROOM};
		Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, collect_batch, &found);

		execute(repository, &select_batches_by_room, (NullableDatum[]) {
				string(demand.sku), number((int32) room), number(demand.qty)
				}, &reader);
		if (found.n == 0)
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
	int32		least;
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

	first->pauses = first->may_pause && goes_on && batch->is_taken && batch_available_quantity(batch) >= first->least;
	first->last = *batch;
	return goes_on && !first->pauses;
}

/* Goes on with the batches that are as good as the last one. */
static void
visit_batches_beside(Repository *repository, const char *sku, FirstBatches *first, Reader *reader)
{
	const Batch *last = &first->last;

	first->pauses = false;
	if (last->under_way)
		execute(repository, &select_shipments_after, (NullableDatum[]) {
				string(sku), {.value = DateADTGetDatum(last->eta)}, string(last->reference)
				}, reader);
	else
		execute(repository, &select_warehouse_after, (NullableDatum[]) {string(sku), string(last->reference)}, reader);
}

static void
visit_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	FirstBatches first = {.least = demand.qty, .visit = visit, .context = context};
	Reader		reader = reader_of_batches(((SpiRepository *) repository)->memory, visit_up_to_taken, &first);
	int64		buffers = pgBufferUsage.shared_blks_hit;

	reader.least = demand.qty;
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
		visit_batches_beside(repository, demand.sku, &first, &reader);
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
	OrderLine	now = {.qty = 0};
	Reader		reader = reader_of_lines(((SpiRepository *) repository)->memory, keep_line, &now);

	execute(repository, &select_line_now, (NullableDatum[]) {string(line->orderid), string(line->sku)}, &reader);
	return now.qty == line->qty && !now.batchref == !line->batchref &&
		(!now.batchref || strcmp(now.batchref, line->batchref) == 0);
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
	NullableDatum eta = {.value = DateADTGetDatum(batch->eta), .isnull = !batch->under_way};

	expect_rows(execute(repository, &insert_batch, (NullableDatum[]) {
						string(batch->reference), string(batch->sku),
						number(batch->purchased_quantity), number(batch->allocated_quantity), eta
						}, NULL), 1);
}

/*
 * A charge finds its batch where it was read, which is cheapest, or by its key.
 *
 * Where others write to a batch all the time it is no longer where it was read,
 * and to look there is in vain.  After that has happened, so many charges look
 * by the key at once.
 */
#define CHARGES_BY_KEY 100

static int	charges_by_key = 0;

/*
 * By its key all versions of the batch are met, the oldest first.  Where this
 * transaction has written many of them, or somebody's old snapshot keeps them,
 * the newest has to be looked for instead.  The former is so after some charges
 * in one transaction; the latter shows by the buffers that a charge takes, and
 * is taken to be so for some charges.
 */
#define CHARGES_WITHOUT_LOOKING 8
#define BUFFERS_OF_CHARGE 64
#define CHARGES_BY_PLACE 1000

static TransactionId charging = InvalidTransactionId;
static int	charges_made = 0;
static int	charges_by_place = 0;

static bool
has_charged_a_lot(void)
{
	TransactionId transaction = GetTopTransactionIdIfAny();

	if (!TransactionIdIsValid(transaction) || !TransactionIdEquals(transaction, charging))
		charges_made = 0;
	charging = transaction;
	return ++charges_made > CHARGES_WITHOUT_LOOKING;
}

/* Where the newest version of the batch is, if that can be charged; or 0. */
static uint64
newest_place(Repository *repository, const Charge *charge)
{
	Batch		batch = {.place = 0};

	read_batch(repository, &select_newest_batch,
			   (NullableDatum[]) {string(charge->sku), string(charge->reference)}, &batch);
	return batch_available_quantity(&batch) >= charge->units ? batch.place : 0;
}

/* Charges the batch where it is said to be or, if it is no longer there, by its key. */
static bool
charge_one(Repository *repository, Charge charge)
{
	ItemPointerData tid;
	NullableDatum values[] = {
		string(charge.sku), string(charge.reference), number(charge.units), {.value = PointerGetDatum(&tid)}
	};
	int			attempts = 1;
	int64		buffers;
	bool		done;

	if (charges_by_key > 0)
	{
		charges_by_key--;
		if (charges_by_place == 0 && !(charge.place & PLACE_IS_OWN))
			charge.place = 0;
	}
	if (charges_by_place > 0)
	{
		charges_by_place--;
		attempts = 3;
	}
	if ((has_charged_a_lot() || charges_by_place > 0) && charge.place == 0)
		charge.place = newest_place(repository, &charge);
	while (charge.place != 0)
	{
		tid = place_tid(charge.place);
		if (execute(repository, &charge_batch_in_place, values, NULL) == 1)
			return true;
		charge.place = --attempts > 0 ? newest_place(repository, &charge) : 0;
		charges_by_key = CHARGES_BY_KEY;
	}

	buffers = pgBufferUsage.shared_blks_hit;
	done = execute(repository, &charge_batch, values, NULL) == 1;
	if (pgBufferUsage.shared_blks_hit - buffers > BUFFERS_OF_CHARGE)
		charges_by_place = CHARGES_BY_PLACE;
	return done;
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
						{charges, charge_sku}, {charges, charge_reference}, {charges, charge_units}
						}, NULL) == n);
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
					  number(to->purchased_quantity), number(to->allocated_quantity)
					  }, NULL) == 1);
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	uint64		added;

	if (n == 1)
		added = execute(repository, &insert_line, (NullableDatum[]) {
						orderid(lines, 0), sku(lines, 0), qty(lines, 0), batchref(lines, 0), allocated_at(lines, 0)
						}, NULL);
	else
		added = execute_on_arrays(repository, &insert_lines, n, (Column[]) {
								  {lines, orderid}, {lines, sku}, {lines, qty}, {lines, batchref}, {lines, allocated_at}
								  }, NULL);
	expect_rows(added, n);
}

static bool
change_lines(Repository *repository, OrderLine **from, OrderLine **to, size_t n)
{
	uint64		changed;

	if (n == 1)
		changed = execute(repository, &update_line, (NullableDatum[]) {
						  orderid(from, 0), sku(from, 0), qty(from, 0), batchref(from, 0),
						  qty(to, 0), batchref(to, 0), allocated_at(to, 0)
						  }, NULL);
	else
		changed = execute_on_arrays(repository, &update_lines, n, (Column[]) {
									{from, orderid}, {from, sku}, {from, qty}, {from, batchref},
									{to, qty}, {to, batchref}, {to, allocated_at}
									}, NULL);
	return lines_held(repository, from, n, changed == n);
}

static bool
remove_lines(Repository *repository, OrderLine **lines, size_t n)
{
	uint64		removed;

	if (n == 1)
		removed = execute(repository, &delete_line, (NullableDatum[]) {
						  orderid(lines, 0), sku(lines, 0), qty(lines, 0), batchref(lines, 0)
						  }, NULL);
	else
		removed = execute_on_arrays(repository, &delete_lines, n, (Column[]) {
									{lines, orderid}, {lines, sku}, {lines, qty}, {lines, batchref}
									}, NULL);
	return lines_held(repository, lines, n, removed == n);
}

/*
 * For the unit of work
 */

/* Begins an attempt, connected to SPI. */
void
spi_repository_begin_attempt(SpiRepository *self)
{
	self->has_looked = false;
	self->write_failed = false;
	self->is_as_read = false;
	statement_settings_for_call();
}

/* Ends an attempt that has come to its verdict. */
void
spi_repository_end_attempt(SpiRepository *self)
{
	if (self->has_looked)
		PopActiveSnapshot();
}

/*
 * May what others do explain how this attempt has ended?  Not if no other
 * transaction has ended since it looked, for then the tables are as it has seen
 * them; nor if the rows are that it could not write.
 */
bool
spi_repository_others_explain_it(const SpiRepository *self)
{
	return self->has_looked && !self->is_as_read && ends_of_others(GetLatestSnapshot()) != self->moment;
}

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
	static bool counts_undone = false;

	if (!counts_undone)
		RegisterSubXactCallback(count_undone, NULL);
	counts_undone = true;

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
			.visit_known_lines = visit_known_lines,
			.visit_lines_of_order = visit_lines_of_order,
			.visit_lines_of_batch = visit_lines_of_batch,
			.find_batch = find_batch,
			.has_sku = has_sku,
			.serves_lines = serves_lines,
			.visit_first_batches = visit_first_batches,
			.visit_batches = visit_batches,
			.lock_batches = lock_batches,
			.add_batch = add_batch,
			.charge_batches = charge_batches,
			.resize_batch = resize_batch,
			.shrink_batch = shrink_batch,
			.add_lines = add_lines,
			.change_lines = change_lines,
			.remove_lines = remove_lines
		}
	};
	self->owner = find_owner(self);
}

/* From now on, other sessions see how far a call with so many lines is: as a COPY into order_lines. */
void
spi_repository_begin_progress(SpiRepository *self, size_t lines)
{
	self->lines_total = lines;
	/* A COPY whose trigger calls us goes on showing its own progress. */
	self->shows_progress = MyBEEntry && MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID;
}

/* Ends that. */
void
spi_repository_end_progress(SpiRepository *self)
{
	if (self->shows_progress)
		pgstat_progress_end_command();
	self->shows_progress = false;
}
