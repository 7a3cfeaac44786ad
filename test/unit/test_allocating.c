/*
 * test_allocating.c
 *		allocate(), allocate_lines() and try_allocate_lines(), reallocate() and
 *		promise(): a line gets the first batch, in preference order, that can serve it.
 */
#include "helpers.h"

/*
 * allocate
 */

static void
test_a_line_gets_the_first_batch_in_preference_order_that_has_room(void **state)
{
	under_way("a-later", 100, 3);
	under_way("b-soonest", 100, 1);
	stocked("d", 9);
	stocked("c", 9);
	assert_served(allocated(LAMPS("o1", 10)), "b-soonest");
	assert_served(allocated(LAMPS("o2", 9)), "c");
	assert_served(allocated(LAMPS("o3", 9)), "d");
	assert_served(allocated(LAMPS("o4", 1)), "b-soonest");
	assert_allocated("a-later", 0);
}

static void
test_asking_twice_takes_once(void **state)
{
	stocked("b1", 10);
	assert_served(allocated(LAMPS("o1", 10)), "b1");
	assert_served(allocated(LAMPS("o1", 10)), "b1");
	assert_line("o1", 10, "b1");
	assert_allocated("b1", 10);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
test_another_quantity_is_a_conflict_whether_or_not_there_is_room(void **state)
{
	stocked("b1", 12);
	allocated(LAMPS("o1", 10));
	assert_refused(allocated(LAMPS("o1", 3)), ORDER_LINE_CONFLICT);
	assert_int_equal(allocated(LAMPS("o1", 1)).outcome, ORDER_LINE_CONFLICT);
	assert_int_equal(allocated(LAMPS("o1", 1)).line.qty, 10);
	assert_allocated("b1", 10);
}

static void
test_out_of_stock_says_the_most_that_one_batch_has(void **state)
{
	LineResult	result;

	stocked("b1", 3);
	stocked("b2", 7);
	stocked("b3", 5);
	bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 100});
	result = allocated(LAMPS("o1", 8));
	assert_refused(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 7);
	assert_int_equal(result.line.qty, 8);
	assert_int_equal(fake->tables.nlines, 0);
}

static void
test_a_sku_is_invalid_unless_a_batch_has_it_if_only_an_exhausted_one(void **state)
{
	stocked("b1", 1);
	allocated(LAMPS("o1", 1));
	assert_refused(allocated(LAMPS("o2", 1)), OUT_OF_STOCK);
	assert_refused(allocated(LINE("o2", CHAIR, 1)), INVALID_SKU);
}

static void
test_a_waiting_line_gets_a_batch_as_soon_as_one_has_room(void **state)
{
	stocked("none", 0);
	waits(LAMPS("o1", 10));
	assert_refused(allocated(LAMPS("o1", 10)), OUT_OF_STOCK);
	stocked("b2", 20);
	assert_refused(allocated(LAMPS("o1", 11)), ORDER_LINE_CONFLICT);
	assert_line("o1", 10, NULL);
	assert_served(allocated(LAMPS("o1", 10)), "b2");
	assert_line("o1", 10, "b2");
	assert_allocated("b2", 10);
}

/*
 * Contended batches: other sessions are taking from them
 */

static void
test_contended_batches_come_last_among_equally_good_ones_and_before_worse_ones(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 1), LAMPS("o2", 1), LAMPS("o3", 1)};

	stocked("a", 1);
	stocked("b", 1);
	under_way("day-1", 1, 1);
	fake_take_from(fake, "a");
	assert_told(allocate_lines(&fake->uow, lines, 3, true), "o1 b, o2 a, o3 day-1");
}

static void
test_of_contended_batches_that_are_equally_good_chance_decides(void **state)
{
	stocked("a", 10);
	stocked("b", 1);
	stocked("c", 10);
	fake_take_from(fake, "a");
	fake_take_from(fake, "b");
	fake_take_from(fake, "c");
	/* chance, in the fake, decides for the last one that can serve the line */
	assert_served(allocated(LAMPS("o1", 2)), "c");
}

