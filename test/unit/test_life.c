/*
 * test_life.c
 *		The life of stock, against storage in memory: it arrives, is promised,
 *		held, waited for, moved and shipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "service_layer/services.h"

/*
 * The words of the tests
 */

#define LAMP "LAMP"

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_set_up, fake_tear_down)

/* A batch in the warehouse. */
static void
stocked(Fake *fake, const char *reference, int32_t qty)
{
	assert_int_equal(add_batch(&fake->uow, &(Batch) {
							   .reference = reference, .sku = LAMP, .purchased_quantity = qty
							   }), DONE);
}

/* A shipment that arrives on some day. */
static void
under_way(Fake *fake, const char *reference, int32_t qty, Day eta)
{
	assert_int_equal(add_batch(&fake->uow, &(Batch) {
							   .reference = reference, .sku = LAMP, .purchased_quantity = qty, .eta = eta
							   }), DONE);
}

static OrderLine
lamps(const char *orderid, int32_t qty)
{
	return (OrderLine) {.orderid = orderid, .sku = LAMP, .qty = qty};
}

static OrderLine
lamps_by(const char *orderid, int32_t qty, int32_t day)
{
	return (OrderLine) {.orderid = orderid, .sku = LAMP, .qty = qty, .needed_by = day};
}

/* Held from now on for so long, as the clock of the fake goes. */
static OrderLine
held_lamps(Fake *fake, const char *orderid, int32_t qty, int64_t duration)
{
	return (OrderLine) {.orderid = orderid, .sku = LAMP, .qty = qty, .held_until = fake->tables.now + duration};
}

/* All holds expire. */
static void
much_later(Fake *fake)
{
	fake->tables.now += 1000000;
}

static LineResult
allocated(Fake *fake, OrderLine line)
{
	return allocate(&fake->uow, &line);
}

/* Lines that wait from then on. */
static void
waits(Fake *fake, OrderLine line)
{
	assert_int_equal(allocate_lines(&fake->uow, &line, 1, false).refused.outcome, DONE);
	assert_null(line.batchref);
}

static void
assert_done(LineResult result, const char *batchref)
{
	assert_int_equal(result.outcome, DONE);
	if (batchref)
		assert_string_equal(result.line.batchref, batchref);
	else
		assert_null(result.line.batchref);
}

static void
assert_outcome(LineResult result, Outcome outcome)
{
	assert_int_equal(result.outcome, outcome);
}

/* Is the line stored with this batch (NULL: waiting)? */
static void
assert_batch(Fake *fake, const char *orderid, const char *batchref)
{
	OrderLine  *stored = fake_line(fake, orderid, LAMP);

	assert_non_null(stored);
	if (batchref)
		assert_string_equal(stored->batchref, batchref);
	else
		assert_null(stored->batchref);
}

static void
assert_allocated(Fake *fake, const char *reference, int32_t qty)
{
	assert_int_equal(fake_batch(fake, reference)->allocated_quantity, qty);
}

static void
assert_row(const LinesResult *result, size_t i, const char *orderid, const char *batchref)
{
	assert_true(i < result->nlines);
	assert_string_equal(result->lines[i].orderid, orderid);
	if (batchref)
		assert_string_equal(result->lines[i].batchref, batchref);
	else
		assert_null(result->lines[i].batchref);
}

/*
 * Dates
 */

static void
test_a_line_gets_no_batch_that_comes_after_its_date(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	under_way(fake, "day-5", 3, 5);
	under_way(fake, "day-9", 10, 9);
	under_way(fake, "blocked", 50, NEVER);
	assert_done(allocated(fake, lamps_by("o1", 2, 5)), "day-5");
	result = allocated(fake, lamps_by("o2", 2, 5));
	assert_outcome(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 1);
	assert_int_equal(result.eta, 9);
	result = allocated(fake, lamps_by("o2", 11, 20));
	assert_int_equal(result.most_available, 10);
	assert_int_equal(result.eta, NEVER);
	assert_done(allocated(fake, lamps_by("o2", 2, 9)), "day-9");
}

