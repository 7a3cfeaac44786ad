/*
 * searching.c
 *		Searches for batches that can serve lines.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "fmgr.h"
#include "port/pg_bitutils.h"

#include "adapters/execution.h"
#include "adapters/searching.h"
#include "adapters/sql.h"

/*
 * The room of a batch: an upper bound of what is left, kept in its row for the
 * indexes.  It changes seldom, as each change costs an entry in every index; when
 * little is left it is exact.  Below zero says that the quantities are not right.
 */
int32
room_of_batch(int32 purchased_quantity, int32 allocated_quantity, int32 shipped_quantity)
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
	Day			deadline;
	int32		room;			/* 0: there is none */
	StoredBatch *batches;
	int			n;
	int			most;
} BatchesOfRoom;

static bool
collect_batch(void *context, const StoredBatch *stored)
{
	BatchesOfRoom *found = context;
	const Batch *batch = &stored->batch;
	int32		room = room_of_batch(batch->purchased_quantity, batch->allocated_quantity, batch->shipped_quantity);

	if (found->room != 0 && room != found->room)
		return false;
	found->room = room;
	if (!batch_comes_by(batch, found->deadline))
		return false;
	found->batches[found->n++] = *stored;
	return stored->row.is_contended && found->n < found->most;
}

static int
compare_batches(const void *a, const void *b)
{
	return batch_precedes(&((const StoredBatch *) a)->batch, &((const StoredBatch *) b)->batch) ? -1 : 1;
}

/* After so many batches with too little left, those with more are looked for by their room. */
#define PATIENCE 16
#define ROOMS 44
#define BATCHES_OF_ROOM 16

/* Visits the first batches of each room, in preference order. */
static void
visit_batches_by_room(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	StoredBatch *batches = palloc(ROOMS * BATCHES_OF_ROOM * sizeof(StoredBatch));
	int			n = 0;
	int64		room = room_of_batch(demand.qty, 0, 0);

	while (room <= PG_INT32_MAX)
	{
		BatchesOfRoom found = {.deadline = demand.deadline, .batches = batches + n, .most = BATCHES_OF_ROOM};
		Reader		reader = execute_reading_batches(repository, collect_batch, &found);

		execute_statement(repository, &sql_select_batches_by_room, (NullableDatum[]) {
				value_of_text(demand.sku), value_of_number((int32) room), value_of_number(demand.qty)
				}, &reader);
		if (found.room == 0)
			break;
		if (found.room < room)
			refuse_table("batches", "Its column \"room\" has not what is generated from the quantities.");
		n += found.n;
		room = (int64) found.room + 1;
	}
	qsort(batches, n, sizeof(StoredBatch), compare_batches);
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
	StoredBatch last;
} FirstBatches;

static bool
visit_up_to_contended(void *context, const StoredBatch *batch)
{
	FirstBatches *first = context;
	bool		goes_on = first->visit(first->context, batch);

	first->pauses = first->may_pause && goes_on && batch->row.is_contended &&
		batch_available_quantity(&batch->batch) >= first->demand->qty;
	first->last = *batch;
	return goes_on && !first->pauses;
}

/* Goes on with the batches after the last one, of which those that are as good as that matter. */
static void
visit_batches_after(Repository *repository, FirstBatches *first, Reader *reader)
{
	const Batch *last = &first->last.batch;

	first->pauses = false;
	if (last->eta != IN_WAREHOUSE)
		execute_statement(repository, &sql_select_shipments_after, (NullableDatum[]) {
				value_of_text(last->sku), value_of_eta(last->eta), value_of_number(last->rank), value_of_text(last->reference)
				}, reader);
	else
		execute_statement(repository, &sql_select_warehouse_after, (NullableDatum[]) {
				value_of_text(last->sku), value_of_number(last->rank), value_of_text(last->reference)
				}, reader);
}

/* The repository's method: the first batches that can meet the demand, in preference order. */
void
visit_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	FirstBatches first = {.demand = &demand, .visit = visit, .context = context};
	Reader		reader = execute_reading_batches(repository, visit_up_to_contended, &first);

	reader.demand = &demand;
	reader.patience = PATIENCE;
	if (searches_with_pauses > 0)
	{
		searches_with_pauses--;
		first.may_pause = true;
	}
	execute_statement(repository, &sql_select_open_batches, (NullableDatum[]) {value_of_text(demand.sku)}, &reader);
	if (statement_buffers > BUFFERS_OF_SEARCH)
		searches_with_pauses = SEARCHES_WITH_PAUSES;
	while (first.pauses)
		visit_batches_after(repository, &first, &reader);
	if (reader.patience == 0)
		visit_batches_by_room(repository, demand, visit, context);
}

/* The repository's method: all batches that can meet the demands, SKU by SKU and in preference order. */
void
visit_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context)
{
	Reader		reader = execute_reading_batches(repository, visit, context);

	execute_for_each(repository, &sql_batches_for_demands, values_of_demand, demands, n, &reader);
}

PG_FUNCTION_INFO_V1(allocation_batch_room);

/* batch_room(purchased_quantity integer, allocated_quantity integer, shipped_quantity integer) RETURNS integer */
PGDLLEXPORT Datum
allocation_batch_room(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(room_of_batch(PG_GETARG_INT32(0), PG_GETARG_INT32(1), PG_GETARG_INT32(2)));
}
