/*
 * rows.c
 *		Reads what statements return.
 *
 * The tables belong to an ordinary role, who may have changed them or put others
 * in their place.  So what a row holds is checked before it is looked at.
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
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "adapters/dates.h"
#include "adapters/rows.h"
#include "adapters/statement.h"

/* Refuses rows whose first columns have other types, or take for the same what differs. */
static void
check_types(const char *table, TupleDesc row_type, const Oid *types, int n)
{
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute column = TupleDescAttr(row_type, i);

		if (column->atttypid != types[i] && !IsBinaryCoercible(column->atttypid, types[i]))
			refuse_table(table, psprintf("Its column \"%s\" has type %s, not %s.", NameStr(column->attname),
										 format_type_be(column->atttypid), format_type_be(types[i])));
		if (types[i] == TEXTOID && column->attcollation != C_COLLATION_OID)
			refuse_table(table, psprintf("Its column \"%s\" has another collation than \"C\".",
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

/* Refuses a row with a null in one of n columns from another one on. */
static void
check_not_null(const char *table, TupleTableSlot *slot, int first, int n)
{
	for (int i = first; i < first + n; i++)
		if (slot->tts_isnull[i])
			refuse_table(table, psprintf("Its column \"%s\" has a null.",
										 NameStr(TupleDescAttr(slot->tts_tupleDescriptor, i)->attname)));
}

/* A quantity, which must not be less than so much. */
static int32
read_quantity(const char *table, TupleTableSlot *slot, int column, int32 least)
{
	int32		quantity = DatumGetInt32(slot->tts_values[column]);

	if (quantity < least)
		refuse_table(table, psprintf("Its column \"%s\" has %d.",
									 NameStr(TupleDescAttr(slot->tts_tupleDescriptor, column)->attname), quantity));
	return quantity;
}

static const char *
read_string(TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? NULL : TextDatumGetCString(slot->tts_values[column]);
}

/*
 * Is it the id of another transaction that is running?  It may be the id of
 * something else: what is older than every running transaction, or newer, is
 * told from these without looking for its state.
 */
static bool
is_running(TransactionId xid)
{
	return !TransactionIdIsCurrentTransactionId(xid) && TransactionIdIsInProgress(xid);
}

/* Has it ended by a commit since the snapshot of this transaction was taken? */
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

/* Where a place is in its table. */
ItemPointerData
place_tid(uint64 place)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, (BlockNumber) ((place & ~PLACE_IS_OWN) >> 16), (OffsetNumber) (place & 0xFFFF));
	return tid;
}

/*
 * Does what is in the xmax of a row of batches keep us from charging it?  The
 * lock that a foreign key to it takes (KEY SHARE) does not.
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
			if (members[i].status != MultiXactStatusForKeyShare && is_running(members[i].xid))
				return true;
		return false;
	}
	if (HEAP_XMAX_IS_KEYSHR_LOCKED(infomask))
		return false;
	/* Under a kept snapshot we cannot update a row changed after it: treat it as contended. */
	return is_running(xmax) ||
		(IsolationUsesXactSnapshot() && !HEAP_XMAX_IS_LOCKED_ONLY(infomask) && has_committed_since(xmax));
}

/*
 * What the row of a batch shows beside its columns: where it is, and whether
 * others have it.  Both are hints, and not every row shows them.
 */
static void
read_hints(TupleTableSlot *slot, Batch *batch)
{
	const BufferHeapTupleTableSlot *in_page = (const BufferHeapTupleTableSlot *) slot;
	HeapTupleHeader row;
	uint16		infomask;
	TransactionId xmax;

	batch->is_taken = false;
	batch->place = 0;
	if (!TTS_IS_BUFFERTUPLE(slot) || !ItemPointerIsValid(&slot->tts_tid) || !BufferIsValid(in_page->buffer))
		return;

	row = in_page->base.tuple->t_data;
	batch->place = place_of(&slot->tts_tid);
	if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row)))
		batch->place |= PLACE_IS_OWN;

	/* Others may change these meanwhile, so each is read once. */
	infomask = ((volatile HeapTupleHeaderData *) row)->t_infomask;
	xmax = ((volatile HeapTupleHeaderData *) row)->t_choice.t_heap.t_xmax;
	/* To look up a MultiXactId that is none would be an error: so these two are to be of one moment. */
	if (infomask & HEAP_XMAX_IS_MULTI)
	{
		LockBuffer(in_page->buffer, BUFFER_LOCK_SHARE);
		infomask = row->t_infomask;
		xmax = HeapTupleHeaderGetRawXmax(row);
		LockBuffer(in_page->buffer, BUFFER_LOCK_UNLOCK);
	}
	batch->is_taken = hinders_charge(infomask, xmax);
}

