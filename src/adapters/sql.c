/*
 * sql.c
 *		All SQL text.
 *
 * Names and operators are qualified throughout, because statements run with the
 * caller's search_path.  What SQL resolves behind the scenes by an operator's
 * bare name (IN, BETWEEN, IS DISTINCT FROM, CASE x WHEN) must not be used here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "adapters/sql.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define GT " OPERATOR(pg_catalog.>) "
#define GE " OPERATOR(pg_catalog.>=) "
#define LE " OPERATOR(pg_catalog.<=) "
#define PLUS " OPERATOR(pg_catalog.+) "
#define MINUS " OPERATOR(pg_catalog.-) "
#define NEGATIVE "OPERATOR(pg_catalog.-) "

/* All columns of the tables in their order: so a row need not be made anew, and shows where it is. */
#define BATCH_COLUMNS "reference, sku, purchased_quantity, allocated_quantity, shipped_quantity, rank, eta, room"
#define LINE_COLUMNS "orderid, sku, qty, shipped_qty, ordered_at, batchref, needed_by, held_until"

/* Of a line also which version of its row it is, and where. */
#define KNOWN_LINE LINE_COLUMNS ", xmin, ctid"

/*
 * What a statement says only where the tables are distributed over nodes by SKU,
 * and what only elsewhere: the other one of the two is a comment.
 */
#define DISTRIBUTED(text) "%2$s" text "%3$s"
#define ON_ONE_SERVER(text) "/*%3$s" text "%2$s*/"

/*
 * The node is found by comparing the SKU with one value: with the first of an
 * array, for there arrays are of one SKU, and with nothing else, as by that Citus
 * would come to another collation of the value.
 */
#define FIRST(skus) "(" skus ")[1]"
#define SKU_IS(value, skus) "sku" EQ ON_ONE_SERVER(value) DISTRIBUTED(FIRST(skus))
#define OF_ONE_SKU(skus) DISTRIBUTED(" AND b.sku" EQ FIRST(skus))

/*
 * Who is writing to a batch, its own node alone can tell: so the session there must
 * be this one.  The version of its row is for the same use as that of a line.
 */
#define IF_HERE "CASE WHEN pg_catalog.pg_backend_pid()" EQ "%4$d THEN "
#define KNOWN_BATCH BATCH_COLUMNS DISTRIBUTED(", " IF_HERE "xmax END, xmin")
#define WRITER ON_ONE_SERVER("xmax, ctid") DISTRIBUTED(IF_HERE "xmax END, xmin")

/*
 * A transaction that writes to a row many times leaves many versions of it, all
 * under the same key.  Where the last column of the key is a range of one value,
 * in descending order, the index is read backwards, and that meets the newest
 * first.
 */
#define NEWEST(column, value) column GE value " AND " column LE value " ORDER BY " column " DESC"

#define LINE_BY_KEY \
	"SELECT " KNOWN_LINE " FROM %1$s.order_lines WHERE orderid" EQ "$1 AND " ON_ONE_SERVER(NEWEST("sku", "$2")) \
	DISTRIBUTED("sku" EQ "$2")

#define BATCH_BY_KEY \
	"SELECT " KNOWN_BATCH " FROM %1$s.batches WHERE sku" EQ "$1 AND " NEWEST("reference", "$2")

/* LIMIT keeps the planner from anything but one index look-up for each line, in their order. */
StatementPair sql_known_lines = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 1,
	.one.sql =
		LINE_BY_KEY,
	.many.sql =
		"SELECT l.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS asked (orderid, sku)"
		" CROSS JOIN LATERAL (SELECT " KNOWN_LINE " FROM %1$s.order_lines"
		" WHERE orderid" EQ "asked.orderid AND " SKU_IS("asked.sku", "$2") " LIMIT 1) AS l"
};

Statement	sql_select_lines_of_order = {
	"SELECT " KNOWN_LINE " FROM %1$s.order_lines WHERE orderid" EQ "$1 ORDER BY sku",
	{TEXTOID}, 1
};

