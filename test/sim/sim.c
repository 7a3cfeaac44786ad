/*
 * sim.c
 *		Tries schedules until so many seconds of the processor's are up; prints TAP.
 *
 *		sim [--seconds S] [--seed FIRST] [--failures MOST] [--until FAILURE]
 *		sim --scenario NAME [--without CALLS] --schedule SESSIONS
 *
 * Half of the time goes to the pairs, each in every schedule that switches a
 * session that could go on at most so many times, with more of these as long as
 * there is time; the other half, in between, to random scenarios, one random
 * schedule each.
 * What fails is made smaller, and printed with the command that replays it.
 */
#include "scheduler.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static Run run;
static char name[32];			/* of the scenario that is being tried */
static uint64_t nschedules = 0;
static int	nfailures = 0;

/* Of the processor: so as much is tried on a busy machine, too. */
static double
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

/* The batches of the SKU that have units left in a snapshot, the n first; returns how many there are. */
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
 * Is it a bad moment for the session to go on?  It is one to write when what it
 * wants has been taken, and to look when it wants what it has not locked before.
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

/* The first session goes on when it is too late for it, and begins anew at once; now and then also otherwise. */
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

static bool
try_by_chance(const Scenario *scenario, uint64_t seed)
{
	Chance		chance = {.random = ~seed, .persistence = scenario->persistence};

	return try(scenario, scenario->is_adverse ? choose_adversely : choose_by_chance, &chance);
}

/*
 * A given schedule
 */

/* Sessions in the order of a text, as far as they can; then whoever can. */
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

static bool
try_given(const Scenario *scenario, const char *schedule)
{
	return try(scenario, choose_given, &schedule);
}

/*
 * Every schedule
 */

/* The choices of one schedule, each as a place among those that there were. */
typedef struct Tree
{
	unsigned char chosen[MAX_STEPS];
	unsigned char nchoices[MAX_STEPS];
	int			depth;
	int			switches;		/* of a session that could go on */
	int			most_switches;
	bool		is_limited;		/* there would have been more schedules */
} Tree;

/* The sessions of a set that could go on waiting. */
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

/* The last session goes on; where it waits, others do.  All else is a switch, also to end a wait. */
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
 * Tries all schedules with so few switches until one fails or the time is up;
 * false if one has failed.  Says whether there are others, if it is asked.
 */
static bool
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

/*
 * Failures
 */

/* All calls of a scenario, by number: what happens before comes first. */
static int
list_calls(Scenario *scenario, Call **calls)
{
	int			n = 0;

	for (int i = 0; i < scenario->nsetup; i++)
		calls[n++] = &scenario->setup[i];
	for (int i = 0; i < scenario->nsessions; i++)
		for (int j = 0; j < scenario->scripts[i].n; j++)
			for (int k = 0; k < scenario->scripts[i].transactions[j].ncalls; k++)
				calls[n++] = &scenario->scripts[i].transactions[j].calls[k];
	return n;
}

#define MOST_LISTED (MAX_SETUP + MAX_SESSIONS * MAX_TRANSACTIONS * MAX_CALLS)

/* What can fail, each of which is reported once. */
#define PROMISES 13

static int	most_failures = 5;
static const char *until = "nothing";	/* the failure that is looked for */
static char seen[PROMISES][sizeof(run.store.failure)];

/* Is it the failure of which the text tells, but for its details? */
static bool
is_same_failure(const char *failure)
{
	return strncmp(run.store.failure, failure, strcspn(failure, ":")) == 0;
}

/* Leaves the first of n calls out, or not, and what goes with it. */
static void
leave_out(Call **calls, int n, bool is_left_out)
{
	for (int i = 0; i < n && (i == 0 || calls[i]->is_recipe); i++)
		calls[i]->is_left_out = is_left_out;
}

/* Does it still fail?  If so, the run is one that has. */
static bool
still_fails(const Scenario *scenario, const char *failure, const char *schedule)
{
	if (!try_given(scenario, schedule) && is_same_failure(failure))
		return true;
	for (uint64_t seed = 0; seed < 300; seed++)
		if (!try_by_chance(scenario, seed) && is_same_failure(failure))
			return true;
	return false;
}

