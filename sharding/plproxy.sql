-- What goes on the router first, to a new schema "sharding": run by a superuser, for PL/Proxy is not a trusted language,
-- after
--
--	CREATE EXTENSION plproxy;
--	CREATE SERVER stock FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'host=... dbname=...', ..., p15 'host=... dbname=...');
--	CREATE USER MAPPING FOR CURRENT_USER SERVER stock OPTIONS (user '...');
--
-- Slots with the same string are on one shard. Nobody can call any of these functions but whoever is granted it: the role
-- that runs router.sql, the owner of the calls. All but those that ask work as whoever calls them.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
CREATE SCHEMA sharding;

-- The same as on the shards, but that eta and turn have their types
CREATE TYPE sharding.shard_answer AS (
	orderid text,
	sku text,
	qty integer,
	batchref text,
	refusal text,
	available integer,
	eta date,
	place integer,
	was text,
	turn timestamptz,
	before text,
	state text,
	message text,
	detail text,
	hint text
);

-- SKUs that are in another slot than their hash says
CREATE TABLE sharding.hot_skus (
	sku text COLLATE "C" PRIMARY KEY,
	slot integer NOT NULL CHECK (slot BETWEEN 0 AND 15)
);

-- What sharding/move has under way, if anything, what tells a router of it, and whether that has been done here
CREATE TABLE sharding.move (source text NOT NULL, target text NOT NULL, filter text NOT NULL, switch text NOT NULL,
	moved boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX ON sharding.move ((true));    -- one at a time

-- What every call runs is in PL/pgSQL where that can be: it keeps its plans, functions in SQL do so only from PostgreSQL 18 on.
-- This one runs for each SKU: so its names are qualified instead of setting search_path.
CREATE FUNCTION sharding.slot(sku text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT h.slot FROM sharding.hot_skus AS h WHERE h.sku OPERATOR(pg_catalog.=) $1),
		pg_catalog.hashtext(coalesce($1, '')) OPERATOR(pg_catalog.&) 15);
END
$$;

-- What shards are asked, as the superuser who has the mapping: with one of their own, other roles could come to a shard as
-- somebody else. They run no SQL here, so there is no name to look up, and search_path need not be set, which each call
-- would pay for: RUN ON takes an argument, ANY or ALL, but no function. PL/Proxy sends text, so whoever calls these with a
-- date or an interval sees to how that is written.

CREATE FUNCTION sharding.ask(slot integer, call text, name text, sku text, qty integer, day date, hold interval, rank integer)
	RETURNS SETOF sharding.shard_answer LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	RUN ON slot;
	SELECT * FROM shard_call(call, name, sku, qty, day, hold, rank);
$$;

CREATE FUNCTION sharding.ask_lines(slots integer[], call text, places integer[], orderids text[], skus text[], qtys integer[],
		all_or_nothing boolean, day date, hold interval)
	RETURNS SETOF sharding.shard_answer LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	SPLIT slots, places, orderids, skus, qtys;
	RUN ON slots;
	SELECT * FROM shard_lines(call, places, orderids, skus, qtys, all_or_nothing, day, hold);
$$;

CREATE FUNCTION sharding.ask_undo(slots integer[], orderids text[], skus text[], qtys integer[], turns timestamptz[], befores text[])
	RETURNS SETOF sharding.shard_answer LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	SPLIT slots, orderids, skus, qtys, turns, befores;
	RUN ON slots;
	SELECT * FROM shard_undo(orderids, skus, qtys, turns, befores);
$$;

CREATE FUNCTION sharding.ask_arguments(call text, name text, orderids text[], skus text[], qtys integer[],
		all_or_nothing boolean, day date, hold interval)
	RETURNS SETOF sharding.shard_answer LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	RUN ON ANY;
	TARGET shard_arguments;
$$;

CREATE FUNCTION sharding.ask_order(slots integer[], skus text[], call text, name text, all_or_nothing boolean, rehearsal boolean)
	RETURNS SETOF sharding.shard_answer LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	SPLIT slots, skus;
	RUN ON slots;
	SELECT * FROM shard_order(call, name, skus, all_or_nothing, rehearsal);
$$;

CREATE FUNCTION sharding.ask_sku_of(ref text) RETURNS SETOF text LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	RUN ON ALL;
	TARGET shard_sku_of;
$$;

CREATE FUNCTION sharding.ask_skus_of(name text) RETURNS SETOF text LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	RUN ON ALL;
	TARGET shard_skus_of;
$$;

CREATE FUNCTION sharding.ask_stock_of(slot integer, name text)
	RETURNS TABLE (sku text, purchased bigint, allocated bigint, shipped bigint, on_hand bigint, available bigint,
		incoming bigint, next_eta date, blocked bigint, held bigint, waiting bigint)
	LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	RUN ON slot;
	SELECT * FROM shard_stock_of(name);    -- TARGET would make a date of the text there
$$;

