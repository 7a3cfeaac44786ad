/*
 * fake.c
 *		Storage in memory.  It keeps the contracts of repository.h by the simplest
 *		means: arrays that are searched from end to end, copied to be undone.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How an attempt ends that does not come to its verdict. */
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

Batch *
fake_batch(Fake *fake, const char *reference)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
		if (strcmp(fake->tables.batches[i].reference, reference) == 0)
			return &fake->tables.batches[i];
	return NULL;
}

OrderLine *
fake_line(Fake *fake, const char *orderid, const char *sku)
{
	for (size_t i = 0; i < fake->tables.nlines; i++)
		if (strcmp(fake->tables.lines[i].orderid, orderid) == 0 &&
			strcmp(fake->tables.lines[i].sku, sku) == 0)
			return &fake->tables.lines[i];
	return NULL;
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

static const char *
copy_name(FakeMemory **memory, const char *name)
{
	return name ? strcpy(allocate_in(memory, strlen(name) + 1), name) : NULL;
}

/* The line with names of its own. */
static OrderLine
copy_line(FakeMemory **memory, OrderLine line)
{
	line.orderid = copy_name(memory, line.orderid);
	line.sku = copy_name(memory, line.sku);
	line.batchref = copy_name(memory, line.batchref);
	return line;
}

/* The batch likewise. */
static Batch
copy_batch(FakeMemory **memory, Batch batch)
{
	batch.reference = copy_name(memory, batch.reference);
	batch.sku = copy_name(memory, batch.sku);
	return batch;
}

/* Lets the other session write and commit: this attempt meets its work, and undoing that spares it. */
static void
let_interlope(Fake *fake, void (**session) (Fake *fake))
{
	void		(*interlope) (Fake *) = *session;
	FakeTables	tables;

	*session = NULL;
	interlope(fake);
	tables = fake->tables;
	fake->tables = fake->committed;
	interlope(fake);
	fake->committed = fake->tables;
	fake->tables = tables;
}

/* What happens before each write: other sessions, and errors. */
static void
before_write(Fake *fake)
{
	if (fake->interlope)
		let_interlope(fake, &fake->interlope);
	if (++fake->writes == fake->fail_at)
		longjmp(fake->error, RAISED_ERROR);
}

/*
 * Methods that read
 */

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

static int64_t
current_time(Repository *repository)
{
	return ++fake_of(repository)->tables.now;
}

/* Chance, as here, always decides for the last of several batches. */
static uint32_t
random_below(Repository *repository, uint32_t n)
{
	return 0;
}

static void
check_cancelled(Repository *repository)
{
}

/* No other session comes in between. */
static void
look_again(Repository *repository)
{
}

static void
visit_known_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
	{
		OrderLine  *known = fake_line(fake, lines[i]->orderid, lines[i]->sku);
		OrderLine	copy;

		if (!known)
			continue;
		copy = copy_line(&fake->memory, *known);
		if (!visit(context, &copy))
			return;
	}
}

/* Visits the lines for which a column is what it should be, in some order. */
static void
visit_sorted(Fake *fake, size_t column, const char *value,
			 int (*compare) (const void *a, const void *b), LineVisitor visit, void *context)
{
	OrderLine	lines[FAKE_ROOM];
	size_t		n = 0;

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		const char *stored = *(const char **) ((char *) &fake->tables.lines[i] + column);

		if (stored && strcmp(stored, value) == 0)
			lines[n++] = copy_line(&fake->memory, fake->tables.lines[i]);
	}
	qsort(lines, n, sizeof(OrderLine), compare);
	for (size_t i = 0; i < n && visit(context, &lines[i]); i++)
		;
}

static int
compare_skus(const void *a, const void *b)
{
	return strcmp(((const OrderLine *) a)->sku, ((const OrderLine *) b)->sku);
}

static void
visit_lines_of_order(Repository *repository, const char *orderid, LineVisitor visit, void *context)
{
	visit_sorted(fake_of(repository), offsetof(OrderLine, orderid), orderid, compare_skus, visit, context);
}

