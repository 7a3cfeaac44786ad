-- Distributes an installation of the extension, with its rows, over the nodes of a Citus cluster: run by a superuser on
-- the coordinator, in the database of the extension, while nobody else is connected to that.
--
--     psql -X -d shop [-v shards=32] -f sharding/citus.sql
--
-- There is no way back: Citus does not undistribute the tables of an extension. So everything is looked at first, what
-- is in the way is said all at once, and all that is done is one transaction. doc/citus.md says what becomes different.
\set ON_ERROR_STOP on
\if :{?shards}
\else
	\set shards 32
\endif
\set QUIET on
SET client_min_messages = warning;
SET search_path = pg_catalog, pg_temp;
-- Nobody can take a lock, or begin to wait for one, behind what is looked at.
SET lock_timeout = '5s';

-- Without Citus the rest of this could not even be read.
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS has_citus,
	EXISTS (SELECT FROM pg_extension WHERE extname = 'allocation') AS has_allocation \gset
\if :has_citus
\else
	DO $$ BEGIN RAISE 'there is no extension "citus" in this database'; END $$;
\endif
\if :has_allocation
\else
	DO $$ BEGIN RAISE 'there is no extension "allocation" in this database'; END $$;
\endif

BEGIN;
SELECT set_config('citus.shard_count', :'shards', true), set_config('citus.shard_replication_factor', '1', true),
	set_config('citus.enable_unsafe_triggers', 'on', true), set_config('citus.multi_shard_modify_mode', 'sequential', true)
	\g /dev/null

DO $$
DECLARE
	home text;         -- the extension's schema, quoted
	release text;
	batches regclass;
	order_lines regclass;
	owner regrole;
	faults text[] := '{}';
	fault text;
