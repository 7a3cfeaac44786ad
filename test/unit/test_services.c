/*
 * test_services.c
 *		The use cases, against storage in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "service_layer/services.h"

/*
 * The words of the tests
 */

#define CLOCK "RETRO-CLOCK"

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_set_up, fake_tear_down)

/* A batch in the warehouse. */
static void
stocked(Fake *fake, const char *reference, const char *sku, int32_t qty)
{
	Batch		batch = {.reference = reference, .sku = sku, .purchased_quantity = qty};

	assert_int_equal(add_batch(&fake->uow, &batch), DONE);
}

/* A shipment that arrives on some day. */
static void
under_way(Fake *fake, const char *reference, const char *sku, int32_t qty, Day eta)
{
	Batch		batch = {
		.reference = reference, .sku = sku, .purchased_quantity = qty, .eta = eta
	};

	assert_int_equal(add_batch(&fake->uow, &batch), DONE);
}

static LineResult
allocated(Fake *fake, const char *orderid, const char *sku, int32_t qty)
{
	return allocate(&fake->uow, &(OrderLine) {.orderid = orderid, .sku = sku, .qty = qty});
}

static LineResult
reallocated(Fake *fake, const char *orderid, const char *sku, int32_t qty)
{
	return reallocate(&fake->uow, &(OrderLine) {.orderid = orderid, .sku = sku, .qty = qty});
}

static void
assert_done(LineResult result, const char *batchref)
{
	assert_int_equal(result.outcome, DONE);
	assert_string_equal(result.line.batchref, batchref);
}

static void
assert_outcome(LineResult result, Outcome outcome)
{
	assert_int_equal(result.outcome, outcome);
}

static void
assert_allocated_quantity(Fake *fake, const char *reference, int32_t qty)
{
	assert_int_equal(fake_batch(fake, reference)->allocated_quantity, qty);
}

/* Is the line stored with this quantity and batch (NULL: waiting)? */
static void
assert_line(Fake *fake, const char *orderid, const char *sku, int32_t qty, const char *batchref)
{
	OrderLine  *stored = fake_line(fake, orderid, sku);

	assert_non_null(stored);
	assert_int_equal(stored->qty, qty);
	if (batchref)
		assert_string_equal(stored->batchref, batchref);
	else
		assert_null(stored->batchref);
}

/* Compares storage, but for the clock. */
static void
assert_unchanged(Fake *fake, const FakeTables *before)
{
	assert_int_equal(fake->tables.nbatches, before->nbatches);
	assert_int_equal(fake->tables.nlines, before->nlines);
	assert_memory_equal(fake->tables.batches, before->batches, before->nbatches * sizeof(StoredBatch));
	assert_memory_equal(fake->tables.lines, before->lines, before->nlines * sizeof(StoredLine));
}

/*
 * allocate
 */

static void
test_returns_the_reference_of_the_batch(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 100);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_line(fake, "order-1", CLOCK, 10, "batch-1");
}

static void
test_prefers_warehouse_stock_to_shipments(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "a-shipment", CLOCK, 100, 1);
	stocked(fake, "warehouse", CLOCK, 100);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "warehouse");
	assert_allocated_quantity(fake, "a-shipment", 0);
}

static void
test_prefers_earlier_shipments(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "a-later", CLOCK, 100, 3);
	under_way(fake, "b-soonest", CLOCK, 100, 1);
	under_way(fake, "c-sooner", CLOCK, 100, 2);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "b-soonest");
}

static void
test_decides_ties_by_reference(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-2", CLOCK, 100);
	stocked(fake, "batch-1", CLOCK, 100);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
}

static void
test_passes_over_batches_with_too_little_left(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "small", CLOCK, 9);
	under_way(fake, "large", CLOCK, 10, 1);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "large");
}

static void
test_takes_the_last_units(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_outcome(allocated(fake, "order-2", CLOCK, 1), OUT_OF_STOCK);
}

static void
test_the_same_line_twice_takes_once(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 100);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
test_the_same_line_twice_is_answered_when_nothing_is_left(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
}

static void
test_another_quantity_is_a_conflict(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	stocked(fake, "batch-1", CLOCK, 12);
	allocated(fake, "order-1", CLOCK, 10);
	result = allocated(fake, "order-1", CLOCK, 1);
	assert_outcome(result, ORDER_LINE_CONFLICT);
	assert_int_equal(result.line.qty, 10);
	/* also where no batch could serve it */
	assert_outcome(allocated(fake, "order-1", CLOCK, 3), ORDER_LINE_CONFLICT);
	assert_allocated_quantity(fake, "batch-1", 10);
}

