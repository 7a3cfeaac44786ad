/*
 * fake.h
 *		A repository and a unit of work in memory, for the tests of the services.
 */
#ifndef FAKE_H
#define FAKE_H

#include <setjmp.h>
#include <stddef.h>

#include "service_layer/unit_of_work.h"

#define FAKE_ROOM 64

/* One piece of memory, and those allocated before it. */
typedef struct FakeMemory
{
	struct FakeMemory *next;
	max_align_t content[];
} FakeMemory;

typedef struct FakeTables
{
	Batch		batches[FAKE_ROOM];
	size_t		nbatches;
	OrderLine	lines[FAKE_ROOM];
	size_t		nlines;
	int64_t		now;			/* grows as it is read */
	uint32_t	version;		/* of the line that was written last */
} FakeTables;

typedef struct Fake
{
	UnitOfWork	uow;
	Repository	repository;
	FakeTables	tables;
	FakeTables	committed;		/* what an undone attempt goes back to */
	int			attempts;		/* of the last unit of work */
	int			writes;			/* methods that have written, in the last attempt */
	int			fail_at;		/* the write of an attempt that raises an error; 0: none does */
	bool		failed;			/* the last unit of work ended by such an error */
	bool		contradicted;	/* it ended by a contradiction */
	bool		is_out_of_order;	/* it wrote to batches in another order than that of locks */
	size_t		nlocked;		/* batches locked in its last attempt */
	size_t		nlines_locked;	/* known lines likewise */
	char		locks[256];		/* all that it has locked in its last attempt, in words */
	const char *held;			/* the SKU whose queue it holds */
	bool		is_queue_held;	/* by another session: until somebody has waited for it */
	void		(*serve_queue) (struct Fake *fake); /* runs once, before a queue is joined, as another session
													 * that commits */
	size_t		njoined;		/* queues joined in its last attempt */
	void		(*come_before) (struct Fake *fake); /* runs before each attempt, as another session that commits */
	void		(*interlope) (struct Fake *fake);	/* runs once, before the next write, as another
													 * session that commits */
	jmp_buf		error;
	struct FakeMemory *memory;	/* what this attempt has handed out */
	struct FakeMemory *older_memory;	/* and the one before; of others, nothing is there any more */
	struct FakeMemory *names;	/* what the tables have */
} Fake;

extern int	fake_set_up(void **state);
extern int	fake_tear_down(void **state);
extern void fake_init(Fake *fake);
extern void fake_free(Fake *fake);
extern Batch *fake_batch(Fake *fake, const char *reference);
extern OrderLine *fake_line(Fake *fake, const char *orderid, const char *sku);

#endif							/* FAKE_H */
