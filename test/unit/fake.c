/*
 * fake.c
 *		Storage in memory for one session: arrays that are searched from end to end,
 *		and copied to be undone.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why an attempt ends without a verdict. */
enum
{
	MET_DUPLICATE = 1,
	RAISED_ERROR
};

static Fake *
fake_of(Repository *repository)
{
	return (Fake *) ((char *) repository - offsetof(Fake, repository));
}

static StoredBatch *
stored_batch(Fake *fake, const char *reference)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
		if (strcmp(fake->tables.batches[i].batch.reference, reference) == 0)
			return &fake->tables.batches[i];
	return NULL;
}

static StoredLine *
stored_line(Fake *fake, const char *orderid, const char *sku)
{
	for (size_t i = 0; i < fake->tables.nlines; i++)
		if (strcmp(fake->tables.lines[i].line.orderid, orderid) == 0 &&
			strcmp(fake->tables.lines[i].line.sku, sku) == 0)
			return &fake->tables.lines[i];
	return NULL;
}

/* The batch of this reference as it is stored; NULL if there is none. */
Batch *
fake_batch(Fake *fake, const char *reference)
{
	StoredBatch *stored = stored_batch(fake, reference);

	return stored ? &stored->batch : NULL;
}

/* The same for a line. */
OrderLine *
fake_line(Fake *fake, const char *orderid, const char *sku)
{
	StoredLine *stored = stored_line(fake, orderid, sku);

	return stored ? &stored->line : NULL;
}

/* One of fake->tables.nbatches, in no order. */
Batch *
fake_batch_at(Fake *fake, size_t i)
{
	return &fake->tables.batches[i].batch;
}

/* One of fake->tables.nlines. */
OrderLine *
fake_line_at(Fake *fake, size_t i)
{
	return &fake->tables.lines[i].line;
}

/*
 * Memory
 */

static void *
allocate_in(FakeMemory **memory, size_t size)
{
	FakeMemory *piece = malloc(sizeof(FakeMemory) + size);

	piece->next = *memory;
	*memory = piece;
	return piece->content;
}

static void
free_all(FakeMemory **memory)
{
	while (*memory)
	{
		FakeMemory *next = (*memory)->next;

		free(*memory);
		*memory = next;
	}
}

static void *
allocate_memory(Repository *repository, size_t size)
{
	return allocate_in(&fake_of(repository)->memory, size);
}

static void *
allocate_lasting_memory(Repository *repository, size_t size)
{
	return allocate_in(&fake_of(repository)->names, size);
}

static const char *
copy_name(FakeMemory **memory, const char *name)
{
	return name ? strcpy(allocate_in(memory, strlen(name) + 1), name) : NULL;
}

/* The line, with its names copied. */
static OrderLine
copy_line(FakeMemory **memory, OrderLine line)
{
	line.orderid = copy_name(memory, line.orderid);
	line.sku = copy_name(memory, line.sku);
	line.batchref = copy_name(memory, line.batchref);
	return line;
}

/* The same for a batch. */
static Batch
copy_batch(FakeMemory **memory, Batch batch)
{
	batch.reference = copy_name(memory, batch.reference);
	batch.sku = copy_name(memory, batch.sku);
	return batch;
}

/*
 * Other sessions
 */

/* Another session buys a batch. */
void
fake_add_batch(Fake *fake, Batch batch)
{
	fake->tables.batches[fake->tables.nbatches++] = (StoredBatch) {.batch = batch};
}

/* Another session is taking from the batch. */
void
fake_take_from(Fake *fake, const char *reference)
{
	stored_batch(fake, reference)->row.is_contended = true;
}

/* Another session adds a line, and charges its batch. */
void
fake_add_line(Fake *fake, OrderLine line)
{
	if (line.ordered_at == 0)
		line.ordered_at = ++fake->tables.now;
	if (line.batchref)
		fake_batch(fake, line.batchref)->allocated_quantity += line.qty;
	fake->tables.lines[fake->tables.nlines++] = (StoredLine) {.line = line, .row.version = ++fake->tables.version};
}

/* Another session writes to a line: what was read of it is out of date. */
void
fake_touch_line(Fake *fake, const char *orderid, const char *sku)
{
	stored_line(fake, orderid, sku)->row.version = ++fake->tables.version;
}

/* Another session deallocates a line. */
void
fake_remove_line(Fake *fake, const char *orderid, const char *sku)
{
	StoredLine *stored = stored_line(fake, orderid, sku);

	if (stored->line.batchref)
		fake_batch(fake, stored->line.batchref)->allocated_quantity -= stored->line.qty;
	*stored = fake->tables.lines[--fake->tables.nlines];
}

/* Lets the other session write and commit: this attempt sees it, and undoing the attempt does not undo it. */
static void
let_interlope(Fake *fake, FakeSession *session)
{
	FakeSession interlope = *session;
	FakeTables	tables;

	*session = NULL;
	interlope(fake);
	tables = fake->tables;
	fake->tables = fake->committed;
	interlope(fake);
	fake->committed = fake->tables;
	fake->tables = tables;
}

