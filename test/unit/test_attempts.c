/*
 * test_attempts.c
 *		What a call does when other sessions come in between: it is run again, locks
 *		what it wants, and joins the queue in which it leaves a line.
 */
#include "helpers.h"

/* Allocates the line, or leaves it waiting; returns its batch, or NULL. */
static const char *
allocated_or_waiting(OrderLine line)
{
	assert_int_equal(allocate_lines(&fake->uow, &line, 1, false).refused.outcome, DONE);
	return line.batchref;
}

/*
 * Lost races: what an attempt relied on has changed before it writes
 */

static void
others_sell_out(Fake *fake)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
		fake_batch_at(fake, i)->allocated_quantity = fake_batch_at(fake, i)->purchased_quantity;
}

static void
others_take_b1(Fake *fake)
{
	fake_batch(fake, "b1")->allocated_quantity = fake_batch(fake, "b1")->purchased_quantity;
}

static void
test_the_loser_of_a_race_gets_the_next_batch(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 4), LAMPS("o2", 6), LAMPS("o3", 1)};

	stocked("b1", 10);
	stocked("b2", 10);
	fake->interlope = others_take_b1;
	assert_told(allocate_lines(&fake->uow, lines, 3, false), "o1 b2, o2 b2, o3 -");
	assert_int_equal(fake->attempts, 2);
}

static void
others_delay_b1(Fake *fake)
{
	fake_batch(fake, "b1")->eta = 9;
}

static void
test_a_batch_that_is_delayed_meanwhile_is_not_taken(void **state)
{
	under_way("b1", 5, 5);
	fake->interlope = others_delay_b1;
	assert_refused(allocated(LAMPS("o1", 1, BY(7))), OUT_OF_STOCK);
	assert_int_equal(fake->attempts, 2);
}

static void
others_allocate_o1(Fake *fake)
{
	fake_add_line(fake, LAMPS("o1", 10, .batchref = "b1"));
}

static void
test_the_same_line_from_two_sessions_takes_once(void **state)
{
	stocked("b1", 100);
	fake->interlope = others_allocate_o1;
	assert_served(allocated(LAMPS("o1", 10)), "b1");
	assert_allocated("b1", 10);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
others_deallocate_o1(Fake *fake)
{
	fake_remove_line(fake, "o1", LAMP);
}

static void
test_a_line_that_is_given_back_meanwhile_is_neither_given_back_nor_moved(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 10));
	fake->interlope = others_deallocate_o1;
	assert_refused(deallocated("o1"), UNKNOWN_ORDER_LINE);
	assert_allocated("b1", 0);
	allocated(LAMPS("o1", 10));
	stocked("b0", 10);
	fake->interlope = others_deallocate_o1;
	assert_refused(reallocated(LAMPS("o1", SAME_QUANTITY)), UNKNOWN_ORDER_LINE);
	assert_allocated("b0", 0);
	assert_allocated("b1", 0);
	assert_int_equal(fake->attempts, 2);
}

static void
others_confirm_the_cart(Fake *fake)
{
	fake_line(fake, "cart", LAMP)->held_until = 0;
	fake_touch_line(fake, "cart", LAMP);
}

static void
test_a_hold_that_is_confirmed_meanwhile_is_not_taken_back(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("cart", 4, HELD));
	holds_expire();
	fake->interlope = others_confirm_the_cart;
	assert_refused(allocated(LAMPS("o1", 3)), OUT_OF_STOCK);
	assert_line("cart", 4, "b1");
	assert_allocated("b1", 4);
}

/* In both optimistic attempts, a unit each. */
static void
others_ship_from_b1(Fake *fake)
{
	fake_batch(fake, "b1")->shipped_quantity++;
	fake_line(fake, "o1", LAMP)->shipped_qty++;
	fake_touch_line(fake, "o1", LAMP);
	if (fake->attempts == 1)
		fake->interlope = others_ship_from_b1;
}

static void
test_a_batch_of_which_some_ships_meanwhile_can_only_be_blocked(void **state)
{
	stocked("b1", 5);
	allocated(LAMPS("o1", 4));
	fake->interlope = others_ship_from_b1;
	assert_refused(rescheduled("b1", 9).refused, ALREADY_SHIPPED);
	fake->interlope = others_ship_from_b1;
	assert_told(rescheduled("b1", NEVER), "o1 b1");
	assert_string_equal(fake->locks, "queue LAMP, batch b1");
}

static void
others_allocate_o9(Fake *fake)
{
	fake_add_line(fake, LAMPS("o9", 5, .batchref = "b1"));
}

