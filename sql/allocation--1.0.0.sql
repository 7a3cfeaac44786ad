\echo Use "CREATE EXTENSION allocation" to load this file. \quit

-- Anybody who may create objects in a schema can put something in the way of this script, which runs as a superuser. So
-- the role that creates the extension needs CREATE on the schema; PostgreSQL itself would not check that here.
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

-- The C code is the home of every rule of the domain, in src/domain. Where SQL has to repeat one, the comment names the
-- C function.

-- Tables
--
-- Identities are compared byte by byte (COLLATE "C"), as the C code compares them. That is also the fastest way, and no
-- upgrade of the operating system's collations can corrupt an index.

-- batch_available_quantity(), rounded for the indexes. It is negative if a batch is oversold, so its domain is the last
-- guard against that, also against a bug. The check stands in a domain because the session caches a domain's check; a
-- table's check is parsed again by each statement that writes.
CREATE DOMAIN batch_room AS integer CONSTRAINT batches_never_oversold CHECK (VALUE >= 0);
COMMENT ON DOMAIN batch_room IS
'The free units of a batch, rounded up for the indexes; the check of this type keeps batches from being oversold';

CREATE DOMAIN line_quantity AS integer CHECK (VALUE > 0);
COMMENT ON DOMAIN line_quantity IS 'Units that an order line asks for: one or more';

CREATE FUNCTION batch_room(purchased_quantity integer, allocated_quantity integer, shipped_quantity integer)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'allocation_batch_room' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION batch_room(integer, integer, integer) IS
'Returns the free units of a batch with these quantities or, if that is more than 16, the next power of two; a negative '
'number if the quantities contradict each other.';

-- Every allocation updates its batch. A low fillfactor leaves space for the new row version on the same page (a HOT
-- update). Equal index entries are versions of one row here, so deduplication would gain nothing, and a deduplicated entry
-- is read from the oldest version on, even by a backward scan.
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
COMMENT ON TABLE batches IS
'Batches of stock: quantities of one SKU that were bought together under a unique reference. Write to it with the functions '
'of the extension only.';
COMMENT ON COLUMN batches.reference IS 'Identifies the batch, over all SKUs; at most 255 characters';
COMMENT ON COLUMN batches.sku IS 'The SKU (stock keeping unit); at most 255 characters';
COMMENT ON COLUMN batches.purchased_quantity IS 'Units bought';
COMMENT ON COLUMN batches.allocated_quantity IS
'Units reserved by order lines, including those that have shipped: shipped_quantity plus the sum of qty - shipped_qty of '
'its lines';
COMMENT ON COLUMN batches.shipped_quantity IS 'Units that have shipped; it stays the same when shipped lines are archived';
COMMENT ON COLUMN batches.rank IS
'Of batches expected on the same day, the one with the lowest rank is sold first; you choose what it stands for';
COMMENT ON COLUMN batches.eta IS
'The day on which the batch is expected; NULL if it is in the warehouse; infinity if it is blocked, so that no line gets '
'any of it';
COMMENT ON COLUMN batches.room IS
'For the indexes: the free units or, if that is more than 16, the next power of two. Not an exact quantity';

-- The preference order is batch_precedes(). This index has it reversed and is scanned backwards: if many versions of a row
-- are kept, by an old snapshot or by a transaction that updates a batch often, a backward scan meets the newest one first.
-- The index has the room and not the exact quantities, because the room changes seldom: most updates stay HOT. Array calls
-- skip batches with too little room without leaving the index.
CREATE INDEX batches_preference ON batches (sku, eta DESC NULLS LAST, rank DESC, reference DESC, room)
	WITH (deduplicate_items = off) WHERE room > 0;

-- The same order within each room, for SKUs of which many batches have too little left.
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
COMMENT ON TABLE order_lines IS
'Order lines: quantities of one SKU that an order asks for, and the batch that serves each. Write to it with the functions '
'of the extension only.';
COMMENT ON COLUMN order_lines.orderid IS 'The order; at most 255 characters';
COMMENT ON COLUMN order_lines.sku IS 'The SKU; orderid and sku identify the line';
COMMENT ON COLUMN order_lines.qty IS 'Units asked for';
COMMENT ON COLUMN order_lines.shipped_qty IS 'Units of the line that have shipped; the rest is open';
COMMENT ON COLUMN order_lines.ordered_at IS
'When the line was first recorded. This is its turn: backorders are served oldest first';
COMMENT ON COLUMN order_lines.batchref IS
'The reference of the batch that serves the line; NULL if the line is on backorder';
COMMENT ON COLUMN order_lines.needed_by IS 'The last day on which the line can use a batch; NULL if any day will do';
COMMENT ON COLUMN order_lines.held_until IS 'When the hold expires; NULL if the line is firm';

