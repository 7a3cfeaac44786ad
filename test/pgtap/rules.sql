-- The rules of the domain, one by one.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS allocation;
TRUNCATE batches, order_lines;
SELECT plan(110);

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
SELECT throws_ok($$ SELECT reallocate('order-2', 'SOFA', 1) $$, 'SK004', NULL, 'a line that is not there is unknown, with a quantity');
SELECT throws_ok($$ SELECT reallocate('order-3', 'SOFA') $$, 'SK004', NULL, 'and without one');

-- A batch turns out smaller
SELECT add_batch('ship', 'VASE', 10);
SELECT allocate('order-1', 'VASE', 5), allocate('order-2', 'VASE', 3), allocate('order-3', 'VASE', 2);
SELECT is_empty($$ SELECT * FROM change_batch_quantity('ship', 10) $$, 'while a batch covers its lines, none leaves');
SELECT add_batch('spare', 'VASE', 2);
SELECT results_eq($$ SELECT * FROM change_batch_quantity('ship', 9) $$,
	$$ VALUES ('order-3', 'VASE', 2, 'spare') $$, 'the line with the latest turn leaves first, and moves to where there is room');
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

-- Arrival
SELECT add_batch('cargo', 'CLOCK', 10, '2030-01-01');
SELECT allocate('order-2', 'CLOCK', 2), allocate('order-1', 'CLOCK', 3);
SELECT results_eq($$ SELECT * FROM change_batch_eta('cargo', '2030-02-01') $$,
	$$ VALUES ('order-2', 'CLOCK', 2, 'cargo'), ('order-1', 'CLOCK', 3, 'cargo') $$,
	'a new day moves no line, and says in their turn whom to tell');
SELECT throws_ok($$ SELECT ship('order-1', 'CLOCK') $$, 'SK007', NULL, 'what is under way does not ship');
SELECT change_batch_eta('cargo', NULL);
SELECT is(ship('order-1', 'CLOCK', 1), 'cargo', 'what has arrived does');
SELECT throws_ok($$ SELECT change_batch_eta('cargo', '2030-03-01') $$, 'SK006', NULL,
	'a batch of which units have shipped is not under way');
SELECT lives_ok($$ SELECT change_batch_eta('cargo', 'infinity') $$, 'but it can be blocked');
SELECT throws_ok($$ SELECT allocate('order-3', 'CLOCK', 1) $$, 'SK002', NULL, 'nobody gets any of it');
SELECT throws_ok($$ SELECT ship('order-2', 'CLOCK') $$, 'SK007', NULL, 'nor does any of it ship');
SELECT throws_ok($$ SELECT change_batch_eta('nowhere', NULL) $$, 'SK003', NULL, 'a batch that is not there has no day');
SELECT add_batch('costly', 'MILK', 1, rank => 2), add_batch('cheap', 'MILK', 1, rank => 1),
	add_batch('later', 'MILK', 1, current_date, rank => 0);
SELECT is(allocate('order-1', 'MILK', 1), 'cheap', 'of batches that come on the same day the lowest rank is first');
SELECT is(allocate('order-2', 'MILK', 1), 'costly', 'and the day is more than the rank');

-- Dates
SELECT add_batch('bed-soon', 'BED', 3, '2030-01-05'), add_batch('bed-late', 'BED', 9, '2030-01-09');
SELECT is(allocate('order-1', 'BED', 2, '2030-01-05'), 'bed-soon', 'a batch that comes on the last day is in time');
SELECT throws_ok($$ SELECT allocate('order-2', 'BED', 2, '2030-01-08') $$, 'SK002', NULL, 'a line is refused rather than late');
SELECT results_eq($$ SELECT batchref FROM allocate_order('order-2', '{BED}', '{2}', false, '2030-01-08') $$,
	$$ VALUES (NULL::text) $$, 'or it waits');
