/*
 * waiting.h
 *		Waiting for others without being in the way of third parties.
 */
#ifndef WAITING_H
#define WAITING_H

#include "installation.h"
#include "repository.h"

/*
 * An attempt that holds a queue, or a batch for a new line, waits no longer than
 * this for a row of others (in milliseconds): they may be about to ask for that
 * queue, or have nothing to do with that batch.  After some attempts, whoever
 * serves a queue waits as long as it takes.
 */
#define WAIT_FOR_LINE 1
#define WAIT_IN_QUEUE 50
#define MOST_WAITS_CUT 3

extern bool wait_for_lines(const Installation *installation, OrderLine **lines, size_t n);
extern void limit_waits(int caller_limit, int milliseconds);
extern bool has_reached_limit(int caller_limit, const ErrorData *error);

#endif							/* WAITING_H */
