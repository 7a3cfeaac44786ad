/*
 * queues.c
 *		Locks of the queues of SKUs, by the server's lock manager.
 *
 * Whoever leaves a line of a SKU waiting takes the lock of its queue in share
 * mode, whoever serves the queue in exclusive mode, both until the transaction
 * ends.  A SKU stands for its queue by a hash of 32 bits: where two have the same
 * one they wait for each other in vain, but hardly ever do.
 *
 * Each lock has its place in the server's shared memory, and an order may leave
 * lines of many SKUs waiting.  So beyond some it takes one lock for all queues
 * instead.  Whoever serves a queue takes that one, too, and first.
 */
#include "postgres.h"

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

static uint32
hash_of(const char *sku)
{
	return hash_bytes((const unsigned char *) sku, strlen(sku));
}

/* The queues of n SKUs. */
Queues
queues_of(const char **skus, size_t n)
{
	Queues		queues = {.all = n > QUEUES_LOCKED_ONE_BY_ONE};

	for (size_t i = 0; i < n && !queues.all; i++)
		queues.hashes[queues.n++] = hash_of(skus[i]);
	return queues;
}

/* The tags of the locks of the queues; returns how many. */
static int
tags_of(const Installation *installation, const Queues *queues, LOCKTAG *tags)
{
	tags[0] = tag_of(installation, 0, ALL_QUEUES);
	for (int i = 0; i < queues->n && !queues->all; i++)
		tags[i] = tag_of(installation, queues->hashes[i], QUEUE_OF_SKU);
	return queues->all ? 1 : queues->n;
}

/* Keeps those away who serve one of the queues; false where one is there already and the call may not wait. */
bool
queues_join(const Installation *installation, const Queues *queues, bool may_wait)
{
	LOCKTAG		tags[QUEUES_LOCKED_ONE_BY_ONE];
	int			n = tags_of(installation, queues, tags);

	for (int i = 0; i < n; i++)
		if (!lock(&tags[i], ShareLock, may_wait))
			return false;
	return true;
}

/* Waits for those who serve the queues, for one after the other while it holds none. */
void
queues_wait(const Installation *installation, const Queues *queues)
{
	LOCKTAG		tags[QUEUES_LOCKED_ONE_BY_ONE];
	int			n = tags_of(installation, queues, tags);

	for (int i = 0; i < n; i++)
	{
		lock(&tags[i], ShareLock, true);
		LockRelease(&tags[i], ShareLock, false);
	}
}

/* Keeps all others away who serve the queue of the SKU, or leave lines of it waiting. */
void
queues_hold(const Installation *installation, const char *sku)
{
	LOCKTAG		all = tag_of(installation, 0, ALL_QUEUES);
	LOCKTAG		queue = tag_of(installation, hash_of(sku), QUEUE_OF_SKU);

	lock(&all, RowExclusiveLock, true);
	lock(&queue, ExclusiveLock, true);
}