SELECT is_empty($$ SELECT * FROM reallocate_sku('BED') $$, 'and the queue does not make it late either');
SELECT is(allocate('order-1', 'BED', 2, '2030-01-06'), 'bed-soon', 'another date replaces it if the batch comes by then');
SELECT throws_ok($$ SELECT allocate('order-1', 'BED', 2, '2030-01-04') $$, 'SK005', NULL, 'and is refused if not');
SELECT is(allocate('order-1', 'BED', 2), 'bed-soon', 'without one');
SELECT is((SELECT needed_by FROM order_lines WHERE orderid = 'order-1' AND sku = 'BED'), '2030-01-06', 'the date stays');
SELECT is(reallocate('order-2', 'BED', by => 'infinity'), 'bed-late', 'infinity is any day');

-- The queue
SELECT add_batch('gone', 'RUG', 1);
SELECT change_batch_quantity('gone', 0);
SELECT allocate_lines('{order-3,order-1,order-2}', '{RUG,RUG,RUG}', '{2,5,1}', false);
SELECT add_batch('boat', 'RUG', 4, '2030-01-05');
SELECT results_eq($$ SELECT orderid, batchref FROM reallocate_sku('RUG') $$, $$ VALUES ('order-3', 'boat'), ('order-2', 'boat') $$,
	'lines that wait are served in their turn, and a small one may pass a large one');
SELECT add_batch('shop', 'RUG', 2);
SELECT change_batch_quantity('boat', 6);
SELECT results_eq($$ SELECT orderid, batchref FROM reallocate_sku('RUG') $$, $$ VALUES ('order-3', 'shop'), ('order-1', 'boat') $$,
	'lines move to an earlier day, and what they leave is for those who wait');
SELECT is_empty($$ SELECT * FROM reallocate_sku('RUG') $$, 'then nobody could be better off');
SELECT throws_ok($$ SELECT reallocate_sku('NOTHING') $$, 'SK001', NULL, 'a SKU that no batch has has no queue');

-- Shipping
SELECT add_batch('shelf', 'CUP', 10);
SELECT allocate('order-7', 'CUP', 5), allocate('order-7', 'BED', 1);
SELECT is(ship('order-7', 'CUP', 2), 'shelf', 'shipping returns the reference of the batch');
SELECT is(ship('order-7', 'CUP', 2), 'shelf', 'twice');
SELECT results_eq($$ SELECT allocated_quantity, shipped_quantity FROM batches WHERE reference = 'shelf' $$, $$ VALUES (5, 2) $$,
	'is once, and what has shipped stays allocated');
SELECT throws_ok($$ SELECT ship('order-7', 'CUP', 1) $$, 'SK006', NULL, 'fewer in all than have left is a mistake');
SELECT throws_ok($$ SELECT ship('order-7', 'CUP', 6) $$, '22023', NULL, 'so is more than was asked for');
SELECT throws_ok($$ SELECT ship('order-2', 'CUP') $$, 'SK004', NULL, 'a line that is not there does not ship');
SELECT throws_ok($$ SELECT deallocate('order-7', 'CUP') $$, 'SK006', NULL, 'what has shipped is not given back');
SELECT throws_ok($$ SELECT reallocate('order-7', 'CUP', 1) $$, 'SK006', NULL, 'nor asked for no more');
SELECT throws_ok($$ SELECT change_batch_quantity('shelf', 1) $$, 'SK006', NULL, 'and was bought');
SELECT results_eq($$ SELECT * FROM change_batch_quantity('shelf', 2) $$, $$ VALUES ('order-7', 'CUP', 5, NULL::text) $$,
	'the open part of a line leaves by itself');
SELECT add_batch('shelf-2', 'CUP', 3);
SELECT is(allocate('order-7', 'CUP', 5), 'shelf-2', 'and is all that another batch must have');
SELECT results_eq($$ SELECT * FROM ship_order('order-7', false) WHERE sku = 'CUP' $$, $$ VALUES ('order-7', 'CUP', 5, 'shelf-2') $$,
	'an order ships as far as it is in the warehouse');
SELECT throws_ok($$ SELECT ship_order('order-7') $$, 'SK007', NULL, 'or not at all');
SELECT is(allocate('order-7', 'CUP', 5), 'shelf-2', 'what has shipped is known');
SELECT is(pg_temp.available('shelf-2'), 0, 'and takes nothing more');
DELETE FROM order_lines WHERE shipped_qty = qty;
SELECT is_empty('SELECT * FROM check_allocation()', 'until it is archived, which touches no counter');

