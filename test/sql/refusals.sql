-- try_allocate() and the other try_ calls are all or nothing, and return refusals as rows.
TRUNCATE batches, order_lines;
SELECT add_batch('lamps', 'LAMP', 5), add_batch('more-lamps', 'LAMP', 3, '2030-01-01'), add_batch('chairs', 'CHAIR', 1);

-- A line that is not refused has a batch.
SELECT * FROM try_allocate('order-1', 'LAMP', 2);
SELECT * FROM try_allocate('order-1', 'LAMP', 2);
SELECT allocated_quantity FROM batches WHERE reference = 'lamps';

-- A refusal is the name of the condition; available is the most units that one batch has in time.
SELECT * FROM try_allocate('order-2', 'LAMP', 4);
SELECT * FROM try_allocate('order-2', 'LAMP', 4, by => '2030-01-01');
SELECT * FROM try_allocate('order-2', 'SOFA', 1);
SELECT * FROM try_allocate('order-1', 'LAMP', 3);
SELECT * FROM try_allocate('order-3', 'LAMP', 3, by => '2029-12-31');
SELECT * FROM try_allocate('order-4', 'LAMP', 1, by => '2029-12-31');
SELECT * FROM try_allocate('order-5', 'LAMP', 3);
SELECT * FROM try_allocate('order-5', 'LAMP', 3, by => '2029-12-31');
SELECT orderid, sku, qty, batchref FROM order_lines ORDER BY orderid;

-- For an order, every shortage is reported and nothing is taken: batchref is the batch that a line has already.
SELECT * FROM try_allocate_order('order-1', '{SOFA,LAMP,CHAIR,TABLE}', '{1,2,2,1}');
SELECT * FROM try_allocate_order('order-6', '{LAMP,CHAIR}', '{1,1}');
SELECT orderid, sku, qty, batchref FROM order_lines ORDER BY orderid;

-- Lines are tried in the order given: each gets what the lines before it leave.
SELECT deallocate('order-5', 'LAMP');
SELECT * FROM try_allocate_lines('{order-6,order-7,order-8}', '{LAMP,LAMP,LAMP}', '{2,2,1}');
SELECT * FROM try_allocate_lines('{order-6,order-7}', '{LAMP,CHAIR}', '{2,1}', hold => '10 minutes');
SELECT orderid, sku, qty, held_until > clock_timestamp() AS held FROM allocations WHERE orderid IN ('order-6', 'order-7')
	ORDER BY orderid;

-- The units of an expired hold are free, and its line does not exist.
UPDATE order_lines SET held_until = clock_timestamp() - interval '1 second' WHERE orderid IN ('order-6', 'order-7');
SELECT * FROM try_allocate_lines('{order-6,order-8}', '{LAMP,CHAIR}', '{9,1}');
SELECT * FROM try_allocate_lines('{order-6,order-8}', '{LAMP,CHAIR}', '{1,1}');
SELECT orderid, sku, qty, batchref FROM order_lines WHERE sku = 'CHAIR';

-- The same line twice in one call is an error, not a refusal.
SELECT * FROM try_allocate_order('order-9', '{LAMP,LAMP}', '{1,1}');
\echo SQLSTATE :SQLSTATE
SELECT * FROM try_allocate_lines('{}', '{}', '{}');

-- A shop tries one place after the other; the place is part of the SKU.
SELECT add_batch('berlin', 'CLOCK@BERLIN', 1), add_batch('paris', 'CLOCK@PARIS', 5);
CREATE FUNCTION pg_temp.allocate_anywhere(orderid text, sku text, qty integer, places text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	place text;
	found record;
BEGIN
	FOREACH place IN ARRAY places LOOP
		SELECT * INTO found FROM try_allocate(orderid, sku || '@' || place, qty);
		EXIT WHEN found.refusal IS NULL;
	END LOOP;
	RETURN found.batchref;
END
$$;
SELECT pg_temp.allocate_anywhere('order-10', 'CLOCK', 2, '{BERLIN,PARIS}');
SELECT pg_temp.allocate_anywhere('order-11', 'CLOCK', 1, '{BERLIN,PARIS}');
SELECT pg_temp.allocate_anywhere('order-12', 'CLOCK', 9, '{BERLIN,PARIS}') IS NULL AS nowhere;
SELECT * FROM check_allocation();
