/*
 * changes.h
 *		What a unit of work changes.  It is collected first, then written in lock
 *		order: batches, new lines, known lines.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include "service_layer/locks.h"
#include "service_layer/unit_of_work.h"

typedef struct Changes
{
	Repository *repository;
	Locks	   *locks;
	Charge	   *charges;		/* at most one per batch */
	size_t		ncharges;
	bool		ship;			/* the charges are of units that leave the warehouse */
	const Batch *shrinks_from;	/* a charged batch whose quantities are replaced, or NULL */
	const Batch *shrinks_to;
	Vector		added;			/* new lines, in lock order */
	Vector		from;			/* StoredLines that change */
	Vector		to;				/* what becomes of them, in the same order */
	Vector		removed;		/* StoredLines that are forgotten */
} Changes;

extern Changes changes_of(Repository *repository, Locks *locks);
extern void changes_charge(Changes *changes, Charge charge);
extern OrderLine *changes_replace(Changes *changes, StoredLine *line);
extern void changes_want_locks(const Changes *changes);
extern Verdict changes_write(Changes *changes);

#endif							/* CHANGES_H */