-- Holds
CREATE FUNCTION pg_temp.expire(expired text) RETURNS void LANGUAGE sql AS
	$$ UPDATE order_lines SET held_until = clock_timestamp() - interval '1 second' WHERE orderid = expired $$;
SELECT add_batch('pens', 'PEN', 5);
SELECT is(allocate('cart-1', 'PEN', 4, hold => '10 minutes'), 'pens', 'a cart holds its units');
SELECT throws_ok($$ SELECT allocate('order-1', 'PEN', 3) $$, 'SK002', NULL, 'which nobody else gets');
SELECT pg_temp.expire('cart-1');
SELECT is_empty($$ SELECT * FROM allocations WHERE sku = 'PEN' $$, 'until it has expired');
SELECT results_eq($$ SELECT available::integer, held::integer FROM stock WHERE sku = 'PEN' $$, $$ VALUES (5, 0) $$,
	'its units count as free');
SELECT is(allocate('order-1', 'PEN', 3), 'pens', 'and are taken back when they are wanted');
SELECT is_empty($$ SELECT FROM order_lines WHERE orderid = 'cart-1' $$, 'as if the line had been deallocated');
SELECT allocate('cart-2', 'PEN', 2, hold => '1 minute');
SELECT allocate('cart-2', 'PEN', 2, hold => '1 hour');
SELECT ok((SELECT held_until > clock_timestamp() + interval '30 minutes' FROM order_lines WHERE orderid = 'cart-2'),
	'a hold is extended by asking again');
SELECT allocate('cart-2', 'PEN', 2);
SELECT is((SELECT held_until FROM order_lines WHERE orderid = 'cart-2'), NULL, 'and confirmed by asking without');
SELECT allocate('cart-2', 'PEN', 2, hold => '1 hour');
SELECT is((SELECT held_until FROM order_lines WHERE orderid = 'cart-2'), NULL, 'what is firm stays firm');
SELECT throws_ok($$ SELECT allocate('cart-3', 'PEN', 1, hold => '0') $$, '22023', NULL, 'a hold of no time is refused');

-- Refusals as rows
SELECT results_eq($$ SELECT * FROM try_allocate_order('order-9', '{PEN,LAMP,NOTHING}', '{1,2,3}') $$,
	$$ VALUES ('order-9', 'PEN', 1, NULL, 'out_of_stock', 0), ('order-9', 'LAMP', 2, NULL, NULL, NULL),
		('order-9', 'NOTHING', 3, NULL, 'invalid_sku', 0) $$, 'every shortage of an order is named');
SELECT is_empty($$ SELECT FROM order_lines WHERE orderid = 'order-9' $$, 'and nothing taken');
SELECT results_eq($$ SELECT * FROM try_allocate('order-9', 'LAMP', 2) $$,
	$$ VALUES ('order-9', 'LAMP', 2, 'batch-1', NULL::text, NULL::integer) $$, 'what is not refused has its batch');
SELECT results_eq($$ SELECT refusal, available FROM try_allocate('order-9', 'LAMP', 1) $$,
	$$ VALUES ('order_line_conflict', NULL::integer) $$, 'a conflict is a refusal, too');

-- Promises
SELECT results_eq($$ SELECT * FROM promise('BED', 4) $$, $$ VALUES ('bed-late', '2030-01-09'::date) $$,
	'a promise is what allocating would choose');
SELECT is_empty($$ SELECT * FROM promise('BED', 4, '2030-01-08') $$, 'in time or not at all');
SELECT is(pg_temp.available('bed-late'), 7, 'and takes nothing');
SELECT is_empty($$ SELECT * FROM promise('NOTHING', 1) $$, 'nothing is promised of a SKU that no batch has');

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

SELECT is_empty('SELECT * FROM check_allocation()', 'every counter equals its lines');

SELECT * FROM finish();
ROLLBACK;
