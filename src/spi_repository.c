/*
 * spi_repository.c
 *		The repository over SPI: all SQL text and all saved plans.
 *
 * Names and operators are qualified throughout, because statements run with the
 * caller's search_path.  What SQL resolves behind the scenes by an operator's
 * bare name (IN, BETWEEN, IS DISTINCT FROM, CASE x WHEN) must not be used here.
 */
#include "postgres.h"

#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "spi_repository.h"

/* Beside what a COPY shows; the view allocation_progress reads it. */
#define PROGRESS_LINES_TOTAL (PGSTAT_NUM_PROGRESS_PARAM - 1)

/*
 * Statements
 */

#define EQ " OPERATOR(pg_catalog.=) "
#define GT " OPERATOR(pg_catalog.>) "
#define GE " OPERATOR(pg_catalog.>=) "
#define LE " OPERATOR(pg_catalog.<=) "
#define PLUS " OPERATOR(pg_catalog.+) "
#define MINUS " OPERATOR(pg_catalog.-) "

#define MAX_PARAMETERS 7

typedef struct Statement
{
	const char *sql;			/* %1$s stands for the schema */
	Oid			types[MAX_PARAMETERS];
	int			nparameters;
	bool		sees_latest;	/* what others commit meanwhile, at any isolation level */
	SPIPlanPtr	plan;			/* NULL until it is first needed */
	char	   *schema;			/* for which the plan was made */
} Statement;

#define LINE_COLUMNS "orderid, sku, qty, batchref, allocated_at"
#define BATCH_COLUMNS "reference, sku, purchased_quantity, allocated_quantity, eta"

static Statement select_line = {
	"SELECT " LINE_COLUMNS " FROM %1$s.order_lines WHERE orderid" EQ "$1 AND sku" EQ "$2",
	{TEXTOID, TEXTOID}, 2
};

/* LIMIT keeps the planner from anything but one index look-up for each line, in their order. */
static Statement select_lines = {
	"SELECT l.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS asked (orderid, sku)"
	" CROSS JOIN LATERAL (SELECT " LINE_COLUMNS " FROM %1$s.order_lines"
	" WHERE orderid" EQ "asked.orderid AND sku" EQ "asked.sku LIMIT 1) AS l",
	{TEXTARRAYOID, TEXTARRAYOID}, 2
};

static Statement select_lines_of_order = {
	"SELECT " LINE_COLUMNS " FROM %1$s.order_lines WHERE orderid" EQ "$1 ORDER BY sku",
	{TEXTOID}, 1
};

static Statement select_batch = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE reference" EQ "$1",
	{TEXTOID}, 1
};

static Statement select_sku = {
	"SELECT FROM %1$s.batches WHERE sku" EQ "$1 LIMIT 1",
	{TEXTOID}, 1
};

/* DELETE and TRUNCATE take what the snapshot of their transaction does not show, too. */
static Statement select_allocation = {
	"SELECT FROM %1$s.order_lines WHERE batchref IS NOT NULL LIMIT 1",
	.sees_latest = true
};

static Statement select_allocation_of_batch = {
	"SELECT FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2 LIMIT 1",
	{TEXTOID, TEXTOID}, 2,
	.sees_latest = true
};

/* Of what is left, SQL sees the room only: it narrows what is read, and the model decides. */
#define BATCHES_FOR(sku, qty, locking) \
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches" \
	" WHERE sku" EQ sku " AND room" GT "0 AND room" GE qty \
	" ORDER BY eta NULLS FIRST, reference" locking

#define BATCHES_FOR_MANY(locking) \
	"SELECT b.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS demand (sku, qty)" \
	" CROSS JOIN LATERAL (" BATCHES_FOR("demand.sku", "demand.qty", locking) ") AS b"

static Statement select_batches = {BATCHES_FOR("$1", "$2", ""), {TEXTOID, INT4OID}, 2};

static Statement select_batches_for_many = {BATCHES_FOR_MANY(""), {TEXTARRAYOID, INT4ARRAYOID}, 2};

static Statement lock_batches_for_many = {
	BATCHES_FOR_MANY(" FOR NO KEY UPDATE"), {TEXTARRAYOID, INT4ARRAYOID}, 2
};

#define SIBLINGS(locking) \
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches" \
	" WHERE sku" EQ "$1 AND (room" GT "0 OR reference" EQ "$2)" \
	" ORDER BY eta NULLS FIRST, reference" locking

static Statement select_siblings = {SIBLINGS(""), {TEXTOID, TEXTOID}, 2};

