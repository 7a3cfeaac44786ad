/*
 * repository.c
 *		The methods of the repository, and the unit of work, over the storage.
 *
 * Sessions are switched before an attempt takes its snapshot and before each row
 * or queue that is locked or written: between two reads of one snapshot nothing
 * happens that these would see.
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

#define LASTING 2

static void *
allocate_in(Session *session, int part, size_t size)
{
	void	   *piece = session->store->memory[session->id][part] + session->used[part];

	session->used[part] += (size + 15) / 16 * 16;
	if (session->used[part] > MEMORY)
		abort();
	return piece;
}

static void *
allocate_memory(Repository *repository, size_t size)
{
	return allocate_in(session_of(repository), session_of(repository)->half, size);
}

static void *
allocate_lasting_memory(Repository *repository, size_t size)
{
	return allocate_in(session_of(repository), LASTING, size);
}

/* Whoever reads what is not there any more shall notice. */
static void
forget_memory(Session *session, int part)
{
	memset(session->store->memory[session->id][part], 0x7F, session->used[part]);
	session->used[part] = 0;
}

/* What the attempt reads is as of the moment when it first reads. */
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
		session_tell(session, "looks (attempt %d)", session->repository.attempts + 1);
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
check_cancelled(Repository *repository)
{
}

static void
look_again(Repository *repository)
{
	session_of(repository)->has_looked = false;
}

static const Version *
find_line(Session *session, const char *orderid, const char *sku)
{
	return row_visible(store_find(session->store, orderid, sku), look(session), session->id);
}

/* Finds a batch, and whether others have it or, where that matters as much, have changed it since. */
static bool
find_batch(Repository *repository, const char *sku, const char *reference, Batch *batch)
{
	Session    *session = session_of(repository);
	Snapshot	moment = look(session);
	Row		   *row = store_find(session->store, NULL, reference);
	const Version *version = row_visible(row, moment, session->id);

	if (!version || (sku && strcmp(version->batch.sku, sku) != 0))
		return false;
	*batch = version->batch;
	batch->is_taken = (row->locker != NOBODY && row->locker != session->id) ||
		(session->level != READ_COMMITTED && row->newest->commit > moment.commit) ||
		(session->store->favourites && !strstr(session->store->favourites, reference));
	return true;
}

static void
visit_known_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
	{
		const Version *version = find_line(session_of(repository), lines[i]->orderid, lines[i]->sku);

		if (version && !visit(context, &version->line))
			return;
	}
}

/* The lines that the attempt sees, which are at most so many. */
static size_t
all_lines(Session *session, OrderLine *lines)
{
	Snapshot	moment = look(session);
	size_t		n = 0;

	for (Row *row = session->store->rows; row < session->store->rows + session->store->nrows; row++)
	{
		const Version *version = row->orderid ? row_visible(row, moment, session->id) : NULL;

		if (version)
			lines[n++] = version->line;
	}
	return n;
}

static int
compare_skus(const void *a, const void *b)
{
	return strcmp(((const OrderLine *) a)->sku, ((const OrderLine *) b)->sku);
}

static void
visit_lines_of_order(Repository *repository, const char *orderid, LineVisitor visit, void *context)
{
	OrderLine	lines[MAX_ROWS];
	size_t		n = all_lines(session_of(repository), lines);

	qsort(lines, n, sizeof(OrderLine), compare_skus);
	for (size_t i = 0; i < n; i++)
		if (strcmp(lines[i].orderid, orderid) == 0 && !visit(context, &lines[i]))
			return;
}

static int
compare_latest_first(const void *a, const void *b)
{
	int			order = line_compare_turns(b, a);

	return order != 0 ? order : strcmp(((const OrderLine *) b)->orderid, ((const OrderLine *) a)->orderid);
}

static bool
is_of_batch(const OrderLine *line, const char *reference)
{
	return line->batchref && strcmp(line->batchref, reference) == 0;
}

static void
visit_lines_of_batch(Repository *repository, const Batch *batch, LineVisitor visit, void *context)
{
	OrderLine	lines[MAX_ROWS];
	size_t		n = all_lines(session_of(repository), lines);

	qsort(lines, n, sizeof(OrderLine), compare_latest_first);
	for (size_t i = 0; i < n; i++)
		if (is_of_batch(&lines[i], batch->reference) && !visit(context, &lines[i]))
			return;
}

