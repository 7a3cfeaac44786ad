/*
 * changes.c
 *		Writes what a unit of work changes, and locks it beforehand where the call
 *		has been lost before.
 */
#include "service_layer/changes.h"

#include <stdlib.h>
#include <string.h>

/*
 * Locking what was wanted
 */

#define OPTIMISTIC_ATTEMPTS 2

/* Takes the locks that earlier attempts lacked.  An attempt begins with it, or with holding a queue. */
void
lock_wanted(Repository *repository, Wanted *wanted)
{
	wanted->is_locking = repository->attempts >= OPTIMISTIC_ATTEMPTS;
	wanted->locked_batches = wanted->locked_lines = (List) {.repository = repository};
	if (wanted->is_locking && wanted->nbatches > 0)
		repository->lock_batches(repository, wanted->batches, wanted->nbatches, list_batch, &wanted->locked_batches);
	if (wanted->is_locking && wanted->nlines > 0)
		repository->lock_lines(repository, wanted->lines, wanted->nlines, list_line, &wanted->locked_lines);
}

static int
compare_batch_to_charge(const void *charge, const void *batch)
{
	const Batch *stored = *(Batch *const *) batch;

	return compare_charges(charge, &(Charge) {.sku = stored->sku, .reference = stored->reference});
}

/* Has this attempt locked the batch? */
bool
has_locked(const Wanted *wanted, const char *sku, const char *reference)
{
	Charge		sought = {.sku = sku, .reference = reference};

	return wanted->locked_batches.n > 0 &&
		bsearch(&sought, wanted->locked_batches.items, wanted->locked_batches.n, sizeof(void *), compare_batch_to_charge);
}

/* Has it locked the known line? */
static bool
has_locked_line(const Wanted *wanted, OrderLine *line)
{
	return wanted->locked_lines.n > 0 &&
		bsearch(&line, wanted->locked_lines.items, wanted->locked_lines.n, sizeof(void *), compare_line_identities);
}

static const char *
copy_name(Repository *repository, const char *name)
{
	size_t		size = strlen(name) + 1;

	return memcpy(repository->allocate_lasting_memory(repository, size), name, size);
}

/* Locks the batches of n charges, too, from the next attempt on. */
void
want_batches(Repository *repository, Wanted *wanted, const Charge *charges, size_t n)
{
	Charge	   *all;
	size_t		nall = wanted->nbatches;

	if (n == 0)
		return;
	all = repository->allocate_lasting_memory(repository, (nall + n) * sizeof(Charge));
	if (nall > 0)
		memcpy(all, wanted->batches, nall * sizeof(Charge));
	for (size_t i = 0; i < n; i++)
		if (wanted->nbatches == 0 ||
			!bsearch(&charges[i], wanted->batches, wanted->nbatches, sizeof(Charge), compare_charges))
			all[nall++] = (Charge) {
				.sku = copy_name(repository, charges[i].sku), .reference = copy_name(repository, charges[i].reference)
			};
	sort(repository, all, nall, sizeof(Charge), compare_charges);
	wanted->batches = all;
	wanted->nbatches = nall;
}

/* Locks this batch, too, from the next attempt on; false where this one has locks, but not that. */
bool
want_batch(Repository *repository, Wanted *wanted, const Batch *batch)
{
	if (has_locked(wanted, batch->sku, batch->reference))
		return true;
	want_batches(repository, wanted, &(Charge) {.sku = batch->sku, .reference = batch->reference}, 1);
	return !wanted->is_locking;
}

/* The same as want_batches of known lines. */
static void
want_lines(Repository *repository, Wanted *wanted, const List *lines)
{
	OrderLine **all;
	size_t		nall = wanted->nlines;

	if (lines->n == 0)
		return;
	all = repository->allocate_lasting_memory(repository, (nall + lines->n) * sizeof(OrderLine *));
	if (nall > 0)
		memcpy(all, wanted->lines, nall * sizeof(OrderLine *));
	for (size_t i = 0; i < lines->n; i++)
	{
		const OrderLine *line = lines->items[i];

		if (wanted->nlines > 0 &&
			bsearch(&line, wanted->lines, wanted->nlines, sizeof(OrderLine *), compare_line_identities))
			continue;
		all[nall] = repository->allocate_lasting_memory(repository, sizeof(OrderLine));
		*all[nall++] = (OrderLine) {
			.orderid = copy_name(repository, line->orderid), .sku = copy_name(repository, line->sku)
		};
	}
	sort(repository, all, nall, sizeof(OrderLine *), compare_line_identities);
	wanted->lines = all;
	wanted->nlines = nall;
}