static Statement lock_siblings = {SIBLINGS(" FOR NO KEY UPDATE"), {TEXTOID, TEXTOID}, 2};

static Statement select_lines_of_batch = {
	"SELECT " LINE_COLUMNS " FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2"
	" ORDER BY allocated_at DESC",
	{TEXTOID, TEXTOID}, 2
};

static Statement insert_batch = {
	"INSERT INTO %1$s.batches (" BATCH_COLUMNS ") VALUES ($1, $2, $3, $4, $5)",
	{TEXTOID, TEXTOID, INT4OID, INT4OID, DATEOID}, 5
};

/* The charge is the lock: no SELECT ... FOR UPDATE comes before it. */
static Statement take_units = {
	"UPDATE %1$s.batches SET allocated_quantity = allocated_quantity" PLUS "$3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2"
	" AND purchased_quantity" MINUS "allocated_quantity" GE "$3",
	{TEXTOID, TEXTOID, INT4OID}, 3
};

static Statement return_units = {
	"UPDATE %1$s.batches SET allocated_quantity = allocated_quantity" MINUS "$3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" GE "$3",
	{TEXTOID, TEXTOID, INT4OID}, 3
};

/*
 * Where a table is joined to arrays, = ANY leaves the planner one way: for each
 * element, in their order, a look-up in the primary key.
 */
#define IS(value) EQ "ANY (ARRAY[" value "])"

static Statement charge_many = {
	"UPDATE %1$s.batches AS b SET allocated_quantity = b.allocated_quantity" PLUS "c.units"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
	" AS c (sku, reference, units)"
	" WHERE b.sku" IS("c.sku") " AND b.reference" IS("c.reference")
	" AND b.purchased_quantity" MINUS "b.allocated_quantity" GE "c.units"
	" AND b.allocated_quantity" GE "(OPERATOR(pg_catalog.-) c.units)",
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID}, 3
};

static Statement set_purchased_quantity = {
	"UPDATE %1$s.batches SET purchased_quantity = $3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" LE "$3",
	{TEXTOID, TEXTOID, INT4OID}, 3
};

static Statement insert_line = {
	"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ") VALUES ($1, $2, $3, $4, $5)",
	{TEXTOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID}, 5
};

static Statement insert_lines = {
	"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ")"
	" SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),"
	" pg_catalog.unnest($4), pg_catalog.unnest($5)) AS added",
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, 5
};

#define IS_STILL_THE_LINE \
	"orderid" EQ "$1 AND sku" EQ "$2 AND qty" EQ "$3 AND (batchref" EQ "$4 OR batchref IS NULL AND $4 IS NULL)"

static Statement update_line = {
	"UPDATE %1$s.order_lines SET qty = $5, batchref = $6, allocated_at = $7 WHERE " IS_STILL_THE_LINE,
	{TEXTOID, TEXTOID, INT4OID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID}, 7
};

static Statement delete_line = {
	"DELETE FROM %1$s.order_lines WHERE " IS_STILL_THE_LINE,
	{TEXTOID, TEXTOID, INT4OID, TEXTOID}, 4
};

#define ARE_STILL_THE_LINES \
	"l.orderid" IS("was.orderid") " AND l.sku" IS("was.sku") " AND l.qty" EQ "was.qty" \
	" AND (l.batchref" EQ "was.batchref OR l.batchref IS NULL AND was.batchref IS NULL)"

static Statement update_lines = {
	"UPDATE %1$s.order_lines AS l SET qty = was.new_qty, batchref = was.new_batchref, allocated_at = was.new_allocated_at"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),"
	" pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7))"
	" AS was (orderid, sku, qty, batchref, new_qty, new_batchref, new_allocated_at)"
	" WHERE " ARE_STILL_THE_LINES,
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, 7
};

static Statement delete_lines = {
	"DELETE FROM %1$s.order_lines AS l"
	" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
	" AS was (orderid, sku, qty, batchref)"
	" WHERE " ARE_STILL_THE_LINES,
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID}, 4
};

/*
 * The saved plan of a statement.  It is for one schema, but the extension may
 * come to live in another one, or its schema be renamed, within a session.
 */
