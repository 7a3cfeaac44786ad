/*
 * test_batches.c
 *		add_batch(), change_batch_quantity() and change_batch_eta(): a batch is bought,
 *		turns out larger or smaller, comes on another day or is blocked.
 */
#include "helpers.h"

/*
 * add_batch
 */

static void
test_a_known_reference_is_refused(void **state)
{
	Batch		again = {.reference = "b1", .sku = CHAIR, .purchased_quantity = 5};

	stocked("b1", 100);
	assert_int_equal(add_batch(&fake->uow, &again), BATCH_EXISTS);
	assert_int_equal(fake->tables.nbatches, 1);
	assert_string_equal(fake_batch(fake, "b1")->sku, LAMP);
}

static void
other_session_adds_b1(Fake *fake)
{
	fake_add_batch(fake, (Batch) {.reference = "b1", .sku = LAMP, .purchased_quantity = 1});
}

static void
test_a_reference_that_another_session_adds_just_now_is_refused(void **state)
{
	Batch		batch = {.reference = "b1", .sku = LAMP, .purchased_quantity = 100};

	fake->interlope = other_session_adds_b1;
	assert_int_equal(add_batch(&fake->uow, &batch), BATCH_EXISTS);
	assert_int_equal(fake_batch(fake, "b1")->purchased_quantity, 1);
}

/*
 * Both changes
 */

static void
test_only_a_known_batch_is_changed_and_only_under_its_own_sku(void **state)
{
	stocked("b1", 10);
	assert_refused(resized("no", 10).refused, UNKNOWN_BATCH);
	assert_refused(rescheduled("no", IN_WAREHOUSE).refused, UNKNOWN_BATCH);
	assert_refused(change_batch_quantity(&fake->uow, CHAIR, "b1", 20).refused, UNKNOWN_BATCH);
	assert_refused(change_batch_eta(&fake->uow, CHAIR, "b1", 5).refused, UNKNOWN_BATCH);
	assert_int_equal(fake_batch(fake, "b1")->purchased_quantity, 10);
	assert_int_equal(fake_batch(fake, "b1")->eta, IN_WAREHOUSE);

	assert_told(change_batch_quantity(&fake->uow, LAMP, "b1", 20), "");
	assert_told(change_batch_eta(&fake->uow, LAMP, "b1", 5), "");
	assert_int_equal(fake_batch(fake, "b1")->purchased_quantity, 20);
	assert_int_equal(fake_batch(fake, "b1")->eta, 5);
}

/*
 * change_batch_quantity
 */

static void
test_a_larger_batch_keeps_its_lines(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 10));
	assert_told(resized("b1", 12), "");
	assert_served(allocated(LAMPS("o2", 2)), "b1");
}

static void
test_from_a_smaller_batch_the_latest_turns_leave_just_enough_of_them(void **state)
{
	stocked("b1", 40);
	allocated(LAMPS("o1", 10));
	allocated(LAMPS("o2", 10));
	allocated(LAMPS("o3", 10));
	allocated(LAMPS("o4", 10));
	assert_told(resized("b1", 25), "o4 -, o3 -");
	assert_line("o4", 10, NULL);
	assert_line("o3", 10, NULL);
	assert_line("o2", 10, "b1");
	assert_line("o1", 10, "b1");
	assert_allocated("b1", 20);
	assert_int_equal(fake_batch(fake, "b1")->purchased_quantity, 25);
}

static void
test_lines_that_leave_are_moved_in_their_turn_or_wait(void **state)
{
	stocked("b1", 30);
	allocated(LAMPS("o1", 10));
	allocated(LAMPS("o2", 10));
	allocated(LAMPS("o3", 10));
	under_way("later", 15, 2);
	under_way("sooner", 15, 1);
	assert_told(resized("b1", 0), "o3 -, o2 later, o1 sooner");
	assert_line("o1", 10, "sooner");
	assert_line("o2", 10, "later");
	assert_line("o3", 10, NULL);
	assert_allocated("b1", 0);
	assert_allocated("sooner", 10);
	assert_allocated("later", 10);
}

