EXTENSION = allocation
EXTVERSION = 1.0.0
MODULE_big = allocation
OBJS = $(patsubst %.c, %.o, $(sort $(wildcard src/*/*.c)))
DATA = $(wildcard sql/allocation--*.sql)
PG_CPPFLAGS = -I$(srcdir)/src -DALLOCATION_VERSION='"$(EXTVERSION)"'
EXTRA_CLEAN = compiled_for
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -fvisibility=hidden

REGRESS = install allocate deallocate reallocate change_batch_quantity allocate_lines many_batches arrival dates queue shipping \
	holds refusals promise recipes errors arguments transactions tables views read_only privileges check_allocation unusual
REGRESS_OPTS = --inputdir=test --outputdir=. --load-extension=allocation --encoding=UTF8
ISOLATION = last_unit next_batch lost_races same_line shrinking_batch returned_line same_batch \
	guarded_batches no_deadlock many_lines serialization kept_snapshot vanished \
	one_moment lock_order asked_again rebuilt_index guarded_statements equally_good own_constraints latest_line kept_versions \
	nobody_overtakes never_late who_is_told another_date better_batches ship_waits ship_or_give_back \
	taken_back confirmed_in_time held_and_firm lines_in_order archived_lines clock expired_meanwhile relied_day taken_batches \
	waiting_meets_serving queue_locks reindex everybody_gets_through repeat_under_load $(ON_ONE_SERVER)
# These need what rows of our own server show beside their columns, or the limits of waiting that are set on it only.
ON_ONE_SERVER = foreign_keys repeat_holds_nothing
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=allocation

# Targets that bring their own server, and what they need: none of them touches another one.
OWN_SERVER = demo shell test clients sharding stress simulate fuzz large coverage bench bench-instructions bench-sharding
SERVER = test/server
TEST_PACKAGES = libcmocka-dev python3-hypothesis python3-psycopg python3-psycopg2 python3-sqlalchemy sqlsmith postgresql-VERSION-pgtap \
	libtap-parser-sourcehandler-pgtap-perl postgresql-VERSION-plproxy
CLIENT_PACKAGES = pgbouncer libpq-dev python3-psycopg2 python3-psycopg python3-sqlalchemy libpostgresql-jdbc-java \
	libjunixsocket-java \
	$(shell command -v javac >/dev/null || echo default-jdk-headless) $(shell command -v npm >/dev/null || echo npm)

ifdef PG_CONFIG
export PG_CONFIG
else
PG_CONFIG = pg_config
endif
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else ifeq ($(filter $(OWN_SERVER) deb dist,$(MAKECMDGOALS)),)
$(error "$(PG_CONFIG)" leads to no PostgreSQL server headers: install postgresql-server-dev-all, or say make PG_CONFIG=/path/to/pg_config)
endif

# Objects are good for one server only: with another PG_CONFIG they are all compiled anew.
$(OBJS) $(OBJS:.o=.bc): compiled_for
compiled_for: always
	@$(PG_CONFIG) | cmp -s - $@ || $(PG_CONFIG) >$@

# Clang's static analyzer; Debian's server headers bring a clang.
analyze:
	for file in $(OBJS:.o=.c); do \
		$(CLANG) --analyze -Xanalyzer -analyzer-output=text -Xclang -analyzer-werror $(CPPFLAGS) $$file -o /dev/null || exit 1; \
	done

demo:
	@$(SERVER) psql -X <test/demo.sql 2>&1

shell:
	@$(SERVER) sh -c 'psql -Xq -c "CREATE SCHEMA stockroom" -c "CREATE EXTENSION allocation SCHEMA stockroom" \
		-c "ALTER DATABASE postgres SET search_path = public, stockroom" && exec psql'

test:
	@PACKAGES="$(TEST_PACKAGES)" $(SERVER) test/all

clients:
	@PACKAGES="$(CLIENT_PACKAGES)" $(SERVER) test/clients/run

sharding:
	@PACKAGES="postgresql-VERSION-plproxy pgbouncer python3-psycopg2" $(SERVER) prove --comments --failures test/sharding

# Each program has a share of the SECONDS.
SHARE = --seconds $$(($(or $(SECONDS),600) / $(1)))

stress:
	@PACKAGES="python3-hypothesis python3-psycopg2" $(SERVER) sh -c "test/random/stress $(call SHARE,3) && \
		test/random/races $(call SHARE,3) && test/random/histories $(call SHARE,3)"

# Needs no server: the services in chosen schedules.
simulate:
	@$(MAKE) -s -C test/sim check SECONDS=$(or $(SECONDS),600) SEED=$$(date +%s)

fuzz:
	@PACKAGES="sqlsmith python3-hypothesis python3-psycopg2" $(SERVER) sh -c "test/random/fuzz $(call SHARE,2) && \
		test/random/fuzz-tables $(call SHARE,2)"

large:
	@PACKAGES=python3-psycopg2 $(SERVER) test/servers/large

coverage:
	@PACKAGES="lcov $(TEST_PACKAGES)" test/coverage

bench:
	@test/bench/run

bench-instructions:
	@test/bench/instructions

bench-sharding:
	@test/bench/sharding

# Debian packages, for the Debian at hand or each of the SUITES; as root, for they are built and tried in chroots.
deb:
	@test/packages $(SUITES)

# What PGXN takes: the last commit.
dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ -o $(EXTENSION)-$(EXTVERSION).zip HEAD

.PHONY: always analyze deb dist $(OWN_SERVER)
