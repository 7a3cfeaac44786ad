/*
 * vector.c
 *		Growing and sorting arrays.
 */
#include "service_layer/vector.h"

#include <stdlib.h>
#include <string.h>

/*
 * Growing
 */

/* Makes room for one more element behind n; the array then may be elsewhere.  There is room up to the next power of two. */
void *
grow_array(Repository *repository, void *elements, size_t n, size_t size)
{
	void	   *larger;

	if ((n & (n - 1)) != 0)
		return elements;
	larger = repository->allocate_memory(repository, (n > 0 ? 2 * n : 1) * size);
	if (n > 0)
		memcpy(larger, elements, n * size);
	return larger;
}

/* Appends an item. */
void
vector_append(Vector *vector, void *item)
{
	vector->items = grow_array(vector->repository, vector->items, vector->n, sizeof(void *));
	vector->items[vector->n++] = item;
}

/* Visitor: appends a copy of the line. */
bool
vector_add_line(void *vector, const StoredLine *line)
{
	StoredLine *copy = new_array(((Vector *) vector)->repository, StoredLine, 1);

	*copy = *line;
	vector_append(vector, copy);
	return true;
}

/* Visitor: appends a copy of the batch. */
Visit
vector_add_batch(void *vector, const StoredBatch *batch)
{
	StoredBatch *copy = new_array(((Vector *) vector)->repository, StoredBatch, 1);

	*copy = *batch;
	vector_append(vector, copy);
	return VISIT_NEXT;
}

/* Copies of the lines, as one array; the vector may be of stored lines, too. */
OrderLine *
vector_lines(const Vector *vector)
{
	OrderLine  *lines = new_array(vector->repository, OrderLine, vector->n);

	for (size_t i = 0; i < vector->n; i++)
		lines[i] = *(const OrderLine *) vector->items[i];
	return lines;
}

/*
 * Sorting
 */

/* So many elements are sorted at once; between them the caller can cancel. */
#define ELEMENTS_PER_SORT 65536

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Merges two sorted runs: the elements before the middle, and those from there on. */
static void
merge_runs(const char *from, char *to, size_t middle, size_t n, size_t size, Comparison compare)
{
	size_t		left = 0;
	size_t		right = middle;

	for (; left < middle || right < n; to += size)
	{
		bool		take_left = left < middle &&
			(right == n || compare(from + left * size, from + right * size) <= 0);

		memcpy(to, from + (take_left ? left++ : right++) * size, size);
	}
}

/* Sorts n elements, as qsort() does. */
void
sort_array(Repository *repository, void *elements, size_t n, size_t size, Comparison compare)
{
	char	   *from = elements;
	char	   *to;

	if (n < 2)
		return;
	for (size_t i = 0; i < n; i += ELEMENTS_PER_SORT)
	{
		qsort(from + i * size, smaller(n - i, ELEMENTS_PER_SORT), size, compare);
		repository->check_cancelled(repository);
	}
	if (n <= ELEMENTS_PER_SORT)
		return;

	to = repository->allocate_memory(repository, n * size);
	for (size_t sorted = ELEMENTS_PER_SORT; sorted < n; sorted *= 2)
	{
		char	   *merged = to;

		for (size_t i = 0; i < n; i += 2 * sorted)
			merge_runs(from + i * size, to + i * size, smaller(n - i, sorted), smaller(n - i, 2 * sorted), size, compare);
		to = from;
		from = merged;
		repository->check_cancelled(repository);
	}
	if (from != elements)
		memcpy(elements, from, n * size);
}

/* Sorts the items; the comparison gets pointers to them. */
void
vector_sort(Vector *vector, Comparison compare)
{
	sort_array(vector->repository, vector->items, vector->n, sizeof(void *), compare);
}
