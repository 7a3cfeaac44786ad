EXTENSION = allocation
MODULE_big = allocation
OBJS = src/allocation.o src/model.o src/services.o src/spi_repository.o src/subtransaction.o
DATA = sql/allocation--1.0.0.sql
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -fvisibility=hidden

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
