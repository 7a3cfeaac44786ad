-- allocate_lines() and allocate_order() allocate many lines as one unit of work; deallocate_order() gives them back.
TRUNCATE batches, order_lines;
SELECT add_batch('lamps', 'LAMP', 10);
SELECT add_batch('more-lamps', 'LAMP', 10, '2030-01-01');
SELECT add_batch('chairs', 'CHAIR', 5);

-- They return one row per line, in the order given. Later lines see what earlier ones have taken.
SELECT * FROM allocate_lines(ARRAY['order-1', 'order-1', 'order-2', 'order-3'],
	ARRAY['LAMP', 'CHAIR', 'LAMP', 'LAMP'], ARRAY[6, 2, 5, 4]);

-- The calls are idempotent.
SELECT * FROM allocate_lines(ARRAY['order-3', 'order-4'], ARRAY['LAMP', 'CHAIR'], ARRAY[4, 1]);

-- The same line twice in one call is an error: if it were taken once and reported twice, the order would ship short.
SELECT * FROM allocate_order('order-7', ARRAY['LAMP', 'CHAIR', 'LAMP', 'CHAIR'], ARRAY[1, 1, 1, 1]);
\echo SQLSTATE :SQLSTATE
SELECT reference, allocated_quantity FROM batches ORDER BY reference;

-- The first line for which no batch has room refuses the whole call, and the error names it.
SELECT * FROM allocate_order('order-5', ARRAY['CHAIR', 'LAMP'], ARRAY[1, 6]);
\echo SQLSTATE :SQLSTATE
SELECT * FROM allocate_order('order-5', ARRAY['CHAIR', 'SOFA'], ARRAY[1, 1]);
\echo SQLSTATE :SQLSTATE
SELECT * FROM allocate_order('order-1', ARRAY['CHAIR', 'LAMP'], ARRAY[2, 7]);
\echo SQLSTATE :SQLSTATE
SELECT count(*) FROM order_lines WHERE orderid = 'order-5';

-- Or that line waits, if the caller says so. A line that no later stock could help is still refused.
SELECT * FROM allocate_order('order-5', ARRAY['CHAIR', 'LAMP'], ARRAY[1, 6], all_or_nothing => false);
SELECT * FROM allocate_order('order-6', ARRAY['SOFA'], ARRAY[1], all_or_nothing => false);
SELECT * FROM allocate_order('order-5', ARRAY['CHAIR'], ARRAY[2], all_or_nothing => false);
SELECT add_batch('late-lamps', 'LAMP', 6, '2031-01-01');
SELECT * FROM allocate_order('order-5', ARRAY['LAMP'], ARRAY[6]);

-- All lines of an order are given back at once.
SELECT * FROM deallocate_order('order-1') ORDER BY sku;
SELECT * FROM deallocate_order('order-1');

-- Empty arrays are no error.
SELECT * FROM allocate_lines('{}', '{}', '{}');

-- Arrays that are refused
\set VERBOSITY sqlstate
SELECT * FROM allocate_lines(NULL, '{}', '{}');
SELECT * FROM allocate_lines('{}', '{}', '{}', NULL);
SELECT * FROM allocate_order(NULL, '{}', '{}');
SELECT * FROM deallocate_order(NULL);
SELECT * FROM deallocate_order('');
SELECT * FROM allocate_order('order-7', '{LAMP}', '{1,2}');
SELECT * FROM allocate_order('order-7', '{{LAMP,CHAIR}}', '{{1,2}}');
\set VERBOSITY default
SELECT * FROM allocate_order('order-7', '{LAMP,NULL}', '{1,2}');
SELECT * FROM allocate_order('order-7', '{LAMP,CHAIR}', '{1,0}');
SELECT * FROM allocate_lines('{order-7,""}', '{LAMP,CHAIR}', '{1,1}');
SELECT * FROM allocate_order('order-7', ARRAY['LAMP', repeat('x', 256)], '{1,1}');

-- Each counter still equals its lines.
SELECT orderid, sku, qty, batchref FROM order_lines ORDER BY orderid, sku;
SELECT reference FROM batches
	WHERE allocated_quantity <> (SELECT coalesce(sum(qty), 0) FROM order_lines WHERE batchref = reference);

-- While a long call runs, other sessions see its progress. Here a trigger looks, which each part of the call fires.
CREATE TABLE seen (lines_done bigint, lines_total bigint);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_stat_clear_snapshot();
	INSERT INTO seen SELECT lines_done, lines_total FROM allocation_progress WHERE pid = pg_backend_pid();
	RETURN NULL;
END
$$;
CREATE TRIGGER look AFTER INSERT ON order_lines EXECUTE FUNCTION look();
SELECT add_batch('batch-p', 'PIN', 5000);
SELECT count(batchref) FROM allocate_lines(
	ARRAY(SELECT 'order-' || i FROM generate_series(1, 2500) AS i), array_fill('PIN'::text, ARRAY[2500]),
	array_fill(2, ARRAY[2500]));
TABLE seen;
SELECT * FROM allocation_progress;
DROP TRIGGER look ON order_lines;
DROP FUNCTION look;
DROP TABLE seen;
SELECT * FROM change_batch_quantity('batch-p', 4999);

-- Calls so large that they are sorted in parts. The two lines of each order are far apart in the arrays.
SELECT add_batch('much-grain', 'GRAIN', 1000000), add_batch('much-rice', 'RICE', 1000000);
SELECT lines, answer.*
	FROM (VALUES (70000), (140000)) AS sizes (lines),
	LATERAL (
		SELECT array_agg('order-' || n % (lines / 2) ORDER BY n) AS orderids,
			array_agg(CASE WHEN n > lines / 2 THEN 'RICE' ELSE 'GRAIN' END ORDER BY n) AS skus
		FROM generate_series(1, lines) AS n) AS call,
	LATERAL (
		SELECT count(*), count(DISTINCT (orderid, sku)), min(batchref), max(batchref)
		FROM allocate_lines(orderids, skus, array_fill(1, ARRAY[lines]))) AS answer
	ORDER BY lines;
SELECT sku, allocated FROM stock WHERE allocated > 1000 ORDER BY sku;
TRUNCATE batches, order_lines;
