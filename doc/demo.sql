\set QUIET on
\pset footer off
\pset null '(none)'
\set SHOW_CONTEXT never
\set ECHO queries
\echo
\echo '* Batches are bought: one is in the warehouse, two are shipments under way.'
\echo
CREATE EXTENSION allocation;
SELECT add_batch('batch-1', 'CLOCK', 20), add_batch('batch-2', 'CLOCK', 50, '2027-03-01'), add_batch('batch-3', 'CLOCK', 10, '2027-05-01');
\echo '* Order lines are allocated: to the warehouse first, then to the earliest shipment. Asking twice takes once.'
\echo
SELECT allocate('order-1', 'CLOCK', 15), allocate('order-1', 'CLOCK', 15) AS again, allocate('order-2', 'CLOCK', 30);
SELECT allocate('order-3', 'CLOCK', 8, by => '2027-04-01');
\echo '* No batch has room for so many: an error that helps. Or a row, if you prefer; or ask before, and take nothing.'
\echo
SELECT allocate('order-4', 'CLOCK', 25);
SELECT refusal, available FROM try_allocate('order-4', 'CLOCK', 25);
SELECT * FROM promise('CLOCK', 10);
\echo '* So order-4 waits.'
\echo
SELECT * FROM allocate_order('order-4', ARRAY['CLOCK'], ARRAY[25], all_or_nothing => false);
\echo '* A shipment is late. These lines are on it; one of them will come too late.'
\echo
SELECT orderid, qty FROM change_batch_eta('batch-2', '2027-04-15');
SELECT orderid, needed_by, eta FROM allocations WHERE eta > needed_by;
\echo '* Another one is bought, and offered to all in their turn, before anybody else sees it.'
\echo
BEGIN;
SELECT add_batch('batch-4', 'CLOCK', 40, '2027-03-20');
SELECT orderid, qty, batchref FROM reallocate_sku('CLOCK');
COMMIT;
\echo '* A cart holds the last of the warehouse for a moment. Then it is free again, and nobody had to clean up.'
\echo
SELECT allocate('cart', 'CLOCK', 5, hold => '0.2 seconds');
SELECT available, held, waiting FROM stock;
SELECT pg_sleep(0.3);
SELECT available, held, waiting FROM stock;
SELECT allocate('order-5', 'CLOCK', 5);
\echo '* The container arrives, a few pieces broken. What it no longer covers leaves it, the latest turn first.'
\echo
BEGIN;
SELECT orderid, qty FROM change_batch_eta('batch-4', NULL);
SELECT orderid, qty, batchref FROM change_batch_quantity('batch-4', 34);
COMMIT;
\echo '* Orders leave the house, and are not said to have left twice. What is not there does not.'
\echo
SELECT ship('order-1', 'CLOCK', 10), ship('order-1', 'CLOCK', 10) AS again, ship('order-1', 'CLOCK') AS rest;
SELECT ship('order-4', 'CLOCK');
\echo
\echo '* What there is now, and nothing contradicts:'
\echo
SELECT orderid, qty, shipped_qty, batchref, eta FROM allocations ORDER BY ordered_at;
SELECT * FROM stock;
SELECT * FROM check_allocation();
