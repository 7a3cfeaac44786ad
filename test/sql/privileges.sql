-- A role that was granted EXECUTE can allocate, and has no other access to the tables.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_allocation_caller, regress_allocation_owner, regress_allocation_shop, regress_allocation_warehouse,
	regress_allocation_purchasing;
CREATE ROLE regress_allocation_caller;
TRUNCATE batches, order_lines;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT add_batch('batch-2', 'LAMP', 10, '2030-01-01');

-- Without EXECUTE every call is refused.
SET ROLE regress_allocation_caller;
SELECT add_batch('batch-3', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);
SELECT deallocate('order-1', 'LAMP');
SELECT reallocate('order-1', 'LAMP', 3);
SELECT * FROM change_batch_quantity('batch-1', 5);
SELECT * FROM change_batch_quantity('LAMP', 'batch-1', 5);
SELECT * FROM allocate_lines('{order-1}', '{LAMP}', '{3}');
SELECT * FROM allocate_order('order-1', '{LAMP}', '{3}');
SELECT * FROM deallocate_order('order-1');
SELECT * FROM change_batch_eta('batch-1', NULL);
SELECT * FROM change_batch_eta('LAMP', 'batch-1', NULL);
SELECT * FROM reallocate_sku('LAMP');
SELECT ship('order-1', 'LAMP');
SELECT * FROM ship_order('order-1');
SELECT * FROM try_allocate('order-1', 'LAMP', 3);
SELECT * FROM try_allocate_order('order-1', '{LAMP}', '{3}');
SELECT * FROM try_allocate_lines('{order-1}', '{LAMP}', '{3}');
SELECT * FROM promise('LAMP', 3);
SELECT * FROM check_allocation();
\echo SQLSTATE :SQLSTATE

-- With EXECUTE all of them work.
RESET ROLE;
GRANT EXECUTE ON FUNCTION add_batch, allocate, deallocate, reallocate, allocate_lines, allocate_order, deallocate_order,
	change_batch_quantity(text, integer), change_batch_quantity(text, text, integer),
	change_batch_eta(text, date), change_batch_eta(text, text, date),
	reallocate_sku, ship, ship_order, try_allocate, try_allocate_order, try_allocate_lines, promise TO regress_allocation_caller;
SET ROLE regress_allocation_caller;
SELECT add_batch('batch-3', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);
SELECT reallocate('order-1', 'LAMP', 4);
SELECT * FROM change_batch_quantity('batch-1', 3);
SELECT * FROM change_batch_quantity('LAMP', 'batch-2', 10);
SELECT * FROM change_batch_eta('LAMP', 'batch-2', '2030-01-01');
SELECT deallocate('order-1', 'LAMP');
SELECT allocate('order-1', 'LAMP', 3);

-- The tables stay closed, also after a call that has failed.
DO $$
BEGIN
	PERFORM allocate('order-2', 'LAMP', 100);
EXCEPTION WHEN SQLSTATE 'SK002' THEN
	RAISE WARNING '% is still %', SQLSTATE, current_user;
END
$$;
TABLE batches;
TABLE order_lines;
TABLE stock;
TABLE allocations;
TABLE waiting;
INSERT INTO batches (reference, sku, purchased_quantity) VALUES ('batch-4', 'LAMP', 1);
UPDATE batches SET allocated_quantity = 0;
DELETE FROM order_lines;
TRUNCATE order_lines, batches;
SELECT * FROM batches FOR UPDATE;
SELECT keep_allocated_batches();
\echo SQLSTATE :SQLSTATE

-- The views can be granted by themselves.
RESET ROLE;
GRANT SELECT ON stock TO regress_allocation_caller;
SET ROLE regress_allocation_caller;
SELECT sku, purchased, allocated FROM stock;
TABLE batches;
RESET ROLE;
REVOKE SELECT ON stock FROM regress_allocation_caller;
SELECT reference, purchased_quantity, allocated_quantity FROM batches ORDER BY reference;

