/*
 * stock.h
 *		The batches of some SKUs as this unit of work sees them: those that it
 *		reads, and units that are free although storage does not say so, because
 *		it gives them back itself or because an expired hold has them.
 */
#ifndef STOCK_H
#define STOCK_H

#include "domain/claims.h"
#include "service_layer/changes.h"

/* A batch as this unit of work leaves it. */
typedef struct StockedBatch
{
	Batch		batch;
	StoredBatch stored;			/* as it was read */
	int32_t		freed;			/* units that are free although storage does not say so */
	int32_t		expired;		/* of these, units of expired holds */
	bool		serves;			/* a claim */
	bool		is_relied_on;	/* a line that stays has got another date, by which it arrives */
	bool		takes_back;		/* its expired holds, as their units are needed */
} StockedBatch;

typedef struct Stock
{
	Repository *repository;
	Locks	   *locks;
	int64_t		now;
	const char *closed;			/* the reference of a batch that serves nobody, or NULL */
	Vector		freed;			/* StockedBatches with freed units, by key */
	Vector		serving;		/* other StockedBatches that serve */
	Vector		replaced;		/* expired holds that the caller replaces, by key */
	Vector		expired;		/* other expired holds, whose units are freed */
	bool		waits;			/* a contended batch serves */
} Stock;

extern Stock stock_of(Repository *repository, Locks *locks, int64_t now);

extern bool stock_read_batches_of(Stock *stock, Vector *lines);
extern StockedBatch *stock_batch_of(const Stock *stock, const OrderLine *line);
extern bool stock_free(Stock *stock, const OrderLine *line);
extern void stock_add_freed(Stock *stock, const StoredBatch *batch, int32_t units);

extern bool stock_place(Stock *stock, Claims *claims);
extern void stock_offer(Stock *stock, Claims *claims);
extern bool stock_lacks_batches(const Stock *stock, const Claims *claims);
extern void stock_charge(Stock *stock, Changes *changes);

#endif							/* STOCK_H */
