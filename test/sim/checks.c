/*
 * checks.c
 *		What must hold after each commit, of each answer, and at the end.
 */
#include "scheduler.h"
#include "service_layer/locks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Here a call is run again, alone: that is what it should answer. */
static Store model;

/* The line as of a commit; NULL if there was none, or the row is a batch. */
static const OrderLine *
line_as_of(const TableRow *row, uint64_t commit)
{
	const Version *version = row->orderid ? row_visible(row, (Snapshot) {commit, 0}, NOBODY) : NULL;

	return version ? &version->line : NULL;
}

static const OrderLine *
line_now(const TableRow *row)
{
	return line_as_of(row, UINT64_MAX);
}

static const Batch *
batch_now(const TableRow *row)
{
	const Version *version = row->orderid ? NULL : row_visible(row, (Snapshot) {UINT64_MAX, 0}, NOBODY);

	return version ? &version->batch : NULL;
}

/* The batch of the line; NULL if it waits or the batch does not exist. */
static const Batch *
batch_of(Store *store, const OrderLine *line)
{
	return line->batchref ? batch_now(store_find(store, NULL, line->batchref)) : NULL;
}

/*
 * Performs the call in the model.  Any of several equally good batches is right,
 * so all batches but those that the answer names are contended there.
 */
static void
perform_alone(const Call *call, const char *favourites, char *answer)
{
	Session    *session = &model.sessions[0];

	model.favourites = favourites;
	session_begin(session, READ_COMMITTED);
	if (call_perform(session, call, answer) != NO_ERROR)
		strcpy(answer, "an error");
	session_commit(session);
}

/*
 * Answers
 */

/*
 * Lets the model forget the lines of the call that others have removed since.  A
 * first attempt does not look for its lines: it may place them by a snapshot in
 * which they are still there, and add them after they were removed.
 */
static void
forget_removed_lines(Store *store, const Call *call)
{
	for (const OrderLine *line = call->lines; line < call->lines + call->n; line++)
		if (!line_now(store_find(store, line->orderid, line->sku)))
			store_find(&model, line->orderid, line->sku)->newest = NULL;
}

/* The batch of the model whose reference the text begins with. */
static const Batch *
batch_named(const char *text)
{
	for (const TableRow *row = model.rows; row < model.rows + model.nrows; row++)
		if (!row->orderid && strncmp(row->name, text, strcspn(text, ",)")) == 0)
			return batch_now(row);
	return NULL;
}

/* Are the answers the same, apart from equally good batches?  any_batch: apart from batches altogether. */
static bool
is_same_answer(const char *one, const char *other, bool any_batch)
{
	for (; *one && *other; one++, other++)
	{
		const Batch *a = strncmp(one, ": ", 2) == 0 ? batch_named(one + 2) : NULL;
		const Batch *b = strncmp(other, ": ", 2) == 0 ? batch_named(other + 2) : NULL;

		if (a && b && (any_batch || batch_is_as_good_as(a, b)))
		{
			one += strcspn(one, ",)") - 1;
			other += strcspn(other, ",)") - 1;
		}
		else if (*one != *other)
			return false;
	}
	return *one == *other;
}

/*
 * At some moment during the call its answer was right, given what was committed
 * then and what its own transaction had written before.  After many attempts a
 * call chooses among the batches that it has locked, so any batch is right.
 */
void
check_answer(Run *run, const Session *session, const Record *record)
{
	Store	   *store = &run->store;
	bool		any_batch = session->repository.attempt.nfailed >= ATTEMPTS_WITH_FREE_CHOICE;
	char		answer[MAX_ANSWER];

	for (uint64_t moment = store->commits + 1; moment-- > record->moment;)
		for (int way = 0; way < 4; way++)
		{
			bool		forgets = way % 2;
			bool		is_younger = way / 2;

			if ((forgets && record->call->operation > TRY_ALLOCATE_LINES) ||
				(is_younger && (run->scenario->ages_at < record->began || run->scenario->ages_at >= run->nsteps)))
				continue;
			store_copy(&model, store, (Snapshot) {moment, record->command}, session->id);
			model.clock -= is_younger ? AGE : 0;
			if (forgets)
				forget_removed_lines(store, record->call);
			perform_alone(record->call, record->answer, answer);
			if (is_same_answer(answer, record->answer, any_batch))
				return;
		}
	store_fail(store, "an answer: no moment explains what session %d was told: %s; at first it would have been: %s",
			   session->id, record->answer, answer);
}