static void
test_a_line_that_is_known_waits_for_no_other_session(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 1), LAMPS("o2", 1)};

	stocked("b1", 10);
	allocate_lines(&fake->uow, lines, 2, true);
	fake_take_from(fake, "b1");
	assert_served(allocated(LAMPS("o1", 1)), "b1");
	assert_int_equal(fake->writes, 0);
	assert_refused(allocated(LAMPS("o1", 2)), ORDER_LINE_CONFLICT);
	assert_int_equal(fake->writes, 0);
	assert_told(allocate_lines(&fake->uow, lines, 2, true), "o1 b1, o2 b1");
	assert_int_equal(fake->writes, 0);
	assert_int_equal(fake->attempts, 1);
}

/*
 * Dates
 */

static void
test_no_line_gets_a_batch_that_arrives_after_its_date(void **state)
{
	LineResult	result;

	under_way("day-5", 3, 5);
	under_way("day-9", 10, 9);
	under_way("blocked", 50, NEVER);
	assert_served(allocated(LAMPS("o1", 2, BY(5))), "day-5");
	result = allocated(LAMPS("o2", 2, BY(5)));
	assert_refused(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 1);
	assert_int_equal(result.eta, 9);
	result = allocated(LAMPS("o2", 11, BY(20)));
	assert_int_equal(result.most_available, 10);
	assert_int_equal(result.eta, NEVER);
	assert_served(allocated(LAMPS("o2", 2, BY(9))), "day-9");
}

static void
test_a_date_stays_until_another_is_given_that_the_batch_meets(void **state)
{
	under_way("day-5", 10, 5);
	allocated(LAMPS("o1", 2, BY(7)));
	assert_served(allocated(LAMPS("o1", 2)), "day-5");
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 7);
	assert_served(allocated(LAMPS("o1", 2, BY(6))), "day-5");
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 6);
	assert_refused(allocated(LAMPS("o1", 2, BY(4))), DATE_CONFLICT);
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 6);
	assert_allocated("day-5", 2);
}

static void
test_the_date_that_a_line_has_is_no_conflict_though_its_batch_is_late(void **state)
{
	under_way("late", 10, 5);
	allocated(LAMPS("o1", 2, BY(5)));
	rescheduled("late", 8);
	assert_served(allocated(LAMPS("o1", 2, BY(5))), "late");
	assert_refused(allocated(LAMPS("o1", 2, BY(6))), DATE_CONFLICT);
}

/*
 * Holds
 */

static void
test_the_units_of_an_expired_hold_are_free(void **state)
{
	stocked("b1", 5);
	assert_served(allocated(LAMPS("cart", 4, HELD)), "b1");
	assert_refused(allocated(LAMPS("o1", 3)), OUT_OF_STOCK);
	holds_expire();
	assert_served(allocated(LAMPS("o1", 3)), "b1");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated("b1", 3);
}

static void
test_units_of_expired_holds_are_preferred_to_a_later_day(void **state)
{
	Batch		promised;

	stocked("b1", 5);
	under_way("day-5", 5, 5);
	allocated(LAMPS("cart", 4, HELD));
	allocated(LAMPS("cart-2", 1, HELD));
	holds_expire();
	assert_true(promise(&fake->uow, &LAMPS(NULL, 5), &promised));
	assert_string_equal(promised.reference, "b1");
	assert_served(allocated(LAMPS("o1", 5)), "b1");
	assert_allocated("b1", 5);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
test_an_expired_hold_is_left_alone_while_there_is_room_without_it(void **state)
{
	stocked("full", 5);
	under_way("day-5", 9, 5);
	allocated(LAMPS("o1", 5));
	allocated(LAMPS("cart", 4, HELD));
	holds_expire();
	assert_served(allocated(LAMPS("o2", 5)), "day-5");
	assert_line("cart", 4, "day-5");
	assert_allocated("day-5", 9);
	assert_served(allocated(LAMPS("o3", 2)), "day-5");
	assert_null(fake_line(fake, "cart", LAMP));
	assert_allocated("day-5", 7);
}

static void
test_an_expired_hold_conflicts_with_nothing(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("cart", 4, HELD));
	assert_refused(allocated(LAMPS("cart", 5)), ORDER_LINE_CONFLICT);
	holds_expire();
	assert_served(allocated(LAMPS("cart", 5)), "b1");
	assert_allocated("b1", 5);
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, 0);
}

