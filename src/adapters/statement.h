/*
 * statement.h
 *		SQL statements with saved plans, which do not depend on the caller's settings.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "executor/spi.h"

#include "adapters/installation.h"

#define MAX_PARAMETERS 10

typedef struct Statement
{
	const char *sql;			/* %1$s stands for the schema */
	Oid			types[MAX_PARAMETERS];
	int			nparameters;
	bool		takes_snapshot; /* it sees what is committed when it runs; others see what the active snapshot shows */
	const char *distributed_sql;	/* if it differs over several nodes; %2$d stands for the process */
	SPIPlanPtr	plan;			/* NULL until it is first needed */
	const char *text;			/* the SQL of the plan */
	int			generation;		/* of the installation for which the plan was made */
} Statement;

/* A statement for one element, and the same for many elements, whose parameters are arrays. */
typedef struct StatementPair
{
	Oid			types[MAX_PARAMETERS];	/* for one element */
	int			nparameters;
	int			sku;			/* which of the parameters is the SKU */
	bool		takes_snapshot;
	bool		writes_lines;
	Statement	one;			/* without SQL if one element is treated as many */
	Statement	many;
} StatementPair;

/* How many buffers the last statement took; 0 if it had to be planned. */
extern int64 statement_buffers;

/* The statement that is running, and its tables.  After an error, code that catches it must restore what was there before. */
typedef struct RunningStatement
{
	const char *text;			/* NULL if none is */
	const Installation *installation;
} RunningStatement;

extern RunningStatement statement_running;

extern void statement_install_planner(void);
extern void statement_pair_complete(StatementPair *pair);
extern uint64 statement_execute(Statement *statement, const Installation *installation,
								const NullableDatum *values, DestReceiver *receiver);
extern void statement_set_planner(void);
extern void statement_set_locally(const char *name, const char *value);
extern void statement_keep_plans(void);

#endif							/* STATEMENT_H */
