# shellcheck shell=bash
# What the TAP programs in bash share. A program ends with "finish".

number=0 failed=0
scratch=$(mktemp -d)
clean_up() {
	# shellcheck disable=SC2046 # one word for each process
	kill $(jobs -p) 2>/dev/null
	wait
	rm -rf "$scratch"
}
trap clean_up EXIT

# is GOT EXPECTED DESCRIPTION
is() {
	number=$((number + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $number - $3"
	else
		echo "not ok $number - $3"
		echo '# expected <, got >:'
		diff <(echo "$2") <(echo "$1") | sed 's/^/# /'
		failed=1
	fi
}

# Prints the plan and ends the program. A program without any test has failed.
finish() {
	[ "$number" != 0 ] || failed=1
	echo "1..$number"
	exit "$failed"
}

# sql CONNECTION [STATEMENT...]: runs the statements, or what comes on stdin, in one session. Errors are part of the
# answer: as SQLSTATEs or, with VERBOSITY=verbose, with their messages.
sql() {
	local connection=$1 statement statements=()
	shift
	for statement; do statements+=(-c "$statement"); done
	psql -XqAt -F ' ' -v VERBOSITY="${VERBOSITY:-sqlstate}" -d "$connection" "${statements[@]}" 2>&1 | grep -v '^LOCATION:'
}

# until_true CONNECTION QUERY: waits until the query returns true. Fails if it does not within 30 seconds.
until_true() {
	for _ in {1..600}; do
		[ "$(sql "$1" "$2")" = t ] && return
		sleep 0.05
	done
	is "$(sql "$1" "$2")" t "in time: $2"
}

# mismatches CONNECTION [SCHEMA]: batches whose counters differ from their lines, and lines whose batch is missing.
mismatches() {
	sql "$1" "SET search_path = ${2:-public}" "SELECT reference FROM batches WHERE allocated_quantity - shipped_quantity <>
			(SELECT coalesce(sum(qty - shipped_qty), 0) FROM order_lines WHERE batchref = reference)
		UNION ALL SELECT orderid FROM order_lines
			WHERE batchref IS NOT NULL AND batchref NOT IN (SELECT reference FROM batches)"
}

# rows CONNECTION [SCHEMA]: every row of both tables.
rows() {
	sql "$1" "SET search_path = ${2:-public}" "SELECT * FROM batches ORDER BY reference" \
		"SELECT * FROM order_lines ORDER BY sku, orderid"
}

# regress [VARIABLE=VALUE...]: runs "make installcheck". Each of its tests is one of ours: pg_regress prints TAP itself from
# PostgreSQL 16 on, but a plan each time.
regress() {
	local name result
	find "$BUILD" -name regression.diffs -delete
	if ! make -s -C "$BUILD" installcheck "$@" >"$scratch/regress" 2>&1; then
		failed=1
		{ cat "$scratch/regress"; find "$BUILD" -name regression.diffs -exec cat {} +; } | sed 's/^/# /'
	fi
	while read -r name result; do
		is "$result" ok "$name"
	done < <(sed -nE -e 's/^test (\S+) +\.\.\. (.*)  +[0-9]+ ms$/\1 \2/p' \
		-e 's/^((not )?ok) [0-9]+ +[-+] (\S+) .*/\3 \1/p' "$scratch/regress")
}
