/*
 * store.c
 *		Storage in memory that behaves as PostgreSQL's does.
 *
 * A row is a chain of versions.  A read sees the version that its snapshot shows.
 * A write begins with what its own statement's snapshot shows, waits until no
 * other session has locked the row, and looks again at the newest version, as
 * EvalPlanQual does; under a kept snapshot it fails there with 40001.  Adding a
 * row waits for sessions that are adding or removing one with the same key.
 * Undoing a subtransaction releases its locks.
 */
#include "store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Notes a broken promise.  The first one ends the run. */
void
store_fail(Store *store, const char *format,...)
{
	va_list		arguments;

	if (store->failure[0])
		return;
	va_start(arguments, format);
	vsnprintf(store->failure, sizeof(store->failure), format, arguments);
	va_end(arguments);
}

/* Prints what a session does, if there is a trace. */
void
session_tell(const Session *session, const char *format,...)
{
	va_list		arguments;

	if (!session->store->trace)
		return;
	fprintf(session->store->trace, "%*s%d: ", 4 * session->id, "", session->id);
	va_start(arguments, format);
	vfprintf(session->store->trace, format, arguments);
	va_end(arguments);
	fputc('\n', session->store->trace);
}

/* Raises an error, which ends the attempt or the call. */
void
session_raise(Session *session, Error error)
{
	session_tell(session, "error %d", error);
	session->error = error;
	longjmp(*session->handler, 1);
}

/* Lets other sessions work. */
void
session_step(Session *session)
{
	if (session->store->switch_session)
		session->store->switch_session(session);
}

/*
 * Memory
 */

/* Allocates in one part of the session's memory. */
void *
session_allocate(Session *session, int part, size_t size)
{
	void	   *piece = session->store->memory[session->id][part] + session->used[part];

	session->used[part] += (size + 15) / 16 * 16;
	if (session->used[part] > MEMORY)
		abort();
	return piece;
}

/* Frees this part and overwrites it, so that a service that still reads it goes wrong. */
void
session_forget(Session *session, int part)
{
	memset(session->store->memory[session->id][part], 0x7F, session->used[part]);
	session->used[part] = 0;
}

/*
 * Rows, versions and locks
 */

/* The row with this key; it may have no version.  The key of a batch is its reference. */
TableRow *
store_find(Store *store, const char *orderid, const char *name)
{
	TableRow   *row;

	for (row = store->rows; row < store->rows + store->nrows; row++)
		if (!row->orderid == !orderid && strcmp(row->name, name) == 0 &&
			(!orderid || strcmp(row->orderid, orderid) == 0))
			return row;
	if (store->nrows == MOST_ROWS)
		abort();
	store->nrows++;
	*row = (TableRow) {.orderid = orderid, .name = name, .locker = NOBODY};
	return row;
}

/* Lets others work; then the session goes on with this row. */
TableRow *
session_go_to_row(Session *session, const char *orderid, const char *name)
{
	session_step(session);
	return store_find(session->store, orderid, name);
}

/* What the session sees of the row; NULL if nothing. */
const Version *
row_visible(const TableRow *row, Snapshot snapshot, int session)
{
	for (const Version *version = row->newest; version; version = version->older)
		if (version->commit ? version->commit <= snapshot.commit :
			row->locker == session && version->command < snapshot.command)
			return version->is_deleted ? NULL : version;
	return NULL;
}

/* The queue of the SKU. */
static Queue *
find_queue(Store *store, const char *sku)
{
	Queue	   *queue;

	for (queue = store->queues; queue < store->queues + store->nqueues; queue++)
		if (strcmp(queue->sku, sku) == 0)
			return queue;
	if (store->nqueues++ == MAX_QUEUES)
		abort();
	*queue = (Queue) {.sku = sku};
	return queue;
}

static bool
conflict(int one, int other)
{
	return one + other > SHARED + SHARED && one != NOT_HELD && other != NOT_HELD;
}

/*
 * The sessions that keep this one from locking the queue, as a set of bits: those
 * that hold it and, unless hard_only, those before it in line.
 */
