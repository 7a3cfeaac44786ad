/*
 * test_moving.c
 *		deallocate() and deallocate_order() give units back; reallocate_sku() offers
 *		them to the lines that wait or would come earlier.
 */
#include "helpers.h"

/*
 * deallocate, deallocate_order
 */

static void
test_deallocating_gives_the_units_back_and_forgets_the_line(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 10));
	waits(LAMPS("o2", 1));
	assert_served(deallocated("o1"), "b1");
	assert_allocated("b1", 0);
	assert_served(deallocated("o2"), NULL);
	assert_int_equal(fake->tables.nlines, 0);
}

static void
test_an_unknown_line_is_not_deallocated(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 10));
	assert_refused(deallocated("o2"), UNKNOWN_ORDER_LINE);
	assert_refused(deallocate(&fake->uow, "o1", CHAIR), UNKNOWN_ORDER_LINE);
	assert_allocated("b1", 10);
}

static void
test_an_expired_hold_is_forgotten_but_was_not_there(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("cart", 4, HELD));
	holds_expire();
	assert_refused(deallocated("cart"), UNKNOWN_ORDER_LINE);
	assert_allocated("b1", 0);
	assert_int_equal(fake->tables.nlines, 0);
}

static void
test_all_lines_of_an_order_are_deallocated_by_sku(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 4), LINE("o1", CHAIR, 9), LAMPS("o2", 1)};

	stocked("lamps", 6);
	bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 6});
	allocate_lines(&fake->uow, lines, 3, false);
	assert_told(deallocate_order(&fake->uow, "o1"), "o1 -, o1 lamps");
	assert_allocated("lamps", 1);
	assert_int_equal(fake->tables.nlines, 1);
	assert_told(deallocate_order(&fake->uow, "o1"), "");
}

static void
test_what_has_shipped_is_not_given_back(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 5));
	shipped("o1", 2);
	assert_refused(deallocated("o1"), ALREADY_SHIPPED);
	assert_refused(deallocate_order(&fake->uow, "o1").refused, ALREADY_SHIPPED);
	assert_refused(reallocated(LAMPS("o1", 1)), ALREADY_SHIPPED);
	/* the open part can be */
	assert_served(reallocated(LAMPS("o1", 2)), "b1");
	assert_served(reallocated(LAMPS("o1", 2)), "b1");
	assert_allocated("b1", 2);
	/* then nothing is left that could be moved */
	assert_refused(reallocated(LAMPS("o1", SAME_QUANTITY)), ALREADY_SHIPPED);
}

/*
 * reallocate_sku
 */

static void
test_lines_that_wait_are_served_in_their_turn(void **state)
{
	stocked("none", 0);
	waits(LAMPS("o3", 2));
	waits(LAMPS("o2", 5));
	waits(LAMPS("o1", 1));
	stocked("new", 4);
	/* a small line passes a large one */
	assert_told(served_queue(), "o3 new, o1 new");
	assert_line("o2", 5, NULL);
	assert_allocated("new", 3);
	assert_told(served_queue(), "");
	assert_refused(reallocate_sku(&fake->uow, "NO").refused, INVALID_SKU);
}

static void
test_lines_are_offered_an_earlier_day_and_leave_room_behind(void **state)
{
	under_way("day-5", 2, 5);
	under_way("day-9", 2, 9);
	allocated(LAMPS("o1", 2));
	allocated(LAMPS("o2", 2));
	waits(LAMPS("o3", 2));
	stocked("new", 2);
	assert_told(served_queue(), "o1 new, o2 day-5, o3 day-9");
	assert_allocated("new", 2);
	assert_allocated("day-5", 2);
	assert_allocated("day-9", 2);
}

/* So no line is overtaken. */
static void
test_room_that_a_line_leaves_is_also_for_earlier_turns(void **state)
{
	under_way("day-5", 3, 5);
	allocated(LAMPS("o0", 1));
	waits(LAMPS("o1", 3));
	allocated(LAMPS("o2", 1));
	allocated(LAMPS("o3", 1));
	stocked("new", 2);
	assert_told(served_queue(), "o0 new, o2 new");
	assert_line("o1", 3, NULL);
	stocked("more", 1);
	assert_told(served_queue(), "o1 day-5, o3 more");
}

static void
test_no_line_gets_a_later_batch_or_one_after_its_date(void **state)
{
	under_way("day-5", 5, 5);
	allocated(LAMPS("urgent", 1, BY(6)));
	allocated(LAMPS("o1", 1));
	rescheduled("day-5", 8);
	under_way("day-7", 5, 7);
	bought((Batch) {.reference = "a", .sku = LAMP, .purchased_quantity = 9, .eta = 8, .rank = -1});
	/* nothing is in time for the urgent line; a lower rank is no reason to move */
	assert_told(served_queue(), "o1 day-7");
	assert_told(served_queue(), "");
	under_way("day-6", 5, 6);
	assert_told(served_queue(), "urgent day-6, o1 day-6");
}

static void
test_a_line_on_a_blocked_batch_is_offered_any(void **state)
{
	stocked("recalled", 5);
	allocated(LAMPS("o1", 1));
	rescheduled("recalled", NEVER);
	under_way("day-5", 5, 5);
	assert_told(served_queue(), "o1 day-5");
	assert_allocated("recalled", 0);
}

static void
test_lines_that_wait_get_the_units_of_expired_holds(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("cart", 5, HELD));
	waits(LAMPS("o1", 3));
	waits(LAMPS("cart-2", 1, HELD));
	holds_expire();
	assert_told(served_queue(), "o1 b1");
	assert_line("cart-2", 1, NULL);
	assert_allocated("b1", 3);
}

static void
test_a_line_keeps_its_turn_when_it_is_moved_and_reallocated(void **state)
{
	under_way("b1", 5, 1);
	allocated(LAMPS("o1", 2));
	allocated(LAMPS("o2", 2));
	reallocated(LAMPS("o1", 3));
	stocked("b2", 5);
	assert_told(served_queue(), "o1 b2, o2 b2");
	assert_told(resized("b2", 3), "o2 b1");
}

#include "main.h"
