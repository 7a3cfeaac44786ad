/*
 * mapping.c
 *		Makes parameters, and reads rows.
 *
 * The tables belong to an ordinary role, which may have changed them or replaced
 * them by others.  So the types and nulls of a row are checked before it is read.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "parser/parse_coerce.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "adapters/dates.h"
#include "adapters/mapping.h"
#include "adapters/statement.h"

/*
 * Parameters
 */

NullableDatum
value_of_number(int32 value)
{
	return (NullableDatum) {.value = Int32GetDatum(value)};
}

/* A null for NULL. */
NullableDatum
value_of_text(const char *value)
{
	if (!value)
		return (NullableDatum) {.isnull = true};
	return (NullableDatum) {.value = CStringGetTextDatum(value)};
}

/* A null for the warehouse. */
NullableDatum
value_of_eta(Day eta)
{
	return (NullableDatum) {.value = DateADTGetDatum(date_of_day(eta)), .isnull = eta == IN_WAREHOUSE};
}

static NullableDatum
value_of_time(int64 time)
{
	return (NullableDatum) {.value = TimestampTzGetDatum(time)};
}

/* orderid, sku */
void
values_of_line_key(const void *keys, size_t i, NullableDatum *values)
{
	const RowKey *key = (const RowKey *) keys + i;

	values[0] = value_of_text(key->name);
	values[1] = value_of_text(key->sku);
}

/* What may change in a line: qty, shipped_qty, ordered_at, batchref, needed_by, held_until. */
static void
values_of_line_state(const OrderLine *line, NullableDatum *values)
{
	values[0] = value_of_number(line->qty);
	values[1] = value_of_number(line->shipped_qty);
	values[2] = value_of_time(line->ordered_at);
	values[3] = value_of_text(line->batchref);
	values[4] = (NullableDatum) {
		.value = DateADTGetDatum(date_of_day(line->needed_by)), .isnull = line->needed_by == 0
	};
	values[5] = value_of_time(line->held_until);
	values[5].isnull = line->held_until == 0;
}

/* Of pointers to lines: orderid, sku, and what may change. */
void
values_of_line(const void *lines, size_t i, NullableDatum *values)
{
	const OrderLine *line = ((OrderLine *const *) lines)[i];

	values[0] = value_of_text(line->orderid);
	values[1] = value_of_text(line->sku);
	values_of_line_state(line, values + 2);
}

/* ctid, xmin, orderid, sku of the line that was read; then what changes, unless the line is removed. */
void
values_of_line_change(const void *changes, size_t i, NullableDatum *values)
{
	const LineChanges *change = changes;
	const StoredLine *from = change->from[i];
	ItemPointer tid = palloc(sizeof(ItemPointerData));

	*tid = tid_of_place(from->row.place);
	values[0] = (NullableDatum) {.value = PointerGetDatum(tid)};
	values[1] = (NullableDatum) {.value = TransactionIdGetDatum(from->row.version)};
	values[2] = value_of_text(from->line.orderid);
	values[3] = value_of_text(from->line.sku);
	if (change->to)
		values_of_line_state(change->to[i], values + 4);
}

/* sku, time */
void
values_of_expiry(const void *expiries, size_t i, NullableDatum *values)
{
	const Expiries *expiry = expiries;

	values[0] = value_of_text(expiry->skus[i]);
	values[1] = value_of_time(expiry->now);
}

/* sku, reference */
void
values_of_batch_key(const void *keys, size_t i, NullableDatum *values)
{
	const RowKey *key = (const RowKey *) keys + i;

	values[0] = value_of_text(key->sku);
	values[1] = value_of_text(key->name);
}

/* sku, reference, units; and the ETA that the charge relies on: -infinity for the warehouse, a null if on none. */
void
values_of_charge(const void *charges, size_t i, NullableDatum *values)
{
	const Charge *charge = (const Charge *) charges + i;

	values_of_batch_key(&charge->batch, 0, values);
	values[2] = value_of_number(charge->units);
	values[3] = (NullableDatum) {
		.value = DateADTGetDatum(charge->eta == IN_WAREHOUSE ? DATEVAL_NOBEGIN : date_of_day(charge->eta)),
		.isnull = !charge->relies_on_day
	};
}

/* sku, qty */
void
values_of_demand(const void *demands, size_t i, NullableDatum *values)
{
	const Demand *demand = (const Demand *) demands + i;

	values[0] = value_of_text(demand->sku);
	values[1] = value_of_number(demand->qty);
}

/* An array of n values of this type. */
NullableDatum
array_of_values(const Datum *values, const bool *nulls, size_t n, Oid type)
{
	int16		length;
	bool		by_value;
	char		alignment;
	int			dimension = (int) n;
	int			lower_bound = 1;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return (NullableDatum) {
		.value = PointerGetDatum(construct_md_array((Datum *) values, (bool *) nulls, 1, &dimension, &lower_bound,
													type, length, by_value, alignment))
	};
}

/*
 * Rows
 */

