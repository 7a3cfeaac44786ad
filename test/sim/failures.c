/*
 * failures.c
 *		Makes what fails smaller, and prints it with the command that replays it.
 */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers all calls of a scenario; those of the setup come first. */
int
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

int			nfailures = 0;
int			most_failures = 5;
const char *until = "nothing";

static char seen[PROMISES][sizeof(run.store.failure)];

/* Has the last run failed in the same way, apart from details? */
static bool
is_same_failure(const char *failure)
{
	return strncmp(run.store.failure, failure, strcspn(failure, ":")) == 0;
}

/* Leaves the first of n calls out, or puts it back, with the reallocate_sku that follows it. */
static void
leave_out(Call **calls, int n, bool is_left_out)
{
	for (int i = 0; i < n && (i == 0 || calls[i]->is_recipe); i++)
		calls[i]->is_left_out = is_left_out;
}

/* Does the scenario still fail?  Then the last run has. */
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

/* Leaves out of a failing schedule what the failure does not need. */
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

void
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
 * Prints the failure of the last run, unless there was one like it: with as few
 * calls and switches as it takes, and with the command that replays it.
 */
void
report(const char *name, Scenario scenario)
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