/*
 * Reading
 */

static int64_t
current_time(Repository *repository)
{
	return ++fake_of(repository)->tables.now;
}

/* So of several contended batches, the last one is offered first. */
static uint32_t
random_below(Repository *repository, uint32_t n)
{
	return 0;
}

/* No other session comes in between. */
static void
look_again(Repository *repository)
{
}

size_t
read_lines(Repository *repository, LineCondition condition, const void *argument, StoredLine *lines)
{
	Fake	   *fake = fake_of(repository);
	size_t		n = 0;

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		const StoredLine *stored = &fake->tables.lines[i];

		if (condition(&stored->line, argument))
			lines[n++] = (StoredLine) {copy_line(&fake->memory, stored->line), stored->row};
	}
	return n;
}

size_t
read_batches(Repository *repository, BatchCondition condition, const void *argument, StoredBatch *batches)
{
	Fake	   *fake = fake_of(repository);
	size_t		n = 0;

	for (size_t i = 0; i < fake->tables.nbatches; i++)
	{
		const StoredBatch *stored = &fake->tables.batches[i];

		if (condition(&stored->batch, argument))
			batches[n++] = (StoredBatch) {copy_batch(&fake->memory, stored->batch), stored->row};
	}
	return n;
}

static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		StoredLine	stored = fake->tables.lines[i];
		const Batch *own = stored.line.batchref ? fake_batch(fake, stored.line.batchref) : NULL;

		if (!in_memory_can_be_improved(&stored.line, sku, own))
			continue;
		stored.line = copy_line(&fake->memory, stored.line);
		if (!visit(context, &stored))
			return;
	}
}

/*
 * Locking
 */

/* Writes a lock as tests read it. */
static void
name_lock(FakeKind kind, RowKey key, char *text, size_t size)
{
	static const char *const kinds[] = {[QUEUE] = "queue", [BATCH] = "batch", [KNOWN_LINE] = "line"};

	snprintf(text, size, "%s %s", kinds[kind], key.name);
}

/* Notes whether this row comes after the last one in lock order. */
static void
check_order(Fake *fake, FakeKind kind, RowKey key)
{
	fake->is_out_of_order |= kind < fake->last_kind ||
		(kind == fake->last_kind && in_memory_compare(fake->last_key, key) > 0);
	fake->last_kind = kind;
	fake->last_key = key;
}

static void
note_lock(Fake *fake, FakeKind kind, RowKey key)
{
	size_t		n = strlen(fake->locks);

	check_order(fake, kind, key);
	if (n > 0)
		n += (size_t) snprintf(fake->locks + n, sizeof(fake->locks) - n, ", ");
	name_lock(kind, key, fake->locks + n, sizeof(fake->locks) - n);
}

static void
hold_queue(Repository *repository, const char *sku)
{
	note_lock(fake_of(repository), QUEUE, (RowKey) {sku, sku});
}

static bool
join_queues(Repository *repository, const char **skus, size_t n)
{
	Fake	   *fake = fake_of(repository);

	fake->njoined = n;
	if (!fake->is_queue_held && fake->serve_queue)
		let_interlope(fake, &fake->serve_queue);
	return !fake->is_queue_held;
}

static void
lock_batches(Repository *repository, const RowKey *keys, size_t n, BatchVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
		if (fake_batch(fake_of(repository), keys[i].name))
			note_lock(fake_of(repository), BATCH, keys[i]);
	repository->visit_known_batches(repository, keys, n, visit, context);
}

static void
lock_lines(Repository *repository, const RowKey *keys, size_t n, LineVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
		if (fake_line(fake_of(repository), keys[i].name, keys[i].sku))
			note_lock(fake_of(repository), KNOWN_LINE, keys[i]);
	repository->visit_known_lines(repository, keys, n, visit, context);
}

/*
 * Writing
 */

/*
 * What happens before a row is written: other sessions, and errors.  An attempt
 * that has locked any rows writes to known ones only if they are among these,
 * and one that has joined a queue does not write any more.
 */
static void
before_write(Fake *fake, FakeKind kind, RowKey key)
{
	bool		has_locks = strstr(fake->locks, "batch ") || strstr(fake->locks, "line ");
	char		lock[64];

	if (!has_locks)
		check_order(fake, kind, key);
	else if (kind != NEW_LINE)
	{
		name_lock(kind, key, lock, sizeof(lock));
		fake->is_out_of_order |= !strstr(fake->locks, lock);
	}
	fake->is_out_of_order |= fake->njoined > 0;
	if (fake->interlope)
		let_interlope(fake, &fake->interlope);
	if (++fake->writes == fake->fail_at)
		longjmp(fake->error, RAISED_ERROR);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	Fake	   *fake = fake_of(repository);

	before_write(fake, BATCH, (RowKey) {batch->sku, batch->reference});
	if (fake_batch(fake, batch->reference))
		longjmp(fake->error, MET_DUPLICATE);
	fake->tables.batches[fake->tables.nbatches++] = (StoredBatch) {.batch = copy_batch(&fake->names, *batch)};
}

