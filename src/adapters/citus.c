/*
 * citus.c
 *		Replaces what is different where the tables are distributed over nodes.
 *
 * Each row of batches and order_lines is on the node of its SKU, and a statement
 * goes to one node if it compares the SKU with one value.  Three things follow:
 *
 * - A statement on arrays gets elements of one SKU only.
 * - What is read from several nodes is not of one moment.
 * - The key of batches has the SKU, so batch_skus keeps references unique.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"

#include "adapters/charging.h"
#include "adapters/citus.h"
#include "adapters/execution.h"
#include "adapters/hot_rows.h"
#include "adapters/sql.h"
#include "adapters/sql_text.h"

/*
 * Statements
 */

/* The one SKU of an array.  A look-up compares the SKU with nothing else: by that, Citus would change the collation. */
#define FIRST(skus) "(" skus ")[1]"

/*
 * Only the node of a batch knows who is writing to it, so its xmax means something
 * here only if the session there is this one (%2$d).  The version of the row tells
 * whether the batch has changed.
 */
#define STORED_BATCH BATCH_COLUMNS ", CASE WHEN pg_catalog.pg_backend_pid()" EQ "%2$d THEN xmax END, xmin"

#define BATCH_BY_KEY \
	"SELECT " STORED_BATCH " FROM %1$s.batches" \
	" WHERE sku" EQ "$1 AND reference" GE "$2 AND reference" LE "$2 ORDER BY reference DESC"

#define OPEN_BATCHES "SELECT " STORED_BATCH " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0"

#define BATCHES_FOR_DEMANDS(end) \
	"SELECT b.* FROM " TWO_ARRAYS " AS demand (sku, qty)" \
	" CROSS JOIN LATERAL (SELECT " STORED_BATCH " FROM %1$s.batches" \
	" WHERE sku" EQ FIRST("$1") " AND room" GT "0 AND room" GE "demand.qty ORDER BY " PREFERENCE_ORDER end ") AS b"

#define BY_KEY_OF_CHARGE "b.sku" EQ "ANY (ARRAY[charge.sku]) AND b.sku" EQ FIRST("$1") \
	" AND b.reference" GE "charge.reference AND b.reference" LE "charge.reference"

/* What differs from sql.c, which says why the statements are as they are. */
static const struct
{
	Statement  *statement;
	const char *sql;
}			texts[] = {
	{&sql_known_lines.one,
		"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE orderid" EQ "$1 AND sku" EQ "$2"
	},
	{&sql_known_lines.many,
		"SELECT l.* FROM " TWO_ARRAYS " AS asked (orderid, sku)"
		" CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
		" WHERE orderid" EQ "asked.orderid AND sku" EQ FIRST("$2") " LIMIT 1) AS l"
	},
	{&sql_lines_to_improve,
		"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE batchref IS NULL AND sku" EQ "$1 AND qty" GT "shipped_qty"
		" UNION ALL"
		" SELECT l.* FROM %1$s.batches AS b CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
		" WHERE batchref" EQ "b.reference AND sku" EQ "$1 AND qty" GT "shipped_qty OFFSET 0) AS l"
		" WHERE b.sku" EQ "$1 AND b.eta IS NOT NULL"
	},
	{&sql_expired_holds.many,
		"SELECT l.* FROM " TWO_ARRAYS " AS asked (sku, at)"
		" CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
		" WHERE sku" EQ FIRST("$1") " AND held_until" LE "asked.at AND batchref IS NOT NULL) AS l"
	},
	{&sql_known_batches.one, BATCH_BY_KEY},
	{&sql_known_batches.many,
		"SELECT b.* FROM " TWO_ARRAYS " AS asked (sku, reference)"
		" CROSS JOIN LATERAL (SELECT " STORED_BATCH " FROM %1$s.batches"
		" WHERE sku" EQ FIRST("$1") " AND reference" EQ "asked.reference LIMIT 1) AS b"
	},
	{&sql_newest_batch.one, BATCH_BY_KEY},
	{&sql_open_batches, OPEN_BATCHES " ORDER BY " PREFERENCE_ORDER},
	{&sql_warehouse_after,
		OPEN_BATCHES " AND eta IS NULL AND (rank, reference)" GT "($2, $3) ORDER BY " PREFERENCE_ORDER
	},
	{&sql_shipments_after,
		OPEN_BATCHES " AND (eta, rank, reference)" GT "($2, $3, $4) ORDER BY " PREFERENCE_ORDER
	},
	{&sql_batches_by_room,
		OPEN_BATCHES " AND room" GE "$2 AND " HAS_LEFT("", "$3") " ORDER BY room, " PREFERENCE_ORDER
	},
	{&sql_batches_for_demands.many, BATCHES_FOR_DEMANDS("")},
	{&sql_first_batches_for_demands.many, BATCHES_FOR_DEMANDS(FIRST_LOOK)},
	{&sql_lock_batches.many,
		"SELECT b.* FROM " TWO_ARRAYS " AS asked (sku, reference)"
		" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS " FROM %1$s.batches"
		" WHERE sku" EQ FIRST("$1") " AND reference" EQ "asked.reference FOR NO KEY UPDATE) AS b"
	},
	{&sql_lock_lines.many,
		"SELECT l.* FROM " TWO_ARRAYS " AS asked (orderid, sku)"
		" CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
		" WHERE orderid" EQ "asked.orderid AND sku" EQ FIRST("$2") " FOR NO KEY UPDATE) AS l"
	},
	{&sql_charge_batches.many,
		"UPDATE %1$s.batches AS b SET allocated_quantity = b.allocated_quantity" PLUS "charge.units FROM " CHARGES
		" WHERE " BY_KEY_OF_CHARGE " AND " HAS_LEFT("b.", "charge.units")
		" AND " HAS_OPEN("b.", "(" NEGATIVE "charge.units)") " AND " HAS_ETA("b.", "charge.eta")
	},
	{&sql_ship_from_batches.many,
		"UPDATE %1$s.batches AS b SET shipped_quantity = b.shipped_quantity" PLUS "charge.units"
		" FROM " THREE_ARRAYS " AS charge (sku, reference, units)"
		" WHERE " BY_KEY_OF_CHARGE " AND b.eta IS NULL AND " HAS_OPEN("b.", "charge.units")
	},
	{&sql_update_lines.many, UPDATE_LINES " WHERE " IS_UNCHANGED(FIRST("$4"))},
	{&sql_delete_lines.many, DELETE_LINES " WHERE " IS_UNCHANGED(FIRST("$4"))}
};

