-- deallocate() gives a line's units back and deletes the line.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 10);

-- It returns the reference of the batch that the line was tied to.
SELECT deallocate('order-1', 'LAMP');
SELECT allocated_quantity FROM batches;
SELECT count(*) FROM order_lines;

-- The units are free for another line, and the same line may be allocated again with another quantity.
SELECT allocate('order-2', 'LAMP', 7);
SELECT allocate('order-1', 'LAMP', 3);

-- For a line that does not exist the answer is NULL, not an error.
SELECT deallocate('order-3', 'LAMP') IS NULL AS unknown_order;
SELECT deallocate('order-1', 'CHAIR') IS NULL AS unknown_sku;
SELECT allocated_quantity FROM batches;

-- So it is for the same line a second time.
SELECT deallocate('order-1', 'LAMP');
SELECT deallocate('order-1', 'LAMP') IS NULL AS gone;
SELECT allocated_quantity FROM batches;

-- A waiting line is deleted; it has nothing to give back.
SELECT * FROM change_batch_quantity('batch-1', 5);
SELECT deallocate('order-2', 'LAMP') IS NULL AS waited;
SELECT count(*) FROM order_lines;
SELECT purchased_quantity, allocated_quantity FROM batches;
