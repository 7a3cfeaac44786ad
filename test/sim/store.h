/*
 * store.h
 *		Storage in memory that behaves as PostgreSQL's does, and the sessions that
 *		work on it: the repository and the unit of work that the services get.
 */
#ifndef STORE_H
#define STORE_H

#include <setjmp.h>
#include <stdio.h>

#include "in_memory.h"
#include "service_layer/unit_of_work.h"

#define MAX_SESSIONS 5
#define MAX_QUEUES 4
#define MAX_VERSIONS 8192
#define MAX_UNDO 512
#define MEMORY (256 * 1024)
#define NOBODY (-1)

/* The parts of a session's memory: one for this attempt, one for the attempt before, and what outlasts both. */
#define LASTING 2

/* As in src/adapters: a session that serves a queue gives way to those that wait for it so many times. */
#define MOST_YIELDS 3

typedef enum Level
{
	READ_COMMITTED,
	REPEATABLE_READ,
	SERIALIZABLE
} Level;

/* Why a call, or only an attempt, ended without an answer. */
typedef enum Error
{
	NO_ERROR,
	DUPLICATE,					/* ends an attempt only */
	SERIALIZATION_FAILURE,		/* 40001 */
	DEADLOCK,					/* 40P01 */
	WAIT_CUT,					/* waited too long; ends an attempt only */
	CONTRADICTED,				/* 55000 */
	KILLED
} Error;

typedef struct Version
{
	struct Version *older;
	uint64_t	commit;			/* the number of its commit; 0 if it is not committed */
	uint64_t	command;		/* the number of the command that wrote it */
	bool		is_deleted;
	uint32_t	number;			/* of this version */
	Batch		batch;			/* or the line */
	OrderLine	line;
} Version;

/* A batch or a line: its key, and all versions that were ever written. */
typedef struct TableRow
{
	const char *orderid;		/* of a line; NULL for a batch */
	const char *name;			/* the SKU of a line, the reference of a batch */
	Version    *newest;
	int			locker;			/* the session that has locked it or written its newest version; or NOBODY */
} TableRow;

/* The lock on the queue of one SKU.  Sessions wait for it in line. */
typedef struct Queue
{
	const char *sku;
	int			held[MAX_SESSIONS]; /* by each session: NOT_HELD, SHARED or EXCLUSIVE */
	int			wanted[MAX_SESSIONS];
	uint64_t	since[MAX_SESSIONS];	/* when a session that wants it began to wait */
} Queue;

enum
{
	NOT_HELD,
	SHARED,
	EXCLUSIVE
};

/* A session sees commits up to a number, and its own commands below a number. */
typedef struct Snapshot
{
	uint64_t	commit;
	uint64_t	command;
} Snapshot;

/* One lock or write of a transaction, to be undone or committed. */
typedef struct Undo
{
	TableRow   *row;
	Queue	   *queue;			/* or a queue, and how it was held before */
	int			held;
	bool		is_version;		/* a version was written; else the row was locked */
} Undo;

typedef struct Store Store;