static int
compare_latest_first(const void *a, const void *b)
{
	int			order = line_compare_turns(b, a);

	return order != 0 ? order : strcmp(((const OrderLine *) b)->orderid, ((const OrderLine *) a)->orderid);
}

static void
visit_lines_of_batch(Repository *repository, const Batch *batch, LineVisitor visit, void *context)
{
	visit_sorted(fake_of(repository), offsetof(OrderLine, batchref), batch->reference,
				 compare_latest_first, visit, context);
}

/* Those that wait or are on the way; what is in the warehouse cannot be improved. */
static void
visit_lines_to_improve(Repository *repository, const char *sku, LineVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		const OrderLine *line = &fake->tables.lines[i];
		OrderLine	copy;

		if (strcmp(line->sku, sku) != 0 || line_open_quantity(line) == 0 ||
			(line->batchref && fake_batch(fake, line->batchref)->eta == IN_WAREHOUSE))
			continue;
		copy = copy_line(&fake->memory, *line);
		if (!visit(context, &copy))
			return;
	}
}

static void
visit_expired_holds(Repository *repository, const char **skus, size_t n, int64_t now, LineVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < fake->tables.nlines; j++)
		{
			const OrderLine *line = &fake->tables.lines[j];
			OrderLine	copy;

			if (strcmp(line->sku, skus[i]) != 0 || !line->batchref || !line_is_expired(line, now))
				continue;
			copy = copy_line(&fake->memory, *line);
			if (!visit(context, &copy))
				return;
		}
}

static bool
find_batch(Repository *repository, const char *sku, const char *reference, Batch *batch)
{
	Batch	   *found = fake_batch(fake_of(repository), reference);

	if (!found || (sku && strcmp(found->sku, sku) != 0))
		return false;
	*batch = copy_batch(&fake_of(repository)->memory, *found);
	return true;
}

static void
visit_known_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
	{
		Batch	   *found = fake_batch(fake, charges[i].reference);
		Batch		copy;

		if (!found || strcmp(found->sku, charges[i].sku) != 0)
			continue;
		copy = copy_batch(&fake->memory, *found);
		if (!visit(context, &copy))
			return;
	}
}

static bool
has_sku(Repository *repository, const char *sku)
{
	FakeTables *tables = &fake_of(repository)->tables;

	for (size_t i = 0; i < tables->nbatches; i++)
		if (strcmp(tables->batches[i].sku, sku) == 0)
			return true;
	return false;
}

static bool
serves_lines(Repository *repository, const Batch *batch)
{
	FakeTables *tables = &fake_of(repository)->tables;

	for (size_t i = 0; i < tables->nlines; i++)
	{
		const char *batchref = tables->lines[i].batchref;

		if (batchref && (!batch || strcmp(batchref, batch->reference) == 0))
			return true;
	}
	return false;
}

static int
compare_batches(const void *a, const void *b)
{
	return batch_precedes(a, b) ? -1 : batch_precedes(b, a) ? 1 : 0;
}

/*
 * Visits the batches of the SKU that have so much left, or one unit less: the
 * contract allows some that cannot meet a demand.  Returns whether to go on.
 */
static bool
visit_sku(Fake *fake, Demand demand, BatchVisitor visit, void *context)
{
	Batch		batches[FAKE_ROOM];
	size_t		n = 0;

	for (size_t i = 0; i < fake->tables.nbatches; i++)
	{
		const Batch *batch = &fake->tables.batches[i];

		if (strcmp(batch->sku, demand.sku) == 0 && batch_available_quantity(batch) >= demand.qty - 1)
			batches[n++] = copy_batch(&fake->memory, *batch);
	}
	qsort(batches, n, sizeof(Batch), compare_batches);
	for (size_t i = 0; i < n; i++)
		if (!visit(context, &batches[i]))
			return false;
	return true;
}

static void
visit_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context)
{
	visit_sku(fake_of(repository), demand, visit, context);
}

static void
visit_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context)
{
	for (size_t i = 0; i < n; i++)
		if (!visit_sku(fake_of(repository), demands[i], visit, context))
			return;
}

/*
 * Methods that write
 */

