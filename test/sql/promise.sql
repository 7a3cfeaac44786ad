-- promise() returns the batch that allocate() would choose now for a new line, and takes nothing.
TRUNCATE batches, order_lines;
SELECT add_batch('late', 'LAMP', 9, '2030-06-01'), add_batch('early', 'LAMP', 5, '2030-01-01'), add_batch('here', 'LAMP', 3),
	add_batch('blocked', 'LAMP', 99, 'infinity');
SELECT qty, promise.*, allocated FROM generate_series(1, 11, 2) AS qty, promise('LAMP', qty), stock ORDER BY qty;

-- It respects the date.
SELECT * FROM promise('LAMP', 4, '2029-12-31');
SELECT * FROM promise('LAMP', 4, '2030-01-01');
SELECT * FROM promise('LAMP', 6, by => '2030-01-01');
SELECT * FROM promise('LAMP', 6, by => 'infinity');
SELECT * FROM promise('LAMP', 1, '-infinity');

-- It returns no row if there is no such batch.
SELECT * FROM promise('SOFA', 1);
SELECT * FROM promise('LAMP', 10);

-- Among batches that come on the same day, it chooses the lowest rank.
SELECT add_batch('dear', 'VASE', 9, rank => 20), add_batch('cheap', 'VASE', 4, rank => 10);
SELECT qty, batchref FROM generate_series(4, 5) AS qty, promise('VASE', qty);

-- Units of expired holds count as free.
SELECT allocate('cart', 'LAMP', 3, hold => '10 minutes');
SELECT * FROM promise('LAMP', 1);
UPDATE order_lines SET held_until = clock_timestamp() - interval '1 second';
SELECT * FROM promise('LAMP', 3);
SELECT orderid, batchref FROM order_lines;

-- allocate() then does as promised.
SELECT allocate('order-1', 'LAMP', 3), allocate('order-2', 'LAMP', 3), allocate('order-3', 'VASE', 5);
SELECT * FROM promise('LAMP', 3);
SELECT * FROM check_allocation();
