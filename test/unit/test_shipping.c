/*
 * test_shipping.c
 *		ship() and ship_order(): what has left the warehouse.
 */
#include "helpers.h"

static void
test_shipping_twice_is_shipping_once(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 5));
	assert_served(shipped("o1", 2), "b1");
	assert_served(shipped("o1", 2), "b1");
	assert_int_equal(fake_batch(fake, "b1")->shipped_quantity, 2);
	assert_allocated("b1", 5);
	assert_served(shipped("o1", SAME_QUANTITY), "b1");
	assert_served(shipped("o1", SAME_QUANTITY), "b1");
	assert_int_equal(fake_line(fake, "o1", LAMP)->shipped_qty, 5);
	/* the line stays known */
	assert_served(allocated(LAMPS("o1", 5)), "b1");
	assert_allocated("b1", 5);
}

static void
test_no_less_than_before_ships_and_no_more_than_the_line_has(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 5));
	allocated(LAMPS("cart", 1, HELD));
	shipped("o1", 2);
	holds_expire();
	assert_refused(shipped("o1", 1), ALREADY_SHIPPED);
	assert_refused(shipped("o1", 6), SHIPS_TOO_MUCH);
	assert_refused(shipped("o2", 1), UNKNOWN_ORDER_LINE);
	assert_refused(shipped("cart", 1), UNKNOWN_ORDER_LINE);
	assert_int_equal(fake_batch(fake, "b1")->shipped_quantity, 2);
}

static void
test_only_what_is_in_the_warehouse_ships(void **state)
{
	LineResult	result;

	under_way("day-5", 2, 5);
	allocated(LAMPS("o1", 2));
	waits(LAMPS("o2", 2));
	result = shipped("o1", SAME_QUANTITY);
	assert_refused(result, NOT_IN_WAREHOUSE);
	assert_int_equal(result.eta, 5);
	result = shipped("o2", SAME_QUANTITY);
	assert_refused(result, NOT_IN_WAREHOUSE);
	assert_null(result.line.batchref);
	rescheduled("day-5", IN_WAREHOUSE);
	assert_served(shipped("o1", SAME_QUANTITY), "day-5");
}

static void
test_a_part_that_has_shipped_has_shipped_though_the_rest_waits(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("o1", 5));
	shipped("o1", 2);
	resized("b1", 2);
	assert_served(shipped("o1", 2), NULL);
	assert_refused(shipped("o1", 3), NOT_IN_WAREHOUSE);
}

static void
test_what_ships_is_no_longer_held(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("cart", 4, HELD));
	shipped("cart", 1);
	holds_expire();
	assert_refused(allocated(LAMPS("o1", 2)), OUT_OF_STOCK);
}

static void
test_an_order_ships_whole_or_as_far_as_it_can(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 1), LINE("o1", CHAIR, 2), LINE("o1", "TABLE", 3)};
	LinesResult result;

	stocked("lamps", 1);
	bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 2});
	bought((Batch) {.reference = "tables", .sku = "TABLE", .purchased_quantity = 3, .eta = 1});
	allocate_lines(&fake->uow, lines, 3, true);
	result = ship_order(&fake->uow, "o1", true);
	assert_refused(result.refused, NOT_IN_WAREHOUSE);
	assert_string_equal(result.refused.line.sku, "TABLE");
	assert_int_equal(fake_batch(fake, "lamps")->shipped_quantity, 0);
	shipped("o1", SAME_QUANTITY);
	assert_told(ship_order(&fake->uow, "o1", false), "o1 chairs, o1 lamps");
	assert_told(ship_order(&fake->uow, "o1", false), "o1 chairs, o1 lamps");
	assert_int_equal(fake_batch(fake, "chairs")->shipped_quantity, 2);
	rescheduled("tables", IN_WAREHOUSE);
	assert_told(ship_order(&fake->uow, "o1", true), "o1 chairs, o1 lamps, o1 tables");
	assert_int_equal(fake->attempts, 1);
	assert_told(ship_order(&fake->uow, "no", true), "");
}

static void
other_session_blocks_the_batch(Fake *fake)
{
	fake_batch(fake, "b1")->eta = NEVER;
}

static void
test_what_is_blocked_meanwhile_does_not_ship(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("o1", 3));
	fake->interlope = other_session_blocks_the_batch;
	assert_refused(shipped("o1", SAME_QUANTITY), NOT_IN_WAREHOUSE);
}

#include "main.h"