static void
test_out_of_stock_says_the_most_that_one_batch_has(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	stocked(fake, "batch-1", CLOCK, 3);
	stocked(fake, "batch-2", CLOCK, 7);
	stocked(fake, "batch-3", CLOCK, 5);
	stocked(fake, "other", "LAMP", 100);
	result = allocated(fake, "order-1", CLOCK, 8);
	assert_outcome(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 7);
	assert_int_equal(result.line.qty, 8);
	assert_int_equal(fake->tables.nlines, 0);
}

static void
test_exhausted_batches_still_know_their_sku(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 1);
	allocated(fake, "order-1", CLOCK, 1);
	assert_outcome(allocated(fake, "order-2", CLOCK, 1), OUT_OF_STOCK);
}

static void
test_a_sku_that_no_batch_has_is_invalid(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 100);
	assert_outcome(allocated(fake, "order-1", "NO-SUCH-SKU", 1), INVALID_SKU);
}

/*
 * add_batch
 */

static void
test_a_known_reference_is_refused(void **state)
{
	Fake	   *fake = *state;
	Batch		again = {.reference = "batch-1", .sku = "LAMP", .purchased_quantity = 5};

	stocked(fake, "batch-1", CLOCK, 100);
	assert_int_equal(add_batch(&fake->uow, &again), BATCH_EXISTS);
	assert_int_equal(fake->tables.nbatches, 1);
	assert_string_equal(fake_batch(fake, "batch-1")->sku, CLOCK);
}

/*
 * deallocate
 */

static void
test_deallocating_gives_the_units_back(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 100);
	allocated(fake, "order-1", CLOCK, 10);
	assert_done(deallocate(&fake->uow, "order-1", CLOCK), "batch-1");
	assert_allocated_quantity(fake, "batch-1", 0);
	assert_null(fake_line(fake, "order-1", CLOCK));
}

static void
test_only_an_allocated_line_is_deallocated(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 100);
	allocated(fake, "order-1", CLOCK, 10);
	assert_outcome(deallocate(&fake->uow, "order-2", CLOCK), UNKNOWN_ORDER_LINE);
	assert_outcome(deallocate(&fake->uow, "order-1", "LAMP"), UNKNOWN_ORDER_LINE);
	assert_allocated_quantity(fake, "batch-1", 10);
}

/* A line of 10 whose batch was lost, so that it waits. */
static void
waiting(Fake *fake, const char *orderid)
{
	stocked(fake, "lost", CLOCK, 10);
	assert_done(allocated(fake, orderid, CLOCK, 10), "lost");
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "lost", 0).refused.outcome, DONE);
	assert_line(fake, orderid, CLOCK, 10, NULL);
}

static void
test_a_waiting_line_is_forgotten(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	waiting(fake, "order-1");
	result = deallocate(&fake->uow, "order-1", CLOCK);
	assert_outcome(result, DONE);
	assert_null(result.line.batchref);
	assert_null(fake_line(fake, "order-1", CLOCK));
}

/*
 * Waiting lines
 */

static void
test_a_waiting_line_gets_a_batch_as_soon_as_one_has_room(void **state)
{
	Fake	   *fake = *state;

	waiting(fake, "order-1");
	assert_outcome(allocated(fake, "order-1", CLOCK, 10), OUT_OF_STOCK);
	assert_line(fake, "order-1", CLOCK, 10, NULL);
	stocked(fake, "batch-2", CLOCK, 10);
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-2");
	assert_line(fake, "order-1", CLOCK, 10, "batch-2");
	assert_allocated_quantity(fake, "batch-2", 10);
}

static void
test_a_waiting_line_with_another_quantity_is_a_conflict(void **state)
{
	Fake	   *fake = *state;

	waiting(fake, "order-1");
	stocked(fake, "batch-2", CLOCK, 100);
	assert_outcome(allocated(fake, "order-1", CLOCK, 11), ORDER_LINE_CONFLICT);
	assert_line(fake, "order-1", CLOCK, 10, NULL);
}

