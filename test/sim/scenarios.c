/*
 * scenarios.c
 *		What is tried: every pair of calls on small stocks, and random transactions.
 */
#include "scheduler.h"

#include <string.h>

/* Short forms for calls */
#define LINE(order, of_sku, units, ...) {.orderid = order, .sku = of_sku, .qty = units, __VA_ARGS__}
#define BY(day) .needed_by = day
#define HELD .held_until = INT64_MAX / 2
#define HELD_SHORTLY .held_until = AGE - 100
#define BATCH(ref, of_sku, units, ...) \
	.batch = {.reference = ref, .sku = of_sku, .purchased_quantity = units, __VA_ARGS__}
#define DAY(day) .eta = day
#define ONE(op, ...) {.operation = op, .lines = {LINE(__VA_ARGS__)}, .n = 1}
#define MANY(op, whole, count, ...) {.operation = op, .all_or_nothing = whole, .n = count, .lines = {__VA_ARGS__}}
#define WAITING(...) MANY(ALLOCATE_LINES, false, 1, LINE(__VA_ARGS__))
#define OF_BATCH(op, ...) {.operation = op, BATCH(__VA_ARGS__)}

/* Small stocks.  In none of them does a line wait that could be served. */
static const Call worlds[][MAX_SETUP] = {
	{							/* units are free, others under way, and a line waits */
		OF_BATCH(ADD_BATCH, "b1", "A", 2), OF_BATCH(ADD_BATCH, "b2", "A", 1,.rank = 1),
		OF_BATCH(ADD_BATCH, "b3", "A", 2, DAY(5)), OF_BATCH(ADD_BATCH, "b4", "B", 1),
		ONE(ALLOCATE, "o1", "A", 1), ONE(ALLOCATE, "o2", "A", 1), ONE(ALLOCATE, "o3", "A", 2), WAITING("o4", "A", 2)
	},
	{							/* no units are free */
		OF_BATCH(ADD_BATCH, "b1", "A", 2), OF_BATCH(ADD_BATCH, "b2", "A", 1, DAY(3)), OF_BATCH(ADD_BATCH, "b4", "B", 1),
		MANY(ALLOCATE_LINES, true, 2, LINE("o1", "A", 1), LINE("o1", "B", 1)), ONE(ALLOCATE, "o2", "A", 1, HELD),
		ONE(ALLOCATE, "o3", "A", 1), WAITING("o4", "A", 1), WAITING("o4", "B", 1)
	},
	{							/* equally good batches, a hold that has expired */
		OF_BATCH(ADD_BATCH, "b1", "A", 1), OF_BATCH(ADD_BATCH, "b2", "A", 1), OF_BATCH(ADD_BATCH, "b3", "A", 1, DAY(5)),
		OF_BATCH(ADD_BATCH, "b4", "B", 1), ONE(ALLOCATE, "o1", "A", 1), ONE(ALLOCATE, "o2", "A", 1, HELD_SHORTLY),
		ONE(ALLOCATE, "o3", "A", 1, HELD_SHORTLY)
	},
	{							/* one line could come sooner, another would have to leave for later */
		OF_BATCH(ADD_BATCH, "b3", "A", 5, DAY(5)), ONE(ALLOCATE, "o3", "A", 2), OF_BATCH(ADD_BATCH, "b1", "A", 2),
		ONE(ALLOCATE, "o1", "A", 1), OF_BATCH(ADD_BATCH, "b4", "B", 1)
	}
};

