/*
 * execution.h
 *		Runs the statements of the repository: for one element, or for many.
 */
#ifndef EXECUTION_H
#define EXECUTION_H

#include "adapters/attempt.h"
#include "adapters/mapping.h"
#include "adapters/statement.h"

/*
 * So many elements are handed to a statement at once.  In between the caller can
 * cancel, and no array outgrows what PostgreSQL allows.
 */
#define ELEMENTS_PER_STATEMENT 1000

extern uint64 execute_statement(Repository *repository, Statement *statement, const NullableDatum *values, Reader *reader);
extern uint64 execute_for_each(Repository *repository, StatementPair *pair, Values values_of, const void *elements, size_t n,
							   Reader *reader);
extern bool execute_to_find_batch(Repository *repository, Statement *statement, const NullableDatum *values,
								  StoredBatch *batch);
extern bool execute_to_find_by_key(Repository *repository, StatementPair *pair, const RowKey *key, StoredBatch *batch);
extern bool execute_write(Repository *repository, Statement *statement, const NullableDatum *values);
extern bool execute_writes(Repository *repository, StatementPair *pair, Values values_of, const void *elements, size_t n);
extern void execute_refuse_suppressed_rows(uint64 nadded, size_t n);

#endif							/* EXECUTION_H */