-- Finds the lines of a batch and the waiting lines of a SKU, in their turn (line_compare_turns()). The SKU comes second:
-- otherwise the planner could prefer this index to the primary key for a single line while the table is small.
CREATE INDEX order_lines_batch ON order_lines (batchref, sku, ordered_at);

CREATE INDEX order_lines_hold ON order_lines (sku, held_until) WHERE held_until IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('batches', '');
SELECT pg_catalog.pg_extension_config_dump('order_lines', '');

-- These triggers stand in for a foreign key, which would lock the row of the batch at every allocation.
CREATE FUNCTION keep_allocated_batches() RETURNS trigger
	AS 'MODULE_PATHNAME', 'allocation_keep_allocated_batches' LANGUAGE C;
COMMENT ON FUNCTION keep_allocated_batches() IS
'Trigger function: refuses to delete, rename or truncate a batch that serves order lines. Error: 23503.';

CREATE TRIGGER keep_allocated_batches AFTER DELETE OR UPDATE OF reference, sku ON batches
	FOR EACH ROW EXECUTE FUNCTION keep_allocated_batches();

CREATE TRIGGER keep_allocated_batches_truncate AFTER TRUNCATE ON batches
	FOR EACH STATEMENT EXECUTE FUNCTION keep_allocated_batches();

-- Views
--
-- An expired hold (line_is_expired()) counts as deallocated: no view shows its line, and its units are free.

CREATE VIEW allocations AS
	SELECT l.orderid, l.sku, l.qty, l.shipped_qty, l.batchref, l.ordered_at, l.needed_by, l.held_until, b.eta
	FROM order_lines AS l
		LEFT JOIN batches AS b ON b.sku = l.sku AND b.reference = l.batchref
	WHERE l.batchref IS NOT NULL AND (l.held_until IS NULL OR l.held_until > clock_timestamp());
COMMENT ON VIEW allocations IS 'Reservations: the order lines that have a batch, without expired holds';
COMMENT ON COLUMN allocations.orderid IS 'The order';
COMMENT ON COLUMN allocations.sku IS 'The SKU';
COMMENT ON COLUMN allocations.qty IS 'Units asked for';
COMMENT ON COLUMN allocations.shipped_qty IS 'Units of the line that have shipped';
COMMENT ON COLUMN allocations.batchref IS 'The reference of the batch that serves the line';
COMMENT ON COLUMN allocations.ordered_at IS 'When the line was first recorded: its turn';
COMMENT ON COLUMN allocations.needed_by IS
'The last day on which the line can use a batch; NULL if any day will do. The line is late if eta is after it';
COMMENT ON COLUMN allocations.held_until IS 'When the hold expires; NULL if the line is firm';
COMMENT ON COLUMN allocations.eta IS
'The day on which its batch is expected; NULL if it is in the warehouse, infinity if it is blocked';

CREATE VIEW waiting AS
	SELECT orderid, sku, qty, shipped_qty, ordered_at, needed_by, held_until
	FROM order_lines
	WHERE batchref IS NULL AND qty > shipped_qty AND (held_until IS NULL OR held_until > clock_timestamp());
COMMENT ON VIEW waiting IS
'Backorders: the order lines that have no batch and are not completely shipped, without expired holds';
COMMENT ON COLUMN waiting.orderid IS 'The order';
COMMENT ON COLUMN waiting.sku IS 'The SKU';
COMMENT ON COLUMN waiting.qty IS 'Units asked for';
COMMENT ON COLUMN waiting.shipped_qty IS 'Units of the line that have already shipped';
COMMENT ON COLUMN waiting.ordered_at IS 'When the line was first recorded. This is its turn: the oldest is served first';
COMMENT ON COLUMN waiting.needed_by IS 'The last day on which the line can use a batch; NULL if any day will do';
COMMENT ON COLUMN waiting.held_until IS 'When the hold expires; NULL if the line is firm';