Statement	sql_select_batch = {
	"SELECT " KNOWN_BATCH " FROM %1$s.batches WHERE " NEWEST("reference", "$1"),
	{TEXTOID}, 1
};

/* The same at the moment when it runs. */
Statement	sql_select_newest_batch = {
	BATCH_BY_KEY,
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

/* Which SKU a reference is of, as a batch without anything else. */
#define SKU_OF_REFERENCE \
	"SELECT reference, sku, 0, 0, 0, 0, NULL::pg_catalog.date FROM %1$s.batch_skus WHERE reference" EQ "$1"

Statement	sql_select_batch_sku = {
	SKU_OF_REFERENCE,
	{TEXTOID}, 1
};

/* The same at the moment when it runs. */
Statement	sql_select_batch_sku_now = {
	SKU_OF_REFERENCE,
	{TEXTOID}, 1, .takes_snapshot = true
};

Statement	sql_select_sku = {
	"SELECT FROM %1$s.batches WHERE sku" EQ "$1 LIMIT 1",
	{TEXTOID}, 1
};

Statement	sql_select_allocation = {
	"SELECT FROM %1$s.order_lines WHERE batchref IS NOT NULL LIMIT 1"
};

Statement	sql_select_allocation_of_batch = {
	"SELECT FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2 LIMIT 1",
	{TEXTOID, TEXTOID}, 2
};

/* Of what is left, SQL sees the room only: it narrows what is read, and the model decides. */
#define PREFERENCE_ORDER "eta NULLS FIRST, rank, reference"

Statement	sql_select_open_batches = {
	"SELECT " KNOWN_BATCH " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0 ORDER BY " PREFERENCE_ORDER,
	{TEXTOID}, 1
};

/* Those after one of them that is in the warehouse, and there as well. */
Statement	sql_select_warehouse_after = {
	"SELECT " KNOWN_BATCH " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0"
	" AND eta IS NULL AND (rank, reference)" GT "($2, $3) ORDER BY " PREFERENCE_ORDER,
	{TEXTOID, INT4OID, TEXTOID}, 3
};

/* Those after one that is under way. */
Statement	sql_select_shipments_after = {
	"SELECT " KNOWN_BATCH " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0"
	" AND (eta, rank, reference)" GT "($2, $3, $4) ORDER BY " PREFERENCE_ORDER,
	{TEXTOID, DATEOID, INT4OID, TEXTOID}, 4
};

Statement	sql_select_batches_by_room = {
	"SELECT " KNOWN_BATCH " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0 AND room" GE "$2"
	" AND purchased_quantity" MINUS "allocated_quantity" GE "$3 ORDER BY room, " PREFERENCE_ORDER,
	{TEXTOID, INT4OID, INT4OID}, 3
};

/* Who is writing to a batch comes last, and where it is, as its row does not show that here. */
StatementPair sql_batches_for_demands = {
	.types = {TEXTOID, INT4OID}, .nparameters = 2, .sku = 0,
	.many.sql =
		"SELECT b.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS demand (sku, qty)"
		" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS ", " WRITER " FROM %1$s.batches"
		" WHERE " SKU_IS("demand.sku", "$1") " AND room" GT "0 AND room" GE "demand.qty"
		" ORDER BY " PREFERENCE_ORDER ") AS b"
};

/* LIMIT keeps the planner from anything but one index look-up for each batch, in their order. */
StatementPair sql_known_batches = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.one.sql =
		BATCH_BY_KEY,
	.many.sql =
		"SELECT b.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS wanted (sku, reference)"
		" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS ", " WRITER " FROM %1$s.batches"
		" WHERE " SKU_IS("wanted.sku", "$1") " AND reference" EQ "wanted.reference LIMIT 1) AS b"
};

Statement	sql_select_lines_of_batch = {
	"SELECT " KNOWN_LINE " FROM %1$s.order_lines WHERE batchref" EQ "$2 AND sku" EQ "$1"
	" ORDER BY ordered_at DESC",
	{TEXTOID, TEXTOID}, 2
};