static unsigned
queue_blockers(const Queue *queue, int session, int mode, uint64_t since, bool hard_only)
{
	unsigned	blockers = 0;

	for (int other = 0; other < MAX_SESSIONS; other++)
	{
		if (other == session)
			continue;
		if (conflict(queue->held[other], mode) ||
			(!hard_only && conflict(queue->wanted[other], mode) && queue->since[other] < since &&
			 !conflict(queue->wanted[other], queue->held[session])))
			blockers |= 1u << other;
	}
	return blockers;
}

/* The sessions for which this one waits, as a set of bits. */
unsigned
session_blockers(const Session *session, bool hard_only)
{
	const TableRow *row = session->waits_for;
	const Queue *queue = session->waits_in;

	if (row && row->locker != NOBODY && row->locker != session->id &&
		(!session->waits_for_key || row->newest->commit == 0))
		return 1u << row->locker;
	if (queue)
		return queue_blockers(queue, session->id, queue->wanted[session->id], queue->since[session->id],
							  hard_only || session->jumps_queue);
	return 0;
}

/* Must the session go on waiting? */
bool
session_waits(const Session *session)
{
	return !session->is_victim && session_blockers(session, false) != 0;
}

/* Lets others work.  If the session gets its turn while it would still have to wait, a limited wait is cut short. */
void
session_go_on_waiting(Session *session)
{
	session_step(session);
	if (session->is_limited && session_blockers(session, false))
		session_raise(session, WAIT_CUT);
}

/* Waits until no other session has locked the row; for_key: until none is adding or removing one with its key. */
void
session_wait_for(Session *session, TableRow *row, bool for_key)
{
	session->waits_for = row;
	session->waits_for_key = for_key;
	if (session_blockers(session, false))
		session_tell(session, "waits for %s %s", row->orderid ? row->orderid : "batch", row->name);
	while (session_blockers(session, false))
		session_go_on_waiting(session);
	session->waits_for = NULL;
}

/* Notes a lock or a write. */
void
session_note_undo(Session *session, Undo undo)
{
	if (session->nundo == MAX_UNDO)
		abort();
	session->undo[session->nundo] = undo;
	session->nundo++;
}

/* Locks a row for which the session has waited. */
void
session_lock(Session *session, TableRow *row)
{
	if (row->locker == session->id)
		return;
	row->locker = session->id;
	session->has_acted = true;
	session_note_undo(session, (Undo) {.row = row});
}

/* Writes a new version of a row that the session has locked; it is a copy of the version before. */
Version *
session_write(Session *session, TableRow *row)
{
	Store	   *store = session->store;
	Version    *version;

	if (store->nversions == MAX_VERSIONS)
		abort();
	version = &store->versions[store->nversions++];
	*version = row->newest ? *row->newest : (Version) {0};
	version->older = row->newest;
	version->commit = 0;
	version->command = store->commands;
	version->number = (uint32_t) store->nversions;
	row->newest = version;
	session_note_undo(session, (Undo) {.row = row, .is_version = true});
	return version;
}

/* The snapshot of a statement that begins now. */
Snapshot
session_begin_statement(Session *session)
{
	Store	   *store = session->store;

	return (Snapshot) {session->level == READ_COMMITTED ? store->commits : session->kept.commit, ++store->commands};
}

/* Locks a row as an UPDATE ... WHERE does; false if the row does not meet the condition, now or in the snapshot. */
bool
session_meet(Session *session, TableRow *row, Snapshot snapshot, Condition condition, const void *argument)
{
	const Version *seen = row_visible(row, snapshot, session->id);

	session->has_acted = true;
	session_tell(session, "writes to %s %s%s", row->orderid ? row->orderid : "batch", row->name,
				 !seen || !condition(seen, argument) ? ", and cannot" : "");
	if (!seen || !condition(seen, argument))
		return false;
	session_wait_for(session, row, false);
	for (const Version *version = row->newest; version != seen; version = version->older)
	{
		if (session->level != READ_COMMITTED)
			session_raise(session, SERIALIZATION_FAILURE);
		if (version->is_deleted)
			return false;
	}
	session_lock(session, row);
	return condition(row->newest, argument);
}

