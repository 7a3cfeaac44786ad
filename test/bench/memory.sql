-- Makes :calls calls, each in a transaction of its own; says ten times how many were made, and what memory, in bytes, the
-- session then has in its contexts and in the process (shared memory left out).
-- One call in ten asks for a line a second time, and one in ten gives a line back: these roll subtransactions back.

CREATE PROCEDURE make_calls(first integer, last integer) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN first..last LOOP
		PERFORM allocate(format('order-%s', i), format('SKU-%s', i % 10000 + 1), 1);
		IF i % 10 = 0 THEN
			PERFORM allocate(format('order-%s', i), format('SKU-%s', i % 10000 + 1), 1);
			PERFORM deallocate(format('order-%s', i), format('SKU-%s', i % 10000 + 1));
		END IF;
		COMMIT;
	END LOOP;
END
$$;

SELECT format('CALL make_calls(%s, %s)', :calls / 10 * (part - 1) + 1, :calls / 10 * part) AS calls,
	format($$SELECT %s, (SELECT sum(total_bytes) FROM pg_backend_memory_contexts),
		1024 * substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*(\d+)')::bigint$$, :calls / 10 * part) AS memory
FROM generate_series(1, 10) AS part \gexec
