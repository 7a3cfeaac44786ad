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
	const char *sql;			/* %1$s stands for the schema */
	Oid			types[MAX_PARAMETERS];
	int			nparameters;
	bool		is_fresh;		/* it sees what is there when it runs; others see what the active snapshot shows */
	SPIPlanPtr	plan;			/* NULL until it is first needed */
	char	   *schema;			/* for which the plan was made */
	int			generation;		/* of the plan that was made here */
} Statement;

extern uint64 statement_execute(Statement *statement, const char *schema,
								const NullableDatum *values, DestReceiver *receiver);
extern void statement_settings_for_call(void);
_Noreturn extern void refuse_table(const char *table, const char *detail);

#endif							/* STATEMENT_H */
