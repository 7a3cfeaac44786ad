-- What the views show.
TRUNCATE batches, order_lines;

-- stock, per SKU: all that was bought and promised; what is left in the warehouse; what is left under way and
-- when the first of that arrives; what waits for stock.
SELECT * FROM stock;
SELECT add_batch('here', 'LAMP', 10);
SELECT add_batch('soon', 'LAMP', 20, '2030-01-01');
SELECT add_batch('late', 'LAMP', 40, '2030-06-01');
SELECT add_batch('chairs', 'CHAIR', 5);
SELECT * FROM stock ORDER BY sku;

SELECT allocate('order-1', 'LAMP', 4), allocate('order-2', 'LAMP', 15), allocate('order-3', 'LAMP', 30);
SELECT * FROM stock ORDER BY sku;

-- A shipment that is all promised is no news.
SELECT allocate('order-4', 'LAMP', 5), allocate('order-5', 'LAMP', 5);
SELECT sku, available, incoming, next_eta FROM stock WHERE sku = 'LAMP';

-- Lines that wait are counted in units, also those whose only batch is gone.
SELECT allocate('order-1', 'CHAIR', 2), allocate('order-2', 'CHAIR', 3);
SELECT * FROM change_batch_quantity('late', 0);
SELECT * FROM change_batch_quantity('chairs', 3);
SELECT * FROM stock ORDER BY sku;
SELECT * FROM change_batch_quantity('chairs', 0);
DELETE FROM batches WHERE reference = 'chairs';
SELECT * FROM stock WHERE sku = 'CHAIR';

-- allocations: the lines that have a batch, the day on which it comes and the one by which they need it. waiting: the
-- others. Both say since when.
SELECT orderid, sku, qty, shipped_qty, batchref, ordered_at <= clock_timestamp() AS ordered, needed_by, held_until, eta
	FROM allocations ORDER BY orderid, sku;
SELECT orderid, sku, qty, shipped_qty, ordered_at <= clock_timestamp() AS ordered, needed_by, held_until
	FROM waiting ORDER BY orderid, sku;
