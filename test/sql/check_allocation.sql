-- check_allocation() reports contradictions in the tables. Here each of them is made on purpose.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10), add_batch('batch-2', 'LAMP', 10), add_batch('batch-3', 'CHAIR', 10);
SELECT allocate('order-1', 'LAMP', 3), allocate('order-2', 'LAMP', 4), allocate('order-3', 'CHAIR', 5);
SAVEPOINT well;

-- All is well.
SELECT * FROM check_allocation();

-- A counter that differs from its lines: a line was deleted by hand.
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

-- A shipped quantity that differs, the line's or the batch's. Archiving a shipped line is no fault.
SELECT ship('order-1', 'LAMP'), ship('order-2', 'LAMP', 1);
SELECT * FROM check_allocation();
DELETE FROM order_lines WHERE orderid = 'order-1';
SELECT * FROM check_allocation();
SAVEPOINT shipped;
UPDATE batches SET shipped_quantity = 2 WHERE reference = 'batch-1';
SELECT * FROM check_allocation();
ROLLBACK TO shipped;
DELETE FROM order_lines WHERE orderid = 'order-2';
SELECT * FROM check_allocation();
ROLLBACK TO shipped;

-- A line of which more units have shipped than it asks for, or less than nothing.
UPDATE order_lines SET shipped_qty = 5 WHERE orderid = 'order-2';
SELECT * FROM check_allocation();
UPDATE order_lines SET shipped_qty = -1 WHERE orderid = 'order-2';
SELECT * FROM check_allocation();
ROLLBACK TO shipped;

-- An expired hold still has its units in the tables: it is a fault if the counter does not include them.
UPDATE order_lines SET held_until = now() - interval '1 minute' WHERE orderid = 'order-3';
SELECT * FROM check_allocation();
UPDATE batches SET allocated_quantity = 0 WHERE reference = 'batch-3';
SELECT * FROM check_allocation();
ROLLBACK TO well;

-- A batch that is oversold, or of which more units have shipped than were allocated. Only without the constraint is that
-- possible.
ALTER DOMAIN batch_room DROP CONSTRAINT batches_never_oversold;
UPDATE batches SET purchased_quantity = 6 WHERE reference = 'batch-1';
SELECT * FROM check_allocation();
UPDATE batches SET purchased_quantity = 10, allocated_quantity = 7, shipped_quantity = -1 WHERE reference = 'batch-1';
UPDATE batches SET shipped_quantity = 1 WHERE reference = 'batch-2';
SELECT * FROM check_allocation();
ROLLBACK;