-- Each role gets only what it needs: the shop allocates, the warehouse ships, purchasing adds batches.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM regress_allocation_caller;
CREATE ROLE regress_allocation_shop;
CREATE ROLE regress_allocation_warehouse;
CREATE ROLE regress_allocation_purchasing;
GRANT EXECUTE ON FUNCTION allocate, allocate_order, allocate_lines, try_allocate, try_allocate_order, try_allocate_lines, promise,
	deallocate, deallocate_order, reallocate TO regress_allocation_shop;
GRANT EXECUTE ON FUNCTION ship, ship_order, change_batch_eta(text, date), change_batch_quantity(text, integer)
	TO regress_allocation_warehouse;
GRANT EXECUTE ON FUNCTION add_batch, change_batch_eta(text, date), change_batch_quantity(text, integer), reallocate_sku
	TO regress_allocation_purchasing;
SET ROLE regress_allocation_purchasing;
SELECT add_batch('chairs', 'CHAIR', 5, '2030-01-01');
SELECT allocate('order-9', 'CHAIR', 1);
SELECT ship('order-9', 'CHAIR');
SET ROLE regress_allocation_shop;
SELECT add_batch('more-chairs', 'CHAIR', 5);
SELECT * FROM promise('CHAIR', 2);
SELECT * FROM try_allocate('order-9', 'CHAIR', 2);
SELECT ship('order-9', 'CHAIR');
SELECT * FROM change_batch_eta('chairs', NULL);
SET ROLE regress_allocation_warehouse;
SELECT * FROM change_batch_eta('chairs', NULL);
SELECT ship('order-9', 'CHAIR', 1);
SELECT * FROM ship_order('order-9');
SELECT allocate('order-8', 'CHAIR', 1);
SELECT deallocate('order-9', 'CHAIR');
SELECT add_batch('more-chairs', 'CHAIR', 5);
SET ROLE regress_allocation_purchasing;
SELECT * FROM reallocate_sku('CHAIR');
SET ROLE regress_allocation_caller;
SELECT * FROM promise('CHAIR', 1);
SELECT * FROM reallocate_sku('CHAIR');
RESET ROLE;
DROP OWNED BY regress_allocation_shop, regress_allocation_warehouse, regress_allocation_purchasing;
DROP ROLE regress_allocation_shop, regress_allocation_warehouse, regress_allocation_purchasing;
DELETE FROM order_lines WHERE shipped_qty = qty;
DELETE FROM batches WHERE sku = 'CHAIR';
GRANT EXECUTE ON FUNCTION add_batch, allocate, deallocate, reallocate, allocate_lines, allocate_order, deallocate_order,
	change_batch_quantity(text, integer), change_batch_quantity(text, text, integer),
	change_batch_eta(text, date), change_batch_eta(text, text, date),
	reallocate_sku, ship, ship_order, try_allocate, try_allocate_order, try_allocate_lines, promise TO regress_allocation_caller;

-- A hostile search_path: the caller's own operators, functions, type and tables come before all others, in a new session,
-- in which nothing is planned yet.
GRANT CREATE ON DATABASE :"DBNAME" TO regress_allocation_caller;
\c -
SET client_min_messages = warning;
SET ROLE regress_allocation_caller;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.attack(a pg_catalog.text, b pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'attacked as %', current_user;
END
$$;
CREATE FUNCTION hostile.attack(a integer, b integer) RETURNS boolean LANGUAGE sql AS
	$$ SELECT hostile.attack(NULL::pg_catalog.text, NULL) $$;
CREATE FUNCTION hostile.attack(a date, b date) RETURNS boolean LANGUAGE sql AS
	$$ SELECT hostile.attack(NULL::pg_catalog.text, NULL) $$;
CREATE FUNCTION hostile.attack(a timestamptz, b timestamptz) RETURNS boolean LANGUAGE sql AS
	$$ SELECT hostile.attack(NULL::pg_catalog.text, NULL) $$;
CREATE FUNCTION hostile.attack_number(a integer, b integer) RETURNS integer LANGUAGE sql AS
	$$ SELECT hostile.attack(NULL::pg_catalog.text, NULL)::integer $$;
CREATE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
	$$ SELECT hostile.attack(NULL::pg_catalog.text, NULL)::pg_catalog.text::timestamptz $$;
CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (hostile.attack(VALUE, VALUE));
DO $$
DECLARE
	operator pg_catalog.text;
	type pg_catalog.text;
BEGIN
	FOREACH operator IN ARRAY '{=,<>,<,<=,>,>=}'::pg_catalog.text[] LOOP
		FOREACH type IN ARRAY '{pg_catalog.text,integer,date,timestamptz}'::pg_catalog.text[] LOOP
			EXECUTE format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.attack, LEFTARG = %s, RIGHTARG = %2$s)',
				operator, type);
		END LOOP;
	END LOOP;
	FOREACH operator IN ARRAY '{+,-}'::pg_catalog.text[] LOOP
		EXECUTE format('CREATE OPERATOR hostile.%s '
			'(FUNCTION = hostile.attack_number, LEFTARG = integer, RIGHTARG = integer)', operator);
	END LOOP;
