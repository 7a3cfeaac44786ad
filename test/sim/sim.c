/*
 * sim.c
 *		Tries schedules for so many seconds of processor time; prints TAP.
 *
 *		sim [--seconds S] [--seed FIRST] [--failures MOST] [--until FAILURE]
 *		sim --scenario NAME [--without CALLS] --schedule SESSIONS
 *
 * Half of the time goes to pairs of calls: all schedules without a needless switch
 * of sessions, then with one, with two, and so on.  The other half goes to random
 * scenarios, in one random schedule each.  What fails is made smaller, and printed
 * with the command that replays it.
 */
#include "sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char name[32];			/* of the scenario that is tried */

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
			report(name, scenario);
	}
}

/*
 * Tries all pairs with more and more switches, and random scenarios in between,
 * until the time is up.  Says in words how far it has come.
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

			/* If the order does not matter, one of the two is empty. */
			if (scenario.scripts[0].n == 0)
				continue;
			if (start >= end || nfailures >= most_failures)
				return;
			snprintf(name, sizeof(name), "pair:%d", number);
			if (!try_all(&scenario, switches, end, &are_more))
				report(name, scenario);
			try_random(2 * seconds_now() - start);
		}
		sprintf(words, are_more ? "all with at most %d switches" : "all", switches);
		printf("# every two calls, %s: %" PRIu64 " schedules so far\n", words, nschedules);
		fflush(stdout);
	}
}

/* After a crash: prints the command that replays it, without making it smaller. */
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