static void
test_a_date_stays_unless_another_is_given(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "day-5", 10, 5);
	assert_done(allocated(fake, lamps_by("o1", 2, 7)), "day-5");
	assert_done(allocated(fake, lamps("o1", 2)), "day-5");
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 7);
	assert_done(allocated(fake, lamps_by("o1", 2, 6)), "day-5");
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 6);
	assert_outcome(allocated(fake, lamps_by("o1", 2, 4)), DATE_CONFLICT);
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 6);
	assert_allocated(fake, "day-5", 2);
}

/* Its batch comes later than it was: asked again, the line is where it is. */
static void
test_the_date_that_a_line_has_conflicts_with_nothing(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "day-5", 10, 5);
	allocated(fake, lamps_by("o1", 2, 5));
	change_batch_eta(&fake->uow, NULL, "day-5", 8);
	assert_done(allocated(fake, lamps_by("o1", 2, 5)), "day-5");
	assert_outcome(allocated(fake, lamps_by("o1", 2, 6)), DATE_CONFLICT);
}

static void
test_reallocating_by_another_date(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "day-5", 10, 5);
	under_way(fake, "day-3", 1, 3);
	allocated(fake, lamps("o1", 2));
	assert_outcome(reallocate(&fake->uow, &(OrderLine) {
							  .orderid = "o1", .sku = LAMP, .needed_by = 4
							  }), OUT_OF_STOCK);
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 0);
	stocked(fake, "warehouse", 2);
	assert_done(reallocate(&fake->uow, &(OrderLine) {
						   .orderid = "o1", .sku = LAMP, .needed_by = 4
						   }), "warehouse");
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 4);
	assert_allocated(fake, "day-5", 0);
}

static void
test_lines_that_leave_go_to_no_batch_after_their_date(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "warehouse", 4);
	under_way(fake, "day-5", 10, 5);
	allocated(fake, lamps_by("o1", 2, 4));
	allocated(fake, lamps("o2", 2));
	result = change_batch_quantity(&fake->uow, NULL, "warehouse", 0);
	assert_int_equal(result.nlines, 2);
	assert_row(&result, 0, "o2", "day-5");
	assert_row(&result, 1, "o1", NULL);
}

/*
 * Arrival
 */

static void
test_a_new_day_moves_no_line_and_says_whom_to_tell(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	under_way(fake, "ship", 10, 5);
	allocated(fake, lamps("o2", 1));
	allocated(fake, lamps("o1", 1));
	result = change_batch_eta(&fake->uow, NULL, "ship", 9);
	assert_int_equal(result.nlines, 2);
	assert_row(&result, 0, "o2", "ship");
	assert_row(&result, 1, "o1", "ship");
	assert_int_equal(fake_batch(fake, "ship")->eta, 9);
	assert_int_equal(change_batch_eta(&fake->uow, NULL, "ship", IN_WAREHOUSE).nlines, 2);
	assert_int_equal(fake_batch(fake, "ship")->eta, IN_WAREHOUSE);
	assert_int_equal(change_batch_eta(&fake->uow, NULL, "no", IN_WAREHOUSE).refused.outcome, UNKNOWN_BATCH);
}

static void
test_a_new_day_takes_expired_holds_back(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "ship", 10, 5);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	allocated(fake, lamps("o1", 1));
	much_later(fake);
	assert_int_equal(change_batch_eta(&fake->uow, NULL, "ship", 9).nlines, 1);
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated(fake, "ship", 1);
}

