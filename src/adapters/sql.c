/*
 * sql.c
 *		The SQL text of the statements.  What is different over several nodes is in
 *		citus.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "adapters/sql.h"
#include "adapters/sql_text.h"

/*
 * Reading lines
 */

/*
 * A transaction that writes to a row many times leaves many versions of it, all
 * under the same key.  If the last column of the key is a range of one value in
 * descending order, the index is read backwards, which meets the newest first.
 */
#define NEWEST(column, value) column GE value " AND " column LE value " ORDER BY " column " DESC"

/* LIMIT keeps the planner from anything but one index look-up for each line, in the order of the arrays. */
StatementPair sql_known_lines = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 1,
	.one.sql =
	"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE orderid" EQ "$1 AND " NEWEST("sku", "$2"),
	.many.sql =
	"SELECT l.* FROM " TWO_ARRAYS " AS asked (orderid, sku)"
	" CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
	" WHERE orderid" EQ "asked.orderid AND sku" EQ "asked.sku LIMIT 1) AS l"
};

Statement	sql_lines_of_order = {
	"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE orderid" EQ "$1 ORDER BY sku",
	{TEXTOID}, 1
};

StatementPair sql_lines_of_batch = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.one.sql =
	"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2 ORDER BY ordered_at DESC"
};

/* OFFSET keeps the planner from anything but one index look-up for each batch: it would walk the lines of all batches. */
Statement	sql_lines_to_improve = {
	"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE batchref IS NULL AND sku" EQ "$1 AND qty" GT "shipped_qty"
	" UNION ALL"
	" SELECT l.* FROM %1$s.batches AS b CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
	" WHERE batchref" EQ "b.reference AND sku" EQ "b.sku AND qty" GT "shipped_qty OFFSET 0) AS l"
	" WHERE b.sku" EQ "$1 AND b.eta IS NOT NULL",
	{TEXTOID}, 1
};

/* A hold has expired as line_is_expired() in domain/model.c says. */
StatementPair sql_expired_holds = {
	.types = {TEXTOID, TIMESTAMPTZOID}, .nparameters = 2, .sku = 0,
	.one.sql =
	"SELECT " STORED_LINE " FROM %1$s.order_lines WHERE sku" EQ "$1 AND held_until" LE "$2 AND batchref IS NOT NULL",
	.many.sql =
	"SELECT l.* FROM " TWO_ARRAYS " AS asked (sku, at)"
	" CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
	" WHERE sku" EQ "asked.sku AND held_until" LE "asked.at AND batchref IS NOT NULL) AS l"
};

Statement	sql_allocation = {
	"SELECT FROM %1$s.order_lines WHERE batchref IS NOT NULL LIMIT 1"
};

StatementPair sql_allocation_of_batch = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.one.sql =
	"SELECT FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2 LIMIT 1"
};

/*
 * Reading batches
 */

Statement	sql_batch = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE " NEWEST("reference", "$1"),
	{TEXTOID}, 1
};

/* Joined rows do not show who writes to them and where they are, so these columns come last.  LIMIT as for lines. */
StatementPair sql_known_batches = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.one.sql =
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND " NEWEST("reference", "$2"),
	.many.sql =
	"SELECT b.* FROM " TWO_ARRAYS " AS asked (sku, reference)"
	" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS ", xmax, ctid FROM %1$s.batches"
	" WHERE sku" EQ "asked.sku AND reference" EQ "asked.reference LIMIT 1) AS b"
};

/* As it is when the statement runs, whatever the snapshot of the attempt shows. */
StatementPair sql_newest_batch = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.takes_snapshot = true,
	.one.sql =
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND " NEWEST("reference", "$2")
};

Statement	sql_sku = {
	"SELECT FROM %1$s.batches WHERE sku" EQ "$1 LIMIT 1",
	{TEXTOID}, 1
};

/* Searches see only the room of a batch, an upper bound of the units left: the domain decides. */
#define OPEN_BATCHES "SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0"

Statement	sql_open_batches = {
	OPEN_BATCHES " ORDER BY " PREFERENCE_ORDER,
	{TEXTOID}, 1
};

/* The open batches in the warehouse that come after one of them in the preference order. */
Statement	sql_warehouse_after = {
	OPEN_BATCHES " AND eta IS NULL AND (rank, reference)" GT "($2, $3) ORDER BY " PREFERENCE_ORDER,
	{TEXTOID, INT4OID, TEXTOID}, 3
};

