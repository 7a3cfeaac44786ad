/*
 * repository.c
 *		The methods of the repository over the storage.
 *
 * Other sessions get their turn before an attempt takes its snapshot, and before
 * each row or queue is locked or written.  They need none between two reads of
 * one snapshot, as these would not see what they write.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

static Session *
session_of(Repository *repository)
{
	return (Session *) ((char *) repository - offsetof(Session, repository));
}

/*
 * The methods that read
 */

static void *
allocate_memory(Repository *repository, size_t size)
{
	return session_allocate(session_of(repository), session_of(repository)->half, size);
}

static void *
allocate_lasting_memory(Repository *repository, size_t size)
{
	return session_allocate(session_of(repository), LASTING, size);
}

/* The snapshot of the attempt, which its first read takes. */
static Snapshot
look(Session *session)
{
	Store	   *store = session->store;

	if (!session->has_looked)
	{
		session_step(session);
		session->moment = (Snapshot) {
			session->level == READ_COMMITTED || session->looks_at_latest ? store->commits : session->kept.commit,
			++store->commands
		};
		if (!session->has_moment)
			session->ends = store->ends;
		session->has_moment = true;
		session_tell(session, "looks (attempt %d)", session->repository.attempt.nfailed + 1);
		session->has_looked = true;
		session->has_acted = true;
	}
	return session->moment;
}

static int64_t
current_time(Repository *repository)
{
	look(session_of(repository));
	return session_of(repository)->store->clock += 10;
}

static uint32_t
random_below(Repository *repository, uint32_t n)
{
	return (uint32_t) (session_of(repository)->store->commands % n);
}

static void
look_again(Repository *repository)
{
	session_of(repository)->has_looked = false;
}

static StoredLine
stored_line(const Version *version)
{
	return (StoredLine) {version->line, {.version = version->number}};
}

size_t
read_lines(Repository *repository, LineCondition condition, const void *argument, StoredLine *lines)
{
	Session    *session = session_of(repository);
	Store	   *store = session->store;
	Snapshot	moment = look(session);
	size_t		n = 0;

	for (const TableRow *row = store->rows; row < store->rows + store->nrows; row++)
	{
		const Version *version = row->orderid ? row_visible(row, moment, session->id) : NULL;

		if (version && condition(&version->line, argument))
			lines[n++] = stored_line(version);
	}
	return n;
}

/* Has another session locked the batch or, under a kept snapshot, changed it since?  Then a charge waits or fails. */
static bool
is_contended(const Session *session, const TableRow *row)
{
	const char *favourites = session->store->favourites;

	return (row->locker != NOBODY && row->locker != session->id) ||
		(session->level != READ_COMMITTED && row->newest->commit > session->moment.commit) ||
		(favourites && !strstr(favourites, row->name));
}

size_t
read_batches(Repository *repository, BatchCondition condition, const void *argument, StoredBatch *batches)
{
	Session    *session = session_of(repository);
	Store	   *store = session->store;
	Snapshot	moment = look(session);
	size_t		n = 0;

	for (const TableRow *row = store->rows; row < store->rows + store->nrows; row++)
	{
		const Version *version = row->orderid ? NULL : row_visible(row, moment, session->id);

		if (version && condition(&version->batch, argument))
			batches[n++] = (StoredBatch) {version->batch, {.is_contended = is_contended(session, row)}};
	}
	return n;
}

static bool
can_be_improved(Session *session, const Version *version, const char *sku, Snapshot snapshot)
{
	const char *reference = version ? version->line.batchref : NULL;
	const Version *own = reference ?
		row_visible(store_find(session->store, NULL, reference), snapshot, session->id) : NULL;

	return version && in_memory_can_be_improved(&version->line, sku, own ? &own->batch : NULL);
}

/* Under a kept snapshot that no longer shows the lines as they are, the transaction has to be run again. */
static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Session    *session = session_of(repository);
	Store	   *store = session->store;
	Snapshot	moment = look(session);
	Snapshot	latest = {store->commits, moment.command};
	StoredLine	lines[MOST_ROWS];
	int			n = 0;

	for (int i = 0; i < store->nrows; i++)
	{
		TableRow   *row = &store->rows[i];
		const Version *seen = row->orderid ? row_visible(row, moment, session->id) : NULL;
		const Version *newest = row->orderid ? row_visible(row, latest, session->id) : NULL;
		bool		is_seen = can_be_improved(session, seen, sku, moment);
		bool		is_there = can_be_improved(session, newest, sku, latest);

		if (session->level != READ_COMMITTED && (is_seen != is_there || (is_seen && seen != newest)))
			session_raise(session, SERIALIZATION_FAILURE);
		if (is_seen)
			lines[n++] = stored_line(seen);
	}
	for (int i = 0; i < n && visit(context, &lines[i]); i++)
		;
}

