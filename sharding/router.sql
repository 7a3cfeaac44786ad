-- What goes on the router after plproxy.sql, the calls: run by the role that is to own them, with a schema first in the
-- search_path in which nobody else may create anything. That role needs, unless it is the one that ran plproxy.sql,
--
--	GRANT USAGE ON SCHEMA sharding TO ...;
--	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sharding TO ...;
--	GRANT SELECT ON sharding.hot_skus TO ...;
--
-- The calls have the names, arguments and results that they have on one server.
\set ON_ERROR_STOP on
BEGIN;
SELECT pg_catalog.current_schema() AS kit \gset
SET LOCAL search_path = pg_catalog, pg_temp;
\ir owner_only.sql

-- One SKU

-- In PL/pgSQL, for in SQL what is void is NULL.
CREATE FUNCTION :"kit".add_batch(ref text, sku text, qty integer, eta date DEFAULT NULL, rank integer DEFAULT 0) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	-- Whoever has the reference already will refuse it.
	PERFORM FROM sharding.answers(sharding.slot_of_batch(ref, sku), 'add_batch', ref, sku, qty, eta, rank => rank);
END
$$;

CREATE FUNCTION :"kit".change_batch_quantity(ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref
		FROM sharding.answers(sharding.slot_of_batch($1, NULL), 'change_batch_quantity', $1, NULL, $2) AS a;
END;

CREATE FUNCTION :"kit".change_batch_eta(ref text, eta date)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref
		FROM sharding.answers(sharding.slot_of_batch($1, NULL), 'change_batch_eta', $1, NULL, NULL, $2) AS a;
END;

-- With the SKU, only the shard that has it is asked.
CREATE FUNCTION :"kit".change_batch_quantity(sku text, ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref
		FROM sharding.answers(sharding.slot($1), 'change_batch_quantity of sku', $2, $1, $3) AS a;
END;

CREATE FUNCTION :"kit".change_batch_eta(sku text, ref text, eta date)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref
		FROM sharding.answers(sharding.slot($1), 'change_batch_eta of sku', $2, $1, NULL, $3) AS a;
END;

CREATE FUNCTION :"kit".allocate(orderid text, sku text, qty integer, by date DEFAULT NULL, hold interval DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	RETURN (SELECT a.batchref FROM sharding.answers(sharding.slot(sku), 'allocate', orderid, sku, qty, by, hold) AS a);
END
$$;

CREATE FUNCTION :"kit".try_allocate(orderid text, sku text, qty integer, by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref, a.refusal, a.available
		FROM sharding.answers(sharding.slot($2), 'try_allocate', $1, $2, $3, $4, $5) AS a;
END;

CREATE FUNCTION :"kit".promise(sku text, qty integer, by date DEFAULT NULL) RETURNS TABLE (batchref text, eta date)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.batchref, a.eta FROM sharding.answers(sharding.slot($1), 'promise', NULL, $1, $2, $3) AS a;
END;

CREATE FUNCTION :"kit".deallocate(orderid text, sku text) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	RETURN (SELECT a.batchref FROM sharding.answers(sharding.slot(sku), 'deallocate', orderid, sku, NULL) AS a);
END
$$;

CREATE FUNCTION :"kit".reallocate(orderid text, sku text, qty integer DEFAULT NULL, by date DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	RETURN (SELECT a.batchref FROM sharding.answers(sharding.slot(sku), 'reallocate', orderid, sku, qty, by) AS a);
END
$$;

CREATE FUNCTION :"kit".reallocate_sku(sku text) RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref FROM sharding.answers(sharding.slot($1), 'reallocate_sku', NULL, $1, NULL) AS a;
END;

CREATE FUNCTION :"kit".ship(orderid text, sku text, qty integer DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	RETURN (SELECT a.batchref FROM sharding.answers(sharding.slot(sku), 'ship', orderid, sku, qty) AS a);
END
$$;

-- Lines of many SKUs

CREATE FUNCTION :"kit".allocate_order(orderid text, skus text[], qtys integer[], all_or_nothing boolean DEFAULT true,
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref FROM sharding.line_answers('allocate_order', $1, NULL, $2, $3, $4, $5, $6) AS a;
END;

CREATE FUNCTION :"kit".allocate_lines(orderids text[], skus text[], qtys integer[], all_or_nothing boolean DEFAULT true,
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref FROM sharding.line_answers('allocate_lines', NULL, $1, $2, $3, $4, $5, $6) AS a;
END;

CREATE FUNCTION :"kit".try_allocate_order(orderid text, skus text[], qtys integer[],
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref, a.refusal, a.available
		FROM sharding.line_answers('try_allocate_order', $1, NULL, $2, $3, true, $4, $5) AS a;
END;

CREATE FUNCTION :"kit".try_allocate_lines(orderids text[], skus text[], qtys integer[],
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref, a.refusal, a.available
		FROM sharding.line_answers('try_allocate_lines', NULL, $1, $2, $3, true, $4, $5) AS a;
END;

CREATE FUNCTION :"kit".deallocate_order(orderid text) RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref FROM sharding.order_answers('deallocate_order', $1, true) AS a;
END;

CREATE FUNCTION :"kit".ship_order(orderid text, all_or_nothing boolean DEFAULT true)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text) LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT a.orderid, a.sku, a.qty, a.batchref FROM sharding.order_answers('ship_order', $1, $2) AS a;
END;

-- Looks

CREATE FUNCTION :"kit".check_allocation()
	RETURNS TABLE (fault text, sku text, batchref text, orderid text, found bigint, expected bigint)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT * FROM sharding.ask_check() AS f ORDER BY f.fault, f.sku COLLATE "C", f.batchref COLLATE "C", f.orderid COLLATE "C";
END;

-- What the view stock says of one SKU
CREATE FUNCTION :"kit".stock_of(sku text)
	RETURNS TABLE (sku text, purchased bigint, allocated bigint, shipped bigint, on_hand bigint, available bigint,
		incoming bigint, next_eta date, blocked bigint, held bigint, waiting bigint)
	LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
BEGIN ATOMIC
	SELECT * FROM sharding.ask_stock_of(sharding.slot($1), $1);
END;

-- To the shards all callers are one role, so nobody may call anything unless that is granted.
REVOKE EXECUTE ON FUNCTION
	:"kit".add_batch, :"kit".change_batch_quantity(text, integer), :"kit".change_batch_quantity(text, text, integer),
	:"kit".change_batch_eta(text, date), :"kit".change_batch_eta(text, text, date), :"kit".allocate,
	:"kit".try_allocate, :"kit".promise, :"kit".deallocate, :"kit".reallocate, :"kit".reallocate_sku, :"kit".ship,
	:"kit".allocate_order, :"kit".allocate_lines, :"kit".try_allocate_order, :"kit".try_allocate_lines,
	:"kit".deallocate_order, :"kit".ship_order, :"kit".check_allocation, :"kit".stock_of
	FROM PUBLIC;
COMMIT;
