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

#include "compat.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "queues.h"

/* What the tag of a lock says beside the table and the hash. */
enum
{
	QUEUE_OF_SKU,
	ALL_QUEUES
};

/* How many queues this transaction has locked one by one. */
static int	nlocked = 0;

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

/* Locks one queue, or as lock(). */
static bool
lock_one(const LOCKTAG *tag, LOCKMODE mode, bool may_wait)
{
	static bool has_callback = false;

	if (!has_callback)
		RegisterXactCallback(forget_locks, NULL);
	has_callback = true;
	if (lock_is_held(tag, mode))
		return true;
	nlocked++;
	return lock(tag, mode, may_wait);
}

static uint32
hash_of(const char *sku)
{
	return hash_bytes((const unsigned char *) sku, strlen(sku));
}

/* The queues of n SKUs; together with those that are locked already they may be too many to be locked one by one. */
Queues
queues_of(const char **skus, size_t n)
{
	Queues		queues = {.all = nlocked + n > QUEUES_LOCKED_ONE_BY_ONE};

	for (size_t i = 0; i < n && !queues.all; i++)
		queues.hashes[queues.n++] = hash_of(skus[i]);
	return queues;
}

/* Keeps those away who serve one of the queues; false where one is there already and the call may not wait. */
bool
queues_join(const Installation *installation, const Queues *queues, bool may_wait)
{
	LOCKTAG		tag = tag_of(installation, 0, ALL_QUEUES);
	bool		is_joined = lock(&tag, queues->all ? ShareLock : RowShareLock, may_wait);

	for (int i = 0; i < queues->n && is_joined; i++)
	{
		tag = tag_of(installation, queues->hashes[i], QUEUE_OF_SKU);
		is_joined = lock_one(&tag, ShareLock, may_wait);
	}
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
	if (nlocked < QUEUES_LOCKED_ONE_BY_ONE)
	{
		lock(&all, RowExclusiveLock, true);
		lock_one(&queue, ExclusiveLock, true);
	}
	else
		lock(&all, ExclusiveLock, true);
}
