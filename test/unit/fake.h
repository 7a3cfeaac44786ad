/*
 * fake.h
 *		A repository and a unit of work in memory, for the tests of the services.
 */
#ifndef FAKE_H
#define FAKE_H

#include <setjmp.h>
#include <stddef.h>

#include "in_memory.h"
#include "service_layer/unit_of_work.h"

/* A piece of memory, and the pieces allocated before it. */
typedef struct FakeMemory
{
	struct FakeMemory *next;
	max_align_t content[];
} FakeMemory;

typedef struct FakeTables
{
	StoredBatch batches[MOST_ROWS];
	size_t		nbatches;
	StoredLine	lines[MOST_ROWS];
	size_t		nlines;
	int64_t		now;			/* grows as it is read */
	uint32_t	version;		/* of the line that was written last */
} FakeTables;

typedef struct Fake Fake;

/* What is locked, in lock order. */
typedef enum FakeKind
{
	QUEUE,
	BATCH,
	NEW_LINE,
	KNOWN_LINE
} FakeKind;

/* What another session writes and commits. */
typedef void (*FakeSession) (Fake *fake);

struct Fake
{
	UnitOfWork	uow;
	Repository	repository;
	FakeTables	tables;
	FakeTables	committed;		/* what an undone attempt goes back to */

	/* what other sessions do */
	FakeSession come_before;	/* before each attempt */
	FakeSession interlope;		/* once, before the next write */
	FakeSession serve_queue;	/* once, before a queue is joined */
	bool		is_queue_held;	/* another session serves a queue, until a call has waited for it */
	int			fail_at;		/* which write of an attempt raises an error; 0 if none does */

	bool		is_out_of_order;	/* a call has locked or written out of lock order */

	/* what the last unit of work did */
	int			attempts;
	bool		failed;			/* it ended by an error */
	bool		contradicted;	/* it ended by a contradiction */

	/* and its last attempt */
	int			writes;			/* rows written */
	size_t		njoined;		/* queues joined */
	char		locks[256];		/* all that it has locked, in words */
	FakeKind	last_kind;		/* the row that it locked or wrote last */
	RowKey		last_key;

	jmp_buf		error;
	FakeMemory *memory;			/* what this attempt has handed out */
	FakeMemory *older_memory;	/* and the one before; that of earlier ones is freed */
	FakeMemory *names;			/* names in the tables, and what outlasts the call */
};

extern void fake_init(Fake *fake);
extern void fake_free(Fake *fake);
extern Batch *fake_batch(Fake *fake, const char *reference);
extern OrderLine *fake_line(Fake *fake, const char *orderid, const char *sku);
extern Batch *fake_batch_at(Fake *fake, size_t i);
extern OrderLine *fake_line_at(Fake *fake, size_t i);

/* What other sessions do */
extern void fake_add_batch(Fake *fake, Batch batch);
extern void fake_take_from(Fake *fake, const char *reference);
extern void fake_add_line(Fake *fake, OrderLine line);
extern void fake_touch_line(Fake *fake, const char *orderid, const char *sku);
extern void fake_remove_line(Fake *fake, const char *orderid, const char *sku);

#endif							/* FAKE_H */
