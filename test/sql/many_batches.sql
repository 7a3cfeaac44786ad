-- A SKU with many batches that have too little left. A search reads the first 16 of them one by one, and finds the others
-- by their room. The result is the same: the first batch in preference order with enough left, in time.
\set VERBOSITY terse
\set SHOW_CONTEXT never
TRUNCATE batches, order_lines;

-- Batches of 35, each with a line of 18: they have 17 left.
CREATE FUNCTION add_little(sku text, n integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM add_batch(sku || '-' || i, sku, 35);
		PERFORM allocate('order-' || i, sku, 18);
	END LOOP;
END
$$;

-- One with 30 left counts as having the same room as one with 17, and 60 of those come before it.
SELECT add_little('LAMP', 60), add_batch('enough', 'LAMP', 30, rank => 1);
SELECT * FROM promise('LAMP', 20);
SELECT allocate('new-1', 'LAMP', 20);
-- No batch has enough any more: the refusal says how much the fullest one has left.
SELECT batchref, refusal, available FROM try_allocate('new-2', 'LAMP', 20);
SELECT allocate('new-3', 'LAMP', 17) = 'LAMP-1';

-- The warehouse comes before a shipment, although the shipment has less room and is found first. No line gets a blocked batch.
SELECT add_little('CHAIR', 30), add_batch('recalled', 'CHAIR', 30, 'infinity'),
	add_batch('chair-ship', 'CHAIR', 30, '2030-01-01'), add_batch('here', 'CHAIR', 100, rank => 1);
SELECT * FROM promise('CHAIR', 20);
SELECT allocate('new-1', 'CHAIR', 20);
SELECT allocate('new-2', 'CHAIR', 80);
SELECT allocate('new-3', 'CHAIR', 20);
SELECT allocate('new-4', 'CHAIR', 20);

-- An earlier day comes before a later one, and a lower rank before a higher one. A date excludes later shipments.
SELECT add_little('SOFA', 30), add_batch('february', 'SOFA', 30, '2030-02-01'),
	add_batch('january', 'SOFA', 200, '2030-01-01', 2), add_batch('january-first', 'SOFA', 100, '2030-01-01', 1);
SELECT allocate('new-1', 'SOFA', 100);
SELECT allocate('new-2', 'SOFA', 100, '2030-01-15');
SELECT allocate('new-3', 'SOFA', 100);
SELECT batchref, refusal, available FROM try_allocate('new-4', 'SOFA', 20, '2030-01-15');
SELECT allocate('new-4', 'SOFA', 20);

-- The search also sees room that an expired hold leaves, and the batch that a line has or leaves.
SELECT add_little('BED', 30), add_batch('held', 'BED', 30, rank => 1), allocate('cart', 'BED', 20, hold => '1 hour'),
	add_batch('bed-ship', 'BED', 30, '2030-01-01');
UPDATE order_lines SET held_until = now() WHERE orderid = 'cart';
SELECT allocate('new-1', 'BED', 20);
SELECT allocate('new-2', 'BED', 20);
SELECT deallocate('new-1', 'BED'), reallocate('new-2', 'BED');
SELECT * FROM change_batch_quantity('held', 0);

-- The batch in the warehouse is found, however many batches come before it.
SELECT add_little('SHELF-' || n, n), add_batch('shelf-ship-' || n, 'SHELF-' || n, 30, '2030-01-01'),
	add_batch('shelf-here-' || n, 'SHELF-' || n, 100, rank => 1)
	FROM generate_series(14, 18) AS n;
SELECT allocate('new-' || n, 'SHELF-' || n, 20) FROM generate_series(14, 18) AS n;

-- The largest size of room has no upper limit.
SELECT add_little('SCREW', 30), add_batch('large', 'SCREW', 2000000000, rank => 1),
	add_batch('largest', 'SCREW', 2147483647, rank => 2);
SELECT allocate('new-1', 'SCREW', 2000000001);
SELECT allocate('new-2', 'SCREW', 1500000000);
SELECT batchref, refusal, available FROM try_allocate('new-3', 'SCREW', 1500000000);

-- A call for several SKUs first looks at two batches of each. It goes on where these do not serve all lines.
SELECT add_batch('desk-' || n, 'DESK', CASE n WHEN 3 THEN 9 ELSE 2 END) FROM generate_series(1, 3) AS n;
SELECT add_batch('stool-' || n, 'STOOL', 1) FROM generate_series(1, 3) AS n;
SELECT sku, qty, batchref FROM allocate_lines(ARRAY['a', 'b', 'c', 'd', 'a', 'b', 'c'],
	ARRAY['DESK', 'DESK', 'DESK', 'DESK', 'STOOL', 'STOOL', 'STOOL'], ARRAY[2, 2, 2, 5, 1, 1, 1]);

SELECT * FROM check_allocation();
DROP FUNCTION add_little;
