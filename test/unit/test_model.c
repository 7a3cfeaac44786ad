/*
 * test_model.c
 *		The rules of the domain: lines, batches, and which line gets which batch.
 */
#include "helpers.h"
#include "domain/claims.h"

/*
 * Lines and batches
 */

static void
test_a_batch_gives_and_takes_the_open_units_of_a_line(void **state)
{
	Batch		batch = {.reference = "b1", .purchased_quantity = 20};
	OrderLine	line = {.qty = 5, .shipped_qty = 2};

	batch_allocate(&batch, &line);
	assert_int_equal(batch_available_quantity(&batch), 17);
	assert_string_equal(line.batchref, "b1");
	batch_deallocate(&batch, &line);
	assert_int_equal(batch_available_quantity(&batch), 20);
	assert_null(line.batchref);
}

static void
test_a_batch_is_overallocated_once_it_holds_less_than_it_promised(void **state)
{
	assert_false(batch_is_overallocated(&(Batch) {.purchased_quantity = 10, .allocated_quantity = 10}));
	assert_true(batch_is_overallocated(&(Batch) {.purchased_quantity = 9, .allocated_quantity = 10}));
}

static void
test_a_line_waits_while_it_has_open_units_and_no_batch(void **state)
{
	assert_true(line_waits(&(OrderLine) {.qty = 5, .shipped_qty = 2}));
	assert_false(line_waits(&(OrderLine) {.qty = 5, .batchref = "b1"}));
	assert_false(line_waits(&(OrderLine) {.qty = 5, .shipped_qty = 5}));
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
is_better(Day eta, const OrderLine *line, const Batch *own)
{
	return batch_comes_by(&(Batch) {.eta = eta}, line_deadline_to_improve(line, own));
}

static void
test_better_is_an_earlier_day_or_any_in_time_if_the_line_waits_or_is_late(void **state)
{
	OrderLine	line = {.qty = 1};
	OrderLine	urgent = {.qty = 1, .needed_by = 5};

	assert_true(is_better(6, &line, NULL));
	assert_true(is_better(5, &line, &(Batch) {.eta = 6}));
	assert_true(is_better(6, &line, &(Batch) {.eta = NEVER}));
	assert_false(is_better(6, &line, &(Batch) {.eta = 6}));
	assert_false(is_better(IN_WAREHOUSE, &line, &(Batch) {.eta = IN_WAREHOUSE}));

	assert_true(is_better(5, &urgent, &(Batch) {.eta = 6}));
	assert_true(is_better(5, &urgent, NULL));
	assert_false(is_better(6, &urgent, &(Batch) {.eta = NEVER}));
	assert_true(is_better(4, &urgent, &(Batch) {.eta = 5}));
	assert_false(is_better(5, &urgent, &(Batch) {.eta = 5}));
}

static void
test_the_preference_order_is_warehouse_day_rank_and_reference(void **state)
{
	static const Batch batches[] = {
		{"z", .rank = -1}, {"B"}, {"a"}, {"b"}, {"z"}, {"\xc3\xa4"},	/* byte by byte, as the index has them */
		{"z", .eta = 1, .rank = -1}, {"a", .eta = 1}, {"b", .eta = 1}, {"a", .eta = 1, .rank = INT32_MAX},
		{"a", .eta = 2, .rank = INT32_MIN}, {"a", .eta = NEVER}
	};
	const size_t n = sizeof(batches) / sizeof(batches[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			assert_int_equal(batch_precedes(&batches[i], &batches[j]), i < j);
	assert_true(batch_is_as_good_as(&batches[1], &batches[5]));
	assert_false(batch_is_as_good_as(&batches[0], &batches[1]));
	assert_false(batch_is_as_good_as(&batches[1], &batches[7]));
}

/*
 * Claims
 */

/* Offers the batch; the claims are by SKU and turn, batches by SKU and in preference order. */
static void
offer(Claims *claims, Batch *batch)
{
	if (claims_advance(claims, batch))
		assert_true(claims_meet(claims, batch));
}

/* Does the batch serve the line? */
static bool
serves(Batch batch, OrderLine line)
{
	Claim		claim = {.line = &line, .deadline = line_deadline(&line)};
	Claims		claims = {.all = &claim, .n = 1};

	batch.reference = "b1";
	batch.sku = line.sku = LAMP;
	offer(&claims, &batch);
	assert_ptr_equal(claim.batch, line.batchref ? &batch : NULL);
	assert_int_equal(claims_are_all_met(&claims), line.batchref != NULL);
	return line.batchref != NULL;
}

static void
test_a_batch_serves_lines_for_which_it_has_room(void **state)
{
	assert_true(serves((Batch) {.purchased_quantity = 20}, (OrderLine) {.qty = 2}));
	assert_true(serves((Batch) {.purchased_quantity = 2}, (OrderLine) {.qty = 2}));
	assert_false(serves((Batch) {.purchased_quantity = 2}, (OrderLine) {.qty = 20}));
	assert_false(serves((Batch) {.purchased_quantity = 20, .allocated_quantity = 19}, (OrderLine) {.qty = 2}));
	assert_true(serves((Batch) {.purchased_quantity = 2}, (OrderLine) {.qty = 20, .shipped_qty = 18}));
	assert_true(serves((Batch) {.purchased_quantity = INT32_MAX}, (OrderLine) {.qty = INT32_MAX}));
	assert_false(serves((Batch) {.purchased_quantity = INT32_MAX - 1}, (OrderLine) {.qty = INT32_MAX}));
}

static void
test_a_batch_serves_lines_for_which_it_comes_in_time(void **state)
{
	Batch		blocked = {.purchased_quantity = 1, .eta = NEVER};

	assert_true(serves((Batch) {.purchased_quantity = 1}, (OrderLine) {.qty = 1, .needed_by = 5}));
	assert_true(serves((Batch) {.purchased_quantity = 1, .eta = 5}, (OrderLine) {.qty = 1, .needed_by = 5}));
	assert_false(serves((Batch) {.purchased_quantity = 1, .eta = 6}, (OrderLine) {.qty = 1, .needed_by = 5}));
	assert_true(serves((Batch) {.purchased_quantity = 1, .eta = 6}, (OrderLine) {.qty = 1}));
	assert_false(serves(blocked, (OrderLine) {.qty = 1}));
	assert_false(serves(blocked, (OrderLine) {.qty = 1, .needed_by = NO_DEADLINE}));
}

static void
test_claims_are_met_in_their_turn_and_small_ones_pass_large_ones(void **state)
{
	OrderLine	lines[] = {LAMPS("o1", 2), LAMPS("o2", 5), LAMPS("o3", 2), LAMPS("o4", 1)};
	Claim		all[4];
	Claims		claims = {.all = all};
	Batch		first = {.reference = "b1", .sku = LAMP, .purchased_quantity = 4};
	Batch		second = {.reference = "b2", .sku = LAMP, .purchased_quantity = 6};

	for (int i = 0; i < 4; i++)
		claims_add(&claims, (Claim) {.line = &lines[i], .deadline = NO_DEADLINE});
	offer(&claims, &first);
	assert_ptr_equal(all[0].batch, &first);
	assert_null(all[1].batch);
	assert_ptr_equal(all[2].batch, &first);
	assert_null(all[3].batch);
	assert_false(claims_are_over(&claims));
	offer(&claims, &second);
	assert_ptr_equal(all[1].batch, &second);
	assert_ptr_equal(all[3].batch, &second);
	assert_true(claims_are_all_met(&claims));
	claims_advance(&claims, &second);
	assert_true(claims_are_over(&claims));
	claims_reopen(&claims);
	assert_null(all[0].batch);
	assert_null(lines[0].batchref);
}

static void
test_what_was_too_little_for_one_sku_may_do_for_the_next(void **state)
{
	OrderLine	lines[] = {LINE("o1", "A", 5), LINE("o1", "B", 1)};
	Claim		all[2];
	Claims		claims = {.all = all};
	Batch		batches[] = {{"a1", "A", 3}, {"a2", "A", 5}, {"b1", "B", 1}};

	for (int i = 0; i < 2; i++)
		claims_add(&claims, (Claim) {.line = &lines[i], .deadline = NO_DEADLINE});
	for (int i = 0; i < 3; i++)
		offer(&claims, &batches[i]);
	assert_ptr_equal(all[0].batch, &batches[1]);
	assert_ptr_equal(all[1].batch, &batches[2]);
}

static void
test_claims_and_batches_without_a_counterpart_are_passed_over(void **state)
{
	OrderLine	lines[] = {LINE("o1", "B", 1), LINE("o1", "D", 1, BY(3)), LINE("o2", "D", 1), LINE("o1", "F", 1)};
	Claim		all[4];
	Claims		claims = {.all = all};
	Batch		batches[] = {{"a", "A", 9}, {"c", "C", 9}, {"d", "D", 9, .eta = 5}, {"e", "E", 9}};

	for (int i = 0; i < 4; i++)
		claims_add(&claims, (Claim) {.line = &lines[i], .deadline = line_deadline(&lines[i])});
	for (int i = 0; i < 4; i++)
		offer(&claims, &batches[i]);
	assert_null(all[0].batch);
	assert_null(all[1].batch);
	assert_ptr_equal(all[2].batch, &batches[2]);
	assert_null(all[3].batch);
	assert_false(claims_are_over(&claims));
	offer(&claims, &(Batch) {"g", "G", 9});
	assert_true(claims_are_over(&claims));
}

static void
test_what_a_line_leaves_for_a_better_batch_is_free_for_others(void **state)
{
	Batch		better = {.reference = "b1", .sku = LAMP, .purchased_quantity = 2};
	Batch		own = {.reference = "b2", .sku = LAMP, .purchased_quantity = 2, .allocated_quantity = 2, .eta = 5};
	OrderLine	lines[] = {LAMPS("o1", 2, .batchref = "b2"), LAMPS("o2", 2)};
	Claim		all[] = {
		{.line = &lines[0], .own = &own, .deadline = 4}, {.line = &lines[1], .deadline = NO_DEADLINE}
	};
	Claims		claims = {.all = all, .n = 2};

	offer(&claims, &better);
	offer(&claims, &own);
	assert_string_equal(lines[0].batchref, "b1");
	assert_string_equal(lines[1].batchref, "b2");
	assert_int_equal(own.allocated_quantity, 2);
	claims_reopen(&claims);
	assert_string_equal(lines[0].batchref, "b2");
}

#include "main.h"
