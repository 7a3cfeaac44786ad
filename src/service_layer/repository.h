/*
 * repository.h
 *		The port to storage: what the services ask of it.
 *
 * All that one attempt at a unit of work reads is as of one moment, so what it
 * decides was right at that moment.  Other sessions may change it before the
 * attempt writes.  Every write therefore names what it relies on, and returns
 * false if that no longer holds; then the attempt has to be undone.
 *
 * Locks are taken in one order, so that no two units of work wait for each
 * other: queues, then batches, then lines; new lines before known ones; rows of
 * one kind by their keys.
 *
 * What a repository hands out in the last attempt at a unit of work outlasts it;
 * what it hands out in an earlier attempt is there until the next one has ended.
 */
#ifndef REPOSITORY_H
#define REPOSITORY_H

#include "domain/model.h"

/* What identifies a batch or a line. */
typedef struct RowKey
{
	const char *sku;
	const char *name;			/* the reference of a batch, the order of a line */
} RowKey;

/* What storage knows of a row that was read.  It is handed back when the row is written. */
typedef struct Row
{
	uint64_t	place;			/* where it is; 0 if that is unknown */
	uint32_t	version;		/* of a line */
	bool		is_contended;	/* of a batch: another transaction seems to be taking from it just now */
} Row;

/* A line and a batch as they were read. */
typedef struct StoredLine
{
	OrderLine	line;
	Row			row;
} StoredLine;

typedef struct StoredBatch
{
	Batch		batch;
	Row			row;
} StoredBatch;

/* What a visitor of batches wants to see next. */
typedef enum Visit
{
	VISIT_NO_MORE,
	VISIT_NEXT,
	VISIT_NEXT_SKU				/* no more of this SKU; it may get more of it all the same */
} Visit;

/* Sees one batch of many. */
typedef Visit (*BatchVisitor) (void *context, const StoredBatch *batch);

/* Sees one line of many; returns whether to go on to the next. */
typedef bool (*LineVisitor) (void *context, const StoredLine *line);

/* What lines of one SKU ask for: so many units or more, by a deadline. */
typedef struct Demand
{
	const char *sku;
	int32_t		qty;
	Day			deadline;
} Demand;

/* Units to take from a batch or, if negative, to give back to it. */
typedef struct Charge
{
	RowKey		batch;
	int32_t		units;
	Row			row;			/* of the batch, if it was read */
	bool		relies_on_day;	/* fails if the batch has another ETA than this one: */
	Day			eta;
} Charge;

/* What the current attempt at a unit of work has to know of itself. */
typedef struct Attempt
{
	int			nfailed;		/* attempts before it that have failed; those that were undone only to wait do not count */

	/*
	 * Whether to look for what a write would meet.  A first attempt writes
	 * optimistically.  A later one looks first, and so does every attempt under
	 * a kept snapshot: there a write does not meet a row that others have
	 * removed, although the snapshot still shows it.
	 */
	bool		looks_first;

	bool		joined_first;	/* it joined its queues before it read: nobody serves them while it decides */
} Attempt;

typedef struct Repository Repository;

struct Repository
{
	Attempt		attempt;

	/* Memory that lives as long as what the repository hands out. */
	void	   *(*allocate_memory) (Repository *repository, size_t size);

	/* Memory that outlasts the unit of work. */
	void	   *(*allocate_lasting_memory) (Repository *repository, size_t size);

	/* The time, comparable with ordered_at and held_until; nothing that is read is of a later moment. */
	int64_t		(*current_time) (Repository *repository);

	/* Any number below n. */
	uint32_t	(*random_below) (Repository *repository, uint32_t n);

	/* Long work calls this now and then.  If the caller has cancelled, the attempt ends here, undone. */
	void		(*check_cancelled) (Repository *repository);

	/* Takes a new snapshot.  Only once our own writes hold the locks that keep others out. */
	void		(*look_again) (Repository *repository);

	/*
	 * Reading lines
	 */

	/* Visits the lines of n keys that exist, in the order of the keys. */
	void		(*visit_known_lines) (Repository *repository, const RowKey *keys, size_t n,
									  LineVisitor visit, void *context);

	/* Visits the lines of the order, by SKU. */
	void		(*visit_lines_of_order) (Repository *repository, const char *orderid,
										 LineVisitor visit, void *context);

	/* Visits the lines that the batch serves, the latest turn first. */
	void		(*visit_lines_of_batch) (Repository *repository, RowKey batch,
										 LineVisitor visit, void *context);

	/*
	 * Visits, in any order, the lines of the SKU with open units that wait or
	 * whose batch is not in the warehouse.  If others have changed which lines
	 * these are since the transaction's kept snapshot, the attempt ends here.
	 */
	void		(*visit_lines_to_improve) (Repository *repository, const char *sku,
										   LineVisitor visit, void *context);

