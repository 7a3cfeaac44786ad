/*
 * searching.h
 *		Searches for batches that can meet demands, and the room of a batch, by which
 *		indexes find it.
 */
#ifndef SEARCHING_H
#define SEARCHING_H

#include "service_layer/repository.h"

extern int32 room_of_batch(int32 purchased_quantity, int32 allocated_quantity, int32 shipped_quantity);
extern void search_first_batches(Repository *repository, Demand demand, BatchVisitor visit, void *context);
extern void search_all_batches(Repository *repository, const Demand *demands, size_t n, BatchVisitor visit, void *context);

#endif							/* SEARCHING_H */