/* Which SKU a reference belongs to, as a batch without anything else. */
#define SKU_OF_REFERENCE \
	"SELECT reference, sku, 0, 0, 0, 0, NULL::pg_catalog.date FROM %1$s.batch_skus WHERE reference" EQ "$1"

static Statement select_batch_sku = {
	SKU_OF_REFERENCE,
	{TEXTOID}, 1
};

/* As it is when the statement runs. */
static Statement select_batch_sku_now = {
	SKU_OF_REFERENCE,
	{TEXTOID}, 1, .takes_snapshot = true
};

/* Locks the row of the reference in any case; changes nothing if that belongs to another SKU. */
static Statement insert_batch_sku = {
	"INSERT INTO %1$s.batch_skus AS known (reference, sku) VALUES ($1, $2)"
	" ON CONFLICT (reference) DO UPDATE SET sku = EXCLUDED.sku WHERE known.sku" EQ "EXCLUDED.sku",
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

static Statement update_batch_sku = {
	"UPDATE %1$s.batch_skus SET sku = $2 WHERE reference" EQ "$1",
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

/* Waits for a transaction that is adding or deleting the batch; adds nothing if the batch exists. */
static StatementPair insert_key_of_batch = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.takes_snapshot = true,
	.one.sql =
	"INSERT INTO %1$s.batches (reference, sku, purchased_quantity) VALUES ($2, $1, 0)"
	" ON CONFLICT (sku, reference) DO NOTHING"
};

static StatementPair delete_batch = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.takes_snapshot = true,
	.one.sql =
	"DELETE FROM %1$s.batches WHERE sku" EQ "$1 AND reference" EQ "$2"
};

/*
 * Methods
 */

/* What they replace. */
static Repository on_one_server;

/* Without a SKU, batch_skus says which node has the batch. */
static bool
find_batch(Repository *repository, RowKey key, StoredBatch *batch)
{
	if (!key.sku)
	{
		if (!execute_to_find_batch(repository, &select_batch_sku, (NullableDatum[]) {value_of_text(key.name)}, batch))
			return false;
		key.sku = batch->batch.sku;
	}
	return on_one_server.find_batch(repository, key, batch);
}

/*
 * Takes the reference for the batch, or ends the attempt because another batch has
 * it.  The row in batch_skus stays when a batch is deleted, and then a batch of
 * another SKU may take it over.
 */
