/*
 * serving.h
 *		What the use cases on many lines share.  All of it is in memory of the
 *		repository.
 */
#ifndef SERVING_H
#define SERVING_H

#include "repository.h"

typedef struct LineList
{
	Repository *repository;
	OrderLine  *lines;
	size_t		n;
} LineList;

typedef struct BatchList
{
	Repository *repository;
	Batch	   *batches;
	size_t		n;
} BatchList;

/* Lines by SKU, and what they take from batches that are visited in the same order. */
typedef struct Serving
{
	Repository *repository;
	OrderLine **lines;
	size_t		nlines;
	size_t		next;			/* the first line behind the queue */
	LineQueue	queue;			/* the lines of one SKU */
	uint32_t   *queue_memory;
	const char *passed_over;	/* a batch that serves none, or NULL */
	bool		waits;			/* others are taking from a batch that serves */
	BatchList	taken;			/* batches put off, all equally good: others are taking from them */
	Charge	   *charges;
	size_t		ncharges;
} Serving;

extern bool list_line(void *context, const OrderLine *line);
extern OrderLine **pointers_to(Repository *repository, OrderLine *lines, size_t n);
extern void sort(Repository *repository, void *elements, size_t n, size_t size,
				 int (*compare) (const void *a, const void *b));

extern Serving begin_serving(Repository *repository, OrderLine **lines, size_t n);
extern bool serve_from_batch(void *context, const Batch *batch);
extern void add_charge(Serving *serving, const Batch *batch, int32_t units);
extern void end_serving(Serving *serving);
extern int	compare_charges(const void *a, const void *b);

#endif							/* SERVING_H */
