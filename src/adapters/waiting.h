/*
 * waiting.h
 *		Waiting for other transactions without blocking third ones.
 */
#ifndef WAITING_H
#define WAITING_H

#include "adapters/installation.h"
#include "service_layer/repository.h"

/* How long the session waits for a lock, and when it begins to look for a deadlock, in milliseconds. */
typedef struct Patience
{
	int			lock_timeout;	/* 0: as long as it takes */
	int			deadlock_timeout;
} Patience;

extern Patience patience_now(void);
extern void patience_restore(Patience patience);
extern bool patience_was_limited(Patience before);
extern void patience_limit_to_moment(void);
extern void patience_be_ready_to_yield(bool for_a_while);
extern bool wait_for_lines(const Installation *installation, OrderLine **lines, size_t n);

#endif							/* WAITING_H */