static void
test_a_waiting_line_is_reallocated(void **state)
{
	Fake	   *fake = *state;

	waiting(fake, "order-1");
	assert_outcome(reallocated(fake, "order-1", CLOCK, SAME_QUANTITY), OUT_OF_STOCK);
	stocked(fake, "batch-2", CLOCK, 100);
	assert_done(reallocated(fake, "order-1", CLOCK, 11), "batch-2");
	assert_line(fake, "order-1", CLOCK, 11, "batch-2");
}

/*
 * reallocate
 */

static void
test_reallocating_moves_to_better_stock(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "shipment", CLOCK, 100, 1);
	allocated(fake, "order-1", CLOCK, 10);
	stocked(fake, "warehouse", CLOCK, 100);
	assert_done(reallocated(fake, "order-1", CLOCK, SAME_QUANTITY), "warehouse");
	assert_line(fake, "order-1", CLOCK, 10, "warehouse");
	assert_allocated_quantity(fake, "shipment", 0);
	assert_allocated_quantity(fake, "warehouse", 10);
}

static void
test_reallocating_changes_a_quantity_in_place(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	under_way(fake, "batch-2", CLOCK, 100, 1);
	allocated(fake, "order-1", CLOCK, 6);
	/* its own six units are free for it, so ten fit */
	assert_done(reallocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_done(reallocated(fake, "order-1", CLOCK, 4), "batch-1");
	assert_allocated_quantity(fake, "batch-1", 4);
	assert_line(fake, "order-1", CLOCK, 4, "batch-1");
}

static void
test_reallocating_moves_a_line_that_has_outgrown_its_batch(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	under_way(fake, "batch-2", CLOCK, 100, 1);
	allocated(fake, "order-1", CLOCK, 6);
	assert_done(reallocated(fake, "order-1", CLOCK, 11), "batch-2");
	assert_allocated_quantity(fake, "batch-1", 0);
	assert_allocated_quantity(fake, "batch-2", 11);
}

static void
test_reallocating_keeps_the_old_allocation_on_failure(void **state)
{
	Fake	   *fake = *state;
	LineResult	result;

	stocked(fake, "batch-1", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 6);
	result = reallocated(fake, "order-1", CLOCK, 11);
	assert_outcome(result, OUT_OF_STOCK);
	assert_int_equal(result.most_available, 10);
	assert_int_equal(result.line.qty, 11);
	assert_line(fake, "order-1", CLOCK, 6, "batch-1");
	assert_allocated_quantity(fake, "batch-1", 6);
}

static void
test_reallocating_leaves_alone_what_is_where_it_belongs(void **state)
{
	Fake	   *fake = *state;
	FakeTables	before;

	stocked(fake, "batch-1", CLOCK, 10);
	stocked(fake, "batch-2", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 10);
	before = fake->tables;
	assert_done(reallocated(fake, "order-1", CLOCK, SAME_QUANTITY), "batch-1");
	assert_unchanged(fake, &before);
	assert_int_equal(fake->writes, 0);
}

static void
test_only_known_lines_are_reallocated(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	assert_outcome(reallocated(fake, "order-1", CLOCK, SAME_QUANTITY), UNKNOWN_ORDER_LINE);
	assert_outcome(reallocated(fake, "order-1", CLOCK, 10), UNKNOWN_ORDER_LINE);
	assert_outcome(reallocated(fake, "order-1", "NO-SUCH-SKU", 1), UNKNOWN_ORDER_LINE);
	assert_allocated_quantity(fake, "batch-1", 0);
}

/*
 * change_batch_quantity
 */

static void
test_a_larger_batch_keeps_its_lines(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "batch-1", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 10);
	result = change_batch_quantity(&fake->uow, NULL, "batch-1", 12);
	assert_int_equal(result.refused.outcome, DONE);
	assert_int_equal(result.nlines, 0);
	assert_done(allocated(fake, "order-2", CLOCK, 2), "batch-1");
}

static void
test_a_smaller_batch_gives_up_its_newest_lines_just_enough_of_them(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "batch-1", CLOCK, 40);
	allocated(fake, "order-1", CLOCK, 10);
	allocated(fake, "order-2", CLOCK, 10);
	allocated(fake, "order-3", CLOCK, 10);
	allocated(fake, "order-4", CLOCK, 10);
	result = change_batch_quantity(&fake->uow, NULL, "batch-1", 25);
	assert_int_equal(result.nlines, 2);
	assert_string_equal(result.lines[0].orderid, "order-4");
	assert_string_equal(result.lines[1].orderid, "order-3");
	assert_line(fake, "order-4", CLOCK, 10, NULL);
	assert_line(fake, "order-3", CLOCK, 10, NULL);
	assert_line(fake, "order-2", CLOCK, 10, "batch-1");
	assert_line(fake, "order-1", CLOCK, 10, "batch-1");
	assert_allocated_quantity(fake, "batch-1", 20);
	assert_int_equal(fake_batch(fake, "batch-1")->purchased_quantity, 25);
}

