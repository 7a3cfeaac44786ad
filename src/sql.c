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

#include "sql.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define GT " OPERATOR(pg_catalog.>) "
#define GE " OPERATOR(pg_catalog.>=) "
#define LE " OPERATOR(pg_catalog.<=) "
#define PLUS " OPERATOR(pg_catalog.+) "
#define MINUS " OPERATOR(pg_catalog.-) "
#define NEGATIVE "OPERATOR(pg_catalog.-) "

/* All columns of the tables in their order: so a row need not be made anew, and shows where it is. */
#define BATCH_COLUMNS "reference, sku, purchased_quantity, allocated_quantity, eta, room"
#define LINE_COLUMNS "orderid, sku, qty, batchref, allocated_at"

/*
 * A transaction that writes to a row many times leaves many versions of it, all
 * under the same key.  Where the last column of the key is a range of one value,
 * in descending order, the index is read backwards, and that meets the newest
 * first.
 */
#define NEWEST(column, value) column GE value " AND " column LE value " ORDER BY " column " DESC"

#define LINE_BY_KEY \
	"SELECT " LINE_COLUMNS " FROM %1$s.order_lines WHERE orderid" EQ "$1 AND " NEWEST("sku", "$2")

#define BATCH_BY_KEY \
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND " NEWEST("reference", "$2")

Statement	select_line = {
	LINE_BY_KEY,
	{TEXTOID, TEXTOID}, 2
};

/* The same at the moment when it runs. */
Statement	select_line_now = {
	LINE_BY_KEY,
	{TEXTOID, TEXTOID}, 2, .is_fresh = true
};

/* LIMIT keeps the planner from anything but one index look-up for each line, in their order. */
Statement	select_lines = {
	"SELECT l.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS asked (orderid, sku)"
	" CROSS JOIN LATERAL (SELECT " LINE_COLUMNS " FROM %1$s.order_lines"
	" WHERE orderid" EQ "asked.orderid AND sku" EQ "asked.sku LIMIT 1) AS l",
	{TEXTARRAYOID, TEXTARRAYOID}, 2
};

Statement	select_lines_of_order = {
	"SELECT " LINE_COLUMNS " FROM %1$s.order_lines WHERE orderid" EQ "$1 ORDER BY sku",
	{TEXTOID}, 1
};

Statement	select_batch = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE " NEWEST("reference", "$1"),
	{TEXTOID}, 1
};

Statement	select_batch_of_sku = {
	BATCH_BY_KEY,
	{TEXTOID, TEXTOID}, 2
};

/* The same at the moment when it runs. */
Statement	select_newest_batch = {
	BATCH_BY_KEY,
	{TEXTOID, TEXTOID}, 2, .is_fresh = true
};

Statement	select_sku = {
	"SELECT FROM %1$s.batches WHERE sku" EQ "$1 LIMIT 1",
	{TEXTOID}, 1
};

Statement	select_allocation = {
	"SELECT FROM %1$s.order_lines WHERE batchref IS NOT NULL LIMIT 1"
};

Statement	select_allocation_of_batch = {
	"SELECT FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2 LIMIT 1",
	{TEXTOID, TEXTOID}, 2
};

/* Of what is left, SQL sees the room only: it narrows what is read, and the model decides. */
#define IN_PREFERENCE_ORDER " ORDER BY eta NULLS FIRST, reference"

Statement	select_open_batches = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0" IN_PREFERENCE_ORDER,
	{TEXTOID}, 1
};

/* Those after one of them that is in the warehouse, and there as well. */
Statement	select_warehouse_after = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0"
	" AND eta IS NULL AND reference" GT "$2" IN_PREFERENCE_ORDER,
	{TEXTOID, TEXTOID}, 2
};

/* Those after one that is under way.  By both columns, so that no other index has the order. */
Statement	select_shipments_after = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0"
	" AND (eta, reference)" GT "($2, $3)" IN_PREFERENCE_ORDER,
	{TEXTOID, DATEOID, TEXTOID}, 3
};

Statement	select_batches_by_room = {
	"SELECT " BATCH_COLUMNS " FROM %1$s.batches WHERE sku" EQ "$1 AND room" GT "0 AND room" GE "$2"
	" AND purchased_quantity" MINUS "allocated_quantity" GE "$3 ORDER BY room, eta NULLS FIRST, reference",
	{TEXTOID, INT4OID, INT4OID}, 3
};

/* Who is writing to a batch comes last, as its row does not show that here. */
Statement	select_batches = {
	"SELECT b.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS demand (sku, qty)"
	" CROSS JOIN LATERAL (SELECT " BATCH_COLUMNS ", xmax FROM %1$s.batches"
	" WHERE sku" EQ "demand.sku AND room" GT "0 AND room" GE "demand.qty"
	IN_PREFERENCE_ORDER ") AS b",
	{TEXTARRAYOID, INT4ARRAYOID}, 2
};

Statement	select_lines_of_batch = {
	"SELECT " LINE_COLUMNS " FROM %1$s.order_lines WHERE sku" EQ "$1 AND batchref" EQ "$2"
	" ORDER BY allocated_at DESC",
	{TEXTOID, TEXTOID}, 2
};

