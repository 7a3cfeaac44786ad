-- check_allocation() names what has gone wrong in the tables. Here each fault is made on purpose.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
SELECT add_batch('batch-1', 'LAMP', 10), add_batch('batch-2', 'LAMP', 10), add_batch('batch-3', 'CHAIR', 10);
SELECT allocate('order-1', 'LAMP', 3), allocate('order-2', 'LAMP', 4), allocate('order-3', 'CHAIR', 5);
SAVEPOINT well;

-- All is well.
SELECT * FROM check_allocation();

-- A counter that differs from its lines: here a line was deleted by hand.
DELETE FROM order_lines WHERE orderid = 'order-1';
SELECT * FROM check_allocation();
ROLLBACK TO well;

-- A line whose batch is missing.
ALTER TABLE batches DISABLE TRIGGER USER;
DELETE FROM batches WHERE reference = 'batch-3';
SELECT * FROM check_allocation();
ROLLBACK TO well;

-- A line on a batch of another SKU.
UPDATE order_lines SET batchref = 'batch-2' WHERE orderid = 'order-3';
SELECT * FROM check_allocation();
ROLLBACK TO well;

-- A batch that is oversold, which the constraint had to be dropped for.
ALTER DOMAIN batch_room DROP CONSTRAINT batches_never_oversold;
UPDATE batches SET purchased_quantity = 6 WHERE reference = 'batch-1';
SELECT * FROM check_allocation();
ROLLBACK;