static void
test_what_has_shipped_can_be_blocked_but_is_not_under_way(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 10);
	allocated(fake, lamps("o1", 2));
	allocated(fake, lamps("o2", 2));
	ship(&fake->uow, "o1", LAMP, SAME_QUANTITY);
	assert_int_equal(change_batch_eta(&fake->uow, NULL, "warehouse", 5).refused.outcome, ALREADY_SHIPPED);
	assert_int_equal(change_batch_eta(&fake->uow, NULL, "warehouse", NEVER).nlines, 1);
	assert_outcome(allocated(fake, lamps("o3", 1)), OUT_OF_STOCK);
	assert_outcome(ship(&fake->uow, "o2", LAMP, SAME_QUANTITY), NOT_IN_WAREHOUSE);
}

/*
 * The queue
 */

static void
test_lines_that_wait_are_served_in_their_turn(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "none", 0);
	waits(fake, lamps("o3", 2));
	waits(fake, lamps("o2", 5));
	waits(fake, lamps("o1", 1));
	stocked(fake, "new", 4);
	result = reallocate_sku(&fake->uow, LAMP);
	assert_int_equal(result.nlines, 2);
	assert_row(&result, 0, "o3", "new");
	assert_row(&result, 1, "o1", "new");	/* a small line passes a large one */
	assert_batch(fake, "o2", NULL);
	assert_allocated(fake, "new", 3);
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 0);
	assert_int_equal(reallocate_sku(&fake->uow, "NO").refused.outcome, INVALID_SKU);
}

static void
test_lines_are_offered_an_earlier_day_and_leave_room_behind(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	under_way(fake, "day-5", 2, 5);
	under_way(fake, "day-9", 2, 9);
	allocated(fake, lamps("o1", 2));
	allocated(fake, lamps("o2", 2));
	waits(fake, lamps("o3", 2));
	stocked(fake, "new", 2);
	result = reallocate_sku(&fake->uow, LAMP);
	assert_int_equal(result.nlines, 3);
	assert_row(&result, 0, "o1", "new");
	assert_row(&result, 1, "o2", "day-5");
	assert_row(&result, 2, "o3", "day-9");
	assert_allocated(fake, "new", 2);
	assert_allocated(fake, "day-5", 2);
	assert_allocated(fake, "day-9", 2);
}

/* Also for those whose turn was before: nobody who comes later overtakes them. */
static void
test_room_that_a_later_line_leaves_is_for_all(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "day-5", 3, 5);
	stocked(fake, "none", 0);
	allocated(fake, lamps("o0", 1));
	waits(fake, lamps("o1", 3));
	allocated(fake, lamps("o2", 1));
	allocated(fake, lamps("o3", 1));
	stocked(fake, "new", 3);
	change_batch_quantity(&fake->uow, NULL, "new", 2);
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 2);
	assert_batch(fake, "o0", "new");
	assert_batch(fake, "o2", "new");
	assert_batch(fake, "o1", NULL);
	assert_batch(fake, "o3", "day-5");
	stocked(fake, "more", 1);
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 2);
	assert_batch(fake, "o3", "more");
	assert_batch(fake, "o1", "day-5");
}

static void
test_none_is_worse_off(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "day-5", 5, 5);
	allocated(fake, lamps_by("urgent", 1, 6));
	allocated(fake, lamps("o1", 1));
	change_batch_eta(&fake->uow, NULL, "day-5", 8);
	under_way(fake, "day-7", 5, 7);
	add_batch(&fake->uow, &(Batch) {.reference = "a", .sku = LAMP, .purchased_quantity = 9, .eta = 8, .rank = -1});
	/* Too late, and nothing is in time; the other one gets an earlier day, though not a lower rank. */
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 1);
	assert_batch(fake, "urgent", "day-5");
	assert_batch(fake, "o1", "day-7");
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 0);
	under_way(fake, "day-6", 5, 6);
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 2);
	assert_batch(fake, "urgent", "day-6");
}

