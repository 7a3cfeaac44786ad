/*
 * queues.h
 *		Locks of the queues in which the lines of a SKU wait.
 */
#ifndef QUEUES_H
#define QUEUES_H

#include "adapters/installation.h"

#define QUEUES_LOCKED_ONE_BY_ONE 16

/* The queues to lock: those of some SKUs, by their hashes, or all. */
typedef struct Queues
{
	bool		all;
	int			n;
	uint32		hashes[QUEUES_LOCKED_ONE_BY_ONE];
} Queues;

extern Queues queues_of(const Installation *installation, const char **skus, size_t n);
extern bool queues_include(const Queues *queues, const Queues *others);
extern bool queues_join(const Installation *installation, const Queues *queues, bool may_wait);
extern void queues_wait(const Installation *installation, const Queues *queues);
extern void queues_hold(const Installation *installation, const char *sku);

#endif							/* QUEUES_H */