/*
 * The methods that write
 */

/* Notes that a write has failed. */
static bool
note_write(Session *session, bool has_written)
{
	session->write_failed |= !has_written;
	return has_written;
}

/* What a statement that writes to a batch relies on. */
typedef struct Reliance
{
	const char *sku;
	BatchCondition condition;	/* NULL if it relies on the SKU only */
	const void *argument;
} Reliance;

static bool
is_reliable(const Version *version, const void *argument)
{
	const Reliance *reliance = argument;

	return strcmp(version->batch.sku, reliance->sku) == 0 &&
		(!reliance->condition || reliance->condition(&version->batch, reliance->argument));
}

static void
lock_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);

	session->has_locked = true;
	for (size_t i = 0; i < n; i++)
	{
		TableRow   *row = session_go_to_row(session, NULL, keys[i].name);

		if (session_meet(session, row, snapshot, is_reliable, &(Reliance) {keys[i].sku}))
			visit(context, &(StoredBatch) {row->newest->batch});
	}
}

static void
hold_queue(Repository *repository, const char *sku)
{
	Session    *session = session_of(repository);

	session->is_limited |= session->nyields < MOST_YIELDS;
	session->has_queue = true;
	session_lock_queue(session, sku, EXCLUSIVE, true);
	look_again(repository);
}

/* As in src/adapters: a call that has failed so many attempts joins its queues before it reads. */
#define ATTEMPTS_TO_JOIN_LAST 5

/* The SKUs come in lock order. */
static bool
join_queues(Repository *repository, const char **skus, size_t n)
{
	Session    *session = session_of(repository);
	bool		is_joined = true;

	memcpy(session->queues, skus, n * sizeof(char *));
	session->nqueues = n;
	for (size_t i = 0; i < n && is_joined; i++)
		is_joined = session_lock_queue(session, skus[i], SHARED, false);
	session->joins_first = !is_joined || repository->attempt.nfailed >= ATTEMPTS_TO_JOIN_LAST;
	if (!is_joined)
		return false;
	look_again(repository);
	session->looks_at_latest = true;
	return true;
}

/* Adds a row, once no other session is adding or removing one with its key.  If the row exists, the attempt ends. */
static Version *
add_row(Session *session, TableRow *row)
{
	session_tell(session, "adds %s %s", row->orderid ? row->orderid : "batch", row->name);
	session_wait_for(session, row, true);
	if (row->newest && !row->newest->is_deleted)
		session_raise(session, DUPLICATE);
	session_lock(session, row);
	return session_write(session, row);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	Session    *session = session_of(repository);
	TableRow   *row = session_go_to_row(session, NULL, batch->reference);
	Version    *version;

	session_begin_statement(session);
	version = add_row(session, row);
	version->is_deleted = false;
	version->batch = *batch;
}

/*
 * Adds units to one of the quantities of n batches; false if one does not meet
 * the condition.  As in src/adapters, up to nalone batches take a statement each,
 * and the first that fails is the last; more batches are one statement.
 */
static bool
add_units(Repository *repository, const Charge *charges, size_t n, BatchCondition condition, size_t quantity,
		  size_t nalone)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);
	size_t		nwritten = 0;

	for (size_t i = 0; i < n && (n > nalone || nwritten == i); i++)
	{
		RowKey		key = charges[i].batch;
		TableRow   *row = session_go_to_row(session, NULL, key.name);

		if (n <= nalone)
			snapshot = session_begin_statement(session);
		if (!session_meet(session, row, snapshot, is_reliable, &(Reliance) {key.sku, condition, &charges[i]}))
			continue;
		*(int32_t *) ((char *) &session_write(session, row)->batch + quantity) += charges[i].units;
		nwritten++;
	}
	return note_write(session, nwritten == n);
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	return add_units(repository, charges, n, in_memory_can_charge, offsetof(Batch, allocated_quantity), 2);
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	return add_units(repository, charges, n, in_memory_can_ship, offsetof(Batch, shipped_quantity), 1);
}

