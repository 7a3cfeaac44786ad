/*
 * changes.h
 *		What a unit of work writes, in the order of locks; and what it locks
 *		beforehand once others have come in between.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include "service_layer/lists.h"
#include "service_layer/unit_of_work.h"

/*
 * What a call locks before it reads.  The first two attempts are optimistic, for
 * hardly ever does anybody come in between.  Each later one locks all that the
 * call has wanted to write since the second: so it cannot be lost any more.
 */
typedef struct Wanted
{
	Charge	   *batches;		/* in lock order */
	size_t		nbatches;
	OrderLine **lines;			/* known ones, in lock order */
	size_t		nlines;

	/* of one attempt */
	bool		is_locking;
	List		locked_batches; /* those of them that are there, in the same order */
	List		locked_lines;
} Wanted;

/* What is to be written. */
typedef struct Changes
{
	Repository *repository;
	Charge	   *charges;		/* in lock order */
	size_t		ncharges;
	bool		ships;			/* the charges say what leaves the warehouse */
	const Batch *resized;		/* a batch among the charged ones whose quantities change, or NULL */
	const Batch *resized_to;
	List		added;			/* new lines, in lock order */
	List		from;			/* known lines that change, in any order */
	List		to;				/* what becomes of them, in the same order */
	List		removed;		/* known lines that are forgotten, in any order */
} Changes;

extern void lock_wanted(Repository *repository, Wanted *wanted);
extern bool has_locked(const Wanted *wanted, const char *sku, const char *reference);
extern bool want_batch(Repository *repository, Wanted *wanted, const Batch *batch);
extern void want_batches(Repository *repository, Wanted *wanted, const Charge *charges, size_t n);

extern Changes no_changes(Repository *repository);
extern Verdict write_changes(Changes *changes, Wanted *wanted);

#endif							/* CHANGES_H */
