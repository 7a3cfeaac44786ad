EXTENSION = allocation
EXTVERSION = 1.0.0
MODULE_big = allocation
OBJS = $(patsubst %.c, %.o, $(sort $(wildcard src/*/*.c)))
DATA = $(wildcard sql/allocation--*.sql)
PG_CPPFLAGS = -I$(srcdir)/src -DALLOCATION_VERSION='"$(EXTVERSION)"'
EXTRA_CLEAN = compiled_for
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -fvisibility=hidden

REGRESS = $(filter-out distributed, $(patsubst test/sql/%.sql, %, $(sort $(wildcard test/sql/*.sql))))
REGRESS_OPTS = --inputdir=test --outputdir=. --load-extension=allocation --encoding=UTF8
ISOLATION = $(patsubst test/specs/%.spec, %, $(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=allocation

# test/t/distributed says DISTRIBUTED=yes. These need further installations or limits of waiting that a single server has, or
# what rows show there.
ON_ONE_SERVER = install privileges allocate_lines foreign_keys repeat_holds_nothing
ifdef DISTRIBUTED
REGRESS := distributed $(filter-out $(ON_ONE_SERVER), $(REGRESS))
ISOLATION := $(filter-out $(ON_ONE_SERVER), $(ISOLATION))
endif

# Targets that bring their own server, and what they need: none of them touches another one.
OWN_SERVER = demo shell test clients sharding stress simulate fuzz large coverage bench bench-instructions bench-sharding
SERVER = test/server
TEST_PACKAGES = libcmocka-dev patch python3-alembic python3-django python3-hypothesis python3-jsonschema \
	python3-psycopg python3-psycopg2 python3-sqlalchemy sqlsmith postgresql-VERSION-pgtap postgresql-VERSION-plproxy
CLIENT_PACKAGES = pgbouncer libpq-dev python3-psycopg2 python3-psycopg python3-sqlalchemy libpostgresql-jdbc-java \
	libjunixsocket-java mypy \
	$(shell command -v javac >/dev/null || echo default-jdk-headless) $(shell command -v npm >/dev/null || echo npm)

ifdef PG_CONFIG
export PG_CONFIG
else
PG_CONFIG = pg_config
endif
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else ifeq ($(filter $(OWN_SERVER) deb dist project site,$(MAKECMDGOALS)),)
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
	@$(SERVER) psql -X <doc/demo.sql 2>&1

# A fresh server, as README.md begins with: the extension is installed there, and in no database yet.
shell:
	@$(SERVER) psql

test:
	@PACKAGES="$(TEST_PACKAGES)" $(SERVER) test/run

clients:
	@PACKAGES="$(CLIENT_PACKAGES)" $(SERVER) test/clients/run

sharding:
	@PACKAGES="postgresql-VERSION-plproxy pgbouncer python3-psycopg2" $(SERVER) test/run test/t/sharding

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
	@PACKAGES="lcov $(TEST_PACKAGES)" test/servers/coverage

bench:
	@test/bench/run

bench-instructions:
	@test/bench/instructions

bench-sharding:
	@test/bench/sharding

# Writes the values of project.conf to all files that have them.
project:
	@packaging/project

site:
	@packaging/site

# Debian packages, for the Debian at hand or each of the SUITES; as root, for they are built and tried in chroots.
deb:
	@test/debian/packages $(SUITES)

# What PGXN takes: the last commit.
dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ -o $(EXTENSION)-$(EXTVERSION).zip HEAD

.PHONY: always analyze deb dist project site $(OWN_SERVER)