CREATE FUNCTION sharding.ask_check()
	RETURNS TABLE (fault text, sku text, batchref text, orderid text, found bigint, expected bigint)
	LANGUAGE plproxy SECURITY DEFINER AS $$
	CLUSTER 'stock';
	RUN ON ALL;
	TARGET shard_check;
$$;

-- Raises the error that a shard has answered with.
CREATE FUNCTION sharding.refuse(a sharding.shard_answer) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	-- An empty text is not the same as none.
	IF a.detail = '' AND a.hint = '' THEN
		RAISE USING ERRCODE = a.state, MESSAGE = a.message;
	ELSIF a.hint = '' THEN
		RAISE USING ERRCODE = a.state, MESSAGE = a.message, DETAIL = a.detail;
	ELSIF a.detail = '' THEN
		RAISE USING ERRCODE = a.state, MESSAGE = a.message, HINT = a.hint;
	END IF;
	RAISE USING ERRCODE = a.state, MESSAGE = a.message, DETAIL = a.detail, HINT = a.hint;
END
$$;

-- A shard does not know of the transaction here.
CREATE FUNCTION sharding.refuse_read_only(call text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('transaction_read_only')::boolean AND call <> 'promise' THEN
		RAISE USING ERRCODE = 'read_only_sql_transaction',
			MESSAGE = format('cannot execute %s() in a read-only transaction', split_part(call, ' ', 1));
	END IF;
END
$$;

-- One SKU

-- The answers of the shard that has the slot, or its error
CREATE FUNCTION sharding.answers(slot integer, call text, name text, sku text, qty integer, day date DEFAULT NULL,
		hold interval DEFAULT NULL, rank integer DEFAULT NULL)
	RETURNS SETOF sharding.shard_answer LANGUAGE plpgsql SET search_path FROM CURRENT
	SET datestyle = 'ISO' SET intervalstyle = 'postgres' AS $$
DECLARE
	a sharding.shard_answer;
BEGIN
	PERFORM sharding.refuse_read_only(call);
	FOR a IN SELECT * FROM sharding.ask(slot, call, name, sku, qty, day, hold, rank) LOOP
		IF a.state IS NOT NULL THEN
			PERFORM sharding.refuse(a);
		END IF;
		RETURN NEXT a;
	END LOOP;
END
$$;

-- The slot of a batch or, where no shard knows it, of the SKU. While a slot moves two shards have the batch; it is the
-- SKU that says which of them to ask.
CREATE FUNCTION sharding.slot_of_batch(ref text, otherwise text) RETURNS integer LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	skus text[] := ARRAY(SELECT DISTINCT s FROM sharding.ask_sku_of(ref) AS s);
BEGIN
	IF cardinality(skus) > 1 THEN
		RAISE USING ERRCODE = 'cardinality_violation', MESSAGE = format('several shards have a batch "%s"', ref),
			DETAIL = format('It is of the SKUs %s.', array_to_string(skus, ', ')),
			HINT = 'References are unique per shard only: name the SKU.';
	END IF;
	RETURN sharding.slot(coalesce(skus[1], otherwise));
END
$$;

-- Lines of many SKUs

-- Lets a slot move on, and takes notice of where it is then; a statement that runs would not.
CREATE FUNCTION sharding.wait_for_move() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	PERFORM pg_sleep(0.01);
	PERFORM pg_get_object_address('server', '{stock}', '{}');    -- to lock an object reads what others have changed
END
$$;

CREATE FUNCTION sharding.moves_for_long() RETURNS boolean LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT clock_timestamp() > statement_timestamp() + interval '1 minute';
END;

-- Undoes what shards have done to the lines.
CREATE FUNCTION sharding.undo(done sharding.shard_answer[]) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	a sharding.shard_answer;
BEGIN
	LOOP
		SELECT u.* INTO a
			FROM (SELECT array_agg(sharding.slot(d.sku)) AS slots, array_agg(d.orderid) AS orderids, array_agg(d.sku) AS skus,
					array_agg(d.qty) AS qtys, array_agg(d.turn) AS turns, array_agg(coalesce(d.before, '')) AS befores
				FROM unnest(done) AS d WHERE d.turn IS NOT NULL HAVING count(*) > 0) AS d,
				sharding.ask_undo(d.slots, d.orderids, d.skus, d.qtys, d.turns, d.befores) AS u
			ORDER BY u.state = '40001'
			LIMIT 1;
		EXIT WHEN NOT FOUND;
		IF a.state <> '40001' OR sharding.moves_for_long() THEN
			PERFORM sharding.refuse(a);
		END IF;
		PERFORM sharding.wait_for_move();
	END LOOP;
END
$$;

-- All shards are asked at the same time, and each answers when it has done its part. If one of them refuses, the others
-- undo theirs.
CREATE FUNCTION sharding.line_answers(call text, name text, orderids text[], skus text[], qtys integer[], all_or_nothing boolean,
		day date, hold interval)
	RETURNS SETOF sharding.shard_answer LANGUAGE plpgsql SET search_path FROM CURRENT
	SET datestyle = 'ISO' SET intervalstyle = 'postgres' AS $$
DECLARE
	lines integer := coalesce(cardinality(skus), 0);
	answers sharding.shard_answer[];
	a sharding.shard_answer;
BEGIN
	PERFORM sharding.refuse_read_only(call);
	IF call LIKE '%order' THEN
		orderids := array_fill(name, ARRAY[lines]);
	END IF;
	-- What is wrong with the call as a whole comes before what is wrong with a line.
	IF lines = 0 OR array_ndims(skus) > 1 OR array_ndims(qtys) > 1 OR array_ndims(orderids) > 1
		OR cardinality(qtys) IS DISTINCT FROM lines OR cardinality(orderids) IS DISTINCT FROM lines
		OR all_or_nothing IS NULL OR now() + hold <= now() OR NOT isfinite(now() + hold)
		OR (SELECT bool_or((l.orderid <> '' AND l.sku <> '' AND l.qty > 0 AND char_length(l.orderid) <= 255
					AND char_length(l.sku) <= 255) IS NOT TRUE) OR count(DISTINCT (l.orderid, l.sku)) < lines
			FROM unnest(orderids, skus, qtys) AS l (orderid, sku, qty))
	THEN
		FOR a IN SELECT * FROM sharding.ask_arguments(call, name, orderids, skus, qtys, all_or_nothing, day, hold) LOOP
			PERFORM sharding.refuse(a);
		END LOOP;
		IF lines = 0 THEN
			RETURN;
		END IF;
	END IF;

	answers := ARRAY(SELECT l FROM sharding.ask_lines(ARRAY(SELECT sharding.slot(s) FROM unnest(skus) AS s), call,
		ARRAY(SELECT generate_series(1, lines)), orderids, skus, qtys, all_or_nothing, day, hold) AS l);
	SELECT l.* INTO a FROM unnest(answers) AS l WHERE l.state IS NOT NULL OR l.refusal IS NOT NULL
		ORDER BY l.state IS NULL, l.place NULLS FIRST LIMIT 1;
	IF NOT FOUND THEN
		RETURN QUERY SELECT * FROM unnest(answers) AS l ORDER BY l.place;
		RETURN;
	END IF;
	PERFORM sharding.undo(answers);
	IF a.state IS NOT NULL THEN
		PERFORM sharding.refuse(a);
	END IF;
	FOR a IN SELECT * FROM unnest(answers) AS l ORDER BY l.place LOOP
		a.batchref := a.was;
		RETURN NEXT a;
	END LOOP;
END
$$;

-- One server does all of it or refuses. Several shards rehearse it first; then there is nothing left that could refuse,
-- but that others are faster or a slot moves. After the latter it is done again: what has been given back or shipped
-- already is no error.
CREATE FUNCTION sharding.order_answers(call text, name text, all_or_nothing boolean) RETURNS SETOF sharding.shard_answer
	LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	skus text[] := ARRAY(SELECT DISTINCT s FROM sharding.ask_skus_of(name) AS s);
	slots integer[];
	answers sharding.shard_answer[] := '{}';
	a sharding.shard_answer;
BEGIN
	PERFORM sharding.refuse_read_only(call);
	IF skus = '{}' THEN
		skus := '{""}';    -- any shard will say so, or what is wrong with the arguments
	END IF;
	slots := ARRAY(SELECT sharding.slot(s) FROM unnest(skus) AS s);
	IF slots[1] <> ANY (slots) THEN
		FOR a IN SELECT * FROM sharding.ask_order(slots, skus, call, name, all_or_nothing, true) AS o ORDER BY o.message LOOP
			PERFORM sharding.refuse(a);
		END LOOP;
	END IF;
	LOOP
		answers := answers || ARRAY(SELECT o FROM sharding.ask_order(slots, skus, call, name, all_or_nothing, false) AS o);
		SELECT o.* INTO a FROM unnest(answers) AS o WHERE o.state IS NOT NULL ORDER BY o.state = '40001' LIMIT 1;
		EXIT WHEN NOT FOUND;
		IF a.state <> '40001' OR slots[1] = ALL (slots) OR sharding.moves_for_long() THEN
			PERFORM sharding.refuse(a);
		END IF;
		PERFORM sharding.wait_for_move();
		slots := ARRAY(SELECT sharding.slot(s) FROM unnest(skus) AS s);
		answers := ARRAY(SELECT o FROM unnest(answers) AS o WHERE o.state IS NULL);
	END LOOP;
	RETURN QUERY SELECT DISTINCT ON (o.sku COLLATE "C") o.* FROM unnest(answers) AS o ORDER BY o.sku COLLATE "C";
END
$$;

-- To the shards all callers are one role.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sharding FROM PUBLIC;
COMMIT;
