-- by: the last day on which a batch may come. No call assigns a line to a batch that comes later.
TRUNCATE batches, order_lines;
SELECT add_batch('early', 'LAMP', 3, '2030-01-05');
SELECT add_batch('late', 'LAMP', 10, '2030-01-09');
SELECT add_batch('blocked', 'LAMP', 50, 'infinity');
SELECT allocate('order-1', 'LAMP', 2, '2030-01-05');

-- A line is refused rather than late. The detail says how much there is in time, and when there is enough.
SELECT allocate('order-2', 'LAMP', 2, '2030-01-08');
SELECT allocate('order-2', 'LAMP', 11, '2030-01-31');
SELECT allocate('order-2', 'LAMP', 2, by => '2030-01-09');

-- Or the line waits, and keeps its date until another one is given: 'infinity' stands for any day.
SELECT * FROM allocate_order('order-3', '{LAMP}', '{2}', false, '2030-01-08');
SELECT * FROM allocate_order('order-3', '{LAMP}', '{2}', false);
SELECT orderid, needed_by FROM waiting;
SELECT allocate('order-3', 'LAMP', 2, 'infinity');
SELECT orderid, batchref, eta, needed_by FROM allocations ORDER BY orderid;

-- A line with a batch keeps its date, too. Another date replaces it if the batch comes by then.
SELECT allocate('order-1', 'LAMP', 2);
SELECT allocate('order-1', 'LAMP', 2, '2030-01-06');
SELECT allocate('order-1', 'LAMP', 2, '2030-01-04');
SELECT needed_by FROM order_lines WHERE orderid = 'order-1';

-- Stock in the warehouse is always in time.
SELECT add_batch('here', 'LAMP', 2);
SELECT allocate('order-4', 'LAMP', 1, '2000-01-01');
SELECT allocate('order-5', 'LAMP', 1, '-infinity');
SELECT allocate('order-6', 'LAMP', 1, '-infinity');

-- A line is late if eta is after needed_by. A repeated call with its old date still returns its batch.
SELECT * FROM change_batch_eta('early', '2030-02-01');
SELECT orderid, sku, needed_by, eta FROM allocations WHERE eta > needed_by;
SELECT allocate('order-1', 'LAMP', 2, '2030-01-06');
SELECT allocate('order-1', 'LAMP', 2, '2030-01-07');

-- A line that is reallocated keeps its date, unless another one is given.
SELECT reallocate('order-1', 'LAMP');
SELECT reallocate('order-1', 'LAMP', by => '2030-01-10');
SELECT orderid, batchref, eta, needed_by FROM allocations WHERE orderid = 'order-1';

-- Lines that leave a batch wait rather than be late.
SELECT * FROM change_batch_quantity('late', 0);
SELECT orderid, needed_by FROM waiting ORDER BY orderid;

-- Nor does reallocate_sku() assign any of them to a batch that is late.
SELECT add_batch('more', 'LAMP', 10, '2030-01-10');
SELECT * FROM reallocate_sku('LAMP');
SELECT orderid, needed_by FROM waiting;
SELECT reallocate('order-2', 'LAMP', by => 'infinity');
SELECT * FROM check_allocation();
