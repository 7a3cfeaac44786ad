/*
 * searching.h
 *		Searches for batches that can meet demands.
 */
#ifndef SEARCHING_H
#define SEARCHING_H

#include "service_layer/repository.h"

extern void search_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context);
extern void search_all_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context);

#endif							/* SEARCHING_H */
