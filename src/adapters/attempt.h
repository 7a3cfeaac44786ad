/*
 * attempt.h
 *		One attempt at a unit of work over SPI: the moment as of which it reads, what
 *		it waits for, and whether other sessions explain how it has ended.
 */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include "adapters/installation.h"
#include "adapters/mapping.h"
#include "adapters/progress.h"
#include "adapters/queues.h"
#include "adapters/waiting.h"
#include "service_layer/repository.h"

typedef struct SpiRepository SpiRepository;

/* The state of the repository over SPI. */
struct SpiRepository
{
	Repository	base;
	Installation tables;
	MemoryContext memory;		/* where what is handed out lives */
	MemoryContext lasting_memory;
	Patience	patience;		/* the caller's */
	Progress	progress;
	bool		sees_latest;	/* it reads what others have committed by now, at any isolation level */

	/* What citus.c replaces, beside some methods */
	void		(*set_up_attempt) (void);	/* sees to the settings that an attempt runs with */
	HintReader	read_hints;
	bool		(*is_explained) (const SpiRepository *self);
	bool		reads_many_moments; /* what it reads may be of several moments, and contradict itself */
	bool		arrays_have_one_sku;	/* statements on arrays get elements of one SKU only */

	/* What an attempt leaves to the next one, which waits for it first, while it holds nothing */
	OrderLine **added;			/* lines whose keys another transaction may be adding or removing */
	size_t		nadded;
	Queues		queues;			/* that it could not join at its end */
	bool		joins_first;
	int			ndeadlocks;		/* attempts that have ended in one */
	int			nyields;		/* attempts that held a queue and ended because they had waited too long */

	/* Of the current attempt */
	bool		has_snapshot;	/* it has taken one, which is the active one */
	bool		has_looked;
	uint64		moment;			/* how many transactions of others had ended when it looked first */
	bool		looks_at_latest;	/* as sees_latest, but from here on only */
	bool		adds_patiently; /* it has found nobody to wait for, so adding lines waits for as long as it takes */
	bool		uses_queue;		/* it holds a queue, or has joined some at its beginning */
	bool		has_locked;		/* the rows that it writes, except new lines */
	bool		write_failed;	/* what a write relied on had changed, or what was read was of several moments */
	uint64		versions_read;	/* a hash: which rows, and in which versions */
	uint64		versions_before;	/* the same of the attempt before, if a write of that has failed */
};

/* After so many yields, an attempt that holds a queue waits for as long as it takes. */
#define MOST_YIELDS 3

extern void attempt_begin(SpiRepository *self);
extern void attempt_look(SpiRepository *self);
extern void attempt_end_moment(SpiRepository *self);
extern void attempt_look_at_latest(SpiRepository *self);
extern bool attempt_note_write(SpiRepository *self, bool found_what_it_relied_on);
extern bool attempt_note_contradiction(SpiRepository *self);
extern bool attempt_is_explained(const SpiRepository *self);
extern bool attempt_note_error(SpiRepository *self, const ErrorData *error);

_Noreturn extern void attempt_report_serialization_failure(void);

#endif							/* ATTEMPT_H */
