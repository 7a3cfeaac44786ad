-- An improper argument is refused, whatever the other arguments are, and changes nothing.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);

-- Runs a statement and returns its error.
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END
$$;

SELECT call, pg_temp.refusal('SELECT ' || call) AS refusal FROM (VALUES
	-- NULL
	($$add_batch(NULL, 'LAMP', 1)$$),
	($$add_batch('batch-2', NULL, 1)$$),
	($$add_batch('batch-2', 'LAMP', NULL)$$),
	($$allocate(NULL, 'LAMP', 1)$$),
	($$allocate('order-2', NULL, 1)$$),
	($$allocate('order-2', 'LAMP', NULL)$$),
	($$deallocate(NULL, 'LAMP')$$),
	($$deallocate('order-1', NULL)$$),
	($$reallocate(NULL, 'LAMP')$$),
	($$reallocate('order-1', NULL)$$),
	($$change_batch_quantity(NULL, 1)$$),
	($$change_batch_quantity('batch-1', NULL)$$),
	($$change_batch_quantity(NULL, 'batch-1', 1)$$),
	($$change_batch_quantity('LAMP', NULL, 1)$$),
	($$change_batch_quantity('LAMP', 'batch-1', NULL)$$),
	($$add_batch('batch-2', 'LAMP', 1, NULL, NULL)$$),
	($$change_batch_eta(NULL, '2030-01-01')$$),
	($$change_batch_eta(NULL, 'batch-1', '2030-01-01')$$),
	($$change_batch_eta('LAMP', NULL, '2030-01-01')$$),
	($$reallocate_sku(NULL)$$),
	($$ship(NULL, 'LAMP')$$),
	($$ship('order-1', NULL)$$),
	($$ship_order(NULL)$$),
	($$ship_order('order-1', NULL)$$),
	($$try_allocate(NULL, 'LAMP', 1)$$),
	($$try_allocate('order-2', NULL, 1)$$),
	($$try_allocate('order-2', 'LAMP', NULL)$$),
	($$try_allocate_order(NULL, '{LAMP}', '{1}')$$),
	($$try_allocate_order('order-2', NULL, '{1}')$$),
	($$try_allocate_order('order-2', '{LAMP,NULL}', '{1,1}')$$),
	($$try_allocate_order('order-2', '{LAMP}', NULL)$$),
	($$try_allocate_lines(NULL, '{LAMP}', '{1}')$$),
	($$try_allocate_lines('{NULL}', '{LAMP}', '{1}')$$),
	($$try_allocate_lines('{order-2}', '{LAMP}', '{NULL}')$$),
	($$promise(NULL, 1)$$),
	($$promise('LAMP', NULL)$$),

	-- Empty
	($$add_batch('', 'LAMP', 1)$$),
	($$add_batch('batch-2', '', 1)$$),
	($$allocate('', 'LAMP', 1)$$),
	($$allocate('order-2', '', 1)$$),
	($$deallocate('', 'LAMP')$$),
	($$deallocate('order-1', '')$$),
	($$reallocate('', 'LAMP')$$),
	($$reallocate('order-1', '')$$),
	($$change_batch_quantity('', 1)$$),
	($$change_batch_eta('', NULL)$$),
	($$change_batch_quantity('', 'batch-1', 1)$$),
	($$change_batch_eta('LAMP', '', NULL)$$),
	($$reallocate_sku('')$$),
	($$ship('', 'LAMP')$$),
	($$ship('order-1', '')$$),
	($$ship_order('')$$),
	($$try_allocate('order-2', '', 1)$$),
	($$try_allocate_order('', '{LAMP}', '{1}')$$),
	($$try_allocate_lines('{order-2,""}', '{LAMP,LAMP}', '{1,1}')$$),
	($$promise('', 1)$$),

	-- Not positive. Only an existing batch may get quantity 0.
	($$add_batch('batch-2', 'LAMP', 0)$$),
	($$add_batch('batch-2', 'LAMP', -1)$$),
	($$allocate('order-2', 'LAMP', 0)$$),
	($$allocate('order-2', 'LAMP', -2147483648)$$),
	($$reallocate('order-1', 'LAMP', 0)$$),
	($$reallocate('order-1', 'LAMP', -1)$$),
	($$change_batch_quantity('batch-1', -1)$$),
	($$change_batch_quantity('LAMP', 'batch-1', -1)$$),
	($$ship('order-1', 'LAMP', 0)$$),
	($$ship('order-1', 'LAMP', -1)$$),
	($$try_allocate('order-2', 'LAMP', 0)$$),
	($$try_allocate_order('order-2', '{LAMP}', '{-1}')$$),
	($$promise('LAMP', 0)$$),

	-- A hold that is not positive
	($$allocate('order-2', 'LAMP', 1, hold => '0')$$),
	($$allocate('order-2', 'LAMP', 1, hold => '-1 second')$$),
	($$allocate('order-2', 'LAMP', 1, hold => '1 month -32 days')$$),
	($$allocate_order('order-2', '{LAMP}', '{1}', hold => '-1 day')$$),
	($$allocate_lines('{order-2}', '{LAMP}', '{1}', hold => '0')$$),
	($$try_allocate('order-2', 'LAMP', 1, hold => '0')$$),
	($$try_allocate_order('order-2', '{LAMP}', '{1}', hold => '0')$$),
	($$try_allocate_lines('{order-2}', '{LAMP}', '{1}', hold => '-1 microsecond')$$),
	($$allocate('order-1', 'LAMP', 3, hold => '0')$$),

	-- Not of equal lengths, or of two dimensions
	($$try_allocate_order('order-2', '{LAMP}', '{1,2}')$$),
	($$try_allocate_lines('{order-2}', '{LAMP,CHAIR}', '{1,1}')$$),
	($$try_allocate_lines('{{order-2}}', '{LAMP}', '{1}')$$),

	-- Longer than 255 characters, however many bytes each has
	($$add_batch(repeat('x', 256), 'LAMP', 1)$$),
	($$add_batch('batch-2', repeat('x', 256), 1)$$),
	($$allocate(repeat(U&'\20AC', 256), 'LAMP', 1)$$),
	($$allocate('order-2', repeat('x', 1000000), 1)$$),
	($$deallocate(repeat('x', 256), 'LAMP')$$),
	($$deallocate('order-1', repeat('x', 256))$$),
	($$reallocate(repeat('x', 256), 'LAMP')$$),
	($$reallocate('order-1', repeat('x', 256))$$),
	($$change_batch_quantity(repeat('x', 256), 1)$$),
	($$change_batch_eta(repeat('x', 256), NULL)$$),
	($$change_batch_quantity(repeat('x', 256), 'batch-1', 1)$$),
	($$change_batch_eta('LAMP', repeat('x', 256), NULL)$$),
	($$reallocate_sku(repeat('x', 256))$$),
	($$ship(repeat('x', 256), 'LAMP')$$),
	($$ship('order-1', repeat('x', 256))$$),
	($$ship_order(repeat('x', 256))$$),
	($$try_allocate(repeat('x', 256), 'LAMP', 1)$$),
	($$try_allocate_order('order-2', ARRAY[repeat('x', 256)], '{1}')$$),
	($$promise(repeat('x', 256), 1)$$),

	-- Beyond what the type can hold
	($$allocate('order-2', 'LAMP', '2147483648')$$),

	-- Huge, but proper
	($$allocate('order-2', 'LAMP', 2147483647)$$),
	($$reallocate('order-1', 'LAMP', 2147483647)$$)
) AS calls (call);

