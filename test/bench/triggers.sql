-- A row trigger on order_lines, of the kind that :kind names. The ledger and the moves are those of doc/cookbook.md.
SELECT set_config('bench.kind', :'kind', false);
CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, orderid text NOT NULL, sku text NOT NULL, batchref text);
CREATE TABLE ledger (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
	who text NOT NULL DEFAULT session_user, orderid text NOT NULL, sku text NOT NULL, batchref text,
	open integer NOT NULL, shipped integer NOT NULL
);

CREATE FUNCTION trigger_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.outbox (orderid, sku, batchref) VALUES (NEW.orderid, NEW.sku, NEW.batchref);
	RETURN NULL;
END
$$;

CREATE FUNCTION trigger_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_logical_emit_message(true, 'lines', NEW.orderid || ' ' || NEW.sku);
	RETURN NULL;
END
$$;

CREATE FUNCTION trigger_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('lines', NEW.orderid || ' ' || NEW.sku);
	RETURN NULL;
END
$$;

CREATE FUNCTION trigger_ledger() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP <> 'INSERT' AND OLD.qty > OLD.shipped_qty THEN
		INSERT INTO public.ledger (orderid, sku, batchref, open, shipped)
			VALUES (OLD.orderid, OLD.sku, OLD.batchref, OLD.shipped_qty - OLD.qty, 0);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		INSERT INTO public.ledger (orderid, sku, batchref, open, shipped)
			VALUES (NEW.orderid, NEW.sku, NEW.batchref, NEW.qty - NEW.shipped_qty, NEW.shipped_qty - coalesce(OLD.shipped_qty, 0));
	END IF;
	RETURN NULL;
END
$$;

DO $$
BEGIN
	IF current_setting('bench.kind') = 'moves' THEN
		CREATE TRIGGER measured AFTER UPDATE OF batchref ON order_lines
			FOR EACH ROW WHEN (OLD.batchref IS DISTINCT FROM NEW.batchref) EXECUTE FUNCTION trigger_outbox();
	ELSE
		EXECUTE format('CREATE TRIGGER measured AFTER INSERT OR UPDATE OR DELETE ON order_lines
			FOR EACH ROW EXECUTE FUNCTION %I()', 'trigger_' || current_setting('bench.kind'));
	END IF;
END
$$;
