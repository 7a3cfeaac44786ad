/*
 * queues.h
 *		Where those meet who leave lines of a SKU waiting and those who serve them.
 */
#ifndef QUEUES_H
#define QUEUES_H

#include "adapters/installation.h"

#define QUEUES_LOCKED_ONE_BY_ONE 16

/* Which queues are to be locked: of some SKUs, by hashes of these, or all there are. */
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
