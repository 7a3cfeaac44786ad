-- What no argument may be is refused, whatever else the call says, and changes nothing.
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);

-- Runs a statement and says how it was refused.
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

	-- Not positive. A batch alone may turn out to hold nothing.
	($$add_batch('batch-2', 'LAMP', 0)$$),
	($$add_batch('batch-2', 'LAMP', -1)$$),
	($$allocate('order-2', 'LAMP', 0)$$),
	($$allocate('order-2', 'LAMP', -2147483648)$$),
	($$reallocate('order-1', 'LAMP', 0)$$),
	($$reallocate('order-1', 'LAMP', -1)$$),
	($$change_batch_quantity('batch-1', -1)$$),

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

	-- Beyond what the type can hold
	($$allocate('order-2', 'LAMP', '2147483648')$$),

	-- Huge, but proper
	($$allocate('order-2', 'LAMP', 2147483647)$$),
	($$reallocate('order-1', 'LAMP', 2147483647)$$)
) AS calls (call);

-- The same to a caller without a safety net, and the next call works.
SELECT allocate('order-2', 'LAMP', 0);
SELECT change_batch_quantity('batch-1', -1);
SELECT allocate('order-2', repeat('x', 256), 1);
SELECT reference, sku, purchased_quantity, allocated_quantity, eta FROM batches;
SELECT orderid, sku, qty, batchref FROM order_lines;
SELECT allocate('order-2', 'LAMP', 1);

-- Names of 255 characters are fine, also where each has four bytes and nothing repeats itself to be compressed.
SELECT string_agg(chr(65536 + n * 7919 % 60000), '') AS order_name,
	string_agg(chr(65536 + n * 6271 % 60000), '') AS sku_name,
	string_agg(chr(65536 + n * 5077 % 60000), '') AS batch_name FROM generate_series(1, 255) AS n \gset
SELECT add_batch(:'batch_name', :'sku_name', 5);
SELECT allocate(:'order_name', :'sku_name', 5) = :'batch_name' AS allocated;
SELECT reallocate(:'order_name', :'sku_name', 4) = :'batch_name' AS reallocated;
SELECT orderid = :'order_name' AS left_unharmed FROM change_batch_quantity(:'batch_name', 3);
SELECT deallocate(:'order_name' || 'x', :'sku_name');

-- Quantities may be as large as the type holds, and nothing overflows on the way.
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

-- So may dates. A batch that comes at infinity is blocked.
SELECT add_batch('never', 'RICE', 1, 'infinity');
SELECT add_batch('last', 'RICE', 1, '5874897-12-31');
SELECT add_batch('first', 'RICE', 1, '4713-01-01 BC');
SELECT add_batch('ever', 'RICE', 1, '-infinity');
SELECT add_batch('here', 'RICE', 1, NULL);
SELECT n, allocate('order-' || n, 'RICE', 1) FROM generate_series(1, 4) AS n;
SELECT allocate('order-5', 'RICE', 1);