END
$$;
CREATE TEMPORARY TABLE batches AS
	SELECT 'fake'::pg_catalog.text AS reference, 'LAMP'::pg_catalog.text AS sku, 1000 AS purchased_quantity,
		0 AS allocated_quantity, 0 AS shipped_quantity, 0 AS rank, NULL::date AS eta, 100 AS room;
CREATE TEMPORARY TABLE order_lines (orderid pg_catalog.text, sku pg_catalog.text, qty integer, shipped_qty integer,
	ordered_at timestamptz, batchref pg_catalog.text, needed_by date, held_until timestamptz);
SET search_path = pg_temp, hostile, pg_catalog, public;

-- Unqualified statements are affected:
SELECT 'a'::pg_catalog.text = 'b';
SELECT 1 + 1;
SELECT clock_timestamp();
SELECT 'a'::text;
SELECT reference FROM batches;

-- The calls are not.
SELECT add_batch('batch-4', 'LAMP', 4);
SELECT add_batch('batch-4', 'LAMP', 4);
SELECT allocate('order-2', 'LAMP', 4);
SELECT allocate('order-2', 'LAMP', 4);
SELECT allocate('order-2', 'LAMP', 5);
SELECT allocate('order-3', 'LAMP', 1000);
SELECT allocate('order-3', 'SOFA', 1);
SELECT reallocate('order-2', 'LAMP', 5);
SELECT reallocate('order-2', 'LAMP', 4);
SELECT * FROM change_batch_quantity('batch-4', 6);
SELECT * FROM change_batch_quantity('LAMP', 'batch-4', 6);
SELECT * FROM change_batch_quantity('batch-3', 0);
SELECT * FROM change_batch_quantity('fake', 0);
SELECT deallocate('order-1', 'LAMP');
SELECT * FROM allocate_order('order-4', ARRAY['LAMP'], ARRAY[1]);
SELECT * FROM deallocate_order('order-4');
SELECT * FROM change_batch_eta('batch-4', '2030-02-01');
SELECT * FROM change_batch_eta('LAMP', 'batch-4', '2030-02-01');
SELECT * FROM change_batch_eta('batch-4', NULL);
SELECT * FROM change_batch_eta('fake', NULL);
SELECT * FROM reallocate_sku('LAMP');
SELECT * FROM try_allocate('order-5', 'LAMP', 1, by => '2030-01-01');
SELECT * FROM try_allocate_order('order-5', ARRAY['LAMP'], ARRAY[1]);
SELECT * FROM try_allocate_lines(ARRAY['order-6'], ARRAY['LAMP'], ARRAY[1000]);
SELECT allocate('order-6', 'LAMP', 1, hold => '1 hour');
SELECT * FROM promise('LAMP', 1);
SELECT ship('order-5', 'LAMP');
SELECT * FROM ship_order('order-5');
RESET ROLE;
UPDATE public.order_lines SET held_until = '2000-01-01' WHERE orderid OPERATOR(pg_catalog.=) 'order-6';
SET ROLE regress_allocation_caller;
SELECT allocate('order-7', 'LAMP', 2);
SELECT allocate('order-8', 'LAMP', 2);
SELECT * FROM change_batch_quantity('batch-1', 1);
RESET ROLE;
DELETE FROM public.batches WHERE reference OPERATOR(pg_catalog.=) 'batch-4';
SELECT count(*) FROM order_lines;
TABLE batches;
RESET search_path;
SELECT reference, purchased_quantity, allocated_quantity FROM public.batches ORDER BY reference;
SELECT orderid, qty, batchref FROM public.order_lines ORDER BY orderid;
\c -
SET client_min_messages = warning;
DROP SCHEMA hostile CASCADE;
TRUNCATE batches, order_lines;

