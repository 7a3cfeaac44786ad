/*
 * locks.h
 *		The order in which rows are locked, and what a call locks before it reads.
 *
 * A call that others keep getting in the way of goes through stages, so that it
 * ends however busy they are:
 *
 *	attempts 1, 2	optimistic: only its writes lock, for hardly anybody ever comes
 *					in between
 *	from 3 on		begins by locking all that earlier attempts wanted to write,
 *					except what the first one wanted
 *	from 5 on		chooses among locked batches only, in the preference order of
 *					the moment when it locked them; other batches are locked, for
 *					one more attempt, only if a line would be refused or wait
 *	from 11 on		ignores batches added since: others may add them, and take from
 *					them, faster than this call could lock them
 */
#ifndef LOCKS_H
#define LOCKS_H

#include "service_layer/vector.h"

#define OPTIMISTIC_ATTEMPTS 2
#define ATTEMPTS_WITH_FREE_CHOICE 4
#define ATTEMPTS_THAT_LOOK_FURTHER 10

/* Keys of rows of one table, in lock order. */
typedef struct KeySet
{
	RowKey	   *keys;
	size_t		n;
} KeySet;

typedef struct Locks
{
	Repository *repository;
	KeySet		wanted_batches; /* what the next attempts lock */
	KeySet		wanted_lines;

	/* of this attempt: */
	bool		are_taken;		/* it writes only to what it has locked */
	KeySet		batches;		/* those of the wanted ones that exist */
	KeySet		lines;
} Locks;

extern RowKey batch_key(const Batch *batch);
extern RowKey line_key(const OrderLine *line);
extern int	compare_keys(const void *a, const void *b);
extern int	compare_line_keys(const void *a, const void *b);

extern void locks_take(Locks *locks, Repository *repository);
extern bool locks_lack_batch(const Locks *locks, RowKey batch);
extern bool locks_lack_line(const Locks *locks, RowKey line);
extern bool locks_limit_choice(const Locks *locks);
extern void locks_want_batches(Locks *locks, const RowKey *keys, size_t n);
extern void locks_want_lines(Locks *locks, const RowKey *keys, size_t n);
extern bool locks_allow(Locks *locks, RowKey batch);

#endif							/* LOCKS_H */