static SPIPlanPtr
prepared(const SpiRepository *self, Statement *statement)
{
	SPIPlanPtr	plan;

	if (statement->plan && strcmp(statement->schema, self->schema) == 0)
		return statement->plan;

	plan = SPI_prepare_cursor(psprintf(statement->sql, quote_identifier(self->schema)),
							  statement->nparameters, statement->types,
							  CURSOR_OPT_GENERIC_PLAN | CURSOR_OPT_FAST_PLAN);
	if (!plan)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);

	if (statement->plan)
	{
		SPI_freeplan(statement->plan);
		pfree(statement->schema);
		statement->plan = NULL;
	}
	statement->schema = MemoryContextStrdup(TopMemoryContext, self->schema);
	statement->plan = plan;
	return plan;
}

/*
 * Makes the planner walk indexes, whatever it knows of the tables' sizes and
 * whatever the caller has set.  A plan made while the tables were empty has to
 * be right when they hold millions of rows.
 */
static void
plan_for_growth(SPIPlanPtr plan)
{
	static const char *const avoided[] = {"enable_seqscan", "enable_bitmapscan"};
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	int			nest_level;

	if (source->is_valid && source->gplan && source->gplan->is_valid &&
		SearchPathMatchesCurrentEnvironment(source->search_path))
		return;

	nest_level = NewGUCNestLevel();
	for (size_t i = 0; i < lengthof(avoided); i++)
		set_config_option(avoided[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	set_config_option("enable_indexscan", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), CurrentResourceOwner);
	AtEOXact_GUC(true, nest_level);
}

/* Runs a statement; returns how many rows it has read or written. */
static uint64
execute(Repository *repository, Statement *statement, const NullableDatum *values, DestReceiver *receiver)
{
	SPIPlanPtr	plan = prepared((SpiRepository *) repository, statement);
	ParamListInfo parameters = makeParamList(statement->nparameters);
	SPIExecuteOptions options = {.params = parameters, .dest = receiver, .read_only = statement->sees_latest};
	int			code;

	for (int i = 0; i < statement->nparameters; i++)
	{
		parameters->params[i].value = values[i].value;
		parameters->params[i].isnull = values[i].isnull;
		parameters->params[i].pflags = PARAM_FLAG_CONST;
		parameters->params[i].ptype = statement->types[i];
	}
	plan_for_growth(plan);
	if (statement->sees_latest)
		PushActiveSnapshot(GetLatestSnapshot());
	code = SPI_execute_plan_extended(plan, &options);
	if (statement->sees_latest)
		PopActiveSnapshot();
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(code));
	return SPI_processed;
}

/* A trigger of the user's may have robbed us of rows that we have added. */
static void
expect_rows(uint64 nadded, size_t n)
{
	if (nadded != n)
		ereport(ERROR,
				errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				errmsg("a trigger on a table of extension \"allocation\" has suppressed a row"));
}

/*
 * Parameters
 */

static NullableDatum
number(int32 value)
{
	return (NullableDatum) {.value = Int32GetDatum(value)};
}

static NullableDatum
string(const char *value)
{
	if (!value)
		return (NullableDatum) {.isnull = true};
	return (NullableDatum) {.value = CStringGetTextDatum(value)};
}

/* What a statement is told of a line. */

static NullableDatum
orderid(const OrderLine *line)
{
	return string(line->orderid);
}

static NullableDatum
sku(const OrderLine *line)
{
	return string(line->sku);
}

static NullableDatum
qty(const OrderLine *line)
{
	return number(line->qty);
}

static NullableDatum
batchref(const OrderLine *line)
{
	return string(line->batchref);
}

static NullableDatum
allocated_at(const OrderLine *line)
{
	return (NullableDatum) {.value = TimestampTzGetDatum(line->allocated_at), .isnull = !line->batchref};
}

static NullableDatum
array(Datum *values, bool *nulls, size_t n, Oid array_type)
{
	Oid			type = get_element_type(array_type);
	int16		length;
	bool		by_value;
	char		alignment;
	int			lower_bound = 1;
	int			dimension = (int) n;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return (NullableDatum) {
		.value = PointerGetDatum(construct_md_array(values, nulls, 1, &dimension, &lower_bound,
													type, length, by_value, alignment))
	};
}

/* A parameter that is an array: what a function says of each of these lines. */
typedef struct LinesColumn
{
	OrderLine **lines;
	NullableDatum (*value) (const OrderLine *line);
} LinesColumn;

static NullableDatum
lines_array(const LinesColumn *column, size_t n, Oid array_type)
{
	Datum	   *values = palloc(n * sizeof(Datum));
	bool	   *nulls = palloc(n * sizeof(bool));

	for (size_t i = 0; i < n; i++)
	{
		NullableDatum value = column->value(column->lines[i]);

		values[i] = value.value;
		nulls[i] = value.isnull;
	}
	return array(values, nulls, n, array_type);
}

