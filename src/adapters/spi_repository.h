/*
 * spi_repository.h
 *		The repository over the tables of the extension, by SPI.
 */
#ifndef SPI_REPOSITORY_H
#define SPI_REPOSITORY_H

#include "adapters/installation.h"
#include "adapters/queues.h"
#include "service_layer/repository.h"
#include "adapters/waiting.h"

/* Whose duplicate an error reports. */
typedef enum DuplicateOwner
{
	THEIRS,						/* a user's: or it is no duplicate at all */
	PERHAPS_OURS,
	OURS
} DuplicateOwner;

typedef struct SpiRepository
{
	Repository	base;
	Installation tables;
	MemoryContext memory;		/* where what is handed out lives */
	MemoryContext lasting_memory;
	bool		sees_latest;	/* what others commit meanwhile, at any isolation level */

	/* of the last attempt, for what the next one waits first */
	OrderLine **added;			/* new lines, of which others may be adding or removing one */
	size_t		nadded;
	bool		waits_for_lines;	/* nobody is: what adding them waits for it cannot wait for before */
	Queues		queues;			/* that it could not join at its end */
	bool		joins_first;
	int			ndeadlocks;		/* in which attempts have ended */
	int			nyields;		/* attempts that have ended since they held a queue and waited for too long */
	Patience	patience;		/* the caller's */

	/* of one attempt */
	bool		has_looked;		/* there is a snapshot, and it is the active one */
	bool		has_moment;
	uint64		moment;			/* how many transactions of others had ended when it looked first */
	bool		looks_at_latest;	/* from here on, as sees_latest */
	bool		has_queue;		/* it holds one, or is about to; or has joined some at its beginning */
	bool		has_locked;		/* what it writes, but for new lines */
	bool		write_failed;	/* what a write relied on had changed, or what was read was not of one moment */
	uint64		versions_read;	/* a hash: which rows, and in which versions */
	uint64		versions_before;	/* the same of the attempt before, if a write of that has failed */

	bool		shows_progress;
	size_t		lines_total;
} SpiRepository;

/* After so many, an attempt that holds a queue waits for as long as it takes. */
#define MOST_YIELDS 3

/* spi_repository.c */
_Noreturn extern void report_serialization_failure(void);
extern void spi_repository_init(SpiRepository *self, Oid function);
extern DuplicateOwner spi_repository_whose_duplicate(const SpiRepository *self, const ErrorData *error);

/* execution.c */
extern void spi_repository_begin_attempt(SpiRepository *self);
extern void spi_repository_look(SpiRepository *self);
extern bool spi_repository_gives_up_waiting(SpiRepository *self, const ErrorData *error);
extern void spi_repository_look_at_latest(SpiRepository *self);
extern void spi_repository_end_moment(SpiRepository *self);
extern bool spi_repository_note_contradiction(SpiRepository *self);
extern bool spi_repository_others_explain_it(const SpiRepository *self);
extern void spi_repository_begin_progress(SpiRepository *self, size_t lines);
extern void spi_repository_end_progress(SpiRepository *self);

#endif							/* SPI_REPOSITORY_H */
