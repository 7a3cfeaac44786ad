/*
 * repository.h
 *		What the services ask of storage.
 *
 * Whatever a repository hands out in the last attempt at a unit of work outlasts
 * it; in an earlier attempt, the next one.
 *
 * All that one attempt at a unit of work reads is as it was at one moment, so
 * what it decides was right at that moment.  Sessions work side by side, and by
 * the time it writes, that may have changed.  Every write therefore says what it
 * relies on; where that no longer holds it returns false, and the unit of work
 * has to be undone.
 *
 * Batches are written before lines: batches by SKU and reference, lines by SKU
 * and order, those that are new before those that are known.  So no two units of
 * work ever wait for each other.
 */
#ifndef REPOSITORY_H
#define REPOSITORY_H

#include "domain/model.h"

/* Sees one batch or line of many; returns whether to go on to the next. */
typedef bool (*BatchVisitor) (void *context, const Batch *batch);
typedef bool (*LineVisitor) (void *context, const OrderLine *line);

/* What lines ask for: so many units of a SKU, or more, not after some day. */
typedef struct Demand
{
	const char *sku;
	int32_t		qty;
	Day			deadline;
} Demand;

/* Units to take from a batch or, if negative, to give back to it. */
typedef struct Charge
{
	const char *sku;
	const char *reference;
	int32_t		units;
	uint64_t	place;			/* of the batch, as it was read; or 0 */
	bool		relies_on_day;	/* that it comes on this day, which was read: */
	Day			eta;
} Charge;

typedef struct Repository Repository;

struct Repository
{
	/* How many attempts at this unit of work have failed, beside those that were undone since they should not wait. */
	int			attempts;

	/* Has this one joined queues before it read anything?  Then nobody serves them while it decides what waits. */
	bool		joined_first;

	/*
	 * Whether to look before writing.  A first attempt need not, as a write
	 * meets what is there already.  It must where an earlier attempt met
	 * something, and in a transaction that keeps its snapshot: there a write
	 * does not meet what others have removed but the snapshot still shows.
	 */
	bool		cautious;

	/* Memory that lives as long as what the repository hands out. */
	void	   *(*allocate_memory) (Repository *repository, size_t size);

	/* Memory that outlasts the unit of work. */
	void	   *(*allocate_lasting_memory) (Repository *repository, size_t size);

	/* The time, as in a line's ordered_at and held_until; what is read is not of a later moment. */
	int64_t		(*current_time) (Repository *repository);

	/* Any number below n. */
	uint32_t	(*random_below) (Repository *repository, uint32_t n);

	/* Long work comes here now and then; where the caller has cancelled it, it ends here, undone. */
	void		(*check_cancelled) (Repository *repository);

	/*
	 * What is read from here on is of a later moment.  It is for an attempt
	 * that has kept others out by what it has written.
	 */
	void		(*look_again) (Repository *repository);

	/* Visits those of n lines that are known, as they are known and in their order. */
	void		(*visit_known_lines) (Repository *repository, OrderLine **lines, size_t n,
									  LineVisitor visit, void *context);

	/* Visits the lines of the order, by SKU. */
	void		(*visit_lines_of_order) (Repository *repository, const char *orderid,
										 LineVisitor visit, void *context);

	/* Visits the lines that the batch serves, the latest turn first. */
	void		(*visit_lines_of_batch) (Repository *repository, const Batch *batch,
										 LineVisitor visit, void *context);

	/*
	 * Visits the lines of the SKU with open units that wait, or whose batch is
	 * not in the warehouse; in any order.  Where the transaction keeps its
	 * snapshot and others have changed which these are, this attempt ends here,
	 * undone.
	 */
	void		(*visit_lines_to_improve) (Repository *repository, const char *sku,
										   LineVisitor visit, void *context);

	/* Visits the lines of n SKUs, SKU by SKU, that have a batch and were held until now or before. */
	void		(*visit_expired_holds) (Repository *repository, const char **skus, size_t n, int64_t now,
										LineVisitor visit, void *context);

	/* Reads the batch, of any SKU if that is NULL; false where there is none. */
	bool		(*find_batch) (Repository *repository, const char *sku, const char *reference, Batch *batch);

