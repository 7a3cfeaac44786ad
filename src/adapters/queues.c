/*
 * queues.c
 *		Locks of the queues of SKUs, by the server's lock manager.
 *
 * Whoever leaves a line of a SKU waiting takes the lock of its queue in share
 * mode, whoever serves the queue in exclusive mode, both until the transaction
 * ends.  A SKU stands for its queue by a hash of 32 bits: where two have the same
 * one they wait for each other in vain, but hardly ever do.
 *
 * Each lock has its place in the server's shared memory, and that is limited.  A
 * transaction that has locked some queues locks all of them together from then
 * on, by one more lock.  Those who lock single queues take that, too, and before:
 *
 *					one queue			all queues
 *	leaves lines	RowShareLock		ShareLock
 *	serves			RowExclusiveLock	ExclusiveLock
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "adapters/queues.h"

/* What the tag of a lock says beside the table and the hash. */
enum
{
	QUEUE_OF_SKU,
	ALL_QUEUES
};

/* The queues that this transaction has locked one by one; a subtransaction that was undone may have freed some again. */
static uint32 locked[QUEUES_LOCKED_ONE_BY_ONE];
static size_t nlocked = 0;

/* Transaction callback: forgets that. */
static void
forget_locks(XactEvent event, void *arg)
{
	nlocked = 0;
}

static LOCKTAG
tag_of(const Installation *installation, uint32 hash, uint16 what)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, installation->order_lines, hash, what);
	return tag;
}

/* Locks a queue, or all of them; false where it would have to wait, but may not. */
static bool
lock(const LOCKTAG *tag, LOCKMODE mode, bool may_wait)
{
	return LockAcquire(tag, mode, false, !may_wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* Has this transaction room for so many more locks of single queues? */
static bool
has_room_for(const Installation *installation, size_t n)
{
	size_t		nheld = 0;

	if (nlocked + n <= QUEUES_LOCKED_ONE_BY_ONE)
		return true;
	for (size_t i = 0; i < nlocked; i++)
	{
		LOCKTAG		tag = tag_of(installation, locked[i], QUEUE_OF_SKU);

		if (lock_is_held(&tag, ShareLock) || lock_is_held(&tag, ExclusiveLock))
			locked[nheld++] = locked[i];
	}
	nlocked = nheld;
	return nlocked + n <= QUEUES_LOCKED_ONE_BY_ONE;
}

/* Locks one queue, as lock() does. */
static bool
lock_one(const Installation *installation, uint32 hash, LOCKMODE mode, bool may_wait)
{
	static bool has_callback = false;
	LOCKTAG		tag = tag_of(installation, hash, QUEUE_OF_SKU);

	if (!has_callback)
		RegisterXactCallback(forget_locks, NULL);
	has_callback = true;
	if (lock_is_held(&tag, mode))
		return true;
	if (!lock(&tag, mode, may_wait))
		return false;
	if (has_room_for(installation, 1))
		locked[nlocked++] = hash;
	return true;
}

static uint32
hash_of(const char *sku)
{
	return hash_bytes((const unsigned char *) sku, strlen(sku));
}

/* The queues of n SKUs; together with those that are locked already they may be too many to be locked one by one. */
Queues
queues_of(const Installation *installation, const char **skus, size_t n)
{
	Queues		queues = {.all = !has_room_for(installation, n)};

	for (size_t i = 0; i < n && !queues.all; i++)
		queues.hashes[queues.n++] = hash_of(skus[i]);
	return queues;
}

/* Are all of the others among the queues? */
bool
queues_include(const Queues *queues, const Queues *others)
{
	bool		are_included = queues->all || !others->all;

	for (int i = 0; i < others->n && are_included && !queues->all; i++)
	{
		are_included = false;
		for (int j = 0; j < queues->n; j++)
			are_included |= queues->hashes[j] == others->hashes[i];
	}
	return are_included;
}

/* Keeps those away who serve one of the queues; false where one is there already and the call may not wait. */
bool
queues_join(const Installation *installation, const Queues *queues, bool may_wait)
{
	LOCKTAG		tag = tag_of(installation, 0, ALL_QUEUES);
	bool		is_joined = lock(&tag, queues->all ? ShareLock : RowShareLock, may_wait);

	for (int i = 0; i < queues->n && is_joined; i++)
		is_joined = lock_one(installation, queues->hashes[i], ShareLock, may_wait);
	return is_joined;
}

static void
wait_for_lock(const LOCKTAG *tag, LOCKMODE mode)
{
	lock(tag, mode, true);
	LockRelease(tag, mode, false);
}

/* Waits for those who serve the queues, for one after the other while it holds none. */
void
queues_wait(const Installation *installation, const Queues *queues)
{
	LOCKTAG		tag = tag_of(installation, 0, ALL_QUEUES);

	wait_for_lock(&tag, queues->all ? ShareLock : RowShareLock);
	for (int i = 0; i < queues->n; i++)
	{
		tag = tag_of(installation, queues->hashes[i], QUEUE_OF_SKU);
		wait_for_lock(&tag, ShareLock);
	}
}

/* Keeps all others away who serve the queue of the SKU, or leave lines of it waiting. */
void
queues_hold(const Installation *installation, const char *sku)
{
	LOCKTAG		all = tag_of(installation, 0, ALL_QUEUES);
	LOCKTAG		queue = tag_of(installation, hash_of(sku), QUEUE_OF_SKU);

	if (lock_is_held(&queue, ExclusiveLock))
		return;
	if (has_room_for(installation, 1))
	{
		lock(&all, RowExclusiveLock, true);
		lock_one(installation, hash_of(sku), ExclusiveLock, true);
	}
	else
		lock(&all, ExclusiveLock, true);
}
