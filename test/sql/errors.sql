-- The SQLSTATE is the contract; message, detail and hint are there to help.
\set VERBOSITY default
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT add_batch('batch-2', 'LAMP', 4, '2030-01-01');
SELECT allocate('order-1', 'LAMP', 3);

-- invalid_sku: no batch has it.
SELECT allocate('order-2', 'NONEXISTENT', 1);
\echo SQLSTATE :SQLSTATE
SELECT reallocate('order-2', 'NONEXISTENT', 1);
\echo SQLSTATE :SQLSTATE

-- out_of_stock: the detail says what is left, also to a line that would give up units of its own.
SELECT allocate('order-2', 'LAMP', 8);
\echo SQLSTATE :SQLSTATE
SELECT reallocate('order-1', 'LAMP', 11);
\echo SQLSTATE :SQLSTATE

-- A SKU that once had stock is out of stock, not unknown.
SELECT add_batch('batch-3', 'CHAIR', 1);
SELECT * FROM change_batch_quantity('batch-3', 0);
SELECT allocate('order-2', 'CHAIR', 1);
\echo SQLSTATE :SQLSTATE

-- unknown_batch
SELECT * FROM change_batch_quantity('batch-4', 5);
\echo SQLSTATE :SQLSTATE

-- unknown_order_line
SELECT reallocate('order-2', 'LAMP');
\echo SQLSTATE :SQLSTATE

-- order_line_conflict
SELECT allocate('order-1', 'LAMP', 4);
\echo SQLSTATE :SQLSTATE

-- It outweighs that there is no stock for the other quantity.
SELECT allocate('order-1', 'LAMP', 400);
\echo SQLSTATE :SQLSTATE

-- unique_violation: a reference names one batch, whatever its SKU.
SELECT add_batch('batch-1', 'LAMP', 10);
\echo SQLSTATE :SQLSTATE
SELECT add_batch('batch-1', 'CHAIR', 10);
\echo SQLSTATE :SQLSTATE

-- Names are shown as they are.
SELECT allocate('order-2', '100% "LAMP"', 1);
SELECT * FROM change_batch_quantity('%s', 1);

-- PL/pgSQL tells them apart by SQLSTATE.
DO $$
BEGIN
	PERFORM allocate('order-2', 'LAMP', 8);
EXCEPTION
	WHEN SQLSTATE 'SK002' THEN RAISE NOTICE 'backorder: %', SQLERRM;
END
$$;

-- No refusal has changed anything.
SELECT reference, purchased_quantity, allocated_quantity FROM batches ORDER BY reference;
SELECT orderid, sku, qty, batchref FROM order_lines;