/* Is the first before the second in the order of locks? */
static bool
is_in_order(const Charge *first, const Charge *second)
{
	int			order = strcmp(first->sku, second->sku);

	return order < 0 || (order == 0 && strcmp(first->reference, second->reference) < 0);
}

/* Are the lines written in the order of locks? */
static void
check_order_of_lines(Fake *fake, OrderLine **lines, size_t n)
{
	for (size_t i = 1; i < n; i++)
	{
		int			order = strcmp(lines[i - 1]->sku, lines[i]->sku);

		fake->is_out_of_order |= order > 0 || (order == 0 && strcmp(lines[i - 1]->orderid, lines[i]->orderid) >= 0);
	}
}

static void
note_lock(Fake *fake, const char *what, const char *name)
{
	size_t		n = strlen(fake->locks);

	snprintf(fake->locks + n, sizeof(fake->locks) - n, "%s%s %s", n > 0 ? ", " : "", what, name);
}

static void
hold_queue(Repository *repository, const char *sku)
{
	Fake	   *fake = fake_of(repository);

	note_lock(fake, "queue", sku);
	fake->held = sku;
	fake->is_out_of_order |= fake->nlocked > 0;
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
lock_batches(Repository *repository, const Charge *charges, size_t n, BatchVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
	{
		const Batch *stored = fake_batch(fake, charges[i].reference);
		Batch		copy;

		fake->is_out_of_order |= i > 0 && !is_in_order(&charges[i - 1], &charges[i]);
		if (!stored || strcmp(stored->sku, charges[i].sku) != 0)
			continue;
		copy = copy_batch(&fake->memory, *stored);
		note_lock(fake, "batch", stored->reference);
		fake->nlocked++;
		visit(context, &copy);
	}
}

static void
lock_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	Fake	   *fake = fake_of(repository);

	check_order_of_lines(fake, lines, n);
	for (size_t i = 0; i < n; i++)
	{
		const OrderLine *stored = fake_line(fake, lines[i]->orderid, lines[i]->sku);
		OrderLine	copy;

		if (!stored)
			continue;
		copy = copy_line(&fake->memory, *stored);
		note_lock(fake, "line", stored->orderid);
		fake->nlines_locked++;
		visit(context, &copy);
	}
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	Fake	   *fake = fake_of(repository);

	before_write(fake);
	if (fake_batch(fake, batch->reference))
		longjmp(fake->error, MET_DUPLICATE);
	fake->tables.batches[fake->tables.nbatches++] = copy_batch(&fake->names, *batch);
}

/* Has the batch another day than the charge relies on? */
static bool
comes_otherwise(const Batch *batch, const Charge *charge)
{
	return charge->relies_on_day && batch->eta != charge->eta;
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
	{
		Batch	   *batch;

		fake->is_out_of_order |= i > 0 && !is_in_order(&charges[i - 1], &charges[i]);
		before_write(fake);
		batch = fake_batch(fake, charges[i].reference);
		if (!batch || batch_available_quantity(batch) < charges[i].units ||
			batch->allocated_quantity - batch->shipped_quantity < -charges[i].units ||
			comes_otherwise(batch, &charges[i]))
			return false;
		batch->allocated_quantity += charges[i].units;
	}
	return true;
}

static bool
ship_from_batches(Repository *repository, const Charge *charges, size_t n)
{
	Fake	   *fake = fake_of(repository);

	for (size_t i = 0; i < n; i++)
	{
		Batch	   *batch;

		fake->is_out_of_order |= i > 0 && !is_in_order(&charges[i - 1], &charges[i]);
		before_write(fake);
		batch = fake_batch(fake, charges[i].reference);
		if (!batch || batch->eta != IN_WAREHOUSE || batch->allocated_quantity - batch->shipped_quantity < charges[i].units)
			return false;
		batch->shipped_quantity += charges[i].units;
	}
	return true;
}

static bool
resize_batch(Repository *repository, const Batch *batch, int32_t qty)
{
	Fake	   *fake = fake_of(repository);
	Batch	   *stored;

	before_write(fake);
	stored = fake_batch(fake, batch->reference);
	if (!stored || stored->allocated_quantity > qty)
		return false;
	stored->purchased_quantity = qty;
	return true;
}

