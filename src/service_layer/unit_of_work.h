/*
 * unit_of_work.h
 *		One operation that happens whole or not at all.
 */
#ifndef UNIT_OF_WORK_H
#define UNIT_OF_WORK_H

#include "service_layer/repository.h"

/* What a body says of its work.  Saying nothing keeps nothing. */
typedef enum Verdict
{
	UNDO = 0,
	KEEP,
	RETRY,						/* undo: what the body relied on has changed; run it again */
	WAIT,						/* undo, and run it again: it begins with what it has lacked */
	CONTRADICTION				/* undo: what the body read contradicts itself, and always will */
} Verdict;

typedef Verdict (*Body) (Repository *repository, void *command);

typedef struct UnitOfWork UnitOfWork;

struct UnitOfWork
{
	/*
	 * Runs the body, again as long as it has to be retried, and keeps what it
	 * wrote only if it says so.  Where what others do does not explain why a
	 * write failed, and where the body has met a contradiction, that is an
	 * error; so is what would have to be read in another snapshot, where the
	 * transaction keeps its own.  An error leaves nothing of the work and goes
	 * on to the caller.
	 */
	void		(*run) (UnitOfWork *uow, Body body, void *command);
};

#endif							/* UNIT_OF_WORK_H */
