/*
 * sim.h
 *		Tries schedules of scenarios, and reports those that fail.
 */
#ifndef SIM_H
#define SIM_H

#include "scheduler.h"

/* schedules.c */
extern Run	run;				/* the last one */
extern uint64_t nschedules;		/* how many were tried */

extern double seconds_now(void);
extern bool try_by_chance(const Scenario *scenario, uint64_t seed);
extern bool try_given(const Scenario *scenario, const char *schedule);
extern bool try_all(const Scenario *scenario, int most_switches, double until, bool *are_more);

/* What can fail; each is reported once. */
#define PROMISES 13

#define MOST_LISTED (MAX_SETUP + MAX_SESSIONS * MAX_TRANSACTIONS * MAX_CALLS)

/* failures.c */
extern int	nfailures;			/* that were reported */
extern int	most_failures;		/* after so many, nothing more is tried */
extern const char *until;		/* the failure that is looked for: it ends the search */

extern int	list_calls(Scenario *scenario, Call **calls);
extern void print_scenario(Scenario *scenario);
extern void report(const char *name, Scenario scenario);

#endif							/* SIM_H */
