/*
 * vector.h
 *		Arrays that grow, and sorting that can be cancelled, in memory of the
 *		repository.
 */
#ifndef VECTOR_H
#define VECTOR_H

#include "service_layer/repository.h"

/* Memory for n elements of a type. */
#define new_array(repository, type, n) ((type *) (repository)->allocate_memory((repository), (n) * sizeof(type)))

/* An array of pointers. */
typedef struct Vector
{
	Repository *repository;
	void	  **items;
	size_t		n;
} Vector;

typedef int (*Comparison) (const void *a, const void *b);

extern void *grow_array(Repository *repository, void *elements, size_t n, size_t size);
extern void sort_array(Repository *repository, void *elements, size_t n, size_t size, Comparison compare);

extern void vector_append(Vector *vector, void *item);
extern void vector_sort(Vector *vector, Comparison compare);
extern bool vector_add_line(void *vector, const StoredLine *line);
extern Visit vector_add_batch(void *vector, const StoredBatch *batch);
extern OrderLine *vector_lines(const Vector *vector);

#endif							/* VECTOR_H */