/*
 * Commits
 */

static void
check_batch(Store *store, const Batch *batch)
{
	int32_t		allocated = batch->shipped_quantity;

	for (const TableRow *row = store->rows; row < store->rows + store->nrows; row++)
	{
		const OrderLine *line = line_now(row);

		if (line && batch_of(store, line) == batch)
			allocated += line_open_quantity(line);
	}
	if (batch->allocated_quantity != allocated)
		store_fail(store, "a sum: batch %s has %d allocated, its lines %d",
				   batch->reference, batch->allocated_quantity, allocated);
	if (batch->shipped_quantity < 0 || allocated > batch->purchased_quantity)
		store_fail(store, "oversold: batch %s", batch->reference);
}

/* Does the line wait, and would so many units of the batch serve it? */
static bool
would_take(const OrderLine *line, const Batch *batch, int32_t units)
{
	return !line->batchref && strcmp(line->sku, batch->sku) == 0 && line_open_quantity(line) > 0 &&
		line_open_quantity(line) <= units && batch_comes_by(batch, line_deadline(line));
}

/* No line that has waited since before the call would be served by what the call gave to a new line. */
static void
check_turns(Store *store, const Record *record)
{
	for (int i = 0; i < record->call->n && record->call->operation <= TRY_ALLOCATE_LINES; i++)
	{
		const TableRow *row = store_find(store, record->call->lines[i].orderid, record->call->lines[i].sku);
		const OrderLine *line = line_now(row);
		const Batch *batch = line ? batch_of(store, line) : NULL;

		if (!batch || line_as_of(row, store->commits - 1))
			continue;
		for (const TableRow *other = store->rows; other < store->rows + store->nrows; other++)
		{
			const OrderLine *before = line_as_of(other, record->moment);
			const OrderLine *now = line_now(other);

			if (before && !before->batchref && now && would_take(now, batch, line_open_quantity(line)))
				store_fail(store, "overtaken: line (%s, %s) got %s, and (%s, %s) waits",
						   line->orderid, line->sku, batch->reference, now->orderid, now->sku);
		}
	}
}

/* Counters equal their lines and nothing is oversold; if all follow the recipe, no line is overtaken. */
void
check_commit(Run *run, const Record *records, int n)
{
	Store	   *store = &run->store;

	for (const TableRow *row = store->rows; row < store->rows + store->nrows; row++)
	{
		const OrderLine *line = line_now(row);
		const Batch *batch = batch_now(row);

		if (batch)
			check_batch(store, batch);
		if (line && (line->shipped_qty < 0 || line->shipped_qty > line->qty))
			store_fail(store, "a line: (%s, %s) has shipped %d", line->orderid, line->sku, line->shipped_qty);
		if (line && line->batchref && !batch_of(store, line))
			store_fail(store, "a line: (%s, %s) has batch %s, which is not there",
					   line->orderid, line->sku, line->batchref);
	}
	for (int i = 0; i < n; i++)
		if (run->scenario->follows_recipe && records[i].call)
			check_turns(store, &records[i]);
}

/*
 * The end
 */

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

typedef char State[MOST_ROWS][128];

/* Writes all rows as sorted texts, without turns. */
static void
describe_state(const Store *store, State state)
{
	int			n = 0;

	memset(state, 0, sizeof(State));
	for (const TableRow *row = store->rows; row < store->rows + store->nrows; row++)
	{
		const OrderLine *line = line_now(row);
		const Batch *batch = batch_now(row);

		if (line)
			snprintf(state[n++], sizeof(state[0]), "%s %s %d %d %s %lld %d",
					 line->orderid, line->sku, line->qty, line->shipped_qty, line->batchref ? line->batchref : "-",
					 (long long) line->needed_by, line->held_until != 0);
		if (batch)
			snprintf(state[n++], sizeof(state[0]), "%s %s %d %d %d %lld",
					 batch->reference, batch->sku, batch->purchased_quantity, batch->allocated_quantity,
					 batch->shipped_quantity, (long long) batch->eta);
	}
	qsort(state, (size_t) n, sizeof(state[0]), compare_texts);
}