-- "Units left" are purchased - allocated, as in batch_available_quantity(); open units are qty - shipped_qty, as in
-- line_open_quantity().
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
COMMENT ON VIEW stock IS 'The inventory: one row per SKU, in units. Units of expired holds count as free';
COMMENT ON COLUMN stock.sku IS 'The SKU';
COMMENT ON COLUMN stock.purchased IS 'Units in all batches';
COMMENT ON COLUMN stock.allocated IS 'Units reserved by order lines, including those that have shipped';
COMMENT ON COLUMN stock.shipped IS 'Units that have shipped';
COMMENT ON COLUMN stock.on_hand IS 'Units in the warehouse, reserved or free';
COMMENT ON COLUMN stock.available IS 'Free units in the warehouse';
COMMENT ON COLUMN stock.incoming IS 'Free units in shipments under way';
COMMENT ON COLUMN stock.next_eta IS 'The day on which the next shipment with free units is expected; NULL if there is none';
COMMENT ON COLUMN stock.blocked IS 'Free units in blocked batches';
COMMENT ON COLUMN stock.held IS 'Units reserved by holds';
COMMENT ON COLUMN stock.waiting IS 'Units on backorder';

-- The C code reports its progress as a COPY into order_lines, marked by a parameter that pg_stat_progress_copy does not show.
CREATE VIEW allocation_progress AS
	SELECT pid, param3 AS lines_done, param20 AS lines_total
	FROM pg_catalog.pg_stat_get_progress_info('COPY')
	WHERE relid = 'order_lines'::pg_catalog.regclass AND param20 > 0;
COMMENT ON VIEW allocation_progress IS
'The progress of running calls of allocate_lines and allocate_order. Only members of pg_read_all_stats see the figures of '
'other roles';
COMMENT ON COLUMN allocation_progress.pid IS 'The process of the session, as in pg_stat_activity';
COMMENT ON COLUMN allocation_progress.lines_done IS 'Lines written so far';
COMMENT ON COLUMN allocation_progress.lines_total IS 'Lines to write';

-- Functions
--
-- They are VOLATILE and PARALLEL UNSAFE, by default: they write.

CREATE FUNCTION add_batch(ref text, sku text, qty integer, eta date DEFAULT NULL, rank integer DEFAULT 0) RETURNS void
	AS 'MODULE_PATHNAME', 'allocation_add_batch' LANGUAGE C;
COMMENT ON FUNCTION add_batch(text, text, integer, date, integer) IS
'Records a new batch of qty units of the SKU. Without an ETA it is in the warehouse, with an ETA it is under way, and with '
'the ETA infinity it is blocked. Of batches expected on the same day, the one with the lowest rank is sold first. Errors: '
'23505 if the reference already exists; 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION change_batch_quantity(ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_quantity' LANGUAGE C;
COMMENT ON FUNCTION change_batch_quantity(text, integer) IS
'Sets the purchased quantity of a batch, in units; 0 if it is lost. If it no longer covers what is reserved, lines leave '
'the batch, the newest first, until it does. Each of them gets the first other batch with room in time, the oldest line '
'first, or goes on backorder. Returns one row per line that has left, the newest first, with its new batch or NULL. Errors: '
'SK003 if there is no such batch; SK006 if more units have shipped; 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION change_batch_eta(ref text, eta date)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_eta' LANGUAGE C;
COMMENT ON FUNCTION change_batch_eta(text, date) IS
'Sets the day on which a batch is expected: NULL if it has arrived, infinity if it is blocked. No line moves. Returns one '
'row per line with open units on the batch, the oldest first: the customers to notify. Errors: SK003 if there is no such '
'batch; SK006 if eta is a day and units have already shipped; 22004, 22023, 22001 for a missing or improper argument.';