static void
test_a_hold_is_extended_and_confirmed_by_asking_again(void **state)
{
	OrderLine	extended;

	stocked("b1", 5);
	allocated(LAMPS("cart", 4, HELD));
	extended = LAMPS("cart", 4, HELD);
	assert_served(allocated(extended), "b1");
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, extended.held_until);
	assert_served(allocated(LAMPS("cart", 4)), "b1");
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, 0);
	/* what is firm stays firm */
	assert_served(allocated(LAMPS("cart", 4, HELD)), "b1");
	assert_int_equal(fake_line(fake, "cart", LAMP)->held_until, 0);
	assert_allocated("b1", 4);
}

/*
 * allocate_lines
 */

static void
test_each_line_is_told_its_batch_in_the_order_of_the_call(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 2), LINE("o1", CHAIR, 1), LAMPS("o0", 1)};

	stocked("lamps", 10);
	bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 10});
	assert_told(allocate_lines(&fake->uow, lines, 3, true), "o1 lamps, o1 chairs, o0 lamps");
	assert_allocated("lamps", 3);
	assert_int_equal(fake->tables.nlines, 3);
	assert_told(allocate_lines(&fake->uow, NULL, 0, true), "");
}

static void
test_turns_follow_the_order_of_the_call(void **state)
{
	OrderLine	known[] = {LAMPS("o1", 1), LAMPS("o2", 1), LAMPS("o3", 1)};
	OrderLine	lines[] = {LAMPS("o1", 1), LAMPS("o2", 1), LAMPS("o3", 1), LAMPS("z", 1), LAMPS("a", 1)};

	stocked("b1", 10);
	allocate_lines(&fake->uow, known, 3, true);
	fake->tables.now = 100;
	assert_told(allocate_lines(&fake->uow, lines, 5, true), "o1 b1, o2 b1, o3 b1, z b1, a b1");
	assert_allocated("b1", 5);
	/* known lines keep their turn and take no new one, so that the last turn is hardly in the future */
	assert_int_equal(lines[0].ordered_at, known[0].ordered_at);
	assert_int_equal(fake_line(fake, "z", LAMP)->ordered_at, 101);
	assert_int_equal(fake_line(fake, "a", LAMP)->ordered_at, 102);
}

/* Batches are locked in another order; every test checks that when it ends. */
static void
test_many_lines_get_batches_in_preference_order(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 1), LAMPS("o2", 1), LINE("o3", CHAIR, 1), LAMPS("o4", 1)};

	under_way("b", 1, 1);
	under_way("c", 1, 2);
	under_way("a", 1, 3);
	bought((Batch) {.reference = "z", .sku = CHAIR, .purchased_quantity = 1});
	assert_told(allocate_lines(&fake->uow, lines, 4, true), "o1 b, o2 c, o3 z, o4 a");
}

static void
test_all_or_nothing_is_refused_for_the_first_line_without_room(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 4), LAMPS("o2", 3), LAMPS("o3", 9), LINE("o4", CHAIR, 1)};
	LinesResult result;

	stocked("b1", 6);
	result = allocate_lines(&fake->uow, lines, 4, true);
	assert_refused(result.refused, OUT_OF_STOCK);
	assert_int_equal(result.position, 1);
	assert_string_equal(result.refused.line.orderid, "o2");
	assert_int_equal(result.refused.most_available, 2);
	assert_int_equal(fake->tables.nlines, 0);
	assert_allocated("b1", 0);
}