-- The same without an exception handler; the next call works.
SELECT allocate('order-2', 'LAMP', 0);
SELECT change_batch_quantity('batch-1', -1);
SELECT allocate('order-2', repeat('x', 256), 1);
SELECT reference, sku, purchased_quantity, allocated_quantity, eta FROM batches;
SELECT orderid, sku, qty, batchref FROM order_lines;
SELECT allocate('order-2', 'LAMP', 1);

-- If arrays have several faults, the first line's is reported; within a line the order's, then the SKU's, then the quantity's.
-- Faults of a whole array come before these, and duplicate lines come last.
SELECT call, pg_temp.refusal('SELECT ' || call) AS refusal FROM (VALUES
	($$allocate_lines('{o1,o2,NULL}', '{LAMP,"",LAMP}', '{0,0,NULL}')$$),
	($$allocate_lines('{o1,o2,NULL}', '{LAMP,"",LAMP}', '{1,0,NULL}')$$),
	($$allocate_lines('{o1,o2,NULL}', '{LAMP,LAMP,""}', '{1,1,0}')$$),
	($$allocate_lines('{o1,o2,NULL}', '{LAMP,LAMP,""}', '{1,1}')$$),
	($$allocate_lines('{o1,o2,NULL}', '{LAMP,LAMP}', '{1}', hold => '0')$$),
	($$allocate_lines('{o1,o2,NULL}', '{LAMP,LAMP,""}', '{1,1,0}', hold => '0')$$),
	($$allocate_lines('{o1,o1,NULL}', '{LAMP,LAMP,LAMP}', '{1,1,1}')$$),
	($$allocate_lines('{}', '{}', '{}')$$),
	($$allocate_order('o1', '{NULL}', '{NULL}')$$),
	($$allocate_order('o1', '{LAMP,CHAIR,NULL,LAMP}', '{1,1,1,1}')$$),
	($$allocate_order('o1', '{LAMP,CHAIR,SOFA,LAMP}', '{1,1,1,NULL}')$$),
	($$allocate_order('o1', '[0:2]={LAMP,CHAIR,LAMP}', '[5:7]={1,1,0}')$$),
	($$allocate_order('o1', ARRAY['LAMP', repeat('x', 256)], '{1,1}')$$),
	($$allocate_order('o1', ARRAY['LAMP', repeat('x', 255), 'LAMP'], '{1,1,1}')$$)
) AS calls (call);