/*
 * Of three calls, one may be refused in between: it comes after the call that
 * makes room, and does not see yet the line that began to wait before that.
 */
#define MOST_IN_ORDER 2

/* Committed calls in some order. */
typedef struct Order
{
	Run		   *run;
	const Record *records[MOST_IN_ORDER];
	int			n;
	State		outcome;
} Order;

static bool
order_explains(const Order *order)
{
	char		answer[MAX_ANSWER];
	State		state;

	store_copy(&model, &order->run->store, (Snapshot) {order->run->setup, 0}, NOBODY);
	for (int i = 0; i < order->n; i++)
	{
		perform_alone(order->records[i]->call, order->records[i]->answer, answer);
		if (strcmp(answer, order->records[i]->answer) != 0)
			return false;
	}
	describe_state(&model, state);
	return memcmp(state, order->outcome, sizeof(State)) == 0;
}

/* Does the order explain the outcome, or does one with the calls from some place on rearranged? */
static bool
some_order_explains(Order *order, int place)
{
	bool		is_explained = false;

	if (place == order->n)
		return order_explains(order);
	for (int i = place; i < order->n && !is_explained; i++)
	{
		const Record *first = order->records[i];
		bool		is_possible = true;

		for (int j = place; j < order->n; j++)
			is_possible &= order->records[j]->committed >= first->began || j == i;
		if (!is_possible)
			continue;
		order->records[i] = order->records[place];
		order->records[place] = first;
		is_explained = some_order_explains(order, place + 1);
		order->records[place] = order->records[i];
		order->records[i] = first;
	}
	return is_explained;
}

/* Does one call remove a line that another adds?  See forget_removed_lines(). */
static bool
is_added_again(const Order *order)
{
	for (int i = 0; i < order->n; i++)
		for (int j = 0; j < order->n; j++)
		{
			const Call *adds = order->records[i]->call;
			const Call *removes = order->records[j]->call;

			if (adds->operation <= TRY_ALLOCATE_LINES &&
				(removes->operation == DEALLOCATE || removes->operation == DEALLOCATE_ORDER) &&
				strcmp(adds->lines[0].orderid, removes->lines[0].orderid) == 0)
				return true;
		}
	return false;
}

/* If there are two calls, each in its own transaction, one of their two orders explains the answers and the outcome. */
static void
check_order(Run *run)
{
	const Scenario *scenario = run->scenario;
	static Order order;

	order.run = run;
	order.n = 0;
	for (int i = 0; i < scenario->nsessions; i++)
		for (int j = 0; j < scenario->scripts[i].n; j++)
			for (int k = 0; k < scenario->scripts[i].transactions[j].ncalls; k++)
			{
				const Record *record = &run->records[i][j][k];

				if (!record->call || record->committed == 0)
					continue;
				if (order.n == MOST_IN_ORDER || transaction_ncalls(&scenario->scripts[i].transactions[j]) > 1)
					return;
				order.records[order.n++] = record;
			}
	describe_state(&run->store, order.outcome);
	if (!is_added_again(&order) && scenario->ages_at == 0 && !some_order_explains(&order, 0))
		store_fail(&run->store, "the order: no order of the calls explains their answers and what there is at the end");
}

/* No line waits although a batch could serve it. */
static void
check_rest(Store *store)
{
	for (const TableRow *row = store->rows; row < store->rows + store->nrows; row++)
		for (const TableRow *other = store->rows; other < store->rows + store->nrows; other++)
		{
			const OrderLine *line = line_now(row);
			const Batch *batch = batch_now(other);

			if (line && batch && would_take(line, batch, batch_available_quantity(batch)))
				store_fail(store, "forgotten: line (%s, %s) waits, and batch %s could serve it",
						   line->orderid, line->sku, batch->reference);
		}
}

/* What must hold when all sessions are done. */
void
check_end(Run *run)
{
	for (int i = 0; i < run->scenario->nsessions; i++)
		if (run->scenario->scripts[i].loops)
			return;
	check_order(run);
	if (run->scenario->follows_recipe)
		check_rest(&run->store);
}
