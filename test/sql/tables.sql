-- Constraints guard the tables against mistakes of roles that write to them directly.
\set VERBOSITY sqlstate
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT add_batch('batch-2', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 7);

-- No UPDATE can oversell a batch, or allocate less than nothing.
UPDATE batches SET allocated_quantity = 11 WHERE reference = 'batch-1';
UPDATE batches SET allocated_quantity = -1 WHERE reference = 'batch-2';
UPDATE batches SET purchased_quantity = 6 WHERE reference = 'batch-1';
INSERT INTO batches (reference, sku, purchased_quantity) VALUES ('batch-3', 'LAMP', -1);

-- No more units ship than are allocated, and not less than nothing.
UPDATE batches SET shipped_quantity = 8 WHERE reference = 'batch-1';
UPDATE batches SET shipped_quantity = -1 WHERE reference = 'batch-1';
SELECT ship('order-1', 'LAMP', 5);
UPDATE batches SET allocated_quantity = 4 WHERE reference = 'batch-1';

-- Every line has a turn, a reference is unique, and an order has one line per SKU.
INSERT INTO batches (reference, sku, purchased_quantity) VALUES ('batch-1', 'CHAIR', 1);
INSERT INTO order_lines (orderid, sku, qty) VALUES ('order-2', 'LAMP', 1);
INSERT INTO order_lines (orderid, sku, qty, ordered_at) VALUES ('order-1', 'LAMP', 1, now());
INSERT INTO order_lines (orderid, sku, qty, ordered_at) VALUES ('order-2', 'LAMP', 0, now());

-- A batch that serves lines cannot be deleted or renamed.
\set VERBOSITY default
DELETE FROM batches WHERE reference = 'batch-1';
\echo SQLSTATE :SQLSTATE
DELETE FROM batches;
UPDATE batches SET reference = 'batch-3' WHERE reference = 'batch-1';
UPDATE batches SET sku = 'CHAIR' WHERE reference = 'batch-1';
\echo SQLSTATE :SQLSTATE
TRUNCATE batches;
\echo SQLSTATE :SQLSTATE
SELECT reference, sku, allocated_quantity FROM batches ORDER BY reference;

-- An UPDATE that does not change its name is allowed.
UPDATE batches SET rank = 1, reference = 'batch-1', sku = 'LAMP' WHERE reference = 'batch-1';
SELECT reallocate('order-1', 'LAMP');

-- A batch that serves no line may be renamed or deleted. Once all lines wait, TRUNCATE works, too.
UPDATE batches SET reference = 'batch-4' WHERE reference = 'batch-1';
DELETE FROM batches WHERE reference = 'batch-4';
SELECT * FROM change_batch_quantity('batch-2', 0);
TRUNCATE batches;
SELECT orderid, sku, qty, batchref FROM order_lines;

-- Both tables may be emptied together.
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 7);
TRUNCATE batches, order_lines;

-- The trigger function cannot be called directly.
SELECT keep_allocated_batches();
\echo SQLSTATE :SQLSTATE