Batch *
write_to_batch(Repository *repository, RowKey key, BatchCondition condition, const void *argument)
{
	Session    *session = session_of(repository);
	TableRow   *row = session_go_to_row(session, NULL, key.name);
	Snapshot	snapshot = session_begin_statement(session);
	Reliance	reliance = {key.sku, condition, argument};

	if (!note_write(session, session_meet(session, row, snapshot, is_reliable, &reliance)))
		return NULL;
	return &session_write(session, row)->batch;
}

static bool
any_version(const Version *version, const void *argument)
{
	return true;
}

static void
lock_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);

	session->has_locked = true;
	for (size_t i = 0; i < n; i++)
	{
		TableRow   *row = session_go_to_row(session, keys[i].name, keys[i].sku);
		StoredLine	line;

		if (!session_meet(session, row, snapshot, any_version, NULL))
			continue;
		line = stored_line(row->newest);
		visit(context, &line);
	}
}

static void
store_line(Version *version, const OrderLine *line)
{
	version->is_deleted = false;
	version->line = *line;
}

/* An attempt that waits without limit for the key of a line must not have locked a batch. */
static void
check_holds_no_batch(Session *session, TableRow *row)
{
	session->waits_for = row;
	session->waits_for_key = true;
	if (session_blockers(session, false) && !session->is_limited && !session->waits_for_lines)
		for (int i = session->savepoint; i < session->nundo; i++)
			if (session->undo[i].row && !session->undo[i].row->orderid)
				store_fail(session->store, "a batch kept waiting: session %d holds %s and waits for the key (%s, %s)",
						   session->id, session->undo[i].row->name, row->orderid, row->name);
	session->waits_for = NULL;
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	Session    *session = session_of(repository);
	bool		was_limited = session->is_limited;

	if (!session->waits_for_lines)
	{
		session->added = lines;
		session->nadded = n;
		session->is_limited = true;
	}
	session_begin_statement(session);
	for (size_t i = 0; i < n; i++)
	{
		TableRow   *row = session_go_to_row(session, lines[i]->orderid, lines[i]->sku);

		check_holds_no_batch(session, row);
		store_line(add_row(session, row), lines[i]);
	}
	session->is_limited = was_limited;
	session->nadded = 0;
}

static bool
is_this_version(const Version *version, const void *argument)
{
	return version->number == ((const StoredLine *) argument)->row.version;
}

/* Replaces lines, or removes them if there is nothing to replace them. */
static bool
replace_lines(Repository *repository, StoredLine **from, OrderLine **to, size_t n)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);
	size_t		nreplaced = 0;

	for (size_t i = 0; i < n; i++)
	{
		TableRow   *row = session_go_to_row(session, from[i]->line.orderid, from[i]->line.sku);
		Version    *version;

		if (n == 1)
			snapshot = session_begin_statement(session);
		if (!session_meet(session, row, snapshot, is_this_version, from[i]))
			continue;
		version = session_write(session, row);
		if (to)
			store_line(version, to[i]);
		else
			version->is_deleted = true;
		nreplaced++;
	}
	return note_write(session, nreplaced == n);
}

static bool
change_lines(Repository *repository, StoredLine **from, OrderLine **to, size_t n)
{
	return replace_lines(repository, from, to, n);
}

static bool
remove_lines(Repository *repository, StoredLine **lines, size_t n)
{
	return replace_lines(repository, lines, NULL, n);
}

/* Makes a session that works on a storage. */
void
session_init(Session *session, Store *store, int id)
{
	*session = (Session) {
		.store = store,
		.id = id,
		.undo = store->undo[id],
		.uow.run = session_run,
		.repository = {
			.allocate_memory = allocate_memory,
			.allocate_lasting_memory = allocate_lasting_memory,
			.current_time = current_time,
			.random_below = random_below,
			.look_again = look_again,
			.visit_lines_to_improve = visit_lines_to_improve,
			.hold_queue = hold_queue,
			.join_queues = join_queues,
			.lock_batches = lock_batches,
			.lock_lines = lock_lines,
			.add_batch = add_batch,
			.charge_batches = charge_batches,
			.ship_from_batches = ship_from_batches,
			.add_lines = add_lines,
			.change_lines = change_lines,
			.remove_lines = remove_lines
		}
	};
	in_memory_init(&session->repository);
}