static void
test_whoever_is_on_a_blocked_batch_is_offered_any(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "recalled", 5);
	allocated(fake, lamps("o1", 1));
	change_batch_eta(&fake->uow, NULL, "recalled", NEVER);
	under_way(fake, "day-5", 5, 5);
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 1);
	assert_batch(fake, "o1", "day-5");
	assert_allocated(fake, "recalled", 0);
}

/* A line keeps its turn while it is moved and reallocated. */
static void
test_the_turn_is_set_once(void **state)
{
	Fake	   *fake = *state;
	int64_t		turn;

	stocked(fake, "warehouse", 10);
	allocated(fake, lamps("o1", 2));
	turn = fake_line(fake, "o1", LAMP)->ordered_at;
	allocated(fake, lamps("o2", 2));
	reallocate(&fake->uow, &(OrderLine) {.orderid = "o1", .sku = LAMP, .qty = 3});
	assert_int_equal(fake_line(fake, "o1", LAMP)->ordered_at, turn);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "warehouse", 3).nlines, 1);
	assert_batch(fake, "o1", "warehouse");
	assert_batch(fake, "o2", NULL);
}

/*
 * Shipping
 */

static void
test_shipping_twice_is_shipping_once(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 10);
	allocated(fake, lamps("o1", 5));
	assert_done(ship(&fake->uow, "o1", LAMP, 2), "warehouse");
	assert_done(ship(&fake->uow, "o1", LAMP, 2), "warehouse");
	assert_int_equal(fake_batch(fake, "warehouse")->shipped_quantity, 2);
	assert_allocated(fake, "warehouse", 5);
	assert_outcome(ship(&fake->uow, "o1", LAMP, 1), ALREADY_SHIPPED);
	assert_outcome(ship(&fake->uow, "o1", LAMP, 6), SHIPS_TOO_MUCH);
	assert_done(ship(&fake->uow, "o1", LAMP, SAME_QUANTITY), "warehouse");
	assert_done(ship(&fake->uow, "o1", LAMP, SAME_QUANTITY), "warehouse");
	assert_int_equal(fake_line(fake, "o1", LAMP)->shipped_qty, 5);
	assert_outcome(ship(&fake->uow, "o2", LAMP, 1), UNKNOWN_ORDER_LINE);
	/* It stays known. */
	assert_done(allocated(fake, lamps("o1", 5)), "warehouse");
	assert_allocated(fake, "warehouse", 5);
}

static void
test_only_what_is_in_the_warehouse_ships(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	under_way(fake, "day-5", 2, 5);
	allocated(fake, lamps("o1", 2));
	waits(fake, lamps("o2", 2));
	result = ship(&fake->uow, "o1", LAMP, SAME_QUANTITY);
	assert_outcome(result, NOT_IN_WAREHOUSE);
	assert_int_equal(result.eta, 5);
	result = ship(&fake->uow, "o2", LAMP, SAME_QUANTITY);
	assert_outcome(result, NOT_IN_WAREHOUSE);
	assert_null(result.line.batchref);
	change_batch_eta(&fake->uow, NULL, "day-5", IN_WAREHOUSE);
	assert_done(ship(&fake->uow, "o1", LAMP, SAME_QUANTITY), "day-5");
}

static void
test_what_has_shipped_is_not_given_back(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 10);
	allocated(fake, lamps("o1", 5));
	ship(&fake->uow, "o1", LAMP, 2);
	assert_outcome(deallocate(&fake->uow, "o1", LAMP), ALREADY_SHIPPED);
	assert_int_equal(deallocate_order(&fake->uow, "o1").refused.outcome, ALREADY_SHIPPED);
	assert_outcome(reallocate(&fake->uow, &(OrderLine) {.orderid = "o1", .sku = LAMP, .qty = 1}), ALREADY_SHIPPED);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "warehouse", 1).refused.outcome, ALREADY_SHIPPED);
	/* The open part can be. */
	assert_done(reallocate(&fake->uow, &(OrderLine) {.orderid = "o1", .sku = LAMP, .qty = 2}), "warehouse");
	assert_allocated(fake, "warehouse", 2);
	assert_done(reallocate(&fake->uow, &(OrderLine) {.orderid = "o1", .sku = LAMP, .qty = 2}), "warehouse");
	assert_outcome(reallocate(&fake->uow, &(OrderLine) {.orderid = "o1", .sku = LAMP}), ALREADY_SHIPPED);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "warehouse", 2).nlines, 0);
}

