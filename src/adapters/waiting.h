/*
 * waiting.h
 *		Waiting for others without being in the way of third parties.
 */
#ifndef WAITING_H
#define WAITING_H

#include "adapters/installation.h"
#include "service_layer/repository.h"

/* How long this session waits for a lock, and after which time it looks for deadlocks (both in milliseconds). */
typedef struct Patience
{
	int			lock_timeout;	/* 0: for ever */
	int			deadlock_timeout;
} Patience;

extern Patience current_patience(void);
extern void restore_patience(Patience patience);
extern bool has_lost_patience(Patience before);
extern void wait_for_a_moment(void);
extern void be_ready_to_yield(bool for_a_while);
extern bool wait_for_lines(const Installation *installation, OrderLine **lines, size_t n);

#endif							/* WAITING_H */