	/* Visits the lines of n SKUs, SKU by SKU, that have a batch and whose hold has expired by now. */
	void		(*visit_expired_holds) (Repository *repository, const char **skus, size_t n, int64_t now,
										LineVisitor visit, void *context);

	/* Does any line have this batch, or any batch if that is NULL? */
	bool		(*serves_lines) (Repository *repository, const RowKey *batch);

	/*
	 * Reading batches
	 */

	/* Reads the batch, of any SKU if the key has none; false if there is none. */
	bool		(*find_batch) (Repository *repository, RowKey key, StoredBatch *batch);

	/* Visits the batches of n keys that exist, in the order of the keys. */
	void		(*visit_known_batches) (Repository *repository, const RowKey *keys, size_t n,
										BatchVisitor visit, void *context);

	/* Is there any batch of the SKU, even an exhausted one? */
	bool		(*has_sku) (Repository *repository, const char *sku);

	/*
	 * Visits, in preference order, the first batch that can meet the demand and
	 * those that are equally good, as far as they are within reach.  It may also
	 * visit batches that cannot meet it.
	 */
	void		(*visit_first_batches) (Repository *repository, Demand demand,
										BatchVisitor visit, void *context);

	/*
	 * Visits all batches that can meet one of n demands: SKU by SKU in the order
	 * of the demands, each in preference order.  It may also visit batches that
	 * cannot.
	 */
	void		(*visit_batches) (Repository *repository, const Demand *demands, size_t n,
								  BatchVisitor visit, void *context);

	/*
	 * Locking the queue of a SKU, until the transaction ends
	 */

	/* Keeps all others from serving the queue and from leaving lines in it.  A new snapshot follows. */
	void		(*hold_queue) (Repository *repository, const char *sku);

	/*
	 * Keeps others from serving the queues of n SKUs, in which this attempt
	 * leaves lines waiting; it writes nothing after that.  Reads that follow are
	 * of the latest moment, at any isolation level.  False if somebody serves
	 * one of the queues: the next attempt waits for that first, holding nothing.
	 */
	bool		(*join_queues) (Repository *repository, const char **skus, size_t n);

	/*
	 * Locking rows.  An attempt does it before it reads, batches before lines,
	 * and then writes only to rows that it has locked.  If such a write fails,
	 * no other session is the reason.
	 */

	/* Locks the batches of n keys, in the order of the keys; visits those that exist, as they are now. */
	void		(*lock_batches) (Repository *repository, const RowKey *keys, size_t n,
								 BatchVisitor visit, void *context);

	/* Locks the lines of n keys likewise. */
	void		(*lock_lines) (Repository *repository, const RowKey *keys, size_t n,
							   LineVisitor visit, void *context);

	/*
	 * Writing batches, in the order of their keys
	 */

	/* Records a new batch.  If its reference is known, the attempt ends here, undone. */
	void		(*add_batch) (Repository *repository, const Batch *batch);

	/*
	 * Makes n charges; false if a batch has too few units left to take, too few
	 * allocated and not shipped to give back, or another ETA than a charge relies on.
	 */
	bool		(*charge_batches) (Repository *repository, const Charge *charges, size_t n);

	/* Ships the units of n charges; false if a batch is not in the warehouse, or has too few allocated. */
	bool		(*ship_from_batches) (Repository *repository, const Charge *charges, size_t n);

	/* Sets the purchased quantity; false if more than that is allocated. */
	bool		(*resize_batch) (Repository *repository, RowKey batch, int32_t qty);

	/* Replaces the quantities of the batch; false if it has others than those that were read. */
	bool		(*shrink_batch) (Repository *repository, const Batch *from, const Batch *to);

	/* Replaces the ETA of the batch; false if another quantity has shipped than was read. */
	bool		(*reschedule_batch) (Repository *repository, const Batch *from, const Batch *to);

	/*
	 * Writing lines, in the order of their keys
	 */

	/*
	 * Records n new lines.  If one exists, the attempt ends here, undone.  So it
	 * does if another transaction is adding or removing one just now: then the
	 * next attempt waits for that transaction first, holding nothing.
	 */
	void		(*add_lines) (Repository *repository, OrderLine **lines, size_t n);

	/* Replaces n lines; false if one has changed since it was read. */
	bool		(*change_lines) (Repository *repository, StoredLine **from, OrderLine **to, size_t n);

	/* Removes n lines; false if one has changed since it was read. */
	bool		(*remove_lines) (Repository *repository, StoredLine **lines, size_t n);
};

#endif							/* REPOSITORY_H */