/* Is it a line of the SKU with open units that waits, or whose batch is not in the warehouse? */
static bool
can_be_improved(Session *session, const Version *version, const char *sku, Snapshot snapshot)
{
	const OrderLine *line = &version->line;
	const Version *own;

	if (strcmp(line->sku, sku) != 0 || line_open_quantity(line) == 0)
		return false;
	own = line->batchref ? row_visible(store_find(session->store, NULL, line->batchref), snapshot, session->id) : NULL;
	return !line->batchref || (own && own->batch.eta != IN_WAREHOUSE);
}

/* Where the transaction keeps its snapshot and that shows other lines than there are, it has to be run again. */
static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Session    *session = session_of(repository);
	Store	   *store = session->store;
	Snapshot	moment = look(session);
	Snapshot	latest = {store->commits, moment.command};
	const Version *versions[MAX_ROWS];
	int			n = 0;

	for (Row *row = store->rows; row < store->rows + store->nrows; row++)
	{
		const Version *seen = row->orderid ? row_visible(row, moment, session->id) : NULL;
		const Version *newest = row->orderid ? row_visible(row, latest, session->id) : NULL;
		bool		is_seen = seen && can_be_improved(session, seen, sku, moment);
		bool		is_there = newest && can_be_improved(session, newest, sku, latest);

		if (session->level != READ_COMMITTED && (is_seen != is_there || (is_seen && seen != newest)))
			session_raise(session, SERIALIZATION_FAILURE);
		if (is_seen)
			versions[n++] = seen;
	}
	for (int i = 0; i < n && visit(context, &versions[i]->line); i++)
		;
}

static void
visit_expired_holds(Repository *repository, const char **skus, size_t nskus, int64_t now,
					LineVisitor visit, void *context)
{
	OrderLine	lines[MAX_ROWS];
	size_t		n = all_lines(session_of(repository), lines);

	for (size_t i = 0; i < nskus; i++)
		for (size_t j = 0; j < n; j++)
			if (strcmp(lines[j].sku, skus[i]) == 0 && lines[j].batchref && line_is_expired(&lines[j], now) &&
				!visit(context, &lines[j]))
				return;
}

static void
visit_known_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Batch		batch;

	for (size_t i = 0; i < n; i++)
		if (find_batch(repository, charges[i].sku, charges[i].reference, &batch) && !visit(context, &batch))
			return;
}

static int
compare_batches(const void *a, const void *b)
{
	return batch_precedes(a, b) ? -1 : batch_precedes(b, a) ? 1 : 0;
}

/* The batches of the SKU that the attempt sees, in preference order. */
static size_t
batches_of_sku(Repository *repository, const char *sku, Batch *batches)
{
	Store	   *store = session_of(repository)->store;
	size_t		n = 0;

	look(session_of(repository));
	for (int i = 0; i < store->nrows; i++)
		n += !store->rows[i].orderid && find_batch(repository, sku, store->rows[i].name, &batches[n]);
	qsort(batches, n, sizeof(Batch), compare_batches);
	return n;
}

static bool
has_sku(Repository *repository, const char *sku)
{
	Batch		batches[MAX_ROWS];

	return batches_of_sku(repository, sku, batches) > 0;
}

static bool
serves_lines(Repository *repository, const Batch *batch)
{
	OrderLine	lines[MAX_ROWS];
	size_t		n = all_lines(session_of(repository), lines);

	for (size_t i = 0; i < n; i++)
		if (lines[i].batchref && (!batch || is_of_batch(&lines[i], batch->reference)))
			return true;
	return false;
}

static void
visit_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
	{
		Batch		batches[MAX_ROWS];
		size_t		nbatches = batches_of_sku(repository, demands[i].sku, batches);

		for (size_t j = 0; j < nbatches; j++)
			if (batch_available_quantity(&batches[j]) >= demands[i].qty && !visit(context, &batches[j]))
				return;
	}
}

static void
visit_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	visit_batches(repository, &demand, 1, visit, context);
}

/*
 * The methods that write
 */

/* Notes whether a write has found what it relied on. */
static bool
note_write(Session *session, bool has_written)
{
	session->write_failed |= !has_written;
	return has_written;
}

static Row *
row_of_batch(Session *session, const char *reference)
{
	session_step(session);
	return store_find(session->store, NULL, reference);
}

static bool
is_of_sku(const Version *version, const void *sku)
{
	return strcmp(version->batch.sku, sku) == 0;
}

static void
lock_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);

	session->has_locked = true;
	for (size_t i = 0; i < n; i++)
	{
		Row		   *row = row_of_batch(session, charges[i].reference);

		if (session_meet(session, row, snapshot, is_of_sku, charges[i].sku))
			visit(context, &row->newest->batch);
	}
}

