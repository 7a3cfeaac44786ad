-- The SQLSTATE is the contract; message, detail and hint are for people.
\set VERBOSITY default
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT add_batch('batch-2', 'LAMP', 4, '2030-01-01');
SELECT allocate('order-1', 'LAMP', 3);

-- invalid_sku: no batch has it.
SELECT allocate('order-2', 'NONEXISTENT', 1);
\echo SQLSTATE :SQLSTATE
SELECT * FROM reallocate_sku('NONEXISTENT');
\echo SQLSTATE :SQLSTATE

-- out_of_stock: the detail says how many units are left; the line's own units count as left.
SELECT allocate('order-2', 'LAMP', 8);
\echo SQLSTATE :SQLSTATE
SELECT reallocate('order-1', 'LAMP', 11);
\echo SQLSTATE :SQLSTATE

-- If the call has a date, the detail also says when a batch could serve the line, in one format whatever the DateStyle.
SELECT add_batch('batch-5', 'SOFA', 5, '2030-02-01'), add_batch('batch-6', 'SOFA', 2, '2030-01-01'),
	add_batch('batch-7', 'SOFA', 9, 'infinity');
SELECT allocate('order-2', 'SOFA', 3, '2030-01-02');
\echo SQLSTATE :SQLSTATE
SELECT allocate('order-2', 'SOFA', 6, '2030-01-02');
SELECT * FROM allocate_lines('{order-2,order-3}', '{LAMP,SOFA}', '{1,3}', by => '2030-01-02');
\echo SQLSTATE :SQLSTATE

-- A SKU that once had stock is out of stock, not unknown.
SELECT add_batch('batch-3', 'CHAIR', 1);
SELECT * FROM change_batch_quantity('batch-3', 0);
SELECT allocate('order-2', 'CHAIR', 1);
\echo SQLSTATE :SQLSTATE

-- unknown_batch
SELECT * FROM change_batch_quantity('batch-4', 5);
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-4', NULL);
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_quantity('CHAIR', 'batch-1', 5);
\echo SQLSTATE :SQLSTATE

-- unknown_order_line
SELECT reallocate('order-2', 'LAMP');
\echo SQLSTATE :SQLSTATE
SELECT ship('order-2', 'LAMP');
\echo SQLSTATE :SQLSTATE

-- order_line_conflict
SELECT allocate('order-1', 'LAMP', 4);
\echo SQLSTATE :SQLSTATE

-- That takes precedence over a lack of stock for the other quantity.
SELECT allocate('order-1', 'LAMP', 400);
\echo SQLSTATE :SQLSTATE

-- The same condition: the line again, with a date before the day of its batch.
SELECT allocate('order-1', 'SOFA', 2);
SELECT allocate('order-1', 'SOFA', 2, '2029-12-31');
\echo SQLSTATE :SQLSTATE
SELECT * FROM allocate_order('order-1', '{LAMP,SOFA}', '{3,2}', by => '2029-12-31');
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-6', 'infinity');
SELECT allocate('order-1', 'SOFA', 2, '2030-01-02');
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-6', '2030-01-01');

-- already_shipped: units that have shipped cannot be given back or moved, and the batch cannot shrink below them.
SELECT ship('order-1', 'LAMP', 2);
SELECT deallocate('order-1', 'LAMP');
\echo SQLSTATE :SQLSTATE
SELECT * FROM deallocate_order('order-1');
\echo SQLSTATE :SQLSTATE
SELECT reallocate('order-1', 'LAMP', 1);
\echo SQLSTATE :SQLSTATE
SELECT ship('order-1', 'LAMP', 1);
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_quantity('batch-1', 1);
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-1', '2030-01-01');
\echo SQLSTATE :SQLSTATE

-- No more units ship than the line asks for.
SELECT ship('order-1', 'LAMP', 4);
\echo SQLSTATE :SQLSTATE

-- not_in_warehouse: the batch is under way or blocked, or the line waits.
SELECT ship('order-1', 'SOFA');
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-1', 'infinity');
SELECT ship('order-1', 'LAMP');
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-1', NULL);
SELECT * FROM allocate_order('order-4', '{SOFA}', '{50}', false);
SELECT ship('order-4', 'SOFA');
\echo SQLSTATE :SQLSTATE
SELECT * FROM ship_order('order-1');
\echo SQLSTATE :SQLSTATE

-- unique_violation: a reference names one batch, whatever its SKU.
SELECT add_batch('batch-1', 'LAMP', 10);
\echo SQLSTATE :SQLSTATE
SELECT add_batch('batch-1', 'CHAIR', 10);
\echo SQLSTATE :SQLSTATE

-- Names are shown as they are.
SELECT allocate('order-2', '100% "LAMP"', 1);
SELECT * FROM change_batch_quantity('%s', 1);

-- PL/pgSQL distinguishes them by SQLSTATE.
DO $$
BEGIN
	PERFORM allocate('order-2', 'LAMP', 8);
EXCEPTION
	WHEN SQLSTATE 'SK002' THEN RAISE NOTICE 'backorder: %', SQLERRM;
END
$$;

-- The refused calls have changed nothing.
SELECT reference, purchased_quantity, allocated_quantity, shipped_quantity, eta FROM batches ORDER BY reference;
SELECT orderid, sku, qty, shipped_qty, batchref, needed_by FROM order_lines ORDER BY orderid, sku;