/*
 * Rows
 */

/* Hands what a statement returns to a visitor, row by row, until that has seen enough. */
typedef struct Reader
{
	DestReceiver receiver;
	MemoryContext memory;
	BatchVisitor visit_batch;
	LineVisitor visit_line;
	void	   *context;
} Reader;

static const char *
read_string(TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? NULL : TextDatumGetCString(slot->tts_values[column]);
}

static bool
receive_batch(TupleTableSlot *slot, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	Batch		batch;
	bool		go_on;

	slot_getallattrs(slot);
	batch.reference = read_string(slot, 0);
	batch.sku = read_string(slot, 1);
	batch.purchased_quantity = DatumGetInt32(slot->tts_values[2]);
	batch.allocated_quantity = DatumGetInt32(slot->tts_values[3]);
	batch.under_way = !slot->tts_isnull[4];
	batch.eta = batch.under_way ? DatumGetDateADT(slot->tts_values[4]) : 0;
	go_on = reader->visit_batch(reader->context, &batch);
	MemoryContextSwitchTo(old);
	return go_on;
}

static bool
receive_line(TupleTableSlot *slot, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	OrderLine	line;
	bool		go_on;

	slot_getallattrs(slot);
	line.orderid = read_string(slot, 0);
	line.sku = read_string(slot, 1);
	line.qty = DatumGetInt32(slot->tts_values[2]);
	line.batchref = read_string(slot, 3);
	line.allocated_at = line.batchref ? DatumGetTimestampTz(slot->tts_values[4]) : 0;
	go_on = reader->visit_line(reader->context, &line);
	MemoryContextSwitchTo(old);
	return go_on;
}

static void
ignore_startup(DestReceiver *receiver, int operation, TupleDesc row_type)
{
}

static void
ignore(DestReceiver *receiver)
{
}

static void
read_batches(Repository *repository, Statement *statement, const NullableDatum *values,
			  BatchVisitor visit, void *context)
{
	Reader		reader = {
		.receiver = {receive_batch, ignore_startup, ignore, ignore, DestNone},
		.memory = ((SpiRepository *) repository)->memory,
		.visit_batch = visit,
		.context = context
	};

	execute(repository, statement, values, &reader.receiver);
}

static void
read_lines(Repository *repository, Statement *statement, const NullableDatum *values,
			LineVisitor visit, void *context)
{
	Reader		reader = {
		.receiver = {receive_line, ignore_startup, ignore, ignore, DestNone},
		.memory = ((SpiRepository *) repository)->memory,
		.visit_line = visit,
		.context = context
	};

	execute(repository, statement, values, &reader.receiver);
}

/*
 * The methods
 */

static void *
allocate_memory(Repository *repository, size_t size)
{
	return MemoryContextAllocHuge(((SpiRepository *) repository)->memory, size);
}

static int64_t
current_time(Repository *repository)
{
	return GetCurrentTimestamp();
}

static void
report_progress(Repository *repository, size_t lines_done)
{
	SpiRepository *self = (SpiRepository *) repository;

	CHECK_FOR_INTERRUPTS();
	if (!self->shows_progress)
		return;
	/* An attempt that is undone takes what it showed with it. */
	if (MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID)
	{
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, self->order_lines);
		pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
		pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_CALLBACK);
		pgstat_progress_update_param(PROGRESS_LINES_TOTAL, self->lines_total);
	}
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, lines_done);
}

static void
visit_known_lines(Repository *repository, OrderLine **lines, size_t n, LineVisitor visit, void *context)
{
	if (n == 1)
		read_lines(repository, &select_line,
				   (NullableDatum[]) {orderid(lines[0]), sku(lines[0])}, visit, context);
	else
		read_lines(repository, &select_lines,
				   (NullableDatum[]) {
					   lines_array(&(LinesColumn) {lines, orderid}, n, TEXTARRAYOID),
					   lines_array(&(LinesColumn) {lines, sku}, n, TEXTARRAYOID)
				   }, visit, context);
}

static void
visit_lines_of_order(Repository *repository, const char *id, LineVisitor visit, void *context)
{
	read_lines(repository, &select_lines_of_order, (NullableDatum[]) {string(id)}, visit, context);
}

static void
visit_lines_of_batch(Repository *repository, const Batch *batch, LineVisitor visit, void *context)
{
	read_lines(repository, &select_lines_of_batch,
				(NullableDatum[]) {string(batch->sku), string(batch->reference)}, visit, context);
}