/*
 * Writing
 */

/* Nothing is to be written yet. */
Changes
no_changes(Repository *repository)
{
	return (Changes) {
		.repository = repository,
		.added.repository = repository,
		.from.repository = repository,
		.to.repository = repository,
		.removed.repository = repository
	};
}

/* Is all that is to be written locked, as far as it is known already? */
static bool
is_all_locked(const Changes *changes, const Wanted *wanted)
{
	for (size_t i = 0; i < changes->ncharges; i++)
		if (!has_locked(wanted, changes->charges[i].sku, changes->charges[i].reference))
			return false;
	for (size_t i = 0; i < changes->from.n; i++)
		if (!has_locked_line(wanted, changes->from.items[i]))
			return false;
	for (size_t i = 0; i < changes->removed.n; i++)
		if (!has_locked_line(wanted, changes->removed.items[i]))
			return false;
	return true;
}

/* Makes n of the charges; false where a batch is no longer what it was. */
static bool
charge(const Changes *changes, size_t first, size_t n)
{
	Repository *repository = changes->repository;

	if (n == 0)
		return true;
	return changes->ships ? repository->ship_from_batches(repository, changes->charges + first, n) :
		repository->charge_batches(repository, changes->charges + first, n);
}

/* Makes all charges; that of a batch whose quantities change is in these. */
static bool
write_batches(const Changes *changes)
{
	size_t		i = 0;

	if (!changes->resized)
		return charge(changes, 0, changes->ncharges);
	while (strcmp(changes->charges[i].reference, changes->resized->reference) != 0)
		i++;
	return charge(changes, 0, i) &&
		changes->repository->shrink_batch(changes->repository, changes->resized, changes->resized_to) &&
		charge(changes, i + 1, changes->ncharges - i - 1);
}

/* Changes known lines and removes others, all in lock order; false where one is no longer what it was. */
static bool
write_known_lines(Changes *changes)
{
	Repository *repository = changes->repository;
	List	   *from = &changes->from;
	List	   *removed = &changes->removed;
	OrderLine **was = (OrderLine **) from->items;
	OrderLine **gone = (OrderLine **) removed->items;
	size_t		i = 0;
	size_t		j = 0;

	while (i < from->n || j < removed->n)
	{
		size_t		first_change = i;
		size_t		first_removal = j;

		/* No line stands in both, unless the table has it twice. */
		while (i < from->n && (j == removed->n || compare_identities(was[i], gone[j]) <= 0))
			i++;
		if (i > first_change &&
			!repository->change_lines(repository, was + first_change,
									  (OrderLine **) changes->to.items + first_change, i - first_change))
			return false;
		while (j < removed->n && (i == from->n || compare_identities(gone[j], was[i]) < 0))
			j++;
		if (j > first_removal && !repository->remove_lines(repository, gone + first_removal, j - first_removal))
			return false;
	}
	return true;
}

static void
sort_lines(List *lines)
{
	sort(lines->repository, lines->items, lines->n, sizeof(void *), compare_line_identities);
}

/*
 * Writes all changes: KEEP, unless something is no longer what it was (RETRY) or
 * is not among what this attempt has locked (WAIT): to lock it now might be out
 * of order.
 */
Verdict
write_changes(Changes *changes, Wanted *wanted)
{
	Repository *repository = changes->repository;

	sort(repository, changes->charges, changes->ncharges, sizeof(Charge), compare_charges);
	sort_lines(&changes->from);
	sort_lines(&changes->to);
	sort_lines(&changes->removed);
	/* What a first attempt wants is not noted: hardly ever does it fail. */
	if (repository->attempts > 0 && !is_all_locked(changes, wanted))
	{
		want_batches(repository, wanted, changes->charges, changes->ncharges);
		want_lines(repository, wanted, &changes->from);
		want_lines(repository, wanted, &changes->removed);
		if (wanted->is_locking)
			return WAIT;
	}

	if (!write_batches(changes))
		return RETRY;
	if (changes->added.n > 0)
		repository->add_lines(repository, (OrderLine **) changes->added.items, changes->added.n);
	return write_known_lines(changes) ? KEEP : RETRY;
}