/* The open shipments that come after one of them. */
Statement	sql_shipments_after = {
	OPEN_BATCHES " AND (eta, rank, reference)" GT "($2, $3, $4) ORDER BY " PREFERENCE_ORDER,
	{TEXTOID, DATEOID, INT4OID, TEXTOID}, 4
};

Statement	sql_batches_by_room = {
	OPEN_BATCHES " AND room" GE "$2 AND " HAS_LEFT("", "$3") " ORDER BY room, " PREFERENCE_ORDER,
	{TEXTOID, INT4OID, INT4OID}, 3
};

/* The end of the look-up for one demand says how many batches of a SKU are read. */
#define BATCHES_FOR_DEMANDS(end) \
	"SELECT b.* FROM " TWO_ARRAYS " AS demand (sku, qty)" \
	" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS ", xmax, ctid FROM %1$s.batches" \
	" WHERE sku" EQ "demand.sku AND room" GT "0 AND room" GE "demand.qty ORDER BY " PREFERENCE_ORDER end ") AS b"

StatementPair sql_batches_for_demands = {
	.types = {TEXTOID, INT4OID}, .nparameters = 2, .sku = 0,
	.many.sql = BATCHES_FOR_DEMANDS("")
};

StatementPair sql_first_batches_for_demands = {
	.types = {TEXTOID, INT4OID}, .nparameters = 2, .sku = 0,
	.many.sql = BATCHES_FOR_DEMANDS(FIRST_LOOK)
};

/*
 * Locking
 */

/* Row locks keep the planner from merging the look-ups, so there is one for each row, in the order of the arrays. */
StatementPair sql_lock_batches = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 0,
	.takes_snapshot = true,
	.many.sql =
	"SELECT b.* FROM " TWO_ARRAYS " AS asked (sku, reference)"
	" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS " FROM %1$s.batches"
	" WHERE sku" EQ "asked.sku AND reference" EQ "asked.reference FOR NO KEY UPDATE) AS b"
};

StatementPair sql_lock_lines = {
	.types = {TEXTOID, TEXTOID}, .nparameters = 2, .sku = 1,
	.takes_snapshot = true,
	.many.sql =
	"SELECT l.* FROM " TWO_ARRAYS " AS asked (orderid, sku)"
	" CROSS JOIN LATERAL (SELECT " STORED_LINE " FROM %1$s.order_lines"
	" WHERE orderid" EQ "asked.orderid AND sku" EQ "asked.sku FOR NO KEY UPDATE) AS l"
};

/*
 * Writing batches
 */

Statement	sql_insert_batch = {
	"INSERT INTO %1$s.batches (reference, sku, purchased_quantity, rank, eta) VALUES ($1, $2, $3, $4, $5)",
	{TEXTOID, TEXTOID, INT4OID, INT4OID, DATEOID}, 5, .takes_snapshot = true
};

/* The charge itself locks the row: no SELECT ... FOR UPDATE comes before it. */
#define CHARGE(guards) \
	"UPDATE %1$s.batches SET allocated_quantity = allocated_quantity" PLUS "$3" \
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND " guards

/*
 * Most charges take units and rely on an ETA, so they have statements with fewer
 * guards: with all guards, allocate() would take 2.5 % more instructions.
 */
#define TAKE_FROM_WAREHOUSE CHARGE("eta IS NULL AND " HAS_LEFT("", "$3"))
#define TAKE_FROM_SHIPMENT CHARGE("eta" EQ "$4 AND " HAS_LEFT("", "$3"))
#define TAKE_OR_GIVE_BACK CHARGE(HAS_LEFT("", "$3") " AND " HAS_OPEN("", "(" NEGATIVE "$3)") " AND " HAS_ETA("", "$4"))

#define CHARGE_PARAMETERS {TEXTOID, TEXTOID, INT4OID, DATEOID, TIDOID}

Statement	sql_charge_batch[] = {
	[CHARGE_WAREHOUSE] = {TAKE_FROM_WAREHOUSE, CHARGE_PARAMETERS, 4, .takes_snapshot = true},
	[CHARGE_SHIPMENT] = {TAKE_FROM_SHIPMENT, CHARGE_PARAMETERS, 4, .takes_snapshot = true},
	[CHARGE_ANY] = {TAKE_OR_GIVE_BACK, CHARGE_PARAMETERS, 4, .takes_snapshot = true}
};