BEGIN
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user AND rolname = current_user) THEN
		RAISE 'only a superuser can distribute the tables' USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF NOT citus_is_coordinator() THEN
		RAISE 'this is not the coordinator of the cluster';
	END IF;
	IF NOT EXISTS (SELECT FROM citus_get_active_worker_nodes()) THEN
		RAISE 'the cluster has no worker' USING HINT = 'Add it with citus_add_node().';
	END IF;
	SELECT quote_ident(nspname), extversion INTO home, release
		FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'allocation';
	batches := home || '.batches';
	order_lines := home || '.order_lines';
	owner := (SELECT relowner FROM pg_class WHERE oid = batches);

	IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid IN (batches, order_lines)) THEN
		RAISE 'the tables are distributed already';
	END IF;
	FOR fault IN SELECT format('Session %s of role "%s" is connected to this database.', pid, usename)
			FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
				AND application_name NOT LIKE 'citus%'
	LOOP
		faults := faults || fault;
	END LOOP;
	-- Whoever has written to them without an end, be it a prepared transaction, has a lock on them.
	BEGIN
		EXECUTE format('LOCK TABLE %s, %s IN ACCESS EXCLUSIVE MODE NOWAIT', batches, order_lines);
	EXCEPTION WHEN lock_not_available THEN
		faults := faults || 'Somebody has a lock on the tables.'::text;
		RAISE 'the tables cannot be distributed' USING DETAIL = array_to_string(faults, E'\n'), ERRCODE = 'object_in_use';
	END;

	IF home LIKE '"%' THEN
		faults := faults || format('Schema %s has a name in quotes, which Citus leaves out where it grants functions.', home);
	END IF;
	FOR fault IN
		-- What is somebody else's would get lost, or Citus refuses it in words that say less.
		SELECT format('Table %s has a foreign key "%s" to %s.', conrelid::regclass, conname, confrelid::regclass)
			FROM pg_constraint
			WHERE contype = 'f' AND (confrelid IN (batches, order_lines) OR conrelid IN (batches, order_lines))
		UNION ALL
		SELECT format('Table %s has a trigger "%s".', tgrelid::regclass, tgname)
			FROM pg_trigger
			WHERE tgrelid IN (batches, order_lines) AND NOT tgisinternal
				AND tgname NOT IN ('keep_allocated_batches', 'keep_allocated_batches_truncate')
		UNION ALL
		SELECT format('Table %s has a column "%s".', attrelid::regclass, attname)
			FROM pg_attribute
			WHERE attrelid IN (batches, order_lines) AND attnum > 0 AND NOT attisdropped
				AND attname <> ALL ('{reference,sku,purchased_quantity,allocated_quantity,shipped_quantity,rank,eta,room,
					orderid,qty,shipped_qty,ordered_at,batchref,needed_by,held_until}')
		UNION ALL
		SELECT format('Table %s has a unique index %s that does not have the SKU.', indrelid::regclass, indexrelid::regclass)
			FROM pg_index
			WHERE indrelid IN (batches, order_lines) AND (indisunique OR indisexclusion)
				AND NOT EXISTS (SELECT FROM pg_attribute
					WHERE attrelid = indrelid AND attname = 'sku' AND attnum = ANY (indkey))
				AND NOT EXISTS (SELECT FROM pg_constraint
					WHERE conindid = indexrelid AND contype = 'u' AND conkey = (SELECT ARRAY[attnum] FROM pg_attribute
						WHERE attrelid = batches AND attname = 'reference'))
		UNION ALL
		SELECT format('Table %s has a rule "%s".', ev_class::regclass, rulename)
			FROM pg_rewrite WHERE ev_class IN (batches, order_lines)
		UNION ALL
		SELECT format('Table %s has row-level security.', oid::regclass)
			FROM pg_class WHERE oid IN (batches, order_lines) AND (relrowsecurity OR relforcerowsecurity)
		UNION ALL
		SELECT format('Table %s is inherited from, or inherits.', c.oid::regclass)
			FROM pg_class AS c JOIN pg_inherits ON c.oid IN (inhrelid, inhparent) WHERE c.oid IN (batches, order_lines)
		UNION ALL
		-- Both would be a way to a superuser, who copies the rows: code of the owner's, and names that others have made.
		SELECT format('%s calls %s.', pg_describe_object(classid, objid, 0), refobjid::regprocedure)
			FROM pg_depend AS d
			WHERE refclassid = 'pg_proc'::regclass AND refobjid >= 16384
				AND NOT EXISTS (SELECT FROM pg_depend AS e
					WHERE e.classid = 'pg_proc'::regclass AND e.objid = d.refobjid AND e.deptype = 'e')
				AND (classid = 'pg_class'::regclass
						AND objid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (batches, order_lines))
					OR classid = 'pg_constraint'::regclass
						AND objid IN (SELECT oid FROM pg_constraint WHERE conrelid IN (batches, order_lines)))
		UNION ALL
		SELECT format('Schema %s is open: %s may create what they like there.', home, string_agg(name, ', '))
			FROM (SELECT 'PUBLIC' WHERE has_schema_privilege('public', home::regnamespace::oid, 'CREATE')
				UNION ALL
				SELECT rolname FROM pg_roles
					WHERE has_schema_privilege(oid, home::regnamespace::oid, 'CREATE')
						AND NOT has_schema_privilege('public', home::regnamespace::oid, 'CREATE')
						AND NOT rolsuper AND NOT pg_has_role(oid, owner, 'MEMBER') AND oid <> 'pg_database_owner'::regrole
				) AS others (name)
			HAVING count(*) > 0
		UNION ALL
		SELECT format('Table %s is published by "%s".', prrelid::regclass, pubname)
			FROM (SELECT pubname, (quote_ident(schemaname) || '.' || quote_ident(tablename))::regclass AS prrelid
				FROM pg_publication_tables) AS published WHERE prrelid IN (batches, order_lines)
		UNION ALL
		SELECT format('Table %s is in use already.', to_regclass(home || '.batch_skus'))
			WHERE to_regclass(home || '.batch_skus') IS NOT NULL
		UNION ALL
		SELECT format('Worker %s:%s has no extension "allocation" %s to install: %s', nodename, nodeport, release, result)
			FROM run_command_on_workers(format(
				'SELECT count(*) FROM pg_catalog.pg_available_extension_versions WHERE name = ''allocation'' AND version = %L',
				release))
			WHERE NOT success OR result <> '1'
		UNION ALL
		SELECT format('Worker %s:%s has another library "allocation": %s', nodename, nodeport, result)
			FROM run_command_on_workers('LOAD ''$libdir/allocation''')
			WHERE NOT success
		UNION ALL
		SELECT format('Node %s:%s does not reach %s:%s.', from_nodename, from_nodeport, to_nodename, to_nodeport)
			FROM citus_check_cluster_node_health() WHERE result IS DISTINCT FROM true
	LOOP
		faults := faults || fault;
	END LOOP;
	FOR fault IN EXECUTE format(
		'SELECT format(''check_allocation() has %%s of sku "%%s", batch "%%s".'', fault, sku, batchref) FROM %s.check_allocation()
		UNION ALL
		SELECT format(''Reference "%%s" is of several batches.'', reference) FROM %s GROUP BY reference HAVING count(*) > 1
		LIMIT 10', home, batches)
	LOOP
		faults := faults || fault;
	END LOOP;
	-- The calls work as the owner of the tables, also on the workers.
	IF NOT (SELECT rolcanlogin FROM pg_roles WHERE oid = owner) THEN
		faults := faults || format('The owner of the tables, "%s", cannot connect to the workers: it may not log in.', owner);
	END IF;
	BEGIN
		EXECUTE format('SET LOCAL ROLE %s', owner);
		SELECT format('The owner of the tables, "%s", cannot connect to worker %s:%s: %s', owner, nodename, nodeport, result)
			INTO fault FROM run_command_on_workers('SELECT 1') WHERE NOT success LIMIT 1;
		RESET ROLE;
	EXCEPTION WHEN OTHERS THEN
		fault := format('The owner of the tables, "%s", cannot connect to the workers: %s', owner, SQLERRM);
	END;
	IF fault IS NOT NULL THEN
		faults := faults || fault;
	END IF;
	IF faults <> '{}' THEN
		RAISE 'the tables cannot be distributed' USING DETAIL = array_to_string(faults, E'\n'), ERRCODE = 'object_in_use';
	END IF;

	-- A reference is unique over all SKUs, and no index can see to that over all nodes: a table that is distributed by
	-- reference can. Its name is what the library looks for.
	EXECUTE format('CREATE TABLE %s.batch_skus (reference text COLLATE "C" PRIMARY KEY, sku text COLLATE "C" NOT NULL)', home);
	EXECUTE format('ALTER TABLE %s.batch_skus OWNER TO %s', home, owner);
	EXECUTE format('COMMENT ON TABLE %s.batch_skus IS %L', home,
		'The SKU of each reference, also of batches that have been deleted. Written by add_batch() only.');
	EXECUTE format('INSERT INTO %s.batch_skus SELECT reference, sku FROM %s', home, batches);
	FOR fault IN SELECT conname FROM pg_constraint
		WHERE conrelid = batches AND contype = 'u'
			AND conkey = (SELECT ARRAY[attnum] FROM pg_attribute WHERE attrelid = batches AND attname = 'reference')
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', batches, fault);
	END LOOP;

	-- The trigger goes to the shards, by whoever owns the tables, also when they move. The owner may not use the function
	-- of the extension for that, but this one, which Citus takes along with what is granted. TRUNCATE has no look at the
	-- lines: Citus empties the shards of both tables side by side. So the owner may not do it.
	EXECUTE format('CREATE FUNCTION %s.shard_keep_allocated_batches() RETURNS trigger
		AS ''$libdir/allocation'', ''allocation_keep_allocated_batches'' LANGUAGE C', home);
	EXECUTE format('REVOKE EXECUTE ON FUNCTION %s.shard_keep_allocated_batches() FROM PUBLIC', home);
	EXECUTE format('GRANT EXECUTE ON FUNCTION %s.shard_keep_allocated_batches() TO %s', home, owner);
	EXECUTE format('DROP TRIGGER keep_allocated_batches ON %s', batches);
	EXECUTE format('DROP TRIGGER keep_allocated_batches_truncate ON %s', batches);
	EXECUTE format('CREATE TRIGGER keep_allocated_batches AFTER DELETE OR UPDATE OF reference, sku ON %s
		FOR EACH ROW EXECUTE FUNCTION %s.shard_keep_allocated_batches()', batches, home);
	EXECUTE format('REVOKE TRUNCATE ON %s FROM %s', batches, owner);

	PERFORM create_distributed_table(home || '.batch_skus', 'reference', colocate_with := 'none');
	PERFORM create_distributed_table(batches, 'sku', colocate_with := 'none');
	PERFORM create_distributed_table(order_lines, 'sku', colocate_with := batches::text);
	-- Where Citus has created the extension on a worker the tables there are a superuser's, and so would be what the owner's
	-- triggers do.
	EXECUTE format('ALTER TABLE %s OWNER TO %s', batches, owner);
	EXECUTE format('ALTER TABLE %s OWNER TO %s', order_lines, owner);
	-- The rows are on the shards now. Those that are left here nobody sees any more, but the trigger would.
	PERFORM set_config('session_replication_role', 'replica', true);
	PERFORM truncate_local_data_after_distributing_table(t)
		FROM unnest(ARRAY[(home || '.batch_skus')::regclass, batches, order_lines]) AS t;
	PERFORM set_config('session_replication_role', 'origin', true);
END
$$;

-- A call that names one SKU goes to the node that has it, whole: so it takes one message, and it reads as of one moment.
-- What goes there is the C function under another name, shard_... The call itself keeps its name and its grants; it works
-- as the owner of the tables, as the C function does.
DO $$
DECLARE
	home text := (SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace
		WHERE extname = 'allocation');
	owner regrole := (SELECT relowner FROM pg_class WHERE oid = (home || '.batches')::regclass);
	call record;
	hop text;
BEGIN
	FOR call IN
		SELECT f.oid::regprocedure AS identity, f.proname AS name, f.prosrc AS symbol, f.probin AS library, sku, nargs,
			f.proretset AS is_set,
			pg_get_function_arguments(f.oid) AS arguments,
			(SELECT string_agg(t::regtype::text, ', ' ORDER BY n) FROM unnest(f.proargtypes) WITH ORDINALITY AS u (t, n)) AS types,
			(SELECT string_agg('$' || n, ', ') FROM generate_series(1, f.pronargs) AS n) AS parameters,
			pg_get_function_result(f.oid) AS result
		FROM pg_proc AS f JOIN (VALUES
			('change_batch_quantity', 3, 1), ('change_batch_eta', 3, 1), ('allocate', 5, 2), ('try_allocate', 5, 2), ('promise', 3, 1),
			('deallocate', 2, 2), ('reallocate', 4, 2), ('reallocate_sku', 1, 1), ('ship', 3, 2)
		) AS c (name, nargs, sku) ON f.proname = c.name AND f.pronargs = c.nargs
		WHERE f.pronamespace = home::regnamespace
	LOOP
		-- A shard may move while a call is on its way: then the node asks the other one, which it may not unless this is set.
		EXECUTE format('CREATE FUNCTION %s.shard_%s(%s) RETURNS %s AS %L, %L LANGUAGE C VOLATILE PARALLEL UNSAFE
			SET citus.allow_nested_distributed_execution = on', home, call.name, call.types, call.result, call.library, call.symbol);
		EXECUTE format('REVOKE EXECUTE ON FUNCTION %s.shard_%s(%s) FROM PUBLIC', home, call.name, call.types);
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s.shard_%s(%s) TO %s', home, call.name, call.types, owner);

		-- PL/pgSQL tells Citus the values, without which it sends nothing away; nor does it if there is a WHERE: with a NULL
		-- for the SKU that has to be so, for then it would not refuse the call but crash.
		-- Whether the transaction may write, Citus tells the node only if BEGIN has said so.
		hop := format(CASE WHEN call.is_set THEN $hop$
BEGIN
	%6$s
	IF $%5$s IS NULL THEN
		RETURN QUERY SELECT f.* FROM %1$s.shard_%2$s(%4$s) AS f WHERE pg_backend_pid() IS NOT NULL;
	ELSE
		RETURN QUERY SELECT * FROM %1$s.shard_%2$s(%4$s);
	END IF;
END
$hop$ ELSE $hop$
DECLARE
	answer %3$s;
BEGIN
	%6$s
	IF $%5$s IS NULL THEN
		SELECT f INTO answer FROM %1$s.shard_%2$s(%4$s) AS f WHERE pg_backend_pid() IS NOT NULL;
	ELSE
		SELECT * INTO answer FROM %1$s.shard_%2$s(%4$s);
	END IF;
	RETURN answer;
END
$hop$ END, home, call.name, call.result, call.parameters, call.sku,
			CASE WHEN call.name <> 'promise' THEN format('IF current_setting(''transaction_read_only'')::boolean THEN
		RAISE read_only_sql_transaction USING MESSAGE = ''cannot execute %s() in a read-only transaction'';
	END IF;', call.name) END);

		IF call.is_set THEN
			-- PL/pgSQL takes no column for which there is an argument of the same name, and these have to stay: one step more.
			EXECUTE format('CREATE FUNCTION %s.shard_hop_%s(%s) RETURNS %s LANGUAGE plpgsql AS %L',
				home, call.name, call.types, call.result, hop);
			hop := format('SELECT * FROM %s.shard_hop_%s(%s)', home, call.name, call.parameters);
		END IF;
		EXECUTE format('CREATE OR REPLACE FUNCTION %s.%s(%s) RETURNS %s LANGUAGE %s VOLATILE PARALLEL UNSAFE SECURITY DEFINER '
			'SET search_path = pg_catalog, pg_temp AS %L',
			home, call.name, call.arguments, call.result, CASE WHEN call.is_set THEN 'sql' ELSE 'plpgsql' END, hop);
		EXECUTE format('ALTER FUNCTION %s OWNER TO %s', call.identity, owner);
		PERFORM create_distributed_function(format('%s.shard_%s(%s)', home, call.name, call.types)::regprocedure, '$' || call.sku,
			colocate_with := home || '.batches', force_delegation := true);
		IF call.is_set THEN
			EXECUTE format('REVOKE EXECUTE ON FUNCTION %s.shard_hop_%s(%s) FROM PUBLIC', home, call.name, call.types);
			EXECUTE format('GRANT EXECUTE ON FUNCTION %s.shard_hop_%s(%s) TO %s', home, call.name, call.types, owner);
		END IF;
	END LOOP;

	-- What a caller could set: with the first off, what a call does on a node would be committed at once. Dates go to nodes
	-- as they are written here, and would be read as they are written there; they come back as they are written there, if
	-- not in binary.
	FOR call IN SELECT f.oid::regprocedure AS identity FROM pg_proc AS f
		JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e'
		JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'allocation'
		WHERE f.provolatile = 'v' AND f.prorettype <> 'trigger'::regtype
	LOOP
		EXECUTE format('ALTER FUNCTION %s SET citus.function_opens_transaction_block = on SET datestyle = iso
			SET citus.enable_binary_protocol = on', call.identity);
	END LOOP;
	-- Citus sets it on the workers as well.
	EXECUTE format('ALTER DATABASE %I SET allocation.distributed = on', current_database());
END
$$;
COMMIT;

-- Who has connected in the meantime does not have the setting, and must not go on.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
		AND application_name NOT LIKE 'citus%' \g /dev/null

SELECT EXISTS (SELECT FROM run_command_on_workers('SELECT count(*) FROM pg_catalog.pg_db_role_setting
	JOIN pg_catalog.pg_database AS d ON d.oid = setdatabase
	WHERE datname = current_database() AND ''allocation.distributed=on'' = ANY (setconfig)')
	WHERE NOT success OR result <> '1') AS failed \gset
\if :failed
	DO $$ BEGIN RAISE 'a worker does not have the setting allocation.distributed = on: set it there before the first call'; END $$;
\endif
