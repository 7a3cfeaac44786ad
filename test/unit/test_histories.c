/*
 * test_histories.c
 *		Histories drawn at random, against storage in memory: after each call, what
 *		it has left behind is looked at by the plainest means.
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

static char orders[8][16];
static char references[12][16];
static const char *const skus[] = {"CHAIR", "LAMP"};

static int
chance(int n)
{
	return rand() % n;
}

/* Holds expire on the hour, and each call is between two. */
#define HOUR 100

/* A line that may be anything. */
static OrderLine
any_line(Fake *fake)
{
	return (OrderLine) {
		.orderid = orders[chance(8)], .sku = skus[chance(2)], .qty = 1 + chance(5),
		.needed_by = chance(3) == 0 ? 1 + chance(6) : 0,
		.held_until = chance(3) == 0 ? fake->tables.now / HOUR * HOUR + HOUR * (1 + chance(4)) : 0
	};
}

static bool
is_there(const Fake *fake, const OrderLine *line)
{
	return line && !line_is_expired(line, fake->tables.now);
}

/* Units left in a batch once expired holds are nobody's. */
static int32_t
units_left(const Fake *fake, const Batch *batch)
{
	int32_t		left = batch->purchased_quantity - batch->allocated_quantity;

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		const OrderLine *line = &fake->tables.lines[i].line;

		if (line->batchref && strcmp(line->batchref, batch->reference) == 0 && !is_there(fake, line))
			left += line->qty - line->shipped_qty;
	}
	return left;
}

/* The day of the best batch that can serve the line; INT64_MAX if none can. */
static int64_t
best_day(const Fake *fake, const OrderLine *line)
{
	int64_t		best = INT64_MAX;

	for (size_t i = 0; i < fake->tables.nbatches; i++)
	{
		const Batch *batch = &fake->tables.batches[i].batch;

		if (strcmp(batch->sku, line->sku) == 0 && batch->eta != NEVER &&
			(line->needed_by == 0 || batch->eta <= line->needed_by) &&
			units_left(fake, batch) >= line->qty - line->shipped_qty && batch->eta < best)
			best = batch->eta;
	}
	return best;
}

/* The counters are right, and no batch has promised more than it has. */
static void
check_tables(Fake *fake)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
	{
		const Batch *batch = &fake->tables.batches[i].batch;
		int32_t		open = 0;

		for (size_t j = 0; j < fake->tables.nlines; j++)
		{
			const OrderLine *line = &fake->tables.lines[j].line;

			if (!line->batchref || strcmp(line->batchref, batch->reference) != 0)
				continue;
			assert_string_equal(line->sku, batch->sku);
			open += line->qty - line->shipped_qty;
		}
		assert_int_equal(batch->allocated_quantity - batch->shipped_quantity, open);
		assert_true(0 <= batch->shipped_quantity && batch->shipped_quantity <= batch->allocated_quantity);
		assert_true(batch->allocated_quantity <= batch->purchased_quantity);
	}
	for (size_t j = 0; j < fake->tables.nlines; j++)
	{
		const OrderLine *line = &fake->tables.lines[j].line;

		assert_true(0 <= line->shipped_qty && line->shipped_qty <= line->qty);
		assert_true(line->ordered_at > 0);
	}
	assert_false(fake->is_out_of_order);
	assert_false(fake->contradicted);
}

/* A new line gets the best day there is, whatever expired holds have. */
static void
try_to_allocate(Fake *fake)
{
	OrderLine	line = any_line(fake);
	OrderLine  *known = fake_line(fake, line.orderid, line.sku);
	int64_t		best = best_day(fake, &line);
	Batch		promised;
	LineResult	result;

	if (is_there(fake, known))
	{
		allocate(&fake->uow, &line);
		return;
	}
	assert_int_equal(promise(&fake->uow, &line, &promised), best != INT64_MAX);
	result = allocate(&fake->uow, &line);
	assert_int_equal(result.outcome == DONE, best != INT64_MAX);
	if (result.outcome == DONE)
	{
		assert_int_equal(fake_batch(fake, result.line.batchref)->eta, best);
		assert_int_equal(promised.eta, best);
	}
}

