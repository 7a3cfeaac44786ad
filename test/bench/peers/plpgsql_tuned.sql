-- Peer (a2): the tuned twin of the extension. PL/pgSQL, but on the extension's own tables, with the extension's own
-- statements: no foreign key, no FOR UPDATE, no look-up before the line is known to exist, and a guarded UPDATE as the lock.

CREATE SCHEMA plpgsql_tuned;

CREATE FUNCTION plpgsql_tuned.allocate(p_orderid text, p_sku text, p_qty integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	chosen text;
	known record;
BEGIN
	LOOP
		BEGIN
			SELECT reference INTO chosen
			FROM public.batches
			WHERE sku = p_sku AND room > 0 AND room >= p_qty AND purchased_quantity - allocated_quantity >= p_qty
			ORDER BY eta NULLS FIRST, rank, reference
			LIMIT 1;
			EXIT WHEN NOT FOUND;

			UPDATE public.batches
			SET allocated_quantity = allocated_quantity + p_qty
			WHERE sku = p_sku AND reference = chosen AND purchased_quantity - allocated_quantity >= p_qty;
			CONTINUE WHEN NOT FOUND; -- another session has taken the units: choose again

			INSERT INTO public.order_lines (orderid, sku, qty, batchref, ordered_at)
			VALUES (p_orderid, p_sku, p_qty, chosen, clock_timestamp());
			RETURN chosen;
		EXCEPTION WHEN unique_violation THEN
			-- The line exists; the block has given the units back. One that waits is allocated as if it were new.
			DELETE FROM public.order_lines
			WHERE orderid = p_orderid AND sku = p_sku AND qty = p_qty AND batchref IS NULL;
			EXIT WHEN NOT FOUND;
		END;
	END LOOP;

	SELECT qty, batchref INTO known FROM public.order_lines WHERE orderid = p_orderid AND sku = p_sku;
	IF known.qty <> p_qty THEN
		RAISE 'order "%" has a line for sku "%" with another quantity', p_orderid, p_sku USING ERRCODE = 'SK005';
	ELSIF known.batchref IS NOT NULL THEN
		RETURN known.batchref;
	ELSIF EXISTS (SELECT FROM public.batches WHERE sku = p_sku) THEN
		RAISE 'Out of stock for sku %', p_sku USING ERRCODE = 'SK002';
	END IF;
	RAISE 'Invalid sku %', p_sku USING ERRCODE = 'SK001';
END
$$;