/* Refuses rows whose first columns have other types, or a collation by which different texts are equal. */
static void
check_types(const char *table, TupleDesc row_type, const Oid *types, int n)
{
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute column = TupleDescAttr(row_type, i);

		if (column->atttypid != types[i] && !IsBinaryCoercible(column->atttypid, types[i]))
			installation_refuse_table(table, psprintf("Its column \"%s\" has type %s, not %s.", NameStr(column->attname),
										 format_type_be(column->atttypid), format_type_be(types[i])));
		if (types[i] == TEXTOID && column->attcollation != C_COLLATION_OID)
			installation_refuse_table(table, psprintf("Its column \"%s\" has another collation than \"C\".",
										 NameStr(column->attname)));
	}
}

static void
check_batch_types(DestReceiver *receiver, int operation, TupleDesc row_type)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, DATEOID};

	check_types("batches", row_type, types, lengthof(types));
}

static void
check_line_types(DestReceiver *receiver, int operation, TupleDesc row_type)
{
	static const Oid types[] = {
		TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID, DATEOID, TIMESTAMPTZOID, XIDOID, TIDOID
	};

	check_types("order_lines", row_type, types, lengthof(types));
}

/* Refuses a row with a null in one of n columns. */
static void
check_not_null(const char *table, TupleTableSlot *slot, int first, int n)
{
	for (int i = first; i < first + n; i++)
		if (slot->tts_isnull[i])
			installation_refuse_table(table, psprintf("Its column \"%s\" has a null.",
										 NameStr(TupleDescAttr(slot->tts_tupleDescriptor, i)->attname)));
}

/* Reads a quantity; refuses one that is too small. */
static int32
read_quantity(const char *table, TupleTableSlot *slot, int column, int32 least)
{
	int32		quantity = DatumGetInt32(slot->tts_values[column]);

	if (quantity < least)
		installation_refuse_table(table, psprintf("Its column \"%s\" has %d.",
									 NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column)->attname), quantity));
	return quantity;
}

static const char *
read_string(TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? NULL : TextDatumGetCString(slot->tts_values[column]);
}

/*
 * Is another transaction with this id running?  A MultiXactId may come here, too: the
 * server only looks up the state of ids in the range of running transactions.
 */
bool
xid_is_running_elsewhere(TransactionId xid)
{
	return !TransactionIdIsCurrentTransactionId(xid) && TransactionIdIsInProgress(xid);
}

/* Has another transaction with this id committed since our snapshot was taken? */
static bool
has_committed_since(TransactionId xid)
{
	return !TransactionIdPrecedes(xid, TransactionXmin) && !TransactionIdIsCurrentTransactionId(xid) &&
		TransactionIdDidCommit(xid);
}

static uint64
place_of(ItemPointer tid)
{
	return (uint64) ItemPointerGetBlockNumber(tid) << 16 | ItemPointerGetOffsetNumber(tid);
}

/* The place of a row is its tid as a number. */
ItemPointerData
tid_of_place(uint64 place)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, (BlockNumber) ((place & ~PLACE_IS_OWN) >> 16), (OffsetNumber) (place & 0xFFFF));
	return tid;
}

/*
 * Does the xmax of a row of batches keep us from charging it?  The KEY SHARE lock of
 * a foreign key does not.
 */
static bool
hinders_charge(uint16 infomask, TransactionId xmax)
{
	MultiXactMember *members;
	int			nmembers;

	if (infomask & HEAP_XMAX_INVALID)
		return false;
	if (infomask & HEAP_XMAX_IS_MULTI)
	{
		nmembers = GetMultiXactIdMembers(xmax, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(infomask));
		for (int i = 0; i < nmembers; i++)
			if (members[i].status != MultiXactStatusForKeyShare && xid_is_running_elsewhere(members[i].xid))
				return true;
		return false;
	}
	if (HEAP_XMAX_IS_KEYSHR_LOCKED(infomask))
		return false;
	/* Under a kept snapshot we cannot update a row changed after it: treat it as contended. */
	return xid_is_running_elsewhere(xmax) ||
		(IsolationUsesXactSnapshot() && !HEAP_XMAX_IS_LOCKED_ONLY(infomask) && has_committed_since(xmax));
}

/*
 * Reads from the header of a row of batches where the row is, and whether other
 * transactions write to it.  Both are hints, and not every slot has them.
 */
static void
read_hints(TupleTableSlot *slot, Row *hints)
{
	const BufferHeapTupleTableSlot *in_page = (const BufferHeapTupleTableSlot *) slot;
	HeapTupleHeader row;
	uint16		infomask;
	TransactionId xmax;

	hints->is_contended = false;
	hints->place = 0;
	if (!TTS_IS_BUFFERTUPLE(slot) || !ItemPointerIsValid(&slot->tts_tid) || !BufferIsValid(in_page->buffer))
		return;

	row = in_page->base.tuple->t_data;
	hints->place = place_of(&slot->tts_tid);
	if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row)))
		hints->place |= PLACE_IS_OWN;

	/* Others may change these while we look, so we read each only once. */
	infomask = ((volatile HeapTupleHeaderData *) row)->t_infomask;
	xmax = ((volatile HeapTupleHeaderData *) row)->t_choice.t_heap.t_xmax;
	/* Looking up what is no MultiXactId would be an error, so read the two together, under a lock on the page. */
	if (infomask & HEAP_XMAX_IS_MULTI)
	{
		LockBuffer(in_page->buffer, BUFFER_LOCK_SHARE);
		infomask = row->t_infomask;
		xmax = HeapTupleHeaderGetRawXmax(row);
		LockBuffer(in_page->buffer, BUFFER_LOCK_UNLOCK);
	}
	hints->is_contended = hinders_charge(infomask, xmax);
}

