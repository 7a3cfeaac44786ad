/*
 * scheduler.h
 *		Runs a scenario: its sessions take turns, as a function chooses.
 */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "calls.h"

#define MAX_TRANSACTIONS 3
#define MAX_CALLS 3
#define MAX_SETUP 24
#define MAX_STEPS 2000

typedef enum Ending
{
	COMMIT,
	ROLLBACK,
	KILL						/* at some step */
} Ending;

typedef struct Transaction
{
	Level		level;
	Call		calls[MAX_CALLS];
	int			ncalls;
	Ending		ending;
	int			kill_at;		/* the step at which it is killed */
} Transaction;

/* The transactions of one session. */
typedef struct Script
{
	Transaction transactions[MAX_TRANSACTIONS];
	int			n;
	bool		loops;
} Script;

/* When time passes, it is so much at once; short holds expire then. */
#define AGE 1000

typedef struct Scenario
{
	Call		setup[MAX_SETUP];	/* calls that come before */
	int			nsetup;
	Script		scripts[MAX_SESSIONS];
	int			nsessions;
	bool		follows_recipe; /* each call that makes room is followed by reallocate_sku in its transaction */
	int			ages_at;		/* the step at which short holds expire; 0: before the first */
	bool		is_adverse;		/* the first session goes on when others have just taken what it read */
	int			persistence;	/* how often, out of 100, chance does not switch sessions */
} Scenario;

/* What became of a call. */
typedef struct Record
{
	const Call *call;
	Error		error;
	char		answer[MAX_ANSWER];
	uint64_t	moment;			/* the last commit before it */
	uint64_t	command;		/* the first of its own */
	int			began;			/* the steps at which it began and was committed */
	int			committed;		/* 0: it was not */
} Record;

typedef struct Run
{
	const Scenario *scenario;
	uint64_t	setup;			/* the last commit before it */
	char		schedule[MAX_STEPS + 1];	/* which session took each step */
	int			nsteps;
	Record		records[MAX_SESSIONS][MAX_TRANSACTIONS][MAX_CALLS];
	Store		store;
} Run;

/* Chooses one of the runnable sessions, given as a set of bits. */
typedef int (*Chooser) (void *context, unsigned runnable, int last);

extern int	transaction_ncalls(const Transaction *transaction);
extern bool run_scenario(Run *run, const Scenario *scenario, Chooser choose, void *context);

/* scenarios.c */
extern uint32_t random_number(uint64_t *state, uint32_t n);
extern int	count_pairs(void);
extern Scenario pair_scenario(int number);
extern Scenario random_scenario(uint64_t seed);

/* checks.c */
extern void check_answer(Run *run, const Session *session, const Record *record);
extern void check_commit(Run *run, const Record *records, int n);
extern void check_end(Run *run);

#endif							/* SCHEDULER_H */