/* Waits until the queue of the SKU can be locked in this mode; false if it would have to wait, but may not. */
bool
session_wait_for_queue(Session *session, const char *sku, int mode, bool may_wait)
{
	Queue	   *queue;
	bool		is_free;

	session_step(session);
	session->has_acted = true;
	queue = find_queue(session->store, sku);
	session_tell(session, "wants the queue of %s %s", sku, mode == SHARED ? "in share mode" : "exclusively");
	queue->wanted[session->id] = mode;
	queue->since[session->id] = ++session->store->commands;
	session->waits_in = queue;
	session->jumps_queue = false;
	while (session_blockers(session, false) && may_wait)
		session_go_on_waiting(session);
	is_free = !session_blockers(session, false);
	queue->wanted[session->id] = NOT_HELD;
	session->waits_in = NULL;
	return is_free;
}

/* Locks the queue until the transaction ends; false if it would have to wait, but may not. */
bool
session_lock_queue(Session *session, const char *sku, int mode, bool may_wait)
{
	Queue	   *queue = find_queue(session->store, sku);
	int			held = queue->held[session->id];

	if (held >= mode)
		return true;
	if (!session_wait_for_queue(session, sku, mode, may_wait))
		return false;
	session_note_undo(session, (Undo) {.queue = queue, .held = held});
	queue->held[session->id] = mode;
	return true;
}

/*
 * Transactions
 */

/* Begins a transaction. */
void
session_begin(Session *session, Level level)
{
	session->level = level;
	session->keeps_snapshot = false;
	session->nundo = 0;
}

/* The first statement of a transaction takes the snapshot that it keeps, if it keeps one. */
void
session_keep_snapshot(Session *session)
{
	Store	   *store = session->store;

	if (session->level == READ_COMMITTED || session->keeps_snapshot)
		return;
	session->has_acted = true;
	session->kept = (Snapshot) {store->commits, ++store->commands};
	session->keeps_snapshot = true;
}

/* Undoes all locks and writes after a savepoint. */
void
session_undo(Session *session, int savepoint)
{
	if (session->nundo > savepoint)
		session_tell(session, "undoes %d locks and writes", session->nundo - savepoint);
	session->store->ends += session->nundo > savepoint;
	session->has_acted |= session->nundo > savepoint;
	while (session->nundo > savepoint)
	{
		Undo	   *undo = &session->undo[--session->nundo];

		if (undo->queue)
			undo->queue->held[session->id] = undo->held;
		else if (undo->is_version)
			undo->row->newest = undo->row->newest->older;
		else
			undo->row->locker = NOBODY;
	}
	if (session->waits_in)
		session->waits_in->wanted[session->id] = NOT_HELD;
	session->waits_for = NULL;
	session->waits_in = NULL;
}

/* Commits the writes of the transaction, and releases its locks. */
void
session_commit(Session *session)
{
	Store	   *store = session->store;
	bool		has_written = false;

	session->has_acted = true;

	for (int i = 0; i < session->nundo; i++)
		has_written |= session->undo[i].is_version;
	session_tell(session, "commits");
	store->commits += has_written;
	store->ends += has_written;
	for (int i = 0; i < session->nundo; i++)
	{
		TableRow   *row = session->undo[i].row;

		if (session->undo[i].queue)
			session->undo[i].queue->held[session->id] = NOT_HELD;
		else
		{
			for (Version *version = row->newest; version && version->commit == 0; version = version->older)
				version->commit = store->commits;
			row->locker = NOBODY;
		}
	}
	session->nundo = 0;
}

/*
 * Storages
 */

/* Makes a storage empty. */
void
store_init(Store *store)
{
	FILE	   *trace = store->trace;

	memset(store, 0, offsetof(Store, versions));
	store->trace = trace;
	for (int i = 0; i < MAX_SESSIONS; i++)
		session_init(&store->sessions[i], store, i);
}

/* Copies what a session sees in a storage to another storage. */
void
store_copy(Store *copy, const Store *store, Snapshot moment, int session)
{
	store_init(copy);
	copy->clock = store->clock;
	copy->commits = 1;
	for (int i = 0; i < store->nrows; i++)
	{
		const TableRow *row = &store->rows[i];
		const Version *version = row_visible(row, moment, session);

		if (version)
		{
			Version    *only = &copy->versions[copy->nversions++];

			*only = *version;
			only->older = NULL;
			only->commit = 1;
			only->number = (uint32_t) copy->nversions;
			store_find(copy, row->orderid, row->name)->newest = only;
		}
	}
}