static void
test_lines_that_leave_are_moved_in_their_turn_or_wait(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "batch-1", CLOCK, 30);
	allocated(fake, "order-1", CLOCK, 10);
	allocated(fake, "order-2", CLOCK, 10);
	allocated(fake, "order-3", CLOCK, 10);
	under_way(fake, "later", CLOCK, 15, 2);
	under_way(fake, "sooner", CLOCK, 15, 1);
	result = change_batch_quantity(&fake->uow, NULL, "batch-1", 0);
	assert_int_equal(result.nlines, 3);
	assert_null(result.lines[0].batchref);
	assert_string_equal(result.lines[1].batchref, "later");
	assert_string_equal(result.lines[2].batchref, "sooner");
	assert_line(fake, "order-1", CLOCK, 10, "sooner");
	assert_line(fake, "order-2", CLOCK, 10, "later");
	assert_line(fake, "order-3", CLOCK, 10, NULL);
	assert_allocated_quantity(fake, "batch-1", 0);
	assert_allocated_quantity(fake, "sooner", 10);
	assert_allocated_quantity(fake, "later", 10);
}

static void
test_a_line_does_not_go_back_to_the_batch_it_leaves(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 17);
	allocated(fake, "order-1", CLOCK, 7);
	allocated(fake, "order-2", CLOCK, 8);
	allocated(fake, "order-3", CLOCK, 2);
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "batch-1", 10).nlines, 2);
	assert_line(fake, "order-3", CLOCK, 2, NULL);
}

static void
test_many_lines_leave(void **state)
{
	static const char *const orders[] = {
		"01", "02", "03", "04", "05", "06", "07", "08", "09", "10",
		"11", "12", "13", "14", "15", "16", "17", "18", "19", "20"
	};
	Fake	   *fake = *state;
	size_t		n = sizeof(orders) / sizeof(orders[0]);
	LinesResult result;

	stocked(fake, "batch-1", CLOCK, 100);
	for (size_t i = 0; i < n; i++)
		allocated(fake, orders[i], CLOCK, 5);
	result = change_batch_quantity(&fake->uow, NULL, "batch-1", 0);
	assert_int_equal(result.nlines, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(result.lines[i].orderid, orders[n - 1 - i]);
}

static void
test_an_unknown_batch_is_refused(void **state)
{
	Fake	   *fake = *state;

	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "batch-1", 10).refused.outcome, UNKNOWN_BATCH);
}

static void
test_a_batch_that_is_named_with_its_sku_is_of_that_sku(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	assert_int_equal(change_batch_quantity(&fake->uow, "CHAIR", "batch-1", 20).refused.outcome, UNKNOWN_BATCH);
	assert_int_equal(change_batch_eta(&fake->uow, "CHAIR", "batch-1", 5).refused.outcome, UNKNOWN_BATCH);
	assert_int_equal(fake_batch(fake, "batch-1")->purchased_quantity, 10);
	assert_int_equal(fake_batch(fake, "batch-1")->eta, IN_WAREHOUSE);

	assert_int_equal(change_batch_quantity(&fake->uow, CLOCK, "batch-1", 20).refused.outcome, DONE);
	assert_int_equal(change_batch_eta(&fake->uow, CLOCK, "batch-1", 5).refused.outcome, DONE);
	assert_int_equal(fake_batch(fake, "batch-1")->purchased_quantity, 20);
	assert_int_not_equal(fake_batch(fake, "batch-1")->eta, IN_WAREHOUSE);
}

/*
 * batch_serves_lines
 */

