/*
 * unit_of_work.h
 *		One operation that happens whole or not at all.
 */
#ifndef UNIT_OF_WORK_H
#define UNIT_OF_WORK_H

#include "service_layer/repository.h"

/* What a body says of its attempt.  If it says nothing, the attempt is undone. */
typedef enum Verdict
{
	UNDO = 0,
	KEEP,
	RETRY,						/* undo, and try again: something that the attempt relied on has changed */
	WAIT,						/* undo, and try again: the next attempt begins by waiting for what this one lacked */
	CONTRADICTION				/* undo: what was read contradicts itself, and will again */
} Verdict;

typedef Verdict (*Body) (Repository *repository, void *command);

typedef struct UnitOfWork UnitOfWork;

struct UnitOfWork
{
	/*
	 * Runs the body until it need not be tried again, and keeps what it wrote if
	 * it says so.  It is an error if a write fails although no other session
	 * explains that, if the body meets a contradiction, and if the transaction
	 * keeps a snapshot in which the body cannot succeed.  An error undoes the
	 * work and goes on to the caller.
	 */
	void		(*run) (UnitOfWork *uow, Body body, void *command);
};

#endif							/* UNIT_OF_WORK_H */
