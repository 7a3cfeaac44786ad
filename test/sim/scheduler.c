/*
 * scheduler.c
 *		Runs sessions as coroutines, and finds deadlocks as PostgreSQL does.
 */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK (256 * 1024)

typedef struct Player
{
	ucontext_t	context;		/* to begin in */
	jmp_buf		turn;			/* to go on in */
	bool		has_begun;
	char		stack[STACK];
	const Transaction *transaction;
	int			steps;			/* of the transaction */
	bool		is_done;
} Player;

static Run *running;
static Player players[MAX_SESSIONS];
static jmp_buf scheduler;

/* Ends the turn of the session.  In its next turn it may find that it was killed or is the victim of a deadlock. */
static void
switch_session(Session *session)
{
	Player	   *player = &players[session->id];
	const Transaction *transaction = player->transaction;

	if (!session->has_acted && !session->waits_for && !session->waits_in)
		return;
	if (_setjmp(player->turn) == 0)
		_longjmp(scheduler, 1);
	session->has_acted = false;
	if (session->is_victim)
	{
		session->is_victim = false;
		session_raise(session, DEADLOCK);
	}
	if (transaction->ending == KILL && ++player->steps == transaction->kill_at)
		session_raise(session, KILLED);
}

/* The number of calls that the transaction makes. */
int
transaction_ncalls(const Transaction *transaction)
{
	int			n = 0;

	for (int i = 0; i < transaction->ncalls; i++)
		n += !transaction->calls[i].is_left_out;
	return n;
}

static void
run_call(Session *session, const Call *call, Record *record)
{
	Store	   *store = session->store;
	uint64_t	commits = store->commits;

	session_keep_snapshot(session);
	record->call = call;
	record->began = running->nsteps;
	record->committed = 0;
	record->command = ++store->commands;
	record->moment = session->level == READ_COMMITTED ? commits : session->kept.commit;
	record->error = call_perform(session, call, record->answer);
	if (record->error == CONTRADICTED)
		store_fail(store, "a contradiction: session %d has met 55000", session->id);
	if (record->error == SERIALIZATION_FAILURE &&
		(session->level == READ_COMMITTED || store->commits == session->kept.commit))
		store_fail(store, "a needless failure: session %d has met 40001, and nothing explains it", session->id);
	if (record->error != NO_ERROR)
		session_raise(session, record->error);
	check_answer(running, session, record);
}

static void
run_transaction(Session *session, const Transaction *transaction, Record *records)
{
	jmp_buf		handler;

	players[session->id].transaction = transaction;
	players[session->id].steps = 0;
	session_begin(session, transaction->level);
	session->handler = &handler;
	if (setjmp(handler) == 0)
	{
		for (int i = 0; i < transaction->ncalls; i++)
		{
			if (transaction->calls[i].is_left_out)
				continue;
			switch_session(session);
			run_call(session, &transaction->calls[i], &records[i]);
		}
		switch_session(session);
		if (transaction->ending == ROLLBACK)
			session_raise(session, KILLED);
		for (int i = 0; i < transaction->ncalls; i++)
			records[i].committed = running->nsteps;
		session_commit(session);
		check_commit(running, records, transaction->ncalls);
	}
	else
		session_undo(session, 0);
}

static void
play(int id)
{
	Session    *session = &running->store.sessions[id];
	const Script *script = &running->scenario->scripts[id];

	bool		has_played;

	do
	{
		has_played = false;
		for (int i = 0; i < script->n; i++)
		{
			if (transaction_ncalls(&script->transactions[i]) == 0)
				continue;
			run_transaction(session, &script->transactions[i], running->records[id][i]);
			has_played = true;
		}
	} while (script->loops && has_played);
	players[id].is_done = true;
	_longjmp(scheduler, 1);
}

/* Lets a session go on until it ends its turn.  Only its first turn needs system calls. */
static void
take_turn(int id)
{
	Player	   *player = &players[id];

	if (_setjmp(scheduler) != 0)
		return;
	if (player->has_begun)
		_longjmp(player->turn, 1);
	player->has_begun = true;
	setcontext(&player->context);
}