static bool
shrink_batch(Repository *repository, const Batch *from, const Batch *to)
{
	Fake	   *fake = fake_of(repository);
	Batch	   *stored;

	before_write(fake);
	stored = fake_batch(fake, from->reference);
	if (!stored || stored->allocated_quantity != from->allocated_quantity ||
		stored->shipped_quantity != from->shipped_quantity)
		return false;
	stored->purchased_quantity = to->purchased_quantity;
	stored->allocated_quantity = to->allocated_quantity;
	return true;
}

static bool
reschedule_batch(Repository *repository, const Batch *from, const Batch *to)
{
	Fake	   *fake = fake_of(repository);
	Batch	   *stored;

	before_write(fake);
	stored = fake_batch(fake, from->reference);
	if (!stored || stored->shipped_quantity != from->shipped_quantity)
		return false;
	stored->eta = to->eta;
	return true;
}

static void
store_line(Fake *fake, OrderLine *stored, const OrderLine *line)
{
	*stored = copy_line(&fake->names, *line);
	stored->version = ++fake->tables.version;
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	Fake	   *fake = fake_of(repository);

	check_order_of_lines(fake, lines, n);
	for (size_t i = 0; i < n; i++)
	{
		before_write(fake);
		if (fake_line(fake, lines[i]->orderid, lines[i]->sku))
			longjmp(fake->error, MET_DUPLICATE);
		store_line(fake, &fake->tables.lines[fake->tables.nlines++], lines[i]);
	}
}

/* The stored line, if it is what it is thought to be. */
static OrderLine *
unchanged_line(Fake *fake, const OrderLine *line)
{
	OrderLine  *stored = fake_line(fake, line->orderid, line->sku);

	return stored && stored->version == line->version ? stored : NULL;
}

static bool
change_lines(Repository *repository, OrderLine **from, OrderLine **to, size_t n)
{
	Fake	   *fake = fake_of(repository);

	check_order_of_lines(fake, from, n);
	for (size_t i = 0; i < n; i++)
	{
		OrderLine  *stored;

		before_write(fake);
		stored = unchanged_line(fake, from[i]);
		if (!stored)
			return false;
		store_line(fake, stored, to[i]);
	}
	return true;
}

static bool
remove_lines(Repository *repository, OrderLine **lines, size_t n)
{
	Fake	   *fake = fake_of(repository);

	check_order_of_lines(fake, lines, n);
	for (size_t i = 0; i < n; i++)
	{
		OrderLine  *stored;

		before_write(fake);
		stored = unchanged_line(fake, lines[i]);
		if (!stored)
			return false;
		*stored = fake->tables.lines[--fake->tables.nlines];
	}
	return true;
}

/*
 * The unit of work
 */

/* One attempt; what it wrote is kept only if its body says so. */
static Verdict
attempt(Fake *fake, Body body, void *command)
{
	volatile Verdict verdict = UNDO;

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
	fake->is_out_of_order = false;
	do
	{
		fake->repository.attempts = fake->attempts++;
		fake->repository.cautious = fake->repository.attempts > 0;
		fake->writes = 0;
		fake->nlocked = fake->nlines_locked = fake->njoined = 0;
		fake->held = NULL;
		fake->locks[0] = '\0';
		free_all(&fake->older_memory);
		fake->older_memory = fake->memory;
		fake->memory = NULL;
		if (fake->come_before)
			fake->come_before(fake);
		verdict = attempt(fake, body, command);
		if (verdict == WAIT)
			fake->is_queue_held = false;
	} while (verdict == RETRY || verdict == WAIT);
	fake->contradicted = verdict == CONTRADICTION;
}

/* Gives a test storage of its own. */
int
fake_set_up(void **state)
{
	*state = malloc(sizeof(Fake));
	fake_init(*state);
	return 0;
}

int
fake_tear_down(void **state)
{
	fake_free(*state);
	free(*state);
	return 0;
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
		}
	};
}

/* Frees what the repository has handed out. */
void
fake_free(Fake *fake)
{
	free_all(&fake->memory);
	free_all(&fake->older_memory);
	free_all(&fake->names);
}
