/*
 * sql.h
 *		The statements of the repository.
 */
#ifndef SQL_H
#define SQL_H

#include "adapters/statement.h"

/* They read lines: orderid, sku, qty, shipped_qty, ordered_at, batchref, needed_by, held_until, version, place. */
extern Statement select_line;
extern Statement select_lines;
extern Statement select_lines_of_order;
extern Statement select_lines_of_batch;
extern Statement select_lines_to_improve;
extern Statement select_expired_holds;
extern Statement select_expired_holds_of_sku;

/* They read batches: reference, sku, purchased_quantity, allocated_quantity, shipped_quantity, rank, eta, room. */
extern Statement select_batch;
extern Statement select_batch_of_sku;
extern Statement select_known_batches;
extern Statement select_newest_batch;
extern Statement select_open_batches;
extern Statement select_warehouse_after;
extern Statement select_shipments_after;
extern Statement select_batches_by_room;
extern Statement select_batches;
extern Statement select_batch_sku;
extern Statement select_batch_sku_now;

/* They tell by a row whether there is any. */
extern Statement select_sku;
extern Statement select_allocation;
extern Statement select_allocation_of_batch;

/* Of what the statements that charge one batch are for. */
enum
{
	CHARGE_WAREHOUSE,			/* units are taken from a batch that has to be in the warehouse */
	CHARGE_SHIPMENT,			/* ... that has to come on a day */
	CHARGE_ANY
};

/* They lock, in the order of the arrays, and read what they have locked. */
extern Statement lock_batches_of;
extern Statement lock_lines_of;

/* They write, and tell by the number of rows what has been written. */
extern Statement insert_batch;
extern Statement insert_batch_sku;
extern Statement update_batch_sku;
extern Statement insert_key_of_batch;
extern Statement delete_batch;
extern Statement charge_batch[];
extern Statement charge_batch_in_place[];
extern Statement charge_many;
extern Statement ship_from_batch;
extern Statement ship_from_many;
extern Statement set_purchased_quantity;
extern Statement set_quantities;
extern Statement set_eta;
extern Statement insert_line;
extern Statement insert_lines;
extern Statement update_line;
extern Statement delete_line;
extern Statement update_lines;
extern Statement delete_lines;

#endif							/* SQL_H */