static void
test_otherwise_lines_without_room_wait(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 4), LAMPS("o2", 3), LAMPS("o3", 2)};

	stocked("b1", 6);
	assert_told(allocate_lines(&fake->uow, lines, 3, false), "o1 b1, o2 -, o3 b1");
	assert_line("o2", 3, NULL);
}

static void
test_an_invalid_sku_or_a_conflict_refuses_the_call_either_way(void **state)
{
	LinesResult result;

	stocked("b1", 6);
	result = allocate_lines(&fake->uow, (OrderLine[]) {LAMPS("o2", 1), LINE("o2", CHAIR, 1)}, 2, false);
	assert_refused(result.refused, INVALID_SKU);
	assert_int_equal(result.position, 1);
	allocated(LAMPS("o1", 4));
	result = allocate_lines(&fake->uow, (OrderLine[]) {LAMPS("o2", 1), LAMPS("o1", 3)}, 2, false);
	assert_refused(result.refused, ORDER_LINE_CONFLICT);
	assert_int_equal(result.position, 1);
	assert_int_equal(result.refused.line.qty, 4);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
test_a_line_that_waited_before_is_served_before_new_ones(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 2), LAMPS("o9", 2)};

	stocked("none", 0);
	waits(LAMPS("o9", 2));
	stocked("b1", 2);
	assert_told(allocate_lines(&fake->uow, lines, 2, false), "o1 -, o9 b1");
}

static void
test_a_batch_without_claims_does_not_end_the_search(void **state)
{
	OrderLine	known = LINE("o1", CHAIR, 1);
	OrderLine	lines[] = {LINE("o1", CHAIR, 1, BY(5)), LAMPS("o1", 1)};

	stocked("lamps", 5);
	bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 1});
	allocated(known);
	/* the chair stays where it is, by another date */
	assert_told(allocate_lines(&fake->uow, lines, 2, true), "o1 chairs, o1 lamps");
	assert_int_equal(fake_line(fake, "o1", CHAIR)->needed_by, 5);
}

/*
 * try_allocate_lines
 */

static void
test_trying_names_every_shortage_and_takes_nothing(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 3), LINE("o1", CHAIR, 1), LAMPS("o2", 3), LINE("o3", "NO", 1), LAMPS("o4", 2)};
	LineResult *each;

	stocked("lamps", 5);
	bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 1});
	allocated(LINE("o1", CHAIR, 1));
	each = try_allocate_lines(&fake->uow, lines, 5).each;
	assert_served(each[0], NULL);
	assert_served(each[1], "chairs");
	assert_refused(each[2], OUT_OF_STOCK);
	assert_int_equal(each[2].most_available, 2);
	assert_refused(each[3], INVALID_SKU);
	assert_served(each[4], NULL);
	assert_int_equal(fake->tables.nlines, 1);
	assert_allocated("lamps", 0);
}

static void
test_trying_allocates_if_nothing_is_short(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 3), LAMPS("o2", 2)};
	OrderLine	other = LAMPS("o1", 2);
	LinesResult result;

	stocked("lamps", 5);
	result = try_allocate_lines(&fake->uow, lines, 2);
	assert_told(result, "o1 lamps, o2 lamps");
	assert_served(result.each[1], "lamps");
	result = try_allocate_lines(&fake->uow, &other, 1);
	assert_refused(result.each[0], ORDER_LINE_CONFLICT);
	assert_int_equal(result.each[0].line.qty, 2);
}

/*
 * reallocate
 */