static void
test_the_open_part_of_a_line_moves_and_waits(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "a", 5);
	allocated(fake, lamps("o1", 5));
	ship(&fake->uow, "o1", LAMP, 2);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "a", 2).nlines, 1);
	assert_batch(fake, "o1", NULL);
	assert_allocated(fake, "a", 2);
	assert_done(ship(&fake->uow, "o1", LAMP, 2), NULL);
	stocked(fake, "b", 3);
	assert_done(allocated(fake, lamps("o1", 5)), "b");
	assert_allocated(fake, "b", 3);
	assert_done(ship(&fake->uow, "o1", LAMP, SAME_QUANTITY), "b");
	assert_int_equal(fake_batch(fake, "b")->shipped_quantity, 3);
}

static void
test_an_order_ships_whole_or_as_far_as_it_can(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", LAMP, 1}, {"o1", "CHAIR", 2}, {"o1", "TABLE", 3}};
	LinesResult result;

	stocked(fake, "lamps", 1);
	add_batch(&fake->uow, &(Batch) {.reference = "chairs", .sku = "CHAIR", .purchased_quantity = 2});
	add_batch(&fake->uow, &(Batch) {.reference = "tables", .sku = "TABLE", .purchased_quantity = 3, .eta = 1});
	allocate_lines(&fake->uow, lines, 3, true);
	result = ship_order(&fake->uow, "o1", true);
	assert_int_equal(result.refused.outcome, NOT_IN_WAREHOUSE);
	assert_string_equal(result.refused.line.sku, "TABLE");
	assert_int_equal(fake_batch(fake, "lamps")->shipped_quantity, 0);
	for (int i = 0; i < 2; i++)
	{
		result = ship_order(&fake->uow, "o1", false);
		assert_int_equal(result.nlines, 2);
		assert_row(&result, 0, "o1", "chairs");
		assert_row(&result, 1, "o1", "lamps");
		assert_int_equal(fake_batch(fake, "chairs")->shipped_quantity, 2);
	}
	change_batch_eta(&fake->uow, NULL, "tables", IN_WAREHOUSE);
	assert_int_equal(ship_order(&fake->uow, "o1", true).nlines, 3);
	assert_int_equal(fake->attempts, 1);
	assert_false(fake->is_out_of_order);
	assert_int_equal(ship_order(&fake->uow, "no", true).nlines, 0);
}

/*
 * Holds
 */

static void
test_an_expired_hold_is_nobodys(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 5);
	assert_done(allocated(fake, held_lamps(fake, "cart", 4, 1000)), "warehouse");
	assert_outcome(allocated(fake, lamps("o1", 3)), OUT_OF_STOCK);
	much_later(fake);
	assert_done(allocated(fake, lamps("o1", 3)), "warehouse");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated(fake, "warehouse", 3);
	assert_false(fake->is_out_of_order);
}

static void
test_units_of_expired_holds_come_before_a_later_day(void **state)
{
	Fake	   *fake = *state;
	Batch		promised;

	stocked(fake, "warehouse", 5);
	under_way(fake, "day-5", 5, 5);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	allocated(fake, held_lamps(fake, "cart-2", 1, 1000));
	much_later(fake);
	assert_true(promise(&fake->uow, &(OrderLine) {.sku = LAMP, .qty = 5}, &promised));
	assert_string_equal(promised.reference, "warehouse");
	assert_done(allocated(fake, lamps("o1", 5)), "warehouse");
	assert_allocated(fake, "warehouse", 5);
	assert_int_equal(fake->tables.nlines, 1);
}