static void
test_a_batch_serves_lines_while_they_are_tied_to_it(void **state)
{
	Fake	   *fake = *state;
	RowKey		batch = {CLOCK, "batch-1"};

	stocked(fake, "batch-1", CLOCK, 10);
	assert_false(batch_serves_lines(&fake->uow, &batch));
	assert_false(batch_serves_lines(&fake->uow, NULL));
	allocated(fake, "order-1", CLOCK, 10);
	assert_true(batch_serves_lines(&fake->uow, &batch));
	assert_true(batch_serves_lines(&fake->uow, NULL));
	change_batch_quantity(&fake->uow, NULL, "batch-1", 0);
	assert_false(batch_serves_lines(&fake->uow, NULL));
}

/*
 * The unit of work
 */

/* A body that writes and then says whatever its command says. */
static Verdict
write_and_say(Repository *repository, void *command)
{
	Batch		batch = {.reference = "batch-1", .sku = CLOCK, .purchased_quantity = 1};

	repository->add_batch(repository, &batch);
	return *(Verdict *) command;
}

static void
test_a_body_that_does_not_say_keep_changes_nothing(void **state)
{
	Fake	   *fake = *state;
	Verdict		silence = 0;

	fake->uow.run(&fake->uow, write_and_say, &silence);
	assert_int_equal(fake->writes, 1);
	assert_int_equal(fake->tables.nbatches, 0);
}

static void
test_kept_work_stays(void **state)
{
	Fake	   *fake = *state;
	Verdict		keep = KEEP;

	fake->uow.run(&fake->uow, write_and_say, &keep);
	assert_int_equal(fake->tables.nbatches, 1);
}

/* Two lines in a batch, another with room for one of them: what each call below meets. */
static void
some_stock(Fake *fake)
{
	stocked(fake, "batch-1", CLOCK, 20);
	allocated(fake, "order-1", CLOCK, 10);
	allocated(fake, "order-2", CLOCK, 10);
	under_way(fake, "batch-2", CLOCK, 15, 1);
}

static void
call_add_batch(Fake *fake)
{
	add_batch(&fake->uow, &(Batch) {.reference = "batch-3", .sku = CLOCK, .purchased_quantity = 1});
}

static void
call_allocate(Fake *fake)
{
	allocated(fake, "order-3", CLOCK, 5);
}

static void
call_deallocate(Fake *fake)
{
	deallocate(&fake->uow, "order-1", CLOCK);
}

static void
call_reallocate(Fake *fake)
{
	reallocated(fake, "order-1", CLOCK, 12);
}

static void
call_change_batch_quantity(Fake *fake)
{
	change_batch_quantity(&fake->uow, NULL, "batch-1", 0);
}

static void
test_a_call_that_fails_half_way_changes_nothing(void **state)
{
	void		(*const calls[]) (Fake *) = {
		call_add_batch, call_allocate, call_deallocate, call_reallocate, call_change_batch_quantity
	};

	(void) state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
	{
		int			fail_at = 0;
		bool		failed;

		/* at its first write, at its second, and so on until it succeeds */
		do
		{
			Fake		fake;
			FakeTables	before;

			fake_init(&fake);
			some_stock(&fake);
			before = fake.tables;
			fake.fail_at = ++fail_at;
			calls[i] (&fake);
			failed = fake.failed;
			if (failed)
				assert_unchanged(&fake, &before);
			fake_free(&fake);
		} while (failed);
		assert_true(fail_at > 1);
	}
}

/*
 * Races
 */

static void
other_session_takes_all_of_batch_1(Fake *fake)
{
	fake_batch(fake, "batch-1")->allocated_quantity = fake_batch(fake, "batch-1")->purchased_quantity;
}

static void
test_the_loser_of_a_race_gets_the_next_batch(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	under_way(fake, "batch-2", CLOCK, 10, 1);
	fake->interlope = other_session_takes_all_of_batch_1;
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-2");
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_allocated_quantity(fake, "batch-2", 10);
}

static void
other_session_allocates_order_1(Fake *fake)
{
	fake_add_line(fake, (OrderLine) {.orderid = "order-1", .sku = CLOCK, .qty = 10, .batchref = "batch-1"});
}

static void
test_the_same_line_from_two_sessions_takes_once(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 100);
	fake->interlope = other_session_allocates_order_1;
	assert_done(allocated(fake, "order-1", CLOCK, 10), "batch-1");
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_int_equal(fake->tables.nlines, 1);
}

static void
other_session_deallocates_order_1(Fake *fake)
{
	fake_remove_line(fake, "order-1", CLOCK);
}