static void
test_a_batch_that_fills_up_while_it_shrinks_gives_up_lines(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 5));
	fake->interlope = others_allocate_o9;
	assert_told(resized("b1", 5), "o9 -");
	assert_allocated("b1", 5);
}

/* Others write twice: before each of the two optimistic attempts can. */
static void
others_deallocate_o2_and_allocate_o9(Fake *fake)
{
	if (fake->attempts == 2)
		others_allocate_o9(fake);
	else
	{
		fake_remove_line(fake, "o2", LAMP);
		fake->interlope = others_deallocate_o2_and_allocate_o9;
	}
}

static void
test_from_a_batch_that_covers_all_lines_by_now_none_leaves(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 5));
	allocated(LAMPS("o2", 5));
	fake->interlope = others_deallocate_o2_and_allocate_o9;
	/* it wants o2 to leave, then no line, then o9, which only the next attempt locks */
	assert_told(resized("b1", 5), "o9 -");
	assert_int_equal(fake->attempts, 4);
	assert_string_equal(fake->locks, "queue LAMP, batch b1, line o9");
}

/* They take all of the best batch with units left, except the last batch, and deallocate the line. */
static void
others_are_faster(Fake *fake)
{
	size_t		i = 0;

	if (fake->attempts == 2)
		fake->tables.nlines = 0;
	while (i + 1 < fake->tables.nbatches && batch_available_quantity(fake_batch_at(fake, i)) == 0)
		i++;
	if (i + 1 == fake->tables.nbatches)
		return;
	fake_batch_at(fake, i)->allocated_quantity = fake_batch_at(fake, i)->purchased_quantity;
	fake->interlope = others_are_faster;
}

/* The memory of an attempt lasts until the next one has ended. */
static void
test_what_only_earlier_attempts_have_read_is_not_used(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 4), LAMPS("o2", 6)};

	stocked("a", 10);
	stocked("b", 10);
	stocked("c", 10);
	stocked("d", 10);
	allocated(LAMPS("o1", 4));
	fake->interlope = others_are_faster;
	assert_told(allocate_lines(&fake->uow, lines, 2, true), "o1 d, o2 d");
	assert_int_equal(fake->attempts, 4);
}

/*
 * Errors and contradictions
 */

static void
call_everything(int which)
{
	OrderLine	lines[] = {LAMPS("o3", 4), LINE("o3", CHAIR, 2)};

	switch (which)
	{
		case 0:
			add_batch(&fake->uow, &(Batch) {.reference = "b3", .sku = LAMP, .purchased_quantity = 1});
			break;
		case 1:
			allocated(LAMPS("o3", 5));
			break;
		case 2:
			allocate_lines(&fake->uow, lines, 2, true);
			break;
		case 3:
			reallocated(LAMPS("o1", 12));
			break;
		case 4:
			deallocated("o1");
			break;
		case 5:
			deallocate_order(&fake->uow, "o2");
			break;
		case 6:
			served_queue();
			break;
		case 7:
			shipped("o1", 3);
			break;
		case 8:
			ship_order(&fake->uow, "o2", true);
			break;
		case 9:
			resized("b1", 0);
			break;
		case 10:
			rescheduled("b1", NEVER);
	}
}

static void
test_a_call_that_fails_half_way_changes_nothing(void **state)
{
	for (int which = 0; which <= 10; which++)
	{
		fake->failed = true;
		/* at its first write, at its second, and so on until it succeeds */
		for (int fail_at = 1; fake->failed; fail_at++)
		{
			FakeTables	before;

			renew_storage();
			stocked("b1", 20);
			bought((Batch) {.reference = "chairs", .sku = CHAIR, .purchased_quantity = 20});
			allocated(LAMPS("o1", 10));
			allocated(LAMPS("o2", 9));
			allocated(LINE("o2", CHAIR, 9));
			waits(LAMPS("o4", 2));
			under_way("b2", 15, 1);
			before = fake->tables;
			fake->fail_at = fail_at;
			call_everything(which);
			if (fake->failed)
				assert_unchanged(&before);
			assert_true(fail_at > 1 || fake->failed);
		}
	}
}

/* All of these calls rely on the batch of line o1, which should have the units of the line. */
static void
test_tables_that_contradict_each_other_end_the_call(void **state)
{
	Batch		batch;

	under_way("b1", 10, 1);
	allocated(LAMPS("o1", 4, HELD));
	for (int i = 0; i < 2; i++)
	{
		if (i == 0)
			fake_batch(fake, "b1")->allocated_quantity = 3;
		else
			fake_line(fake, "o1", LAMP)->batchref = "nowhere";
		reallocated(LAMPS("o1", 5));
		assert_true(fake->contradicted);
		served_queue();
		assert_true(fake->contradicted);
	}
	shipped("o1", 1);
	assert_true(fake->contradicted);
	allocated(LAMPS("o1", 4, BY(5)));
	assert_true(fake->contradicted);
	holds_expire();
	allocated(LAMPS("o2", 1));
	assert_true(fake->contradicted);
	promise(&fake->uow, &LAMPS(NULL, 1), &batch);
	assert_true(fake->contradicted);
	fake_batch(fake, "b1")->allocated_quantity = 9;
	resized("b1", 4);
	assert_true(fake->contradicted);
}

