-- hold: for how long from now a line is kept. Then it expires, as if it had been deallocated.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 5);

-- Makes the holds of an order expire.
CREATE FUNCTION pg_temp.expire(expired text) RETURNS void LANGUAGE sql AS
	$$ UPDATE order_lines SET held_until = clock_timestamp() - interval '1 second' WHERE orderid = expired $$;

-- Units that are held are allocated.
SELECT allocate('cart-1', 'LAMP', 4, hold => '15 minutes');
SELECT orderid, qty, batchref, held_until - clock_timestamp() BETWEEN interval '14 minutes' AND interval '15 minutes' AS held
	FROM allocations;
SELECT allocated, available, held FROM stock;
SELECT allocate('order-1', 'LAMP', 3);
SELECT allocate('cart-1', 'LAMP', 3, hold => '15 minutes');

-- An expired hold is in no view, its units are free, and that is no fault.
SELECT pg_temp.expire('cart-1');
SELECT * FROM allocations;
SELECT allocated, available, held FROM stock;
SELECT * FROM promise('LAMP', 5);
SELECT * FROM check_allocation();

-- It is taken back when a call needs its units, as if it had been deallocated.
SELECT allocate('order-1', 'LAMP', 3);
SELECT orderid, qty, batchref, held_until FROM order_lines;
SELECT allocated_quantity FROM batches;

-- A repeated call with hold extends a hold;
SELECT allocate('cart-2', 'LAMP', 1, hold => '1 minute');
SELECT allocate('cart-2', 'LAMP', 1, hold => '1 hour');
SELECT held_until - clock_timestamp() > interval '50 minutes' AS extended FROM order_lines WHERE orderid = 'cart-2';

-- without hold, it confirms the line. A firm line stays firm.
SELECT allocate('cart-2', 'LAMP', 1);
SELECT allocate('cart-2', 'LAMP', 1, hold => '1 hour');
SELECT orderid, held_until FROM order_lines ORDER BY orderid;

-- One call does that for all lines of a cart, and one call gives them back.
SELECT add_batch('chairs', 'CHAIR', 4, '2030-01-01'), add_batch('tables', 'TABLE', 4);
SELECT * FROM allocate_order('cart-3', '{CHAIR,TABLE}', '{4,1}', hold => '10 minutes');
SELECT * FROM allocate_order('cart-3', '{CHAIR,TABLE}', '{4,1}');
SELECT orderid, sku, held_until FROM order_lines WHERE orderid = 'cart-3' ORDER BY sku;
SELECT * FROM deallocate_order('cart-3');

-- An expired hold conflicts with nothing, and can be confirmed if its units are still there.
SELECT allocate('cart-4', 'TABLE', 4, hold => '10 minutes');
SELECT pg_temp.expire('cart-4');
SELECT allocate('cart-4', 'TABLE', 4);
SELECT orderid, qty, batchref, held_until FROM order_lines WHERE sku = 'TABLE';
SELECT deallocate('cart-4', 'TABLE');
SELECT allocate('cart-4', 'TABLE', 4, hold => '10 minutes');
SELECT pg_temp.expire('cart-4');
SELECT allocate('cart-4', 'TABLE', 3);
SELECT allocated_quantity FROM batches WHERE reference = 'tables';

-- For all other calls it does not exist.
SELECT allocate('cart-5', 'CHAIR', 2, hold => '10 minutes'), allocate('cart-6', 'CHAIR', 2, hold => '10 minutes');
SELECT pg_temp.expire('cart-5'), pg_temp.expire('cart-6');
SELECT ship('cart-5', 'CHAIR');
SELECT * FROM ship_order('cart-5');
SELECT reallocate('cart-5', 'CHAIR');
SELECT reallocate('cart-5', 'CHAIR', 2);
SELECT reallocate('cart-5', 'CHAIR', 1, '2030-06-01');
SELECT orderid, qty, held_until < now() AS expired FROM order_lines WHERE orderid = 'cart-5';
SELECT * FROM change_batch_eta('chairs', '2030-02-01');
SELECT deallocate('cart-5', 'CHAIR') IS NULL AS was_not_there;
SELECT * FROM deallocate_order('cart-6');
SELECT allocated_quantity FROM batches WHERE reference = 'chairs';

