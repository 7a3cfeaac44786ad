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
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

#include "spi_repository.h"

/*
 * Statements
 */

#define EQ " OPERATOR(pg_catalog.=) "
#define GE " OPERATOR(pg_catalog.>=) "
#define LE " OPERATOR(pg_catalog.<=) "
#define PLUS " OPERATOR(pg_catalog.+) "
#define MINUS " OPERATOR(pg_catalog.-) "

#define MAX_PARAMETERS 6

typedef struct Statement
{
	const char *sql;			/* %1$s stands for the schema */
	Oid			types[MAX_PARAMETERS];
	int			nparameters;
	SPIPlanPtr	plan;			/* NULL until it is first needed */
	char	   *schema;			/* for which the plan was made */
} Statement;

#define BATCH_COLUMNS "reference, sku, purchased_quantity, allocated_quantity, eta"

static Statement select_line = {
	"SELECT orderid, sku, qty, batchref FROM %1$s.order_lines"
	" WHERE orderid" EQ "$1 AND sku" EQ "$2",
	{TEXTOID, TEXTOID}, 2
};

static Statement select_batch = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE reference" EQ "$1",
	{TEXTOID}, 1
};

static Statement select_sku = {
	"SELECT FROM %1$s.batches WHERE sku" EQ "$1 LIMIT 1",
	{TEXTOID}, 1
};

static Statement select_allocation = {
	"SELECT FROM %1$s.order_lines WHERE batchref IS NOT NULL LIMIT 1"
};

static Statement select_allocation_of_batch = {
	"SELECT FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2 LIMIT 1",
	{TEXTOID, TEXTOID}, 2
};

/*
 * Asks for no quantity: the model decides, and with one the planner would
 * rather sort all batches than walk the index until one has room.
 */
static Statement select_open_batches = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND is_open"
	" ORDER BY eta NULLS FIRST, reference",
	{TEXTOID}, 1
};

static Statement select_lines_of_batch = {
	"SELECT orderid, sku, qty, batchref FROM %1$s.order_lines"
	" WHERE sku" EQ "$1 AND batchref" EQ "$2"
	" ORDER BY allocated_at DESC, orderid DESC",
	{TEXTOID, TEXTOID}, 2
};

static Statement select_batches_to_change = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches"
	" WHERE sku" EQ "$1 AND (is_open OR reference" EQ "$2)"
	" ORDER BY eta NULLS FIRST, reference FOR NO KEY UPDATE",
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

static Statement set_purchased_quantity = {
	"UPDATE %1$s.batches SET purchased_quantity = $3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" LE "$3",
	{TEXTOID, TEXTOID, INT4OID}, 3
};

static Statement insert_line = {
	"INSERT INTO %1$s.order_lines (orderid, sku, qty, batchref, allocated_at)"
	" VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp())",
	{TEXTOID, TEXTOID, INT4OID, TEXTOID}, 4
};

#define IS_STILL_THAT_LINE \
	"orderid" EQ "$1 AND sku" EQ "$2 AND qty" EQ "$3" \
	" AND (batchref" EQ "$4 OR batchref IS NULL AND $4 IS NULL)"

static Statement update_line = {
	"UPDATE %1$s.order_lines SET qty = $5, batchref = $6,"
	" allocated_at = CASE WHEN $6 IS NOT NULL THEN pg_catalog.clock_timestamp() END"
	" WHERE " IS_STILL_THAT_LINE,
	{TEXTOID, TEXTOID, INT4OID, TEXTOID, INT4OID, TEXTOID}, 6
};

static Statement delete_line = {
	"DELETE FROM %1$s.order_lines WHERE " IS_STILL_THAT_LINE,
	{TEXTOID, TEXTOID, INT4OID, TEXTOID}, 4
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

	if (source->is_valid && source->gplan && source->gplan->is_valid)
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
	SPIExecuteOptions options = {.params = parameters, .dest = receiver};
	int			code;

	for (int i = 0; i < statement->nparameters; i++)
	{
		parameters->params[i].value = values[i].value;
		parameters->params[i].isnull = values[i].isnull;
		parameters->params[i].pflags = PARAM_FLAG_CONST;
		parameters->params[i].ptype = statement->types[i];
	}
	plan_for_growth(plan);
	code = SPI_execute_plan_extended(plan, &options);
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(code));
	return SPI_processed;
}

