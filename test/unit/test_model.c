/*
 * test_model.c
 *		The rules of the domain, one test each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model.h"

/* Can a batch of so many small lamps serve a line of so many of that SKU? */
static bool
can_allocate(int32_t purchased, const char *sku, int32_t qty)
{
	Batch		batch = {.reference = "batch-1", .sku = "SMALL-LAMP", .purchased_quantity = purchased};
	OrderLine	line = {.orderid = "order-1", .sku = sku, .qty = qty};

	return batch_can_allocate(&batch, &line);
}

static void
test_can_allocate_if_available_greater_than_required(void **state)
{
	assert_true(can_allocate(20, "SMALL-LAMP", 2));
}

static void
test_can_allocate_if_available_equal_to_required(void **state)
{
	assert_true(can_allocate(2, "SMALL-LAMP", 2));
}

static void
test_cannot_allocate_if_available_smaller_than_required(void **state)
{
	assert_false(can_allocate(2, "SMALL-LAMP", 20));
}

static void
test_cannot_allocate_if_skus_do_not_match(void **state)
{
	assert_false(can_allocate(100, "EXPENSIVE-TOASTER", 10));
	assert_false(can_allocate(100, "small-lamp", 10));
	assert_false(can_allocate(100, "SMALL-LAMPS", 10));
}

static void
test_the_largest_quantities_do_not_overflow(void **state)
{
	assert_true(can_allocate(INT32_MAX, "SMALL-LAMP", INT32_MAX));
	assert_false(can_allocate(INT32_MAX - 1, "SMALL-LAMP", INT32_MAX));
}

static void
test_allocating_reduces_the_available_quantity(void **state)
{
	Batch		batch = {.reference = "batch-1", .sku = "SMALL-LAMP", .purchased_quantity = 20};
	OrderLine	line = {.orderid = "order-1", .sku = "SMALL-LAMP", .qty = 2};

	batch_allocate(&batch, &line);
	assert_int_equal(batch_available_quantity(&batch), 18);
	assert_string_equal(line.batchref, "batch-1");
}

static void
test_deallocating_gives_back(void **state)
{
	Batch		batch = {.reference = "batch-1", .sku = "SMALL-LAMP", .purchased_quantity = 20};
	OrderLine	line = {.orderid = "order-1", .sku = "SMALL-LAMP", .qty = 2};

	batch_allocate(&batch, &line);
	batch_deallocate(&batch, &line);
	assert_int_equal(batch_available_quantity(&batch), 20);
	assert_null(line.batchref);
}

static void
test_a_batch_is_overallocated_once_it_holds_less_than_it_promised(void **state)
{
	Batch		batch = {.purchased_quantity = 10, .allocated_quantity = 10};

	assert_false(batch_is_overallocated(&batch));
	batch.purchased_quantity = 9;
	assert_true(batch_is_overallocated(&batch));
}

static void
assert_preferred(Batch first, Batch second)
{
	assert_true(batch_precedes(&first, &second));
	assert_false(batch_precedes(&second, &first));
}

static void
test_the_warehouse_precedes_shipments(void **state)
{
	assert_preferred((Batch) {.reference = "z"},
					 (Batch) {.reference = "a", .under_way = true, .eta = INT32_MIN});
}

static void
test_earlier_shipments_precede_later_ones(void **state)
{
	assert_preferred((Batch) {.reference = "z", .under_way = true, .eta = 1},
					 (Batch) {.reference = "a", .under_way = true, .eta = 2});
}

static void
test_ties_are_decided_by_reference(void **state)
{
	assert_preferred((Batch) {.reference = "a"}, (Batch) {.reference = "b"});
	assert_preferred((Batch) {.reference = "a", .under_way = true, .eta = 1},
					 (Batch) {.reference = "b", .under_way = true, .eta = 1});
	/* byte by byte, as the index orders them */
	assert_preferred((Batch) {.reference = "B"}, (Batch) {.reference = "a"});
	assert_preferred((Batch) {.reference = "z"}, (Batch) {.reference = "\xc3\xa4"});
}

static void
test_no_batch_precedes_itself(void **state)
{
	Batch		batch = {.reference = "a"};

	assert_false(batch_precedes(&batch, &batch));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_can_allocate_if_available_greater_than_required),
		cmocka_unit_test(test_can_allocate_if_available_equal_to_required),
		cmocka_unit_test(test_cannot_allocate_if_available_smaller_than_required),
		cmocka_unit_test(test_cannot_allocate_if_skus_do_not_match),
		cmocka_unit_test(test_the_largest_quantities_do_not_overflow),
		cmocka_unit_test(test_allocating_reduces_the_available_quantity),
		cmocka_unit_test(test_deallocating_gives_back),
		cmocka_unit_test(test_a_batch_is_overallocated_once_it_holds_less_than_it_promised),
		cmocka_unit_test(test_the_warehouse_precedes_shipments),
		cmocka_unit_test(test_earlier_shipments_precede_later_ones),
		cmocka_unit_test(test_ties_are_decided_by_reference),
		cmocka_unit_test(test_no_batch_precedes_itself),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