-- No line gets a later day because of an expired hold. It is left alone if there is room without it.
SELECT add_batch('early', 'SOFA', 5), add_batch('late', 'SOFA', 9, '2030-01-01');
SELECT allocate('cart-7', 'SOFA', 3, hold => '10 minutes'), allocate('cart-8', 'SOFA', 1, hold => '10 minutes');
SELECT pg_temp.expire('cart-7'), pg_temp.expire('cart-8');
SELECT allocate('order-1', 'SOFA', 1);
SELECT orderid FROM order_lines WHERE sku = 'SOFA' ORDER BY orderid;
SELECT allocate('order-2', 'SOFA', 4);
SELECT orderid FROM order_lines WHERE sku = 'SOFA' ORDER BY orderid;
SELECT reference, allocated_quantity FROM batches WHERE sku = 'SOFA' ORDER BY reference;

-- When a batch shrinks, expired holds leave before other lines, and without a row.
SELECT add_batch('vases', 'VASE', 10);
SELECT allocate('cart-9', 'VASE', 4, hold => '10 minutes'), allocate('order-1', 'VASE', 6);
SELECT pg_temp.expire('cart-9');
SELECT * FROM change_batch_quantity('vases', 6);
SELECT orderid, qty, batchref FROM order_lines WHERE sku = 'VASE';

-- A held line may wait; once it has expired, it no longer waits.
SELECT * FROM allocate_order('cart-10', '{VASE}', '{2}', false, hold => '10 minutes');
SELECT orderid, qty, held_until > clock_timestamp() AS held FROM waiting;
SELECT pg_temp.expire('cart-10');
SELECT * FROM waiting;
SELECT waiting FROM stock WHERE sku = 'VASE';
SELECT reallocate('cart-10', 'VASE', 1);
SELECT add_batch('more-vases', 'VASE', 2);
SELECT * FROM reallocate_sku('VASE');

-- No line waits for units that an expired hold has.
SELECT add_batch('beds', 'BED', 4);
SELECT allocate('cart-12', 'BED', 4, hold => '10 minutes');
SELECT * FROM allocate_lines('{order-1,order-2}', '{BED,BED}', '{2,2}', false);
SELECT pg_temp.expire('cart-12');
SELECT * FROM reallocate_sku('BED');
SELECT add_batch('more-beds', 'BED', 3);
SELECT allocate('cart-12', 'BED', 3, hold => '10 minutes');
SELECT pg_temp.expire('cart-12');
SELECT * FROM change_batch_quantity('beds', 0);
SELECT orderid, batchref FROM order_lines WHERE sku = 'BED' ORDER BY orderid;

-- A held line keeps the turn of its first call. Once it has expired, it gets a new one.
SELECT add_batch('clocks', 'CLOCK', 9);
SELECT allocate('cart-13', 'CLOCK', 1, hold => '10 minutes'), allocate('cart-14', 'CLOCK', 1, hold => '10 minutes'),
	allocate('order-1', 'CLOCK', 1);
SELECT pg_temp.expire('cart-13');
SELECT allocate('cart-14', 'CLOCK', 1), allocate('cart-13', 'CLOCK', 1);
SELECT orderid FROM order_lines WHERE sku = 'CLOCK' ORDER BY ordered_at;

-- A held line that moves stays held; one that ships becomes firm.
SELECT allocate('cart-11', 'VASE', 1, hold => '10 minutes');
SELECT reallocate('cart-11', 'VASE', 2);
SELECT orderid, qty, held_until > clock_timestamp() AS held FROM allocations WHERE orderid = 'cart-11';
SELECT ship('cart-11', 'VASE', 1);
SELECT orderid, qty, shipped_qty, held_until FROM allocations WHERE orderid = 'cart-11';
SELECT * FROM check_allocation();