/* The same where the batch was read: the last parameter says where. */
#define AT_TID " AND ctid" EQ "$5"

Statement	sql_charge_batch_at_tid[] = {
	[CHARGE_WAREHOUSE] = {TAKE_FROM_WAREHOUSE AT_TID, CHARGE_PARAMETERS, 5, .takes_snapshot = true},
	[CHARGE_SHIPMENT] = {TAKE_FROM_SHIPMENT AT_TID, CHARGE_PARAMETERS, 5, .takes_snapshot = true},
	[CHARGE_ANY] = {TAKE_OR_GIVE_BACK AT_TID, CHARGE_PARAMETERS, 5, .takes_snapshot = true}
};

/*
 * In a join with arrays, = ANY for the first column of the primary key and a range
 * of one value for the second leave the planner one way: for each element, in the
 * order of the arrays, a look-up by both.  With a second = ANY it would look by
 * the first column alone if it takes the table to be empty.
 */
#define BY_KEY_OF_CHARGE \
	"b.sku" EQ "ANY (ARRAY[charge.sku]) AND b.reference" GE "charge.reference AND b.reference" LE "charge.reference"

StatementPair sql_charge_batches = {
	.types = {TEXTOID, TEXTOID, INT4OID, DATEOID}, .nparameters = 4, .sku = 0,
	.takes_snapshot = true,
	.many.sql =
	"UPDATE %1$s.batches AS b SET allocated_quantity = b.allocated_quantity" PLUS "charge.units FROM " CHARGES
	" WHERE " BY_KEY_OF_CHARGE " AND " HAS_LEFT("b.", "charge.units")
	" AND " HAS_OPEN("b.", "(" NEGATIVE "charge.units)") " AND " HAS_ETA("b.", "charge.eta")
};

/* What has shipped still counts as allocated, so this touches no index. */
StatementPair sql_ship_from_batches = {
	.types = {TEXTOID, TEXTOID, INT4OID}, .nparameters = 3, .sku = 0,
	.takes_snapshot = true,
	.one.sql =
	"UPDATE %1$s.batches SET shipped_quantity = shipped_quantity" PLUS "$3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND eta IS NULL AND " HAS_OPEN("", "$3"),
	.many.sql =
	"UPDATE %1$s.batches AS b SET shipped_quantity = b.shipped_quantity" PLUS "charge.units"
	" FROM " THREE_ARRAYS " AS charge (sku, reference, units)"
	" WHERE " BY_KEY_OF_CHARGE " AND b.eta IS NULL AND " HAS_OPEN("b.", "charge.units")
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

/*
 * Writing lines
 */

StatementPair sql_insert_lines = {
	.types = {TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID, DATEOID, TIMESTAMPTZOID},
	.nparameters = 8, .sku = 1,
	.takes_snapshot = true, .writes_lines = true,
	.one.sql =
	"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	.many.sql =
	"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ") SELECT * FROM " EIGHT_ARRAYS " AS added"
};

/* IS_UNCHANGED for one line, which is found where it was read. */
#define LINE_IS_UNCHANGED "ctid" EQ "$1 AND xmin" EQ "$2 AND orderid" EQ "$3 AND sku" EQ "$4"

StatementPair sql_update_lines = {
	.types = {TIDOID, XIDOID, TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID, DATEOID, TIMESTAMPTZOID},
	.nparameters = 10, .sku = 3,
	.takes_snapshot = true, .writes_lines = true,
	.one.sql =
	"UPDATE %1$s.order_lines SET qty = $5, shipped_qty = $6, ordered_at = $7, batchref = $8, needed_by = $9,"
	" held_until = $10 WHERE " LINE_IS_UNCHANGED,
	.many.sql =
	UPDATE_LINES " WHERE " IS_UNCHANGED("was.sku")
};

StatementPair sql_delete_lines = {
	.types = {TIDOID, XIDOID, TEXTOID, TEXTOID}, .nparameters = 4, .sku = 3,
	.takes_snapshot = true, .writes_lines = true,
	.one.sql =
	"DELETE FROM %1$s.order_lines WHERE " LINE_IS_UNCHANGED,
	.many.sql =
	DELETE_LINES " WHERE " IS_UNCHANGED("was.sku")
};