/*
 * Locks
 *
 * In most of these tests others add, before each attempt, a batch that comes
 * sooner than all before: on day 9 before the first, on day 8 before the second.
 * In these two attempts they take it, too, before this session can.
 */

static void
others_take_it(Fake *fake)
{
	others_sell_out(fake);
	if (fake->attempts == 1)
		fake->interlope = others_take_it;
}

static void
others_add_a_better_batch(Fake *fake)
{
	static const char *const references[] = {"day-9", "day-8", "day-7", "day-6", "day-5", "day-4"};

	fake_add_batch(fake, (Batch) {
				   .reference = references[fake->attempts - 1], .sku = LAMP, .purchased_quantity = 10,
				   .eta = 10 - fake->attempts
				   });
}

static void
others_interfere(FakeSession come_before)
{
	fake->come_before = come_before;
	fake->interlope = others_take_it;
}

static void
test_what_was_wanted_since_the_second_attempt_is_locked_and_never_forgotten(void **state)
{
	others_interfere(others_add_a_better_batch);
	allocated(LAMPS("o1", 10));
	assert_string_equal(fake->locks, "batch day-6, batch day-7, batch day-8");
}

/* It does not even want the batch of day 5. */
static void
test_the_fifth_attempt_chooses_among_locked_batches(void **state)
{
	others_interfere(others_add_a_better_batch);
	assert_served(allocated(LAMPS("o1", 10)), "day-6");
	assert_int_equal(fake->attempts, 5);

	renew_storage();
	under_way("day-20", 10, 20);
	allocated(LAMPS("o1", 10));
	others_interfere(others_add_a_better_batch);
	assert_served(reallocated(LAMPS("o1", SAME_QUANTITY)), "day-6");
	assert_int_equal(fake->attempts, 5);
}

static void
others_also_sell_out_before_the_fifth_attempt(Fake *fake)
{
	if (fake->attempts == 5)
		others_sell_out(fake);
	others_add_a_better_batch(fake);
}

static void
test_another_batch_is_locked_before_a_line_is_refused_or_waits(void **state)
{
	others_interfere(others_also_sell_out_before_the_fifth_attempt);
	assert_served(allocated(LAMPS("o1", 10)), "day-5");
	assert_int_equal(fake->attempts, 6);

	renew_storage();
	others_interfere(others_also_sell_out_before_the_fifth_attempt);
	assert_string_equal(allocated_or_waiting(LAMPS("o1", 10)), "day-5");
	assert_int_equal(fake->attempts, 6);
}

static void
others_also_leave_three_units_before_the_fifth_attempt(Fake *fake)
{
	others_add_a_better_batch(fake);
	if (fake->attempts < 5)
		return;
	others_sell_out(fake);
	fake_batch(fake, "day-5")->allocated_quantity = 7;
}

static void
test_a_refusal_counts_batches_that_are_not_locked(void **state)
{
	LineResult	result;

	others_interfere(others_also_leave_three_units_before_the_fifth_attempt);
	result = allocated(LAMPS("o1", 10));
	assert_refused(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 3);
	assert_int_equal(fake->attempts, 5);
}

/* They change its line in both optimistic attempts. */
static void
others_touch_o1(Fake *fake)
{
	fake_touch_line(fake, "o1", LAMP);
	if (fake->attempts == 1)
		fake->interlope = others_touch_o1;
}

/* Line o1 is on b2, and would rather be on b1. */
static void
others_touch_o1_on_b2(void)
{
	renew_storage();
	under_way("b2", 10, 2);
	allocated(LAMPS("o1", 5));
	under_way("b1", 10, 1);
	fake->interlope = others_touch_o1;
}

static void
test_each_call_locks_batches_before_lines(void **state)
{
	others_touch_o1_on_b2();
	reallocated(LAMPS("o1", 5));
	assert_string_equal(fake->locks, "batch b1, batch b2, line o1");
	others_touch_o1_on_b2();
	served_queue();
	assert_string_equal(fake->locks, "queue LAMP, batch b1, batch b2, line o1");
	others_touch_o1_on_b2();
	resized("b2", 0);
	assert_string_equal(fake->locks, "queue LAMP, batch b1, batch b2, line o1");
	others_touch_o1_on_b2();
	deallocated("o1");
	assert_string_equal(fake->locks, "batch b2, line o1");
	others_touch_o1_on_b2();
	fake_batch(fake, "b2")->eta = IN_WAREHOUSE;
	shipped("o1", 1);
	assert_string_equal(fake->locks, "batch b2, line o1");
}