static void
test_a_line_is_given_back_once(void **state)
{
	Fake	   *fake = *state;

	some_stock(fake);
	fake->interlope = other_session_deallocates_order_1;
	assert_outcome(deallocate(&fake->uow, "order-1", CLOCK), UNKNOWN_ORDER_LINE);
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_int_equal(fake->attempts, 2);
}

static void
test_a_line_that_was_given_back_meanwhile_is_not_reallocated(void **state)
{
	Fake	   *fake = *state;

	some_stock(fake);
	fake->interlope = other_session_deallocates_order_1;
	assert_outcome(reallocated(fake, "order-1", CLOCK, 12), UNKNOWN_ORDER_LINE);
	assert_allocated_quantity(fake, "batch-1", 10);
	assert_allocated_quantity(fake, "batch-2", 0);
	assert_int_equal(fake->attempts, 2);
}

static void
other_session_fills_batch_1(Fake *fake)
{
	fake_add_line(fake, (OrderLine) {.orderid = "order-9", .sku = CLOCK, .qty = 10, .batchref = "batch-1"});
}

static void
test_a_batch_that_fills_up_while_it_shrinks_gives_up_lines(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "batch-1", CLOCK, 20);
	allocated(fake, "order-1", CLOCK, 10);
	fake->interlope = other_session_fills_batch_1;
	result = change_batch_quantity(&fake->uow, NULL, "batch-1", 10);
	assert_int_equal(result.refused.outcome, DONE);
	assert_int_equal(result.nlines, 1);
	assert_string_equal(result.lines[0].orderid, "order-9");
	assert_allocated_quantity(fake, "batch-1", 10);
}

static void
other_session_deallocates_order_2(Fake *fake)
{
	fake_remove_line(fake, "order-2", CLOCK);
}

/* That enough is allocated is not enough: nobody has to leave any more. */
static void
test_nobody_leaves_a_batch_that_covers_all_by_now(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 5);
	allocated(fake, "order-2", CLOCK, 5);
	fake->interlope = other_session_deallocates_order_2;
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "batch-1", 5).nlines, 0);
	assert_line(fake, "order-1", CLOCK, 5, "batch-1");
	assert_int_equal(fake->attempts, 2);
}

static void
other_session_fills_batch_1_again(Fake *fake)
{
	fake_add_line(fake, (OrderLine) {.orderid = "order-9", .sku = CLOCK, .qty = 5, .batchref = "batch-1"});
}

static void
other_session_deallocates_and_another_fills(Fake *fake)
{
	other_session_deallocates_order_2(fake);
	fake->interlope = other_session_fills_batch_1_again;
}

/* The third attempt has locks, and what it comes to want only then, the fourth one locks, too. */
static void
test_a_batch_that_must_shrink_after_all_does(void **state)
{
	Fake	   *fake = *state;
	LinesResult result;

	stocked(fake, "batch-1", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 5);
	allocated(fake, "order-2", CLOCK, 5);
	fake->interlope = other_session_deallocates_and_another_fills;
	result = change_batch_quantity(&fake->uow, NULL, "batch-1", 5);
	assert_int_equal(result.nlines, 1);
	assert_string_equal(result.lines[0].orderid, "order-9");
	assert_int_equal(fake->attempts, 4);
	assert_string_equal(fake->locks, "queue RETRO-CLOCK, batch batch-1, line order-9");
}

static void
other_session_takes_from_all(Fake *fake)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
		fake->tables.batches[i].batch.allocated_quantity++;
	fake_batch(fake, "batch-2")->allocated_quantity--;
	fake_add_line(fake, (OrderLine) {.orderid = "order-9", .sku = CLOCK, .qty = 1, .batchref = "batch-2"});
}

/* In the second attempt. */
static void
other_session_takes_more(Fake *fake)
{
	if (fake->attempts == 1)
	{
		fake->interlope = other_session_takes_more;
		return;
	}
	for (size_t i = 0; i < fake->tables.nbatches; i++)
		fake->tables.batches[i].batch.allocated_quantity++;
	fake_line(fake, "order-9", CLOCK)->qty++;
	fake_touch_line(fake, "order-9", CLOCK);
}

static void
other_session_takes_from_all_twice(Fake *fake)
{
	other_session_takes_from_all(fake);
	fake->interlope = other_session_takes_more;
}

/*
 * Where others have changed the batch in both optimistic attempts, all that is
 * wanted is locked first; the batches come in lock order, whichever is better.
 */