/* They are left alone where there is room without them. */
static void
test_nobody_takes_back_a_hold_without_need(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 5);
	under_way(fake, "day-5", 9, 5);
	allocated(fake, lamps("o1", 5));
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	much_later(fake);
	assert_done(allocated(fake, lamps("o2", 5)), "day-5");
	assert_non_null(fake_line(fake, "cart", LAMP));
	assert_allocated(fake, "day-5", 9);
	assert_done(allocated(fake, lamps("o3", 2)), "day-5");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated(fake, "day-5", 7);
}

static void
test_an_expired_hold_conflicts_with_nothing(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 5);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	assert_outcome(allocated(fake, lamps("cart", 5)), ORDER_LINE_CONFLICT);
	much_later(fake);
	assert_done(allocated(fake, lamps("cart", 5)), "warehouse");
	assert_allocated(fake, "warehouse", 5);
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, 0);
}

static void
test_to_others_an_expired_hold_is_not_there(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 9);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	allocated(fake, held_lamps(fake, "cart-2", 4, 1000));
	much_later(fake);
	assert_outcome(reallocate(&fake->uow, &(OrderLine) {.orderid = "cart", .sku = LAMP}), UNKNOWN_ORDER_LINE);
	assert_outcome(ship(&fake->uow, "cart", LAMP, SAME_QUANTITY), UNKNOWN_ORDER_LINE);
	assert_outcome(deallocate(&fake->uow, "cart", LAMP), UNKNOWN_ORDER_LINE);
	assert_allocated(fake, "warehouse", 4);
	assert_outcome(reallocate(&fake->uow, &(OrderLine) {.orderid = "cart-2", .sku = LAMP, .qty = 9}), UNKNOWN_ORDER_LINE);
	assert_done(allocated(fake, lamps("order", 9)), "warehouse");
	assert_allocated(fake, "warehouse", 9);
}

static void
test_a_hold_is_extended_and_confirmed(void **state)
{
	Fake	   *fake = *state;
	OrderLine	line;

	stocked(fake, "warehouse", 5);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	line = held_lamps(fake, "cart", 4, 5000);
	assert_done(allocated(fake, line), "warehouse");
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, line.held_until);
	assert_done(allocated(fake, lamps("cart", 4)), "warehouse");
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, 0);
	/* What is firm stays firm. */
	assert_done(allocated(fake, held_lamps(fake, "cart", 4, 1000)), "warehouse");
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, 0);
	assert_allocated(fake, "warehouse", 4);
}

static void
test_what_ships_is_no_longer_held(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 5);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	ship(&fake->uow, "cart", LAMP, 1);
	much_later(fake);
	assert_outcome(allocated(fake, lamps("o1", 5)), OUT_OF_STOCK);
}

static void
test_expired_holds_leave_a_shrinking_batch_first(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 10);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	allocated(fake, lamps("o1", 6));
	much_later(fake);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "warehouse", 6).nlines, 0);
	assert_batch(fake, "o1", "warehouse");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated(fake, "warehouse", 6);
}

static void
test_lines_that_leave_get_the_units_of_expired_holds(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "a", 5);
	allocated(fake, lamps("o1", 5));
	stocked(fake, "b", 5);
	allocated(fake, held_lamps(fake, "cart", 5, 1000));
	much_later(fake);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "a", 0).nlines, 1);
	assert_batch(fake, "o1", "b");
	assert_allocated(fake, "b", 5);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
test_lines_that_wait_get_the_units_of_expired_holds(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "a", 5);
	allocated(fake, held_lamps(fake, "cart", 5, 1000));
	waits(fake, lamps("o1", 3));
	waits(fake, held_lamps(fake, "cart-2", 1, 1000));
	much_later(fake);
	assert_int_equal(reallocate_sku(&fake->uow, LAMP).nlines, 1);
	assert_batch(fake, "o1", "a");
	assert_batch(fake, "cart-2", NULL);
	assert_allocated(fake, "a", 3);
}

