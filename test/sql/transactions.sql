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

-- After ROLLBACK TO SAVEPOINT only the calls before the savepoint remain.
BEGIN;
SELECT allocate('order-1', 'LAMP', 3);
SAVEPOINT before_second;
SELECT allocate('order-2', 'LAMP', 4);
SELECT deallocate('order-1', 'LAMP');
ROLLBACK TO SAVEPOINT before_second;
SELECT allocate('order-3', 'LAMP', 1);
COMMIT;
SELECT * FROM pg_temp.state();

-- A refused call undoes itself, and the caller may go on from a savepoint before it.
BEGIN;
SELECT allocate('order-4', 'LAMP', 2);
SAVEPOINT before_refusal;
SELECT allocate('order-5', 'LAMP', 100);
ROLLBACK TO SAVEPOINT before_refusal;
SELECT allocate('order-5', 'LAMP', 1);
COMMIT;
SELECT * FROM pg_temp.state();

-- An exception that PL/pgSQL catches undoes the calls of its block, and no others.
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

-- A call that fails halfway leaves every line where it was: here at the third of four lines that have to move.
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

-- So does a reallocate() that fails after the line has left one batch and before it has another.
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

-- If a trigger suppresses a row, no units are lost with it.
CREATE FUNCTION skip_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER skip_row BEFORE INSERT ON order_lines FOR EACH ROW EXECUTE FUNCTION skip_row();
SELECT allocate('order-10', 'SOFA', 1);
\echo SQLSTATE :SQLSTATE
SELECT * FROM pg_temp.state();
DROP TRIGGER skip_row ON order_lines;
DROP FUNCTION skip_row;

-- An order ships as a whole: if one line fails, no unit of the others has shipped.
SELECT add_batch('batch-7', 'VASE', 5), add_batch('batch-8', 'BED', 5);
SELECT * FROM allocate_order('order-11', '{BED,VASE}', '{2,3}');
CREATE FUNCTION refuse_vases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the vase is broken';
END
$$;
CREATE TRIGGER refuse_vases BEFORE UPDATE ON order_lines FOR EACH ROW WHEN (OLD.sku = 'VASE') EXECUTE FUNCTION refuse_vases();
SELECT * FROM ship_order('order-11');
SELECT sku, shipped_qty FROM order_lines WHERE orderid = 'order-11' ORDER BY sku;
SELECT reference, shipped_quantity FROM batches WHERE sku IN ('BED', 'VASE') ORDER BY reference;
DROP TRIGGER refuse_vases ON order_lines;
DROP FUNCTION refuse_vases;

-- After ROLLBACK nothing has shipped, arrived or been taken back.
SELECT add_batch('batch-9', 'RUG', 2, '2030-01-01');
SELECT allocate('cart', 'RUG', 2, hold => '10 minutes');
UPDATE order_lines SET held_until = '2000-01-01' WHERE orderid = 'cart';
BEGIN;
SELECT * FROM change_batch_eta('batch-9', NULL);
SELECT allocate('order-12', 'RUG', 2);
SELECT ship('order-12', 'RUG');
SELECT * FROM ship_order('order-11');
ROLLBACK;
SELECT reference, allocated_quantity, shipped_quantity, eta FROM batches WHERE sku IN ('BED', 'VASE', 'RUG') ORDER BY reference;
SELECT orderid, qty, shipped_qty, batchref FROM order_lines WHERE sku IN ('BED', 'VASE', 'RUG') ORDER BY orderid, sku;
SELECT deallocate_order('order-11');

-- Arguments have names.
SELECT add_batch(qty => 5, sku => 'CHAIR', ref => 'batch-5');
SELECT add_batch(ref => 'batch-6', sku => 'CHAIR', qty => 5, eta => '2030-01-01');
SELECT allocate(sku => 'CHAIR', orderid => 'order-1', qty => 2);
SELECT reallocate(orderid => 'order-1', sku => 'CHAIR', qty => 3);
SELECT reallocate(orderid => 'order-1', sku => 'CHAIR');
SELECT * FROM change_batch_quantity(ref => 'batch-5', qty => 2);
SELECT deallocate(sku => 'CHAIR', orderid => 'order-1');
SELECT add_batch(rank => 1, eta => '2030-01-01', qty => 9, sku => 'SHELF', ref => 'batch-10');
SELECT allocate(hold => '1 hour', by => '2030-01-01', qty => 1, sku => 'SHELF', orderid => 'order-1');
SELECT reallocate(by => '2030-01-02', sku => 'SHELF', orderid => 'order-1');
SELECT * FROM try_allocate(hold => '1 hour', by => '2030-01-01', qty => 1, sku => 'SHELF', orderid => 'order-2');
SELECT * FROM try_allocate_order(hold => '1 hour', by => '2030-01-01', qtys => '{1}', skus => '{SHELF}', orderid => 'order-3');
SELECT * FROM try_allocate_lines(hold => '1 hour', by => '2030-01-01', qtys => '{1}', skus => '{SHELF}', orderids => '{order-4}');
SELECT * FROM allocate_order(hold => '1 hour', by => '2030-01-01', all_or_nothing => false, qtys => '{1}', skus => '{SHELF}',
	orderid => 'order-5');
SELECT * FROM allocate_lines(hold => '1 hour', by => '2030-01-01', all_or_nothing => false, qtys => '{1}', skus => '{SHELF}',
	orderids => '{order-6}');
SELECT orderid, needed_by, held_until > clock_timestamp() AS held FROM allocations WHERE sku = 'SHELF' ORDER BY orderid;
SELECT * FROM promise(by => '2030-01-01', qty => 3, sku => 'SHELF');
SELECT * FROM change_batch_eta(eta => NULL, ref => 'batch-10');
SELECT * FROM reallocate_sku(sku => 'SHELF');
SELECT ship(qty => 1, sku => 'SHELF', orderid => 'order-2');
SELECT * FROM ship_order(all_or_nothing => false, orderid => 'order-3');

-- Prepared statements work, too.
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
SELECT * FROM check_allocation();
