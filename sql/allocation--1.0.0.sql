\echo Use "CREATE EXTENSION allocation" to load this file. \quit

-- What stands in a schema is for everybody who may create there, or has it in the search_path. So whoever creates the
-- extension must be allowed to create there, too: the script, which runs as a superuser, would not notice.
DO $$
DECLARE
	home text := pg_catalog.current_schema();
	creator pg_catalog.regrole := (SELECT extowner FROM pg_catalog.pg_extension
		WHERE extname OPERATOR(pg_catalog.=) 'allocation');
BEGIN
	IF NOT pg_catalog.has_schema_privilege(creator, home, 'CREATE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = pg_catalog.format('permission denied for schema %s', home),
			DETAIL = pg_catalog.format('Role %s has no CREATE privilege there.', creator),
			HINT = 'Create a schema of your own, and the extension in it.';
	END IF;
END
$$;

-- Tables
--
-- Identities are compared byte by byte (COLLATE "C"): it is what the C code does, it is fastest, and no
-- upgrade of the operating system's collations can corrupt an index.

-- A domain's check is kept ready by the session; a table's is read from its text by each statement that writes. The
-- room of a batch is below zero where its quantities are not right, so this is what no charge can get past, not even a
-- mistaken one.
CREATE DOMAIN batch_room AS integer CONSTRAINT batches_never_oversold CHECK (VALUE >= 0);
CREATE DOMAIN line_quantity AS integer CHECK (VALUE > 0);

CREATE FUNCTION batch_room(purchased_quantity integer, allocated_quantity integer, shipped_quantity integer)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'allocation_batch_room' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- Every charge writes to its batch: pages that stay half empty keep the new version of a row beside the old one
-- and are quickly cleaned. Of its indexes, what is alike are entries for versions of one row only. They are not to be
-- packed into one: a packed entry is read from its oldest version on, also by whoever reads the index backwards.
CREATE TABLE batches (
	reference text COLLATE "C" NOT NULL,
	sku text COLLATE "C" NOT NULL,
	purchased_quantity integer NOT NULL,
	allocated_quantity integer NOT NULL DEFAULT 0,
	shipped_quantity integer NOT NULL DEFAULT 0,
	rank integer NOT NULL DEFAULT 0,
	eta date,
	room batch_room NOT NULL
		GENERATED ALWAYS AS (batch_room(purchased_quantity, allocated_quantity, shipped_quantity)) STORED,
	PRIMARY KEY (sku, reference) WITH (deduplicate_items = off),
	UNIQUE (reference) WITH (deduplicate_items = off)
) WITH (fillfactor = 25);

-- The preference order, to be read backwards: where one transaction writes to a batch many times, or an old snapshot
-- keeps its versions, the newest comes first. With the quantities themselves no charge could be a HOT update; their
-- room changes seldom, and lets array calls pass batches with too little over inside the index.
CREATE INDEX batches_preference ON batches (sku, eta DESC NULLS LAST, rank DESC, reference DESC, room)
	WITH (deduplicate_items = off) WHERE room > 0;

-- The same for each room, for those SKUs of which many batches have too little left.
CREATE INDEX batches_room ON batches (sku, room DESC, eta DESC NULLS LAST, rank DESC, reference DESC)
	WITH (deduplicate_items = off) WHERE room > 0;

CREATE TABLE order_lines (
	orderid text COLLATE "C" NOT NULL,
	sku text COLLATE "C" NOT NULL,
	qty line_quantity NOT NULL,
	shipped_qty integer NOT NULL DEFAULT 0,
	ordered_at timestamptz NOT NULL,
	batchref text COLLATE "C",
	needed_by date,
	held_until timestamptz,
	PRIMARY KEY (orderid, sku)
);

-- The lines of a batch, and those of a SKU that wait, in their turn. The SKU comes second, so that no plan for a line can
-- prefer it to the primary key while the table is small.
CREATE INDEX order_lines_batch ON order_lines (batchref, sku, ordered_at);

CREATE INDEX order_lines_hold ON order_lines (sku, held_until) WHERE held_until IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('batches', '');
SELECT pg_catalog.pg_extension_config_dump('order_lines', '');

-- A foreign key from lines to batches would lock the batch's row at every allocation. What it would protect
-- is protected from the other side: a batch that serves lines can be neither deleted nor renamed.

CREATE FUNCTION keep_allocated_batches() RETURNS trigger
	AS 'MODULE_PATHNAME', 'allocation_keep_allocated_batches' LANGUAGE C;

CREATE TRIGGER keep_allocated_batches AFTER DELETE OR UPDATE OF reference, sku ON batches
	FOR EACH ROW EXECUTE FUNCTION keep_allocated_batches();

CREATE TRIGGER keep_allocated_batches_truncate AFTER TRUNCATE ON batches
	FOR EACH STATEMENT EXECUTE FUNCTION keep_allocated_batches();

-- Views

-- A hold that has expired is nobody's: its line is in no view, and its units are free.

CREATE VIEW allocations AS
	SELECT l.orderid, l.sku, l.qty, l.shipped_qty, l.batchref, l.ordered_at, l.needed_by, l.held_until, b.eta
	FROM order_lines AS l
		LEFT JOIN batches AS b ON b.sku = l.sku AND b.reference = l.batchref
	WHERE l.batchref IS NOT NULL AND (l.held_until IS NULL OR l.held_until > clock_timestamp());

CREATE VIEW waiting AS
	SELECT orderid, sku, qty, shipped_qty, ordered_at, needed_by, held_until
	FROM order_lines
	WHERE batchref IS NULL AND qty > shipped_qty AND (held_until IS NULL OR held_until > clock_timestamp());

CREATE VIEW stock AS
	SELECT sku,
		sum(purchased) AS purchased,
		sum(allocated) AS allocated,
		sum(shipped) AS shipped,
		coalesce(sum(purchased - shipped) FILTER (WHERE eta IS NULL), 0) AS on_hand,
		coalesce(sum(purchased - allocated) FILTER (WHERE eta IS NULL), 0) AS available,
		coalesce(sum(purchased - allocated) FILTER (WHERE eta < 'infinity'), 0) AS incoming,
		min(eta) FILTER (WHERE eta < 'infinity' AND (purchased > allocated)) AS next_eta,
		coalesce(sum(purchased - allocated) FILTER (WHERE eta = 'infinity'), 0) AS blocked,
		sum(held) AS held,
		sum(waiting) AS waiting
	FROM (
		SELECT sku, purchased_quantity, allocated_quantity, shipped_quantity, eta, 0, 0 FROM batches
		UNION ALL
		SELECT l.sku, 0, CASE WHEN l.held_until > clock_timestamp() THEN 0 ELSE -l.qty END, 0, b.eta,
			CASE WHEN l.held_until > clock_timestamp() THEN l.qty ELSE 0 END, 0
		FROM order_lines AS l
			JOIN batches AS b ON b.sku = l.sku AND b.reference = l.batchref
		WHERE l.held_until IS NOT NULL
		UNION ALL
		SELECT sku, 0, 0, 0, NULL, 0, qty - shipped_qty
		FROM order_lines
		WHERE batchref IS NULL AND (held_until IS NULL OR held_until > clock_timestamp())
	) AS movements (sku, purchased, allocated, shipped, eta, held, waiting)
	GROUP BY sku;

-- A call on many lines shows as a COPY into order_lines, with one parameter that pg_stat_progress_copy has not.
CREATE VIEW allocation_progress AS
	SELECT pid, param3 AS lines_done, param20 AS lines_total
	FROM pg_catalog.pg_stat_get_progress_info('COPY')
	WHERE relid = 'order_lines'::pg_catalog.regclass AND param20 > 0;

-- Functions

CREATE FUNCTION add_batch(ref text, sku text, qty integer, eta date DEFAULT NULL, rank integer DEFAULT 0) RETURNS void
	AS 'MODULE_PATHNAME', 'allocation_add_batch' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION change_batch_quantity(ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_quantity' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION change_batch_eta(ref text, eta date)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_eta' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- The same for those whose calls find their server by the SKU. It has no default, as a NULL would lead nowhere.
CREATE FUNCTION change_batch_quantity(sku text, ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_quantity' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION change_batch_eta(sku text, ref text, eta date)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_eta' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION allocate(orderid text, sku text, qty integer, by date DEFAULT NULL, hold interval DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_allocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION allocate_order(orderid text, skus text[], qtys integer[], all_or_nothing boolean DEFAULT true,
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_allocate_order' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION allocate_lines(orderids text[], skus text[], qtys integer[], all_or_nothing boolean DEFAULT true,
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_allocate_lines' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION try_allocate(orderid text, sku text, qty integer, by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	AS 'MODULE_PATHNAME', 'allocation_try_allocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION try_allocate_order(orderid text, skus text[], qtys integer[],
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	AS 'MODULE_PATHNAME', 'allocation_try_allocate_order' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION try_allocate_lines(orderids text[], skus text[], qtys integer[],
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	AS 'MODULE_PATHNAME', 'allocation_try_allocate_lines' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION promise(sku text, qty integer, by date DEFAULT NULL) RETURNS TABLE (batchref text, eta date)
	AS 'MODULE_PATHNAME', 'allocation_promise' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION deallocate(orderid text, sku text) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_deallocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION deallocate_order(orderid text)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_deallocate_order' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION reallocate(orderid text, sku text, qty integer DEFAULT NULL, by date DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_reallocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION reallocate_sku(sku text)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_reallocate_sku' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION ship(orderid text, sku text, qty integer DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_ship' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION ship_order(orderid text, all_or_nothing boolean DEFAULT true)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_ship_order' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- One statement, so one snapshot: it may run at any time. It works as the owner of the tables, and its names were
-- resolved when the extension was created. A batch is of one SKU, and so is all that has to do with it: only the name of a
-- fault takes a look at the others.
CREATE FUNCTION check_allocation()
	RETURNS TABLE (fault text, sku text, batchref text, orderid text, found bigint, expected bigint)
	LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT 'counter_differs', b.sku, b.reference, NULL::text,
			b.allocated_quantity::bigint - b.shipped_quantity, coalesce(l.units, 0)
		FROM batches AS b
			LEFT JOIN (SELECT sku, batchref, sum(qty - shipped_qty) AS units FROM order_lines GROUP BY sku, batchref) AS l
				ON l.sku = b.sku AND l.batchref = b.reference
		WHERE b.allocated_quantity::bigint - b.shipped_quantity <> coalesce(l.units, 0)
	UNION ALL
	SELECT 'oversold', b.sku, b.reference, NULL, b.allocated_quantity, b.purchased_quantity
		FROM batches AS b
		WHERE b.allocated_quantity NOT BETWEEN b.shipped_quantity AND b.purchased_quantity OR b.shipped_quantity < 0
	UNION ALL
	SELECT 'overshipped', l.sku, l.batchref, l.orderid, l.shipped_qty, l.qty
		FROM order_lines AS l
		WHERE l.shipped_qty NOT BETWEEN 0 AND l.qty
	UNION ALL
	SELECT CASE WHEN known.reference IS NULL THEN 'missing_batch' ELSE 'wrong_sku' END,
			l.sku, l.batchref, l.orderid, l.qty, NULL
		FROM order_lines AS l
			LEFT JOIN batches AS b ON b.sku = l.sku AND b.reference = l.batchref
			LEFT JOIN (SELECT DISTINCT reference FROM batches) AS known ON known.reference = l.batchref
		WHERE l.batchref IS NOT NULL AND b.reference IS NULL
	ORDER BY 1, 2, 3, 4;
END;

-- What they say of themselves

COMMENT ON DOMAIN batch_room IS 'The room of a batch; its check is what forbids to oversell one';
COMMENT ON DOMAIN line_quantity IS 'Units that an order line asks for: one or more';

COMMENT ON TABLE batches IS
'Quantities of one SKU, bought together under a unique reference. Written by the functions of the extension only.';
COMMENT ON COLUMN batches.reference IS 'What identifies the batch, over all SKUs; at most 255 characters';
COMMENT ON COLUMN batches.sku IS 'The stock keeping unit; at most 255 characters';
COMMENT ON COLUMN batches.purchased_quantity IS 'Units bought';
COMMENT ON COLUMN batches.allocated_quantity IS
'Units that order lines have taken, with those that have shipped: shipped_quantity and the sum of qty - shipped_qty of its lines';
COMMENT ON COLUMN batches.shipped_quantity IS 'Units that have left the warehouse; it does not shrink when shipped lines are archived';
COMMENT ON COLUMN batches.rank IS 'Of batches that come on the same day, those of the lowest rank are sold first; what it means is up to the caller';
COMMENT ON COLUMN batches.eta IS
'The day on which the shipment is expected; NULL once the batch is in the warehouse; infinity if it is blocked: nobody gets any of it';
COMMENT ON COLUMN batches.room IS 'As many units as are left or, if that is more than 16, the next power of two; for the indexes';

COMMENT ON TABLE order_lines IS
'Quantities of one SKU that one order asks for, and the batch that serves each. Written by the functions of the extension only.';
COMMENT ON COLUMN order_lines.orderid IS 'The order; at most 255 characters';
COMMENT ON COLUMN order_lines.sku IS 'The stock keeping unit; with orderid, what identifies the line';
COMMENT ON COLUMN order_lines.qty IS 'Units asked for';
COMMENT ON COLUMN order_lines.shipped_qty IS 'Units of them that have left the warehouse; the rest is open';
COMMENT ON COLUMN order_lines.batchref IS 'The reference of the batch that serves the line; NULL while the line waits for one';
COMMENT ON COLUMN order_lines.ordered_at IS 'When the line was first recorded: its turn';
COMMENT ON COLUMN order_lines.needed_by IS 'The last day on which a batch may come that serves the line; NULL if any will do';
COMMENT ON COLUMN order_lines.held_until IS 'The moment from which on the line is nobody''s; NULL if it is firm';

COMMENT ON VIEW allocations IS 'The order lines that have a batch; not expired holds';
COMMENT ON COLUMN allocations.orderid IS 'The order';
COMMENT ON COLUMN allocations.sku IS 'The stock keeping unit';
COMMENT ON COLUMN allocations.qty IS 'Units asked for';
COMMENT ON COLUMN allocations.shipped_qty IS 'Units of them that have left the warehouse';
COMMENT ON COLUMN allocations.batchref IS 'The reference of the batch that serves the line';
COMMENT ON COLUMN allocations.ordered_at IS 'When the line was first recorded: its turn';
COMMENT ON COLUMN allocations.needed_by IS 'The last day on which the line can use its batch; NULL if any will do. The line is late if eta is after it';
COMMENT ON COLUMN allocations.held_until IS 'The moment at which the hold expires; NULL if the line is firm';
COMMENT ON COLUMN allocations.eta IS 'The day on which its batch is expected; NULL if it is in the warehouse, infinity if it is blocked';

COMMENT ON VIEW waiting IS 'The order lines that wait for a batch, with open units; not expired holds';
COMMENT ON COLUMN waiting.orderid IS 'The order';
COMMENT ON COLUMN waiting.sku IS 'The stock keeping unit';
COMMENT ON COLUMN waiting.qty IS 'Units asked for';
COMMENT ON COLUMN waiting.shipped_qty IS 'Units of them that have left the warehouse already';
COMMENT ON COLUMN waiting.ordered_at IS 'When the line was first recorded: its turn';
COMMENT ON COLUMN waiting.needed_by IS 'The last day on which the line can use a batch; NULL if any will do';
COMMENT ON COLUMN waiting.held_until IS 'The moment at which the hold expires; NULL if the line is firm';

COMMENT ON VIEW stock IS 'What there is of each SKU, in units; those of expired holds are free';
COMMENT ON COLUMN stock.sku IS 'The stock keeping unit';
COMMENT ON COLUMN stock.purchased IS 'Units in all batches';
COMMENT ON COLUMN stock.allocated IS 'Units that order lines have taken of them, with those that have shipped';
COMMENT ON COLUMN stock.shipped IS 'Units that have left the warehouse';
COMMENT ON COLUMN stock.on_hand IS 'Units in the warehouse: those that have arrived and not left, allocated or not';
COMMENT ON COLUMN stock.available IS 'Units left in the warehouse';
COMMENT ON COLUMN stock.incoming IS 'Units left in shipments under way';
COMMENT ON COLUMN stock.next_eta IS 'The day on which the next shipment with units left is expected; NULL if there is none';
COMMENT ON COLUMN stock.blocked IS 'Units left in batches that are blocked';
COMMENT ON COLUMN stock.held IS 'Units that are allocated to holds';
COMMENT ON COLUMN stock.waiting IS 'Open units of order lines that wait for a batch';

COMMENT ON VIEW allocation_progress IS
'How far the calls of allocate_lines and allocate_order are that run now; of other roles'' calls, pg_read_all_stats sees the figures';
COMMENT ON COLUMN allocation_progress.pid IS 'The process of the session, as in pg_stat_activity';
COMMENT ON COLUMN allocation_progress.lines_done IS 'Lines written';
COMMENT ON COLUMN allocation_progress.lines_total IS 'Lines to write';

COMMENT ON FUNCTION add_batch(text, text, integer, date, integer) IS
'Records a new batch: qty units of the SKU, in the warehouse or, with an ETA, under way; with the ETA infinity, blocked. Of '
'batches that come on the same day, those of the lowest rank are sold first. Errors: 23505 if the reference is known; '
'22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION change_batch_quantity(text, integer) IS
'Sets the purchased quantity of a batch, in units; 0 if it is lost. Where it no longer covers what is allocated, lines '
'leave the batch, the latest turn first, until it does; each, in its turn, gets the first other batch with room in time, or '
'waits. Returns one row per line that has left, with its new batch or NULL. Errors: SK003 if there is no such batch; SK006 '
'if more units have shipped; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION change_batch_eta(text, date) IS
'Sets the day on which a batch is expected: NULL if it has arrived, infinity if it is blocked. Moves no line. Returns one '
'row per line with open units on it, in their turn: those to be told. Errors: SK003 if there is no such batch; SK006 if it is '
'to be under way and units have shipped; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION change_batch_quantity(text, text, integer) IS
'As change_batch_quantity(ref, qty), of a batch that is named with its SKU. SK003 also if it is of another one.';
COMMENT ON FUNCTION change_batch_eta(text, text, date) IS
'As change_batch_eta(ref, eta), of a batch that is named with its SKU. SK003 also if it is of another one.';
COMMENT ON FUNCTION allocate(text, text, integer, date, interval) IS
'Ties an order line of qty units to the first batch that can serve all of it and comes no later than by, in preference '
'order: the warehouse, then the earliest ETA, then the lowest rank; of equally good ones, one that no other transaction is '
'taking from, then the lowest reference. With hold, the line is kept for so long from now, and is nobody''s afterwards. '
'Returns the reference of the batch. The same line again returns the batch that it has, takes another date if its batch '
'comes by then, and is held for so long from now or, without hold, firm from now on. Errors: SK001 if no batch has the SKU; '
'SK002 if none has room in time; SK005 if the line is known with another quantity, or its batch comes after the date; 22004, '
'22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION allocate_order(text, text[], integer[], boolean, date, interval) IS
'Allocates the lines of one order, as allocate_lines does.';
COMMENT ON FUNCTION allocate_lines(text[], text[], integer[], boolean, date, interval) IS
'Allocates many order lines, in their order, as one unit of work, with the same date and hold as allocate does. Returns one '
'row per line in the order given; batchref is NULL for a line that waits. A line without room refuses the whole call if '
'all_or_nothing, and otherwise waits. Errors, which say at which line: SK001, SK002, SK005 as for allocate; 21000 if the same '
'line stands in the call twice; 22004, 22023, 22001, 2202E for a missing or improper argument.';
COMMENT ON FUNCTION try_allocate(text, text, integer, date, interval) IS
'As allocate, but a refusal is a row, as for try_allocate_lines.';
COMMENT ON FUNCTION try_allocate_order(text, text[], integer[], date, interval) IS
'Allocates the lines of one order, as try_allocate_lines does.';
COMMENT ON FUNCTION try_allocate_lines(text[], text[], integer[], date, interval) IS
'As allocate_lines, all or nothing, but refusals are rows and no errors, and then nothing is taken. Returns one row per line '
'in the order given. refusal is NULL, invalid_sku, out_of_stock or order_line_conflict; with out_of_stock, available is the '
'most units that one batch has in time when it is the turn of the line, with invalid_sku 0. Errors: 21000 if the same line '
'stands in the call twice; 22004, 22023, 22001, 2202E for a missing or improper argument.';
COMMENT ON FUNCTION promise(text, integer, date) IS
'The batch that allocate would choose now for a new line of qty units, no later than by, and its ETA: NULL in the warehouse. '
'No row if there is none. Takes nothing; also on a standby. Errors: 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION deallocate(text, text) IS
'Gives the units of an order line back and forgets it. Returns the reference of the batch it had; NULL if it had none '
'or there is no such line. Errors: SK006 if units of it have shipped; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION deallocate_order(text) IS
'Gives the units of all lines of an order back and forgets them, as one unit of work. Returns one row per line, with the '
'batch it had. Errors: SK006 if units of one have shipped; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION reallocate(text, text, integer, date) IS
'Deallocates an order line and allocates it afresh, with qty units and the date by or, where that is NULL, as it was; if it '
'fits nowhere, the old allocation stands. Of a line that has shipped in part the open part moves. Returns the reference of '
'the batch. Errors: SK001 if no batch has the SKU; SK002 if none has room in time; SK004 if there is no such line, or it is an '
'expired hold; SK006 if more has shipped, or everything; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION reallocate_sku(text) IS
'Offers the lines of a SKU, in their turn, what is better for them now: a batch if they wait or theirs comes too late, '
'otherwise one that comes on an earlier day. None is worse off, and nobody waits for what is left. Returns one row per line '
'that has changed. Errors: SK001 if no batch has the SKU; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION ship(text, text, integer) IS
'Records that qty units of an order line have left, in all; everything if NULL. Twice is once. Returns the reference of the '
'batch, NULL if nothing leaves and the line waits. Errors: SK004 if there is no such line; SK006 if more have left already; '
'SK007 if units are to leave and the line waits, or its batch is not in the warehouse; 22023 if the line asks for less; '
'22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION ship_order(text, boolean) IS
'Records that all lines of an order have left, as one unit of work; unless all_or_nothing, those that are in the warehouse. '
'Twice is once. Returns one row per line that has left altogether. Errors: SK007 if a line waits, or its batch is not in the '
'warehouse; 22004, 22023, 22001 for a missing or improper argument.';
COMMENT ON FUNCTION check_allocation() IS
'Returns one row for each contradiction in the tables, none if all is well. counter_differs: a batch has found units '
'allocated that have not shipped, its lines expected; oversold: a batch has found units allocated of expected, or more '
'shipped than allocated; overshipped: of a line, found units of expected have shipped; missing_batch, wrong_sku: a line of '
'found units is tied to a batch that is not there, or is of another SKU. Reads all rows, changes and blocks nothing.';
COMMENT ON FUNCTION batch_room(integer, integer, integer) IS
'The room of a batch with these quantities: as many units as are left or, if that is more than 16, the next power of two; '
'below zero if the quantities are not right.';
COMMENT ON FUNCTION keep_allocated_batches() IS
'Trigger function: a batch that serves order lines is neither deleted, renamed nor truncated. Error: 23503.';

-- Privileges
--
-- The C code works as the owner of the tables, who is whoever creates the extension. The C functions stay
-- with the superuser: one that an ordinary role owns is a way to more privileges. So do the domains: whoever owns one
-- can add a CHECK to it, which runs as the owner of the tables, also once that is another role.

ALTER FUNCTION check_allocation() OWNER TO @extowner@;
ALTER TABLE batches OWNER TO @extowner@;
ALTER TABLE order_lines OWNER TO @extowner@;
ALTER VIEW allocations OWNER TO @extowner@;
ALTER VIEW waiting OWNER TO @extowner@;
ALTER VIEW stock OWNER TO @extowner@;
ALTER VIEW allocation_progress OWNER TO @extowner@;

REVOKE EXECUTE ON FUNCTION
	add_batch(text, text, integer, date, integer),
	change_batch_quantity(text, integer),
	change_batch_quantity(text, text, integer),
	change_batch_eta(text, date),
	change_batch_eta(text, text, date),
	allocate(text, text, integer, date, interval),
	allocate_order(text, text[], integer[], boolean, date, interval),
	allocate_lines(text[], text[], integer[], boolean, date, interval),
	try_allocate(text, text, integer, date, interval),
	try_allocate_order(text, text[], integer[], date, interval),
	try_allocate_lines(text[], text[], integer[], date, interval),
	promise(text, integer, date),
	deallocate(text, text),
	deallocate_order(text),
	reallocate(text, text, integer, date),
	reallocate_sku(text),
	ship(text, text, integer),
	ship_order(text, boolean),
	check_allocation(),
	keep_allocated_batches()
	FROM PUBLIC;

-- The owner may pass on each of them, lest GRANT ... ON ALL FUNCTIONS IN SCHEMA fail.
GRANT EXECUTE ON FUNCTION
	add_batch(text, text, integer, date, integer),
	change_batch_quantity(text, integer),
	change_batch_quantity(text, text, integer),
	change_batch_eta(text, date),
	change_batch_eta(text, text, date),
	allocate(text, text, integer, date, interval),
	allocate_order(text, text[], integer[], boolean, date, interval),
	allocate_lines(text[], text[], integer[], boolean, date, interval),
	try_allocate(text, text, integer, date, interval),
	try_allocate_order(text, text[], integer[], date, interval),
	try_allocate_lines(text[], text[], integer[], date, interval),
	promise(text, integer, date),
	deallocate(text, text),
	deallocate_order(text),
	reallocate(text, text, integer, date),
	reallocate_sku(text),
	ship(text, text, integer),
	ship_order(text, boolean),
	check_allocation(),
	batch_room(integer, integer, integer),
	keep_allocated_batches()
	TO @extowner@ WITH GRANT OPTION;

-- Whoever writes to batches computes their room: the owner of the tables, also once that is another role. It is
-- arithmetic and tells nobody anything. PUBLIC may execute it already, unless default privileges say otherwise.
GRANT EXECUTE ON FUNCTION batch_room(integer, integer, integer) TO PUBLIC;
