-- change_batch_eta() sets the day of a batch: the batch is late, has arrived, or is blocked.
TRUNCATE batches, order_lines;
SELECT add_batch('ship', 'LAMP', 10, '2030-01-01');
SELECT allocate('order-2', 'LAMP', 3), allocate('order-1', 'LAMP', 2);

-- The ship is late. That moves no line; the rows are the lines whose customers should be told, in their turn.
SELECT * FROM change_batch_eta('ship', '2030-02-01');
SELECT orderid, batchref, eta FROM allocations ORDER BY orderid;

-- It has arrived.
SELECT * FROM change_batch_eta('ship', NULL);
SELECT orderid, batchref, eta FROM allocations ORDER BY orderid;
SELECT on_hand, available, incoming FROM stock;

-- A line that has shipped completely is not reported.
SELECT ship('order-2', 'LAMP'), ship('order-1', 'LAMP', 1);
SELECT * FROM change_batch_eta('ship', NULL);

-- Part of the batch has shipped, so it was in the warehouse, and the rest is not under way. But it can be blocked: then no line
-- gets any of it.
SELECT * FROM change_batch_eta('ship', '2030-03-01');
SELECT * FROM change_batch_eta('ship', 'infinity');
SELECT allocate('order-3', 'LAMP', 1);
SELECT * FROM promise('LAMP', 1);
SELECT ship('order-1', 'LAMP');
SELECT on_hand, available, incoming, blocked FROM stock;

-- A line that is on the batch already gets the batch as its answer, and may move elsewhere.
SELECT allocate('order-1', 'LAMP', 2);
SELECT reallocate('order-1', 'LAMP');

-- The batch turns out to be good.
SELECT * FROM change_batch_eta('ship', NULL);
SELECT allocate('order-3', 'LAMP', 1), ship('order-1', 'LAMP');

-- A batch may be blocked from the start, and gets a day later.
SELECT add_batch('lost-at-sea', 'CHAIR', 5, 'infinity');
SELECT allocate('order-1', 'CHAIR', 1);
SELECT * FROM change_batch_eta('lost-at-sea', '2030-04-01');
SELECT allocate('order-1', 'CHAIR', 1);

-- Among batches that come on the same day, the lowest rank is sold first. The day counts more than the rank.
SELECT add_batch('fresh', 'MILK', 1, rank => 300110);
SELECT add_batch('stale', 'MILK', 1, rank => 300105);
SELECT add_batch('unranked', 'MILK', 1);
SELECT add_batch('spilling', 'MILK', 1, NULL, -1);
SELECT add_batch('not-here', 'MILK', 1, '2020-01-01', -5);
SELECT n, allocate('order-' || n, 'MILK', 1) FROM generate_series(1, 5) AS n;

-- A batch without lines returns no rows.
SELECT add_batch('empty', 'SOFA', 1, '2030-01-01');
SELECT * FROM change_batch_eta('empty', '2030-01-02');
SELECT eta FROM batches WHERE reference = 'empty';
SELECT * FROM check_allocation();

-- A batch may be named with its SKU, which says on which server it is. It must have that SKU. No argument needs a cast.
SELECT add_batch('train', 'DESK', 5, '2030-01-01'), allocate('order-1', 'DESK', 2);
SELECT * FROM change_batch_eta('DESK', 'train', '2030-02-01');
SELECT * FROM change_batch_eta(eta => NULL, ref => 'train', sku => 'DESK');
PREPARE change AS SELECT * FROM change_batch_eta($1, $2, $3);
EXECUTE change ('DESK', 'train', 'infinity');
DEALLOCATE change;
\set VERBOSITY sqlstate
SELECT * FROM change_batch_eta('LAMP', 'train', NULL);
SELECT * FROM change_batch_eta('train', 'DESK', NULL);
\set VERBOSITY default
SELECT eta FROM batches WHERE reference = 'train';