static void
test_a_line_does_not_go_back_to_the_batch_that_it_leaves(void **state)
{
	stocked("b1", 17);
	allocated(LAMPS("o1", 7));
	allocated(LAMPS("o2", 8));
	allocated(LAMPS("o3", 2));
	assert_told(resized("b1", 10), "o3 -, o2 -");
}

static void
test_lines_that_leave_go_to_no_batch_after_their_date(void **state)
{
	stocked("b1", 4);
	under_way("day-5", 10, 5);
	allocated(LAMPS("o1", 2, BY(4)));
	allocated(LAMPS("o2", 2));
	assert_told(resized("b1", 0), "o2 day-5, o1 -");
}

static void
test_expired_holds_leave_first_and_untold(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("cart", 4, HELD));
	allocated(LAMPS("o1", 6));
	holds_expire();
	assert_told(resized("b1", 6), "");
	assert_line("o1", 6, "b1");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated("b1", 6);
}

static void
test_lines_that_leave_get_the_units_of_expired_holds(void **state)
{
	stocked("a", 5);
	allocated(LAMPS("o1", 5));
	stocked("b", 5);
	allocated(LAMPS("cart", 5, HELD));
	holds_expire();
	assert_told(resized("a", 0), "o1 b");
	assert_allocated("b", 5);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
test_a_batch_does_not_become_smaller_than_what_has_shipped(void **state)
{
	stocked("a", 5);
	allocated(LAMPS("o1", 5));
	shipped("o1", 2);
	assert_refused(resized("a", 1).refused, ALREADY_SHIPPED);
	/* the open part of the line leaves */
	assert_told(resized("a", 2), "o1 -");
	assert_allocated("a", 2);
	stocked("b", 3);
	assert_served(allocated(LAMPS("o1", 5)), "b");
	assert_allocated("b", 3);
	assert_served(shipped("o1", SAME_QUANTITY), "b");
	assert_int_equal(fake_batch(fake, "b")->shipped_quantity, 3);
}

/*
 * change_batch_eta
 */

static void
test_another_day_moves_no_line_and_says_whom_to_tell(void **state)
{
	under_way("ship", 10, 5);
	allocated(LAMPS("o2", 1));
	allocated(LAMPS("o1", 1));
	assert_told(rescheduled("ship", 9), "o2 ship, o1 ship");
	assert_int_equal(fake_batch(fake, "ship")->eta, 9);
	assert_told(rescheduled("ship", IN_WAREHOUSE), "o2 ship, o1 ship");
	assert_int_equal(fake_batch(fake, "ship")->eta, IN_WAREHOUSE);
}

static void
test_another_day_takes_expired_holds_back(void **state)
{
	under_way("ship", 10, 5);
	allocated(LAMPS("cart", 4, HELD));
	allocated(LAMPS("o1", 1));
	holds_expire();
	assert_told(rescheduled("ship", 9), "o1 ship");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated("ship", 1);
}

static void
test_a_batch_that_has_shipped_can_be_blocked_but_is_not_under_way(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 2));
	allocated(LAMPS("o2", 2));
	shipped("o1", SAME_QUANTITY);
	assert_refused(rescheduled("b1", 5).refused, ALREADY_SHIPPED);
	assert_told(rescheduled("b1", NEVER), "o2 b1");
	assert_refused(allocated(LAMPS("o3", 1)), OUT_OF_STOCK);
	assert_refused(shipped("o2", SAME_QUANTITY), NOT_IN_WAREHOUSE);
}

/*
 * batch_serves_lines
 */

static void
test_a_batch_serves_lines_while_they_are_tied_to_it(void **state)
{
	RowKey		batch = {LAMP, "b1"};

	stocked("b1", 10);
	assert_false(batch_serves_lines(&fake->uow, &batch));
	assert_false(batch_serves_lines(&fake->uow, NULL));
	allocated(LAMPS("o1", 10));
	assert_true(batch_serves_lines(&fake->uow, &batch));
	assert_true(batch_serves_lines(&fake->uow, NULL));
	resized("b1", 0);
	assert_false(batch_serves_lines(&fake->uow, NULL));
}

#include "main.h"
