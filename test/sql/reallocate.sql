-- reallocate() deallocates a line and allocates it anew, as one unit of work.
TRUNCATE batches, order_lines;
SELECT add_batch('ship', 'LAMP', 10, '2030-01-01');
SELECT allocate('order-1', 'LAMP', 6);

-- A line that already has the best batch stays there: nothing changes.
CREATE TEMPORARY TABLE before AS SELECT * FROM order_lines;
SELECT reallocate('order-1', 'LAMP');
TABLE before EXCEPT TABLE order_lines;

-- A line moves to a better batch that has been added since, but not to a worse one.
SELECT add_batch('later-ship', 'LAMP', 10, '2031-01-01');
SELECT add_batch('too-small', 'LAMP', 5);
SELECT reallocate('order-1', 'LAMP');
SELECT add_batch('warehouse', 'LAMP', 6);
SELECT reallocate('order-1', 'LAMP');
SELECT orderid, sku, order_lines.ordered_at = before.ordered_at AS keeps_its_turn FROM order_lines JOIN before USING (orderid, sku);
SELECT reference, allocated_quantity FROM batches ORDER BY reference;

-- It changes the quantity. The line's own units count as free.
SELECT reallocate('order-1', 'LAMP', 3);
SELECT reallocate('order-1', 'LAMP', 5);
SELECT reallocate('order-1', 'LAMP', 6);
SELECT reallocate('order-1', 'LAMP', 10);
SELECT reference, allocated_quantity FROM batches ORDER BY reference;
SELECT orderid, qty, batchref FROM order_lines;

-- If no batch has room, the line stays as it was.
SELECT reallocate('order-1', 'LAMP', 11);
SELECT reference, allocated_quantity FROM batches ORDER BY reference;
SELECT orderid, qty, batchref FROM order_lines;

-- The same if the line's own batch is the only one.
SELECT add_batch('only', 'CHAIR', 4);
SELECT allocate('order-1', 'CHAIR', 3);
SELECT reallocate('order-1', 'CHAIR', 4);
SELECT reallocate('order-1', 'CHAIR', 5);
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'CHAIR';

-- A waiting line gets a batch, with its old quantity or a new one. While no batch has room, it keeps waiting.
SELECT * FROM change_batch_quantity('only', 2);
SELECT reallocate('order-1', 'CHAIR');
SELECT reallocate('order-1', 'CHAIR', 3);
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'CHAIR';
SELECT reallocate('order-1', 'CHAIR', 2);
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'CHAIR';

-- A line that does not exist is refused, with or without a quantity.
SELECT reallocate('order-2', 'LAMP', 1);
SELECT reallocate('order-3', 'LAMP');
SELECT reallocate('order-3', 'LAMP', NULL);
SELECT reallocate('order-3', 'SOFA', 1);
SELECT orderid, sku, qty, batchref FROM order_lines ORDER BY orderid, sku;