-- Of several duplicate lines, the first one is reported, with the line that it repeats.
SELECT allocate_lines('{o1,o2,o1,o2,o1,o2}', '{LAMP,LAMP,CHAIR,LAMP,LAMP,LAMP}', '{99,1,1,1,99,1}', false);
SELECT try_allocate_order('o1', '{A,AA,B,AAA,AA,B}', '{1,1,1,1,1,1}');

-- However large an array is, all of it is checked before anything is copied. A copied line takes some 200 bytes; this measures
-- that the session takes less than half of that.
CREATE FUNCTION pg_temp.takes_little(lines integer, call text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	kilobytes text := 'SELECT substring(pg_read_file(''/proc/self/status'') FROM ''VmHWM:\s*(\d+)'')::integer';
	before integer;
	after integer;
BEGIN
	EXECUTE kilobytes INTO before;
	RAISE INFO '%', pg_temp.refusal('SELECT ' || replace(call, '{n}', format('{%s}', lines)));
	EXECUTE kilobytes INTO after;
	RETURN after - before < 0.1 * lines;
END
$$;
SELECT pg_temp.takes_little(500000, $$allocate_order('o1', array_fill('LAMP'::text, '{n}') || NULL::text,
	array_fill(1, '{n}') || 1)$$);
SELECT pg_temp.takes_little(1500000, $$allocate_lines(array_fill('o1'::text, '{n}'), array_fill('LAMP'::text, '{n}'),
	array_fill(1, '{n}'))$$);

-- Names of 255 characters are allowed, also with four bytes each and nothing to compress.
SELECT string_agg(chr(65536 + n * 7919 % 60000), '') AS order_name,
	string_agg(chr(65536 + n * 6271 % 60000), '') AS sku_name,
	string_agg(chr(65536 + n * 5077 % 60000), '') AS batch_name FROM generate_series(1, 255) AS n \gset
SELECT add_batch(:'batch_name', :'sku_name', 5);
SELECT allocate(:'order_name', :'sku_name', 5) = :'batch_name' AS allocated;
SELECT reallocate(:'order_name', :'sku_name', 4) = :'batch_name' AS reallocated;
SELECT orderid = :'order_name' AS left_unharmed FROM change_batch_quantity(:'batch_name', 3);
SELECT deallocate(:'order_name' || 'x', :'sku_name');

-- Quantities may be as large as the type allows, and no sum overflows.
SELECT add_batch('max-1', 'GRAIN', 2147483647);
SELECT add_batch('max-2', 'GRAIN', 2147483647, '2030-01-01');
SELECT allocate('order-1', 'GRAIN', 2147483647);
SELECT allocate('order-2', 'GRAIN', 2147483646);
SELECT allocate('order-3', 'GRAIN', 2147483647);
SELECT allocate('order-3', 'GRAIN', 1);
SELECT reallocate('order-2', 'GRAIN', 2147483647);
SELECT reallocate('order-3', 'GRAIN', 1);
SELECT * FROM change_batch_quantity('max-1', 2147483646);
SELECT sku, purchased, allocated, available, incoming, waiting FROM stock WHERE sku = 'GRAIN';
SELECT * FROM change_batch_quantity('max-1', 2147483647);
SELECT allocate('order-1', 'GRAIN', 2147483647);
SELECT sku, purchased, allocated, available, incoming, waiting FROM stock WHERE sku = 'GRAIN';

-- So may holds, as long as the moment is a valid timestamp. None may be infinite (intervals can be since PostgreSQL 17).
SELECT add_batch('tea', 'TEA', 1);
SELECT allocate('order-1', 'TEA', 1, hold => '100000 years');
SELECT pg_temp.refusal($$SELECT allocate('order-1', 'TEA', 1, hold => '300000 years')$$);
SELECT pg_temp.refusal($$SELECT allocate('order-1', 'TEA', 1, hold => 'infinity')$$)
	~ '^(22023 hold must be greater than zero, and finite|22007 invalid input syntax)' AS refused;

-- Ranks may be as large as the type allows.
SELECT add_batch('last', 'WINE', 1, rank => 2147483647), add_batch('first', 'WINE', 1, rank => -2147483648),
	add_batch('middle', 'WINE', 1);
SELECT n, allocate('order-' || n, 'WINE', 1) FROM generate_series(1, 3) AS n;
SELECT deallocate('order-1', 'WINE'), deallocate('order-2', 'WINE'), deallocate('order-3', 'WINE');
DELETE FROM batches WHERE sku = 'WINE';

-- So may dates. A batch with the ETA infinity is blocked.
SELECT add_batch('never', 'RICE', 1, 'infinity');
SELECT add_batch('last', 'RICE', 1, '5874897-12-31');
SELECT add_batch('first', 'RICE', 1, '4713-01-01 BC');
SELECT add_batch('ever', 'RICE', 1, '-infinity');
SELECT add_batch('here', 'RICE', 1, NULL);
SELECT n, allocate('order-' || n, 'RICE', 1) FROM generate_series(1, 4) AS n;
SELECT allocate('order-5', 'RICE', 1);

-- As the date of a line, -infinity is before all days, and infinity stands for any day.
SELECT deallocate('order-' || n, 'RICE') FROM generate_series(1, 4) AS n;
SELECT by, (SELECT count(*) FROM try_allocate_lines('{1,2,3,4,5}', '{RICE,RICE,RICE,RICE,RICE}', '{1,1,1,1,1}', by) WHERE refusal IS NULL)
	AS in_time
	FROM (VALUES ('-infinity'::date), ('4713-01-01 BC'), ('2030-01-01'), ('5874897-12-30'), ('5874897-12-31'), ('infinity'), (NULL))
		AS days (by);
SELECT allocate('order-1', 'RICE', 2, '4713-01-01 BC');
SELECT allocate('order-1', 'RICE', 2, '5874897-12-31');
SELECT batchref FROM promise('RICE', 1, '-infinity');
