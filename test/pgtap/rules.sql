-- The rules of the domain, one by one.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS allocation;
TRUNCATE batches, order_lines;
SELECT plan(53);

CREATE FUNCTION pg_temp.available(batch text) RETURNS integer LANGUAGE sql AS
	$$ SELECT purchased_quantity - allocated_quantity FROM batches WHERE reference = batch $$;
CREATE FUNCTION pg_temp.batch_of(line_orderid text, line_sku text) RETURNS text LANGUAGE sql AS
	$$ SELECT batchref FROM order_lines WHERE orderid = line_orderid AND sku = line_sku $$;

-- A batch and a line
SELECT lives_ok($$ SELECT add_batch('batch-1', 'LAMP', 20) $$, 'a batch is recorded');
SELECT results_eq($$ SELECT reference, sku, purchased_quantity::integer, allocated_quantity::integer, eta FROM batches $$,
	$$ VALUES ('batch-1' COLLATE "C", 'LAMP' COLLATE "C", 20, 0, NULL::date) $$, 'with nothing allocated yet');
SELECT is(allocate('order-1', 'LAMP', 2), 'batch-1', 'allocating returns the reference of the batch');
SELECT is(pg_temp.available('batch-1'), 18, 'and reduces the available quantity');
SELECT is(pg_temp.batch_of('order-1', 'LAMP'), 'batch-1', 'the line is tied to the batch');
SELECT is(allocate('order-1', 'LAMP', 2), 'batch-1', 'the same line again is told the same batch');
SELECT is(pg_temp.available('batch-1'), 18, 'and takes nothing more');
SELECT is(allocate('order-2', 'LAMP', 17), 'batch-1', 'a batch that has more than enough can serve a line');
SELECT throws_ok($$ SELECT allocate('order-3', 'LAMP', 2) $$, 'SK002', 'Out of stock for sku LAMP',
	'one that has less cannot');
SELECT is(allocate('order-3', 'LAMP', 1), 'batch-1', 'one that has just enough can');
SELECT is(allocate('order-3', 'LAMP', 1), 'batch-1', 'the same line is answered also when nothing is left');
SELECT add_batch('chairs', 'CHAIR', 1);
SELECT throws_ok($$ SELECT allocate('order-4', 'LAMP', 1) $$, 'SK002', 'Out of stock for sku LAMP',
	'a batch of another SKU cannot serve it');
SELECT throws_ok($$ SELECT allocate('order-4', 'SOFA', 1) $$, 'SK001', 'Invalid sku SOFA',
	'a SKU that no batch has is invalid');

-- Giving back
SELECT is(deallocate('order-2', 'LAMP'), 'batch-1', 'deallocating returns the reference of the batch');
SELECT is(pg_temp.available('batch-1'), 17, 'and gives the units back');
SELECT is_empty($$ SELECT FROM order_lines WHERE orderid = 'order-2' $$, 'the line is forgotten');
SELECT is(deallocate('order-2', 'LAMP'), NULL, 'a line that is not allocated cannot be deallocated');
SELECT is(deallocate('order-1', 'CHAIR'), NULL, 'nor can a line of another SKU');
SELECT is(pg_temp.available('batch-1'), 17, 'and nothing is given back for it');

-- The preference order
SELECT add_batch('tomorrow', 'TABLE', 1, current_date + 1);
SELECT add_batch('today-b', 'TABLE', 1, current_date);
SELECT add_batch('today-a', 'TABLE', 1, current_date);
SELECT add_batch('warehouse', 'TABLE', 1);
SELECT is(allocate('order-1', 'TABLE', 1), 'warehouse', 'warehouse stock comes before shipments');
SELECT is(allocate('order-2', 'TABLE', 1), 'today-a', 'then the earliest shipment, of two the first by reference');
SELECT is(allocate('order-3', 'TABLE', 1), 'today-b', 'then the other');
SELECT is(allocate('order-4', 'TABLE', 1), 'tomorrow', 'then a later one');

