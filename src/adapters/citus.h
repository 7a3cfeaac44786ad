/*
 * citus.h
 *		The repository over tables that Citus distributes over several nodes by SKU,
 *		as the setting allocation.distributed says.
 */
#ifndef CITUS_H
#define CITUS_H

#include "adapters/attempt.h"

extern void citus_set_up_library(void);
extern void citus_adapt(SpiRepository *self);

#endif							/* CITUS_H */
