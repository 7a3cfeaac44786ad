-- What the extension consists of: names, types, keys, comments. Others build on it.
\set QUIET on
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS allocation;
SELECT plan(99);

-- Functions

-- Of a name that has several signatures, all of them: the shortest first.
CREATE FUNCTION pg_temp.arguments(name text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(pg_get_function_arguments(oid), '; ' ORDER BY pronargs) FROM pg_proc
		WHERE proname = name AND pronamespace = 'public'::regnamespace $$;
CREATE FUNCTION pg_temp.result(name text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(DISTINCT pg_get_function_result(oid), '; ') FROM pg_proc
		WHERE proname = name AND pronamespace = 'public'::regnamespace $$;
CREATE TEMPORARY VIEW members AS
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'allocation');
CREATE TEMPORARY VIEW member_functions AS
	SELECT pg_proc.* FROM pg_proc JOIN members ON classid = 'pg_proc'::regclass AND objid = oid;

SELECT is(pg_temp.arguments('add_batch'), 'ref text, sku text, qty integer, eta date DEFAULT NULL::date, rank integer DEFAULT 0',
	'arguments of add_batch()');
SELECT is(pg_temp.result('add_batch'), 'void', 'result of add_batch()');
SELECT is(pg_temp.arguments('allocate'),
	'orderid text, sku text, qty integer, by date DEFAULT NULL::date, hold interval DEFAULT NULL::interval',
	'arguments of allocate()');
SELECT is(pg_temp.result('allocate'), 'text', 'result of allocate()');
SELECT is(pg_temp.arguments('deallocate'), 'orderid text, sku text', 'arguments of deallocate()');
SELECT is(pg_temp.result('deallocate'), 'text', 'result of deallocate()');
SELECT is(pg_temp.arguments('reallocate'),
	'orderid text, sku text, qty integer DEFAULT NULL::integer, by date DEFAULT NULL::date', 'arguments of reallocate()');
SELECT is(pg_temp.result('reallocate'), 'text', 'result of reallocate()');
SELECT is(pg_temp.arguments('change_batch_quantity'), 'ref text, qty integer; sku text, ref text, qty integer',
	'arguments of change_batch_quantity()');
SELECT is(pg_temp.result('change_batch_quantity'), 'TABLE(orderid text, sku text, qty integer, batchref text)',
	'result of change_batch_quantity()');
SELECT is(pg_temp.arguments('allocate_lines'),
	'orderids text[], skus text[], qtys integer[], all_or_nothing boolean DEFAULT true, by date DEFAULT NULL::date, '
		'hold interval DEFAULT NULL::interval', 'arguments of allocate_lines()');
SELECT is(pg_temp.arguments('allocate_order'),
	'orderid text, skus text[], qtys integer[], all_or_nothing boolean DEFAULT true, by date DEFAULT NULL::date, '
		'hold interval DEFAULT NULL::interval', 'arguments of allocate_order()');
SELECT is(pg_temp.arguments('deallocate_order'), 'orderid text', 'arguments of deallocate_order()');
SELECT is(pg_temp.arguments('change_batch_eta'), 'ref text, eta date; sku text, ref text, eta date',
	'arguments of change_batch_eta()');
SELECT is(pg_temp.arguments('reallocate_sku'), 'sku text', 'arguments of reallocate_sku()');
SELECT is(pg_temp.arguments('ship'), 'orderid text, sku text, qty integer DEFAULT NULL::integer', 'arguments of ship()');
SELECT is(pg_temp.result('ship'), 'text', 'result of ship()');
SELECT is(pg_temp.arguments('ship_order'), 'orderid text, all_or_nothing boolean DEFAULT true', 'arguments of ship_order()');
SELECT is(pg_temp.result(name), pg_temp.result('change_batch_quantity'), 'result of ' || name || '()')
	FROM unnest(ARRAY['allocate_lines', 'allocate_order', 'deallocate_order', 'change_batch_eta', 'reallocate_sku', 'ship_order'])
		AS name;
SELECT is(pg_temp.arguments('try_allocate'), pg_temp.arguments('allocate'), 'try_allocate() takes what allocate() does');
SELECT is(pg_temp.arguments('try_' || name), replace(pg_temp.arguments(name), ' all_or_nothing boolean DEFAULT true,', ''),
	'try_' || name || '() takes what ' || name || '() does, but is all or nothing')
	FROM unnest(ARRAY['allocate_order', 'allocate_lines']) AS name;
SELECT is(pg_temp.result(name),
	'TABLE(orderid text, sku text, qty integer, batchref text, refusal text, available integer)', 'result of ' || name || '()')
	FROM unnest(ARRAY['try_allocate', 'try_allocate_order', 'try_allocate_lines']) AS name;
SELECT is(pg_temp.arguments('promise'), 'sku text, qty integer, by date DEFAULT NULL::date', 'arguments of promise()');
SELECT is(pg_temp.result('promise'), 'TABLE(batchref text, eta date)', 'result of promise()');
SELECT is(pg_temp.arguments('check_allocation'), '', 'arguments of check_allocation()');
SELECT is(pg_temp.result('check_allocation'),
	'TABLE(fault text, sku text, batchref text, orderid text, found bigint, expected bigint)', 'result of check_allocation()');
SELECT set_eq('SELECT proname FROM member_functions',
	ARRAY['add_batch', 'allocate', 'deallocate', 'reallocate', 'change_batch_quantity',
		'allocate_lines', 'allocate_order', 'deallocate_order', 'change_batch_eta', 'reallocate_sku', 'ship', 'ship_order',
		'try_allocate', 'try_allocate_order', 'try_allocate_lines', 'promise',
		'keep_allocated_batches', 'batch_room', 'check_allocation'],
	'there are no other functions');
SELECT set_eq('SELECT proname FROM member_functions GROUP BY proname HAVING count(*) > 1',
	ARRAY['change_batch_quantity', 'change_batch_eta'], 'two may be called with the SKU of the batch, too');
SELECT is_empty($$ SELECT proname FROM member_functions WHERE provolatile <> 'v' AND proname NOT IN ('batch_room', 'check_allocation') $$,
	'all functions that write are volatile');
SELECT is_empty($$ SELECT proname FROM member_functions WHERE proparallel <> 'u' AND proname NOT IN ('batch_room', 'check_allocation') $$,
	'all functions that write are parallel unsafe');
SELECT is_empty($$ SELECT proname FROM member_functions WHERE proisstrict AND proname <> 'batch_room' $$,
	'no function passes over a NULL in silence');
SELECT is_empty($$ SELECT proname FROM member_functions WHERE prosecdef AND proname <> 'check_allocation' $$,
	'no function that writes is SECURITY DEFINER');

-- Tables

SELECT has_table('public', 'batches', 'there is a table of batches');
SELECT columns_are('public', 'batches',
	ARRAY['reference', 'sku', 'purchased_quantity', 'allocated_quantity', 'shipped_quantity', 'rank', 'eta', 'room'],
	'columns of batches');
SELECT col_type_is('public', 'batches', 'reference', 'text', 'type of reference');
SELECT col_type_is('public', 'batches', 'sku', 'text', 'type of sku');
SELECT col_type_is('public', 'batches', 'purchased_quantity', 'integer', 'type of purchased_quantity');
SELECT col_type_is('public', 'batches', 'allocated_quantity', 'integer', 'type of allocated_quantity');
SELECT col_type_is('public', 'batches', 'shipped_quantity', 'integer', 'type of shipped_quantity');
SELECT col_type_is('public', 'batches', 'rank', 'integer', 'type of rank');
SELECT col_type_is('public', 'batches', 'eta', 'date', 'type of eta');
SELECT col_not_null('public', 'batches', 'purchased_quantity', 'purchased_quantity is known');
SELECT col_not_null('public', 'batches', 'allocated_quantity', 'allocated_quantity is known');
SELECT col_not_null('public', 'batches', 'shipped_quantity', 'shipped_quantity is known');
SELECT col_not_null('public', 'batches', 'rank', 'rank is known');
SELECT col_default_is('public', 'batches', 'allocated_quantity', '0', 'a batch has nothing allocated at first');
SELECT col_default_is('public', 'batches', 'shipped_quantity', '0', 'nothing of it has shipped');
SELECT col_default_is('public', 'batches', 'rank', '0', 'and it has no rank of its own');
SELECT col_is_null('public', 'batches', 'eta', 'a batch in the warehouse has no eta');
SELECT col_is_pk('public', 'batches', ARRAY['sku', 'reference'], 'primary key of batches');
SELECT col_is_unique('public', 'batches', 'reference', 'a reference is unique');
SELECT col_type_is('public', 'batches', 'room', 'batch_room', 'type of room');
SELECT is((SELECT array_agg(conname::text) FROM pg_constraint WHERE contypid = 'batch_room'::regtype AND convalidated),
	ARRAY['batches_never_oversold'], 'a batch cannot be oversold');

SELECT has_table('public', 'order_lines', 'there is a table of order lines');
SELECT columns_are('public', 'order_lines',
	ARRAY['orderid', 'sku', 'qty', 'shipped_qty', 'ordered_at', 'batchref', 'needed_by', 'held_until'], 'columns of order_lines');
SELECT col_type_is('public', 'order_lines', 'orderid', 'text', 'type of orderid');
SELECT col_type_is('public', 'order_lines', 'sku', 'text', 'type of sku');
SELECT col_type_is('public', 'order_lines', 'qty', 'line_quantity', 'type of qty');
SELECT col_type_is('public', 'order_lines', 'batchref', 'text', 'type of batchref');
SELECT col_type_is('public', 'order_lines', 'shipped_qty', 'integer', 'type of shipped_qty');
SELECT col_type_is('public', 'order_lines', 'ordered_at', 'timestamp with time zone', 'type of ordered_at');
SELECT col_type_is('public', 'order_lines', 'needed_by', 'date', 'type of needed_by');
SELECT col_type_is('public', 'order_lines', 'held_until', 'timestamp with time zone', 'type of held_until');
SELECT col_not_null('public', 'order_lines', 'ordered_at', 'every line has its turn');
SELECT col_not_null('public', 'order_lines', 'shipped_qty', 'what has shipped is known');
SELECT col_default_is('public', 'order_lines', 'shipped_qty', '0', 'which is nothing at first');
SELECT col_is_null('public', 'order_lines', 'needed_by', 'any day will do for a line without a date');
SELECT col_is_null('public', 'order_lines', 'held_until', 'a line that is firm is not held');
SELECT col_not_null('public', 'order_lines', 'qty', 'qty is known');
SELECT col_is_null('public', 'order_lines', 'batchref', 'a line that waits has no batch');
SELECT col_is_pk('public', 'order_lines', ARRAY['orderid', 'sku'], 'primary key of order_lines');
SELECT throws_ok($$ INSERT INTO order_lines (orderid, sku, qty, ordered_at) VALUES ('order-1', 'LAMP', 0, now()) $$, '23514', NULL,
	'a line has a positive quantity');

SELECT is_empty($$
	SELECT attrelid::regclass, attname FROM pg_attribute
	WHERE attrelid IN ('public.batches'::regclass, 'public.order_lines'::regclass)
		AND atttypid = 'text'::regtype AND attcollation <> '"C"'::regcollation
$$, 'names are compared byte by byte');
SELECT is_empty($$ SELECT conname FROM pg_constraint
	WHERE contype = 'f' AND conrelid IN ('public.batches'::regclass, 'public.order_lines'::regclass) $$,
	'no foreign key puts locks on batches');
SELECT is_empty($$ SELECT oid::regclass FROM pg_class JOIN members ON classid = 'pg_class'::regclass AND objid = oid
	WHERE relkind = 'S' $$, 'identities are the domain''s own: there are no sequences');

-- Views

SELECT has_view('public', 'allocations', 'there is a view of allocations');
SELECT columns_are('public', 'allocations',
	ARRAY['orderid', 'sku', 'qty', 'shipped_qty', 'batchref', 'ordered_at', 'needed_by', 'held_until', 'eta'],
	'columns of allocations');
SELECT has_view('public', 'waiting', 'there is a view of the lines that wait');
SELECT columns_are('public', 'waiting', ARRAY['orderid', 'sku', 'qty', 'shipped_qty', 'ordered_at', 'needed_by', 'held_until'],
	'columns of waiting');
SELECT has_view('public', 'allocation_progress', 'there is a view of the progress of calls on many lines');
SELECT columns_are('public', 'allocation_progress', ARRAY['pid', 'lines_done', 'lines_total'],
	'columns of allocation_progress');
SELECT has_view('public', 'stock', 'there is a view of the stock');
SELECT columns_are('public', 'stock',
	ARRAY['sku', 'purchased', 'allocated', 'shipped', 'on_hand', 'available', 'incoming', 'next_eta', 'blocked', 'held', 'waiting'],
	'columns of stock');

-- The whole

SELECT is_empty($$ SELECT pg_describe_object(classid, objid, 0) FROM members
	WHERE classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
		AND coalesce(obj_description(objid, classid::regclass::name), '') = '' $$, 'every object has a comment');
SELECT is_empty($$
	SELECT attrelid::regclass, attname FROM pg_attribute
		JOIN members ON classid = 'pg_class'::regclass AND objid = attrelid
		JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'v')
	WHERE attnum > 0 AND coalesce(col_description(attrelid, attnum), '') = ''
$$, 'every column of a table or view has a comment');
SELECT is_empty($$ SELECT typname FROM pg_type JOIN members ON classid = 'pg_type'::regclass AND objid = oid
	WHERE typtype = 'd' AND coalesce(obj_description(oid, 'pg_type'), '') = '' $$, 'every domain has a comment');
SELECT set_eq($$ SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'allocation' $$,
	ARRAY['batches', 'order_lines'], 'pg_dump keeps the rows of both tables');
SELECT is((SELECT array_to_string(extcondition, '') FROM pg_extension WHERE extname = 'allocation'), '', 'all of them');
SELECT is((SELECT extrelocatable FROM pg_extension WHERE extname = 'allocation'), false,
	'the extension is not relocatable');
SELECT is((SELECT trusted FROM pg_available_extension_versions JOIN pg_extension
	ON extname = name AND extversion = version WHERE name = 'allocation'), true, 'the extension is trusted');
SELECT is((SELECT extversion FROM pg_extension WHERE extname = 'allocation'),
	(SELECT default_version FROM pg_available_extensions WHERE name = 'allocation'),
	'its default version is what gets installed');

SELECT * FROM finish();
ROLLBACK;
