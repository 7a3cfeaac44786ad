/*
 * test_histories.c
 *		Random histories: after each call, the tables are checked by the plainest
 *		means.  Most rules of the domain are written here once more, as one would
 *		write them without having read the domain.
 */
#include "helpers.h"

static char orders[20][16];
static char references[12][16];
static const char *const skus[] = {CHAIR, LAMP};

/* The history that is running; it is told if it fails. */
static unsigned int seed = 0;
static int	step;

__attribute__((destructor))
static void
tell_failed_history(void)
{
	if (seed != 0)
		fprintf(stderr, "history %u has failed at step %d\n", seed, step);
}

static void
begin_history(unsigned int number)
{
	seed = number;
	srand(seed);
	renew_storage();
	for (int i = 0; i < 12; i++)
		snprintf(references[i], sizeof(references[i]), "b%02d", i);
	for (int i = 0; i < 20; i++)
		snprintf(orders[i], sizeof(orders[i]), "o%02d", i);
}

static int
chance(int n)
{
	return rand() % n;
}

/* Holds expire on the hour, and each call is between two. */
#define HOUR 100

/* Any line. */
static OrderLine
any_line(void)
{
	return (OrderLine) {
		.orderid = orders[chance(8)], .sku = skus[chance(2)], .qty = 1 + chance(5),
		.needed_by = chance(3) == 0 ? 1 + chance(6) : 0,
		.held_until = chance(3) == 0 ? fake->tables.now / HOUR * HOUR + HOUR * (1 + chance(4)) : 0
	};
}

/*
 * The rules
 */

static bool
is_there(const OrderLine *line)
{
	return line && (line->held_until == 0 || line->held_until > fake->tables.now);
}

static bool
is_served_by(const OrderLine *line, const Batch *batch)
{
	return line->batchref && strcmp(line->batchref, batch->reference) == 0;
}

static int32_t
open_units(const OrderLine *line)
{
	return line->qty - line->shipped_qty;
}

/* Units of a batch that are free once those of expired holds are. */
static int32_t
free_units(const Batch *batch)
{
	int32_t		units = batch->purchased_quantity - batch->allocated_quantity;

	for (size_t i = 0; i < fake->tables.nlines; i++)
		if (is_served_by(fake_line_at(fake, i), batch) && !is_there(fake_line_at(fake, i)))
			units += open_units(fake_line_at(fake, i));
	return units;
}

static bool
is_in_time(const Batch *batch, const OrderLine *line)
{
	return batch->eta != NEVER && (line->needed_by == 0 || batch->eta <= line->needed_by);
}

/* The day of the best batch that can serve the line; NEVER if none can. */
static Day
best_day(const OrderLine *line)
{
	Day			best = NEVER;

	for (size_t i = 0; i < fake->tables.nbatches; i++)
	{
		const Batch *batch = fake_batch_at(fake, i);

		if (strcmp(batch->sku, line->sku) == 0 && is_in_time(batch, line) &&
			free_units(batch) >= open_units(line) && batch->eta < best)
			best = batch->eta;
	}
	return best;
}

/* The counters are right, and no batch has promised more than it has. */
static void
check_tables(void)
{
	for (size_t i = 0; i < fake->tables.nbatches; i++)
	{
		const Batch *batch = fake_batch_at(fake, i);
		int32_t		open = 0;

		for (size_t j = 0; j < fake->tables.nlines; j++)
			if (is_served_by(fake_line_at(fake, j), batch))
			{
				assert_string_equal(fake_line_at(fake, j)->sku, batch->sku);
				open += open_units(fake_line_at(fake, j));
			}
		assert_int_equal(batch->allocated_quantity - batch->shipped_quantity, open);
		assert_true(batch->shipped_quantity >= 0 && batch->shipped_quantity <= batch->allocated_quantity);
		assert_true(batch->allocated_quantity >= 0 && batch->allocated_quantity <= batch->purchased_quantity);
	}
	for (size_t j = 0; j < fake->tables.nlines; j++)
	{
		assert_true(fake_line_at(fake, j)->shipped_qty >= 0 && fake_line_at(fake, j)->shipped_qty <= fake_line_at(fake, j)->qty);
		assert_true(fake_line_at(fake, j)->ordered_at > 0);
	}
	assert_false(fake->is_out_of_order);
	assert_false(fake->contradicted);
}

/*
 * The calls
 */

/* A new line gets the best day there is, whatever expired holds have. */
static void
allocate_any_line(void)
{
	OrderLine	line = any_line();
	Day			best = best_day(&line);
	Batch		promised;
	LineResult	result;

	if (is_there(fake_line(fake, line.orderid, line.sku)))
	{
		allocated(line);
		return;
	}
	assert_int_equal(promise(&fake->uow, &line, &promised), best != NEVER);
	result = allocated(line);
	assert_int_equal(result.outcome == DONE, best != NEVER);
	if (result.outcome == DONE)
	{
		assert_int_equal(fake_batch(fake, result.line.batchref)->eta, best);
		assert_int_equal(promised.eta, best);
	}
}

