/*
 * mapping.h
 *		Maps what the domain has to parameters of statements, and the rows that
 *		statements return to what the domain has.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include "tcop/dest.h"

#include "adapters/installation.h"
#include "service_layer/repository.h"

/*
 * Parameters
 */

extern NullableDatum value_of_number(int32 value);
extern NullableDatum value_of_text(const char *value);
extern NullableDatum value_of_eta(Day eta);

/* Sets the parameters of a statement for one of many elements. */
typedef void (*Values) (const void *elements, size_t i, NullableDatum *values);

extern void values_of_line_key(const void *keys, size_t i, NullableDatum *values);
extern void values_of_line(const void *lines, size_t i, NullableDatum *values);
extern void values_of_line_change(const void *changes, size_t i, NullableDatum *values);
extern void values_of_expiry(const void *expiries, size_t i, NullableDatum *values);
extern void values_of_batch_key(const void *keys, size_t i, NullableDatum *values);
extern void values_of_charge(const void *charges, size_t i, NullableDatum *values);
extern void values_of_demand(const void *demands, size_t i, NullableDatum *values);

/* Elements for values_of_line_change: lines as they were read, and what becomes of them or, if they are removed, NULL. */
typedef struct LineChanges
{
	StoredLine *const *from;
	OrderLine *const *to;
} LineChanges;

/* Elements for values_of_expiry: SKUs, and the time by which holds have expired. */
typedef struct Expiries
{
	const char *const *skus;
	int64		now;
} Expiries;

extern NullableDatum array_of_values(const Datum *values, const bool *nulls, size_t n, Oid type);

/*
 * Rows
 */

/* In the place of a batch: this transaction has written the row. */
#define PLACE_IS_OWN (UINT64CONST(1) << 63)

extern ItemPointerData tid_of_place(uint64 place);

typedef struct Reader Reader;

/* Reads what the row of a batch tells beside its columns. */
typedef void (*HintReader) (Reader *reader, TupleTableSlot *slot, StoredBatch *batch);

/* Hands the rows that a statement returns to a visitor, one by one, until that has seen enough. */
struct Reader
{
	DestReceiver receiver;
	MemoryContext memory;		/* where what it hands out lives; set when a statement runs, as are the hints */
	HintReader	read_hints;
	BatchVisitor visit_batch;
	LineVisitor visit_line;
	void	   *context;
	bool		wants_one;		/* stop after the first row: an index scan would walk its dead versions */
	bool		has_seen_enough;
	uint64		versions;		/* a hash: which lines it has read, in which versions; and batches, if read_hints adds them */
};

extern Reader reader_of_batches(BatchVisitor visit, void *context);
extern Reader reader_of_one_batch(StoredBatch *batch);
extern Reader reader_of_lines(LineVisitor visit, void *context);

extern void mapping_read_hints(Reader *reader, TupleTableSlot *slot, StoredBatch *batch);
extern bool xid_is_running_elsewhere(TransactionId xid);

#endif							/* MAPPING_H */