/*
 * try_allocate_lines, promise
 */

static void
test_every_shortage_is_named_and_nothing_taken(void **state)
{
	Fake	   *fake = *state;
	OrderLine	known = {"o1", "CHAIR", 1};
	OrderLine	lines[] = {{"o1", LAMP, 3}, {"o1", "CHAIR", 1}, {"o2", LAMP, 3}, {"o3", "NO", 1}, {"o4", LAMP, 2}};
	LinesResult result;

	stocked(fake, "lamps", 5);
	add_batch(&fake->uow, &(Batch) {.reference = "chairs", .sku = "CHAIR", .purchased_quantity = 1});
	allocate(&fake->uow, &known);
	result = try_allocate_lines(&fake->uow, lines, 5);
	assert_int_equal(result.each[0].outcome, DONE);
	assert_null(result.each[0].line.batchref);
	assert_int_equal(result.each[1].outcome, DONE);
	assert_string_equal(result.each[1].line.batchref, "chairs");
	assert_int_equal(result.each[2].outcome, OUT_OF_STOCK);
	assert_int_equal(result.each[2].most_available, 2);
	assert_int_equal(result.each[3].outcome, INVALID_SKU);
	assert_int_equal(result.each[4].outcome, DONE);
	assert_int_equal(fake->tables.nlines, 1);
	assert_allocated(fake, "lamps", 0);

	lines[2].qty = 2;
	lines[3] = (OrderLine) {"o1", "CHAIR", 2};
	result = try_allocate_lines(&fake->uow, (OrderLine[]) {lines[0], lines[2]}, 2);
	assert_int_equal(result.refused.outcome, DONE);
	assert_string_equal(result.each[0].line.batchref, "lamps");
	result = try_allocate_lines(&fake->uow, &lines[3], 1);
	assert_int_equal(result.each[0].outcome, ORDER_LINE_CONFLICT);
	assert_int_equal(result.each[0].line.qty, 2);
}

/* A line of another SKU stays where it is, by another date. */
static void
test_a_batch_that_nobody_claims_ends_no_search(void **state)
{
	Fake	   *fake = *state;
	OrderLine	known = {"o1", "CHAIR", 1};
	OrderLine	lines[] = {{"o1", "CHAIR", 1, .needed_by = 5}, {"o1", LAMP, 1}};

	stocked(fake, "lamps", 5);
	add_batch(&fake->uow, &(Batch) {.reference = "chairs", .sku = "CHAIR", .purchased_quantity = 1});
	allocate(&fake->uow, &known);
	assert_int_equal(allocate_lines(&fake->uow, lines, 2, true).refused.outcome, DONE);
	assert_batch(fake, "o1", "lamps");
	assert_int_equal(fake_line(fake, "o1", "CHAIR")->needed_by, 5);
}

static void
test_a_promise_takes_nothing(void **state)
{
	Fake	   *fake = *state;
	Batch		batch;

	stocked(fake, "lamps", 5);
	assert_true(promise(&fake->uow, &(OrderLine) {.sku = LAMP, .qty = 5}, &batch));
	assert_string_equal(batch.reference, "lamps");
	assert_false(promise(&fake->uow, &(OrderLine) {.sku = LAMP, .qty = 6}, &batch));
	assert_false(promise(&fake->uow, &(OrderLine) {.sku = "NO", .qty = 6}, &batch));
	assert_allocated(fake, "lamps", 0);
}

/*
 * Races
 */

static void
other_session_delays_the_shipment(Fake *fake)
{
	fake_batch(fake, "day-5")->eta = 9;
}

