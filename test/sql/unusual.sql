-- Rare cases, and what happens in them.
\set VERBOSITY default
TRUNCATE batches, order_lines;
SELECT add_batch('lamps', 'LAMP', 10);
SELECT add_batch('more-lamps', 'LAMP', 4, '2030-01-01');
SELECT add_batch('chairs', 'CHAIR', 5);

-- The refused line need not be the first one of its SKU. Of several refused lines, the first one is reported.
SELECT * FROM allocate_lines('{order-1,order-2,order-3}', '{LAMP,LAMP,LAMP}', '{5,6,9}');
SELECT * FROM allocate_lines('{order-1,order-2}', '{LAMP,CHAIR}', '{11,6}');
SELECT * FROM allocate_lines('{order-1,order-2}', '{CHAIR,LAMP}', '{6,11}');

-- Waiting lines keep waiting if the call is repeated and there is still no room. deallocate_order() deletes them.
SELECT * FROM allocate_lines('{order-1,order-2,order-2}', '{LAMP,LAMP,CHAIR}', '{11,12,6}', false);
SELECT * FROM allocate_lines('{order-2,order-1,order-3}', '{LAMP,LAMP,LAMP}', '{12,11,1}', false);
SELECT * FROM deallocate_order('order-2');
SELECT orderid, sku, qty, batchref FROM order_lines ORDER BY sku, orderid;

-- The room of a batch is exact if few units are left, and negative if the quantities are wrong.
SELECT batch_room(100, 84, 0), batch_room(100, 83, 0), batch_room(100, 50, 50), batch_room(2147483647, 1, 0),
	batch_room(10, 10, 10), batch_room(10, 20, 0), batch_room(10, -1, -1), batch_room(10, 5, 6), batch_room(10, 5, -1);

-- A COPY whose trigger makes calls keeps reporting its own progress.
\set VERBOSITY terse
CREATE TABLE wishes (orderid text, sku text, qty integer);
CREATE FUNCTION fulfil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM allocate_lines(ARRAY[NEW.orderid], ARRAY[NEW.sku], ARRAY[NEW.qty]);
	RAISE NOTICE '% %', (SELECT count(*) FROM allocation_progress),
		(SELECT relid::regclass FROM pg_stat_progress_copy WHERE pid = pg_backend_pid());
	RETURN NEW;
END
$$;
CREATE TRIGGER fulfil BEFORE INSERT ON wishes FOR EACH ROW EXECUTE FUNCTION fulfil();
COPY wishes FROM stdin;
order-4	LAMP	1
order-5	LAMP	1
\.
DROP TABLE wishes;
DROP FUNCTION fulfil;

-- A unique violation of a user's constraint or trigger is reported as it is.
BEGIN;
CREATE UNIQUE INDEX one_line_of_chairs ON order_lines (sku) WHERE sku = 'CHAIR';
SELECT allocate('order-6', 'CHAIR', 1);
SELECT allocate('order-7', 'CHAIR', 1);
ROLLBACK;
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.notes (orderid text CONSTRAINT order_lines_pkey PRIMARY KEY);
INSERT INTO elsewhere.notes VALUES ('order-8');
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO elsewhere.notes VALUES (NEW.orderid);
	IF NEW.orderid = 'order-9' THEN
		RAISE unique_violation USING MESSAGE = 'raised by hand';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER note BEFORE INSERT ON order_lines FOR EACH ROW EXECUTE FUNCTION note();
SELECT allocate('order-8', 'CHAIR', 1);
SELECT allocate('order-9', 'CHAIR', 1);
SELECT allocate('order-10', 'CHAIR', 1);
DROP TRIGGER note ON order_lines;
DROP FUNCTION note;

-- A function works only in the schema of the tables.
\set VERBOSITY default
BEGIN;
ALTER FUNCTION allocate SET SCHEMA elsewhere;
SELECT elsewhere.allocate('order-11', 'CHAIR', 1);
ROLLBACK;
\set VERBOSITY terse
DROP TABLE elsewhere.notes;
DROP SCHEMA elsewhere;

-- The trigger function refuses to work in another kind of trigger.
BEGIN;
CREATE TRIGGER too_early BEFORE DELETE ON batches FOR EACH ROW EXECUTE FUNCTION keep_allocated_batches();
DELETE FROM batches WHERE reference = 'more-lamps';
ROLLBACK;

