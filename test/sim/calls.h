/*
 * calls.h
 *		Calls of the services as values, and their answers as text.
 */
#ifndef CALLS_H
#define CALLS_H

#include "service_layer/services.h"
#include "store.h"

#define MAX_LINES 8
#define MAX_ANSWER 1024

typedef enum Operation
{
	ALLOCATE,
	ALLOCATE_LINES,
	TRY_ALLOCATE_LINES,
	REALLOCATE,
	PROMISE,
	DEALLOCATE,
	DEALLOCATE_ORDER,
	REALLOCATE_SKU,
	SHIP,
	SHIP_ORDER,
	ADD_BATCH,
	CHANGE_BATCH_QUANTITY,
	CHANGE_BATCH_ETA
} Operation;

typedef struct Call
{
	Operation	operation;
	OrderLine	lines[MAX_LINES];	/* the first names the order and the SKU */
	int			n;
	Batch		batch;
	bool		all_or_nothing;
	bool		is_recipe;		/* belongs to the call before it */
	bool		is_left_out;	/* to see whether a failure needs it */
} Call;

extern void call_describe(const Call *call, char *text, size_t size);
extern Error call_perform(Session *session, const Call *call, char *answer);
extern bool call_makes_room(const Call *call);

#endif							/* CALLS_H */
