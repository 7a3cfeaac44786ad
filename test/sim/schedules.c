/*
 * schedules.c
 *		Which session goes on: by chance, as given, or in every possible order.
 */
#include "sim.h"

#include <string.h>
#include <time.h>

Run			run;
uint64_t	nschedules = 0;

/* Processor time, so that a busy machine does not try less. */
double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static bool
try(const Scenario *scenario, Chooser choose, void *context)
{
	nschedules++;
	return run_scenario(&run, scenario, choose, context);
}

/*
 * Chance
 */

typedef struct Chance
{
	uint64_t	random;
	int			persistence;
} Chance;

static int
choose_by_chance(void *context, unsigned runnable, int last)
{
	Chance	   *chance = context;
	int			id;

	if (runnable & 1u << last && (int) random_number(&chance->random, 100) < chance->persistence)
		return last;
	do
		id = (int) random_number(&chance->random, MAX_SESSIONS);
	while (!(runnable & 1u << id));
	return id;
}

/* Finds the first n batches of the SKU with units left in a snapshot; returns how many there are. */
static int
find_free(const char *sku, Snapshot snapshot, int n, const TableRow **free)
{
	int			found = 0;

	for (const TableRow *row = run.store.rows; row < run.store.rows + run.store.nrows; row++)
	{
		const Version *seen = row->orderid ? NULL : row_visible(row, snapshot, NOBODY);

		/* They were added in preference order. */
		if (seen && strcmp(seen->batch.sku, sku) == 0 && batch_available_quantity(&seen->batch) > 0 && found < n)
			free[found++] = row;
	}
	return found;
}

/*
 * Is it a bad moment for the session to go on?  A write has bad luck if others have
 * taken what it wants, a read if the batches that it will want are not locked.
 */
static bool
has_bad_luck(const Session *session)
{
	const Call *call = &run.scenario->scripts[session->id].transactions[0].calls[0];
	int			nwanted = call->operation == REALLOCATE_SKU ? 4 : 1;
	bool		has_locks = session->nundo > session->savepoint;

	for (const OrderLine *line = call->lines; line < call->lines + call->n; line++)
	{
		Snapshot	now = {run.store.commits, 0};
		const TableRow *wanted[4];
		int			n = find_free(line->sku, session->has_looked ? session->moment : now, nwanted, wanted);

		if (n == 0)
			return session->has_looked;
		for (int i = 0; i < n; i++)
			if (wanted[i]->locker != session->id &&
				(session->has_looked ? batch_available_quantity(&wanted[i]->newest->batch) == 0 : has_locks))
				return true;
	}
	return !session->has_looked && !has_locks;
}

/* The first session mostly goes on at bad moments. */
static int
choose_adversely(void *context, unsigned runnable, int last)
{
	Chance	   *chance = context;
	const Session *victim = &run.store.sessions[0];

	if ((runnable & ~1u) && (runnable & 1))
	{
		bool		begins = !victim->has_looked && victim->nundo == victim->savepoint;

		if (has_bad_luck(victim) && (!begins || random_number(&chance->random, 8) == 0))
			return 0;
		if (random_number(&chance->random, 20) > 0)
			runnable &= ~1u;
	}
	return choose_by_chance(context, runnable, last);
}

bool
try_by_chance(const Scenario *scenario, uint64_t seed)
{
	Chance		chance = {.random = ~seed, .persistence = scenario->persistence};

	return try(scenario, scenario->is_adverse ? choose_adversely : choose_by_chance, &chance);
}

/*
 * A given schedule
 */

/* Chooses sessions in the order of a text, as far as they are runnable; then any. */
static int
choose_given(void *context, unsigned runnable, int last)
{
	const char **given = context;

	while (**given)
	{
		int			id = *(*given)++ - '0';

		if (id >= 0 && id < MAX_SESSIONS && runnable & 1u << id)
			return id;
	}
	return runnable & 1u << last ? last : __builtin_ctz(runnable);
}

bool
try_given(const Scenario *scenario, const char *schedule)
{
	return try(scenario, choose_given, &schedule);
}

/*
 * Every schedule
 */

/* One schedule: at each step, which of the choices was taken. */
typedef struct Tree
{
	unsigned char chosen[MAX_STEPS];
	unsigned char nchoices[MAX_STEPS];
	int			depth;
	int			switches;		/* away from a session that could go on */
	int			most_switches;
	bool		is_limited;		/* there would have been more schedules */
} Tree;

/* The runnable sessions whose wait would be cut short. */
static unsigned
waiting_sessions(unsigned runnable)
{
	unsigned	waiting = 0;

	for (int id = 0; id < MAX_SESSIONS; id++)
		if (runnable & 1u << id && session_waits(&run.store.sessions[id]))
			waiting |= 1u << id;
	return waiting;
}

/* The nth of a set of sessions. */
static int
pick_session(unsigned set, int n)
{
	while (n-- > 0)
		set &= set - 1;
	return __builtin_ctz(set);
}

/* The last session goes on; if it waits, others do.  Everything else is a switch, also cutting a wait short. */
static int
choose_next(void *context, unsigned runnable, int last)
{
	Tree	   *tree = context;
	unsigned	free = runnable & ~waiting_sessions(runnable);
	unsigned	first = free & 1u << last ? 1u << last : free ? free : runnable;
	unsigned	others = runnable & ~first;
	bool		may_switch = tree->switches < tree->most_switches;
	int			nfirst = __builtin_popcount(first);
	int			chosen = tree->chosen[tree->depth];

	tree->is_limited |= !may_switch && others;
	tree->nchoices[tree->depth++] = (unsigned char) (nfirst + (may_switch ? __builtin_popcount(others) : 0));
	if (chosen < nfirst)
		return pick_session(first, chosen);
	tree->switches++;
	return pick_session(others, chosen - nfirst);
}

/*
 * Tries all schedules with at most so many switches until one fails or the time is
 * up; false if one fails.  Sets are_more if there are schedules with more switches.
 */
bool
try_all(const Scenario *scenario, int most_switches, double until, bool *are_more)
{
	static Tree tree;
	int			place;

	memset(&tree, 0, sizeof(tree));
	tree.most_switches = most_switches;
	do
	{
		tree.depth = tree.switches = 0;
		if (!try(scenario, choose_next, &tree))
			return false;
		for (place = tree.depth - 1; place >= 0 && tree.chosen[place] + 1 >= tree.nchoices[place]; place--)
			;
		if (place >= 0)
		{
			tree.chosen[place]++;
			memset(tree.chosen + place + 1, 0, sizeof(tree.chosen) - (size_t) place - 1);
		}
	} while (place >= 0 && seconds_now() < until);
	if (are_more)
		*are_more |= tree.is_limited;
	return true;
}