/* Waits for the queue of a SKU in a mode; NULL where it would have to wait, but may not. */
static Queue *
wait_for_queue(Session *session, const char *sku, int mode, bool may_wait)
{
	Queue	   *queue;
	bool		is_free;

	session_step(session);
	session->has_acted = true;
	queue = store_find_queue(session->store, sku);
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
	return is_free ? queue : NULL;
}

/* Locks the queue of a SKU until the transaction ends; false where it would have to wait, but may not. */
static bool
lock_queue(Session *session, const char *sku, int mode, bool may_wait)
{
	Queue	   *queue = store_find_queue(session->store, sku);
	int			held = queue->held[session->id];

	if (held >= mode)
		return true;
	if (!wait_for_queue(session, sku, mode, may_wait))
		return false;
	session_note_undo(session, (Undo) {.queue = queue, .held = held});
	queue->held[session->id] = mode;
	return true;
}

static void
hold_queue(Repository *repository, const char *sku)
{
	Session    *session = session_of(repository);

	session->is_limited |= session->nyields < MOST_YIELDS;
	session->has_queue = true;
	lock_queue(session, sku, EXCLUSIVE, true);
	look_again(repository);
}

/* SKUs stand here in the order of locks. */
static bool
join_queues(Repository *repository, const char **skus, size_t n)
{
	Session    *session = session_of(repository);
	bool		is_joined = true;

	memcpy(session->queues, skus, n * sizeof(char *));
	session->nqueues = n;
	for (size_t i = 0; i < n && is_joined; i++)
		is_joined = lock_queue(session, skus[i], SHARED, false);
	session->joins_first = !is_joined || repository->attempts >= ATTEMPTS_TO_JOIN_LAST;
	if (!is_joined)
		return false;
	look_again(repository);
	session->looks_at_latest = true;
	return true;
}

/* Adds a row, waiting for whoever is adding or removing one of its key; one that is there ends the attempt. */
static Version *
add_row(Session *session, Row *row)
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
	Row		   *row = row_of_batch(session, batch->reference);
	Version    *version;

	session_begin_statement(session);
	version = add_row(session, row);
	version->is_deleted = false;
	version->batch = *batch;
}

static bool
can_charge(const Version *version, const void *argument)
{
	const Charge *charge = argument;
	const Batch *batch = &version->batch;

	return is_of_sku(version, charge->sku) && batch_available_quantity(batch) >= charge->units &&
		batch->allocated_quantity - batch->shipped_quantity >= -charge->units &&
		(!charge->relies_on_day || batch->eta == charge->eta);
}

static bool
can_ship(const Version *version, const void *argument)
{
	const Charge *charge = argument;
	const Batch *batch = &version->batch;

	return is_of_sku(version, charge->sku) && batch->eta == IN_WAREHOUSE &&
		batch->allocated_quantity - batch->shipped_quantity >= charge->units;
}

/*
 * Adds units to one of the quantities of n batches; false where one does not meet
 * the condition.  Up to so many are as many statements, which end at the first
 * that fails; more are one.
 */
static bool
add_units(Repository *repository, const Charge *charges, size_t n, Condition condition, size_t quantity, size_t nalone)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);
	size_t		nwritten = 0;

	for (size_t i = 0; i < n && (n > nalone || nwritten == i); i++)
	{
		Row		   *row = row_of_batch(session, charges[i].reference);

		if (n <= nalone)
			snapshot = session_begin_statement(session);
		if (!session_meet(session, row, snapshot, condition, &charges[i]))
			continue;
		*(int32_t *) ((char *) &session_write(session, row)->batch + quantity) += charges[i].units;
		nwritten++;
	}
	return note_write(session, nwritten == n);
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	return add_units(repository, charges, n, can_charge, offsetof(Batch, allocated_quantity), 2);
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	return add_units(repository, charges, n, can_ship, offsetof(Batch, shipped_quantity), 1);
}

/* Locks a batch that meets a condition, to be replaced; NULL where it does not. */
static Batch *
begin_replacing(Repository *repository, const Batch *batch, Condition condition)
{
	Session    *session = session_of(repository);
	Row		   *row = row_of_batch(session, batch->reference);

	if (!session_meet(session, row, session_begin_statement(session), condition, batch))
		return NULL;
	return &session_write(session, row)->batch;
}

