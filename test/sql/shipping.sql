-- ship() sets how many units of a line have shipped in total.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 5);
SELECT ship('order-1', 'LAMP', 2);

-- The total: a repeated call changes nothing. Fewer units than have shipped, or more than the line asks for, are an error.
SELECT ship('order-1', 'LAMP', 2);
SELECT ship('order-1', 'LAMP', 1);
SELECT ship('order-1', 'LAMP', 6);
SELECT qty, shipped_qty FROM order_lines;
SELECT purchased_quantity, allocated_quantity, shipped_quantity FROM batches;

-- Without a quantity, the whole line ships.
SELECT ship('order-1', 'LAMP');
SELECT ship('order-1', 'LAMP');
SELECT ship('order-2', 'LAMP');
SELECT purchased, allocated, shipped, on_hand, available FROM stock;

-- A line that has shipped is still known: allocating it again takes nothing.
SELECT allocate('order-1', 'LAMP', 5);
SELECT purchased_quantity, allocated_quantity, shipped_quantity FROM batches;

-- Units that have shipped cannot be given back or moved, and the batch cannot shrink below them.
SELECT deallocate('order-1', 'LAMP');
SELECT * FROM deallocate_order('order-1');
SELECT reallocate('order-1', 'LAMP');
SELECT reallocate('order-1', 'LAMP', 4);
SELECT * FROM change_batch_quantity('batch-1', 4);
SELECT * FROM change_batch_quantity('batch-1', 5);

-- The open part of a line moves, waits and ships from another batch.
SELECT add_batch('chairs-1', 'CHAIR', 5);
SELECT allocate('order-1', 'CHAIR', 5), ship('order-1', 'CHAIR', 2);
SELECT * FROM change_batch_quantity('chairs-1', 2);
SELECT orderid, qty, shipped_qty FROM waiting;
SELECT sku, shipped, waiting FROM stock WHERE sku = 'CHAIR';
SELECT ship('order-1', 'CHAIR');
SELECT ship('order-1', 'CHAIR', 2) IS NULL AS twice_is_once;
SELECT add_batch('chairs-2', 'CHAIR', 3);
SELECT allocate('order-1', 'CHAIR', 5), ship('order-1', 'CHAIR');
SELECT reference, allocated_quantity, shipped_quantity FROM batches WHERE sku = 'CHAIR' ORDER BY reference;

-- The open part can also be given up: then the line is what has shipped.
SELECT add_batch('chairs-3', 'CHAIR', 10);
SELECT allocate('order-2', 'CHAIR', 5), ship('order-2', 'CHAIR', 1);
SELECT reallocate('order-2', 'CHAIR', 1);
SELECT reference, allocated_quantity, shipped_quantity FROM batches WHERE reference = 'chairs-3';

-- reallocate() and reallocate_sku() move it, too: what has shipped still counts for the batch that it shipped from.
SELECT add_batch('clocks-1', 'CLOCK', 10);
SELECT allocate('order-1', 'CLOCK', 5), ship('order-1', 'CLOCK', 2), allocate('order-2', 'CLOCK', 2), ship('order-2', 'CLOCK', 1);
SELECT * FROM change_batch_eta('clocks-1', 'infinity');
SELECT add_batch('clocks-2', 'CLOCK', 5);
SELECT reallocate('order-1', 'CLOCK', 6);
SELECT * FROM reallocate_sku('CLOCK');
SELECT ship('order-1', 'CLOCK'), ship('order-2', 'CLOCK');
SELECT reference, allocated_quantity, shipped_quantity FROM batches WHERE sku = 'CLOCK' ORDER BY reference;

-- Only units in the warehouse ship.
SELECT add_batch('tables', 'TABLE', 5, '2030-01-01');
SELECT * FROM allocate_lines('{order-1,order-2}', '{TABLE,TABLE}', '{4,2}', false);
SELECT ship('order-1', 'TABLE');
SELECT ship('order-2', 'TABLE', 1);
SELECT * FROM change_batch_eta('tables', NULL);
SELECT ship('order-1', 'TABLE', 4);

-- ship_order() ships all lines of an order, or none. The rows, by SKU, are all lines that have now shipped completely.
SELECT add_batch('vases', 'VASE', 9), add_batch('sofas', 'SOFA', 9, '2030-01-01'), add_batch('beds', 'BED', 9);
SELECT * FROM allocate_order('order-3', '{VASE,SOFA,BED}', '{1,2,3}');
SELECT * FROM ship_order('order-3');
SELECT sku, shipped FROM stock WHERE sku IN ('VASE', 'SOFA', 'BED') ORDER BY sku;

-- Or it ships only the lines in the warehouse. It is idempotent, too.
SELECT * FROM ship_order('order-3', false);
SELECT * FROM ship_order('order-3', all_or_nothing => false);
SELECT * FROM change_batch_eta('sofas', NULL);
SELECT ship('order-3', 'SOFA', 1);
SELECT * FROM ship_order('order-3');
SELECT sku, shipped FROM stock WHERE sku IN ('VASE', 'SOFA', 'BED') ORDER BY sku;

-- An order without lines has nothing to ship. An order with a waiting line is refused, unless lines may stay behind.
SELECT * FROM ship_order('order-4');
SELECT * FROM ship_order('order-2');
SELECT * FROM ship_order('order-2', false);

-- Shipped lines may be archived: that changes no counter and is no fault.
SELECT reference, purchased_quantity, allocated_quantity, shipped_quantity FROM batches ORDER BY reference;
SELECT * FROM check_allocation();
WITH archived AS (DELETE FROM order_lines WHERE shipped_qty = qty RETURNING qty) SELECT count(*), sum(qty) FROM archived;
SELECT reference, purchased_quantity, allocated_quantity, shipped_quantity FROM batches ORDER BY reference;
SELECT * FROM check_allocation();
SELECT orderid, sku, qty, shipped_qty, batchref FROM order_lines;
