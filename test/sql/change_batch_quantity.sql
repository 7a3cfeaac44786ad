-- change_batch_quantity() sets the purchased quantity. Lines that the batch no longer covers leave it.
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

-- A line's turn is when it was first recorded: a line that is given back and allocated again comes last. Reallocating a line
-- does not change its turn.
SELECT deallocate('order-1', 'LAMP'), allocate('order-1', 'LAMP', 1);
SELECT * FROM change_batch_quantity('batch-1', 5);
SELECT reallocate('order-1', 'LAMP');
SELECT * FROM change_batch_quantity('batch-1', 4);

-- Each line, in its turn, gets the first other batch with room, in preference order. The rows have the latest turn first.
SELECT add_batch('batch-2', 'CHAIR', 10);
SELECT n, allocate('order-' || n, 'CHAIR', n) FROM generate_series(1, 4) AS n;
SELECT add_batch('late', 'CHAIR', 9, '2031-01-01');
SELECT add_batch('soon', 'CHAIR', 3, '2030-01-01');
SELECT add_batch('warehouse', 'CHAIR', 1);
SELECT add_batch('batch-3', 'TABLE', 100);
SELECT * FROM change_batch_quantity('batch-2', 0);
SELECT reference, purchased_quantity, allocated_quantity FROM batches WHERE sku <> 'LAMP' ORDER BY reference;
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'CHAIR' ORDER BY orderid;

-- A line that is too large for a batch does not keep the next line from that batch.
SELECT add_batch('batch-4', 'SOFA', 7);
SELECT allocate('small', 'SOFA', 2), allocate('large', 'SOFA', 5);
SELECT add_batch('spare', 'SOFA', 2);
SELECT * FROM change_batch_quantity('batch-4', 1);

-- A batch that grows again gets no line back by itself.
SELECT * FROM change_batch_quantity('batch-4', 5);
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'SOFA' ORDER BY orderid;
SELECT allocate('large', 'SOFA', 5);

-- Each counter equals its lines.
SELECT reference FROM batches
	WHERE allocated_quantity <> (SELECT coalesce(sum(qty), 0) FROM order_lines WHERE batchref = reference);

-- A batch may be named with its SKU, which says on which server it is. It must have that SKU. No argument needs a cast.
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

-- A line that has left does not come back to the batch by itself, even if it fits: reallocate_sku() does that.
SELECT add_batch('rugs', 'RUG', 11);
SELECT allocate('older', 'RUG', 6), allocate('newer', 'RUG', 5);
SELECT * FROM change_batch_quantity('rugs', 5);
SELECT * FROM reallocate_sku('RUG');
