/*
 * test_many_lines.c
 *		The use cases on many lines, against storage in memory.  That they follow
 *		the rules is shown by comparing them with the use cases on one line.
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

static void
stocked(Fake *fake, const char *reference, const char *sku, int32_t qty)
{
	Batch		batch = {.reference = reference, .sku = sku, .purchased_quantity = qty};

	assert_int_equal(add_batch(&fake->uow, &batch), DONE);
}

static void
assert_batchref(const char *batchref, const char *expected)
{
	if (expected)
		assert_string_equal(batchref, expected);
	else
		assert_null(batchref);
}

/*
 * allocate_lines
 */

static void
test_each_line_is_told_its_batch_in_the_order_given(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 2}, {"o1", "CHAIR", 1}, {"o0", "LAMP", 1}};
	LinesResult result;

	stocked(fake, "lamps", "LAMP", 10);
	stocked(fake, "chairs", "CHAIR", 10);
	result = allocate_lines(&fake->uow, lines, 3, true);
	assert_int_equal(result.refused.outcome, DONE);
	assert_int_equal(result.nlines, 3);
	assert_batchref(result.lines[0].batchref, "lamps");
	assert_batchref(result.lines[1].batchref, "chairs");
	assert_batchref(result.lines[2].batchref, "lamps");
	assert_int_equal(fake_batch(fake, "lamps")->allocated_quantity, 3);
	assert_int_equal(fake->tables.nlines, 3);
	assert_int_equal(fake->attempts, 1);
}

/* A line that was known takes no number: else the time of a new one behind many would lie in the future. */
static void
test_only_what_is_written_is_numbered(void **state)
{
	Fake	   *fake = *state;
	OrderLine	known[] = {{"o1", "LAMP", 1}, {"o2", "LAMP", 1}, {"o3", "LAMP", 1}};
	OrderLine	more[] = {{"o1", "LAMP", 1}, {"o2", "LAMP", 1}, {"o3", "LAMP", 1}, {"o4", "LAMP", 1}, {"o5", "LAMP", 1}};

	stocked(fake, "lamps", "LAMP", 10);
	allocate_lines(&fake->uow, known, 3, true);
	fake->tables.now = 100;
	allocate_lines(&fake->uow, more, 5, true);
	assert_int_equal(fake_line(fake, "o4", "LAMP")->ordered_at, 101);
	assert_int_equal(fake_line(fake, "o5", "LAMP")->ordered_at, 102);
	assert_int_equal(more[0].ordered_at, known[0].ordered_at);
}

static void
test_batches_are_charged_by_reference(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 1}, {"o2", "LAMP", 1}, {"o3", "CHAIR", 1}, {"o4", "LAMP", 1}};

	for (int i = 0; i < 3; i++)
		add_batch(&fake->uow, &(Batch) {
				  .reference = (const char *[]) {"b", "c", "a"}[i], .sku = "LAMP", .purchased_quantity = 1,
				  .eta = 1 + i
				  });
	stocked(fake, "z", "CHAIR", 1);
	assert_int_equal(allocate_lines(&fake->uow, lines, 4, true).refused.outcome, DONE);
	assert_batchref(lines[0].batchref, "b");
	assert_batchref(lines[3].batchref, "a");
	assert_false(fake->is_out_of_order);
}

/* What others are taking from comes last among what is equally good, and before what is worse. */
static void
test_equally_good_batches_that_others_take_from_come_last(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 1}, {"o2", "LAMP", 1}, {"o3", "LAMP", 1}};

	stocked(fake, "a", "LAMP", 1);
	stocked(fake, "b", "LAMP", 1);
	add_batch(&fake->uow, &(Batch) {.reference = "ship", .sku = "LAMP", .purchased_quantity = 1, .eta = 1});
	fake_take_from(fake, "a");
	allocate_lines(&fake->uow, lines, 3, true);
	assert_batchref(lines[0].batchref, "b");
	assert_batchref(lines[1].batchref, "a");
	assert_batchref(lines[2].batchref, "ship");
	assert_false(fake->is_out_of_order);
}

