/*
 * sql_text.h
 *		Pieces of SQL text.  Only files that are made of SQL text include it.
 *
 * Names and operators are qualified throughout, because statements run with the
 * caller's search_path.  What SQL resolves behind the scenes by an operator's
 * bare name (IN, BETWEEN, IS DISTINCT FROM, CASE x WHEN) must not be used.
 */
#ifndef SQL_TEXT_H
#define SQL_TEXT_H

#include "adapters/hot_rows.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define GT " OPERATOR(pg_catalog.>) "
#define GE " OPERATOR(pg_catalog.>=) "
#define LE " OPERATOR(pg_catalog.<=) "
#define PLUS " OPERATOR(pg_catalog.+) "
#define MINUS " OPERATOR(pg_catalog.-) "
#define NEGATIVE "OPERATOR(pg_catalog.-) "

#define UNNEST(n) "pg_catalog.unnest($" #n ")"
#define TWO_ARRAYS "ROWS FROM (" UNNEST(1) ", " UNNEST(2) ")"
#define THREE_ARRAYS "ROWS FROM (" UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ")"
#define FOUR_ARRAYS "ROWS FROM (" UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ")"
#define EIGHT_ARRAYS "ROWS FROM (" UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ", " \
	UNNEST(5) ", " UNNEST(6) ", " UNNEST(7) ", " UNNEST(8) ")"
#define TEN_ARRAYS "ROWS FROM (" UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ", " \
	UNNEST(5) ", " UNNEST(6) ", " UNNEST(7) ", " UNNEST(8) ", " UNNEST(9) ", " UNNEST(10) ")"

/* All columns of the tables in their order, so that a row is not copied when it is read, and still shows where it is. */
#define BATCH_COLUMNS "reference, sku, purchased_quantity, allocated_quantity, shipped_quantity, rank, eta, room"
#define LINE_COLUMNS "orderid, sku, qty, shipped_qty, ordered_at, batchref, needed_by, held_until"

/* A line as it is stored: also the version of its row, and where that is. */
#define STORED_LINE LINE_COLUMNS ", xmin, ctid"

/* The preference order is that of batch_precedes() in domain/model.c. */
#define PREFERENCE_ORDER "eta NULLS FIRST, rank, reference"

/* Of each SKU, a first look only reads so many batches. */
#define FIRST_LOOK " LIMIT " CppAsString2(BATCHES_OF_FIRST_LOOK)

/* The columns of a charge, as values_of_charge() in mapping.c has them. */
#define CHARGES FOUR_ARRAYS " AS charge (sku, reference, units, eta)"

/*
 * The guards of a charge: units left as in batch_available_quantity(), units to
 * give back, and the ETA that it relies on, which is -infinity for the warehouse
 * and a null if it relies on none.
 */
#define HAS_LEFT(b, units) b "purchased_quantity" MINUS b "allocated_quantity" GE units
#define HAS_OPEN(b, units) b "allocated_quantity" MINUS b "shipped_quantity" GE units
#define HAS_ETA(b, day) "(coalesce(" b "eta, '-infinity'::pg_catalog.date)" EQ day " OR " day " IS NULL)"

/* Lines as they were read, and what becomes of them, as values_of_line_change() in mapping.c has them. */
#define UPDATE_LINES \
	"UPDATE %1$s.order_lines AS l SET qty = was.new_qty, shipped_qty = was.new_shipped_qty," \
	" ordered_at = was.new_ordered_at, batchref = was.new_batchref, needed_by = was.new_needed_by," \
	" held_until = was.new_held_until FROM " TEN_ARRAYS " AS was (place, version, orderid, sku," \
	" new_qty, new_shipped_qty, new_ordered_at, new_batchref, new_needed_by, new_held_until)"
#define DELETE_LINES \
	"DELETE FROM %1$s.order_lines AS l USING " FOUR_ARRAYS " AS was (place, version, orderid, sku)"

/*
 * A line has not changed since it was read if its row is still the same version.
 * While our snapshot shows that version it is kept, and where it was, unless
 * somebody has rewritten the table: then another line may be there.
 */
#define IS_UNCHANGED(sku) "l.ctid" EQ "was.place AND l.xmin" EQ "was.version AND l.orderid" EQ "was.orderid AND l.sku" EQ sku

#endif							/* SQL_TEXT_H */