/* The one batch that a statement may find. */
typedef struct FoundBatch
{
	Batch	   *batch;
	bool		found;
} FoundBatch;

static bool
keep_batch(void *context, const Batch *batch)
{
	FoundBatch *found = context;

	*found->batch = *batch;
	found->found = true;
	return false;
}

static bool
find_batch(Repository *repository, const char *reference, Batch *batch)
{
	FoundBatch	found = {.batch = batch};

	read_batches(repository, &select_batch, (NullableDatum[]) {string(reference)}, keep_batch, &found);
	return found.found;
}

static bool
has_sku(Repository *repository, const char *sku)
{
	return execute(repository, &select_sku, (NullableDatum[]) {string(sku)}, None_Receiver) > 0;
}

static bool
serves_lines(Repository *repository, const Batch *batch)
{
	if (!batch)
		return execute(repository, &select_allocation, NULL, None_Receiver) > 0;
	return execute(repository, &select_allocation_of_batch,
				   (NullableDatum[]) {string(batch->sku), string(batch->reference)}, None_Receiver) > 0;
}

static void
visit_batches(Repository *repository, const Demand *demands, size_t n, bool locked,
			  BatchVisitor visit, void *context)
{
	Datum	   *skus;
	Datum	   *qtys;

	if (n == 1 && !locked)
	{
		read_batches(repository, &select_batches,
					 (NullableDatum[]) {string(demands[0].sku), number(demands[0].qty)}, visit, context);
		return;
	}
	skus = palloc(n * sizeof(Datum));
	qtys = palloc(n * sizeof(Datum));
	for (size_t i = 0; i < n; i++)
	{
		skus[i] = CStringGetTextDatum(demands[i].sku);
		qtys[i] = Int32GetDatum(demands[i].qty);
	}
	read_batches(repository, locked ? &lock_batches_for_many : &select_batches_for_many,
				 (NullableDatum[]) {array(skus, NULL, n, TEXTARRAYOID), array(qtys, NULL, n, INT4ARRAYOID)},
				 visit, context);
}

static void
visit_siblings(Repository *repository, const Batch *batch, bool locked, BatchVisitor visit, void *context)
{
	read_batches(repository, locked ? &lock_siblings : &select_siblings,
				  (NullableDatum[]) {string(batch->sku), string(batch->reference)}, visit, context);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	NullableDatum eta = {.value = DateADTGetDatum(batch->eta), .isnull = !batch->under_way};

	expect_rows(execute(repository, &insert_batch, (NullableDatum[]) {
						string(batch->reference), string(batch->sku),
						number(batch->purchased_quantity), number(batch->allocated_quantity), eta
						}, None_Receiver), 1);
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	Datum	   *skus;
	Datum	   *references;
	Datum	   *units;

	if (n == 1)
	{
		Statement  *statement = charges[0].units < 0 ? &return_units : &take_units;
		NullableDatum values[] = {
			string(charges[0].sku), string(charges[0].reference), number(abs(charges[0].units))
		};

		return execute(repository, statement, values, None_Receiver) == 1;
	}
	skus = palloc(n * sizeof(Datum));
	references = palloc(n * sizeof(Datum));
	units = palloc(n * sizeof(Datum));
	for (size_t i = 0; i < n; i++)
	{
		skus[i] = CStringGetTextDatum(charges[i].sku);
		references[i] = CStringGetTextDatum(charges[i].reference);
		units[i] = Int32GetDatum(charges[i].units);
	}
	return execute(repository, &charge_many, (NullableDatum[]) {
				   array(skus, NULL, n, TEXTARRAYOID), array(references, NULL, n, TEXTARRAYOID),
				   array(units, NULL, n, INT4ARRAYOID)
				   }, None_Receiver) == n;
}

static bool
resize_batch(Repository *repository, const Batch *batch, int32_t purchased_quantity)
{
	NullableDatum values[] = {string(batch->sku), string(batch->reference), number(purchased_quantity)};

	return execute(repository, &set_purchased_quantity, values, None_Receiver) > 0;
}

/*
 * Runs a statement that takes arrays on n lines.  A long call comes here many
 * times: the arrays are freed at once.
 */