Statement	lock_many = {
	"SELECT FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS wanted (sku, reference)"
	" CROSS JOIN LATERAL (SELECT FROM %1$s.batches"
	" WHERE sku" EQ "wanted.sku AND reference" EQ "wanted.reference FOR NO KEY UPDATE) AS b",
	{TEXTARRAYOID, TEXTARRAYOID}, 2, .is_fresh = true
};

Statement	insert_batch = {
	"INSERT INTO %1$s.batches (reference, sku, purchased_quantity, allocated_quantity, eta) VALUES ($1, $2, $3, $4, $5)",
	{TEXTOID, TEXTOID, INT4OID, INT4OID, DATEOID}, 5, .is_fresh = true
};

/* The charge is the lock: no SELECT ... FOR UPDATE comes before it. */
#define CHARGE(condition) \
	"UPDATE %1$s.batches SET allocated_quantity = allocated_quantity" PLUS "$3" \
	" WHERE " condition "sku" EQ "$1 AND reference" EQ "$2" \
	" AND purchased_quantity" MINUS "allocated_quantity" GE "$3 AND allocated_quantity" GE "(" NEGATIVE "$3)"

Statement	charge_batch = {
	CHARGE(""),
	{TEXTOID, TEXTOID, INT4OID}, 3, .is_fresh = true
};

Statement	charge_batch_in_place = {
	CHARGE("ctid" EQ "$4 AND "),
	{TEXTOID, TEXTOID, INT4OID, TIDOID}, 4, .is_fresh = true
};

/*
 * Where a table is joined to arrays, = ANY for the first column of the primary
 * key and a range of one value for the second leave the planner one way: for
 * each element, in their order, a look-up by both.  By a second = ANY it looks
 * by the first column alone where it takes the table to be empty.
 */
#define IS_KEY(first, first_value, second, second_value) \
	first EQ "ANY (ARRAY[" first_value "]) AND " second GE second_value " AND " second LE second_value

Statement	charge_many = {
	"UPDATE %1$s.batches AS b SET allocated_quantity = b.allocated_quantity" PLUS "c.units"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
	" AS c (sku, reference, units)"
	" WHERE " IS_KEY("b.sku", "c.sku", "b.reference", "c.reference")
	" AND b.purchased_quantity" MINUS "b.allocated_quantity" GE "c.units"
	" AND b.allocated_quantity" GE "(" NEGATIVE "c.units)",
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID}, 3, .is_fresh = true
};

Statement	set_purchased_quantity = {
	"UPDATE %1$s.batches SET purchased_quantity = $3"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" LE "$3",
	{TEXTOID, TEXTOID, INT4OID}, 3, .is_fresh = true
};

Statement	set_quantities = {
	"UPDATE %1$s.batches SET purchased_quantity = $4, allocated_quantity = $5"
	" WHERE sku" EQ "$1 AND reference" EQ "$2 AND allocated_quantity" EQ "$3",
	{TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID}, 5, .is_fresh = true
};

Statement	insert_line = {
	"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ") VALUES ($1, $2, $3, $4, $5)",
	{TEXTOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID}, 5, .is_fresh = true
};

Statement	insert_lines = {
	"INSERT INTO %1$s.order_lines (" LINE_COLUMNS ")"
	" SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),"
	" pg_catalog.unnest($4), pg_catalog.unnest($5)) AS added",
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, 5, .is_fresh = true
};

#define IS_STILL_THE_LINE \
	"orderid" EQ "$1 AND sku" EQ "$2 AND qty" EQ "$3 AND (batchref" EQ "$4 OR batchref IS NULL AND $4 IS NULL)"

Statement	update_line = {
	"UPDATE %1$s.order_lines SET qty = $5, batchref = $6, allocated_at = $7 WHERE " IS_STILL_THE_LINE,
	{TEXTOID, TEXTOID, INT4OID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID}, 7, .is_fresh = true
};

Statement	delete_line = {
	"DELETE FROM %1$s.order_lines WHERE " IS_STILL_THE_LINE,
	{TEXTOID, TEXTOID, INT4OID, TEXTOID}, 4, .is_fresh = true
};

#define ARE_STILL_THE_LINES \
	IS_KEY("l.orderid", "was.orderid", "l.sku", "was.sku") " AND l.qty" EQ "was.qty" \
	" AND (l.batchref" EQ "was.batchref OR l.batchref IS NULL AND was.batchref IS NULL)"

Statement	update_lines = {
	"UPDATE %1$s.order_lines AS l SET qty = was.new_qty, batchref = was.new_batchref, allocated_at = was.new_allocated_at"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),"
	" pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7))"
	" AS was (orderid, sku, qty, batchref, new_qty, new_batchref, new_allocated_at)"
	" WHERE " ARE_STILL_THE_LINES,
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, 7,
	.is_fresh = true
};

Statement	delete_lines = {
	"DELETE FROM %1$s.order_lines AS l"
	" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))"
	" AS was (orderid, sku, qty, batchref)"
	" WHERE " ARE_STILL_THE_LINES,
	{TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID}, 4, .is_fresh = true
};