-- An owner who is no superuser installs the extension where that role may create schemas.
\set ON_ERROR_ROLLBACK on
BEGIN;
DROP EXTENSION allocation;
CREATE ROLE regress_allocation_owner;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_allocation_owner;
SET ROLE regress_allocation_owner;
CREATE SCHEMA regress_shop;
CREATE EXTENSION allocation SCHEMA regress_shop;

-- The tables and views are the owner's; the C functions stay the superuser's.
SELECT relname, relowner::regrole FROM pg_class
	WHERE relnamespace = 'regress_shop'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname;
SELECT DISTINCT rolsuper FROM pg_proc JOIN pg_roles ON pg_roles.oid = proowner
	WHERE pronamespace = 'regress_shop'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c');

-- So do the domains: a CHECK that their owner adds would also run as the next owner of the tables.
ALTER DOMAIN regress_shop.batch_room ADD CHECK (VALUE IS NULL) NOT VALID;
ALTER DOMAIN regress_shop.line_quantity ADD CHECK (VALUE IS NULL) NOT VALID;

-- Everything works for the owner,
SET search_path = regress_shop;
SELECT add_batch('batch-1', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);
SELECT reallocate('order-1', 'LAMP', 4);
SELECT * FROM change_batch_quantity('batch-1', 2);
SELECT deallocate('order-1', 'LAMP') IS NULL AS waited;
SELECT * FROM promise('LAMP', 2);
SELECT * FROM try_allocate('order-1', 'LAMP', 1, hold => '1 hour');
SELECT * FROM change_batch_eta('batch-1', NULL);
SELECT * FROM reallocate_sku('LAMP');
SELECT ship('order-1', 'LAMP');
SELECT * FROM ship_order('order-1');
SELECT * FROM check_allocation();
DELETE FROM order_lines WHERE shipped_qty = qty;
DELETE FROM batches;

-- who may grant single functions to others,
GRANT USAGE ON SCHEMA regress_shop TO regress_allocation_caller;
GRANT EXECUTE ON FUNCTION add_batch, allocate TO regress_allocation_caller;
SET ROLE regress_allocation_caller;
SELECT add_batch('batch-2', 'LAMP', 10);
SELECT allocate('order-1', 'LAMP', 3);
SELECT deallocate('order-1', 'LAMP');
TABLE batches;

-- or all functions at once,
SET ROLE regress_allocation_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA regress_shop TO regress_allocation_caller WITH GRANT OPTION;
SELECT count(*) AS not_granted FROM pg_proc
	WHERE pronamespace = 'regress_shop'::regnamespace
		AND NOT has_function_privilege('regress_allocation_caller', oid, 'EXECUTE WITH GRANT OPTION');
SET ROLE regress_allocation_caller;
SELECT deallocate('order-1', 'LAMP');

-- and every call, also a superuser's, runs as the owner of the tables.
SET ROLE regress_allocation_owner;
CREATE FUNCTION tell_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'works as %', current_user;
	RETURN NEW;
END
$$;
CREATE TRIGGER tell_user BEFORE INSERT ON order_lines FOR EACH ROW EXECUTE FUNCTION tell_user();
RESET ROLE;
SELECT allocate('order-2', 'LAMP', 3);
ROLLBACK;
DROP OWNED BY regress_allocation_caller;
DROP ROLE regress_allocation_caller;