/* OFFSET keeps the planner from anything but one index look-up for each batch: it would walk the lines of all batches. */
Statement	sql_select_lines_to_improve = {
	"SELECT " KNOWN_LINE " FROM %1$s.order_lines WHERE batchref IS NULL AND sku" EQ "$1 AND qty" GT "shipped_qty"
	" UNION ALL"
	" SELECT l.* FROM %1$s.batches AS b"
	" CROSS JOIN LATERAL (SELECT " KNOWN_LINE " FROM %1$s.order_lines"
	" WHERE batchref" EQ "b.reference AND sku" EQ ON_ONE_SERVER("b.sku") DISTRIBUTED("$1")
	" AND qty" GT "shipped_qty OFFSET 0) AS l"
	" WHERE b.sku" EQ "$1 AND b.eta IS NOT NULL",
	{TEXTOID}, 1
};

StatementPair sql_expired_holds = {
	.types = {TEXTOID, TIMESTAMPTZOID}, .nparameters = 2, .sku = 0,
	.one.sql =
		"SELECT " KNOWN_LINE " FROM %1$s.order_lines"
		" WHERE sku" EQ "$1 AND held_until" LE "$2 AND batchref IS NOT NULL",
	.many.sql =
		"SELECT l.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS asked (sku, at)"
		" CROSS JOIN LATERAL (SELECT " KNOWN_LINE " FROM %1$s.order_lines"
		" WHERE " SKU_IS("asked.sku", "$1") " AND held_until" LE "asked.at AND batchref IS NOT NULL) AS l"
};

/* Row locks keep the planner from merging the look-ups, so there is one for each row, in the order of the arrays. */
StatementPair sql_lock_batches = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.takes_snapshot = true,
	.many.sql =
		"SELECT b.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS wanted (sku, reference)"
		" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS " FROM %1$s.batches"
		" WHERE " SKU_IS("wanted.sku", "$1") " AND reference" EQ "wanted.reference FOR NO KEY UPDATE) AS b"
};

StatementPair sql_lock_lines = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 1,
	.takes_snapshot = true,
	.many.sql =
		"SELECT l.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS wanted (orderid, sku)"
		" CROSS JOIN LATERAL (SELECT " KNOWN_LINE " FROM %1$s.order_lines"
		" WHERE orderid" EQ "wanted.orderid AND " SKU_IS("wanted.sku", "$2") " FOR NO KEY UPDATE) AS l"
};

Statement	sql_insert_batch = {
	"INSERT INTO %1$s.batches (reference, sku, purchased_quantity, rank, eta) VALUES ($1, $2, $3, $4, $5)",
	{TEXTOID, TEXTOID, INT4OID, INT4OID, DATEOID}, 5, .takes_snapshot = true
};