/* Every two of these calls meet. */
static const Call menu[] = {
	ONE(ALLOCATE, "o5", "A", 1), ONE(ALLOCATE, "o6", "A", 1), ONE(ALLOCATE, "o2", "A", 1), ONE(ALLOCATE, "o4", "A", 2),
	ONE(ALLOCATE, "o6", "A", 1, BY(3), HELD), ONE(ALLOCATE, "o3", "A", 2, BY(4)),
	MANY(ALLOCATE_LINES, true, 2, LINE("o5", "A", 1), LINE("o5", "B", 1)),
	MANY(ALLOCATE_LINES, false, 2, LINE("o6", "B", 1), LINE("o6", "A", 2)), WAITING("o5", "A", 1),
	MANY(ALLOCATE_LINES, false, 2, LINE("o4", "A", 1), LINE("o7", "B", 1)),
	MANY(TRY_ALLOCATE_LINES, true, 2, LINE("o5", "B", 1), LINE("o5", "A", 2)),
	ONE(REALLOCATE, "o1", "A", 3), ONE(REALLOCATE, "o3", "A", 1), ONE(REALLOCATE, "o2", "A", SAME_QUANTITY, BY(5)),
	ONE(DEALLOCATE, "o1", "A", 0), ONE(DEALLOCATE, "o5", "A", 0), ONE(DEALLOCATE_ORDER, "o1", NULL, 0),
	ONE(REALLOCATE_SKU, NULL, "A", 0), ONE(REALLOCATE_SKU, NULL, "B", 0),
	ONE(SHIP, "o1", "A", 1), MANY(SHIP_ORDER, false, 1, LINE("o3", NULL, 0)), ONE(PROMISE, NULL, "A", 1),
	OF_BATCH(ADD_BATCH, "b9", "A", 2), OF_BATCH(ADD_BATCH, "b9", "B", 1),
	OF_BATCH(CHANGE_BATCH_QUANTITY, "b1", NULL, 0), OF_BATCH(CHANGE_BATCH_QUANTITY, "b1", NULL, 1),
	OF_BATCH(CHANGE_BATCH_QUANTITY, "b2", NULL, 0), OF_BATCH(CHANGE_BATCH_QUANTITY, "b3", NULL, 3),
	OF_BATCH(CHANGE_BATCH_ETA, "b1", NULL, 0, DAY(NEVER)), OF_BATCH(CHANGE_BATCH_ETA, "b3", NULL, 0),
	OF_BATCH(CHANGE_BATCH_ETA, "b2", NULL, 0, DAY(9)),
	ONE(ALLOCATE, "o1", "A", 1), ONE(DEALLOCATE, "o2", "A", 0), MANY(SHIP_ORDER, true, 1, LINE("o1", NULL, 0))
};

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* Sets up one of the stocks. */
static void
set_world(Scenario *scenario, int world)
{
	memcpy(scenario->setup, worlds[world], sizeof(worlds[world]));
	while (scenario->setup[scenario->nsetup].n > 0 || scenario->setup[scenario->nsetup].batch.reference)
		scenario->nsetup++;
}

/* Serves the queue of each SKU for which the call may have made room. */
static void
add_recipe(Transaction *transaction, const Call *call)
{
	if (!call_makes_room(call))
		return;
	for (const char *const *sku = (const char *const[]) {"A", "B", NULL}; *sku; sku++)
	{
		const char *named = call->batch.sku ? call->batch.sku : call->lines[0].sku;

		if (call->operation == DEALLOCATE_ORDER || strcmp(named ? named : "A", *sku) == 0)
			transaction->calls[transaction->ncalls++] =
				(Call) {.operation = REALLOCATE_SKU, .lines = {{.sku = *sku}}, .n = 1, .is_recipe = true};
	}
}

/*
 * Pairs: every two calls on each stock, at different isolation levels, alone or
 * followed by reallocate_sku as the recipe has it.
 */
enum
{
	SINGLE,
	WITH_RECIPE,
	KEEPING_SNAPSHOTS,
	KEEPING_SNAPSHOTS_WITH_RECIPE,
	ONE_KEEPS_SNAPSHOT,
	WAYS
};

/* The number of pairs. */
int
count_pairs(void)
{
	return LENGTH(worlds) * WAYS * LENGTH(menu) * LENGTH(menu);
}

/* One of the pairs. */
Scenario
pair_scenario(int number)
{
	Scenario	scenario = {.nsessions = 2, .persistence = 50};
	int			ways[] = {number % LENGTH(menu), number / LENGTH(menu) % LENGTH(menu)};
	int			way = number / LENGTH(menu) / LENGTH(menu) % WAYS;
	int			world = number / LENGTH(menu) / LENGTH(menu) / WAYS;
	bool		has_recipe = way == WITH_RECIPE || way == KEEPING_SNAPSHOTS_WITH_RECIPE;
	bool		keeps_snapshots = way == KEEPING_SNAPSHOTS || way == KEEPING_SNAPSHOTS_WITH_RECIPE;

	set_world(&scenario, world);
	/* Expired holds make room that no call serves. */
	scenario.follows_recipe = has_recipe && world != 2;
	for (int i = 0; i < 2; i++)
	{
		Script	   *script = &scenario.scripts[i];
		Transaction *transaction = &script->transactions[0];

		/* If both sessions are at the same level, one order of the two calls will do. */
		script->n = ways[0] <= ways[1] || way == ONE_KEEPS_SNAPSHOT;
		if (keeps_snapshots || (way == ONE_KEEPS_SNAPSHOT && i == 1))
			transaction->level = REPEATABLE_READ;
		transaction->calls[transaction->ncalls++] = menu[ways[i]];
		if (has_recipe)
			add_recipe(transaction, &menu[ways[i]]);
	}
	return scenario;
}

/*
 * At random
 */

/* Any number below n. */
uint32_t
random_number(uint64_t *state, uint32_t n)
{
	uint64_t	z = *state += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return (uint32_t) ((z ^ z >> 31) >> 32) % n;
}

static const char *const orders[] = {"o1", "o2", "o3", "o4", "o5", "o6", "o7", "o8"};
static const char *const skus[] = {"A", "B", "C", "D", "E", "F"};
static const char *const references[] = {
	"b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "c1", "c2", "c3", "c4", "c5", "c6", "c7"
};