static void
test_no_lines_are_no_work(void **state)
{
	Fake	   *fake = *state;

	assert_int_equal(allocate_lines(&fake->uow, NULL, 0, true).refused.outcome, DONE);
	assert_int_equal(fake->writes, 0);
}

static void
test_later_lines_are_newer(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"z", "LAMP", 1}, {"a", "LAMP", 1}};

	stocked(fake, "lamps", "LAMP", 2);
	allocate_lines(&fake->uow, lines, 2, true);
	assert_true(fake_line(fake, "a", "LAMP")->ordered_at > fake_line(fake, "z", "LAMP")->ordered_at);
}

static void
test_all_or_nothing_is_refused_for_its_first_line_without_room(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o2", "LAMP", 3}, {"o3", "LAMP", 9}, {"o4", "CHAIR", 1}};
	LinesResult result;

	stocked(fake, "lamps", "LAMP", 6);
	result = allocate_lines(&fake->uow, lines, 4, true);
	assert_int_equal(result.refused.outcome, OUT_OF_STOCK);
	assert_int_equal(result.position, 1);
	assert_string_equal(result.refused.line.orderid, "o2");
	assert_int_equal(result.refused.most_available, 2);
	assert_int_equal(fake->tables.nlines, 0);
	assert_int_equal(fake_batch(fake, "lamps")->allocated_quantity, 0);
}

static void
test_otherwise_lines_without_room_wait(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o2", "LAMP", 3}, {"o3", "LAMP", 2}};

	stocked(fake, "lamps", "LAMP", 6);
	assert_int_equal(allocate_lines(&fake->uow, lines, 3, false).refused.outcome, DONE);
	assert_batchref(lines[0].batchref, "lamps");
	assert_batchref(lines[1].batchref, NULL);
	assert_batchref(lines[2].batchref, "lamps");
	assert_null(fake_line(fake, "o2", "LAMP")->batchref);
}

static void
test_an_invalid_sku_is_refused_either_way(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 1}, {"o1", "NO-SUCH-SKU", 1}};
	LinesResult result;

	stocked(fake, "lamps", "LAMP", 6);
	result = allocate_lines(&fake->uow, lines, 2, false);
	assert_int_equal(result.refused.outcome, INVALID_SKU);
	assert_int_equal(result.position, 1);
	assert_int_equal(fake->tables.nlines, 0);
}

static void
test_what_is_known_comes_back_as_it_is(void **state)
{
	Fake	   *fake = *state;
	OrderLine	first = {"o1", "LAMP", 4};
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o2", "LAMP", 2}};

	stocked(fake, "lamps", "LAMP", 6);
	allocate(&fake->uow, &first);
	assert_int_equal(allocate_lines(&fake->uow, lines, 2, true).refused.outcome, DONE);
	assert_batchref(lines[0].batchref, "lamps");
	assert_int_equal(fake_batch(fake, "lamps")->allocated_quantity, 6);
}

/* Before it would wait for those who take from the batch. */
static void
test_lines_that_are_known_wait_for_nobody(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o2", "LAMP", 2}};

	stocked(fake, "lamps", "LAMP", 100);
	allocate_lines(&fake->uow, lines, 2, true);
	fake_take_from(fake, "lamps");
	assert_int_equal(allocate_lines(&fake->uow, lines, 2, true).refused.outcome, DONE);
	assert_int_equal(fake->writes, 0);
	assert_int_equal(fake->attempts, 1);
}

static void
test_a_conflict_with_a_known_line_is_refused(void **state)
{
	Fake	   *fake = *state;
	OrderLine	first = {"o1", "LAMP", 4};
	OrderLine	lines[] = {{"o2", "LAMP", 1}, {"o1", "LAMP", 3}};
	LinesResult result;

	stocked(fake, "lamps", "LAMP", 6);
	allocate(&fake->uow, &first);
	result = allocate_lines(&fake->uow, lines, 2, false);
	assert_int_equal(result.refused.outcome, ORDER_LINE_CONFLICT);
	assert_int_equal(result.position, 1);
	assert_int_equal(result.refused.line.qty, 4);
}

/*
 * One call for all the lines against a call for each, on stock and lines drawn
 * at random: they tie every line to the same batch.
 */