static void
test_a_batch_that_shrinks_in_vain_is_locked_first(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-2", CLOCK, 10, 3);
	allocated(fake, "order-1", CLOCK, 5);
	allocated(fake, "order-2", CLOCK, 4);
	under_way(fake, "batch-1", CLOCK, 6, 2);
	under_way(fake, "batch-3", CLOCK, 6, 1);
	fake->interlope = other_session_takes_from_all_twice;
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "batch-2", 0).nlines, 3);
	assert_line(fake, "order-1", CLOCK, 5, NULL);
	assert_line(fake, "order-2", CLOCK, 4, "batch-3");
	assert_line(fake, "order-9", CLOCK, 2, "batch-1");
	assert_int_equal(fake->attempts, 3);
	assert_string_equal(fake->locks, "queue RETRO-CLOCK, batch batch-1, batch batch-2, batch batch-3, "
						"line order-1, line order-2, line order-9");
	assert_false(fake->is_out_of_order);
}

static void
other_session_takes_from_all_and_adds_batch_0(Fake *fake)
{
	other_session_takes_more(fake);
	fake->tables.batches[fake->tables.nbatches++].batch = (Batch) {
		.reference = "batch-0", .sku = CLOCK, .purchased_quantity = 100
	};
}

static void
other_session_takes_from_all_and_then_adds_batch_0(Fake *fake)
{
	other_session_takes_from_all(fake);
	fake->interlope = other_session_takes_from_all_and_adds_batch_0;
}

/* What is wanted by now but not locked is not written to: that might be out of order. */
static void
test_only_locked_batches_are_written_to_if_any_is(void **state)
{
	Fake	   *fake = *state;

	under_way(fake, "batch-2", CLOCK, 10, 3);
	allocated(fake, "order-1", CLOCK, 5);
	under_way(fake, "batch-3", CLOCK, 6, 1);
	fake->interlope = other_session_takes_from_all_and_then_adds_batch_0;
	assert_int_equal(change_batch_quantity(&fake->uow, NULL, "batch-2", 0).nlines, 2);
	assert_line(fake, "order-1", CLOCK, 5, "batch-0");
	assert_int_equal(fake->attempts, 4);
	assert_false(fake->is_out_of_order);
}

/*
 * Equally good batches
 */

static void
test_of_equally_good_batches_one_that_nobody_takes_from_comes_first(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	stocked(fake, "batch-2", CLOCK, 10);
	stocked(fake, "batch-3", CLOCK, 10);
	fake_take_from(fake, "batch-1");
	assert_done(allocated(fake, "order-1", CLOCK, 1), "batch-2");
}

static void
test_a_batch_that_others_take_from_comes_before_a_worse_one(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	under_way(fake, "batch-0", CLOCK, 10, 1);
	fake_take_from(fake, "batch-1");
	assert_done(allocated(fake, "order-1", CLOCK, 1), "batch-1");
}

static void
test_of_batches_that_others_take_from_any_will_do(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	stocked(fake, "batch-2", CLOCK, 1);
	stocked(fake, "batch-3", CLOCK, 10);
	for (int i = 0; i < 3; i++)
		fake->tables.batches[i].row.is_contended = true;
	/* the fake's chance is always the last one that can serve the line */
	assert_done(allocated(fake, "order-1", CLOCK, 2), "batch-3");
}

/* Before it would wait for those who take from the batch. */
static void
test_a_line_that_is_known_waits_for_nobody(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 1);
	fake_take_from(fake, "batch-1");
	assert_done(allocated(fake, "order-1", CLOCK, 1), "batch-1");
	assert_int_equal(fake->writes, 0);
	assert_outcome(allocated(fake, "order-1", CLOCK, 2), ORDER_LINE_CONFLICT);
	assert_int_equal(fake->writes, 0);
}

/*
 * Tables that contradict each other
 */

static void
test_a_contradiction_ends_the_call(void **state)
{
	Fake	   *fake = *state;

	stocked(fake, "batch-1", CLOCK, 10);
	allocated(fake, "order-1", CLOCK, 4);
	fake_batch(fake, "batch-1")->allocated_quantity = 3;
	reallocated(fake, "order-1", CLOCK, 5);
	assert_true(fake->contradicted);
	fake_batch(fake, "batch-1")->allocated_quantity = 9;
	change_batch_quantity(&fake->uow, NULL, "batch-1", 4);
	assert_true(fake->contradicted);
	fake_line(fake, "order-1", CLOCK)->batchref = "nowhere";
	reallocated(fake, "order-1", CLOCK, 5);
	assert_true(fake->contradicted);
}