/* The row of a reference is locked in any case; of another SKU it stays. */
Statement	sql_insert_batch_sku = {
	"INSERT INTO %1$s.batch_skus AS known (reference, sku) VALUES ($1, $2)"
	" ON CONFLICT (reference) DO UPDATE SET sku = EXCLUDED.sku WHERE known.sku" EQ "EXCLUDED.sku",
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

Statement	sql_update_batch_sku = {
	"UPDATE %1$s.batch_skus SET sku = $2 WHERE reference" EQ "$1",
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

/* Waits for whoever is adding or deleting the batch; adds nothing if it is there. */
Statement	sql_insert_key_of_batch = {
	"INSERT INTO %1$s.batches (reference, sku, purchased_quantity) VALUES ($2, $1, 0) ON CONFLICT (sku, reference) DO NOTHING",
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

Statement	sql_delete_batch = {
	"DELETE FROM %1$s.batches WHERE sku" EQ "$1 AND reference" EQ "$2",
	{TEXTOID, TEXTOID}, 2, .takes_snapshot = true
};

/* The charge is the lock: no SELECT ... FOR UPDATE comes before it. */
#define CHARGE(condition) \
	"UPDATE %1$s.batches SET allocated_quantity = allocated_quantity" PLUS "$3" \
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND " condition

#define HAS_ROOM_FOR(units) "purchased_quantity" MINUS "allocated_quantity" GE units

/* The first two, as they are used most, for units that are taken from the warehouse or from a shipment of that day. */
#define TAKE_FROM_WAREHOUSE CHARGE("eta IS NULL AND " HAS_ROOM_FOR("$3"))
#define TAKE_FROM_SHIPMENT CHARGE("eta" EQ "$4 AND " HAS_ROOM_FOR("$3"))

/* Where the day matters, it is -infinity for the warehouse, and otherwise null. */
#define COMES_ON(eta, day) "(coalesce(" eta ", '-infinity'::pg_catalog.date)" EQ day " OR " day " IS NULL)"
#define TAKE_OR_GIVE_BACK \
	CHARGE(HAS_ROOM_FOR("$3") " AND allocated_quantity" MINUS "shipped_quantity" GE "(" NEGATIVE "$3) AND " \
		   COMES_ON("eta", "$4"))

#define IN_PLACE " AND ctid" EQ "$5"

Statement	sql_charge_batch[] = {
	[CHARGE_WAREHOUSE] = {TAKE_FROM_WAREHOUSE, {TEXTOID, TEXTOID, INT4OID, DATEOID}, 4, .takes_snapshot = true},
	[CHARGE_SHIPMENT] = {TAKE_FROM_SHIPMENT, {TEXTOID, TEXTOID, INT4OID, DATEOID}, 4, .takes_snapshot = true},
	[CHARGE_ANY] = {TAKE_OR_GIVE_BACK, {TEXTOID, TEXTOID, INT4OID, DATEOID}, 4, .takes_snapshot = true}
};

Statement	sql_charge_batch_in_place[] = {
	[CHARGE_WAREHOUSE] = {TAKE_FROM_WAREHOUSE IN_PLACE, {TEXTOID, TEXTOID, INT4OID, DATEOID, TIDOID}, 5, .takes_snapshot = true},
	[CHARGE_SHIPMENT] = {TAKE_FROM_SHIPMENT IN_PLACE, {TEXTOID, TEXTOID, INT4OID, DATEOID, TIDOID}, 5, .takes_snapshot = true},
	[CHARGE_ANY] = {TAKE_OR_GIVE_BACK IN_PLACE, {TEXTOID, TEXTOID, INT4OID, DATEOID, TIDOID}, 5, .takes_snapshot = true}
};

/*
 * Where a table is joined to arrays, = ANY for the first column of the primary
 * key and a range of one value for the second leave the planner one way: for
 * each element, in their order, a look-up by both.  By a second = ANY it looks
 * by the first column alone where it takes the table to be empty.
 */
#define IS_KEY(first, first_value, second, second_value) \
	first EQ "ANY (ARRAY[" first_value "]) AND " second GE second_value " AND " second LE second_value

StatementPair sql_charge_batches = {
	.types = {TEXTOID, TEXTOID, INT4OID, DATEOID}, .nparameters = 4, .sku = 0,
	.takes_snapshot = true,
	.many.sql =
		"UPDATE %1$s.batches AS b SET allocated_quantity = b.allocated_quantity" PLUS "c.units"
		" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
		" AS c (sku, reference, units, eta)"
		" WHERE " IS_KEY("b.sku", "c.sku", "b.reference", "c.reference") OF_ONE_SKU("$1")
		" AND b.purchased_quantity" MINUS "b.allocated_quantity" GE "c.units"
		" AND b.allocated_quantity" MINUS "b.shipped_quantity" GE "(" NEGATIVE "c.units) AND " COMES_ON("b.eta", "c.eta")
};

/* What has shipped goes on counting as allocated, so this touches no index. */
StatementPair sql_ship_from_batches = {
	.types = {TEXTOID, TEXTOID, INT4OID}, .nparameters = 3, .sku = 0,
	.takes_snapshot = true,
	.one.sql =
		"UPDATE %1$s.batches SET shipped_quantity = shipped_quantity" PLUS "$3"
		" WHERE sku" EQ "$1 AND reference" EQ "$2 AND eta IS NULL"
		" AND allocated_quantity" MINUS "shipped_quantity" GE "$3",
	.many.sql =
		"UPDATE %1$s.batches AS b SET shipped_quantity = b.shipped_quantity" PLUS "c.units"
		" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
		" AS c (sku, reference, units)"
		" WHERE " IS_KEY("b.sku", "c.sku", "b.reference", "c.reference") OF_ONE_SKU("$1") " AND b.eta IS NULL"
		" AND b.allocated_quantity" MINUS "b.shipped_quantity" GE "c.units"
};

Statement	sql_set_purchased_quantity = {
	"UPDATE %1$s.batches SET purchased_quantity = $3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" LE "$3",
	{TEXTOID, TEXTOID, INT4OID}, 3, .takes_snapshot = true
};

Statement	sql_set_quantities = {
	"UPDATE %1$s.batches SET purchased_quantity = $5, allocated_quantity = $6"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" EQ "$3 AND shipped_quantity" EQ "$4",
	{TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID}, 6, .takes_snapshot = true
};

Statement	sql_set_eta = {
	"UPDATE %1$s.batches SET eta = $4 WHERE sku" EQ "$1 AND reference" EQ "$2 AND shipped_quantity" EQ "$3",
	{TEXTOID, TEXTOID, INT4OID, DATEOID}, 4, .takes_snapshot = true
};

StatementPair sql_insert_lines = {
	.types = {TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID, DATEOID, TIMESTAMPTZOID}, .nparameters = 8, .sku = 1,
	.takes_snapshot = true, .writes_lines = true,
	.one.sql =
		"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	.many.sql =
		"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ")"
		" SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),"
		" pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7),"
		" pg_catalog.unnest($8)) AS added"
};

/*
 * A line is what it was if its row is the version that was read.  While our
 * snapshot shows that, it is kept, and where it was unless somebody has rewritten
 * the table: then another line may be there.
 */
#define IS_STILL_THE_LINE "ctid" EQ "$1 AND xmin" EQ "$2 AND orderid" EQ "$3 AND sku" EQ "$4"

#define ARE_STILL_THE_LINES \
	"l.ctid" EQ "was.place AND l.xmin" EQ "was.version AND l.orderid" EQ "was.orderid AND l." SKU_IS("was.sku", "$4")

StatementPair sql_update_lines = {
	.types = {TIDOID, XIDOID, TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID, DATEOID, TIMESTAMPTZOID}, .nparameters = 10, .sku = 3,
	.takes_snapshot = true, .writes_lines = true,
	.one.sql =
		"UPDATE %1$s.order_lines SET qty = $5, shipped_qty = $6, ordered_at = $7, batchref = $8, needed_by = $9,"
		" held_until = $10 WHERE " IS_STILL_THE_LINE,
	.many.sql =
		"UPDATE %1$s.order_lines AS l SET qty = was.new_qty, shipped_qty = was.new_shipped_qty,"
		" ordered_at = was.new_ordered_at, batchref = was.new_batchref, needed_by = was.new_needed_by,"
		" held_until = was.new_held_until"
		" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),"
		" pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9),"
		" pg_catalog.unnest($10)) AS was (place, version, orderid, sku,"
		" new_qty, new_shipped_qty, new_ordered_at, new_batchref, new_needed_by, new_held_until)"
		" WHERE " ARE_STILL_THE_LINES
};

StatementPair sql_delete_lines = {
	.types = {TIDOID, XIDOID, TEXTOID, TEXTOID}, .nparameters = 4, .sku = 3,
	.takes_snapshot = true, .writes_lines = true,
	.one.sql =
		"DELETE FROM %1$s.order_lines WHERE " IS_STILL_THE_LINE,
	.many.sql =
		"DELETE FROM %1$s.order_lines AS l"
		" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
		" AS was (place, version, orderid, sku) WHERE " ARE_STILL_THE_LINES
};
