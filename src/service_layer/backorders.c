/*
 * backorders.c
 *		Leaves lines waiting, so that no line waits beside stock that could serve
 *		it.
 *
 * Without a lock that could happen: a session that serves the queue of an SKU does
 * not see a line that this transaction has not committed yet, and this transaction
 * does not see the units that the other one makes free.  So both lock the queue.
 * Once this transaction has joined it, it sees all that was made free before, and
 * looks once more.
 */
#include "service_layer/backorders.h"

#include <string.h>

/* Adds the lines that wait. */
static void
add_waiting(Vector *waiting, const Vector *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		if (line_waits(lines->items[i]))
			vector_append(waiting, lines->items[i]);
}

/* Could any of these lines, by SKU, be served as things are now?  Then the next attempt locks the batches that could. */
static bool
could_serve_any(const Stock *before, const Vector *waiting)
{
	Repository *repository = before->repository;
	Locks		none = {.repository = repository};
	Stock		stock = stock_of(repository, &none, before->now);
	Claims		claims = {.all = new_array(repository, Claim, waiting->n)};
	OrderLine  *lines = vector_lines(waiting);
	Changes		changes = changes_of(repository, before->locks);

	stock.closed = before->closed;
	for (size_t i = 0; i < waiting->n; i++)
		claims_add(&claims, (Claim) {.line = &lines[i], .deadline = line_deadline(&lines[i])});
	stock_offer(&stock, &claims);
	stock_charge(&stock, &changes);
	changes_want_locks(&changes);
	return changes.ncharges > 0;
}

/* The SKUs of lines that are sorted by SKU; returns how many. */
static size_t
find_skus(const Vector *lines, const char **skus)
{
	size_t		n = 0;

	for (size_t i = 0; i < lines->n; i++)
	{
		const char *sku = ((const OrderLine *) lines->items[i])->sku;

		if (n == 0 || strcmp(skus[n - 1], sku) != 0)
			skus[n++] = sku;
	}
	return n;
}

/* Joins the queues of the lines that wait, and sees whether they have to. */
static Verdict
leave_waiting(const Stock *stock, const Changes *changes)
{
	Repository *repository = stock->repository;
	Vector		waiting = {.repository = repository};
	const char **skus;

	add_waiting(&waiting, &changes->added);
	add_waiting(&waiting, &changes->to);
	if (waiting.n == 0)
		return KEEP;
	vector_sort(&waiting, compare_line_keys);
	skus = new_array(repository, const char *, waiting.n);
	if (!repository->join_queues(repository, skus, find_skus(&waiting, skus)))
		return WAIT;
	/* If this attempt joined first, a session that makes room waits for it and then serves the queue: no line is overlooked. */
	if (repository->attempt.nfailed >= ATTEMPTS_THAT_LOOK_FURTHER && repository->attempt.joined_first)
		return KEEP;
	return could_serve_any(stock, &waiting) ? RETRY : KEEP;
}

/* Writes the changes, and what the stock gives to lines or takes back; lines without a batch then wait. */
Verdict
settle(Stock *stock, Changes *changes)
{
	Verdict		verdict;

	stock_charge(stock, changes);
	verdict = changes_write(changes);
	return verdict == KEEP ? leave_waiting(stock, changes) : verdict;
}