	/* Visits those of the batches of n charges that are there, in their order. */
	void		(*visit_known_batches) (Repository *repository, const Charge *charges, size_t n,
										BatchVisitor visit, void *context);

	/* Is there any batch of the SKU, be it exhausted? */
	bool		(*has_sku) (Repository *repository, const char *sku);

	/* Does the batch, or any batch if NULL, serve a line? */
	bool		(*serves_lines) (Repository *repository, const Batch *batch);

	/*
	 * Visits, in preference order, batches that can meet a demand: the first
	 * of them at any rate, those that are equally good as far as they are
	 * within reach; perhaps also some that cannot meet it.
	 */
	void		(*visit_first_batches) (Repository *repository, Demand demand,
										BatchVisitor visit, void *context);

	/*
	 * Visits all batches that can meet a demand, SKU by SKU as the n demands
	 * are given and in preference order; perhaps also some that cannot.
	 */
	void		(*visit_batches) (Repository *repository, const Demand *demands, size_t n,
								  BatchVisitor visit, void *context);

	/*
	 * Whoever serves the lines of a SKU that wait begins with it: until this
	 * transaction ends, nobody else serves them, or leaves one waiting.  What is
	 * read from here on is of a later moment.
	 */
	void		(*hold_queue) (Repository *repository, const char *sku);

	/*
	 * Whoever leaves lines of n SKUs waiting ends with it: until this
	 * transaction ends, nobody serves them.  What is read from here on is of
	 * the latest moment, at any isolation level, and nothing is written any
	 * more.  False where somebody serves one of them: the next attempt waits
	 * for that first, while it holds nothing.
	 */
	bool		(*join_queues) (Repository *repository, const char **skus, size_t n);

	/*
	 * Locks.  An attempt takes them before it reads anything, in the order in
	 * which they stand here, and then writes only to batches and known lines
	 * that it has locked: where such a write fails, no other session is the
	 * reason.
	 */

	/* Locks those of the batches of n charges that are there, given in their order; visits them as they are now. */
	void		(*lock_batches) (Repository *repository, const Charge *charges, size_t n,
								 BatchVisitor visit, void *context);

	/* Locks those of n lines that are known, given in their order; visits them as they are now. */
	void		(*lock_lines) (Repository *repository, OrderLine **lines, size_t n,
							   LineVisitor visit, void *context);

	/* Records a new batch.  Where its reference is known, this attempt ends here, undone. */
	void		(*add_batch) (Repository *repository, const Batch *batch);

	/*
	 * Makes n charges, given in their order; false where a batch has not so
	 * many units left to take, or allocated and not shipped to give back, or
	 * comes on another day than a charge relies on.
	 */
	bool		(*charge_batches) (Repository *repository, const Charge *charges, size_t n);

	/*
	 * So many units of n charges, given in their order, have left; false where
	 * a batch is not in the warehouse, or has not so many allocated.
	 */
	bool		(*ship_from_batches) (Repository *repository, const Charge *charges, size_t n);

	/* Sets the purchased quantity; false where more than that is allocated. */
	bool		(*resize_batch) (Repository *repository, const Batch *batch, int32_t qty);

	/* Replaces the quantities of the batch; false where it has not the quantities that were read. */
	bool		(*shrink_batch) (Repository *repository, const Batch *from, const Batch *to);

	/* Replaces the day of the batch; false where not so much has shipped as was read. */
	bool		(*reschedule_batch) (Repository *repository, const Batch *from, const Batch *to);

	/*
	 * Records n new lines.  Where one is known, this attempt ends here, undone;
	 * also where another transaction is just adding or removing one.  Then the
	 * next attempt waits for that transaction first, while it holds nothing.
	 */
	void		(*add_lines) (Repository *repository, OrderLine **lines, size_t n);

	/* Replaces n lines by what becomes of them; false where one is no longer what it was. */
	bool		(*change_lines) (Repository *repository, OrderLine **from, OrderLine **to, size_t n);

	/* Forgets n lines; false where one is no longer what it was. */
	bool		(*remove_lines) (Repository *repository, OrderLine **lines, size_t n);
};

#endif							/* REPOSITORY_H */