static uint64
execute_on_lines(Repository *repository, Statement *statement, size_t n, const LinesColumn *columns)
{
	MemoryContext arrays = AllocSetContextCreate(CurrentMemoryContext, "allocation arrays", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(arrays);
	NullableDatum values[MAX_PARAMETERS] = {{0}};
	uint64		nrows;

	for (int i = 0; i < statement->nparameters; i++)
		values[i] = lines_array(&columns[i], n, statement->types[i]);
	nrows = execute(repository, statement, values, None_Receiver);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(arrays);
	return nrows;
}

static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	uint64		added;

	if (n == 1)
		added = execute(repository, &insert_line, (NullableDatum[]) {
						orderid(lines[0]), sku(lines[0]), qty(lines[0]), batchref(lines[0]), allocated_at(lines[0])
						}, None_Receiver);
	else
		added = execute_on_lines(repository, &insert_lines, n, (LinesColumn[]) {
								 {lines, orderid}, {lines, sku}, {lines, qty}, {lines, batchref}, {lines, allocated_at}
								 });
	expect_rows(added, n);
}

static bool
change_lines(Repository *repository, OrderLine **from, OrderLine **to, size_t n)
{
	if (n == 1)
		return execute(repository, &update_line, (NullableDatum[]) {
					   orderid(from[0]), sku(from[0]), qty(from[0]), batchref(from[0]),
					   qty(to[0]), batchref(to[0]), allocated_at(to[0])
					   }, None_Receiver) == 1;
	return execute_on_lines(repository, &update_lines, n, (LinesColumn[]) {
							{from, orderid}, {from, sku}, {from, qty}, {from, batchref},
							{to, qty}, {to, batchref}, {to, allocated_at}
							}) == n;
}

static bool
remove_lines(Repository *repository, OrderLine **lines, size_t n)
{
	if (n == 1)
		return execute(repository, &delete_line, (NullableDatum[]) {
					   orderid(lines[0]), sku(lines[0]), qty(lines[0]), batchref(lines[0])
					   }, None_Receiver) == 1;
	return execute_on_lines(repository, &delete_lines, n, (LinesColumn[]) {
							{lines, orderid}, {lines, sku}, {lines, qty}, {lines, batchref}
							}) == n;
}

/*
 * The duplicate that the contracts of add_batch and add_lines speak of, and no
 * other: triggers and constraints that a user has added report their own.
 */
bool
spi_repository_met_duplicate(const SpiRepository *self, const ErrorData *error)
{
	static const char *const keys[] = {"order_lines_pkey", "batches_pkey", "batches_reference_key"};

	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION ||
		!error->schema_name || strcmp(error->schema_name, self->schema) != 0)
		return false;
	for (size_t i = 0; i < lengthof(keys); i++)
		if (error->constraint_name && strcmp(error->constraint_name, keys[i]) == 0)
			return true;
	return false;
}

/* Makes a repository over the tables in the schema. */
void
spi_repository_init(SpiRepository *self, Oid namespace)
{
	Oid			batches = get_relname_relid("batches", namespace);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(batches));

	self->schema = get_namespace_name(namespace);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the tables of extension \"allocation\" are not in schema \"%s\"", self->schema),
				errhint("Its functions and tables have to stay in one schema."));

	self->owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	self->order_lines = get_relname_relid("order_lines", namespace);
	self->memory = CurrentMemoryContext;
	self->shows_progress = false;
	self->base = (Repository) {
		.allocate_memory = allocate_memory,
		.current_time = current_time,
		.report_progress = report_progress,
		.visit_known_lines = visit_known_lines,
		.visit_lines_of_order = visit_lines_of_order,
		.visit_lines_of_batch = visit_lines_of_batch,
		.find_batch = find_batch,
		.has_sku = has_sku,
		.serves_lines = serves_lines,
		.visit_batches = visit_batches,
		.visit_siblings = visit_siblings,
		.add_batch = add_batch,
		.charge_batches = charge_batches,
		.resize_batch = resize_batch,
		.add_lines = add_lines,
		.change_lines = change_lines,
		.remove_lines = remove_lines
	};
	ReleaseSysCache(tuple);
}

/* From now on, other sessions see how far a call with so many lines is: as a COPY into order_lines. */
void
spi_repository_begin_progress(SpiRepository *self, size_t lines)
{
	self->lines_total = lines;
	/* A COPY whose trigger calls us goes on showing its own progress. */
	self->shows_progress = MyBEEntry && MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID;
}

/* Ends that. */
void
spi_repository_end_progress(SpiRepository *self)
{
	if (self->shows_progress)
		pgstat_progress_end_command();
	self->shows_progress = false;
}
