-- What the views show.
TRUNCATE batches, order_lines;

-- stock, per SKU: units bought, allocated and shipped; units on hand, and left of these; units left under way, and when the
-- first of them arrive; units left in blocked batches; units held; units on backorder.
SELECT * FROM stock;
SELECT add_batch('here', 'LAMP', 10);
SELECT add_batch('soon', 'LAMP', 20, '2030-01-01');
SELECT add_batch('late', 'LAMP', 40, '2030-06-01');
SELECT add_batch('chairs', 'CHAIR', 5);
SELECT * FROM stock ORDER BY sku;

SELECT allocate('order-1', 'LAMP', 4), allocate('order-2', 'LAMP', 15), allocate('order-3', 'LAMP', 30);
SELECT * FROM stock ORDER BY sku;

-- A shipment with no units left does not count for next_eta.
SELECT allocate('order-4', 'LAMP', 5), allocate('order-5', 'LAMP', 5);
SELECT sku, available, incoming, next_eta FROM stock WHERE sku = 'LAMP';

-- Lines that wait are counted in units, also those whose only batch is gone.
SELECT allocate('order-1', 'CHAIR', 2), allocate('order-2', 'CHAIR', 3);
SELECT * FROM change_batch_quantity('late', 0);
SELECT * FROM change_batch_quantity('chairs', 3);
SELECT * FROM stock ORDER BY sku;
SELECT * FROM change_batch_quantity('chairs', 0);
DELETE FROM batches WHERE reference = 'chairs';
SELECT * FROM stock WHERE sku = 'CHAIR';

-- allocations: the lines with a batch, the day of the batch, and the day by which the line needs it. waiting: the lines
-- without a batch.
SELECT orderid, sku, qty, shipped_qty, batchref, ordered_at <= clock_timestamp() AS ordered, needed_by, held_until, eta
	FROM allocations ORDER BY orderid, sku;
SELECT orderid, sku, qty, shipped_qty, ordered_at <= clock_timestamp() AS ordered, needed_by, held_until
	FROM waiting ORDER BY orderid, sku;

-- What ships is no longer on hand, and what is blocked is neither on hand nor incoming.
TRUNCATE batches, order_lines;
SELECT add_batch('here', 'LAMP', 10), add_batch('blocked', 'LAMP', 7, 'infinity'), add_batch('soon', 'LAMP', 20, '2030-01-01');
SELECT allocate('order-1', 'LAMP', 4, '2030-01-01'), allocate('order-2', 'LAMP', 3), allocate('order-3', 'LAMP', 5);
SELECT ship('order-1', 'LAMP'), ship('order-2', 'LAMP', 1);
SELECT * FROM stock;
SELECT orderid, qty, shipped_qty, batchref, needed_by, eta FROM allocations ORDER BY orderid;
SELECT * FROM change_batch_eta('here', 'infinity');
SELECT * FROM stock;

-- A blocked shipment does not count for next_eta.
SELECT * FROM change_batch_eta('soon', 'infinity');
SELECT incoming, next_eta, blocked FROM stock;
SELECT * FROM change_batch_eta('here', NULL);
SELECT * FROM change_batch_eta('soon', '2030-02-01');

-- If part of a line has shipped, its open part waits.
SELECT * FROM change_batch_quantity('soon', 0);
SELECT * FROM change_batch_quantity('here', 5);
SELECT orderid, qty, shipped_qty FROM waiting ORDER BY ordered_at;
SELECT * FROM stock;

-- Held units count as allocated until the hold expires. Then they are free, and the line is in no view.
TRUNCATE batches, order_lines;
SELECT add_batch('here', 'LAMP', 10), add_batch('soon', 'LAMP', 20, '2030-01-01');
SELECT * FROM allocate_lines('{cart-1,cart-2,cart-3}', '{LAMP,LAMP,LAMP}', '{10,15,25}', false, hold => '10 minutes');
SELECT allocate('order-1', 'LAMP', 5);
SELECT * FROM stock;
UPDATE order_lines SET held_until = clock_timestamp() - interval '1 second' WHERE orderid <> 'order-1';
SELECT * FROM stock;
SELECT orderid FROM allocations;
SELECT orderid FROM waiting;

-- The same if the batch is blocked.
SELECT * FROM change_batch_eta('soon', 'infinity');
SELECT * FROM stock;

-- To look at one SKU or one order, the server reads by key. Small tables would not show that: there the plan depends on
-- whether autovacuum has analyzed them.
INSERT INTO batches (reference, sku, purchased_quantity)
	SELECT 'batch-' || n, 'sku-' || n % 999, 10 FROM generate_series(0, 4994) AS n;
INSERT INTO order_lines (orderid, sku, qty, ordered_at, batchref, held_until)
	SELECT 'order-' || n % 2000, 'sku-' || n % 999, 1, now(), CASE WHEN n % 10 > 0 THEN 'batch-' || n % 4995 END,
		CASE WHEN n % 9 = 0 THEN now() END
	FROM generate_series(1, 10000) AS n;
ANALYZE batches, order_lines;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;
SELECT query, count(*) FILTER (WHERE line LIKE '%Seq Scan%') AS whole_tables,
		count(*) FILTER (WHERE line LIKE '%Index%Scan%') = count(*) FILTER (WHERE line LIKE '%Index Cond:%') AS all_by_key
	FROM (VALUES ($$SELECT * FROM stock WHERE sku = 'sku-1'$$), ($$SELECT * FROM waiting WHERE sku = 'sku-1'$$),
			($$SELECT * FROM allocations WHERE orderid = 'order-1'$$)) AS queries (query),
		pg_temp.plan(query) AS line
	GROUP BY query ORDER BY query;
TRUNCATE batches, order_lines;
