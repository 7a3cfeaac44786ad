-- A read-only transaction, as on a standby, refuses every call by its own name, before it looks at arguments.
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
SELECT allocate('order-1', NULL, 3);
\echo SQLSTATE :SQLSTATE

-- The views are there to read.
SELECT count(*) >= 0 AS readable FROM stock, allocations;
COMMIT;