/* Leaves out of the schedule of the last run, which has failed, what is not needed. */
static void
shorten_schedule(const Scenario *scenario, const char *failure, char *schedule)
{
	char		shorter[MAX_STEPS + 1];

	for (size_t size = strlen(schedule); size > 0; size /= 2)
		for (size_t place = 0; place + size <= strlen(schedule);)
		{
			memcpy(shorter, schedule, place);
			strcpy(shorter + place, schedule + place + size);
			if (!try_given(scenario, shorter) && is_same_failure(failure))
				strcpy(schedule, shorter);
			else
				place += size;
		}
}

static void
print_call(const char *prefix, int number, const Call *call)
{
	char		text[512];

	call_describe(call, text, sizeof(text));
	printf("#   %s%s  (call %d)\n", prefix, text, number);
}

static const char *const levels[] = {"read committed", "repeatable read", "serializable"};
static const char *const endings[] = {"commit", "rollback", "killed"};
static const char *const errors[] = {"", "a duplicate", "40001", "40P01", "waits", "55000", "killed"};

static void
print_scenario(Scenario *scenario)
{
	Call	   *calls[MOST_LISTED];
	int			n = list_calls(scenario, calls);
	int			number = 0;

	for (; number < scenario->nsetup; number++)
		if (!calls[number]->is_left_out)
			print_call("before: ", number, calls[number]);
	for (int i = 0; i < scenario->nsessions; i++)
		for (int j = 0; j < scenario->scripts[i].n; j++)
		{
			const Transaction *transaction = &scenario->scripts[i].transactions[j];

			if (transaction_ncalls(transaction) == 0)
			{
				number += transaction->ncalls;
				continue;
			}
			printf("# session %d: %s%s\n", i, levels[transaction->level],
				   scenario->scripts[i].loops ? ", again and again" : "");
			for (int k = 0; k < transaction->ncalls; k++, number++)
			{
				const Record *record = &run.records[i][j][k];

				if (calls[number]->is_left_out)
					continue;
				print_call("", number, calls[number]);
				if (record->call && !scenario->scripts[i].loops)
					printf("#       %s%s\n",
						   errors[record->error], record->answer);
			}
			printf("#   %s\n", endings[transaction->ending]);
		}
	if (number != n)
		abort();
}

/*
 * Prints the failure of the last run, unless it is like an earlier one: with as
 * few calls and switches as still bring it about, and how to replay it.
 */
static void
report(Scenario scenario)
{
	Call	   *calls[MOST_LISTED];
	int			n = list_calls(&scenario, calls);
	char		failure[sizeof(run.store.failure)];
	char		schedule[MAX_STEPS + 1];
	const char *separator = " --without ";

	for (int i = 0; i < nfailures; i++)
		if (is_same_failure(seen[i]))
			return;
	strcpy(seen[nfailures], run.store.failure);
	printf("not ok - %s, seen after %" PRIu64 " schedules\n", name, nschedules);
	strcpy(failure, run.store.failure);
	strcpy(schedule, run.schedule);
	for (int i = n - 1; i >= 0; i--)
	{
		if (calls[i]->is_recipe)
			continue;
		leave_out(&calls[i], n - i, true);
		if (!still_fails(&scenario, failure, schedule))
			leave_out(&calls[i], n - i, false);
		else
			strcpy(schedule, run.schedule);
	}
	for (int switches = 0; switches < 4; switches++)
		if (!try_all(&scenario, switches, seconds_now() + 1, NULL) && is_same_failure(failure))
		{
			strcpy(schedule, run.schedule);
			break;
		}
	shorten_schedule(&scenario, failure, schedule);
	try_given(&scenario, schedule);
	printf("# %s\n", run.store.failure);
	print_scenario(&scenario);
	printf("# to replay it: test/sim/sim --scenario %s", name);
	for (int i = 0; i < n; i++)
		if (calls[i]->is_left_out)
		{
			printf("%s%d", separator, i);
			separator = ",";
		}
	printf(" --schedule %s\n", schedule[0] ? schedule : "-");
	fflush(stdout);
	nfailures++;
	if (strncmp(failure, until, strlen(until)) == 0)
		most_failures = nfailures;
}