static void
register_reference(Repository *repository, const Batch *batch)
{
	NullableDatum values[] = {value_of_text(batch->reference), value_of_text(batch->sku)};
	StoredBatch known;

	if (execute_statement(repository, &insert_batch_sku, values, NULL) == 1)
		return;

	/*
	 * We hold the lock on the reference, so nobody else adds a batch of it now.
	 * But the transaction that took it may be committed here and not yet on the
	 * node of its SKU, and only a row with the same key waits for it there.
	 */
	if (execute_to_find_batch(repository, &select_batch_sku_now, values, &known))
	{
		RowKey		key = {.sku = known.batch.sku, .name = batch->reference};

		if (execute_to_find_by_key(repository, &sql_newest_batch, &key, &known) ||
			execute_for_each(repository, &insert_key_of_batch, values_of_batch_key, &key, 1, NULL) == 0)
			ereport(ERROR,
					errcode(ERRCODE_UNIQUE_VIOLATION),
					errmsg("batch \"%s\" already exists", batch->reference));
		execute_for_each(repository, &delete_batch, values_of_batch_key, &key, 1, NULL);
	}
	execute_refuse_suppressed_rows(execute_statement(repository, &update_batch_sku, values, NULL), 1);
}

static void
add_batch(Repository *repository, const Batch *batch)
{
	register_reference(repository, batch);
	on_one_server.add_batch(repository, batch);
}

/* Rows of other nodes come without their place, so charges find batches by their keys. */
static bool
charge_batches(Repository *repository, const Charge *charges, size_t n)
{
	if (n > FEW_CHARGES)
		return execute_writes(repository, &sql_charge_batches, values_of_charge, charges, n);
	for (size_t i = 0; i < n; i++)
		if (!charge_by_key(repository, &charges[i]))
			return false;
	return true;
}

/* Citus turns an INSERT of many rows into COPY, which loses the unique violation: insert them one by one. */
static void
add_lines(Repository *repository, OrderLine **lines, size_t n)
{
	uint64		nadded = 0;

	for (size_t i = 0; i < n; i++)
	{
		if (n > 1)
			progress_show(&((SpiRepository *) repository)->progress, i);
		nadded += execute_for_each(repository, &sql_insert_lines, values_of_line, lines + i, 1, NULL);
	}
	execute_refuse_suppressed_rows(nadded, n);
}

/*
 * The attempt
 */

/*
 * Keeps no plan, until the end of the caller's level of settings: the values of a
 * statement say which node it goes to, and with generic plans, Citus 13 keeps what
 * it plans at each run.
 */
static void
set_up_attempt(void)
{
	statement_set_planner();
	statement_set_locally("plan_cache_mode", "force_custom_plan");
	/* Dates go to other nodes as text, and are read as is usual there. */
	statement_set_locally("datestyle", "ISO");
}

/* Reads who is writing to the batch, if we can know, and remembers in which version it was read. */
static void
read_hints(Reader *reader, TupleTableSlot *slot, StoredBatch *stored)
{
	const char *reference = stored->batch.reference;
	uint64		hash;

	if (slot->tts_nvalid <= 9)
		return;
	stored->row.is_contended = !slot->tts_isnull[8] && xid_is_running_elsewhere(DatumGetTransactionId(slot->tts_values[8]));
	hash = hash_any_extended((const unsigned char *) reference, strlen(reference), 0);
	reader->versions = hash_combine64(hash_combine64(reader->versions, hash), DatumGetTransactionId(slot->tts_values[9]));
}

/*
 * We do not know which transactions have ended on other nodes.  So a failed write
 * stays unexplained if the next attempt reads the same rows in the same versions:
 * in between, all of them were so at one moment.
 */
static bool
is_explained(const SpiRepository *self)
{
	return !self->write_failed || self->versions_read != self->versions_before;
}

/* Makes a repository over one server work over several nodes. */
void
citus_adapt(SpiRepository *self)
{
	on_one_server = self->base;
	self->base.find_batch = find_batch;
	self->base.add_batch = add_batch;
	self->base.charge_batches = charge_batches;
	self->base.add_lines = add_lines;
	self->set_up_attempt = set_up_attempt;
	self->read_hints = read_hints;
	self->is_explained = is_explained;
	self->reads_many_moments = true;
	self->arrays_have_one_sku = true;
}

/* When the library is loaded: gives the statements that differ their other text. */
void
citus_set_up_library(void)
{
	for (size_t i = 0; i < lengthof(texts); i++)
		texts[i].statement->distributed_sql = texts[i].sql;
}
