/*
 * test_vector.c
 *		Sorting, also of more elements than are sorted at once.
 */
#include "helpers.h"
#include "service_layer/vector.h"

static int
compare_numbers(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

static void
test_arrays_of_any_length_are_sorted(void **state)
{
	static int	numbers[270000];
	const int	lengths[] = {0, 1, 2, 65536, 65537, 131072, 200000, 270000};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		int			n = lengths[i];

		/* 7919 is a prime that divides none of the lengths, so each number below n comes once */
		for (int j = 0; j < n; j++)
			numbers[j] = (int) ((j + 1) * INT64_C(7919) % n);
		sort_array(&fake->repository, numbers, (size_t) n, sizeof(int), compare_numbers);
		for (int j = 0; j < n; j++)
			assert_int_equal(numbers[j], j);
	}
}

#include "main.h"