/* The same for a row at this tid.  Only its header tells a MultiXactId from a transaction, and who only locks the key. */
static bool
is_contended_at(ItemPointer tid)
{
	Relation	batches = table_open(statement_running.installation->batches, NoLock);
	TupleTableSlot *slot = table_slot_create(batches, NULL);
	Row			hints = {0};

	if (table_tuple_fetch_row_version(batches, tid, SnapshotAny, slot))
		read_hints(slot, &hints);
	ExecDropSingleTupleTableSlot(slot);
	table_close(batches, NoLock);
	return hints.is_contended;
}

/* Reads the hints of a batch.  A joined row has no header, but xmax and ctid as its last columns. */
void
mapping_read_hints(Reader *reader, TupleTableSlot *slot, StoredBatch *batch)
{
	read_hints(slot, &batch->row);
	if (slot->tts_nvalid > 9 && !slot->tts_isnull[8] && !slot->tts_isnull[9] &&
		TransactionIdIsValid(DatumGetTransactionId(slot->tts_values[8])))
		batch->row.is_contended = is_contended_at((ItemPointer) DatumGetPointer(slot->tts_values[9]));
}

static bool
receive_batch(TupleTableSlot *slot, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	StoredBatch stored = {0};
	Batch	   *batch = &stored.batch;

	slot_getallattrs(slot);
	check_not_null("batches", slot, 0, 6);
	batch->reference = read_string(slot, 0);
	batch->sku = read_string(slot, 1);
	batch->purchased_quantity = read_quantity("batches", slot, 2, 0);
	batch->allocated_quantity = read_quantity("batches", slot, 3, 0);
	batch->shipped_quantity = read_quantity("batches", slot, 4, 0);
	batch->rank = DatumGetInt32(slot->tts_values[5]);
	batch->eta = slot->tts_isnull[6] ? IN_WAREHOUSE : eta_of_date(DatumGetDateADT(slot->tts_values[6]));
	reader->read_hints(reader, slot, &stored);

	reader->has_seen_enough = reader->visit_batch(reader->context, &stored) != VISIT_NEXT || reader->wants_one;
	MemoryContextSwitchTo(old);
	return !reader->has_seen_enough;
}

static bool
receive_line(TupleTableSlot *slot, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	StoredLine	stored = {0};
	OrderLine  *line = &stored.line;

	slot_getallattrs(slot);
	check_not_null("order_lines", slot, 0, 5);
	check_not_null("order_lines", slot, 8, 2);
	line->orderid = read_string(slot, 0);
	line->sku = read_string(slot, 1);
	line->qty = read_quantity("order_lines", slot, 2, 1);
	line->shipped_qty = read_quantity("order_lines", slot, 3, 0);
	line->ordered_at = DatumGetTimestampTz(slot->tts_values[4]);
	line->batchref = read_string(slot, 5);
	line->needed_by = slot->tts_isnull[6] ? 0 : day_of_date(DatumGetDateADT(slot->tts_values[6]));
	line->held_until = slot->tts_isnull[7] ? 0 : DatumGetTimestampTz(slot->tts_values[7]);
	if (line->held_until == 0 && !slot->tts_isnull[7])
		line->held_until = 1;	/* since 0 says that the line is firm */
	stored.row.version = DatumGetTransactionId(slot->tts_values[8]);
	stored.row.place = place_of((ItemPointer) DatumGetPointer(slot->tts_values[9]));
	reader->versions = hash_combine64(hash_combine64(reader->versions, stored.row.place), stored.row.version);
	reader->has_seen_enough = !reader->visit_line(reader->context, &stored) || reader->wants_one;
	MemoryContextSwitchTo(old);
	return !reader->has_seen_enough;
}

static void
ignore(DestReceiver *receiver)
{
}

/* Reads batches for a visitor. */
Reader
reader_of_batches(BatchVisitor visit, void *context)
{
	return (Reader) {
		.receiver = {receive_batch, check_batch_types, ignore, ignore, DestNone},
		.visit_batch = visit,
		.context = context
	};
}

static Visit
copy_batch(void *context, const StoredBatch *batch)
{
	*(StoredBatch *) context = *batch;
	return VISIT_NO_MORE;
}

/* Reads one batch, which has no reference if there is none. */
Reader
reader_of_one_batch(StoredBatch *batch)
{
	*batch = (StoredBatch) {0};
	return reader_of_batches(copy_batch, batch);
}

/* Reads lines for a visitor. */
Reader
reader_of_lines(LineVisitor visit, void *context)
{
	return (Reader) {
		.receiver = {receive_line, check_line_types, ignore, ignore, DestNone},
		.visit_line = visit,
		.context = context
	};
}