static void
allocate_many_lines(void)
{
	OrderLine	terms = any_line();
	OrderLine	lines[6];
	LinesResult result;
	size_t		n = 0;

	for (int i = 0; i < 16 && n < 6; i++)
		if (chance(3) == 0)
		{
			const OrderLine *known = fake_line(fake, orders[i / 2], skus[i % 2]);

			lines[n] = terms;
			lines[n].orderid = orders[i / 2];
			lines[n].sku = skus[i % 2];
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
			assert_true(each->most_available < open_units(&each->line));
	}
}

/* No line is worse off, and none could be better off. */
static void
serve_any_queue(void)
{
	const char *sku = skus[chance(2)];
	FakeTables	before = fake->tables;
	LinesResult result = reallocate_sku(&fake->uow, sku);
	Fake		was = {.tables = before};

	for (size_t i = 0; i < fake->tables.nlines; i++)
	{
		const OrderLine *line = fake_line_at(fake, i);
		const OrderLine *old = fake_line(&was, line->orderid, line->sku);
		const Batch *batch = line->batchref ? fake_batch(fake, line->batchref) : NULL;

		if (strcmp(line->sku, sku) != 0 || !is_there(line) || open_units(line) == 0)
			continue;
		if (old->batchref)
			assert_true(batch && batch->eta <= fake_batch(fake, old->batchref)->eta);
		assert_true(best_day(line) >= (batch && is_in_time(batch, line) ? batch->eta : NEVER));
	}
	if (result.refused.outcome == DONE)
		assert_told(reallocate_sku(&fake->uow, sku), "");
}

static void
take_a_step(void)
{
	const char *order = orders[chance(8)];
	const char *reference = references[chance(12)];
	const char *sku = chance(2) ? skus[chance(2)] : NULL;
	OrderLine	line = any_line();

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
			reallocated(line);
			break;
		case 7:
			ship(&fake->uow, order, line.sku, chance(4));
			break;
		case 8:
			ship_order(&fake->uow, order, chance(2));
			break;
		case 9:
			serve_any_queue();
			break;
		case 10:
			allocate_many_lines();
			break;
		case 11:
			fake->tables.now += HOUR;
			break;
		default:
			allocate_any_line();
	}
	check_tables();
}

static void
test_the_rules_hold_however_calls_follow_each_other(void **state)
{
	for (unsigned int number = 1; number <= 5000; number++)
	{
		begin_history(number);
		fake->tables.now = HOUR;
		for (step = 1; step <= 60; step++)
			take_a_step();
	}
	seed = 0;
}

/*
 * One call for many lines
 */

/* Batches of which some are contended, and lines that are known before. */
static void
draw_stock(void)
{
	for (int i = 0; i < 12; i++)
		bought((Batch) {
			   .reference = references[(i * 7) % 12], .sku = skus[i < 2 ? i : chance(2)],
			   .purchased_quantity = chance(12), .eta = chance(2) * (1 + chance(3))
			   });
	for (int i = 0; i < 12; i++)
		if (chance(2))
			fake_take_from(fake, references[i]);
	for (int i = 0; i < 4; i++)
		allocated(LINE(orders[chance(20)], skus[chance(2)], 1 + chance(3)));
}

/* Ties, line by line, up to 30 different lines that do not conflict; returns how many could be served. */
static size_t
allocate_one_by_one(OrderLine *lines)
{
	size_t		n = 0;

	for (step = 1; step <= 30; step++)
	{
		OrderLine	line = LINE(orders[chance(20)], skus[chance(2)], 1 + chance(3));
		const OrderLine *known = fake_line(fake, line.orderid, line.sku);
		bool		is_repeated = false;

		for (size_t i = 0; i < n; i++)
			is_repeated |= strcmp(lines[i].orderid, line.orderid) == 0 && strcmp(lines[i].sku, line.sku) == 0;
		if (known)
			line.qty = known->qty;
		if (!is_repeated && allocated(line).outcome == DONE)
			lines[n++] = line;
	}
	return n;
}

static void
test_one_call_ties_lines_to_the_same_batches_as_a_call_for_each(void **state)
{
	for (unsigned int number = 1; number <= 300; number++)
	{
		OrderLine	lines[30];
		const char *batchrefs[30];
		LinesResult result;
		size_t		n;

		begin_history(number);
		draw_stock();
		n = allocate_one_by_one(lines);
		for (size_t i = 0; i < n; i++)
			for (int j = 0; j < 12; j++)
				if (strcmp(fake_line(fake, lines[i].orderid, lines[i].sku)->batchref, references[j]) == 0)
					batchrefs[i] = references[j];

		begin_history(number);
		draw_stock();
		result = allocate_lines(&fake->uow, lines, n, true);
		assert_refused(result.refused, DONE);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(result.lines[i].batchref, batchrefs[i]);
		check_tables();
	}
	seed = 0;
}

#include "main.h"
