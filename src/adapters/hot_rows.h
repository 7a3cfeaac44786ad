/*
 * hot_rows.h
 *		All figures that keep calls fast on rows that are written all the time, and on
 *		SKUs with many batches.
 *
 * Each comes with the symptom that it answers and where that shows: a row of
 * test/bench/instructions, a measure of test/bench/run, or a test.
 */
#ifndef HOT_ROWS_H
#define HOT_ROWS_H

/*
 * Symptom: with the units left in an index, no charge is a HOT update, and each
 * adds an entry to every index.  So indexes have the room of a batch, which is
 * exact up to this figure, so that no search meets an exhausted batch, and above it
 * only changes when the units left have halved.
 * Shows in: instructions, rows "allocate" and "exhausted".
 */
#define EXACT_ROOM 16

/*
 * Symptom: a search reads thousands of batches that have too little left.  After
 * this many it looks for the others by their room.
 * Shows in: instructions, rows "too-little", "nine-left" and "random-left".
 */
#define MOST_BATCHES_TOO_SMALL 16

/*
 * Symptom: many sessions take from a SKU with such batches, and all wait for the
 * first one in preference order.  So of each room, a search finds this many
 * batches, if other transactions are taking from all but the last.
 * Shows in: test/specs/taken_batches.
 */
#define BATCHES_OF_ONE_ROOM 16

/*
 * Symptom: an order reads all batches of its SKUs, although the first of each
 * nearly always do.  So it looks at this many first; two, because another
 * transaction may be taking from one of them.
 * Shows in: instructions, rows "many-batches" and "array-1000-skus".
 */
#define BATCHES_OF_FIRST_LOOK 2

/* As many as room_of_batch() has values above zero: those that are exact, and powers of two up to the largest integer. */
#define MOST_ROOMS (EXACT_ROOM + 27)

/*
 * This many charges are made one by one, each in the cheapest way, which beats
 * arrays: a line that leaves one batch for another charges both.
 * Shows in: instructions, rows "allocate" and "reallocate".
 */
#define FEW_CHARGES 2

/* How the next charge should find its batch, after what this session has seen. */
typedef struct ChargeAdvice
{
	bool		rows_move;		/* a place that was read is out of date by now, unless this transaction wrote the row */
	bool		seeks_newest;	/* look for the newest version: the key has many old ones */
	int			tries;			/* at a place, before the batch is charged by its key */
} ChargeAdvice;

extern ChargeAdvice hot_rows_advise_charge(void);
extern void hot_rows_note_move(void);
extern void hot_rows_note_charge(int64 buffers);
extern bool hot_rows_advise_pauses(void);
extern void hot_rows_note_search(int64 buffers);

#endif							/* HOT_ROWS_H */
