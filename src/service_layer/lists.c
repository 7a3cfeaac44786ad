/*
 * lists.c
 *		Lists, sorting, and the orders in which lines and batches are sorted.
 */
#include "service_layer/lists.h"

#include <stdlib.h>
#include <string.h>

/*
 * Lists
 */

/* Appends an item to the list. */
void
append(List *list, void *item)
{
	if ((list->n & (list->n - 1)) == 0) /* there is room up to the next power of two */
	{
		size_t		room = list->n > 0 ? 2 * list->n : 1;
		void	  **larger = list->repository->allocate_memory(list->repository, room * sizeof(void *));

		if (list->n > 0)
			memcpy(larger, list->items, list->n * sizeof(void *));
		list->items = larger;
	}
	list->items[list->n++] = item;
}

/* Appends the line to a list of lines. */
bool
list_line(void *context, const OrderLine *line)
{
	List	   *list = context;
	OrderLine  *copy = list->repository->allocate_memory(list->repository, sizeof(OrderLine));

	*copy = *line;
	append(list, copy);
	return true;
}

/* Appends the batch to a list of batches. */
bool
list_batch(void *context, const Batch *batch)
{
	List	   *list = context;
	Batch	   *copy = list->repository->allocate_memory(list->repository, sizeof(Batch));

	*copy = *batch;
	append(list, copy);
	return true;
}

/* The lines of a list, one behind the other. */
OrderLine *
lines_of(const List *list)
{
	OrderLine  *lines = list->repository->allocate_memory(list->repository, list->n * sizeof(OrderLine));

	for (size_t i = 0; i < list->n; i++)
		lines[i] = *(OrderLine *) list->items[i];
	return lines;
}

/*
 * Sorting
 */

/* So many elements are sorted at once; in between, the caller can cancel. */
#define ELEMENTS_PER_SORT 65536

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Merges what is sorted before and from the middle. */
static void
merge(const char *from, char *to, size_t middle, size_t n, size_t size, Comparison compare)
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

/* Sorts n elements, as qsort does. */
void
sort(Repository *repository, void *elements, size_t n, size_t size, Comparison compare)
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
			merge(from + i * size, to + i * size, smaller(n - i, sorted), smaller(n - i, 2 * sorted), size, compare);
		to = from;
		from = merged;
		repository->check_cancelled(repository);
	}
	if (from != elements)
		memcpy(elements, from, n * size);
}

/*
 * Orders
 */

/* The lock order of lines. */
int
compare_identities(const OrderLine *a, const OrderLine *b)
{
	int			order = strcmp(a->sku, b->sku);

	return order != 0 ? order : strcmp(a->orderid, b->orderid);
}

/* The same, of pointers to lines. */
int
compare_line_identities(const void *a, const void *b)
{
	return compare_identities(*(OrderLine *const *) a, *(OrderLine *const *) b);
}

/* By the batches that serve them, in the lock order of batches, pointers to lines that have one. */
int
compare_line_batches(const void *a, const void *b)
{
	const OrderLine *x = *(OrderLine *const *) a;
	const OrderLine *y = *(OrderLine *const *) b;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : strcmp(x->batchref, y->batchref);
}

/* By SKU and turn, pointers to lines. */
int
compare_line_turns(const void *a, const void *b)
{
	const OrderLine *x = *(OrderLine *const *) a;
	const OrderLine *y = *(OrderLine *const *) b;
	int			order = strcmp(x->sku, y->sku);

	if (order == 0)
		order = line_compare_turns(x, y);
	return order != 0 ? order : strcmp(x->orderid, y->orderid);
}

/* The lock order of batches. */
int
compare_charges(const void *a, const void *b)
{
	const Charge *x = a;
	const Charge *y = b;
	int			order = strcmp(x->sku, y->sku);

	return order != 0 ? order : strcmp(x->reference, y->reference);
}