static void
test_one_call_does_what_a_call_for_each_line_does(void **state)
{
	static const char *const skus[] = {"CHAIR", "LAMP", "TABLE"};

	(void) state;
	for (unsigned int seed = 1; seed <= 300; seed++)
	{
		static char names[MOST_ROWS][32];
		Fake		one_by_one;
		Fake		at_once;
		OrderLine	lines[30];
		size_t		n = 0;

		srand(seed);
		fake_init(&one_by_one);
		for (int i = 0; i < MOST_ROWS; i++)
			snprintf(names[i], sizeof(names[i]), "name-%02d", i);
		for (int i = 0; i < 12; i++)
			assert_int_equal(add_batch(&one_by_one.uow, &(Batch) {
									   .reference = names[(i * 7) % 12], .sku = skus[rand() % 3],
									   .purchased_quantity = rand() % 12, .eta = rand() % 2 * (1 + rand() % 3)
									   }), DONE);
		stocked(&one_by_one, "c", "CHAIR", 1);
		stocked(&one_by_one, "l", "LAMP", 1);
		stocked(&one_by_one, "t", "TABLE", 1);
		/* some of the lines are known before */
		for (int i = 0; i < 4; i++)
			allocate(&one_by_one.uow, &(OrderLine) {names[rand() % 20], skus[rand() % 3], 1 + rand() % 3});
		for (size_t i = 0; i < one_by_one.tables.nbatches; i++)
			one_by_one.tables.batches[i].row.is_contended = rand() % 2;
		at_once = one_by_one;
		at_once.memory = at_once.older_memory = at_once.names = NULL;

		/* lines that conflict are refused, so none does */
		for (int i = 0; i < 30; i++)
		{
			OrderLine	line = {names[rand() % 20], skus[rand() % 3], 1 + rand() % 3};
			OrderLine  *known = fake_line(&one_by_one, line.orderid, line.sku);
			LineResult	result;
			bool		is_repeated = false;

			for (size_t j = 0; j < n; j++)
				is_repeated |= strcmp(lines[j].orderid, line.orderid) == 0 && strcmp(lines[j].sku, line.sku) == 0;
			if (is_repeated)
				continue;
			if (known)
				line.qty = known->qty;
			result = allocate(&one_by_one.uow, &line);
			if (result.outcome == OUT_OF_STOCK)
				continue;
			assert_int_equal(result.outcome, DONE);
			lines[n++] = line;
		}
		assert_int_equal(allocate_lines(&at_once.uow, lines, n, true).refused.outcome, DONE);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(lines[i].batchref, fake_line(&one_by_one, lines[i].orderid, lines[i].sku)->batchref);
		for (size_t i = 0; i < at_once.tables.nbatches; i++)
			assert_int_equal(at_once.tables.batches[i].batch.allocated_quantity,
							 one_by_one.tables.batches[i].batch.allocated_quantity);
		fake_free(&one_by_one);
		fake_free(&at_once);
	}
}

static void
other_session_takes_some_lamps(Fake *fake)
{
	fake_batch(fake, "lamps")->allocated_quantity += 5;
}

static void
test_a_lost_race_is_run_again(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o2", "LAMP", 2}};

	stocked(fake, "lamps", "LAMP", 6);
	stocked(fake, "more", "LAMP", 5);
	fake->interlope = other_session_takes_some_lamps;
	assert_int_equal(allocate_lines(&fake->uow, lines, 2, false).refused.outcome, DONE);
	assert_batchref(lines[0].batchref, "more");
	assert_batchref(lines[1].batchref, NULL);
	assert_int_equal(fake->attempts, 2);
}

/* It takes, each time, all of the first batch that has anything left, but for the last one; and the first line is gone. */
static void
other_session_is_faster(Fake *fake)
{
	if (fake->attempts == 2)
		fake->tables.nlines = 0;
	for (size_t i = 0; i + 1 < fake->tables.nbatches; i++)
	{
		Batch	   *batch = &fake->tables.batches[i].batch;

		if (batch_available_quantity(batch) == 0)
			continue;
		batch->allocated_quantity = batch->purchased_quantity;
		fake->interlope = other_session_is_faster;
		return;
	}
}

