-- reallocate_sku() serves the queue of a SKU: it offers its lines, in their turn, a better batch.
TRUNCATE batches, order_lines;
SELECT add_batch('lost', 'LAMP', 1, '2030-01-05');
SELECT * FROM change_batch_quantity('lost', 0);
SELECT * FROM allocate_lines('{order-3,order-1,order-2}', '{LAMP,LAMP,LAMP}', '{2,5,1}', false);
SELECT orderid, sku, qty FROM waiting ORDER BY ordered_at;

-- Waiting lines get a batch. A small line may pass a large one that does not fit.
SELECT add_batch('ship', 'LAMP', 4, '2030-01-05');
SELECT * FROM reallocate_sku('LAMP');

-- A second call changes nothing.
SELECT * FROM reallocate_sku('LAMP');

-- Lines that have a batch get one that comes on an earlier day, and waiting lines get what these leave behind.
SELECT add_batch('warehouse', 'LAMP', 2);
SELECT * FROM change_batch_quantity('ship', 6);
SELECT * FROM reallocate_sku('LAMP');
SELECT orderid, batchref, eta FROM allocations ORDER BY orderid;

-- A lower rank is no earlier day.
SELECT add_batch('same-day', 'LAMP', 50, '2030-01-05', -1);
SELECT * FROM reallocate_sku('LAMP');

-- Turns stay the same through all this: the line that came last leaves first, and gets its batch last.
SELECT * FROM change_batch_quantity('same-day', 0);
SELECT * FROM change_batch_quantity('warehouse', 0);
SELECT * FROM change_batch_quantity('ship', 5);
SELECT orderid, qty FROM waiting ORDER BY ordered_at;
SELECT * FROM change_batch_quantity('warehouse', 1);
SELECT * FROM reallocate_sku('LAMP');
SELECT * FROM change_batch_quantity('warehouse', 8);
SELECT * FROM reallocate_sku('LAMP');

-- A late line is offered a batch that comes by its date. No line gets a later batch, and no late line moves to another late batch.
SELECT add_batch('boat', 'CHAIR', 5, '2030-01-05');
SELECT allocate('order-1', 'CHAIR', 2, '2030-01-06'), allocate('order-2', 'CHAIR', 2);
SELECT * FROM change_batch_eta('boat', '2030-02-01');
SELECT add_batch('later-boat', 'CHAIR', 5, '2030-03-01');
SELECT * FROM reallocate_sku('CHAIR');
SELECT add_batch('truck', 'CHAIR', 3, '2030-01-06');
SELECT * FROM reallocate_sku('CHAIR');
SELECT orderid, batchref, eta, needed_by FROM allocations WHERE sku = 'CHAIR' ORDER BY orderid;

-- A line on a blocked batch is offered any batch in time, also one that comes later than its own was to come.
SELECT * FROM change_batch_eta('truck', 'infinity');
SELECT * FROM change_batch_eta('boat', 'infinity');
SELECT * FROM reallocate_sku('CHAIR');

-- A SKU without batches has no queue.
SELECT * FROM reallocate_sku('SOFA');
SELECT * FROM check_allocation();
