-- The recipes of doc/cookbook.md.
TRUNCATE batches, order_lines;

-- Archiving: shipped lines move to a table of the owner's.
CREATE TABLE shipped_lines (LIKE order_lines);
SELECT add_batch('lamps', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3), allocate('order-2', 'LAMP', 4), allocate('order-3', 'LAMP', 2);
SELECT ship('order-1', 'LAMP'), ship('order-2', 'LAMP', 1);
WITH shipped AS (DELETE FROM order_lines WHERE shipped_qty = qty RETURNING *)
INSERT INTO shipped_lines SELECT * FROM shipped;
SELECT orderid, sku, qty FROM shipped_lines;
SELECT orderid, sku, qty, shipped_qty FROM order_lines ORDER BY orderid;
SELECT * FROM check_allocation();
DROP TABLE shipped_lines;

-- Closing a batch: its quantity becomes what has shipped. Its open lines move, or wait.
SELECT add_batch('other-lamps', 'LAMP', 2);
SELECT moved.* FROM batches, change_batch_quantity(reference, shipped_quantity) AS moved WHERE reference = 'lamps';
SELECT reference, purchased_quantity, allocated_quantity, shipped_quantity FROM batches ORDER BY reference;
SELECT purchased, allocated, shipped, on_hand, available, waiting FROM stock;

-- It no longer serves a line, so it may even be deleted.
SELECT allocate('order-4', 'LAMP', 1);
DELETE FROM batches WHERE reference = 'lamps';
SELECT * FROM check_allocation();

-- A partial arrival: the batch is split, in one transaction. The lines that come first keep what has arrived. The rows of
-- change_batch_quantity() come on another day or, as lines are not split, wait; those of change_batch_eta() can ship.
SELECT add_batch('ship', 'CHAIR', 10, '2030-01-01');
SELECT n, allocate('order-' || n, 'CHAIR', n) FROM generate_series(1, 4) AS n;
BEGIN;
SELECT add_batch('ship, second part', 'CHAIR', 6, '2030-02-01');
SELECT * FROM change_batch_quantity('ship', 4);
SELECT * FROM change_batch_eta('ship', NULL);
COMMIT;
SELECT orderid, qty, batchref, eta FROM allocations WHERE sku = 'CHAIR' ORDER BY orderid;

-- A quarantine: the batch is blocked, and its lines are offered other batches. It ends when the batch turns out to be good.
SELECT add_batch('vases-1', 'VASE', 10), add_batch('vases-2', 'VASE', 3, '2030-01-01');
SELECT allocate('order-1', 'VASE', 2), allocate('order-2', 'VASE', 4), allocate('order-3', 'VASE', 1);
SELECT * FROM change_batch_eta('vases-1', 'infinity');
SELECT * FROM reallocate_sku('VASE');
SELECT orderid, batchref FROM allocations WHERE eta = 'infinity';
SELECT on_hand, available, incoming, blocked FROM stock WHERE sku = 'VASE';
SELECT * FROM change_batch_eta('vases-1', NULL);
SELECT * FROM reallocate_sku('VASE');
SELECT orderid, batchref, eta FROM allocations WHERE sku = 'VASE' ORDER BY orderid;

-- A return: the units that come back are a new batch, blocked until they have been inspected.
SELECT ship('order-2', 'VASE');
SELECT add_batch('returned by order-2', 'VASE', 4, 'infinity');
SELECT * FROM change_batch_quantity('returned by order-2', 3);
SELECT * FROM change_batch_eta('returned by order-2', NULL);
SELECT sku, purchased, shipped, on_hand, available FROM stock WHERE sku = 'VASE';

-- An outbox: a trigger on order_lines records what happens to each line, in the caller's transaction.
CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text, orderid text, sku text, batchref text);
CREATE FUNCTION post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		INSERT INTO public.outbox (event, orderid, sku, batchref) VALUES ('forgotten', OLD.orderid, OLD.sku, OLD.batchref);
	ELSE
		INSERT INTO public.outbox (event, orderid, sku, batchref) VALUES (
			CASE WHEN NEW.batchref IS NULL THEN 'waits'
				WHEN NEW.shipped_qty = NEW.qty THEN 'shipped'
				WHEN NEW.shipped_qty > 0 THEN 'shipped in part'
				WHEN NEW.held_until IS NOT NULL THEN 'held'
				ELSE 'allocated' END,
			NEW.orderid, NEW.sku, NEW.batchref);
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER post AFTER INSERT OR UPDATE OR DELETE ON order_lines FOR EACH ROW EXECUTE FUNCTION post();
SELECT add_batch('beds', 'BED', 3), add_batch('more-beds', 'BED', 2, '2030-01-01');
SELECT allocate('order-1', 'BED', 2, hold => '10 minutes');
SELECT allocate('order-1', 'BED', 2);
SELECT allocate('order-1', 'BED', 2);
SELECT * FROM allocate_lines('{order-2,order-3}', '{BED,BED}', '{2,2}', false);
SELECT allocate('order-4', 'BED', 9);
SELECT ship('order-1', 'BED', 1), ship('order-1', 'BED');
SELECT deallocate('order-2', 'BED');
SELECT * FROM reallocate_sku('BED');
BEGIN;
SELECT deallocate('order-3', 'BED');
ROLLBACK;
SELECT event, orderid, sku, batchref FROM outbox ORDER BY id;
DROP TRIGGER post ON order_lines;
DROP FUNCTION post;
DROP TABLE outbox;

-- A ledger: a trigger on batches records each change of the quantities, which are the sum of these changes.
CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, batchref text, bought integer, shipped integer);
CREATE FUNCTION enter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.ledger (batchref, bought, shipped) VALUES (NEW.reference,
		NEW.purchased_quantity - CASE WHEN TG_OP = 'UPDATE' THEN OLD.purchased_quantity ELSE 0 END,
		NEW.shipped_quantity - CASE WHEN TG_OP = 'UPDATE' THEN OLD.shipped_quantity ELSE 0 END);
	RETURN NULL;
END
$$;
CREATE TRIGGER enter_new AFTER INSERT ON batches FOR EACH ROW EXECUTE FUNCTION enter();
CREATE TRIGGER enter_change AFTER UPDATE ON batches FOR EACH ROW
	WHEN (OLD.purchased_quantity <> NEW.purchased_quantity OR OLD.shipped_quantity <> NEW.shipped_quantity)
	EXECUTE FUNCTION enter();
SELECT add_batch('sofas', 'SOFA', 5);
SELECT allocate('order-1', 'SOFA', 3), allocate('order-2', 'SOFA', 1);
SELECT ship('order-1', 'SOFA', 1), ship('order-1', 'SOFA');
SELECT * FROM change_batch_quantity('sofas', 4);
SELECT batchref, bought, shipped FROM ledger ORDER BY id;
SELECT reference, purchased_quantity = bought AND shipped_quantity = shipped AS adds_up
	FROM batches JOIN (SELECT batchref, sum(bought) AS bought, sum(shipped) AS shipped FROM ledger GROUP BY batchref) AS l
		ON batchref = reference;
DROP TRIGGER enter_new ON batches;
DROP TRIGGER enter_change ON batches;
DROP FUNCTION enter;
DROP TABLE ledger;
SELECT * FROM check_allocation();
