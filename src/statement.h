/*
 * statement.h
 *		SQL statements with saved plans, which depend on nothing that a caller
 *		has set.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "executor/spi.h"

#define MAX_PARAMETERS 10

typedef struct Statement
{
	const char *sql;			/* %1$s stands for the schema, %2$s and %3$s for the ends of a comment unless the tables
								 * are distributed, %4$d for the process */
	Oid			types[MAX_PARAMETERS];
	int			nparameters;
	bool		is_fresh;		/* it sees what is there when it runs; others see what the active snapshot shows */
	SPIPlanPtr	plan;			/* NULL until it is first needed */
	char	   *schema;			/* for which the plan was made */
	bool		is_distributed; /* and whether for distributed tables */
	int			generation;		/* of the plan that was made here */
} Statement;

/*
 * The setting allocation.distributed: the tables are distributed over several
 * nodes by SKU, and batch_skus by reference.
 */
extern bool tables_are_distributed;

/* How many buffers the statement took that ran last, beside what it took to plan it. */
extern int64 statement_buffers;

extern uint64 statement_execute(Statement *statement, const char *schema,
								const NullableDatum *values, DestReceiver *receiver);
extern void statement_settings_for_call(void);
_Noreturn extern void refuse_table(const char *table, const char *detail);

#endif							/* STATEMENT_H */