static void
test_a_batch_that_is_delayed_meanwhile_is_not_taken(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "day-5", 5, 5);
	fake->interlope = other_session_delays_the_shipment;
	assert_outcome(allocated(fake, lamps_by("o1", 1, 7)), OUT_OF_STOCK);
	assert_int_equal(fake->attempts, 2);
}

static void
other_session_confirms_the_cart(Fake *fake)
{
	OrderLine  *cart = fake_line(fake, "cart", LAMP);

	cart->held_until = 0;
	fake_touch_line(fake, "cart", LAMP);
}

static void
test_a_hold_that_is_confirmed_meanwhile_is_not_taken_back(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 5);
	allocated(fake, held_lamps(fake, "cart", 4, 1000));
	much_later(fake);
	fake->interlope = other_session_confirms_the_cart;
	assert_outcome(allocated(fake, lamps("o1", 3)), OUT_OF_STOCK);
	assert_batch(fake, "cart", "warehouse");
	assert_allocated(fake, "warehouse", 4);
}

static void
other_session_blocks_the_batch(Fake *fake)
{
	fake_batch(fake, "warehouse")->eta = NEVER;
}

static void
test_what_is_blocked_meanwhile_does_not_ship(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "warehouse", 5);
	allocated(fake, lamps("o1", 3));
	fake->interlope = other_session_blocks_the_batch;
	assert_outcome(ship(&fake->uow, "o1", LAMP, SAME_QUANTITY), NOT_IN_WAREHOUSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_line_gets_no_batch_that_comes_after_its_date),
		TEST(test_a_date_stays_unless_another_is_given),
		TEST(test_the_date_that_a_line_has_conflicts_with_nothing),
		TEST(test_reallocating_by_another_date),
		TEST(test_lines_that_leave_go_to_no_batch_after_their_date),
		TEST(test_a_new_day_moves_no_line_and_says_whom_to_tell),
		TEST(test_a_new_day_takes_expired_holds_back),
		TEST(test_what_has_shipped_can_be_blocked_but_is_not_under_way),
		TEST(test_lines_that_wait_are_served_in_their_turn),
		TEST(test_lines_are_offered_an_earlier_day_and_leave_room_behind),
		TEST(test_room_that_a_later_line_leaves_is_for_all),
		TEST(test_none_is_worse_off),
		TEST(test_whoever_is_on_a_blocked_batch_is_offered_any),
		TEST(test_the_turn_is_set_once),
		TEST(test_shipping_twice_is_shipping_once),
		TEST(test_only_what_is_in_the_warehouse_ships),
		TEST(test_what_has_shipped_is_not_given_back),
		TEST(test_the_open_part_of_a_line_moves_and_waits),
		TEST(test_an_order_ships_whole_or_as_far_as_it_can),
		TEST(test_an_expired_hold_is_nobodys),
		TEST(test_units_of_expired_holds_come_before_a_later_day),
		TEST(test_nobody_takes_back_a_hold_without_need),
		TEST(test_an_expired_hold_conflicts_with_nothing),
		TEST(test_to_others_an_expired_hold_is_not_there),
		TEST(test_a_hold_is_extended_and_confirmed),
		TEST(test_what_ships_is_no_longer_held),
		TEST(test_expired_holds_leave_a_shrinking_batch_first),
		TEST(test_lines_that_leave_get_the_units_of_expired_holds),
		TEST(test_lines_that_wait_get_the_units_of_expired_holds),
		TEST(test_every_shortage_is_named_and_nothing_taken),
		TEST(test_a_batch_that_nobody_claims_ends_no_search),
		TEST(test_a_promise_takes_nothing),
		TEST(test_a_batch_that_is_delayed_meanwhile_is_not_taken),
		TEST(test_a_hold_that_is_confirmed_meanwhile_is_not_taken_back),
		TEST(test_what_is_blocked_meanwhile_does_not_ship),
	};

	return cmocka_run_group_tests_name("the life of stock", tests, NULL, NULL);
}
