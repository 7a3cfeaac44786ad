/*
 * statement.c
 *		Makes, keeps and runs the plans of statements.
 */
#include "postgres.h"

#include "compat.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "statement.h"

bool		tables_are_distributed = false;

/* The tables are not what the extension has made of them. */
void
refuse_table(const char *table, const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			errmsg("table \"%s\" is not as extension \"allocation\" has made it", table),
			errdetail("%s", detail),
			errhint("Columns, constraints and rules of the tables of an extension have to stay as they are."));
}

/*
 * Plans
 */

static void
free_plan(void *plan)
{
	SPI_freeplan(plan);
}

/*
 * The saved plan of a statement.  It is for one schema, but within a session the
 * extension may come to live in another one, or its schema be renamed, or its
 * tables be distributed.  A trigger may even do that and call us while the plan
 * runs: so it is freed only when the transaction ends, and nothing runs any more.
 */
static SPIPlanPtr
prepared(Statement *statement, const char *schema)
{
	SPIPlanPtr	plan;
	char	   *plan_schema;

	if (statement->plan && statement->is_distributed == tables_are_distributed &&
		strcmp(statement->schema, schema) == 0)
		return statement->plan;

	plan = SPI_prepare_cursor(psprintf(statement->sql, quote_identifier(schema), tables_are_distributed ? "" : "/*",
									   tables_are_distributed ? "" : "*/", MyProcPid),
							  statement->nparameters, statement->types,
							  CURSOR_OPT_GENERIC_PLAN | CURSOR_OPT_FAST_PLAN);
	if (!plan)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
	plan_schema = MemoryContextStrdup(TopMemoryContext, schema);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);

	if (statement->plan)
	{
		MemoryContextCallback *callback = MemoryContextAlloc(TopTransactionContext, sizeof(MemoryContextCallback));

		callback->func = free_plan;
		callback->arg = statement->plan;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
		pfree(statement->schema);
	}
	statement->plan = plan;
	statement->schema = plan_schema;
	statement->is_distributed = tables_are_distributed;
	statement->generation = 0;
	return plan;
}

/*
 * What the planner is told, whatever the caller has set and whatever it knows of
 * the tables' sizes: to walk indexes, by nested loops.  A plan made while the
 * tables were empty has to be right when they hold millions of rows, and all
 * sessions have to lock rows in the same order.
 */
static const struct
{
	const char *name;
	const char *value;
}			planner_settings[] = {
	{"enable_indexscan", "on"},
	{"enable_indexonlyscan", "on"},
	{"enable_tidscan", "on"},
	{"enable_nestloop", "on"},
	{"enable_seqscan", "off"},
	{"enable_bitmapscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"enable_material", "off"},
	{"enable_memoize", "off"},
	{"seq_page_cost", "1"},
	{"random_page_cost", "4"},
	{"cpu_tuple_cost", "0.01"},
	{"cpu_index_tuple_cost", "0.005"},
	{"cpu_operator_cost", "0.0025"},
	{"cursor_tuple_fraction", "0.1"},
	{"from_collapse_limit", "8"},
	{"join_collapse_limit", "8"},
	{"jit", "off"}
};

/* Until the end of the caller's level of settings. */
static void
set_locally(const char *name, const char *value)
{
	set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Is the generic plan the one that was made here, and still good? */
static bool
is_planned(const Statement *statement, CachedPlanSource *source)
{
	return source->is_valid && source->gplan && source->gplan->is_valid &&
		source->generation == statement->generation &&
		(!TransactionIdIsValid(source->gplan->saved_xmin) ||
		 TransactionIdEquals(source->gplan->saved_xmin, TransactionXmin)) &&
		SearchPathMatchesCurrentEnvironment(source->search_path);
}

/* Until the end of the caller's level of settings, plans are made as they have to be. */
static void
set_planner(void)
{
	for (size_t i = 0; i < lengthof(planner_settings); i++)
		set_locally(planner_settings[i].name, planner_settings[i].value);
}

/* Makes the generic plan, where it is not there and one is used. */
static void
make_plan(Statement *statement)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(statement->plan));
	ListCell   *cell;

	if (is_planned(statement, source))
		return;

	if (!tables_are_distributed)
	{
		int			nest_level = NewGUCNestLevel();

		/* If it had to be made again just when it was to run, it was made by the caller's settings. */
		if (source->gplan)
			source->gplan->is_valid = false;
		set_planner();
		ReleaseCachedPlan(SPI_plan_get_cached_plan(statement->plan), CurrentResourceOwner);
		AtEOXact_GUC(true, nest_level);
	}
	foreach(cell, source->relationOids)
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_RELATION)
			refuse_table(get_rel_name(lfirst_oid(cell)), "It is not an ordinary table.");
	statement->generation = source->generation;
}

/*
 * Sees to it that what the caller has set changes no plan that is made already.
 * Where tables are distributed no plan is kept: which node a statement goes to, its
 * values say, and where one value does, Citus 13 keeps what it plans at each run.
 * It holds until the end of the caller's level of settings.
 */
void
statement_settings_for_call(void)
{
	if (tables_are_distributed)
	{
		set_planner();
		set_locally("plan_cache_mode", "force_custom_plan");
		/* Dates go to other nodes as text, and are read as is usual there. */
		set_locally("datestyle", "ISO");
	}
	else if (plan_cache_mode == PLAN_CACHE_MODE_FORCE_CUSTOM_PLAN)
		set_locally("plan_cache_mode", "force_generic_plan");
}

/*
 * Execution
 */

int64		statement_buffers = 0;

/* Runs a statement; returns how many rows it has read or written. */
uint64
statement_execute(Statement *statement, const char *schema, const NullableDatum *values, DestReceiver *receiver)
{
	SPIPlanPtr	plan = prepared(statement, schema);
	SPIExecuteOptions options = {.dest = receiver, .read_only = !statement->is_fresh};
	int64		buffers;
	int			code;

	/* An empty list is not the same as none to every planner that may be loaded. */
	if (statement->nparameters > 0)
		options.params = makeParamList(statement->nparameters);
	for (int i = 0; i < statement->nparameters; i++)
	{
		options.params->params[i].value = values[i].value;
		options.params->params[i].isnull = values[i].isnull;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = statement->types[i];
	}
	make_plan(statement);
	buffers = pgBufferUsage.shared_blks_hit;
	code = SPI_execute_plan_extended(plan, &options);
	statement_buffers = pgBufferUsage.shared_blks_hit - buffers;
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(code));
	return SPI_processed;
}
