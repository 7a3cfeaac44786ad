-- Run by the other files: an error unless the schema :kit is one in which nobody may create anything but superusers and
-- whoever runs the script. What others create there could be taken for what the script means: a function that suits the
-- types of its arguments better, say.
SELECT pg_catalog.set_config('sharding.kit', :'kit', true) \g /dev/null
DO $$
DECLARE
	kit text := current_setting('sharding.kit');
	others text := (SELECT string_agg(name, ', ')
		FROM (SELECT 'PUBLIC' WHERE has_schema_privilege('public', kit, 'CREATE')
			UNION ALL
			SELECT rolname FROM pg_roles
				WHERE has_schema_privilege(oid, kit, 'CREATE') AND NOT has_schema_privilege('public', kit, 'CREATE')
					AND NOT rolsuper AND NOT pg_has_role(oid, current_user, 'MEMBER')
					AND oid <> 'pg_database_owner'::regrole) AS others (name));
BEGIN
	IF NOT has_schema_privilege(kit, 'CREATE') THEN
		RAISE 'role "%" may not create anything in schema "%"', current_user, kit USING ERRCODE = 'insufficient_privilege';
	ELSIF others <> '' THEN
		RAISE 'others may create what they like in schema "%"', kit USING ERRCODE = 'insufficient_privilege',
			DETAIL = format('CREATE is granted to %s.', others),
			HINT = 'Use a schema of your own, or REVOKE CREATE ON SCHEMA from them.';
	END IF;
END
$$;
