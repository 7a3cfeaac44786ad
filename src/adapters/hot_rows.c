/*
 * hot_rows.c
 *		Remembers what this session has met on hot rows, and advises its next calls.
 *
 * The advice only changes how a row is found, never which row, nor what is written.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"

#include "adapters/hot_rows.h"

/*
 * Symptom: other sessions write to a batch all the time, so it is no longer where
 * it was read, and charging it there fails first.  After one failure, this many
 * charges go by the key at once.
 * Shows in: run, measures "hot" and "baseline".
 */
#define CHARGES_AFTER_MOVE 100

/*
 * Symptom: one transaction charges a batch again and again.  Looking by the key
 * meets all the versions that it has written, the oldest first.  After this many
 * charges in a transaction, the newest version is looked for.
 * Shows in: instructions, row "loop"; run, measure "transaction".
 */
#define FEW_CHARGES_OF_TRANSACTION 8

/*
 * Symptom: somebody's old snapshot keeps all versions of a batch.  Looking by the
 * key meets them all, the oldest first, and a search that reads on from a batch
 * that others are taking from reads them all before it meets the next batch.  It
 * shows by the buffers that a statement takes.  For this many calls the newest
 * version is looked for, and searches pause at a contended batch and begin again
 * behind it.
 * Shows in: run, measure "snapshot"; for searches, test/specs/kept_versions.
 */
#define MANY_BUFFERS 64
#define CALLS_AFTER_MANY_BUFFERS 1000

/* Under an old snapshot the newest version may move while it is looked for, and a look by the key costs more than a try. */
#define TRIES_UNDER_OLD_SNAPSHOT 3

/* For how many more calls of this session the symptoms are taken to last. */
static int	charges_by_key = 0;
static int	charges_by_newest = 0;
static int	searches_with_pauses = 0;

/* Counts the charges of this transaction, of which this is one; have there been many? */
static bool
count_charge(void)
{
	static TransactionId counted = InvalidTransactionId;
	static int	ncharges = 0;
	TransactionId transaction = GetTopTransactionIdIfAny();

	if (!TransactionIdIsValid(transaction) || !TransactionIdEquals(transaction, counted))
		ncharges = 0;
	counted = transaction;
	return ++ncharges > FEW_CHARGES_OF_TRANSACTION;
}

/* Advises one charge, which is about to be made. */
ChargeAdvice
hot_rows_advise_charge(void)
{
	bool		has_many_versions = charges_by_newest > 0;
	ChargeAdvice advice = {
		.rows_move = charges_by_key > 0 && !has_many_versions,
		.seeks_newest = count_charge() || has_many_versions,
		.tries = has_many_versions ? TRIES_UNDER_OLD_SNAPSHOT : 1
	};

	charges_by_key -= charges_by_key > 0;
	charges_by_newest -= has_many_versions;
	return advice;
}

/* A batch was no longer where it was expected. */
void
hot_rows_note_move(void)
{
	charges_by_key = CHARGES_AFTER_MOVE;
}

/* A charge by the key took this many buffers. */
void
hot_rows_note_charge(int64 buffers)
{
	if (buffers > MANY_BUFFERS)
		charges_by_newest = CALLS_AFTER_MANY_BUFFERS;
}

/* Advises one search: should it pause at contended batches? */
bool
hot_rows_advise_pauses(void)
{
	bool		pauses = searches_with_pauses > 0;

	searches_with_pauses -= pauses;
	return pauses;
}

/* A search took this many buffers. */
void
hot_rows_note_search(int64 buffers)
{
	if (buffers > MANY_BUFFERS)
		searches_with_pauses = CALLS_AFTER_MANY_BUFFERS;
}
