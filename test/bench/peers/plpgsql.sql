-- Peer (a): the function a careful team would write itself, in PL/pgSQL on its own tables.
--
-- The tables are those of the pattern's book, with what a careful team adds: identity keys, foreign keys, CHECKs, and a
-- counter of what is allocated, so that no call has to add up all allocations of a batch.

CREATE SCHEMA plpgsql;

CREATE TABLE plpgsql.batches (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	reference text NOT NULL UNIQUE,
	sku text NOT NULL,
	purchased_quantity integer NOT NULL,
	allocated_quantity integer NOT NULL DEFAULT 0,
	eta date,
	CHECK (allocated_quantity >= 0 AND allocated_quantity <= purchased_quantity)
) WITH (fillfactor = 40); -- leaves room in each page for the new versions of its rows

-- Has the order in which batches are preferred: LIMIT 1 reads one. It leaves out the quantities, on purpose: a partial
-- index on them would make every charge of a batch write to all indexes.
CREATE INDEX ON plpgsql.batches (sku, eta NULLS FIRST, reference);

CREATE TABLE plpgsql.order_lines (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	orderid text NOT NULL,
	sku text NOT NULL,
	qty integer NOT NULL CHECK (qty > 0),
	UNIQUE (orderid, sku)
);

-- A line has one allocation or none, hence the primary key.
CREATE TABLE plpgsql.allocations (
	line_id bigint PRIMARY KEY REFERENCES plpgsql.order_lines,
	batch_id bigint NOT NULL REFERENCES plpgsql.batches,
	allocated_at timestamptz NOT NULL DEFAULT now()
);

-- A foreign key without an index makes every DELETE of a batch read the whole table.
CREATE INDEX ON plpgsql.allocations (batch_id);

CREATE FUNCTION plpgsql.allocate(p_orderid text, p_sku text, p_qty integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line record;
	batch record;
	new_line_id bigint;
BEGIN
	-- Asking twice is safe. The usual line is new, so the join waits until one was found.
	SELECT id, qty INTO line FROM plpgsql.order_lines WHERE orderid = p_orderid AND sku = p_sku;
	IF FOUND THEN
		IF line.qty <> p_qty THEN
			RAISE 'order "%" has a line for sku "%" with another quantity', p_orderid, p_sku USING ERRCODE = 'SK005';
		END IF;
		SELECT b.reference INTO batch
		FROM plpgsql.allocations AS a JOIN plpgsql.batches AS b ON b.id = a.batch_id
		WHERE a.line_id = line.id;
		RETURN batch.reference;
	END IF;

	-- Whoever locks the batch may charge it; one that another session has just emptied is passed over.
	SELECT id, reference INTO batch
	FROM plpgsql.batches
	WHERE sku = p_sku AND purchased_quantity - allocated_quantity >= p_qty
	ORDER BY eta NULLS FIRST, reference
	LIMIT 1
	FOR UPDATE;
	IF NOT FOUND THEN
		IF EXISTS (SELECT FROM plpgsql.batches WHERE sku = p_sku) THEN
			RAISE 'Out of stock for sku %', p_sku USING ERRCODE = 'SK002';
		END IF;
		RAISE 'Invalid sku %', p_sku USING ERRCODE = 'SK001';
	END IF;

	UPDATE plpgsql.batches SET allocated_quantity = allocated_quantity + p_qty WHERE id = batch.id;
	INSERT INTO plpgsql.order_lines (orderid, sku, qty) VALUES (p_orderid, p_sku, p_qty) RETURNING id INTO new_line_id;
	INSERT INTO plpgsql.allocations (line_id, batch_id) VALUES (new_line_id, batch.id);
	RETURN batch.reference;
EXCEPTION WHEN unique_violation THEN
	-- Another session has added the line since we looked. It has committed, so this time we find it.
	SELECT l.qty, b.reference INTO STRICT line
	FROM plpgsql.order_lines AS l
		JOIN plpgsql.allocations AS a ON a.line_id = l.id
		JOIN plpgsql.batches AS b ON b.id = a.batch_id
	WHERE l.orderid = p_orderid AND l.sku = p_sku;
	IF line.qty <> p_qty THEN
		RAISE 'order "%" has a line for sku "%" with another quantity', p_orderid, p_sku USING ERRCODE = 'SK005';
	END IF;
	RETURN line.reference;
END
$$;

-- The same without its EXCEPTION block, so without a subtransaction: for many calls in one transaction, where the foreign
-- keys and FOR UPDATE make the subtransactions of the function above expensive. It fails where it loses the race.
SELECT regexp_replace(
	replace(pg_get_functiondef('plpgsql.allocate'::regproc), 'plpgsql.allocate(', 'plpgsql.allocate_without_exception('),
	E'EXCEPTION WHEN.*\nEND\n', E'END\n') \gexec
