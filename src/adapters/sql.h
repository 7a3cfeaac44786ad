/*
 * sql.h
 *		The statements of the repository.
 */
#ifndef SQL_H
#define SQL_H

#include "adapters/statement.h"

/* These read lines: orderid, sku, qty, shipped_qty, ordered_at, batchref, needed_by, held_until, xmin, ctid. */
extern StatementPair sql_known_lines;
extern Statement sql_lines_of_order;
extern StatementPair sql_lines_of_batch;
extern Statement sql_lines_to_improve;
extern StatementPair sql_expired_holds;

/* These read batches: reference, sku, purchased_quantity, allocated_quantity, shipped_quantity, rank, eta, room. */
extern Statement sql_batch;
extern StatementPair sql_known_batches;
extern StatementPair sql_newest_batch;
extern Statement sql_open_batches;
extern Statement sql_warehouse_after;
extern Statement sql_shipments_after;
extern Statement sql_batches_by_room;
extern StatementPair sql_batches_for_demands;
extern StatementPair sql_first_batches_for_demands;

/* These return a row if there is any. */
extern Statement sql_sku;
extern Statement sql_allocation;
extern StatementPair sql_allocation_of_batch;

/* Which guards a charge of one batch needs: the index of the statement that makes it. */
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
