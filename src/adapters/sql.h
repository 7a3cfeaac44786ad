/*
 * sql.h
 *		The statements of the repository.
 *
 * A comment over a group says what its rows or their number mean; sql.c names the
 * parameters by the order of its text.
 */
#ifndef SQL_H
#define SQL_H

#include "adapters/statement.h"

/* These read lines: orderid, sku, qty, shipped_qty, ordered_at, batchref, needed_by, held_until, xmin, ctid. */
extern StatementPair sql_known_lines;
extern Statement sql_select_lines_of_order;
extern StatementPair sql_lines_of_batch;
extern Statement sql_select_lines_to_improve;
extern StatementPair sql_expired_holds;

/* These read batches: reference, sku, purchased_quantity, allocated_quantity, shipped_quantity, rank, eta, room. */
extern Statement sql_select_batch;
extern StatementPair sql_known_batches;
extern StatementPair sql_newest_batch;
extern Statement sql_select_open_batches;
extern Statement sql_select_warehouse_after;
extern Statement sql_select_shipments_after;
extern Statement sql_select_batches_by_room;
extern StatementPair sql_batches_for_demands;

/* These return a row if there is any. */
extern Statement sql_select_sku;
extern Statement sql_select_allocation;
extern StatementPair sql_allocation_of_batch;

/* What a charge of one batch relies on: the index of the statement that makes it. */
typedef enum ChargeKind
{
	CHARGE_WAREHOUSE,			/* takes units, and relies on the batch being in the warehouse */
	CHARGE_SHIPMENT,			/* takes units, and relies on another ETA */
	CHARGE_ANY
} ChargeKind;

/* These lock rows in the order of the arrays, and read what they have locked. */
extern StatementPair sql_lock_batches;
extern StatementPair sql_lock_lines;

/* These write; the number of rows says how much was written. */
extern Statement sql_insert_batch;
extern Statement sql_charge_batch[];
extern Statement sql_charge_batch_at_tid[];
extern StatementPair sql_charge_batches;
extern StatementPair sql_ship_from_batches;
extern Statement sql_set_purchased_quantity;
extern Statement sql_set_quantities;
extern Statement sql_set_eta;
extern StatementPair sql_insert_lines;
extern StatementPair sql_update_lines;
extern StatementPair sql_delete_lines;

#endif							/* SQL_H */