typedef struct Session
{
	UnitOfWork	uow;
	Repository	repository;
	Store	   *store;
	int			id;
	Level		level;

	/* of its transaction */
	bool		keeps_snapshot; /* it has taken the snapshot that it keeps */
	Snapshot	kept;
	Undo	   *undo;
	int			nundo;

	/* of its call */
	jmp_buf    *handler;		/* where an error goes */
	Error		error;

	OrderLine **added;			/* lines that an attempt could not add: the next one first waits for their writers */
	size_t		nadded;
	bool		waits_for_lines;	/* without limit, as there was nobody to wait for before the attempt */
	const char *queues[MAX_QUEUES];
	size_t		nqueues;
	bool		joins_first;	/* the next attempt begins by joining these */
	int			ndeadlocks;		/* deadlocks that have ended an attempt */
	int			nyields;		/* attempts that ended because they held a queue and waited too long */
	int			half;			/* the part of the memory for this attempt */
	bool		gave_up;		/* its last attempt was undone to wait; it counts as no failure */

	/* of its attempt */
	int			savepoint;		/* in undo */
	size_t		used[3];		/* of each part of the memory */
	bool		has_moment;
	bool		has_queue;		/* it holds one, and so looks for deadlocks earlier than others */
	bool		has_looked;
	bool		looks_at_latest;	/* at any isolation level */
	bool		has_locked;		/* all that it writes to: if a write fails, no other session is the reason */
	Snapshot	moment;
	uint64_t	ends;			/* how many transactions had ended at that moment */
	bool		write_failed;
	bool		is_explained;	/* if the attempt failed, other sessions may be the reason */

	bool		has_acted;		/* since its turn began */

	/* what it waits for */
	TableRow   *waits_for;		/* a row... */
	bool		waits_for_key;	/* ...to add one of its key */
	Queue	   *waits_in;
	bool		jumps_queue;
	bool		is_limited;		/* the wait may be cut short at any time */
	bool		is_victim;		/* a deadlock ends its wait */
} Session;

/* A storage.  Its sessions take turns in switch_session; without that, one works alone. */
struct Store
{
	TableRow	rows[MOST_ROWS];
	int			nrows;
	Queue		queues[MAX_QUEUES];
	int			nqueues;
	int			nversions;
	uint64_t	commits;
	uint64_t	commands;
	uint64_t	ends;			/* of transactions and subtransactions that have written */
	int64_t		clock;
	Session		sessions[MAX_SESSIONS];
	const char *favourites;		/* if not NULL: all batches are contended that it does not name */
	void		(*switch_session) (Session *session);	/* lets others work; raises the error that ended the wait */
	FILE	   *trace;			/* where each step is printed, or NULL */
	char		failure[512];	/* the broken promise; empty if there is none */

	/* used piece by piece, and not cleared */
	Version		versions[MAX_VERSIONS];
	Undo		undo[MAX_SESSIONS][MAX_UNDO];
	char		memory[MAX_SESSIONS][3][MEMORY];
};

/* Does a statement write to rows with such a version? */
typedef bool (*Condition) (const Version *version, const void *argument);

extern void store_init(Store *store);
extern void store_copy(Store *copy, const Store *store, Snapshot moment, int session);
extern void session_tell(const Session *session, const char *format,...);
extern void store_fail(Store *store, const char *format,...);
extern TableRow *store_find(Store *store, const char *orderid, const char *name);
extern const Version *row_visible(const TableRow *row, Snapshot snapshot, int session);
extern unsigned session_blockers(const Session *session, bool hard_only);
extern bool session_waits(const Session *session);
extern void session_raise(Session *session, Error error);
extern void session_begin(Session *session, Level level);
extern void session_keep_snapshot(Session *session);
extern void session_commit(Session *session);
extern void session_undo(Session *session, int savepoint);
extern void session_step(Session *session);
extern void session_wait_for(Session *session, TableRow *row, bool for_key);
extern void session_note_undo(Session *session, Undo undo);
extern void session_lock(Session *session, TableRow *row);
extern Version *session_write(Session *session, TableRow *row);
extern void session_go_on_waiting(Session *session);
extern Snapshot session_begin_statement(Session *session);
extern bool session_meet(Session *session, TableRow *row, Snapshot snapshot, Condition condition, const void *argument);
extern void *session_allocate(Session *session, int part, size_t size);
extern void session_forget(Session *session, int part);
extern TableRow *session_go_to_row(Session *session, const char *orderid, const char *name);
extern bool session_wait_for_queue(Session *session, const char *sku, int mode, bool may_wait);
extern bool session_lock_queue(Session *session, const char *sku, int mode, bool may_wait);

/* repository.c */
extern void session_init(Session *session, Store *store, int id);

/* unit_of_work.c */
extern void session_run(UnitOfWork *uow, Body body, void *command);

#endif							/* STORE_H */
