/*
 * test_attempts.c
 *		What a call does once others have come in between, and where it leaves a
 *		line waiting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "service_layer/services.h"

#define CLOCK "RETRO-CLOCK"

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_set_up, fake_tear_down)

/* A shipment. */
static void
under_way(Fake *fake, const char *reference, int32_t qty, Day eta)
{
	fake->tables.batches[fake->tables.nbatches++].batch = (Batch) {
		.reference = reference, .sku = CLOCK, .purchased_quantity = qty, .eta = eta
	};
}

static LineResult
allocated(Fake *fake, const char *orderid, int32_t qty)
{
	return allocate(&fake->uow, &(OrderLine) {.orderid = orderid, .sku = CLOCK, .qty = qty});
}

/* Allocates the line, or leaves it waiting; says which batch it has got, or NULL. */
static const char *
allocated_or_waiting(Fake *fake, const char *orderid, int32_t qty)
{
	OrderLine	line = {.orderid = orderid, .sku = CLOCK, .qty = qty};

	assert_int_equal(allocate_lines(&fake->uow, &line, 1, false).refused.outcome, DONE);
	return line.batchref;
}

static void
assert_done(LineResult result, const char *batchref)
{
	assert_int_equal(result.outcome, DONE);
	assert_string_equal(result.line.batchref, batchref);
}

static void
sell_out(Fake *fake)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
		fake->tables.batches[i].batch.allocated_quantity = fake->tables.batches[i].batch.purchased_quantity;
}

/*
 * Locks
 *
 * Here, before each attempt others add a batch that comes sooner than all before:
 * on day 9 before the first, on day 8 before the second.  In these two attempts
 * they take it, too, before this session can.
 */

static void
others_take_it(Fake *fake)
{
	sell_out(fake);
	if (fake->attempts == 1)
		fake->interlope = others_take_it;
}

static void
others_add_a_better_batch(Fake *fake)
{
	static const char *const references[] = {"day-9", "day-8", "day-7", "day-6", "day-5", "day-4"};

	under_way(fake, references[fake->attempts - 1], 10, 10 - fake->attempts);
}

/* What the second attempt wanted, the third one locks; and what that wanted beside it, the fourth one locks, too. */
static void
test_what_was_wanted_is_locked_and_never_forgotten(void **state)
{
	Fake	   *fake = *state;

	fake->come_before = others_add_a_better_batch;
	fake->interlope = others_take_it;
	allocated(fake, "order-1", 10);
	assert_string_equal(fake->locks, "batch day-6, batch day-7, batch day-8");
}

/* The fifth attempt does not even want the batch of day 5. */
static void
test_the_fifth_attempt_chooses_among_locked_batches(void **state)
{
	Fake	   *fake = *state;

	fake->come_before = others_add_a_better_batch;
	fake->interlope = others_take_it;
	assert_done(allocated(fake, "order-1", 10), "day-6");
	assert_int_equal(fake->attempts, 5);
}

static void
others_buy_all_before_the_fifth_attempt(Fake *fake)
{
	if (fake->attempts == 5)
		sell_out(fake);
	others_add_a_better_batch(fake);
}

static void
test_another_batch_joins_before_a_line_is_refused(void **state)
{
	Fake	   *fake = *state;

	fake->come_before = others_buy_all_before_the_fifth_attempt;
	fake->interlope = others_take_it;
	assert_done(allocated(fake, "order-1", 10), "day-5");
	assert_int_equal(fake->attempts, 6);
}

static void
test_another_batch_joins_before_a_line_waits(void **state)
{
	Fake	   *fake = *state;

	fake->come_before = others_buy_all_before_the_fifth_attempt;
	fake->interlope = others_take_it;
	assert_string_equal(allocated_or_waiting(fake, "order-1", 10), "day-5");
	assert_int_equal(fake->attempts, 6);
}

static void
others_leave_three_units_before_the_fifth_attempt(Fake *fake)
{
	others_add_a_better_batch(fake);
	if (fake->attempts < 5)
		return;
	sell_out(fake);
	fake_batch(fake, "day-5")->allocated_quantity = 7;
}

/* Nor does a refusal pass over batches that are not locked. */
static void
test_refusals_are_exact(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	fake->come_before = others_leave_three_units_before_the_fifth_attempt;
	fake->interlope = others_take_it;
	result = allocated(fake, "order-1", 10);
	assert_int_equal(result.outcome, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 3);
	assert_int_equal(fake->attempts, 5);
}

static void
others_change_order_1(Fake *fake)
{
	fake_touch_line(fake, "order-1", CLOCK);
	if (fake->attempts == 1)
		fake->interlope = others_change_order_1;
}

static void
test_batches_are_locked_before_lines(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-2", 10, 2);
	allocated(fake, "order-1", 5);
	under_way(fake, "batch-1", 10, 1);
	fake->interlope = others_change_order_1;
	reallocate(&fake->uow, &(OrderLine) {.orderid = "order-1", .sku = CLOCK, .qty = 5});
	assert_string_equal(fake->locks, "batch batch-1, batch batch-2, line order-1");
}

