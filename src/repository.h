/*
 * repository.h
 *		What the services ask of storage.
 *
 * Whatever a repository hands out lives in the memory of whoever asked for the
 * unit of work, and so outlasts it.
 *
 * Sessions work side by side, and what was read may have changed by the time it
 * is written.  Every write therefore says what it relies on and does nothing
 * where that no longer holds.  Batches are written before lines, and in the
 * preference order, so that no two units of work wait for each other.
 */
#ifndef REPOSITORY_H
#define REPOSITORY_H

#include <stddef.h>

#include "model.h"

/* Sees one batch or line of many; returns whether to go on to the next. */
typedef bool (*BatchVisitor) (void *context, const Batch *batch);
typedef bool (*LineVisitor) (void *context, const OrderLine *line);

/* Units to take from a batch or, if negative, to give back to it. */
typedef struct Charge
{
	const char *sku;
	const char *reference;
	int32_t		units;
} Charge;

typedef struct Repository Repository;

struct Repository
{
	/* How often this unit of work was undone to begin again: 0 at first. */
	int			attempt;

	/* Memory that lives as long as what the repository hands out. */
	void	   *(*allocate_memory) (Repository *repository, size_t size);

	/* Reads the order line; false where there is none. */
	bool		(*find_line) (Repository *repository, const char *orderid, const char *sku, OrderLine *line);

	/* Reads the batch; false where there is none. */
	bool		(*find_batch) (Repository *repository, const char *reference, Batch *batch);

	/* Is there any batch of the SKU, be it exhausted? */
	bool		(*has_sku) (Repository *repository, const char *sku);

	/* Does the batch, or any batch if NULL, serve a line? */
	bool		(*serves_lines) (Repository *repository, const Batch *batch);

	/* Visits the batches of the SKU that have anything left, in preference order. */
	void		(*visit_open_batches) (Repository *repository, const char *sku, BatchVisitor visit, void *context);

	/* Visits the lines that the batch serves, newest allocation first. */
	void		(*visit_lines_of_batch) (Repository *repository, const Batch *batch, LineVisitor visit, void *context);

	/*
	 * Reads the batches of the SKU that have anything left, and the named one
	 * in any case, in preference order; until the end of the transaction
	 * nobody else changes them.  Returns how many.
	 */
	size_t		(*lock_batches) (Repository *repository, const char *sku, const char *reference, Batch **batches);

	/* Records a new batch.  Where its reference is known, this attempt ends here, undone. */
	void		(*add_batch) (Repository *repository, const Batch *batch);

	/*
	 * Makes n charges, in their order; false where a batch has not so many
	 * units left to take, or allocated to give back.
	 */
	bool		(*charge_batches) (Repository *repository, const Charge *charges, size_t n);

	/* Sets the purchased quantity; false where more than that is allocated. */
	bool		(*resize) (Repository *repository, const Batch *batch, int32_t qty);

	/* Records n new lines.  Where one is known, this attempt ends here, undone. */
	void		(*add_lines) (Repository *repository, const OrderLine *lines, size_t n);

	/*
	 * Replaces n lines by what becomes of them; false where one is no longer
	 * what it was.  A line with a batch counts as allocated now.
	 */
	bool		(*change_lines) (Repository *repository, const OrderLine *from, const OrderLine *to, size_t n);

	/* Forgets n lines; false where one is no longer what it was. */
	bool		(*remove_lines) (Repository *repository, const OrderLine *lines, size_t n);
};

#endif							/* REPOSITORY_H */