-- If the tables contradict each other, because somebody has written to them directly, a call fails; it does not retry forever.
BEGIN;
UPDATE batches SET allocated_quantity = 4 WHERE reference = 'more-lamps';
SELECT * FROM change_batch_quantity('more-lamps', 3);
\echo SQLSTATE :SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO order_lines (orderid, sku, qty, ordered_at, batchref) VALUES ('order-11', 'LAMP', 1, now(), 'nowhere');
SELECT reallocate('order-11', 'LAMP', 2);
\echo SQLSTATE :SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO order_lines (orderid, sku, qty, ordered_at, batchref) VALUES ('order-11', 'LAMP', 1, now(), 'nowhere');
SELECT deallocate('order-11', 'LAMP');
\echo SQLSTATE :SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO order_lines (orderid, sku, qty, ordered_at, batchref) VALUES ('order-11', 'LAMP', 1, now(), 'nowhere');
SELECT * FROM ship_order('order-11', false);
\echo SQLSTATE :SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO order_lines (orderid, sku, qty, ordered_at, batchref) VALUES ('order-11', 'LAMP', 1, now(), 'nowhere');
SELECT * FROM try_allocate('order-11', 'LAMP', 1, by => '2030-01-01');
\echo SQLSTATE :SQLSTATE
ROLLBACK;

-- So does a call that wants the units of an expired hold, if the counter of the batch does not include them.
BEGIN;
SELECT add_batch('vases', 'VASE', 5);
SELECT allocate('cart', 'VASE', 4, hold => '10 minutes');
UPDATE order_lines SET held_until = '2000-01-01' WHERE orderid = 'cart';
UPDATE batches SET allocated_quantity = 3 WHERE reference = 'vases';
SELECT * FROM promise('VASE', 5);
\echo SQLSTATE :SQLSTATE
ROLLBACK;

-- Without the primary key, a line is there twice, once as an expired hold: the other one gets the units of the hold.
BEGIN;
ALTER TABLE order_lines DROP CONSTRAINT order_lines_pkey;
SELECT add_batch('vases', 'VASE', 4);
SELECT add_batch('more-vases', 'VASE', 4, '2030-01-01');
SELECT allocate('order-11', 'VASE', 4);
SELECT allocate('cart', 'VASE', 4, hold => '10 minutes');
UPDATE order_lines SET orderid = 'order-11', held_until = '2000-01-01' WHERE orderid = 'cart';
SELECT * FROM change_batch_quantity('vases', 0);
SELECT orderid, sku, qty, batchref FROM order_lines WHERE sku = 'VASE';
ROLLBACK;

-- A call also fails if a trigger suppresses what it writes.
BEGIN;
CREATE FUNCTION skip_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip_row BEFORE UPDATE ON batches FOR EACH ROW EXECUTE FUNCTION skip_row();
SELECT * FROM change_batch_eta('more-lamps', NULL);
\echo SQLSTATE :SQLSTATE
ROLLBACK;
BEGIN;
SELECT add_batch('vases', 'VASE', 5);
SELECT allocate('order-11', 'VASE', 4);
CREATE FUNCTION skip_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip_row BEFORE UPDATE ON order_lines FOR EACH ROW EXECUTE FUNCTION skip_row();
SELECT ship('order-11', 'VASE');
\echo SQLSTATE :SQLSTATE
ROLLBACK;
BEGIN;
SELECT add_batch('vases', 'VASE', 5);
SELECT allocate('cart', 'VASE', 4, hold => '10 minutes');
UPDATE order_lines SET held_until = '2000-01-01' WHERE orderid = 'cart';
CREATE FUNCTION skip_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip_row BEFORE DELETE ON order_lines FOR EACH ROW EXECUTE FUNCTION skip_row();
SELECT allocate('order-11', 'VASE', 4);
\echo SQLSTATE :SQLSTATE
ROLLBACK;

-- A trigger's SET LOCAL ends with the call, and the caller's own lock_timeout is restored.
BEGIN;
CREATE FUNCTION be_patient() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL lock_timeout = '5s';
	RETURN NULL;
END
$$;
CREATE TRIGGER be_patient AFTER INSERT ON order_lines FOR EACH ROW EXECUTE FUNCTION be_patient();
CREATE TRIGGER be_patient AFTER UPDATE ON batches FOR EACH ROW EXECUTE FUNCTION be_patient();
SET LOCAL lock_timeout = '3s';
SELECT add_batch('vases', 'VASE', 5);
SELECT allocate('order-11', 'VASE', 4);
SHOW lock_timeout;
SELECT * FROM change_batch_quantity('vases', 4);
SHOW lock_timeout;
ROLLBACK;

SELECT reference, allocated_quantity FROM batches ORDER BY reference;
SELECT orderid, sku, qty, batchref FROM order_lines ORDER BY orderid;
TRUNCATE batches, order_lines;
