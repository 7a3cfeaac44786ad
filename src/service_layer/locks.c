/*
 * locks.c
 *		Locks what earlier attempts of a call wanted, before the next one reads.
 */
#include "service_layer/locks.h"

#include <stdlib.h>
#include <string.h>

/*
 * The lock order
 */

/* The key of the batch. */
RowKey
batch_key(const Batch *batch)
{
	return (RowKey) {.sku = batch->sku, .name = batch->reference};
}

/* The key of the line. */
RowKey
line_key(const OrderLine *line)
{
	return (RowKey) {.sku = line->sku, .name = line->orderid};
}

/* The lock order, of batches and of lines: by SKU, then by name.  Compares keys, or anything that begins with one. */
int
compare_keys(const void *a, const void *b)
{
	const RowKey *x = a;
	const RowKey *y = b;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : strcmp(x->name, y->name);
}

/* The same for pointers to lines. */
int
compare_line_keys(const void *a, const void *b)
{
	RowKey		x = line_key(*(OrderLine *const *) a);
	RowKey		y = line_key(*(OrderLine *const *) b);

	return compare_keys(&x, &y);
}

/*
 * Locking
 */

static bool
contains(const KeySet *set, RowKey key)
{
	return set->n > 0 && bsearch(&key, set->keys, set->n, sizeof(RowKey), compare_keys);
}

/* Visitor: notes that the batch is locked. */
static Visit
note_batch(void *context, const StoredBatch *batch)
{
	Locks	   *locks = context;

	locks->batches.keys[locks->batches.n++] = batch_key(&batch->batch);
	return VISIT_NEXT;
}

/* Visitor: notes that the line is locked. */
static bool
note_line(void *context, const StoredLine *line)
{
	Locks	   *locks = context;

	locks->lines.keys[locks->lines.n++] = line_key(&line->line);
	return true;
}

/* Begins an attempt: from the third on, locks all that earlier ones wanted.  Only holding a queue comes before it. */
void
locks_take(Locks *locks, Repository *repository)
{
	const KeySet *batches = &locks->wanted_batches;
	const KeySet *lines = &locks->wanted_lines;

	locks->repository = repository;
	locks->are_taken = repository->attempt.nfailed >= OPTIMISTIC_ATTEMPTS;
	locks->batches = locks->lines = (KeySet) {.n = 0};
	if (locks->are_taken && batches->n > 0)
	{
		locks->batches.keys = new_array(repository, RowKey, batches->n);
		repository->lock_batches(repository, batches->keys, batches->n, note_batch, locks);
	}
	if (locks->are_taken && lines->n > 0)
	{
		locks->lines.keys = new_array(repository, RowKey, lines->n);
		repository->lock_lines(repository, lines->keys, lines->n, note_line, locks);
	}
}

/* Would this attempt have to wait for a lock that it lacks, to charge the batch? */
bool
locks_lack_batch(const Locks *locks, RowKey batch)
{
	return locks->are_taken && !contains(&locks->batches, batch);
}

/* The same, to change a known line. */
bool
locks_lack_line(const Locks *locks, RowKey line)
{
	return locks->are_taken && !contains(&locks->lines, line);
}

/* Must this attempt choose among locked batches?  Then it cannot fail because others write to them. */
bool
locks_limit_choice(const Locks *locks)
{
	return locks->are_taken && locks->repository->attempt.nfailed >= ATTEMPTS_WITH_FREE_CHOICE;
}

/* A copy that outlasts the attempt. */
static const char *
lasting_copy(Repository *repository, const char *name)
{
	size_t		size = strlen(name) + 1;

	return memcpy(repository->allocate_lasting_memory(repository, size), name, size);
}

/* Adds n keys, in any order, to the set. */
static void
add_keys(Repository *repository, KeySet *set, const RowKey *keys, size_t n)
{
	KeySet		all = {.n = set->n};

	if (n == 0)
		return;
	all.keys = repository->allocate_lasting_memory(repository, (set->n + n) * sizeof(RowKey));
	if (set->n > 0)
		memcpy(all.keys, set->keys, set->n * sizeof(RowKey));
	for (size_t i = 0; i < n; i++)
		if (!contains(set, keys[i]))
			all.keys[all.n++] = (RowKey) {
				.sku = lasting_copy(repository, keys[i].sku), .name = lasting_copy(repository, keys[i].name)
			};
	sort_array(repository, all.keys, all.n, sizeof(RowKey), compare_keys);
	*set = all;
}

/* From the next attempt on that locks, these batches are locked, too. */
void
locks_want_batches(Locks *locks, const RowKey *keys, size_t n)
{
	add_keys(locks->repository, &locks->wanted_batches, keys, n);
}

/* The same for known lines. */
void
locks_want_lines(Locks *locks, const RowKey *keys, size_t n)
{
	add_keys(locks->repository, &locks->wanted_lines, keys, n);
}

/* May this attempt write to the batch?  If not, the next one may: it locks the batch first. */
bool
locks_allow(Locks *locks, RowKey batch)
{
	if (locks->are_taken && contains(&locks->batches, batch))
		return true;
	locks_want_batches(locks, &batch, 1);
	return !locks->are_taken;
}
