-- A short story, which "make demo" tells: psql prints each statement, what comes of it, and why.
\set QUIET on
\pset footer off
\pset null '(none)'
\set SHOW_CONTEXT never
\set ECHO queries
\echo
\echo '1. A shop buys clocks in three batches: 20 are in the warehouse, 50 arrive on 1 March, 10 arrive on 1 May.'
\echo
CREATE EXTENSION allocation;
SELECT add_batch('batch-1', 'CLOCK', 20), add_batch('batch-2', 'CLOCK', 50, '2027-03-01'), add_batch('batch-3', 'CLOCK', 10, '2027-05-01');
\echo '2. Orders reserve stock. Order 1 takes 15 from the warehouse. It asks twice, as a retry would, and 15 are taken once.'
\echo '   The warehouse has 20 - 15 = 5 left, so the 30 of order 2 come from the next shipment, batch-2.'
\echo
SELECT allocate('order-1', 'CLOCK', 15), allocate('order-1', 'CLOCK', 15) AS again, allocate('order-2', 'CLOCK', 30);
\echo '   Order 3 needs 8 by 1 April. batch-2 arrives before that, and has 50 - 30 = 20 left.'
\echo
SELECT allocate('order-3', 'CLOCK', 8, by => '2027-04-01');
\echo '3. Order 4 asks for 25. The batches have 5, 12 and 10 left. A line is never split, so 12 is the most that it could get.'
\echo '   You choose how to be told: by an error, or by a row.'
\echo
SELECT allocate('order-4', 'CLOCK', 25);
SELECT refusal, available FROM try_allocate('order-4', 'CLOCK', 25);
\echo '   "promise" says when a customer could have 10. It takes nothing.'
\echo
SELECT * FROM promise('CLOCK', 10);
\echo '   Order 4 decides to wait: it becomes a backorder, a line without a batch.'
\echo
SELECT * FROM allocate_order('order-4', ARRAY['CLOCK'], ARRAY[25], all_or_nothing => false);
\echo '4. batch-2 is delayed to 15 April. The call returns the two orders that are on it.'
\echo
SELECT orderid, qty FROM change_batch_eta('batch-2', '2027-04-15');
\echo '   Order 3 needs its clocks on 1 April. It will be late, unless something is done.'
\echo
SELECT orderid, needed_by, eta FROM allocations WHERE eta > needed_by;
\echo '5. The shop buys 40 more that arrive on 20 March, and offers them to all orders in their turn, in one transaction.'
\echo '   Orders 2 and 3 move to the earlier batch: 30 + 8 = 38 of 40. That frees batch-2, whose 50 now serve order 4.'
\echo
BEGIN;
SELECT add_batch('batch-4', 'CLOCK', 40, '2027-03-20');
SELECT orderid, qty, batchref FROM reallocate_sku('CLOCK');
COMMIT;
\echo '6. A cart reserves the last 5 in the warehouse for 0.2 seconds. While it does, 0 are available.'
\echo
SELECT allocate('cart', 'CLOCK', 5, hold => '0.2 seconds');
SELECT available, held FROM stock;
\echo '   0.3 seconds later the reservation has expired. No job had to clean up. The 5 are available, and order 5 takes them.'
\echo
SELECT pg_sleep(0.3);
SELECT available, held FROM stock;
SELECT allocate('order-5', 'CLOCK', 5);
\echo '7. batch-4 arrives, with the 38 clocks of orders 2 and 3 on it. But only 34 of the 40 are intact.'
\echo '   Order 2 keeps its 30, because it came first. Order 3 needs 8, and 4 are left, so it becomes a backorder.'
\echo '   batch-2 would have 25 left, but it arrives too late for order 3.'
\echo
BEGIN;
SELECT orderid, qty FROM change_batch_eta('batch-4', NULL);
SELECT orderid, qty, batchref FROM change_batch_quantity('batch-4', 34);
COMMIT;
\echo '8. Order 1 ships: first 10 of its 15, and a retry does not ship 10 more. Then the rest.'
\echo
SELECT ship('order-1', 'CLOCK', 10), ship('order-1', 'CLOCK', 10) AS again, ship('order-1', 'CLOCK') AS rest;
\echo '   Order 4 cannot ship. Its batch has not arrived.'
\echo
SELECT ship('order-4', 'CLOCK');
\echo
\echo '9. This is what every order has now:'
\echo
SELECT orderid, qty, shipped_qty, batchref, eta FROM allocations ORDER BY ordered_at;
\echo '   And this is the stock:'
\echo '   purchased 114 = 20 + 50 + 10 + 34, and allocated 75 = 15 + 30 + 25 + 5, of which 15 have shipped.'
\echo '   on_hand 39: batch-1 has 20 - 15 = 5, and batch-4 has 34. Of these, 4 are available: 34 - 30, all in batch-4.'
\echo '   incoming 35: batch-2 has 50 - 25 = 25 left, and batch-3 has 10. waiting 8: the backorder of order 3.'
\echo
SELECT purchased, allocated, shipped, on_hand, available, incoming, next_eta, waiting FROM stock;
\echo '   check_allocation() looks for contradictions in the tables. It finds none.'
\echo
SELECT * FROM check_allocation();
