/*
 * execution.h
 *		What the methods of the repository run: statements, on one value each or
 *		on arrays.
 */
#ifndef EXECUTION_H
#define EXECUTION_H

#include "adapters/parameters.h"
#include "adapters/rows.h"
#include "adapters/spi_repository.h"
#include "adapters/statement.h"

extern uint64 execute(Repository *repository, Statement *statement, const NullableDatum *values, Reader *reader);
extern uint64 execute_on_arrays(Repository *repository, Statement *statement, size_t n,
								const Column *columns, Reader *reader);
extern bool read_batch(Repository *repository, Statement *statement, const NullableDatum *key, Batch *batch);
extern void show_progress(SpiRepository *self, size_t lines_done);

#endif							/* EXECUTION_H */
