-- SKUs whose batches are in the way of a call. exhausted-N has N exhausted batches and too-little-N has N that have one unit
-- left, all preferred to three that have room. exhausted-0 has nothing in the way.

SET search_path = :peer;

INSERT INTO batches (reference, sku, purchased_quantity, allocated_quantity, eta)
SELECT format('%s-%s-%s', kind, n, b), format('%s-%s', kind, n), 100, allocated, '2020-01-01'
FROM (VALUES ('exhausted', 100), ('too-little', 99)) AS kinds (kind, allocated),
	unnest(ARRAY[1, 10, 100, 1000, 10000]) AS n, generate_series(1, n) AS b;

INSERT INTO batches (reference, sku, purchased_quantity, eta)
SELECT format('%s-%s-with-room-%s', kind, n, b), format('%s-%s', kind, n), 1000000, '2030-01-01'
FROM (VALUES ('exhausted'), ('too-little')) AS kinds (kind),
	unnest(ARRAY[0, 1, 10, 100, 1000, 10000]) AS n, generate_series(1, 3) AS b;