static bool
has_allocated_no_more(const Version *version, const void *argument)
{
	return version->batch.allocated_quantity <= ((const Batch *) argument)->purchased_quantity;
}

static bool
resize_batch(Repository *repository, const Batch *batch, int32_t qty)
{
	Batch		wanted = *batch;
	Batch	   *stored;

	wanted.purchased_quantity = qty;
	stored = begin_replacing(repository, &wanted, has_allocated_no_more);
	if (stored)
		stored->purchased_quantity = qty;
	return note_write(session_of(repository), stored != NULL);
}

static bool
has_these_quantities(const Version *version, const void *argument)
{
	const Batch *from = argument;

	return version->batch.allocated_quantity == from->allocated_quantity &&
		version->batch.shipped_quantity == from->shipped_quantity;
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	Batch	   *stored = begin_replacing(repository, from, has_these_quantities);

	if (stored)
	{
		stored->purchased_quantity = to->purchased_quantity;
		stored->allocated_quantity = to->allocated_quantity;
	}
	return note_write(session_of(repository), stored != NULL);
}

static bool
has_shipped_as_much(const Version *version, const void *argument)
{
	return version->batch.shipped_quantity == ((const Batch *) argument)->shipped_quantity;
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	Batch	   *stored = begin_replacing(repository, from, has_shipped_as_much);

	if (stored)
	{
		stored->eta = to->eta;
	}
	return note_write(session_of(repository), stored != NULL);
}

static Row *
row_of_line(Session *session, const OrderLine *line)
{
	session_step(session);
	return store_find(session->store, line->orderid, line->sku);
}

static bool
any_version(const Version *version, const void *argument)
{
	return true;
}

static void
lock_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);

	session->has_locked = true;
	for (size_t i = 0; i < n; i++)
	{
		Row		   *row = row_of_line(session, lines[i]);

		if (session_meet(session, row, snapshot, any_version, NULL))
			visit(context, &row->newest->line);
	}
}

static void
store_line(Version *version, const OrderLine *line)
{
	uint32_t	number = version->line.version;

	version->is_deleted = false;
	version->line = *line;
	version->line.version = number;
}

/* Whoever waits as long as it takes for the key of a line has not locked any batch in this attempt. */
static void
check_holds_no_batch(Session *session, Row *row)
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
		Row		   *row = row_of_line(session, lines[i]);

		check_holds_no_batch(session, row);
		store_line(add_row(session, row), lines[i]);
	}
	session->is_limited = was_limited;
	session->nadded = 0;
}

static bool
is_this_version(const Version *version, const void *argument)
{
	return version->line.version == ((const OrderLine *) argument)->version;
}

