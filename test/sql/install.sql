-- The extension may be dropped, created and moved while a session keeps using it.
DROP EXTENSION allocation;
CREATE EXTENSION allocation;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);

-- The tables are new ones now.
DROP EXTENSION allocation;
CREATE EXTENSION allocation;
SELECT allocate('order-1', 'LAMP', 3);
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 4);
SELECT * FROM change_batch_quantity('batch-1', 3);
SELECT deallocate('order-1', 'LAMP') IS NULL AS waited;

-- In a schema of its own, whatever its name.
DROP EXTENSION allocation;
CREATE SCHEMA "Stock ""room""";
CREATE EXTENSION allocation SCHEMA "Stock ""room""";
SELECT "Stock ""room""".add_batch('batch-1', 'CHAIR', 10);
SELECT "Stock ""room""".allocate('order-1', 'CHAIR', 3);
SELECT "Stock ""room""".allocate('order-1', 'CHAIR', 3);
SELECT "Stock ""room""".reallocate('order-1', 'CHAIR', 5);
SELECT orderid, sku, qty, batchref FROM "Stock ""room""".allocations;

-- The schema may be renamed; the data stay.
ALTER SCHEMA "Stock ""room""" RENAME TO "50% off";
SELECT "50% off".allocate('order-1', 'CHAIR', 5);
SELECT "50% off".allocate('order-2', 'CHAIR', 2);
SELECT * FROM "50% off".change_batch_quantity('batch-1', 6);
SELECT "50% off".deallocate('order-1', 'CHAIR');
SELECT sku, purchased, allocated, available, waiting FROM "50% off".stock;
DELETE FROM "50% off".batches WHERE reference = 'batch-1';
SELECT "50% off".allocate('order-2', 'CHAIR', 2);
DELETE FROM "50% off".batches WHERE reference = 'batch-1';

-- But the extension cannot leave its schema, and its members cannot be dropped.
ALTER EXTENSION allocation SET SCHEMA public;
\set SHOW_CONTEXT never
\set VERBOSITY terse
DROP TABLE "50% off".batches;
DROP FUNCTION "50% off".allocate(text, text, integer, date, interval);

-- DROP leaves nothing but the schema, which is the user's.
DROP EXTENSION allocation;
SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) AS relations,
	(SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) AS functions,
	(SELECT count(*) FROM pg_type WHERE typnamespace = n.oid) AS types
	FROM pg_namespace AS n WHERE nspname = '50% off';
DROP SCHEMA "50% off";

-- It can be created in its first schema again. A DROP that is rolled back has no effect.
CREATE EXTENSION allocation;
SELECT add_batch('batch-1', 'LAMP', 1);
BEGIN;
DROP EXTENSION allocation;
CREATE EXTENSION allocation;
SELECT add_batch('batch-2', 'LAMP', 1);
SELECT allocate('order-1', 'LAMP', 1);
ROLLBACK;
SELECT allocate('order-1', 'LAMP', 1);
