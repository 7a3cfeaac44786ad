/*
 * statement.c
 *		Makes, keeps and runs the plans of statements.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "catalog/pg_inherits.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "adapters/statement.h"

/*
 * Plans
 */

static void
free_plan(void *plan)
{
	SPI_freeplan(plan);
}

/*
 * The saved plan of a statement.  It is for one installation, but in the course of
 * a session the extension may move to another schema, its schema may be renamed, or
 * its tables distributed.  A trigger may even do that and call us while the plan
 * runs, so an old plan is freed only when the transaction ends.
 */
static SPIPlanPtr
prepared(Statement *statement, const Installation *installation)
{
	const char *sql = statement->sql;
	SPIPlanPtr	plan;

	if (statement->plan && statement->generation == installation->generation)
		return statement->plan;

	if (statement->distributed_sql && installation_is_distributed(installation))
		sql = statement->distributed_sql;
	plan = SPI_prepare_cursor(psprintf(sql, quote_identifier(NameStr(installation->schema)), MyProcPid),
							  statement->nparameters, statement->types,
							  CURSOR_OPT_GENERIC_PLAN | CURSOR_OPT_FAST_PLAN);
	if (!plan)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", sql);

	if (statement->plan)
	{
		MemoryContextCallback *callback = MemoryContextAlloc(TopTransactionContext, sizeof(MemoryContextCallback));

		callback->func = free_plan;
		callback->arg = statement->plan;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	statement->plan = plan;
	statement->text = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->query_string;
	statement->generation = installation->generation;
	return plan;
}

/*
 * Settings that make the planner choose index scans and nested loops, whatever the
 * caller has set and however large the tables are.  A plan made while the tables
 * were empty has to be good when they have millions of rows, and all sessions have
 * to lock rows in the same order.
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
	{"enable_sort", "off"},
	{"enable_incremental_sort", "off"},
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

/* Changes a setting until the current level of settings ends (see NewGUCNestLevel). */
void
statement_set_locally(const char *name, const char *value)
{
	set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Makes the planner choose as above, until the current level of settings ends. */
void
statement_set_planner(void)
{
	for (size_t i = 0; i < lengthof(planner_settings); i++)
		statement_set_locally(planner_settings[i].name, planner_settings[i].value);
}

/* Tree walker: refuses relations that are not our tables, and tables from which others inherit. */
static bool
check_relations(Node *node, void *installation)
{
	const RangeTblEntry *entry = (const RangeTblEntry *) node;

	if (!node)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, check_relations, installation, QTW_EXAMINE_RTES_BEFORE);
	if (!IsA(node, RangeTblEntry))
		return expression_tree_walker(node, check_relations, installation);
	/* From PostgreSQL 16 on a view is a subquery with the OID of the view. */
	if (entry->rtekind != RTE_RELATION && !OidIsValid(entry->relid))
		return false;
	if (!installation_has(installation, entry->relid))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				errmsg("relation \"%s\" is not a table of extension \"allocation\"", get_rel_name(entry->relid)),
				errdetail("A rule or policy on one of its tables uses it, or it has taken the name of one."),
				errhint("A trigger or function may use other relations; rules, and sub-selects in policies, may not."));
	if (entry->inh && has_subclass(entry->relid) && find_inheritance_children(entry->relid, NoLock) != NIL)
		installation_refuse_table(get_rel_name(entry->relid), "Other tables inherit from it.");
	return false;
}

RunningStatement statement_running;

static bool was_planned;
static planner_hook_type next_planner = NULL;

/*
 * The planner hook.  A statement of ours is planned when it first runs, and again
 * when anything has changed on which the plan depends, even while the call waits
 * for a lock.  By then its names may stand for other tables.  We check them here,
 * because the planner already runs code of these tables: it folds expressions of
 * indexes.
 */
static PlannedStmt *
plan_statement(PLANNER_PARAMETERS)
{
	planner_hook_type plan = next_planner ? next_planner : standard_planner;
	RunningStatement running = statement_running;
	PlannedStmt *planned;
	int			nest_level;

	if (!running.text || query_string != running.text)
		return plan(PLANNER_ARGUMENTS);

	check_relations((Node *) parse, (void *) running.installation);
	/* Statements that are planned within this are not ours. */
	statement_running.text = NULL;
	nest_level = NewGUCNestLevel();
	statement_set_planner();
	planned = plan(PLANNER_ARGUMENTS);
	AtEOXact_GUC(true, nest_level);
	statement_running = running;
	was_planned = true;
	return planned;
}

/* Installs the planner hook. */
void
statement_install_planner(void)
{
	next_planner = planner_hook;
	planner_hook = plan_statement;
}

/* Makes sure that plans are kept, whatever the caller has set, until the current level of settings ends. */
void
statement_keep_plans(void)
{
	if (plan_cache_mode == PLAN_CACHE_MODE_FORCE_CUSTOM_PLAN)
		statement_set_locally("plan_cache_mode", "force_generic_plan");
}

/* Sets what the statements of a pair have in common, before the first of them runs. */
void
statement_pair_complete(StatementPair *pair)
{
	for (int i = 0; i < pair->nparameters; i++)
	{
		pair->one.types[i] = pair->types[i];
		pair->many.types[i] = get_array_type(pair->types[i]);
	}
	pair->one.takes_snapshot = pair->many.takes_snapshot = pair->takes_snapshot;
	pair->one.nparameters = pair->many.nparameters = pair->nparameters;
}

/*
 * Execution
 */

int64		statement_buffers = 0;

/* Runs a statement on the tables of an installation; returns how many rows it has read or written. */
uint64
statement_execute(Statement *statement, const Installation *installation,
				  const NullableDatum *values, DestReceiver *receiver)
{
	SPIPlanPtr	plan = prepared(statement, installation);
	SPIExecuteOptions options = {.dest = receiver, .read_only = !statement->takes_snapshot};
	RunningStatement outer = statement_running;
	int64		buffers = pgBufferUsage.shared_blks_hit;
	int			code;

	/* Some planner hooks tell an empty list of parameters from none. */
	if (statement->nparameters > 0)
		options.params = makeParamList(statement->nparameters);
	for (int i = 0; i < statement->nparameters; i++)
	{
		options.params->params[i].value = values[i].value;
		options.params->params[i].isnull = values[i].isnull;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = statement->types[i];
	}
	statement_running = (RunningStatement) {statement->text, installation};
	was_planned = false;
	code = SPI_execute_plan_extended(plan, &options);
	statement_buffers = was_planned ? 0 : pgBufferUsage.shared_blks_hit - buffers;
	statement_running = outer;
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(code));
	return SPI_processed;
}