/* Replaces lines, or removes them if there is nothing to replace them. */
static bool
replace_lines(Repository *repository, OrderLine **from, OrderLine **to, size_t n)
{
	Session    *session = session_of(repository);
	Snapshot	snapshot = session_begin_statement(session);
	size_t		nreplaced = 0;

	for (size_t i = 0; i < n; i++)
	{
		Row		   *row = row_of_line(session, from[i]);
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
change_lines(Repository *repository, OrderLine **from, OrderLine **to, size_t n)
{
	return replace_lines(repository, from, to, n);
}

static bool
remove_lines(Repository *repository, OrderLine **lines, size_t n)
{
	return replace_lines(repository, lines, NULL, n);
}

/* The repository of a session. */
const Repository session_methods = {
	.allocate_memory = allocate_memory,
	.allocate_lasting_memory = allocate_lasting_memory,
	.current_time = current_time,
	.random_below = random_below,
	.check_cancelled = check_cancelled,
	.look_again = look_again,
	.visit_known_lines = visit_known_lines,
	.visit_lines_of_order = visit_lines_of_order,
	.visit_lines_of_batch = visit_lines_of_batch,
	.visit_lines_to_improve = visit_lines_to_improve,
	.visit_expired_holds = visit_expired_holds,
	.find_batch = find_batch,
	.visit_known_batches = visit_known_batches,
	.has_sku = has_sku,
	.serves_lines = serves_lines,
	.visit_first_batches = visit_first_batches,
	.visit_batches = visit_batches,
	.hold_queue = hold_queue,
	.join_queues = join_queues,
	.lock_batches = lock_batches,
	.lock_lines = lock_lines,
	.add_batch = add_batch,
	.charge_batches = charge_batches,
	.ship_from_batches = ship_from_batches,
	.resize_batch = resize_batch,
	.shrink_batch = shrink_batch,
	.reschedule_batch = reschedule_batch,
	.add_lines = add_lines,
	.change_lines = change_lines,
	.remove_lines = remove_lines
};

/*
 * The unit of work, which does as src/adapters/subtransaction.c
 */

/* Begins by waiting, while it holds nothing, for those for whom the attempt before has waited too long. */
static void
begin_attempt(Session *session)
{
	bool		has_waited = false;

	session->is_limited = false;
	session->has_queue = session->repository.joined_first = session->joins_first;
	for (size_t i = 0; i < session->nadded; i++)
	{
		Row		   *row = row_of_line(session, session->added[i]);

		session->waits_for = row;
		session->waits_for_key = true;
		has_waited |= session_blockers(session, false) != 0;
		session_wait_for(session, row, true);
		session->has_acted = true;
	}
	if (session->nadded > 0)
		session->waits_for_lines = !has_waited;
	session->nadded = 0;
	if (!session->joins_first)
		return;
	for (size_t i = 0; i < session->nqueues; i++)
		wait_for_queue(session, session->queues[i], SHARED, true);
	session->is_limited = session->nyields < MOST_YIELDS;
	for (size_t i = 0; i < session->nqueues; i++)
		lock_queue(session, session->queues[i], SHARED, true);
}

/* Has the attempt ended by an error that the next one may not meet?  That waits for new lines first, or for rows. */
static bool
may_go_on(Session *session)
{
	if (session->error == WAIT_CUT && session->nadded > 0)
		return true;
	session->nadded = 0;
	session->joins_first &= session->error == NO_ERROR;
	session->nyields += session->error == WAIT_CUT;
	return session->error == WAIT_CUT || (session->error == DEADLOCK && ++session->ndeadlocks <=
										  (session->has_queue ? MOST_DEADLOCKS_WITH_QUEUE : MOST_DEADLOCKS));
}

/* One attempt.  An error that is no duplicate goes on to the caller, once it is undone. */
static Verdict
attempt(Session *session, Body body, void *command)
{
	jmp_buf    *outer = session->handler;
	jmp_buf		handler;
	volatile Verdict verdict = UNDO;

	session->savepoint = session->nundo;
	session->has_looked = session->has_moment = session->looks_at_latest = false;
	session->has_locked = session->write_failed = false;
	session->half = 1 - session->half;
	forget_memory(session, session->half);
	session->error = NO_ERROR;
	session->handler = &handler;
	if (setjmp(handler) == 0)
	{
		begin_attempt(session);
		verdict = body(&session->repository, command);
	}
	session->handler = outer;
	session->is_explained = session->has_moment && session->store->ends != session->ends &&
		!(session->write_failed && session->has_locked);
	if (verdict != KEEP)
		session_undo(session, session->savepoint);
	session->gave_up = may_go_on(session);
	if (session->gave_up)
		return WAIT;
	if (session->error == DUPLICATE)
		return RETRY;
	if (session->error != NO_ERROR)
		session_raise(session, session->error);
	return verdict;
}

/* Runs a unit of work: the run method. */
void
session_run(UnitOfWork *uow, Body body, void *command)
{
	Session    *session = (Session *) uow;
	bool		keeps_snapshot = session->level != READ_COMMITTED;
	Verdict		verdict;

	session->repository.attempts = 0;
	session->repository.cautious = keeps_snapshot;
	session->joins_first = session->waits_for_lines = false;
	session->ndeadlocks = session->nyields = 0;
	forget_memory(session, LASTING);
	session->nadded = 0;
	session_keep_snapshot(session);
	while ((verdict = attempt(session, body, command)) == RETRY || verdict == WAIT)
	{
		if (verdict == RETRY && keeps_snapshot)
			session_raise(session, session->error != DUPLICATE && session->write_failed ?
						  CONTRADICTED : SERIALIZATION_FAILURE);
		if (verdict == RETRY && session->repository.cautious && !session->is_explained)
			session_raise(session, CONTRADICTED);
		/* Deadlocks and yields have bounds of their own. */
		session->repository.attempts += !session->gave_up;
		session->repository.cautious = true;
		/* After a deadlock another attempt may be needed to find out again what to wait for. */
		if (session->repository.attempts > MOST_ATTEMPTS + session->ndeadlocks + session->nyields)
		{
			store_fail(session->store, "no end: session %d has failed %d attempts at one call",
					   session->id, session->repository.attempts);
			session_raise(session, KILLED);
		}
	}
	session->is_limited = false;
	if (verdict == CONTRADICTION)
		session_raise(session, CONTRADICTED);
}