/*
 * Queues
 */

static void
others_add_batch_9(Fake *fake)
{
	under_way(fake, "batch-9", 10, 1);
}

static void
test_who_leaves_no_line_waiting_joins_no_queue(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 10, 1);
	assert_string_equal(allocated_or_waiting(fake, "order-1", 10), "batch-1");
	assert_int_equal(fake->njoined, 0);
}

static void
test_who_leaves_a_line_waiting_joins_its_queue(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 9, 1);
	assert_null(allocated_or_waiting(fake, "order-1", 10));
	assert_int_equal(fake->njoined, 1);
	assert_int_equal(fake->attempts, 1);
}

static void
test_each_queue_is_joined_once(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {
		{.orderid = "order-1", .sku = CLOCK, .qty = 1}, {.orderid = "order-1", .sku = "LAMP", .qty = 1},
		{.orderid = "order-2", .sku = CLOCK, .qty = 1}
	};

	under_way(fake, "batch-1", 0, 1);
	under_way(fake, "batch-2", 0, 1);
	fake_batch(fake, "batch-2")->sku = "LAMP";
	allocate_lines(&fake->uow, lines, 3, false);
	assert_int_equal(fake->njoined, 2);
}

/* Whoever has served the queue before has not seen this line. */
static void
test_no_line_is_left_waiting_that_could_be_served_by_now(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 9, 1);
	fake->serve_queue = others_add_batch_9;
	assert_string_equal(allocated_or_waiting(fake, "order-1", 10), "batch-9");
	assert_int_equal(fake->attempts, 2);
}

static void
test_who_leaves_a_line_waiting_waits_for_who_serves_its_queue(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 9, 1);
	fake->is_queue_held = true;
	fake->serve_queue = others_add_batch_9;
	assert_string_equal(allocated_or_waiting(fake, "order-1", 10), "batch-9");
	assert_int_equal(fake->attempts, 3);
}

static void
test_a_line_that_leaves_its_batch_is_not_left_waiting_either(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 10, 1);
	allocated(fake, "order-1", 10);
	fake->serve_queue = others_add_batch_9;
	change_batch_quantity(&fake->uow, NULL, "batch-1", 0);
	assert_string_equal(fake_line(fake, "order-1", CLOCK)->batchref, "batch-9");
}

static void
test_who_serves_a_queue_holds_it(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 10, 1);
	reallocate_sku(&fake->uow, CLOCK);
	assert_string_equal(fake->locks, "queue RETRO-CLOCK");
}

/* With its SKU or without: lines may leave it, and whoever changes it may serve the queue next. */
static void
test_who_changes_a_batch_holds_the_queue(void **state)
{
	Fake	   *fake = *state;
	const char *const skus[] = {CLOCK, NULL};

	under_way(fake, "batch-1", 10, 1);
	for (int i = 0; i < 2; i++)
	{
		change_batch_quantity(&fake->uow, skus[i], "batch-1", 20 - i);
		assert_string_equal(fake->locks, "queue RETRO-CLOCK");
		change_batch_eta(&fake->uow, skus[i], "batch-1", 2 + i);
		assert_string_equal(fake->locks, "queue RETRO-CLOCK");
	}
}

static void
others_take_from_batch_1(Fake *fake)
{
	OrderLine	line = {
		.orderid = fake->attempts == 1 ? "order-2" : "order-3", .sku = CLOCK, .qty = 1, .batchref = "batch-1",
		.ordered_at = ++fake->tables.now
	};

	fake_add_line(fake, line);
	if (fake->attempts == 1)
		fake->interlope = others_take_from_batch_1;
}

static void
test_the_queue_is_held_before_anything_is_locked(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-1", 10, 1);
	allocated(fake, "order-1", 5);
	fake->interlope = others_take_from_batch_1;
	change_batch_quantity(&fake->uow, NULL, "batch-1", 0);
	assert_string_equal(fake->locks, "queue RETRO-CLOCK, batch batch-1, line order-1, line order-2, line order-3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_wanted_is_locked_and_never_forgotten),
		TEST(test_the_fifth_attempt_chooses_among_locked_batches),
		TEST(test_another_batch_joins_before_a_line_is_refused),
		TEST(test_another_batch_joins_before_a_line_waits),
		TEST(test_refusals_are_exact),
		TEST(test_batches_are_locked_before_lines),
		TEST(test_who_leaves_no_line_waiting_joins_no_queue),
		TEST(test_who_leaves_a_line_waiting_joins_its_queue),
		TEST(test_each_queue_is_joined_once),
		TEST(test_no_line_is_left_waiting_that_could_be_served_by_now),
		TEST(test_who_leaves_a_line_waiting_waits_for_who_serves_its_queue),
		TEST(test_a_line_that_leaves_its_batch_is_not_left_waiting_either),
		TEST(test_who_serves_a_queue_holds_it),
		TEST(test_who_changes_a_batch_holds_the_queue),
		TEST(test_the_queue_is_held_before_anything_is_locked),
	};

	return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
