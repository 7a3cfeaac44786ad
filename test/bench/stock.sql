-- What every peer starts with: :skus SKUs with :batches batches each. The first batch of a SKU is in the warehouse, the
-- others are under way, a day apart; and three old orders have a line of each SKU, allocated to its first batch. So no
-- table is empty, and each has the statistics of a table in use.
--
-- :peer is the peer's schema.

SET search_path = :peer;

INSERT INTO batches (reference, sku, purchased_quantity, allocated_quantity, eta)
SELECT format('batch-%s-%s', s, b), format('SKU-%s', s), 1000000, CASE WHEN b = 1 THEN 3 ELSE 0 END,
	CASE WHEN b > 1 THEN date '2030-01-01' + b END
FROM generate_series(1, :skus) AS s, generate_series(1, :batches) AS b;

CREATE TEMPORARY VIEW old_lines AS
SELECT format('old-order-%s', o) AS orderid, format('SKU-%s', s) AS sku, 1 AS qty, format('batch-%s-1', s) AS reference
FROM generate_series(1, 3) AS o, generate_series(1, :skus) AS s;

SELECT to_regclass('allocations_pkey') IS NOT NULL AS has_table_of_allocations \gset
\if :has_table_of_allocations
	INSERT INTO order_lines (orderid, sku, qty) SELECT orderid, sku, qty FROM old_lines;
	INSERT INTO allocations (line_id, batch_id)
	SELECT order_lines.id, batches.id
	FROM old_lines JOIN order_lines USING (orderid, sku) JOIN batches USING (reference);
\else
	INSERT INTO order_lines (orderid, sku, qty, batchref, ordered_at)
	SELECT orderid, sku, qty, reference, now() FROM old_lines;
\endif