static void
other_session_adds_batch_1(Fake *fake)
{
	fake->tables.batches[fake->tables.nbatches++].batch = (Batch) {
		.reference = "batch-1", .sku = CLOCK, .purchased_quantity = 1
	};
}

static void
test_a_reference_is_given_once(void **state)
{
	Fake	   *fake = *state;
	Batch		batch = {.reference = "batch-1", .sku = CLOCK, .purchased_quantity = 100};

	fake->interlope = other_session_adds_batch_1;
	assert_int_equal(add_batch(&fake->uow, &batch), BATCH_EXISTS);
	assert_int_equal(fake_batch(fake, "batch-1")->purchased_quantity, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_returns_the_reference_of_the_batch),
		TEST(test_prefers_warehouse_stock_to_shipments),
		TEST(test_prefers_earlier_shipments),
		TEST(test_decides_ties_by_reference),
		TEST(test_passes_over_batches_with_too_little_left),
		TEST(test_takes_the_last_units),
		TEST(test_the_same_line_twice_takes_once),
		TEST(test_the_same_line_twice_is_answered_when_nothing_is_left),
		TEST(test_another_quantity_is_a_conflict),
		TEST(test_out_of_stock_says_the_most_that_one_batch_has),
		TEST(test_exhausted_batches_still_know_their_sku),
		TEST(test_a_sku_that_no_batch_has_is_invalid),
		TEST(test_a_known_reference_is_refused),
		TEST(test_deallocating_gives_the_units_back),
		TEST(test_only_an_allocated_line_is_deallocated),
		TEST(test_a_waiting_line_is_forgotten),
		TEST(test_a_waiting_line_gets_a_batch_as_soon_as_one_has_room),
		TEST(test_a_waiting_line_with_another_quantity_is_a_conflict),
		TEST(test_a_waiting_line_is_reallocated),
		TEST(test_reallocating_moves_to_better_stock),
		TEST(test_reallocating_changes_a_quantity_in_place),
		TEST(test_reallocating_moves_a_line_that_has_outgrown_its_batch),
		TEST(test_reallocating_keeps_the_old_allocation_on_failure),
		TEST(test_reallocating_leaves_alone_what_is_where_it_belongs),
		TEST(test_only_known_lines_are_reallocated),
		TEST(test_a_larger_batch_keeps_its_lines),
		TEST(test_a_smaller_batch_gives_up_its_newest_lines_just_enough_of_them),
		TEST(test_lines_that_leave_are_moved_in_their_turn_or_wait),
		TEST(test_a_line_does_not_go_back_to_the_batch_it_leaves),
		TEST(test_many_lines_leave),
		TEST(test_an_unknown_batch_is_refused),
		TEST(test_a_batch_that_is_named_with_its_sku_is_of_that_sku),
		TEST(test_a_batch_serves_lines_while_they_are_tied_to_it),
		TEST(test_a_body_that_does_not_say_keep_changes_nothing),
		TEST(test_kept_work_stays),
		TEST(test_a_call_that_fails_half_way_changes_nothing),
		TEST(test_the_loser_of_a_race_gets_the_next_batch),
		TEST(test_the_same_line_from_two_sessions_takes_once),
		TEST(test_a_line_is_given_back_once),
		TEST(test_a_line_that_was_given_back_meanwhile_is_not_reallocated),
		TEST(test_a_batch_that_fills_up_while_it_shrinks_gives_up_lines),
		TEST(test_nobody_leaves_a_batch_that_covers_all_by_now),
		TEST(test_a_batch_that_must_shrink_after_all_does),
		TEST(test_a_batch_that_shrinks_in_vain_is_locked_first),
		TEST(test_only_locked_batches_are_written_to_if_any_is),
		TEST(test_of_equally_good_batches_one_that_nobody_takes_from_comes_first),
		TEST(test_a_batch_that_others_take_from_comes_before_a_worse_one),
		TEST(test_of_batches_that_others_take_from_any_will_do),
		TEST(test_a_line_that_is_known_waits_for_nobody),
		TEST(test_a_contradiction_ends_the_call),
		TEST(test_a_reference_is_given_once),
	};

	return cmocka_run_group_tests_name("services", tests, NULL, NULL);
}
