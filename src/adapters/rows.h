/*
 * rows.h
 *		What statements return, as lines and batches of the domain.
 */
#ifndef ROWS_H
#define ROWS_H

#include "service_layer/repository.h"
#include "tcop/dest.h"

/* Hands what a statement returns to a visitor, row by row, until that has seen enough. */
typedef struct Reader
{
	DestReceiver receiver;
	MemoryContext memory;		/* where what it hands out lives */
	BatchVisitor visit_batch;
	LineVisitor visit_line;
	void	   *context;
	const Demand *demand;		/* a batch that comes later ends it; or NULL */
	int			patience;		/* with a demand: after so many batches with less left it has seen enough */
	bool		wants_one;		/* a row, and does not go on through the older versions of it */
	bool		has_seen_enough;
	uint64		versions;		/* a hash of which rows it has read, in which versions; of batches where tables are distributed */
} Reader;

extern Reader reader_of_batches(MemoryContext memory, BatchVisitor visit, void *context);
extern Reader reader_of_lines(MemoryContext memory, LineVisitor visit, void *context);

/* In the place of a batch: this transaction has written it. */
#define PLACE_IS_OWN (UINT64CONST(1) << 63)

extern ItemPointerData place_tid(uint64 place);

#endif							/* ROWS_H */
