-- What goes on a shard, to the schema of the extension: run by whoever created that. The role that the router comes as
-- needs USAGE on the schema, which is in its search_path, EXECUTE on the functions of this file, and nothing else.
--
-- To the router everything is a row, errors too, also the two that OTHERS leaves out: an error would drop its connection,
-- and it would not wait for the other shards.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT nspname AS kit FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'allocation' \gset
\ir owner_only.sql

-- @extschema@ is that schema, as in the script of an extension.
SELECT replace($script$
-- A router reads it as text, whatever its types, so the functions write dates as everybody understands them: ISO.
CREATE TYPE @extschema@.shard_answer AS (
	orderid text,
	sku text,
	qty integer,
	batchref text,
	refusal text,
	available integer,
	eta text,
	-- of a line of an array call: its place in the call, the batch that it had and, if it was changed, what undoes that
	place integer,
	was text,
	turn text,
	before text,
	-- of an error
	state text,
	message text,
	detail text,
	hint text
);

-- One call on one SKU, or on one batch.
CREATE FUNCTION @extschema@.shard_call(call text, name text, sku text, qty integer, day date, hold interval, rank integer)
	RETURNS SETOF @extschema@.shard_answer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET datestyle = 'ISO' AS $$
DECLARE
	a @extschema@.shard_answer;
BEGIN
	-- Columns that a query does not have are NULL.
	CASE call
		WHEN 'allocate' THEN a.batchref := @extschema@.allocate(name, sku, qty, day, hold); RETURN NEXT a;
		WHEN 'deallocate' THEN a.batchref := @extschema@.deallocate(name, sku); RETURN NEXT a;
		WHEN 'reallocate' THEN a.batchref := @extschema@.reallocate(name, sku, qty, day); RETURN NEXT a;
		WHEN 'ship' THEN a.batchref := @extschema@.ship(name, sku, qty); RETURN NEXT a;
		WHEN 'add_batch' THEN PERFORM @extschema@.add_batch(name, sku, qty, day, rank); RETURN NEXT a;
		WHEN 'promise' THEN
			FOR a IN SELECT NULL, NULL, NULL, p.batchref, NULL, NULL, p.eta FROM @extschema@.promise(sku, qty, day) AS p LOOP
				RETURN NEXT a;
			END LOOP;
		WHEN 'try_allocate' THEN
			FOR a IN SELECT * FROM @extschema@.try_allocate(name, sku, qty, day, hold) LOOP RETURN NEXT a; END LOOP;
		WHEN 'change_batch_quantity' THEN
			FOR a IN SELECT * FROM @extschema@.change_batch_quantity(name, qty) LOOP RETURN NEXT a; END LOOP;
		WHEN 'change_batch_eta' THEN
			FOR a IN SELECT * FROM @extschema@.change_batch_eta(name, day) LOOP RETURN NEXT a; END LOOP;
		WHEN 'change_batch_quantity of sku' THEN
			FOR a IN SELECT * FROM @extschema@.change_batch_quantity(sku, name, qty) LOOP RETURN NEXT a; END LOOP;
		WHEN 'change_batch_eta of sku' THEN
			FOR a IN SELECT * FROM @extschema@.change_batch_eta(sku, name, day) LOOP RETURN NEXT a; END LOOP;
		WHEN 'reallocate_sku' THEN
			FOR a IN SELECT * FROM @extschema@.reallocate_sku(sku) LOOP RETURN NEXT a; END LOOP;
	END CASE;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
	a := NULL;
	GET STACKED DIAGNOSTICS a.state = RETURNED_SQLSTATE, a.message = MESSAGE_TEXT, a.detail = PG_EXCEPTION_DETAIL,
		a.hint = PG_EXCEPTION_HINT;
	RETURN NEXT a;
END
$$;

-- Lines of many SKUs
--
-- What a call changes is kept, so that it can be undone if another shard refuses. Only a trigger sees what exactly was
-- replaced: a look before the call may be too early, and a lock before it would turn the order of locks around.

CREATE UNLOGGED TABLE @extschema@.shard_changes (
	orderid text COLLATE "C" NOT NULL,
	sku text COLLATE "C" NOT NULL,
	turn timestamptz NOT NULL,
	before @extschema@.order_lines,
	transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- What other transactions have left is gone, but may stay for as long as an old snapshot does.
CREATE INDEX ON @extschema@.shard_changes (transaction);

CREATE FUNCTION @extschema@.shard_keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	IF TG_OP = 'INSERT' OR OLD.ordered_at <> NEW.ordered_at THEN    -- another turn: it was an expired hold, nobody's
		INSERT INTO @extschema@.shard_changes VALUES (NEW.orderid, NEW.sku, NEW.ordered_at);
	ELSE
		INSERT INTO @extschema@.shard_changes VALUES (NEW.orderid, NEW.sku, NEW.ordered_at, OLD);
	END IF;
	RETURN NULL;
END
$$;

CREATE TRIGGER shard_keep AFTER INSERT OR UPDATE ON @extschema@.order_lines FOR EACH ROW
	WHEN (current_setting('sharding.keeps', true) = 'on') EXECUTE FUNCTION @extschema@.shard_keep();

-- The part of an array call that is this shard's; places are those of its lines in the whole.
CREATE FUNCTION @extschema@.shard_lines(call text, places integer[], orderids text[], skus text[], qtys integer[],
		all_or_nothing boolean, day date, hold interval)
	RETURNS SETOF @extschema@.shard_answer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET datestyle = 'ISO'
	SET enable_seqscan = off AS $$
DECLARE
	lines @extschema@.shard_answer[];
	a @extschema@.shard_answer;
BEGIN
	PERFORM set_config('sharding.keeps', 'on', true);
	-- A dump does not have it.
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '@extschema@.order_lines'::regclass
			AND tgname = 'shard_keep' AND tgenabled <> 'D') THEN
		RAISE 'there is no trigger shard_keep on order_lines' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Create it as in shard.sql.';
	END IF;
	IF call LIKE 'try%' THEN
		lines := ARRAY(SELECT (l.orderid, l.sku, l.qty, l.batchref, l.refusal, l.available, NULL, places[l.n],
				NULL, NULL, NULL, NULL, NULL, NULL, NULL)::@extschema@.shard_answer
			FROM @extschema@.try_allocate_lines(orderids, skus, qtys, day, hold) WITH ORDINALITY
				AS l (orderid, sku, qty, batchref, refusal, available, n));
	ELSE
		lines := ARRAY(SELECT (l.orderid, l.sku, l.qty, l.batchref, NULL, NULL, NULL, places[l.n],
				NULL, NULL, NULL, NULL, NULL, NULL, NULL)::@extschema@.shard_answer
			FROM @extschema@.allocate_lines(orderids, skus, qtys, all_or_nothing, day, hold) WITH ORDINALITY
				AS l (orderid, sku, qty, batchref, n));
	END IF;
	SET CONSTRAINTS ALL IMMEDIATE;    -- what would be refused at the commit
	RETURN QUERY
		WITH changes AS (DELETE FROM @extschema@.shard_changes WHERE transaction = pg_current_xact_id() RETURNING *)
		SELECT l.orderid, l.sku, l.qty, l.batchref, l.refusal, l.available, NULL::text, l.place,
			CASE WHEN c.turn IS NULL THEN l.batchref ELSE (c.before).batchref END, c.turn::text, c.before::text,
			NULL::text, NULL::text, NULL::text, NULL::text
		FROM unnest(lines) AS l LEFT JOIN changes AS c ON c.orderid = l.orderid AND c.sku = l.sku;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
	a := NULL;
	GET STACKED DIAGNOSTICS a.state = RETURNED_SQLSTATE, a.message = MESSAGE_TEXT, a.detail = PG_EXCEPTION_DETAIL,
		a.hint = PG_EXCEPTION_HINT;
	-- It counts the lines of its part.
	a.place := places[substring(a.detail FROM '^Line ([0-9]+):')::integer];
	a.detail := coalesce(regexp_replace(a.detail, '^Line [0-9]+', 'Line ' || a.place), a.detail);
	RETURN NEXT a;
END
$$;

-- Makes lines what they were before. Whoever has shipped one meanwhile, or given it another quantity, keeps it.
CREATE FUNCTION @extschema@.shard_undo(orderids text[], skus text[], qtys integer[], turns timestamptz[], befores text[])
	RETURNS SETOF @extschema@.shard_answer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET datestyle = 'ISO' AS $$
DECLARE
	changes @extschema@.shard_changes[];
	lines @extschema@.order_lines[];
	line @extschema@.order_lines;
	before @extschema@.order_lines;
	a @extschema@.shard_answer;
BEGIN
	LOOP
		BEGIN
			SELECT array_agg(l ORDER BY l.sku, l.batchref, l.orderid),
					array_agg((l.orderid, l.sku, l.ordered_at, nullif(u.before, '')::@extschema@.order_lines, NULL)::@extschema@.shard_changes
						ORDER BY l.sku, l.batchref, l.orderid)
				INTO lines, changes
				FROM unnest(orderids, skus, qtys, turns, befores) AS u (orderid, sku, qty, turn, before)
					JOIN @extschema@.order_lines AS l ON l.orderid = u.orderid AND l.sku = u.sku AND l.ordered_at = u.turn AND l.qty = u.qty
						AND l.shipped_qty = coalesce((nullif(u.before, '')::@extschema@.order_lines).shipped_qty, 0);
			-- Batches first, then lines: the order of locks that all calls have. No line leaves a batch that is locked.
			FOR n IN 1 .. coalesce(cardinality(lines), 0) LOOP
				PERFORM FROM @extschema@.batches WHERE sku = lines[n].sku AND reference = lines[n].batchref FOR UPDATE;
			END LOOP;
			FOR n IN 1 .. coalesce(cardinality(lines), 0) LOOP
				line := lines[n];
				before := changes[n].before;
				IF before.orderid IS NULL THEN
					DELETE FROM @extschema@.order_lines AS l WHERE l.orderid = line.orderid AND l.sku = line.sku AND l = line;
				ELSE
					UPDATE @extschema@.order_lines AS l SET batchref = CASE WHEN before.batchref IS NULL THEN NULL ELSE line.batchref END,
							needed_by = before.needed_by, held_until = before.held_until
						WHERE l.orderid = line.orderid AND l.sku = line.sku AND l = line;
				END IF;
				IF NOT FOUND THEN
					IF EXISTS (SELECT FROM @extschema@.order_lines AS l WHERE l.orderid = line.orderid AND l.sku = line.sku AND l = line) THEN
						RAISE 'a trigger on order_lines has suppressed a row' USING ERRCODE = 'object_not_in_prerequisite_state';
					END IF;
					RAISE 'another session has changed a line' USING ERRCODE = 'SH001';
				END IF;
				UPDATE @extschema@.batches SET allocated_quantity = allocated_quantity - (line.qty - line.shipped_qty)
					WHERE sku = line.sku AND reference = line.batchref AND before.batchref IS NULL;
			END LOOP;
			RETURN;
		EXCEPTION WHEN SQLSTATE 'SH001' OR deadlock_detected THEN    -- look again
		END;
	END LOOP;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
	a := NULL;
	GET STACKED DIAGNOSTICS a.state = RETURNED_SQLSTATE, a.message = MESSAGE_TEXT, a.detail = PG_EXCEPTION_DETAIL,
		a.hint = PG_EXCEPTION_HINT;
	RETURN NEXT a;
END
$$;

-- What is wrong with the arguments of an array call, if anything: it takes nothing.
CREATE FUNCTION @extschema@.shard_arguments(call text, name text, orderids text[], skus text[], qtys integer[],
		all_or_nothing boolean, day date, hold interval)
	RETURNS SETOF @extschema@.shard_answer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	a @extschema@.shard_answer;
BEGIN
	CASE call
		WHEN 'allocate_order' THEN PERFORM @extschema@.allocate_order(name, skus, qtys, all_or_nothing, day, hold);
		WHEN 'allocate_lines' THEN PERFORM @extschema@.allocate_lines(orderids, skus, qtys, all_or_nothing, day, hold);
		WHEN 'try_allocate_order' THEN PERFORM @extschema@.try_allocate_order(name, skus, qtys, day, hold);
		WHEN 'try_allocate_lines' THEN PERFORM @extschema@.try_allocate_lines(orderids, skus, qtys, day, hold);
	END CASE;
	RAISE 'nothing is wrong' USING ERRCODE = 'SH001';
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
	GET STACKED DIAGNOSTICS a.state = RETURNED_SQLSTATE, a.message = MESSAGE_TEXT, a.detail = PG_EXCEPTION_DETAIL,
		a.hint = PG_EXCEPTION_HINT;
	IF a.state NOT LIKE 'S%' THEN
		RETURN NEXT a;
	END IF;
END
$$;

-- deallocate_order or ship_order for those lines of an order that are this shard's. There may be others, copied to it
-- by a move that is not finished. A rehearsal undoes it and answers with errors only.
CREATE FUNCTION @extschema@.shard_order(call text, name text, skus text[], all_or_nothing boolean, rehearsal boolean)
	RETURNS SETOF @extschema@.shard_answer LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
	others boolean := EXISTS (SELECT FROM @extschema@.order_lines AS l WHERE l.orderid = name AND l.sku <> ALL (skus));
	lines @extschema@.shard_answer[] := '{}';
	a @extschema@.shard_answer;
BEGIN
	CASE
		WHEN call = 'deallocate_order' AND NOT others THEN
			FOR a IN SELECT * FROM @extschema@.deallocate_order(name) LOOP lines := lines || a; END LOOP;
		WHEN call = 'ship_order' AND NOT others THEN
			FOR a IN SELECT * FROM @extschema@.ship_order(name, all_or_nothing) LOOP lines := lines || a; END LOOP;
		WHEN call = 'deallocate_order' THEN
			FOR a IN SELECT l.orderid, l.sku, l.qty, @extschema@.deallocate(l.orderid, l.sku) FROM @extschema@.order_lines AS l
				WHERE l.orderid = name AND l.sku = ANY (skus) AND (l.held_until IS NULL OR l.held_until > clock_timestamp())
				ORDER BY l.sku
			LOOP lines := lines || a; END LOOP;
		WHEN call = 'ship_order' THEN
			FOR a IN SELECT l.orderid, l.sku, l.qty, @extschema@.ship(l.orderid, l.sku) FROM @extschema@.order_lines AS l
					LEFT JOIN @extschema@.batches AS b ON b.sku = l.sku AND b.reference = l.batchref
				WHERE l.orderid = name AND l.sku = ANY (skus) AND (l.held_until IS NULL OR l.held_until > clock_timestamp())
					AND (all_or_nothing OR l.shipped_qty = l.qty OR (b.reference IS NOT NULL AND b.eta IS NULL))
				ORDER BY l.sku
			LOOP lines := lines || a; END LOOP;
	END CASE;
	SET CONSTRAINTS ALL IMMEDIATE;
	IF rehearsal THEN
		RAISE 'nothing is wrong' USING ERRCODE = 'SH001';
	END IF;
	RETURN QUERY SELECT * FROM unnest(lines);
EXCEPTION
	WHEN SQLSTATE 'SH001' THEN
		RETURN;
	WHEN OTHERS OR query_canceled OR assert_failure THEN
		a := NULL;
		GET STACKED DIAGNOSTICS a.state = RETURNED_SQLSTATE, a.message = MESSAGE_TEXT, a.detail = PG_EXCEPTION_DETAIL,
			a.hint = PG_EXCEPTION_HINT;
		RETURN NEXT a;
END
$$;

-- Looks

CREATE FUNCTION @extschema@.shard_sku_of(ref text) RETURNS SETOF text
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
	AS 'SELECT sku FROM @extschema@.batches WHERE reference = ref';

CREATE FUNCTION @extschema@.shard_skus_of(name text) RETURNS SETOF text
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
	AS 'SELECT sku FROM @extschema@.order_lines WHERE orderid = name';

CREATE FUNCTION @extschema@.shard_stock_of(name text)
	RETURNS TABLE (sku text, purchased bigint, allocated bigint, shipped bigint, on_hand bigint, available bigint,
		incoming bigint, next_eta text, blocked bigint, held bigint, waiting bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT SET datestyle = 'ISO'
	AS 'SELECT * FROM @extschema@.stock WHERE sku = name';

CREATE FUNCTION @extschema@.shard_check()
	RETURNS TABLE (fault text, sku text, batchref text, orderid text, found bigint, expected bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
	AS 'SELECT * FROM @extschema@.check_allocation()';

REVOKE EXECUTE ON FUNCTION @extschema@.shard_call, @extschema@.shard_keep, @extschema@.shard_lines, @extschema@.shard_undo,
	@extschema@.shard_arguments, @extschema@.shard_order, @extschema@.shard_sku_of, @extschema@.shard_skus_of,
	@extschema@.shard_stock_of, @extschema@.shard_check FROM PUBLIC;
$script$, '@extschema@', quote_ident(:'kit')) \gexec
COMMIT;