/*
 * Does a call end?  A large one meets sessions that take single units and give
 * them back again and again, and are always faster.
 */
static Scenario
lively_scenario(uint64_t *random)
{
	Scenario	scenario = {.nsessions = 3 + (int) random_number(random, 2), .is_adverse = true};
	bool		is_order = random_number(random, 2);
	int			nskus = is_order ? 3 + (int) random_number(random, 4) : 1;
	int			nbatches = is_order ? 2 : 8;
	int			nlines = is_order ? nskus : 4;
	bool		is_ranked = is_order || random_number(random, 2);
	Call	   *large = &scenario.scripts[0].transactions[0].calls[0];

	scenario.persistence = (int) random_number(random, 60);
	for (int i = 0; i < nskus; i++)
		for (int j = 0; j < nbatches; j++)
			scenario.setup[scenario.nsetup++] = (Call) {
				.operation = ADD_BATCH, BATCH(references[i * nbatches + j], skus[i], 1, .rank = is_ranked ? j : 0)
			};
	if (is_order)
		*large = (Call) {.operation = ALLOCATE_LINES, .all_or_nothing = random_number(random, 2)};
	else
		*large = (Call) {.operation = REALLOCATE_SKU, .lines = {{.sku = skus[0]}}, .n = 1};
	if (is_order)
		for (large->n = 0; large->n < nlines; large->n++)
			large->lines[large->n] = (OrderLine) {.orderid = orders[0], .sku = skus[large->n], .qty = 1};
	else
		for (int i = 0; i < nlines; i++)
		{
			/* Their lines wait, as the batches are bought later. */
			memmove(scenario.setup + i + 2, scenario.setup + i + 1, (size_t) (scenario.nsetup - i - 1) * sizeof(Call));
			scenario.setup[i + 1] = (Call) WAITING(orders[i], skus[0], 1);
			scenario.nsetup++;
		}
	if (!is_order)
		scenario.setup[0] = (Call) {.operation = ADD_BATCH, BATCH(references[0], skus[0], 0)};
	scenario.scripts[0].n = 1;
	scenario.scripts[0].transactions[0].ncalls = 1;
	for (int i = 1; i < scenario.nsessions; i++)
	{
		Script	   *script = &scenario.scripts[i];
		const char *sku = skus[random_number(random, (uint32_t) nskus)];

		script->loops = true;
		for (script->n = 0; script->n < 2; script->n++)
			script->transactions[script->n] = (Transaction) {
				.ncalls = 1, .calls = {{
					.operation = script->n == 0 ? ALLOCATE : DEALLOCATE,
					.lines = {LINE(orders[4 + i % 4], sku, 1)}, .n = 1
				}}
			};
	}
	return scenario;
}

static Transaction
random_transaction(uint64_t *random, int level, bool follows_recipe)
{
	Transaction transaction = {.level = (Level) level};
	int			ncalls = random_number(random, 3) == 0 ? 2 : 1;
	uint32_t	ending = random_number(random, 10);

	for (int i = 0; i < ncalls && transaction.ncalls < (follows_recipe ? 1 : MAX_CALLS); i++)
	{
		const Call *call = &menu[random_number(random, LENGTH(menu))];

		transaction.calls[transaction.ncalls++] = *call;
		if (follows_recipe)
			add_recipe(&transaction, call);
	}
	transaction.ending = ending == 0 ? ROLLBACK : ending == 1 ? KILL : COMMIT;
	transaction.kill_at = 1 + (int) random_number(random, 8);
	return transaction;
}

/* The random scenario with this number. */
Scenario
random_scenario(uint64_t seed)
{
	uint64_t	random = seed;
	Scenario	scenario = {
		.nsessions = 2 + (int) random_number(&random, 3), .persistence = 20 + 30 * (int) random_number(&random, 3)
	};
	int			world = (int) random_number(&random, LENGTH(worlds));
	uint32_t	level = random_number(&random, 5);

	if (random_number(&random, 20) == 0)
		return lively_scenario(&random);
	set_world(&scenario, world);
	scenario.follows_recipe = random_number(&random, 2) && world != 2;
	scenario.ages_at = world == 2 && random_number(&random, 2) ? 1 + (int) random_number(&random, 20) : 0;
	for (int i = 0; i < scenario.nsessions; i++)
	{
		Script	   *script = &scenario.scripts[i];

		script->n = 1 + (int) random_number(&random, 2);
		for (int j = 0; j < script->n; j++)
			script->transactions[j] = random_transaction(&random, level == 4 ? (int) random_number(&random, 3) :
				level == 3 ? REPEATABLE_READ : READ_COMMITTED, scenario.follows_recipe);
	}
	return scenario;
}
