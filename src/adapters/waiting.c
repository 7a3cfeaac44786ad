/*
 * waiting.c
 *		Waits for other transactions, but not while others wait for what this one
 *		holds.
 *
 * Whoever waits for a lock keeps everybody waiting who wants what it holds.  So
 * where an attempt has to wait out of the order of locks, it does so for a moment
 * only, or finds out at once that it is in a deadlock.  Then it is undone, which
 * frees its rows, and the next attempt begins by waiting while it holds nothing.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "adapters/waiting.h"

/* A condition that a column of the table has this text. */
static void
set_key(ScanKey key, Relation table, const char *column, const char *value)
{
	ScanKeyInit(key, get_attnum(RelationGetRelid(table), column), BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(value));
	key->sk_collation = C_COLLATION_OID;
}

/*
 * The index of the primary key.  Invalid if that is no longer the one that the
 * extension has made, of texts that are compared byte by byte: the owner may have
 * put another one in its place, and columns of other types.
 */
static Oid
key_of_lines(Relation order_lines)
{
	static const char *const columns[] = {"orderid", "sku"};
	Oid			key;
	Relation	index;
	bool		is_ours;

	list_free(RelationGetIndexList(order_lines));
	key = order_lines->rd_pkindex;
	if (!OidIsValid(key))
		return InvalidOid;
	index = index_open(key, AccessShareLock);
	is_ours = index->rd_index->indnkeyatts == lengthof(columns);
	for (size_t i = 0; is_ours && i < lengthof(columns); i++)
		is_ours = index->rd_index->indkey.values[i] == get_attnum(RelationGetRelid(order_lines), columns[i]) &&
			index->rd_opcintype[i] == TEXTOID && index->rd_indcollation[i] == C_COLLATION_OID;
	index_close(index, AccessShareLock);
	return is_ours ? key : InvalidOid;
}

/* Waits for the transaction that is adding, changing or removing a line with this key; false where there is none. */
static bool
wait_for_line(Relation order_lines, Oid index, const OrderLine *line)
{
	ScanKeyData keys[2];
	SnapshotData dirty;
	SysScanDesc scan;
	HeapTuple	row;
	ItemPointerData place;
	TransactionId writer = InvalidTransactionId;

	set_key(&keys[0], order_lines, "orderid", line->orderid);
	set_key(&keys[1], order_lines, "sku", line->sku);
	InitDirtySnapshot(dirty);
	scan = systable_beginscan(order_lines, index, true, &dirty, 2, keys);
	while (!TransactionIdIsValid(writer) && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
		place = row->t_self;
	}
	systable_endscan(scan);
	if (TransactionIdIsValid(writer))
		XactLockTableWait(writer, order_lines, &place, XLTW_InsertIndex);
	return TransactionIdIsValid(writer);
}

/* Waits for all who are adding, changing or removing one of these lines; false where nobody is, or it cannot be told. */
bool
wait_for_lines(const Installation *installation, OrderLine **lines, size_t n)
{
	Relation	order_lines = table_open(installation->order_lines, NoLock);
	Oid			index = key_of_lines(order_lines);
	bool		has_waited = false;

	for (size_t i = 0; i < n && OidIsValid(index); i++)
		has_waited |= wait_for_line(order_lines, index, lines[i]);
	table_close(order_lines, NoLock);
	return has_waited;
}

/*
 * Patience
 *
 * These are settings of the session.  Whoever changes them restores them, also
 * after an error.
 */

#define MOMENT 1
#define WHILE 50
#define EARLY_DEADLOCK_TIMEOUT 5

/* As it is now. */
Patience
current_patience(void)
{
	return (Patience) {.lock_timeout = LockTimeout, .deadlock_timeout = DeadlockTimeout};
}

/* As it was before. */
void
restore_patience(Patience patience)
{
	LockTimeout = patience.lock_timeout;
	DeadlockTimeout = patience.deadlock_timeout;
}

/* Waits for locks end sooner than they would have ended before. */
bool
has_lost_patience(Patience before)
{
	return LockTimeout != before.lock_timeout;
}

static void
limit_waits(int milliseconds)
{
	if (LockTimeout == 0 || LockTimeout > milliseconds)
		LockTimeout = milliseconds;
}

/* From now on, waits for a lock end after a moment. */
void
wait_for_a_moment(void)
{
	limit_waits(MOMENT);
}

/*
 * From now on, yields to those who wait for what this attempt holds, and hold
 * what it waits for.  A deadlock shows soon to whoever comes into it last; if
 * that is another session, whose transaction has locked more before, waiting for
 * a while only makes room for it.
 */
void
be_ready_to_yield(bool for_a_while)
{
	DeadlockTimeout = Min(DeadlockTimeout, EARLY_DEADLOCK_TIMEOUT);
	if (for_a_while)
		limit_waits(WHILE);
}
