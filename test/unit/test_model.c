/*
 * test_model.c
 *		The rules of the domain, one test each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "domain/claims.h"

/* Is a line of so many served from a batch of so many, of which some are taken? */
static bool
is_served(Batch batch, OrderLine line)
{
	Claim		claim = {.line = &line, .deadline = line_deadline(&line)};
	Claims		claims = {.all = &claim, .n = 1};

	batch.sku = line.sku = "LAMP";
	if (claims_advance(&claims, &batch))
		claims_meet(&claims, &batch);
	assert_ptr_equal(claim.batch, line.batchref ? &batch : NULL);
	return line.batchref != NULL;
}

static bool
can_allocate(int32_t purchased, int32_t qty)
{
	return is_served((Batch) {.reference = "batch-1", .purchased_quantity = purchased}, (OrderLine) {.qty = qty});
}

static void
test_can_allocate_if_available_greater_than_required(void **state)
{
	assert_true(can_allocate(20, 2));
}

static void
test_can_allocate_if_available_equal_to_required(void **state)
{
	assert_true(can_allocate(2, 2));
}

static void
test_cannot_allocate_if_available_smaller_than_required(void **state)
{
	assert_false(can_allocate(2, 20));
}

static void
test_the_largest_quantities_do_not_overflow(void **state)
{
	assert_true(can_allocate(INT32_MAX, INT32_MAX));
	assert_false(can_allocate(INT32_MAX - 1, INT32_MAX));
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
test_what_has_shipped_is_neither_charged_nor_given_back(void **state)
{
	Batch		batch = {.reference = "batch-1", .purchased_quantity = 20};
	OrderLine	line = {.qty = 5, .shipped_qty = 2};

	batch_allocate(&batch, &line);
	assert_int_equal(batch.allocated_quantity, 3);
	batch_deallocate(&batch, &line);
	assert_int_equal(batch.allocated_quantity, 0);
}

static void
test_a_line_with_a_date_takes_no_batch_that_comes_later(void **state)
{
	OrderLine	line = {.qty = 1, .needed_by = 5};
	Batch		batch = {.reference = "batch-1", .purchased_quantity = 1};

	assert_true(is_served(batch, line));
	batch.eta = 5;
	assert_true(is_served(batch, line));
	batch.eta = 6;
	assert_false(is_served(batch, line));
	line.needed_by = 0;
	assert_true(is_served(batch, line));
}

static void
test_nobody_gets_any_of_a_blocked_batch(void **state)
{
	Batch		batch = {.reference = "batch-1", .purchased_quantity = 1, .eta = NEVER};

	assert_false(is_served(batch, (OrderLine) {.qty = 1}));
	assert_false(is_served(batch, (OrderLine) {.qty = 1, .needed_by = NO_DEADLINE}));
}

static void
test_a_hold_expires_at_its_moment(void **state)
{
	assert_false(line_is_expired(&(OrderLine) {.held_until = 10}, 9));
	assert_true(line_is_expired(&(OrderLine) {.held_until = 10}, 10));
	assert_false(line_is_expired(&(OrderLine) {.held_until = 0}, 10));
}

/* Would a batch on that day be better for the line than its own? */
static bool
is_better(OrderLine line, const Batch *own, Batch batch)
{
	return batch_comes_by(&batch, line_deadline_to_improve(&line, own));
}

static void
test_better_is_an_earlier_day_or_any_in_time_for_what_is_late_or_waits(void **state)
{
	OrderLine	line = {.qty = 1};
	OrderLine	urgent = {.qty = 1, .needed_by = 5};
	Batch		warehouse = {.reference = "a"};
	Batch		day_4 = {.eta = 4};
	Batch		day_5 = {.eta = 5};
	Batch		day_6 = {.eta = 6, .rank = 1};
	Batch		also_day_6 = {.eta = 6};
	Batch		blocked = {.eta = NEVER};

	assert_true(is_better(line, NULL, day_6));
	assert_true(is_better(line, &day_6, day_5));
	assert_true(is_better(line, &blocked, day_6));
	assert_false(is_better(line, &day_6, also_day_6));
	assert_false(is_better(line, &warehouse, warehouse));

	assert_true(is_better(urgent, &day_6, day_5));
	assert_true(is_better(urgent, NULL, day_5));
	assert_false(is_better(urgent, &blocked, day_6));
	assert_true(is_better(urgent, &day_5, day_4));
	assert_false(is_better(urgent, &day_5, day_5));
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
					 (Batch) {.reference = "a", .eta = 1});
}

static void
test_earlier_shipments_precede_later_ones(void **state)
{
	assert_preferred((Batch) {.reference = "z", .eta = 1},
					 (Batch) {.reference = "a", .eta = 2});
}

static void
test_on_the_same_day_the_lowest_rank_goes_first(void **state)
{
	assert_preferred((Batch) {.reference = "z", .rank = -1}, (Batch) {.reference = "a"});
	assert_preferred((Batch) {.reference = "z", .eta = 1},
					 (Batch) {.reference = "a", .eta = 1, .rank = 1});
	assert_preferred((Batch) {.reference = "z", .eta = 1, .rank = INT32_MAX},
					 (Batch) {.reference = "a", .eta = 2, .rank = INT32_MIN});
}

static void
test_ties_are_decided_by_reference(void **state)
{
	assert_preferred((Batch) {.reference = "a"}, (Batch) {.reference = "b"});
	assert_preferred((Batch) {.reference = "a", .eta = 1},
					 (Batch) {.reference = "b", .eta = 1});
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
		cmocka_unit_test(test_the_largest_quantities_do_not_overflow),
		cmocka_unit_test(test_allocating_reduces_the_available_quantity),
		cmocka_unit_test(test_deallocating_gives_back),
		cmocka_unit_test(test_a_batch_is_overallocated_once_it_holds_less_than_it_promised),
		cmocka_unit_test(test_the_warehouse_precedes_shipments),
		cmocka_unit_test(test_earlier_shipments_precede_later_ones),
		cmocka_unit_test(test_what_has_shipped_is_neither_charged_nor_given_back),
		cmocka_unit_test(test_a_line_with_a_date_takes_no_batch_that_comes_later),
		cmocka_unit_test(test_nobody_gets_any_of_a_blocked_batch),
		cmocka_unit_test(test_a_hold_expires_at_its_moment),
		cmocka_unit_test(test_better_is_an_earlier_day_or_any_in_time_for_what_is_late_or_waits),
		cmocka_unit_test(test_on_the_same_day_the_lowest_rank_goes_first),
		cmocka_unit_test(test_ties_are_decided_by_reference),
		cmocka_unit_test(test_no_batch_precedes_itself),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