-- These name the SKU first, for callers that find the right server by it. They have no defaults, because a server cannot
-- be found by NULL.
CREATE FUNCTION change_batch_quantity(sku text, ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_quantity' LANGUAGE C;
COMMENT ON FUNCTION change_batch_quantity(text, text, integer) IS
'Does what change_batch_quantity(ref, qty) does, for a batch that is named with its SKU. Error: SK003 also if the batch has '
'another SKU.';

CREATE FUNCTION change_batch_eta(sku text, ref text, eta date)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_eta' LANGUAGE C;
COMMENT ON FUNCTION change_batch_eta(text, text, date) IS
'Does what change_batch_eta(ref, eta) does, for a batch that is named with its SKU. Error: SK003 also if the batch has '
'another SKU.';

CREATE FUNCTION allocate(orderid text, sku text, qty integer, by date DEFAULT NULL, hold interval DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_allocate' LANGUAGE C;
COMMENT ON FUNCTION allocate(text, text, integer, date, interval) IS
'Reserves qty units of the SKU for an order line, and returns the reference of the batch that serves it. That is the first '
'batch with room for all of it that comes no later than by, in preference order: the warehouse, then the earliest ETA, then '
'the lowest rank; of equally good batches, one that no other transaction is taking from, then the lowest reference. With '
'hold, the reservation expires after that time. Safe to retry: the same line keeps its batch. A retry also changes the '
'date, if the batch comes by then, and extends the hold or, without hold, confirms it. Errors: SK001 if no batch has the '
'SKU; SK002 if none has room in time; SK005 if the line has another quantity, or its batch comes after the date; 22004, '
'22023, 22001 for a missing or improper argument.';

CREATE FUNCTION allocate_order(orderid text, skus text[], qtys integer[], all_or_nothing boolean DEFAULT true,
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_allocate_order' LANGUAGE C;
COMMENT ON FUNCTION allocate_order(text, text[], integer[], boolean, date, interval) IS
'Reserves stock for the lines of one order. See allocate_lines.';

CREATE FUNCTION allocate_lines(orderids text[], skus text[], qtys integer[], all_or_nothing boolean DEFAULT true,
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_allocate_lines' LANGUAGE C;
COMMENT ON FUNCTION allocate_lines(text[], text[], integer[], boolean, date, interval) IS
'Reserves stock for many order lines, in the order given, as one unit of work; by and hold are as for allocate. Returns one '
'row per line in the order given; batchref is NULL if the line is on backorder. If a line finds no batch and all_or_nothing '
'is true, the whole call is refused; otherwise the line goes on backorder. Errors, which name the line: SK001, SK002, SK005 '
'as for allocate; 21000 if the call has the same line twice; 22004, 22023, 22001, 2202E for a missing or improper argument.';

CREATE FUNCTION try_allocate(orderid text, sku text, qty integer, by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	AS 'MODULE_PATHNAME', 'allocation_try_allocate' LANGUAGE C;
COMMENT ON FUNCTION try_allocate(text, text, integer, date, interval) IS
'Does what allocate does, but returns a refusal as a row. See try_allocate_lines.';

CREATE FUNCTION try_allocate_order(orderid text, skus text[], qtys integer[],
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	AS 'MODULE_PATHNAME', 'allocation_try_allocate_order' LANGUAGE C;
COMMENT ON FUNCTION try_allocate_order(text, text[], integer[], date, interval) IS
'Reserves stock for the lines of one order, or returns refusals as rows. See try_allocate_lines.';

CREATE FUNCTION try_allocate_lines(orderids text[], skus text[], qtys integer[],
		by date DEFAULT NULL, hold interval DEFAULT NULL)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text, refusal text, available integer)
	AS 'MODULE_PATHNAME', 'allocation_try_allocate_lines' LANGUAGE C;
COMMENT ON FUNCTION try_allocate_lines(text[], text[], integer[], date, interval) IS
'Does what allocate_lines does, all or nothing, but returns refusals as rows instead of an error, and then reserves '
'nothing. Returns one row per line in the order given. refusal is NULL, invalid_sku, out_of_stock or order_line_conflict. '
'For out_of_stock, available is the most units that one batch has in time, after what the lines before it would take; for '
'invalid_sku it is 0. Errors: 21000 if the call has the same line twice; 22004, 22023, 22001, 2202E for a missing or '
'improper argument.';

CREATE FUNCTION promise(sku text, qty integer, by date DEFAULT NULL) RETURNS TABLE (batchref text, eta date)
	AS 'MODULE_PATHNAME', 'allocation_promise' LANGUAGE C;
COMMENT ON FUNCTION promise(text, integer, date) IS
'Returns what is available to promise: the batch that allocate would choose now for a new line of qty units, no later than '
'by, and its ETA, which is NULL in the warehouse. No row if there is none. Reserves nothing, so it also works on a standby. '
'Errors: 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION deallocate(orderid text, sku text) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_deallocate' LANGUAGE C;
COMMENT ON FUNCTION deallocate(text, text) IS
'Releases the reservation of an order line: its units are free again, and the line is deleted. Returns the reference of the '
'batch it had; NULL if it had none, its hold had expired or there is no such line. Errors: SK006 if units of it have '
'already shipped; 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION deallocate_order(orderid text)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_deallocate_order' LANGUAGE C;
COMMENT ON FUNCTION deallocate_order(text) IS
'Releases the reservations of all lines of an order, as one unit of work. Returns one row per line, with the batch it had. '
'Errors: SK006 if units of one have already shipped; 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION reallocate(orderid text, sku text, qty integer DEFAULT NULL, by date DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_reallocate' LANGUAGE C;
COMMENT ON FUNCTION reallocate(text, text, integer, date) IS
'Releases an order line and allocates it again, in one step, with qty units and the date by; what is NULL stays as it was. '
'If no batch has room, the old reservation remains. If part of the line has shipped, the open part moves. Returns the '
'reference of the batch. Errors: SK001 if no batch has the SKU; SK002 if none has room in time; SK004 if there is no such '
'line, or its hold has expired; SK006 if more than qty units have shipped, or the whole line; 22004, 22023, 22001 for a '
'missing or improper argument.';

CREATE FUNCTION reallocate_sku(sku text)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_reallocate_sku' LANGUAGE C;
COMMENT ON FUNCTION reallocate_sku(text) IS
'Serves the backorders of a SKU, oldest first. Offers its lines what is better for them: any batch in time if the line is '
'on backorder or its batch comes too late, otherwise one that comes on an earlier day. No line gets a later batch than it '
'had. Returns one row per line that has changed, the oldest first: the customers to notify. Errors: SK001 if no batch has '
'the SKU; 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION ship(orderid text, sku text, qty integer DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_ship' LANGUAGE C;
COMMENT ON FUNCTION ship(text, text, integer) IS
'Records how many units of an order line have shipped in total; NULL means the whole line. Safe to retry. Returns the '
'reference of the batch; NULL if nothing ships and the line is on backorder. Errors: SK004 if there is no such line, or its '
'hold has expired; SK006 if more have already shipped; SK007 if units are to ship and the line is on backorder, or its '
'batch is not in the warehouse; 22023 if the line asks for less; 22004, 22023, 22001 for a missing or improper argument.';

CREATE FUNCTION ship_order(orderid text, all_or_nothing boolean DEFAULT true)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_ship_order' LANGUAGE C;
COMMENT ON FUNCTION ship_order(text, boolean) IS
'Records that all lines of an order have shipped, as one unit of work; if all_or_nothing is false, only those in the '
'warehouse. Safe to retry. Returns one row per line that has shipped completely. Errors: SK007 if a line is on backorder, '
'or its batch is not in the warehouse; 22004, 22023, 22001 for a missing or improper argument.';

-- It is one statement, so it sees one snapshot and may run at any time. It runs as the owner of the tables; its body is
-- parsed, and its names resolved, at creation. A batch and its lines have one SKU, so all joins use it; only to tell
-- missing_batch from wrong_sku it looks at other SKUs.
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
COMMENT ON FUNCTION check_allocation() IS
'Checks the tables and returns one row for each contradiction; none if all is well. counter_differs: a batch has found '
'units reserved that have not shipped, its lines expected; oversold: a batch has found units reserved of expected, or more '
'shipped than reserved; overshipped: of a line, found units of expected have shipped; missing_batch, wrong_sku: a line of '
'found units has a batch that does not exist, or that has another SKU. Reads all rows, changes and blocks nothing.';

-- Owner and privileges
--
-- The C code works as the owner of the tables: the role that creates the extension. That role also gets the views and
-- check_allocation(), the only function that is SECURITY DEFINER. The C functions stay with the superuser, because an
-- ordinary role could gain privileges by owning one. So do the domains: their owner can add a CHECK, which would run as
-- the owner of the tables, even after the tables have changed hands.
--
-- PUBLIC may call nothing. The owner may grant each function; without the grant option on all of them, GRANT ... ON ALL
-- FUNCTIONS IN SCHEMA would fail.
DO $$
DECLARE
	member record;
BEGIN
	FOR member IN
		SELECT object.type, object.identity, p.prosecdef, e.extowner::pg_catalog.regrole AS owner
		FROM pg_catalog.pg_extension AS e
			JOIN pg_catalog.pg_depend AS d ON d.refclassid OPERATOR(pg_catalog.=) e.tableoid
				AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
			LEFT JOIN pg_catalog.pg_proc AS p ON d.classid OPERATOR(pg_catalog.=) p.tableoid
				AND d.objid OPERATOR(pg_catalog.=) p.oid
			CROSS JOIN pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS object
		WHERE e.extname OPERATOR(pg_catalog.=) 'allocation'
	LOOP
		IF member.prosecdef OR member.type OPERATOR(pg_catalog.=) ANY (ARRAY['table', 'view']) THEN
			EXECUTE pg_catalog.format('ALTER %s %s OWNER TO %s', member.type, member.identity, member.owner);
		END IF;
		IF member.type OPERATOR(pg_catalog.=) 'function' THEN
			EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', member.identity);
			EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s WITH GRANT OPTION', member.identity, member.owner);
		END IF;
	END LOOP;
END
$$;

-- The exception: any role that writes to batches computes their room, also a later owner of the tables. The function is
-- plain arithmetic and reveals nothing.
GRANT EXECUTE ON FUNCTION batch_room(integer, integer, integer) TO PUBLIC;
