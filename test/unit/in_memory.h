/*
 * in_memory.h
 *		What the two storages in memory have in common: the fake of the unit tests
 *		and the store of the simulator (test/sim).
 */
#ifndef IN_MEMORY_H
#define IN_MEMORY_H

#include "service_layer/repository.h"

/* The most lines, and the most batches, of a storage in memory. */
#define MOST_ROWS 64

typedef bool (*LineCondition) (const OrderLine *line, const void *argument);
typedef bool (*BatchCondition) (const Batch *batch, const void *argument);

/*
 * What each storage does in its own way
 */

/* Reads all lines, or batches, that meet the condition; returns how many there are. */
extern size_t read_lines(Repository *repository, LineCondition condition, const void *argument, StoredLine *lines);
extern size_t read_batches(Repository *repository, BatchCondition condition, const void *argument,
						   StoredBatch *batches);

/* Begins to write to a batch; NULL if there is none that meets the condition. */
extern Batch *write_to_batch(Repository *repository, RowKey key, BatchCondition condition, const void *argument);

/*
 * What in_memory.c does for both, by these means
 */

extern void in_memory_init(Repository *repository);

extern int	in_memory_compare(RowKey a, RowKey b);
extern bool in_memory_can_be_improved(const OrderLine *line, const char *sku, const Batch *own);
extern bool in_memory_can_charge(const Batch *batch, const void *charge);
extern bool in_memory_can_ship(const Batch *batch, const void *charge);

#endif							/* IN_MEMORY_H */
