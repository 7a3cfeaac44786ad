-- Who may do what, as long as nobody was granted anything.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS allocation;
SELECT plan(26);

CREATE TEMPORARY VIEW members AS
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'allocation');

SELECT is_empty($$ SELECT objid::regprocedure FROM members
	WHERE classid = 'pg_proc'::regclass AND has_function_privilege('public', objid, 'EXECUTE')
		AND objid <> 'batch_room'::regproc $$,
	'PUBLIC may execute no function but the one that only computes');
SELECT function_privs_are('batch_room', ARRAY['integer', 'integer', 'integer'], 'public', ARRAY['EXECUTE'],
	'which whoever comes to own the tables needs');
SELECT is_empty($$ SELECT objid::regclass FROM members
	WHERE classid = 'pg_class'::regclass
		AND has_table_privilege('public', objid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') $$,
	'PUBLIC has no privilege on any table or view');
SELECT is_empty($$ SELECT attrelid::regclass, attname FROM members JOIN pg_attribute ON attrelid = objid
	WHERE classid = 'pg_class'::regclass AND attacl IS NOT NULL $$, 'nor on any column');
SELECT is_empty($$ SELECT proname FROM members JOIN pg_proc ON oid = objid
	WHERE classid = 'pg_proc'::regclass AND NOT (SELECT rolsuper FROM pg_roles WHERE pg_roles.oid = proowner) $$,
	'functions, being C, belong to a superuser');
SELECT is_empty($$ SELECT relname FROM members JOIN pg_class ON oid = objid
	WHERE classid = 'pg_class'::regclass
		AND relowner <> (SELECT extowner FROM pg_extension WHERE extname = 'allocation') $$,
	'tables and views belong to whoever created the extension');

CREATE ROLE regress_allocation_nobody;
CREATE ROLE regress_allocation_caller;
GRANT EXECUTE ON FUNCTION allocate(text, text, integer, date, interval) TO regress_allocation_caller;
SELECT add_batch('batch-1', 'LAMP', 10);

SET LOCAL ROLE regress_allocation_nobody;
SELECT throws_ok($$ SELECT add_batch('batch-2', 'LAMP', 1) $$, '42501', NULL, 'add_batch() is refused without EXECUTE');
SELECT throws_ok($$ SELECT allocate('order-1', 'LAMP', 1) $$, '42501', NULL, 'allocate() is refused without EXECUTE');
SELECT throws_ok($$ SELECT deallocate('order-1', 'LAMP') $$, '42501', NULL, 'deallocate() is refused without EXECUTE');
SELECT throws_ok($$ SELECT reallocate('order-1', 'LAMP') $$, '42501', NULL, 'reallocate() is refused without EXECUTE');
SELECT throws_ok($$ SELECT change_batch_quantity('batch-1', 1) $$, '42501', NULL,
	'change_batch_quantity() is refused without EXECUTE');
SELECT throws_ok('SELECT ' || call, '42501', NULL, 'so is ' || call)
	FROM unnest(ARRAY[$$change_batch_eta('batch-1', NULL)$$, $$change_batch_eta('LAMP', 'batch-1', NULL)$$,
		$$change_batch_quantity('LAMP', 'batch-1', 1)$$, $$reallocate_sku('LAMP')$$, $$ship('order-1', 'LAMP')$$,
		$$ship_order('order-1')$$, $$try_allocate('order-1', 'LAMP', 1)$$, $$try_allocate_order('order-1', '{LAMP}', '{1}')$$,
		$$try_allocate_lines('{order-1}', '{LAMP}', '{1}')$$, $$promise('LAMP', 1)$$]) AS call;

SET LOCAL ROLE regress_allocation_caller;
SELECT is(allocate('order-1', 'LAMP', 1), 'batch-1', 'with EXECUTE alone it works');
SELECT throws_ok($$ SELECT ship('order-1', 'LAMP') $$, '42501', NULL, 'who may allocate may not ship');
SELECT is(current_user::text, 'regress_allocation_caller', 'and its caller stays who that is');
SELECT throws_ok('SELECT * FROM batches', '42501', NULL, 'who cannot read the tables');
SELECT throws_ok('UPDATE batches SET allocated_quantity = 0', '42501', NULL, 'nor change them');

SELECT * FROM finish();
ROLLBACK;