/*
 * The same of a row that comes with its xmax and its place in columns.  Whether
 * that is a MultiXactId, or who only locks the key, the header of the row tells.
 */
static bool
is_taken_at(ItemPointer tid)
{
	Relation	batches = table_open(statement_running.installation->batches, NoLock);
	TupleTableSlot *slot = table_slot_create(batches, NULL);
	Batch		batch = {.is_taken = false};

	if (table_tuple_fetch_row_version(batches, tid, SnapshotAny, slot))
		read_hints(slot, &batch);
	ExecDropSingleTupleTableSlot(slot);
	table_close(batches, NoLock);
	return batch.is_taken;
}

static bool
receive_batch(TupleTableSlot *slot, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	Batch		batch;

	slot_getallattrs(slot);
	check_not_null("batches", slot, 0, 6);
	batch.reference = read_string(slot, 0);
	batch.sku = read_string(slot, 1);
	batch.purchased_quantity = read_quantity("batches", slot, 2, 0);
	batch.allocated_quantity = read_quantity("batches", slot, 3, 0);
	batch.shipped_quantity = read_quantity("batches", slot, 4, 0);
	batch.rank = DatumGetInt32(slot->tts_values[5]);
	batch.eta = slot->tts_isnull[6] ? IN_WAREHOUSE : eta_of_date(DatumGetDateADT(slot->tts_values[6]));
	read_hints(slot, &batch);
	if (slot->tts_nvalid > 9 && !slot->tts_isnull[8])
	{
		TransactionId xmax = DatumGetTransactionId(slot->tts_values[8]);

		if (tables_are_distributed)
			batch.is_taken = is_running(xmax);
		else if (TransactionIdIsValid(xmax) && !slot->tts_isnull[9])
			batch.is_taken = is_taken_at((ItemPointer) DatumGetPointer(slot->tts_values[9]));
	}
	if (slot->tts_nvalid > 9 && tables_are_distributed)
		reader->versions = hash_combine64(hash_combine64(reader->versions, hash_any_extended(
			(const unsigned char *) batch.reference, strlen(batch.reference), 0)), DatumGetTransactionId(slot->tts_values[9]));

	if (reader->demand && (!batch_comes_by(&batch, reader->demand->deadline) ||
						   (batch_available_quantity(&batch) < reader->demand->qty && --reader->patience == 0)))
		reader->has_seen_enough = true;
	else
		reader->has_seen_enough = !reader->visit_batch(reader->context, &batch) || reader->wants_one;
	MemoryContextSwitchTo(old);
	return !reader->has_seen_enough;
}

static bool
receive_line(TupleTableSlot *slot, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	OrderLine	line;

	slot_getallattrs(slot);
	check_not_null("order_lines", slot, 0, 5);
	check_not_null("order_lines", slot, 8, 2);
	line.orderid = read_string(slot, 0);
	line.sku = read_string(slot, 1);
	line.qty = read_quantity("order_lines", slot, 2, 1);
	line.shipped_qty = read_quantity("order_lines", slot, 3, 0);
	line.ordered_at = DatumGetTimestampTz(slot->tts_values[4]);
	line.batchref = read_string(slot, 5);
	line.needed_by = slot->tts_isnull[6] ? 0 : day_of_date(DatumGetDateADT(slot->tts_values[6]));
	line.held_until = slot->tts_isnull[7] ? 0 : DatumGetTimestampTz(slot->tts_values[7]);
	if (line.held_until == 0 && !slot->tts_isnull[7])
		line.held_until = 1;	/* 0 says that it is firm */
	line.version = DatumGetTransactionId(slot->tts_values[8]);
	line.place = place_of((ItemPointer) DatumGetPointer(slot->tts_values[9]));
	reader->versions = hash_combine64(hash_combine64(reader->versions, line.place), line.version);
	reader->has_seen_enough = !reader->visit_line(reader->context, &line) || reader->wants_one;
	MemoryContextSwitchTo(old);
	return !reader->has_seen_enough;
}

static void
ignore(DestReceiver *receiver)
{
}

/* Reads batches. */
Reader
reader_of_batches(MemoryContext memory, BatchVisitor visit, void *context)
{
	return (Reader) {
		.receiver = {receive_batch, check_batch_types, ignore, ignore, DestNone},
		.memory = memory,
		.visit_batch = visit,
		.context = context
	};
}

/* Reads lines. */
Reader
reader_of_lines(MemoryContext memory, LineVisitor visit, void *context)
{
	return (Reader) {
		.receiver = {receive_line, check_line_types, ignore, ignore, DestNone},
		.memory = memory,
		.visit_line = visit,
		.context = context
	};
}
