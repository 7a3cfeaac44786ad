/*
 * helpers.h
 *		The words of the unit tests.  All they are about are lamps, unless a test
 *		says otherwise.
 */
#ifndef HELPERS_H
#define HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "service_layer/services.h"

#define LAMP "LAMP"
#define CHAIR "CHAIR"

/* Lines, with dates and holds if these are given. */
#define LINE(order, of_sku, units, ...) ((OrderLine) {.orderid = order, .sku = of_sku, .qty = units, __VA_ARGS__})
#define LAMPS(order, units, ...) LINE(order, LAMP, units, __VA_ARGS__)
#define BY(day) .needed_by = day
#define HELD .held_until = fake->tables.now + 1000

/* The storage of the test that runs. */
extern Fake *fake;

extern int	set_up(void **state);
extern int	tear_down(void **state);
extern void renew_storage(void);
extern void holds_expire(void);

/* Stock */
extern void bought(Batch batch);
extern void stocked(const char *reference, int32_t qty);
extern void under_way(const char *reference, int32_t qty, Day eta);

/* Calls */
extern LineResult allocated(OrderLine line);
extern LineResult reallocated(OrderLine line);
extern LineResult deallocated(const char *orderid);
extern LineResult shipped(const char *orderid, int32_t qty);
extern LinesResult resized(const char *reference, int32_t qty);
extern LinesResult rescheduled(const char *reference, Day eta);
extern LinesResult served_queue(void);
extern void waits(OrderLine line);

/* Answers; a batch is NULL if the line waits */
extern void assert_served(LineResult result, const char *batchref);
extern void assert_refused(LineResult result, Outcome outcome);
extern void assert_told(LinesResult result, const char *lines);

/* What is stored */
extern void assert_line(const char *orderid, int32_t qty, const char *batchref);
extern void assert_allocated(const char *reference, int32_t qty);
extern void assert_unchanged(const FakeTables *before);

#endif							/* HELPERS_H */
