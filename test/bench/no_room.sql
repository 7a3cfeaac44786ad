-- SKUs whose batches are in the way of a call: all preferred to three that have room. exhausted-N has N exhausted batches,
-- too-little-N has N that have one unit left, nine-left-N nine units, and random-left-N 1 to 99. exhausted-0 has nothing in
-- the way.

SET search_path = :peer;

SELECT setseed(0.5) \g /dev/null

INSERT INTO batches (reference, sku, purchased_quantity, allocated_quantity, eta)
SELECT format('%s-%s-%s', kind, n, b), format('%s-%s', kind, n), 100,
	CASE kind WHEN 'exhausted' THEN 100 WHEN 'too-little' THEN 99 WHEN 'nine-left' THEN 91 ELSE 1 + floor(random() * 99) END,
	'2020-01-01'
FROM unnest(ARRAY['exhausted', 'too-little', 'nine-left', 'random-left']) AS kind,
	unnest(ARRAY[1, 10, 100, 1000, 10000]) AS n, generate_series(1, n) AS b;

INSERT INTO batches (reference, sku, purchased_quantity, eta)
SELECT format('%s-%s-with-room-%s', kind, n, b), format('%s-%s', kind, n), 1000000, '2030-01-01'
FROM unnest(ARRAY['exhausted', 'too-little', 'nine-left', 'random-left']) AS kind,
	unnest(ARRAY[0, 1, 10, 100, 1000, 10000]) AS n, generate_series(1, 3) AS b;
