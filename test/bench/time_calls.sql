-- The time of one call, in microseconds, over so many of them on the SKUs from FIRST to LAST.

CREATE FUNCTION time_calls(run text, calls integer, first integer, last integer) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	FOR i IN 1..calls LOOP
		PERFORM allocate(format('order-%s-%s', run, i), format('SKU-%s', first + i::bigint * 7919 % (last - first + 1)), 2);
	END LOOP;
	RETURN extract(epoch FROM clock_timestamp() - start) * 1e6 / calls;
END
$$;
