/*
 * execution.h
 *		Runs the statements of the repository: for one element, or for many.
 */
#ifndef EXECUTION_H
#define EXECUTION_H

#include "adapters/mapping.h"
#include "adapters/spi_repository.h"
#include "adapters/statement.h"

extern uint64 execute_statement(Repository *repository, Statement *statement, const NullableDatum *values, Reader *reader);
extern uint64 execute_for_each(Repository *repository, StatementPair *pair, Values values_of, const void *elements, size_t n,
							   Reader *reader);
extern bool execute_to_find_batch(Repository *repository, Statement *statement, const NullableDatum *key,
								  StoredBatch *batch);
extern void spi_repository_show_progress(SpiRepository *self, size_t lines_done);

#endif							/* EXECUTION_H */
