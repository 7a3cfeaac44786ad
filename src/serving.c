/*
 * serving.c
 *		What the use cases on many lines share: lists, sorting, and serving lines
 *		from batches.
 */
#include "serving.h"

#include <stdlib.h>
#include <string.h>

/*
 * Lists
 */

/* The elements, n so far, with room for one more. */
static void *
enlarge(Repository *repository, void *elements, size_t n, size_t size)
{
	void	   *larger;

	if ((n & (n - 1)) != 0)
		return elements;		/* there is room up to the next power of two */
	larger = repository->allocate_memory(repository, (n > 0 ? 2 * n : 1) * size);
	if (n > 0)
		memcpy(larger, elements, n * size);
	return larger;
}

/* Appends the line to a list of lines. */
bool
list_line(void *context, const OrderLine *line)
{
	LineList   *list = context;

	list->lines = enlarge(list->repository, list->lines, list->n, sizeof(OrderLine));
	list->lines[list->n++] = *line;
	return true;
}

/* Where each of n lines is. */
OrderLine **
pointers_to(Repository *repository, OrderLine *lines, size_t n)
{
	OrderLine **pointers = repository->allocate_memory(repository, n * sizeof(OrderLine *));

	for (size_t i = 0; i < n; i++)
		pointers[i] = &lines[i];
	return pointers;
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
merge(const char *from, char *to, size_t middle, size_t n, size_t size,
	  int (*compare) (const void *a, const void *b))
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
sort(Repository *repository, void *elements, size_t n, size_t size,
	 int (*compare) (const void *a, const void *b))
{
	char	   *from = elements;
	char	   *to;

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
 * Serving lines from batches
 */

static bool
list_batch(void *context, const Batch *batch)
{
	BatchList  *list = context;

	list->batches = enlarge(list->repository, list->batches, list->n, sizeof(Batch));
	list->batches[list->n++] = *batch;
	return true;
}

static void
queue_next_sku(Serving *serving)
{
	OrderLine **first = serving->lines + serving->next;
	size_t		n = 0;

	while (serving->next + n < serving->nlines && strcmp(first[n]->sku, first[0]->sku) == 0)
		n++;
	serving->next += n;
	line_queue_init(&serving->queue, first, n, serving->queue_memory);
}

/* Begins to serve lines, at least one, that are sorted by SKU. */
Serving
begin_serving(Repository *repository, OrderLine **lines, size_t n)
{
	Serving		serving = {.repository = repository, .lines = lines, .nlines = n, .taken.repository = repository};

	serving.queue_memory = repository->allocate_memory(repository, line_queue_size(n) * sizeof(uint32_t));
	queue_next_sku(&serving);
	return serving;
}

/* Records a charge; there is none without units. */
void
add_charge(Serving *serving, const Batch *batch, int32_t units)
{
	if (units == 0)
		return;
	serving->charges = enlarge(serving->repository, serving->charges, serving->ncharges, sizeof(Charge));
	serving->charges[serving->ncharges++] = (Charge) {batch->sku, batch->reference, units, batch->place};
}

static void
serve_from(Serving *serving, const Batch *batch)
{
	Batch		serving_batch = *batch;

	add_charge(serving, batch, line_queue_serve(&serving->queue, &serving_batch));
}

/* Serves from the batches that were put off, beginning with any of them, so that not all wait for the same one. */
static void
serve_from_taken(Serving *serving)
{
	BatchList  *taken = &serving->taken;
	uint32_t	first = taken->n > 0 ? serving->repository->random_below(serving->repository, (uint32_t) taken->n) : 0;

	for (size_t i = taken->n, ncharges = serving->ncharges; i > 0; i--)
	{
		serve_from(serving, &taken->batches[(first + i - 1) % taken->n]);
		serving->waits |= serving->ncharges > ncharges;
	}
	taken->n = 0;
}

/*
 * Serves from one batch all the lines that it can; of equally good ones, those
 * last that others are taking from.  Ends once no line is left to serve.
 */
bool
serve_from_batch(void *context, const Batch *batch)
{
	Serving    *serving = context;
	BatchList  *taken = &serving->taken;

	if (serving->passed_over && strcmp(batch->reference, serving->passed_over) == 0)
		return true;
	if (taken->n > 0 &&
		(strcmp(taken->batches[0].sku, batch->sku) != 0 || !batch_is_as_good_as(&taken->batches[0], batch)))
		serve_from_taken(serving);
	/* What no batch is left of is passed over. */
	while (strcmp(serving->queue.lines[0]->sku, batch->sku) != 0)
	{
		if (serving->next == serving->nlines)
			return false;
		queue_next_sku(serving);
	}
	if (batch->is_taken)
		list_batch(taken, batch);
	else
		serve_from(serving, batch);
	return serving->next < serving->nlines || !line_queue_is_empty(&serving->queue);
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

/* Ends it: all batches have been visited.  The charges are in lock order then. */
void
end_serving(Serving *serving)
{
	serve_from_taken(serving);
	sort(serving->repository, serving->charges, serving->ncharges, sizeof(Charge), compare_charges);
}