static void
test_reallocating_moves_a_line_to_better_stock(void **state)
{
	under_way("shipment", 100, 1);
	allocated(LAMPS("o1", 10));
	stocked("warehouse", 100);
	assert_served(reallocated(LAMPS("o1", SAME_QUANTITY)), "warehouse");
	assert_line("o1", 10, "warehouse");
	assert_allocated("shipment", 0);
	assert_allocated("warehouse", 10);
}

static void
test_reallocating_changes_a_quantity_in_place_if_it_fits(void **state)
{
	stocked("b1", 10);
	under_way("b2", 100, 1);
	allocated(LAMPS("o1", 6));
	/* its own six units are free for it, so ten fit */
	assert_served(reallocated(LAMPS("o1", 10)), "b1");
	assert_allocated("b1", 10);
	assert_served(reallocated(LAMPS("o1", 4)), "b1");
	assert_allocated("b1", 4);
	assert_served(reallocated(LAMPS("o1", 11)), "b2");
	assert_line("o1", 11, "b2");
	assert_allocated("b1", 0);
	assert_allocated("b2", 11);
}

static void
test_a_line_that_fits_nowhere_stays_as_it_is(void **state)
{
	LineResult	result;
	FakeTables	before;

	stocked("b1", 10);
	allocated(LAMPS("o1", 6));
	before = fake->tables;
	result = reallocated(LAMPS("o1", 11));
	assert_refused(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 10);
	assert_int_equal(result.line.qty, 11);
	assert_unchanged(&before);
}

static void
test_nothing_is_written_about_a_line_that_is_where_it_belongs(void **state)
{
	stocked("b1", 10);
	stocked("b2", 10);
	allocated(LAMPS("o1", 10));
	assert_served(reallocated(LAMPS("o1", SAME_QUANTITY)), "b1");
	assert_int_equal(fake->writes, 0);
}

static void
test_a_waiting_line_is_reallocated(void **state)
{
	stocked("none", 0);
	waits(LAMPS("o1", 10));
	assert_refused(reallocated(LAMPS("o1", SAME_QUANTITY)), OUT_OF_STOCK);
	stocked("b2", 100);
	assert_served(reallocated(LAMPS("o1", 11)), "b2");
	assert_line("o1", 11, "b2");
}

static void
test_reallocating_by_another_date(void **state)
{
	under_way("day-5", 10, 5);
	under_way("day-3", 1, 3);
	allocated(LAMPS("o1", 2));
	assert_refused(reallocated(LAMPS("o1", SAME_QUANTITY, BY(4))), OUT_OF_STOCK);
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 0);
	stocked("warehouse", 2);
	assert_served(reallocated(LAMPS("o1", SAME_QUANTITY, BY(4))), "warehouse");
	assert_int_equal(fake_line(fake, "o1", LAMP)->needed_by, 4);
	assert_allocated("day-5", 0);
}

static void
test_a_line_that_is_unknown_or_an_expired_hold_is_not_reallocated(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("cart", 4, HELD));
	holds_expire();
	assert_refused(reallocated(LAMPS("o1", SAME_QUANTITY)), UNKNOWN_ORDER_LINE);
	assert_refused(reallocated(LINE("o1", "NO", 1)), UNKNOWN_ORDER_LINE);
	assert_refused(reallocated(LAMPS("cart", SAME_QUANTITY)), UNKNOWN_ORDER_LINE);
	assert_refused(reallocated(LAMPS("cart", 9)), UNKNOWN_ORDER_LINE);
	assert_line("cart", 4, "b1");
}

/*
 * promise
 */

static void
test_a_promise_takes_nothing(void **state)
{
	Batch		batch;

	stocked("b1", 5);
	assert_true(promise(&fake->uow, &LAMPS(NULL, 5), &batch));
	assert_string_equal(batch.reference, "b1");
	assert_false(promise(&fake->uow, &LAMPS(NULL, 6), &batch));
	assert_false(promise(&fake->uow, &LINE(NULL, "NO", 6), &batch));
	assert_allocated("b1", 0);
}

#include "main.h"
