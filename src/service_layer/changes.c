/*
 * changes.c
 *		Writes what a unit of work changes.
 */
#include "service_layer/changes.h"

#include <string.h>

/* No changes yet. */
Changes
changes_of(Repository *repository, Locks *locks)
{
	return (Changes) {
		.repository = repository,
		.locks = locks,
		.added.repository = repository,
		.from.repository = repository,
		.to.repository = repository,
		.removed.repository = repository
	};
}

/* Adds a charge. */
void
changes_charge(Changes *changes, Charge charge)
{
	changes->charges = grow_array(changes->repository, changes->charges, changes->ncharges, sizeof(Charge));
	changes->charges[changes->ncharges++] = charge;
}

/* Adds a change to the line; returns a copy, in which the caller says what becomes of it. */
OrderLine *
changes_replace(Changes *changes, StoredLine *line)
{
	OrderLine  *to = new_array(changes->repository, OrderLine, 1);

	*to = line->line;
	vector_append(&changes->from, line);
	vector_append(&changes->to, to);
	return to;
}

/*
 * Locks
 */

static RowKey
key_at(const Vector *lines, size_t i)
{
	return line_key(lines->items[i]);
}

/* Is anything to be written that this attempt should have locked, but has not? */
static bool
lack_locks(const Changes *changes)
{
	for (size_t i = 0; i < changes->ncharges; i++)
		if (locks_lack_batch(changes->locks, changes->charges[i].batch))
			return true;
	for (size_t i = 0; i < changes->from.n; i++)
		if (locks_lack_line(changes->locks, key_at(&changes->from, i)))
			return true;
	for (size_t i = 0; i < changes->removed.n; i++)
		if (locks_lack_line(changes->locks, key_at(&changes->removed, i)))
			return true;
	return false;
}

/* Later attempts lock all that is to be written, except new lines. */
void
changes_want_locks(const Changes *changes)
{
	size_t		nlines = changes->from.n + changes->removed.n;
	RowKey	   *batches = new_array(changes->repository, RowKey, changes->ncharges);
	RowKey	   *lines = new_array(changes->repository, RowKey, nlines);

	for (size_t i = 0; i < changes->ncharges; i++)
		batches[i] = changes->charges[i].batch;
	for (size_t i = 0; i < changes->from.n; i++)
		lines[i] = key_at(&changes->from, i);
	for (size_t i = 0; i < changes->removed.n; i++)
		lines[changes->from.n + i] = key_at(&changes->removed, i);
	locks_want_batches(changes->locks, batches, changes->ncharges);
	locks_want_lines(changes->locks, lines, nlines);
}

/*
 * Writing
 */

/* Makes n of the charges; false if a batch is no longer what it was. */
static bool
write_charges(const Changes *changes, size_t first, size_t n)
{
	Repository *repository = changes->repository;
	bool		(*write) (Repository *, const Charge *, size_t) =
		changes->ship ? repository->ship_from_batches : repository->charge_batches;

	return n == 0 || write(repository, changes->charges + first, n);
}

/* Makes all charges; for the batch that shrinks, its quantities are replaced instead. */
static bool
write_batches(const Changes *changes)
{
	size_t		i = 0;

	if (!changes->shrinks_to)
		return write_charges(changes, 0, changes->ncharges);
	while (strcmp(changes->charges[i].batch.name, changes->shrinks_to->reference) != 0)
		i++;
	return write_charges(changes, 0, i) &&
		changes->repository->shrink_batch(changes->repository, changes->shrinks_from, changes->shrinks_to) &&
		write_charges(changes, i + 1, changes->ncharges - i - 1);
}

/* Changes known lines and removes others, in one lock order; false if one is no longer what it was. */
static bool
write_known_lines(const Changes *changes)
{
	Repository *repository = changes->repository;
	StoredLine **from = (StoredLine **) changes->from.items;
	OrderLine **to = (OrderLine **) changes->to.items;
	StoredLine **removed = (StoredLine **) changes->removed.items;
	size_t		nfrom = changes->from.n;
	size_t		nremoved = changes->removed.n;
	size_t		i = 0;
	size_t		j = 0;

	while (i < nfrom || j < nremoved)
	{
		size_t		first_change = i;
		size_t		first_removal = j;

		/* No line is in both, unless the table has it twice. */
		while (i < nfrom && (j == nremoved || compare_line_keys(&from[i], &removed[j]) <= 0))
			i++;
		if (i > first_change &&
			!repository->change_lines(repository, from + first_change, to + first_change, i - first_change))
			return false;
		while (j < nremoved && (i == nfrom || compare_line_keys(&removed[j], &from[i]) < 0))
			j++;
		if (j > first_removal && !repository->remove_lines(repository, removed + first_removal, j - first_removal))
			return false;
	}
	return true;
}

/*
 * Writes all changes.  RETRY if something is no longer what it was; WAIT if this
 * attempt has locks but lacks one, for to take it now might be out of order.
 */
Verdict
changes_write(Changes *changes)
{
	Repository *repository = changes->repository;

	sort_array(repository, changes->charges, changes->ncharges, sizeof(Charge), compare_keys);
	vector_sort(&changes->from, compare_line_keys);
	vector_sort(&changes->to, compare_line_keys);
	vector_sort(&changes->removed, compare_line_keys);
	if (lack_locks(changes))
	{
		changes_want_locks(changes);
		return WAIT;
	}
	/* What a first attempt wants is not noted: it hardly ever fails. */
	if (repository->attempt.nfailed > 0 && !changes->locks->are_taken)
		changes_want_locks(changes);

	if (!write_batches(changes))
		return RETRY;
	if (changes->added.n > 0)
		repository->add_lines(repository, (OrderLine **) changes->added.items, changes->added.n);
	return write_known_lines(changes) ? KEEP : RETRY;
}
