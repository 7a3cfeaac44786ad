TRUNCATE batches, order_lines;
SELECT add_batch('here', 'LAMP', 5), add_batch('soon', 'LAMP', 9, '2030-01-01');
SELECT allocate('order-1', 'LAMP', 1), allocate('cart', 'LAMP', 4, hold => '10 minutes');
UPDATE order_lines SET held_until = clock_timestamp() - interval '1 second' WHERE orderid = 'cart';

-- In a read-only transaction, as on a standby, every call that writes is refused under its own name, before its arguments
-- are checked.
\set ON_ERROR_ROLLBACK on
BEGIN READ ONLY;
SELECT add_batch('batch-1', 'LAMP', 10);
\echo SQLSTATE :SQLSTATE
SELECT allocate('order-1', 'LAMP', 3);
\echo SQLSTATE :SQLSTATE
SELECT deallocate('order-1', 'LAMP');
\echo SQLSTATE :SQLSTATE
SELECT reallocate('order-1', 'LAMP');
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_quantity('batch-1', 5);
\echo SQLSTATE :SQLSTATE
SELECT * FROM allocate_lines('{order-1}', '{LAMP}', '{3}');
\echo SQLSTATE :SQLSTATE
SELECT * FROM allocate_order('order-1', '{LAMP}', '{3}');
\echo SQLSTATE :SQLSTATE
SELECT * FROM deallocate_order('order-1');
\echo SQLSTATE :SQLSTATE
SELECT * FROM change_batch_eta('batch-1', NULL);
\echo SQLSTATE :SQLSTATE
SELECT * FROM reallocate_sku('LAMP');
\echo SQLSTATE :SQLSTATE
SELECT ship('order-1', 'LAMP');
\echo SQLSTATE :SQLSTATE
SELECT * FROM ship_order('order-1');
\echo SQLSTATE :SQLSTATE
SELECT * FROM try_allocate('order-1', 'LAMP', 3);
\echo SQLSTATE :SQLSTATE
SELECT * FROM try_allocate_order('order-1', '{LAMP}', '{3}');
\echo SQLSTATE :SQLSTATE
SELECT * FROM try_allocate_lines('{order-1}', '{LAMP}', '{3}');
\echo SQLSTATE :SQLSTATE
SELECT allocate('order-1', NULL, 3);
\echo SQLSTATE :SQLSTATE

-- promise() works. It counts the units of expired holds as free without taking the holds back.
SELECT * FROM promise('LAMP', 4);
SELECT * FROM promise('LAMP', 5);
SELECT * FROM promise('LAMP', 5, by => '2029-12-31');
SELECT promise('LAMP', NULL);
\echo SQLSTATE :SQLSTATE

-- The views can be read.
SELECT count(*) >= 0 AS readable FROM stock, allocations, waiting;
SELECT * FROM check_allocation();
COMMIT;
