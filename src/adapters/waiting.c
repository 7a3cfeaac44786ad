/*
 * waiting.c
 *		Waits for other transactions, and limits how long an attempt waits while it
 *		holds locks.
 *
 * While a transaction waits for a lock, everybody else waits who wants the locks
 * that it holds.  So if an attempt has to wait outside the lock order, it does so
 * only for a moment, or looks for a deadlock early.  Then it is undone, which frees
 * its rows, and the next attempt begins by waiting while it holds nothing.
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

/* Sets a scan key: the column of the table has this text. */
static void
set_key(ScanKey key, Relation table, const char *column, const char *value)
{
	ScanKeyInit(key, get_attnum(RelationGetRelid(table), column), BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(value));
	key->sk_collation = C_COLLATION_OID;
}

/*
 * The index of the primary key of lines.  Invalid if it is not over texts that are
 * compared byte by byte, as the extension has made it: the owner of the table may
 * have replaced it, and changed the types of columns.
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

/* Waits for the transaction that is adding, changing or removing a line with this key; false if there is none. */
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

/* Waits for transactions that are adding, changing or removing one of n lines; false if it has found none. */
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
 * It consists of two settings of the session.  Code that changes them must restore
 * them, also after an error.
 */

/* In milliseconds */
#define MOMENT 1
#define WHILE 50
#define EARLY_DEADLOCK_TIMEOUT 5

/* The session's patience as it is now. */
Patience
patience_now(void)
{
	return (Patience) {.lock_timeout = LockTimeout, .deadlock_timeout = DeadlockTimeout};
}

void
patience_restore(Patience patience)
{
	LockTimeout = patience.lock_timeout;
	DeadlockTimeout = patience.deadlock_timeout;
}

/* Do waits for locks end sooner than they would have ended before? */
bool
patience_was_limited(Patience before)
{
	return LockTimeout != before.lock_timeout;
}

static void
limit_waits(int milliseconds)
{
	if (LockTimeout == 0 || LockTimeout > milliseconds)
		LockTimeout = milliseconds;
}

/* Makes waits for a lock end after a moment. */
void
patience_limit_to_moment(void)
{
	limit_waits(MOMENT);
}

/*
 * Makes an attempt yield in a deadlock.  The session that comes last into a deadlock
 * finds it, and this one now does so early.  If another session comes last, whose
 * transaction may have locked more before, waiting only for a while lets it go on.
 */
void
patience_be_ready_to_yield(bool for_a_while)
{
	DeadlockTimeout = Min(DeadlockTimeout, EARLY_DEADLOCK_TIMEOUT);
	if (for_a_while)
		limit_waits(WHILE);
}
