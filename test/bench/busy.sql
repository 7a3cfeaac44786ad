-- Stock for calls on many batches beside busy sessions, and what a careful team would write in their place: a loop that
-- locks one batch after the other (FOR UPDATE) and charges it. It is on our tables, so that both have the same sessions
-- beside them.

INSERT INTO batches (reference, sku, purchased_quantity, allocated_quantity)
SELECT format('big-%s-%s', s, b), format('big-%s', s), 20, 10 FROM generate_series(1, 496) AS s, generate_series(1, 6) AS b;
INSERT INTO order_lines (orderid, sku, qty, batchref, ordered_at)
SELECT 'old-' || reference, sku, 10, reference, now() FROM batches WHERE sku LIKE 'big-%';
SELECT FROM generate_series(1, 200) AS s, generate_series(1, 6) AS b, add_batch(format('unit-%s-%s', s, b), 'unit-' || s, 1);
SELECT FROM generate_series(1, 400) AS b, add_batch(format('queue-1-%s', b), 'queue-1', 1);

CREATE SCHEMA by_hand;

-- Charges the first batch with so many units. One that has just been emptied is passed over, and another one looked for.
CREATE FUNCTION by_hand.charge(p_sku text, p_qty integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	chosen text;
BEGIN
	FOR attempt IN 1 .. 100 LOOP
		SELECT reference INTO chosen
		FROM batches
		WHERE sku = p_sku AND room > 0 AND purchased_quantity - allocated_quantity >= p_qty
		ORDER BY eta NULLS FIRST, rank, reference
		LIMIT 1
		FOR UPDATE;
		EXIT WHEN FOUND;
	END LOOP;
	UPDATE batches SET allocated_quantity = allocated_quantity + p_qty WHERE sku = p_sku AND reference = chosen;
	RETURN chosen;
END
$$;

CREATE FUNCTION by_hand.allocate_order(p_orderid text, p_skus text[], p_qty integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	ordered text;
BEGIN
	FOR ordered IN SELECT * FROM unnest(p_skus) ORDER BY 1 LOOP
		INSERT INTO order_lines (orderid, sku, qty, batchref, ordered_at)
		VALUES (p_orderid, ordered, p_qty, by_hand.charge(ordered, p_qty), clock_timestamp());
	END LOOP;
END
$$;

CREATE FUNCTION by_hand.reallocate_sku(p_sku text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	line record;
BEGIN
	FOR line IN SELECT orderid, qty FROM order_lines WHERE sku = p_sku AND batchref IS NULL ORDER BY ordered_at, orderid LOOP
		UPDATE order_lines SET batchref = by_hand.charge(p_sku, line.qty) WHERE orderid = line.orderid AND sku = p_sku;
	END LOOP;
END
$$;
