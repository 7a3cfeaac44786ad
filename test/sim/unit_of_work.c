/*
 * unit_of_work.c
 *		The unit of work over the storage.  It does what the adapters do over the
 *		server's subtransactions (src/adapters/subtransaction.c and attempt.c).
 */
#include "store.h"

/* A call must end after so many failed attempts.  Deadlocks and yields have bounds of their own. */
#define MOST_ATTEMPTS 12

/* As in src/adapters: so many deadlocks end only an attempt, not the call. */
#define MOST_DEADLOCKS 1
#define MOST_DEADLOCKS_WITH_QUEUE 20

/* If the attempt before waited too long, this one waits first, while it holds no locks. */
static void
begin_attempt(Session *session)
{
	bool		has_waited = false;

	session->is_limited = false;
	session->has_queue = session->repository.attempt.joined_first = session->joins_first;
	for (size_t i = 0; i < session->nadded; i++)
	{
		TableRow   *row = session_go_to_row(session, session->added[i]->orderid, session->added[i]->sku);

		session->waits_for = row;
		session->waits_for_key = true;
		has_waited |= session_blockers(session, false) != 0;
		session_wait_for(session, row, true);
		session->has_acted = true;
	}
	if (session->nadded > 0)
		session->waits_for_lines = !has_waited;
	session->nadded = 0;
	if (!session->joins_first)
		return;
	for (size_t i = 0; i < session->nqueues; i++)
		session_wait_for_queue(session, session->queues[i], SHARED, true);
	session->is_limited = session->nyields < MOST_YIELDS;
	for (size_t i = 0; i < session->nqueues; i++)
		session_lock_queue(session, session->queues[i], SHARED, true);
}

/* Has the attempt only been undone to wait?  Then the next one begins by waiting. */
static bool
may_go_on(Session *session)
{
	if (session->error == WAIT_CUT && session->nadded > 0)
		return true;
	session->nadded = 0;
	session->joins_first &= session->error == NO_ERROR;
	session->nyields += session->error == WAIT_CUT;
	return session->error == WAIT_CUT || (session->error == DEADLOCK && ++session->ndeadlocks <=
										  (session->has_queue ? MOST_DEADLOCKS_WITH_QUEUE : MOST_DEADLOCKS));
}

/* One attempt.  It is undone by any error; all but duplicates and cut waits go on to the caller. */
static Verdict
attempt(Session *session, Body body, void *command)
{
	jmp_buf    *outer = session->handler;
	jmp_buf		handler;
	volatile Verdict verdict = UNDO;

	session->savepoint = session->nundo;
	session->has_looked = session->has_moment = session->looks_at_latest = false;
	session->has_locked = session->write_failed = false;
	session->half = 1 - session->half;
	session_forget(session, session->half);
	session->error = NO_ERROR;
	session->handler = &handler;
	if (setjmp(handler) == 0)
	{
		begin_attempt(session);
		verdict = body(&session->repository, command);
	}
	session->handler = outer;
	session->is_explained = session->has_moment && session->store->ends != session->ends &&
		!(session->write_failed && session->has_locked);
	if (verdict != KEEP)
		session_undo(session, session->savepoint);
	session->gave_up = may_go_on(session);
	if (session->gave_up)
		return WAIT;
	if (session->error == DUPLICATE)
		return RETRY;
	if (session->error != NO_ERROR)
		session_raise(session, session->error);
	return verdict;
}

/* The run method of the unit of work. */
void
session_run(UnitOfWork *uow, Body body, void *command)
{
	Session    *session = (Session *) uow;
	bool		keeps_snapshot = session->level != READ_COMMITTED;
	Verdict		verdict;

	session->repository.attempt.nfailed = 0;
	session->repository.attempt.looks_first = keeps_snapshot;
	session->joins_first = session->waits_for_lines = false;
	session->ndeadlocks = session->nyields = 0;
	session_forget(session, LASTING);
	session->nadded = 0;
	session_keep_snapshot(session);
	while ((verdict = attempt(session, body, command)) == RETRY || verdict == WAIT)
	{
		if (verdict == RETRY && keeps_snapshot)
			session_raise(session, session->error != DUPLICATE && session->write_failed ?
						  CONTRADICTED : SERIALIZATION_FAILURE);
		if (verdict == RETRY && session->repository.attempt.looks_first && !session->is_explained)
			session_raise(session, CONTRADICTED);
		session->repository.attempt.nfailed += !session->gave_up;
		session->repository.attempt.looks_first = true;
		/* After a deadlock it may take one more attempt to find out again what to wait for. */
		if (session->repository.attempt.nfailed > MOST_ATTEMPTS + session->ndeadlocks + session->nyields)
		{
			store_fail(session->store, "no end: session %d has failed %d attempts at one call",
					   session->id, session->repository.attempt.nfailed);
			session_raise(session, KILLED);
		}
	}
	session->is_limited = false;
	if (verdict == CONTRADICTION)
		session_raise(session, CONTRADICTED);
}
