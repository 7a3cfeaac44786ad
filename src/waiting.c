/*
 * waiting.c
 *		Waits for other transactions, and limits how long one waits for them.
 *
 * Whoever waits for a lock keeps everybody waiting who wants what it holds.  So
 * where an attempt has to wait out of the order of locks, it waits for a moment
 * only.  If that does not do, it is undone, which frees its rows, and the next
 * attempt begins by waiting while it holds nothing.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "waiting.h"

/* A condition that a column of the table has this text. */
static void
set_key(ScanKey key, Relation table, const char *column, const char *value)
{
	ScanKeyInit(key, get_attnum(RelationGetRelid(table), column), BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(value));
	key->sk_collation = C_COLLATION_OID;
}

/* Waits for the transaction that is adding, changing or removing a line with this key; false where there is none. */
static bool
wait_for_line(Relation order_lines, Oid index, const OrderLine *line)
{
	ScanKeyData keys[2];
	SnapshotData dirty;
	SysScanDesc scan;
	TransactionId writer = InvalidTransactionId;

	set_key(&keys[0], order_lines, "orderid", line->orderid);
	set_key(&keys[1], order_lines, "sku", line->sku);
	InitDirtySnapshot(dirty);
	scan = systable_beginscan(order_lines, index, OidIsValid(index), &dirty, 2, keys);
	while (!TransactionIdIsValid(writer) && HeapTupleIsValid(systable_getnext(scan)))
		writer = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
	systable_endscan(scan);
	if (TransactionIdIsValid(writer))
		XactLockTableWait(writer, order_lines, NULL, XLTW_InsertIndex);
	return TransactionIdIsValid(writer);
}

/* Waits for all who are adding, changing or removing one of these lines; false where nobody is. */
bool
wait_for_lines(const Installation *installation, OrderLine **lines, size_t n)
{
	Relation	order_lines = table_open(installation->order_lines, NoLock);
	bool		has_waited = false;
	Oid			index;

	list_free(RelationGetIndexList(order_lines));
	index = order_lines->rd_pkindex;
	for (size_t i = 0; i < n; i++)
		has_waited |= wait_for_line(order_lines, index, lines[i]);
	table_close(order_lines, NoLock);
	return has_waited;
}

/*
 * From now on each wait for a lock is limited, by the caller's lock_timeout (0:
 * none) and by so many milliseconds (0: no further).  Whoever has limited them
 * lifts that, also after an error.
 */
void
limit_waits(int caller_limit, int milliseconds)
{
	LockTimeout = milliseconds > 0 && (caller_limit == 0 || milliseconds < caller_limit) ? milliseconds : caller_limit;
}

/* Does the error say that a limit of ours was reached, and not that of the caller? */
bool
has_reached_limit(int caller_limit, const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && LockTimeout != caller_limit;
}
