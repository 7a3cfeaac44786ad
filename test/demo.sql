\set QUIET on
\pset footer off
\pset null '(none)'
\set SHOW_CONTEXT never
\set ECHO queries
\echo
\echo '* Batches arrive: one is in the warehouse, two are shipments under way.'
\echo
CREATE EXTENSION allocation;
SELECT add_batch('batch-1', 'RETRO-CLOCK', 20);
SELECT add_batch('batch-2', 'RETRO-CLOCK', 50, '2027-03-01');
SELECT add_batch('batch-3', 'RETRO-CLOCK', 40, '2027-05-01');
\echo '* Order lines are allocated: to the warehouse first, then to the earliest shipment.'
\echo
SELECT allocate('order-1', 'RETRO-CLOCK', 15);
SELECT allocate('order-2', 'RETRO-CLOCK', 30);
SELECT allocate('order-3', 'RETRO-CLOCK', 20);
\echo '* Asking twice is safe: the same line has the same batch, and takes nothing more.'
\echo
SELECT allocate('order-3', 'RETRO-CLOCK', 20);
\echo '* Stock runs out, with an error that helps. So does a slip of the pen.'
\echo
SELECT allocate('order-4', 'RETRO-CLOCK', 60);
SELECT allocate('order-4', 'RETRO-CLOK', 1);
\echo
\echo '* A container is lost at sea: its lines leave it, the newest first. One fits elsewhere, one has to wait.'
\echo
SELECT * FROM change_batch_quantity('batch-2', 0);
\echo '* A new batch arrives, and the line that waits is allocated again.'
\echo
SELECT add_batch('batch-4', 'RETRO-CLOCK', 50, '2027-04-01');
SELECT allocate('order-2', 'RETRO-CLOCK', 30);
\echo '* An order is rolled back, and its stock is free again.'
\echo
BEGIN;
SELECT allocate('order-5', 'RETRO-CLOCK', 20);
SELECT available, incoming FROM stock WHERE sku = 'RETRO-CLOCK';
ROLLBACK;
SELECT available, incoming FROM stock WHERE sku = 'RETRO-CLOCK';
\echo '* What there is now:'
\echo
SELECT orderid, sku, qty, batchref FROM allocations ORDER BY orderid;
SELECT * FROM stock;
