-- Each call is one unit of work in the caller's transaction: it happens whole or not at all, and the caller
-- decides whether it stays.
\set SHOW_CONTEXT never
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);

-- All counters and lines, to see what has stayed.
CREATE FUNCTION pg_temp.state() RETURNS TABLE (batch text, purchased integer, allocated integer, lines text)
LANGUAGE sql AS $$
	SELECT reference, purchased_quantity, allocated_quantity,
		(SELECT string_agg(orderid || ': ' || qty, ', ' ORDER BY orderid) FROM order_lines WHERE batchref = reference)
	FROM batches
	UNION ALL
	SELECT '(waiting)', NULL, NULL, string_agg(orderid || ': ' || qty, ', ' ORDER BY orderid)
	FROM order_lines WHERE batchref IS NULL HAVING count(*) > 0
	ORDER BY 1
$$;

-- After ROLLBACK nothing of any call is left.
BEGIN;
SELECT add_batch('batch-2', 'LAMP', 1);
SELECT allocate('order-1', 'LAMP', 7);
SELECT reallocate('order-1', 'LAMP', 3);
SELECT * FROM change_batch_quantity('batch-1', 2);
ROLLBACK;
SELECT * FROM pg_temp.state();

-- After ROLLBACK TO SAVEPOINT what came before is.
BEGIN;
SELECT allocate('order-1', 'LAMP', 3);
SAVEPOINT before_second;
SELECT allocate('order-2', 'LAMP', 4);
SELECT deallocate('order-1', 'LAMP');
ROLLBACK TO SAVEPOINT before_second;
SELECT allocate('order-3', 'LAMP', 1);
COMMIT;
SELECT * FROM pg_temp.state();

-- A refused call undoes itself, and its caller may go on from before it.
BEGIN;
SELECT allocate('order-4', 'LAMP', 2);
SAVEPOINT before_refusal;
SELECT allocate('order-5', 'LAMP', 100);
ROLLBACK TO SAVEPOINT before_refusal;
SELECT allocate('order-5', 'LAMP', 1);
COMMIT;
SELECT * FROM pg_temp.state();

-- An exception that PL/pgSQL catches takes the calls of its block along, and no others.
DO $$
BEGIN
	PERFORM deallocate('order-5', 'LAMP');
	BEGIN
		PERFORM allocate('order-6', 'LAMP', 1);
		PERFORM change_batch_quantity('batch-1', 0);
		RAISE EXCEPTION 'the payment was refused';
	EXCEPTION WHEN raise_exception THEN
		RAISE NOTICE 'caught: %', SQLERRM;
	END;
	BEGIN
		PERFORM allocate('order-7', 'LAMP', 100);
	EXCEPTION WHEN SQLSTATE 'SK002' THEN
		RAISE NOTICE 'caught: %', SQLERRM;
	END;
	PERFORM allocate('order-8', 'LAMP', 1);
END
$$;
SELECT * FROM pg_temp.state();

-- A call that fails half-way leaves every line where it was: here at the third of four lines that have to move.
SELECT add_batch('batch-2', 'LAMP', 5, '2030-01-01');
CREATE FUNCTION refuse_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'order % does not move', OLD.orderid;
END
$$;
CREATE TRIGGER refuse_order BEFORE UPDATE ON order_lines FOR EACH ROW WHEN (OLD.orderid = 'order-3')
	EXECUTE FUNCTION refuse_order();
SELECT orderid FROM order_lines ORDER BY ordered_at DESC;
SELECT * FROM change_batch_quantity('batch-1', 0);
SELECT * FROM pg_temp.state();

-- The same in a transaction whose other work is kept.
BEGIN;
SELECT allocate('order-9', 'LAMP', 1);
SAVEPOINT before_failure;
SELECT * FROM change_batch_quantity('batch-1', 0);
ROLLBACK TO SAVEPOINT before_failure;
COMMIT;
SELECT * FROM pg_temp.state();
DROP TRIGGER refuse_order ON order_lines;
DROP FUNCTION refuse_order;
SELECT * FROM change_batch_quantity('batch-1', 0);
SELECT * FROM pg_temp.state();

-- So does reallocate() that fails after the line has left one batch and before it has another.
SELECT add_batch('batch-3', 'SOFA', 5);
SELECT add_batch('batch-4', 'SOFA', 9);
SELECT allocate('order-1', 'SOFA', 5);
ALTER TABLE batches ADD CONSTRAINT small_shelf CHECK (reference <> 'batch-4' OR allocated_quantity <= 5);
\set VERBOSITY terse
SELECT reallocate('order-1', 'SOFA', 6);
\set VERBOSITY default
SELECT * FROM pg_temp.state();
ALTER TABLE batches DROP CONSTRAINT small_shelf;
SELECT reallocate('order-1', 'SOFA', 6);

-- A trigger that makes a row disappear does not make units disappear with it.
CREATE FUNCTION skip_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip_row BEFORE INSERT ON order_lines FOR EACH ROW EXECUTE FUNCTION skip_row();
SELECT allocate('order-10', 'SOFA', 1);
\echo SQLSTATE :SQLSTATE
SELECT * FROM pg_temp.state();
DROP TRIGGER skip_row ON order_lines;
DROP FUNCTION skip_row;

-- Arguments have names.
SELECT add_batch(qty => 5, sku => 'CHAIR', ref => 'batch-5');
SELECT add_batch(ref => 'batch-6', sku => 'CHAIR', qty => 5, eta => '2030-01-01');
SELECT allocate(sku => 'CHAIR', orderid => 'order-1', qty => 2);
SELECT reallocate(orderid => 'order-1', sku => 'CHAIR', qty => 3);
SELECT reallocate(orderid => 'order-1', sku => 'CHAIR');
SELECT * FROM change_batch_quantity(ref => 'batch-5', qty => 2);
SELECT deallocate(sku => 'CHAIR', orderid => 'order-1');

-- Prepared statements, of which the server plans the later ones once for all.
PREPARE allocate_chairs (text, integer) AS SELECT allocate($1, 'CHAIR', $2);
EXECUTE allocate_chairs ('order-1', 1);
EXECUTE allocate_chairs ('order-2', 1);
EXECUTE allocate_chairs ('order-3', 1);
EXECUTE allocate_chairs ('order-3', 1);
EXECUTE allocate_chairs ('order-4', 6);
DEALLOCATE allocate_chairs;

-- A procedure may commit between calls; what it has committed stays when it fails later.
CREATE PROCEDURE ship_orders() LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 5..7 LOOP
		PERFORM allocate('order-' || n, 'CHAIR', 2);
		COMMIT;
	END LOOP;
END
$$;
CALL ship_orders();
DROP PROCEDURE ship_orders;
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'CHAIR' ORDER BY orderid;

-- Many calls in one statement are one transaction: one refusal undoes all.
SELECT deallocate('order-6', 'CHAIR');
SELECT n, allocate('many-' || n, 'CHAIR', 1) FROM generate_series(1, 3) AS n;
SELECT count(*) FROM order_lines WHERE orderid LIKE 'many-%';

-- Every counter still equals its lines.
SELECT reference FROM batches
	WHERE allocated_quantity <> (SELECT coalesce(sum(qty), 0) FROM order_lines WHERE batchref = reference);