/* Writes one row, of which a trigger of the user's may have robbed us. */
static void
write_one(Repository *repository, Statement *statement, const NullableDatum *values)
{
	if (execute(repository, statement, values, None_Receiver) != 1)
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
visit_batches(Repository *repository, Statement *statement, const NullableDatum *values,
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
visit_lines(Repository *repository, Statement *statement, const NullableDatum *values,
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

/* The one line that a statement may find. */
typedef struct FoundLine
{
	OrderLine  *line;
	bool		found;
} FoundLine;

static bool
keep_line(void *context, const OrderLine *line)
{
	FoundLine  *found = context;

	*found->line = *line;
	found->found = true;
	return false;
}

static bool
find_line(Repository *repository, const char *orderid, const char *sku, OrderLine *line)
{
	FoundLine	found = {.line = line};

	visit_lines(repository, &select_line, (NullableDatum[]) {string(orderid), string(sku)},
				keep_line, &found);
	return found.found;
}

/* All the batches that a statement finds. */
typedef struct FoundBatches
{
	Batch	   *batches;
	size_t		n;
	size_t		room;
} FoundBatches;

static bool
keep_batch(void *context, const Batch *batch)
{
	FoundBatches *found = context;

	if (found->n == found->room)
	{
		found->room = found->room > 0 ? 2 * found->room : 4;
		found->batches = found->batches
			? repalloc_huge(found->batches, found->room * sizeof(Batch))
			: palloc(found->room * sizeof(Batch));
	}
	found->batches[found->n++] = *batch;
	return true;
}

static bool
find_batch(Repository *repository, const char *reference, Batch *batch)
{
	FoundBatches found = {0};

	visit_batches(repository, &select_batch, (NullableDatum[]) {string(reference)}, keep_batch, &found);
	if (found.n > 0)
		*batch = found.batches[0];
	return found.n > 0;
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
visit_open_batches(Repository *repository, const char *sku, BatchVisitor visit, void *context)
{
	visit_batches(repository, &select_open_batches, (NullableDatum[]) {string(sku)}, visit, context);
}

static void
visit_lines_of_batch(Repository *repository, const Batch *batch, LineVisitor visit, void *context)
{
	visit_lines(repository, &select_lines_of_batch,
				(NullableDatum[]) {string(batch->sku), string(batch->reference)}, visit, context);
}

static size_t
lock_batches(Repository *repository, const char *sku, const char *reference, Batch **batches)
{
	FoundBatches found = {0};

	visit_batches(repository, &select_batches_to_change,
				  (NullableDatum[]) {string(sku), string(reference)}, keep_batch, &found);
	*batches = found.batches;
	return found.n;
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	NullableDatum eta = {.value = DateADTGetDatum(batch->eta), .isnull = !batch->under_way};

	write_one(repository, &insert_batch, (NullableDatum[]) {
			  string(batch->reference), string(batch->sku),
			  number(batch->purchased_quantity), number(batch->allocated_quantity), eta});
}

static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	for (const Charge *c = charges; c < charges + n; c++)
	{
		Statement  *statement = c->units < 0 ? &return_units : &take_units;
		NullableDatum values[] = {string(c->sku), string(c->reference), number(abs(c->units))};

		if (execute(repository, statement, values, None_Receiver) == 0)
			return false;
	}
	return true;
}

static bool
resize(Repository *repository, const Batch *batch, int32_t qty)
{
	NullableDatum values[] = {string(batch->sku), string(batch->reference), number(qty)};

	return execute(repository, &set_purchased_quantity, values, None_Receiver) > 0;
}

static void
add_lines(Repository *repository, const OrderLine *lines, size_t n)
{
	for (const OrderLine *line = lines; line < lines + n; line++)
		write_one(repository, &insert_line, (NullableDatum[]) {
				  string(line->orderid), string(line->sku), number(line->qty), string(line->batchref)});
}

static bool
change_lines(Repository *repository, const OrderLine *from, const OrderLine *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		NullableDatum values[] = {
			string(from[i].orderid), string(from[i].sku), number(from[i].qty), string(from[i].batchref),
			number(to[i].qty), string(to[i].batchref)
		};

		if (execute(repository, &update_line, values, None_Receiver) == 0)
			return false;
	}
	return true;
}

static bool
remove_lines(Repository *repository, const OrderLine *lines, size_t n)
{
	for (const OrderLine *line = lines; line < lines + n; line++)
	{
		NullableDatum values[] = {
			string(line->orderid), string(line->sku), number(line->qty), string(line->batchref)
		};

		if (execute(repository, &delete_line, values, None_Receiver) == 0)
			return false;
	}
	return true;
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
	self->memory = CurrentMemoryContext;
	self->base = (Repository) {
		.allocate_memory = allocate_memory,
		.find_line = find_line,
		.find_batch = find_batch,
		.has_sku = has_sku,
		.serves_lines = serves_lines,
		.visit_open_batches = visit_open_batches,
		.visit_lines_of_batch = visit_lines_of_batch,
		.lock_batches = lock_batches,
		.add_batch = add_batch,
		.charge_batches = charge_batches,
		.resize = resize,
		.add_lines = add_lines,
		.change_lines = change_lines,
		.remove_lines = remove_lines
	};
	ReleaseSysCache(tuple);
}