Batch *
write_to_batch(Repository *repository, RowKey key, BatchCondition condition, const void *argument)
{
	Batch	   *batch;

	before_write(fake_of(repository), BATCH, key);
	batch = fake_batch(fake_of(repository), key.name);
	return batch && strcmp(batch->sku, key.sku) == 0 && condition(batch, argument) ? batch : NULL;
}

/* Adds the units of n charges to one of the quantities of their batches. */
static bool
add_units(Repository *repository, const Charge *charges, size_t n, BatchCondition condition, size_t quantity)
{
	for (size_t i = 0; i < n; i++)
	{
		Batch	   *batch = write_to_batch(repository, charges[i].batch, condition, &charges[i]);

		if (!batch)
			return false;
		*(int32_t *) ((char *) batch + quantity) += charges[i].units;
	}
	return true;
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	return add_units(repository, charges, n, in_memory_can_charge, offsetof(Batch, allocated_quantity));
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	return add_units(repository, charges, n, in_memory_can_ship, offsetof(Batch, shipped_quantity));
}

static void
store_line(Fake *fake, StoredLine *stored, const OrderLine *line)
{
	*stored = (StoredLine) {copy_line(&fake->names, *line), .row.version = ++fake->tables.version};
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
	{
		before_write(fake, NEW_LINE, (RowKey) {lines[i]->sku, lines[i]->orderid});
		if (fake_line(fake, lines[i]->orderid, lines[i]->sku))
			longjmp(fake->error, MET_DUPLICATE);
		store_line(fake, &fake->tables.lines[fake->tables.nlines++], lines[i]);
	}
}

/* Replaces n lines, or removes them if there is nothing to replace them. */
static bool
replace_lines(Fake *fake, StoredLine **from, OrderLine **to, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		RowKey		key = {from[i]->line.sku, from[i]->line.orderid};
		StoredLine *stored;

		before_write(fake, KNOWN_LINE, key);
		stored = stored_line(fake, key.name, key.sku);
		if (!stored || stored->row.version != from[i]->row.version)
			return false;
		if (to)
			store_line(fake, stored, to[i]);
		else
			*stored = fake->tables.lines[--fake->tables.nlines];
	}
	return true;
}

static bool
change_lines(Repository *repository, StoredLine **from, OrderLine **to, size_t n)
{
	return replace_lines(fake_of(repository), from, to, n);
}

static bool
remove_lines(Repository *repository, StoredLine **lines, size_t n)
{
	return replace_lines(fake_of(repository), lines, NULL, n);
}

/*
 * The unit of work
 */

/* One attempt.  What it wrote is kept only if the verdict is KEEP. */
static Verdict
attempt(Fake *fake, Body body, void *command)
{
	volatile Verdict verdict = UNDO;

	fake->writes = 0;
	fake->njoined = 0;
	fake->locks[0] = '\0';
	fake->last_kind = QUEUE;
	fake->last_key = (RowKey) {"", ""};
	free_all(&fake->older_memory);
	fake->older_memory = fake->memory;
	fake->memory = NULL;
	if (fake->come_before)
		fake->come_before(fake);
	fake->committed = fake->tables;
	switch (setjmp(fake->error))
	{
		case 0:
			verdict = body(&fake->repository, command);
			break;
		case MET_DUPLICATE:
			verdict = RETRY;
			break;
		case RAISED_ERROR:
			fake->failed = true;
			break;
	}
	if (verdict != KEEP)
		fake->tables = fake->committed;
	return verdict;
}

static void
run(UnitOfWork *uow, Body body, void *command)
{
	Fake	   *fake = (Fake *) uow;
	Verdict		verdict;

	fake->failed = false;
	fake->attempts = 0;
	fake->repository.attempt = (Attempt) {.nfailed = 0};
	do
	{
		fake->attempts++;
		verdict = attempt(fake, body, command);
		fake->repository.attempt.nfailed++;
		fake->repository.attempt.looks_first = true;
		/* After waiting for a queue, an attempt joins it before it reads. */
		fake->repository.attempt.joined_first = verdict == WAIT && fake->is_queue_held;
		if (verdict == WAIT)
			fake->is_queue_held = false;
	} while (verdict == RETRY || verdict == WAIT);
	fake->contradicted = verdict == CONTRADICTION;
}

/* Makes empty storage. */
void
fake_init(Fake *fake)
{
	*fake = (Fake) {
		.uow.run = run,
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
	in_memory_init(&fake->repository);
}

/* Frees what the repository has handed out. */
void
fake_free(Fake *fake)
{
	free_all(&fake->memory);
	free_all(&fake->older_memory);
	free_all(&fake->names);
}
