/*
 * settling.h
 *		What the use cases share that write what has come of placing lines.
 */
#ifndef SETTLING_H
#define SETTLING_H

#include "placing.h"

/* What an attempt wants of batches, in lock order; the next one locks these first. */
typedef struct Wanted
{
	const Charge *charges;
	size_t		n;
} Wanted;

extern void settle(Placing *placing);
extern void measure_shortages(Placing *placing, LineResult **results);

extern void lock_wanted(Repository *repository, const Wanted *wanted);
extern bool are_locked(Wanted *wanted, const Placing *placing);
extern bool charge(Repository *repository, const Charge *charges, size_t n);
extern bool write_known_lines(Repository *repository, List *from, List *to, List *removed);

#endif							/* SETTLING_H */