/*
 * What is tried
 */

static uint64_t seed = 1;		/* of the next random scenario */

static void
try_random(double end)
{
	for (; seconds_now() < end && nfailures < most_failures; seed++)
	{
		Scenario	scenario = random_scenario(seed);

		snprintf(name, sizeof(name), "random:%" PRIu64, seed);
		if (!try_by_chance(&scenario, seed))
			report(scenario);
	}
}

/*
 * Tries each pair with more and more switches, and random scenarios for as long,
 * until the time is up; says in words how far the pairs have come.
 */
static void
try_pairs(double end, char *words)
{
	bool		are_more = true;

	strcpy(words, "some");
	for (int switches = 0; are_more; switches++)
	{
		are_more = false;
		for (int number = 0; number < count_pairs(); number++)
		{
			Scenario	scenario = pair_scenario(number);
			double		start = seconds_now();

			/* Where it does not matter who is first, one of the two orders is empty. */
			if (scenario.scripts[0].n == 0)
				continue;
			if (start >= end || nfailures >= most_failures)
				return;
			snprintf(name, sizeof(name), "pair:%d", number);
			if (!try_all(&scenario, switches, end, &are_more))
				report(scenario);
			try_random(2 * seconds_now() - start);
		}
		sprintf(words, are_more ? "all with at most %d switches" : "all", switches);
		printf("# every two calls, %s: %" PRIu64 " schedules so far\n", words, nschedules);
		fflush(stdout);
	}
}

/* The services have crashed: tells how to see it again, as a whole. */
static void
tell_crash(int number)
{
	run.schedule[run.nsteps] = '\0';
	printf("not ok - a crash: test/sim/sim --scenario %s --schedule %s\n", name, run.schedule);
	fflush(stdout);
	_Exit(1);
}

static int
replay(const char *without, const char *schedule)
{
	Scenario	scenario = strncmp(name, "pair:", 5) == 0 ? pair_scenario(atoi(name + 5)) :
		random_scenario(strtoull(name + 7, NULL, 10));
	Call	   *calls[MOST_LISTED];
	int			n = list_calls(&scenario, calls);
	char	   *rest = (char *) without;

	while (*rest)
	{
		long		number = strtol(rest, &rest, 10);

		if (number >= 0 && number < n)
			calls[number]->is_left_out = true;
		rest += *rest == ',';
	}
	run.store.trace = stdout;
	if (*schedule)
		try_given(&scenario, schedule);
	else
		try_by_chance(&scenario, strtoull(name + 7, NULL, 10));
	run.store.trace = NULL;
	print_scenario(&scenario);
	printf("# %s\n", run.store.failure[0] ? run.store.failure : "nothing fails");
	return run.store.failure[0] != '\0';
}

int
main(int argc, char **argv)
{
	double		seconds = 8;
	double		start = seconds_now();
	const char *without = "";
	const char *schedule = "";
	char		words[64];

	for (int i = 1; i + 1 < argc; i += 2)
	{
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = atof(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--failures") == 0)
			most_failures = atoi(argv[i + 1]) < PROMISES ? atoi(argv[i + 1]) : PROMISES;
		else if (strcmp(argv[i], "--until") == 0)
			until = argv[i + 1];
		else if (strcmp(argv[i], "--scenario") == 0)
			snprintf(name, sizeof(name), "%s", argv[i + 1]);
		else if (strcmp(argv[i], "--without") == 0)
			without = argv[i + 1];
		else if (strcmp(argv[i], "--schedule") == 0)
			schedule = argv[i + 1];
	}
	if (name[0])
		return replay(without, schedule);
	signal(SIGSEGV, tell_crash);
	signal(SIGABRT, tell_crash);

	try_pairs(start + seconds, words);
	try_random(start + seconds);
	printf("# %d promises held, %d broken, in %" PRIu64 " schedules: of every two calls %s, the others at random\n",
		   PROMISES - nfailures, nfailures, nschedules, words);
	for (int i = nfailures; i < PROMISES; i++)
		printf("ok - a promise that held\n");
	printf("1..%d\n", PROMISES);
	return nfailures > 0;
}
