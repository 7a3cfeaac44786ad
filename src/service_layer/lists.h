/*
 * lists.h
 *		Lists, in memory of the repository, and their orders.
 */
#ifndef LISTS_H
#define LISTS_H

#include "service_layer/repository.h"

/* A list of pointers. */
typedef struct List
{
	Repository *repository;
	void	  **items;
	size_t		n;
} List;

typedef int (*Comparison) (const void *a, const void *b);

extern void append(List *list, void *item);
extern bool list_line(void *context, const OrderLine *line);
extern bool list_batch(void *context, const Batch *batch);
extern OrderLine *lines_of(const List *list);
extern void sort(Repository *repository, void *elements, size_t n, size_t size, Comparison compare);

extern int	compare_identities(const OrderLine *a, const OrderLine *b);
extern int	compare_line_identities(const void *a, const void *b);
extern int	compare_line_batches(const void *a, const void *b);
extern int	compare_line_turns(const void *a, const void *b);
extern int	compare_charges(const void *a, const void *b);

#endif							/* LISTS_H */