/* Does the session wait, directly or through others, for the first one?  Adds the sessions on the way. */
static bool
leads_to(int id, int first, unsigned *seen)
{
	unsigned	blockers = session_blockers(&running->store.sessions[id], true);

	/* A wait that is cut short soon makes no deadlock. */
	if (running->store.sessions[id].is_limited && running->store.sessions[id].nadded > 0)
		return false;
	for (int next = 0; next < running->scenario->nsessions; next++)
	{
		if (!(blockers & 1u << next))
			continue;
		if (next == first)
			return true;
		if (*seen & 1u << next)
			continue;
		*seen |= 1u << next;
		if (leads_to(next, first, seen))
			return true;
		*seen &= ~(1u << next);
	}
	return false;
}

/*
 * If the session closes a circle of sessions that wait for each other, it is the
 * victim.  A session without a queue looks for deadlocks so late that sessions
 * with one have given way before.
 */
static void
find_deadlock(int id)
{
	const Session *sessions = running->store.sessions;
	unsigned	circle = 1u << id;
	bool		are_single = true;

	if (!leads_to(id, id, &circle))
		return;
	for (int other = 0; other < running->scenario->nsessions; other++)
		if (circle & 1u << other)
		{
			are_single &= transaction_ncalls(players[other].transaction) == 1;
			if (sessions[other].is_limited && !sessions[id].has_queue)
				return;
		}
	if (are_single)
		store_fail(&running->store, "a deadlock: between single calls, closed by session %d", id);
	running->store.sessions[id].is_victim = true;
}

/* The sessions that can take a step. */
static unsigned
runnable_sessions(void)
{
	unsigned	runnable = 0;

	for (int id = 0; id < running->scenario->nsessions; id++)
	{
		const Session *session = &running->store.sessions[id];

		if (!players[id].is_done &&
			(!session_waits(session) || session->is_limited))
			runnable |= 1u << id;
	}
	return runnable;
}

/* Sessions that loop never are. */
static bool
are_all_done(void)
{
	for (int id = 0; id < running->scenario->nsessions; id++)
		if (!players[id].is_done && !running->scenario->scripts[id].loops)
			return false;
	return true;
}

static void
set_up(Run *run, const Scenario *scenario)
{
	Store	   *store = &run->store;
	char		answer[MAX_ANSWER];

	run->scenario = scenario;
	run->nsteps = 0;
	for (int i = 0; i < MAX_SESSIONS; i++)
		for (int j = 0; j < MAX_TRANSACTIONS; j++)
			for (int k = 0; k < MAX_CALLS; k++)
				run->records[i][j][k].call = NULL;
	store_init(store);
	for (int i = 0; i < scenario->nsetup; i++)
	{
		if (scenario->setup[i].is_left_out)
			continue;
		session_begin(&store->sessions[0], READ_COMMITTED);
		call_perform(&store->sessions[0], &scenario->setup[i], answer);
		session_commit(&store->sessions[0]);
	}
	run->setup = store->commits;
	store->clock += scenario->ages_at == 0 ? AGE : 0;
	store->switch_session = switch_session;
}

/* Runs the scenario in the order that is chosen; false if it breaks a promise. */
bool
run_scenario(Run *run, const Scenario *scenario, Chooser choose, void *context)
{
	Store	   *store = &run->store;
	int			last = 0;

	running = run;
	set_up(run, scenario);
	for (int id = 0; id < scenario->nsessions; id++)
	{
		Player	   *player = &players[id];

		player->has_begun = player->is_done = false;
		player->steps = 0;
		getcontext(&player->context);
		player->context.uc_stack.ss_sp = player->stack;
		player->context.uc_stack.ss_size = STACK;
		makecontext(&player->context, (void (*) (void)) play, 1, id);
	}
	while (!store->failure[0] && !are_all_done() && run->nsteps < MAX_STEPS)
	{
		unsigned	runnable = runnable_sessions();

		if (runnable == 0)
		{
			/* The server lets sessions jump the queue of a lock to resolve a deadlock. */
			for (int id = 0; id < scenario->nsessions; id++)
				store->sessions[id].jumps_queue = true;
			runnable = runnable_sessions();
		}
		if (runnable == 0)
		{
			store_fail(store, "a standstill: all sessions wait");
			break;
		}
		if (scenario->ages_at > 0 && run->nsteps == scenario->ages_at)
			store->clock += AGE;
		last = choose(context, runnable, last);
		run->schedule[run->nsteps++] = (char) ('0' + last);
		take_turn(last);
		if (!players[last].is_done)
			find_deadlock(last);
	}
	run->schedule[run->nsteps] = '\0';
	if (!store->failure[0])
		check_end(run);
	return !store->failure[0];
}
