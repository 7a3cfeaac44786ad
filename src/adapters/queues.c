/*
 * queues.c
 *		Locks the queues of SKUs, by the server's lock manager.
 *
 * A transaction that leaves a line of a SKU waiting locks the SKU's queue in share
 * mode, and one that serves the queue in exclusive mode, until it ends.  The lock
 * is known by a hash of 32 bits of the SKU: if two SKUs have the same hash, which is
 * rare, their transactions wait for each other without need.
 *
 * The server's shared memory has room for a limited number of locks.  So a
 * transaction that has locked some queues one by one then locks all queues
 * together, by one more lock.  Locking a single queue takes that lock first, too,
 * in a weaker mode:
 *
 *					one queue			all queues
 *	leaves lines	RowShareLock		ShareLock
 *	serves			RowExclusiveLock	ExclusiveLock
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "adapters/queues.h"

/* Part of the tag of a lock, beside the table and the hash. */
enum
{
	QUEUE_OF_SKU,
	ALL_QUEUES
};

/* The queues that this session has locked one by one.  Transactions that have ended, or were undone, have freed theirs. */
static uint32 locked[QUEUES_LOCKED_ONE_BY_ONE];
static size_t nlocked = 0;

static LOCKTAG
tag_of(const Installation *installation, uint32 hash, uint16 what)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, installation->order_lines, hash, what);
	return tag;
}

/* Takes a lock; false if that would have to wait and must not. */
static bool
lock(const LOCKTAG *tag, LOCKMODE mode, bool may_wait)
{
	return LockAcquire(tag, mode, false, !may_wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* May this transaction lock n more queues one by one?  It first forgets those whose locks have been freed. */
static bool
may_lock_more(const Installation *installation, size_t n)
{
	size_t		nkept = 0;

	if (nlocked + n <= QUEUES_LOCKED_ONE_BY_ONE)
		return true;
	for (size_t i = 0; i < nlocked; i++)
	{
		LOCKTAG		tag = tag_of(installation, locked[i], QUEUE_OF_SKU);

		if (lock_is_held(&tag, ShareLock) || lock_is_held(&tag, ExclusiveLock))
			locked[nkept++] = locked[i];
	}
	nlocked = nkept;
	return nlocked + n <= QUEUES_LOCKED_ONE_BY_ONE;
}

/* Notes that the queue is locked.  It counts once, even if it was locked before and freed by a savepoint. */
static void
note_locked(uint32 hash)
{
	for (size_t i = 0; i < nlocked; i++)
		if (locked[i] == hash)
			return;
	locked[nlocked++] = hash;
}

/* Locks one queue; false if that would have to wait and must not. */
static bool
lock_one(const Installation *installation, uint32 hash, LOCKMODE mode, bool may_wait)
{
	LOCKTAG		tag = tag_of(installation, hash, QUEUE_OF_SKU);

	if (lock_is_held(&tag, mode))
		return true;
	if (!lock(&tag, mode, may_wait))
		return false;
	if (may_lock_more(installation, 1))
		note_locked(hash);
	return true;
}

static uint32
hash_of(const char *sku)
{
	return hash_bytes((const unsigned char *) sku, strlen(sku));
}

/* The queues of n SKUs; all queues if these are too many, with those that are locked already, to lock them one by one. */
Queues
queues_of(const Installation *installation, const char **skus, size_t n)
{
	Queues		queues = {.all = !may_lock_more(installation, n)};

	for (size_t i = 0; i < n && !queues.all; i++)
		queues.hashes[queues.n++] = hash_of(skus[i]);
	return queues;
}

/* Are the others a subset of the queues? */
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

/* Keeps others from serving the queues; false if somebody serves one of them and the call must not wait. */
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

/* Waits for transactions that serve the queues, one after the other, and holds none of the locks while it waits. */
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

/* Keeps others from serving the queue of the SKU and from leaving lines in it. */
void
queues_hold(const Installation *installation, const char *sku)
{
	LOCKTAG		all = tag_of(installation, 0, ALL_QUEUES);
	LOCKTAG		queue = tag_of(installation, hash_of(sku), QUEUE_OF_SKU);

	if (lock_is_held(&queue, ExclusiveLock))
		return;
	if (may_lock_more(installation, 1))
	{
		lock(&all, RowExclusiveLock, true);
		lock_one(installation, hash_of(sku), ExclusiveLock, true);
	}
	else
		lock(&all, ExclusiveLock, true);
}
