\echo Use "CREATE EXTENSION allocation" to load this file. \quit

-- Tables
--
-- Identities are compared byte by byte (COLLATE "C"): it is what the C code does, it is fastest, and no
-- upgrade of the operating system's collations can corrupt an index.

CREATE TABLE batches (
	reference text COLLATE "C" NOT NULL,
	sku text COLLATE "C" NOT NULL,
	purchased_quantity integer NOT NULL,
	allocated_quantity integer NOT NULL DEFAULT 0,
	eta date,
	-- Keeps exhausted batches out of the index below. An index on the quantities themselves would do that
	-- too, but then no charge of a batch could be a HOT update.
	is_open boolean NOT NULL GENERATED ALWAYS AS (allocated_quantity < purchased_quantity) STORED,
	PRIMARY KEY (sku, reference),
	UNIQUE (reference),
	CONSTRAINT batches_never_oversold CHECK (allocated_quantity BETWEEN 0 AND purchased_quantity)
) WITH (fillfactor = 70);

CREATE INDEX batches_preference ON batches (sku, eta NULLS FIRST, reference) WHERE is_open;

CREATE TABLE order_lines (
	orderid text COLLATE "C" NOT NULL,
	sku text COLLATE "C" NOT NULL,
	qty integer NOT NULL,
	batchref text COLLATE "C",
	allocated_at timestamptz,
	PRIMARY KEY (orderid, sku),
	CONSTRAINT order_lines_qty_positive CHECK (qty > 0)
);

CREATE INDEX order_lines_batch ON order_lines (sku, batchref, allocated_at);

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

CREATE VIEW allocations AS
	SELECT orderid, sku, qty, batchref, allocated_at
	FROM order_lines
	WHERE batchref IS NOT NULL;

CREATE VIEW stock AS
	SELECT sku,
		sum(purchased) AS purchased,
		sum(allocated) AS allocated,
		coalesce(sum(purchased - allocated) FILTER (WHERE eta IS NULL), 0) AS available,
		coalesce(sum(purchased - allocated) FILTER (WHERE eta IS NOT NULL), 0) AS incoming,
		min(eta) FILTER (WHERE purchased > allocated) AS next_eta,
		sum(waiting) AS waiting
	FROM (
		SELECT sku, purchased_quantity, allocated_quantity, eta, 0 FROM batches
		UNION ALL
		SELECT sku, 0, 0, NULL, qty FROM order_lines WHERE batchref IS NULL
	) AS movements (sku, purchased, allocated, eta, waiting)
	GROUP BY sku;

-- Functions

CREATE FUNCTION add_batch(ref text, sku text, qty integer, eta date DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'allocation_add_batch' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION allocate(orderid text, sku text, qty integer) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_allocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION deallocate(orderid text, sku text) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_deallocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION reallocate(orderid text, sku text, qty integer DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'allocation_reallocate' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION change_batch_quantity(ref text, qty integer)
	RETURNS TABLE (orderid text, sku text, qty integer, batchref text)
	AS 'MODULE_PATHNAME', 'allocation_change_batch_quantity' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- Privileges
--
-- The C code works as the owner of the tables, who is whoever creates the extension. The functions stay with
-- the superuser: a C function that an ordinary role owns is a way to more privileges.

ALTER TABLE batches OWNER TO @extowner@;
ALTER TABLE order_lines OWNER TO @extowner@;
ALTER VIEW allocations OWNER TO @extowner@;
ALTER VIEW stock OWNER TO @extowner@;

REVOKE EXECUTE ON FUNCTION
	add_batch(text, text, integer, date),
	allocate(text, text, integer),
	deallocate(text, text),
	reallocate(text, text, integer),
	change_batch_quantity(text, integer),
	keep_allocated_batches()
	FROM PUBLIC;
