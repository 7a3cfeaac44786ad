-- change_batch_quantity() sets what was purchased. Lines that the batch no longer covers leave it.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT n, allocate('order-' || n, 'LAMP', n) FROM generate_series(1, 4) AS n;

-- While the batch covers what is allocated, no line leaves.
SELECT * FROM change_batch_quantity('batch-1', 50);
SELECT * FROM change_batch_quantity('batch-1', 10);
SELECT purchased_quantity, allocated_quantity FROM batches;

-- The lines with the latest turn leave first, just enough of them. Where no other batch has room they wait.
SELECT * FROM change_batch_quantity('batch-1', 9);
SELECT purchased_quantity, allocated_quantity FROM batches;
SELECT orderid, qty, batchref FROM order_lines ORDER BY orderid;

-- The turn is when a line was first recorded: one that is given back and asked for again is the last. To reallocate it
-- changes no turn.
SELECT deallocate('order-1', 'LAMP'), allocate('order-1', 'LAMP', 1);
SELECT * FROM change_batch_quantity('batch-1', 5);
SELECT reallocate('order-1', 'LAMP');
SELECT * FROM change_batch_quantity('batch-1', 4);

-- Each line, in its turn, is offered to the other batches, in preference order; rows tell of the latest turn first.
SELECT add_batch('batch-2', 'CHAIR', 10);
SELECT n, allocate('order-' || n, 'CHAIR', n) FROM generate_series(1, 4) AS n;
SELECT add_batch('late', 'CHAIR', 9, '2031-01-01');
SELECT add_batch('soon', 'CHAIR', 3, '2030-01-01');
SELECT add_batch('warehouse', 'CHAIR', 1);
SELECT add_batch('batch-3', 'TABLE', 100);
SELECT * FROM change_batch_quantity('batch-2', 0);
SELECT reference, purchased_quantity, allocated_quantity FROM batches WHERE sku <> 'LAMP' ORDER BY reference;
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'CHAIR' ORDER BY orderid;

-- A line that one batch cannot take does not keep the next from it.
SELECT add_batch('batch-4', 'SOFA', 7);
SELECT allocate('small', 'SOFA', 2), allocate('large', 'SOFA', 5);
SELECT add_batch('spare', 'SOFA', 2);
SELECT * FROM change_batch_quantity('batch-4', 1);

-- A smaller batch serves whatever it still covers; lines that left do not come back by themselves.
SELECT * FROM change_batch_quantity('batch-4', 5);
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'SOFA' ORDER BY orderid;
SELECT allocate('large', 'SOFA', 5);

-- Nothing is lost or made up on the way: each counter equals its lines.
SELECT reference FROM batches
	WHERE allocated_quantity <> (SELECT coalesce(sum(qty), 0) FROM order_lines WHERE batchref = reference);

-- A batch may be named with its SKU, which says where it is; then it is of that SKU. A caller need not say any types.
SELECT * FROM change_batch_quantity('SOFA', 'batch-4', 0);
SELECT * FROM change_batch_quantity(qty => 8, ref => 'batch-4', sku => 'SOFA');
PREPARE change AS SELECT * FROM change_batch_quantity($1, $2, $3);
EXECUTE change ('SOFA', 'batch-4', 9);
DEALLOCATE change;
SELECT purchased_quantity, allocated_quantity FROM batches WHERE reference = 'batch-4';
\set VERBOSITY sqlstate
SELECT * FROM change_batch_quantity('CHAIR', 'batch-4', 10);
SELECT * FROM change_batch_quantity('batch-4', 'SOFA', 10);
SELECT purchased_quantity, allocated_quantity FROM batches WHERE reference = 'batch-4';
\set VERBOSITY default

-- What leaves does not come back to the batch by itself, though it may be that it would fit: the queue is served for that.
SELECT add_batch('rugs', 'RUG', 11);
SELECT allocate('older', 'RUG', 6), allocate('newer', 'RUG', 5);
SELECT * FROM change_batch_quantity('rugs', 5);
SELECT * FROM reallocate_sku('RUG');