/* Of many attempts, what only the first ones have read is no longer there in the end. */
static void
test_many_lost_races_are_run_again(void **state)
{
	Fake	   *fake = *state;
	OrderLine	first = {"o1", "LAMP", 4};
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o2", "LAMP", 6}};

	stocked(fake, "a", "LAMP", 10);
	stocked(fake, "b", "LAMP", 10);
	stocked(fake, "c", "LAMP", 10);
	stocked(fake, "d", "LAMP", 10);
	allocate(&fake->uow, &first);
	fake->interlope = other_session_is_faster;
	assert_int_equal(allocate_lines(&fake->uow, lines, 2, true).refused.outcome, DONE);
	assert_int_equal(fake->attempts, 4);
	assert_string_equal(lines[0].orderid, "o1");
	assert_batchref(lines[0].batchref, "d");
	assert_string_equal(lines[1].sku, "LAMP");
	assert_batchref(lines[1].batchref, "d");
}

static void
test_a_call_that_fails_half_way_changes_nothing(void **state)
{
	Fake	   *fake = *state;
	int			fail_at = 0;

	stocked(fake, "lamps", "LAMP", 6);
	stocked(fake, "chairs", "CHAIR", 6);
	do
	{
		OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o1", "CHAIR", 2}};

		fake->fail_at = ++fail_at;
		allocate_lines(&fake->uow, lines, 2, true);
		if (fake->failed)
		{
			assert_int_equal(fake->tables.nlines, 0);
			assert_int_equal(fake_batch(fake, "lamps")->allocated_quantity, 0);
			assert_int_equal(fake_batch(fake, "chairs")->allocated_quantity, 0);
		}
	} while (fake->failed);
	assert_int_equal(fail_at, 5);	/* two charges and two lines have failed */
}

/*
 * deallocate_order
 */

static void
test_all_lines_of_an_order_are_given_back(void **state)
{
	Fake	   *fake = *state;
	OrderLine	lines[] = {{"o1", "LAMP", 4}, {"o1", "CHAIR", 9}, {"o2", "LAMP", 1}};
	LinesResult result;

	stocked(fake, "lamps", "LAMP", 6);
	stocked(fake, "chairs", "CHAIR", 6);
	allocate_lines(&fake->uow, lines, 3, false);
	result = deallocate_order(&fake->uow, "o1");
	assert_int_equal(result.nlines, 2);
	assert_string_equal(result.lines[0].sku, "CHAIR");
	assert_batchref(result.lines[0].batchref, NULL);
	assert_string_equal(result.lines[1].sku, "LAMP");
	assert_batchref(result.lines[1].batchref, "lamps");
	assert_int_equal(fake_batch(fake, "lamps")->allocated_quantity, 1);
	assert_int_equal(fake->tables.nlines, 1);
	assert_int_equal(deallocate_order(&fake->uow, "o1").nlines, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fake_set_up, fake_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_line_is_told_its_batch_in_the_order_given),
		TEST(test_only_what_is_written_is_numbered),
		TEST(test_batches_are_charged_by_reference),
		TEST(test_equally_good_batches_that_others_take_from_come_last),
		TEST(test_no_lines_are_no_work),
		TEST(test_later_lines_are_newer),
		TEST(test_all_or_nothing_is_refused_for_its_first_line_without_room),
		TEST(test_otherwise_lines_without_room_wait),
		TEST(test_an_invalid_sku_is_refused_either_way),
		TEST(test_what_is_known_comes_back_as_it_is),
		TEST(test_lines_that_are_known_wait_for_nobody),
		TEST(test_a_conflict_with_a_known_line_is_refused),
		TEST(test_one_call_does_what_a_call_for_each_line_does),
		TEST(test_a_lost_race_is_run_again),
		TEST(test_many_lost_races_are_run_again),
		TEST(test_a_call_that_fails_half_way_changes_nothing),
		TEST(test_all_lines_of_an_order_are_given_back),
	};

	return cmocka_run_group_tests_name("bulk services", tests, NULL, NULL);
}