-- Reallocating
SELECT add_batch('old', 'SOFA', 10, current_date);
SELECT allocate('order-1', 'SOFA', 3);
SELECT is(reallocate('order-1', 'SOFA'), 'old', 'a line that is where it belongs stays there');
SELECT add_batch('new', 'SOFA', 5);
SELECT is(reallocate('order-1', 'SOFA'), 'new', 'reallocating moves to better stock');
SELECT is(pg_temp.available('old'), 10, 'what it leaves is free again');
SELECT is(pg_temp.available('new'), 2, 'what it gets is taken');
SELECT is(reallocate('order-1', 'SOFA', 5), 'new', 'it changes the quantity, its own units counting as free');
SELECT is(reallocate('order-1', 'SOFA', 6), 'old', 'it moves where the new quantity fits');
SELECT throws_ok($$ SELECT reallocate('order-1', 'SOFA', 11) $$, 'SK002', 'Out of stock for sku SOFA',
	'it is refused where none fits');
SELECT results_eq($$ SELECT qty::integer, batchref FROM order_lines WHERE orderid = 'order-1' AND sku = 'SOFA' $$,
	$$ VALUES (6, 'old' COLLATE "C") $$, 'and the old allocation stands');
SELECT is(pg_temp.available('old'), 4, 'with its units');
SELECT is(reallocate('order-2', 'SOFA', 1), 'new', 'with a quantity it allocates a line that is not there');
SELECT throws_ok($$ SELECT reallocate('order-3', 'SOFA') $$, 'SK004', NULL, 'without one that line is unknown');

-- A batch turns out smaller
SELECT add_batch('ship', 'VASE', 10);
SELECT allocate('order-1', 'VASE', 5), allocate('order-2', 'VASE', 3), allocate('order-3', 'VASE', 2);
SELECT is_empty($$ SELECT * FROM change_batch_quantity('ship', 10) $$, 'while a batch covers its lines, none leaves');
SELECT add_batch('spare', 'VASE', 2);
SELECT results_eq($$ SELECT * FROM change_batch_quantity('ship', 9) $$,
	$$ VALUES ('order-3', 'VASE', 2, 'spare') $$, 'its newest line leaves first, and moves to where there is room');
SELECT is(pg_temp.available('spare'), 0, 'which it takes');
SELECT is(pg_temp.batch_of('order-2', 'VASE'), 'ship', 'a line that is still covered stays');
SELECT results_eq($$ SELECT * FROM change_batch_quantity('ship', 7) $$,
	$$ VALUES ('order-2', 'VASE', 3, NULL::text) $$, 'where none has room, the line waits');
SELECT is(pg_temp.batch_of('order-2', 'VASE'), NULL, 'without a batch');
SELECT is(pg_temp.available('ship'), 2, 'and has given its units back');
SELECT throws_ok($$ SELECT allocate('order-2', 'VASE', 3) $$, 'SK002', NULL, 'it waits on while none has room');
SELECT throws_ok($$ SELECT allocate('order-2', 'VASE', 2) $$, 'SK005', NULL,
	'and is the same line with its own quantity only');
SELECT add_batch('late', 'VASE', 3, current_date);
SELECT is(allocate('order-2', 'VASE', 3), 'late', 'it gets a batch as soon as one has room');
SELECT results_eq($$ SELECT * FROM change_batch_quantity('ship', 0) $$,
	$$ VALUES ('order-1', 'VASE', 5, NULL::text) $$, 'a batch that is lost serves nothing');
SELECT throws_ok($$ SELECT change_batch_quantity('nowhere', 1) $$, 'SK003', NULL,
	'a batch that is not there has no quantity');

-- Refusals
SELECT throws_ok($$ SELECT allocate('order-1', 'LAMP', 3) $$, 'SK005', NULL,
	'the same line with another quantity is a conflict');
SELECT throws_ok($$ SELECT add_batch('batch-1', 'LAMP', 1) $$, '23505', 'batch "batch-1" already exists',
	'a reference is used once');
SELECT throws_ok($$ SELECT allocate('order-1', 'LAMP', NULL) $$, '22004', 'qty must not be null', 'NULL is refused');
SELECT throws_ok($$ SELECT allocate('order-1', 'LAMP', 0) $$, '22023', NULL, 'zero is refused');
SELECT throws_ok($$ SELECT allocate('', 'LAMP', 1) $$, '22023', 'orderid must not be empty',
	'an empty name is refused');
SELECT throws_ok($$ SELECT allocate('order-1', repeat('x', 256), 1) $$, '22001', NULL,
	'a name of 256 characters is refused');

SELECT is_empty($$
	SELECT reference FROM batches
	WHERE allocated_quantity <> (SELECT coalesce(sum(qty), 0) FROM order_lines WHERE batchref = reference)
$$, 'every counter equals its lines');

SELECT * FROM finish();
ROLLBACK;
