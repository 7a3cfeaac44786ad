/*
 * helpers.c
 *		The words of the unit tests.
 */
#include "helpers.h"

Fake	   *fake;

/* Gives a test storage of its own. */
int
set_up(void **state)
{
	fake = malloc(sizeof(Fake));
	fake_init(fake);
	return 0;
}

/* Every test fails if a call did not keep the lock order. */
int
tear_down(void **state)
{
	bool		is_out_of_order = fake->is_out_of_order;

	fake_free(fake);
	free(fake);
	return is_out_of_order;
}

/* Begins with empty storage again. */
void
renew_storage(void)
{
	assert_false(fake->is_out_of_order);
	fake_free(fake);
	fake_init(fake);
}

/* So much time passes that all holds expire. */
void
holds_expire(void)
{
	fake->tables.now += 1000000;
}

/*
 * Stock
 */

/* Buys a batch of any kind. */
void
bought(Batch batch)
{
	assert_int_equal(add_batch(&fake->uow, &batch), DONE);
}

/* Buys lamps that are in the warehouse. */
void
stocked(const char *reference, int32_t qty)
{
	under_way(reference, qty, IN_WAREHOUSE);
}

/* Buys lamps that arrive on some day. */
void
under_way(const char *reference, int32_t qty, Day eta)
{
	bought((Batch) {.reference = reference, .sku = LAMP, .purchased_quantity = qty, .eta = eta});
}

/*
 * Calls
 */

LineResult
allocated(OrderLine line)
{
	return allocate(&fake->uow, &line);
}

LineResult
reallocated(OrderLine line)
{
	return reallocate(&fake->uow, &line);
}

LineResult
deallocated(const char *orderid)
{
	return deallocate(&fake->uow, orderid, LAMP);
}

LineResult
shipped(const char *orderid, int32_t qty)
{
	return ship(&fake->uow, orderid, LAMP, qty);
}

LinesResult
resized(const char *reference, int32_t qty)
{
	return change_batch_quantity(&fake->uow, NULL, reference, qty);
}

LinesResult
rescheduled(const char *reference, Day eta)
{
	return change_batch_eta(&fake->uow, NULL, reference, eta);
}

LinesResult
served_queue(void)
{
	return reallocate_sku(&fake->uow, LAMP);
}

/* The line is recorded, and waits. */
void
waits(OrderLine line)
{
	assert_int_equal(allocate_lines(&fake->uow, &line, 1, false).refused.outcome, DONE);
	assert_null(line.batchref);
}

/*
 * Answers
 */

static void
assert_batchref(const char *batchref, const char *expected)
{
	assert_string_equal(batchref ? batchref : "-", expected ? expected : "-");
}

void
assert_served(LineResult result, const char *batchref)
{
	assert_int_equal(result.outcome, DONE);
	assert_batchref(result.line.batchref, batchref);
}

void
assert_refused(LineResult result, Outcome outcome)
{
	assert_int_equal(result.outcome, outcome);
}

/* The call tells of these lines, each written as its order and batch: "o2 b1, o1 -". */
void
assert_told(LinesResult result, const char *lines)
{
	char		told[1024] = "";
	size_t		length = 0;

	assert_int_equal(result.refused.outcome, DONE);
	for (size_t i = 0; i < result.nlines; i++)
		length += (size_t) snprintf(told + length, sizeof(told) - length, "%s%s %s", i > 0 ? ", " : "",
									result.lines[i].orderid, result.lines[i].batchref ? result.lines[i].batchref : "-");
	assert_string_equal(told, lines);
}

/*
 * What is stored
 */

void
assert_line(const char *orderid, int32_t qty, const char *batchref)
{
	const OrderLine *line = fake_line(fake, orderid, LAMP);

	assert_non_null(line);
	assert_int_equal(line->qty, qty);
	assert_batchref(line->batchref, batchref);
}

void
assert_allocated(const char *reference, int32_t qty)
{
	assert_int_equal(fake_batch(fake, reference)->allocated_quantity, qty);
}

/* Batches and lines are what they were. */
void
assert_unchanged(const FakeTables *before)
{
	assert_int_equal(fake->tables.nbatches, before->nbatches);
	assert_int_equal(fake->tables.nlines, before->nlines);
	assert_memory_equal(fake->tables.batches, before->batches, sizeof(before->batches));
	assert_memory_equal(fake->tables.lines, before->lines, sizeof(before->lines));
}