/* They take from b2 in both optimistic attempts: for a new line, and for more of it. */
static void
others_take_from_b2(Fake *fake)
{
	if (fake->attempts == 2)
		fake_remove_line(fake, "o9", LAMP);
	fake_add_line(fake, LAMPS("o9", fake->attempts, .batchref = "b2"));
	if (fake->attempts == 1)
		fake->interlope = others_take_from_b2;
}

static void
others_add_b0_before_the_third_attempt(Fake *fake)
{
	if (fake->attempts == 3)
		fake_add_batch(fake, (Batch) {.reference = "b0", .sku = LAMP, .purchased_quantity = 100});
}

static void
test_the_queue_is_held_before_batches_and_lines_are_locked(void **state)
{
	under_way("b2", 10, 3);
	allocated(LAMPS("o1", 5));
	under_way("b3", 5, 1);
	under_way("b1", 6, 2);
	fake->interlope = others_take_from_b2;
	assert_told(resized("b2", 0), "o9 b1, o1 b3");
	assert_int_equal(fake->attempts, 3);
	assert_string_equal(fake->locks, "queue LAMP, batch b1, batch b2, batch b3, line o1, line o9");
}

static void
test_what_is_wanted_but_not_locked_is_locked_by_the_next_attempt(void **state)
{
	under_way("b2", 10, 3);
	allocated(LAMPS("o1", 5));
	under_way("b3", 7, 1);
	fake->interlope = others_take_from_b2;
	fake->come_before = others_add_b0_before_the_third_attempt;
	assert_told(resized("b2", 0), "o9 b0, o1 b0");
	assert_int_equal(fake->attempts, 4);
	assert_string_equal(fake->locks, "queue LAMP, batch b0, batch b2, batch b3, line o1, line o9");
}

/*
 * Queues
 */

static void
others_add_b9(Fake *fake)
{
	fake_add_batch(fake, (Batch) {.reference = "b9", .sku = LAMP, .purchased_quantity = 10});
}

static void
test_a_call_that_leaves_lines_waiting_joins_each_of_their_queues_once(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 1), LINE("o1", CHAIR, 1), LAMPS("o2", 1)};

	stocked("b1", 10);
	assert_string_equal(allocated_or_waiting(LAMPS("o0", 10)), "b1");
	assert_int_equal(fake->njoined, 0);
	bought((Batch) {.reference = "b2", .sku = CHAIR});
	assert_told(allocate_lines(&fake->uow, lines, 3, false), "o1 -, o1 -, o2 -");
	assert_int_equal(fake->njoined, 2);
	assert_int_equal(fake->attempts, 1);
}

/* The session that made room and served the queue just before has not seen this line. */
static void
test_no_line_is_left_waiting_that_could_be_served_by_now(void **state)
{
	stocked("b1", 9);
	fake->serve_queue = others_add_b9;
	assert_string_equal(allocated_or_waiting(LAMPS("o1", 10)), "b9");
	assert_int_equal(fake->attempts, 2);
}

static void
test_nor_a_line_that_leaves_its_batch(void **state)
{
	stocked("b1", 10);
	allocated(LAMPS("o1", 10));
	fake->serve_queue = others_add_b9;
	assert_told(resized("b1", 0), "o1 b9");
}

static void
test_a_call_that_leaves_a_line_waiting_waits_for_sessions_that_serve_its_queue(void **state)
{
	stocked("b1", 9);
	fake->is_queue_held = true;
	fake->serve_queue = others_add_b9;
	assert_string_equal(allocated_or_waiting(LAMPS("o1", 10)), "b9");
	assert_int_equal(fake->attempts, 3);
}

/* So does a call that changes a batch: lines may leave it, and the queue may be served next. */
static void
test_a_call_that_serves_a_queue_holds_it(void **state)
{
	const char *const skus[] = {LAMP, NULL};

	under_way("b1", 10, 1);
	served_queue();
	assert_string_equal(fake->locks, "queue LAMP");
	for (int i = 0; i < 2; i++)
	{
		change_batch_quantity(&fake->uow, skus[i], "b1", 20 - i);
		assert_string_equal(fake->locks, "queue LAMP");
		change_batch_eta(&fake->uow, skus[i], "b1", 2 + i);
		assert_string_equal(fake->locks, "queue LAMP");
	}
}

#include "main.h"
