-- deallocate() gives a line's units back and forgets the line.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 10);

-- It returns the reference of the batch that the line was tied to.
SELECT deallocate('order-1', 'LAMP');
SELECT allocated_quantity FROM batches;
SELECT count(*) FROM order_lines;

-- The units are free for another line, and the same one may come back with another quantity.
SELECT allocate('order-2', 'LAMP', 7);
SELECT allocate('order-1', 'LAMP', 3);

-- A line that is not there gives nothing back: NULL, and no error.
SELECT deallocate('order-3', 'LAMP') IS NULL AS unknown_order;
SELECT deallocate('order-1', 'CHAIR') IS NULL AS unknown_sku;
SELECT allocated_quantity FROM batches;

-- Neither does the same line a second time.
SELECT deallocate('order-1', 'LAMP');
SELECT deallocate('order-1', 'LAMP') IS NULL AS gone;
SELECT allocated_quantity FROM batches;

-- A line that waits is forgotten, but had nothing to give back.
SELECT * FROM change_batch_quantity('batch-1', 5);
SELECT deallocate('order-2', 'LAMP') IS NULL AS waited;
SELECT count(*) FROM order_lines;
SELECT purchased_quantity, allocated_quantity FROM batches;