static void
try_to_allocate_many(Fake *fake)
{
	OrderLine	terms = any_line(fake);
	OrderLine	lines[6];
	LinesResult result;
	size_t		n = 0;

	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 2 && n < 6; j++)
			if (chance(3) == 0)
			{
				OrderLine  *known = fake_line(fake, orders[i], skus[j]);

				lines[n] = terms;
				lines[n].orderid = orders[i];
				lines[n].sku = skus[j];
				lines[n++].qty = known && chance(4) ? known->qty : 1 + chance(5);
			}
	if (chance(3) > 0)
	{
		allocate_lines(&fake->uow, lines, n, chance(2));
		return;
	}
	result = try_allocate_lines(&fake->uow, lines, n);
	for (size_t i = 0; i < n; i++)
	{
		const LineResult *each = &result.each[i];

		assert_true(each->outcome == DONE || result.refused.outcome != DONE);
		if (each->outcome == OUT_OF_STOCK)
			assert_true(each->most_available < each->line.qty - each->line.shipped_qty);
	}
}

/* None is worse off, and nobody could be better off. */
static void
try_to_reallocate_sku(Fake *fake)
{
	const char *sku = skus[chance(2)];
	FakeTables	before = fake->tables;
	LinesResult result = reallocate_sku(&fake->uow, sku);

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		const OrderLine *line = &fake->tables.lines[i].line;
		const Batch *batch = line->batchref ? fake_batch(fake, line->batchref) : NULL;
		bool		is_late = batch && (batch->eta == NEVER || (line->needed_by != 0 && batch->eta > line->needed_by));

		if (strcmp(line->sku, sku) != 0 || !is_there(fake, line) || line->qty == line->shipped_qty)
			continue;
		for (size_t j = 0; j < before.nlines; j++)
		{
			const OrderLine *was = &before.lines[j].line;

			if (strcmp(was->orderid, line->orderid) == 0 && strcmp(was->sku, sku) == 0 && was->batchref)
				assert_true(batch && batch->eta <= fake_batch(fake, was->batchref)->eta);
		}
		assert_true(best_day(fake, line) >= (!batch || is_late ? INT64_MAX : batch->eta));
	}
	if (result.refused.outcome == DONE)
		assert_int_equal(reallocate_sku(&fake->uow, sku).nlines, 0);
}

static void
take_a_step(Fake *fake)
{
	const char *order = orders[chance(8)];
	const char *reference = references[chance(12)];
	const char *sku = chance(2) ? skus[chance(2)] : NULL;
	OrderLine	line = any_line(fake);

	fake->tables.now -= fake->tables.now % HOUR;
	switch (chance(14))
	{
		case 0:
			add_batch(&fake->uow, &(Batch) {
					  .reference = reference, .sku = skus[chance(2)], .purchased_quantity = chance(12),
					  .eta = chance(3) ? 1 + chance(6) : IN_WAREHOUSE, .rank = chance(2)
					  });
			break;
		case 1:
			change_batch_quantity(&fake->uow, sku, reference, chance(12));
			break;
		case 2:
			change_batch_eta(&fake->uow, sku, reference, chance(2) ? chance(8) ? 1 + chance(6) : NEVER : IN_WAREHOUSE);
			break;
		case 3:
			deallocate(&fake->uow, order, line.sku);
			break;
		case 4:
			deallocate_order(&fake->uow, order);
			break;
		case 5:
		case 6:
			line.held_until = 0;
			if (chance(2))
				line.qty = SAME_QUANTITY;
			reallocate(&fake->uow, &line);
			break;
		case 7:
			ship(&fake->uow, order, line.sku, chance(4));
			break;
		case 8:
			ship_order(&fake->uow, order, chance(2));
			break;
		case 9:
			try_to_reallocate_sku(fake);
			break;
		case 10:
			try_to_allocate_many(fake);
			break;
		case 11:
			fake->tables.now += HOUR;
			break;
		default:
			try_to_allocate(fake);
	}
	check_tables(fake);
}

static void
test_histories(void **state)
{
	(void) state;
	for (int i = 0; i < 12; i++)
		snprintf(references[i], sizeof(references[i]), "b%02d", i);
	for (int i = 0; i < 8; i++)
		snprintf(orders[i], sizeof(orders[i]), "o%d", i);
	for (unsigned int seed = 1; seed <= 5000; seed++)
	{
		Fake		fake;

		srand(seed);
		fake_init(&fake);
		fake.tables.now = HOUR;
		for (int step = 0; step < 60; step++)
			take_a_step(&fake);
		fake_free(&fake);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests_name("histories", tests, NULL, NULL);
}
