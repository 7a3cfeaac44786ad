/*
 * charging.c
 *		Charges a batch where it was read, or by its key.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"

#include "adapters/charging.h"
#include "adapters/execution.h"
#include "adapters/sql.h"

/*
 * A charge finds its batch where it was read, which is cheapest, or by its key.
 *
 * Where others write to a batch all the time it is no longer where it was read,
 * and to look there is in vain.  After that has happened, so many charges look
 * by the key at once.
 */
#define CHARGES_BY_KEY 100

static int	charges_by_key = 0;

/*
 * By its key all versions of the batch are met, the oldest first.  Where this
 * transaction has written many of them, or somebody's old snapshot keeps them,
 * the newest has to be looked for instead.  The former is so after some charges
 * in one transaction; the latter shows by the buffers that a charge takes, and
 * is taken to be so for some charges.
 */
#define CHARGES_WITHOUT_LOOKING 8
#define BUFFERS_OF_CHARGE 64
#define CHARGES_BY_PLACE 1000

static TransactionId charging = InvalidTransactionId;
static int	charges_made = 0;
static int	charges_by_place = 0;

/* Counts the charges of this transaction, of which this is one; are they many by now? */
static bool
has_charged_a_lot(void)
{
	TransactionId transaction = GetTopTransactionIdIfAny();

	if (!TransactionIdIsValid(transaction) || !TransactionIdEquals(transaction, charging))
		charges_made = 0;
	charging = transaction;
	return ++charges_made > CHARGES_WITHOUT_LOOKING;
}

/* Where the newest version of the batch is, if that can be charged; or 0. */
static uint64
newest_place(Repository *repository, const Charge *charge)
{
	NullableDatum key[MAX_PARAMETERS];
	StoredBatch found;

	values_of_batch_key(&charge->batch, 0, key);
	execute_to_find_batch(repository, &sql_select_newest_batch, key, &found);
	return batch_available_quantity(&found.batch) >= charge->units ? found.row.place : 0;
}

/* Charges the batch where it is said to be or, if it is no longer there, by its key; false where it cannot be. */
bool
charge_one(Repository *repository, Charge charge)
{
	ItemPointerData tid;
	NullableDatum values[MAX_PARAMETERS];
	ChargeKind	kind = charge.units <= 0 || !charge.relies_on_day ? CHARGE_ANY :
		charge.eta == IN_WAREHOUSE ? CHARGE_WAREHOUSE : CHARGE_SHIPMENT;
	int			attempts = 1;
	bool		done;

	values_of_charge(&charge, 0, values);
	values[4] = (NullableDatum) {.value = PointerGetDatum(&tid)};
	/* From another node a row comes without its place. */
	if (tables_are_distributed)
		return execute_statement(repository, &sql_charge_batch[kind], values, NULL) == 1;
	if (charges_by_key > 0)
	{
		charges_by_key--;
		if (charges_by_place == 0 && !(charge.row.place & PLACE_IS_OWN))
			charge.row.place = 0;
	}
	if (charges_by_place > 0)
	{
		charges_by_place--;
		attempts = 3;
	}
	if ((has_charged_a_lot() || charges_by_place > 0) && charge.row.place == 0)
		charge.row.place = newest_place(repository, &charge);
	while (charge.row.place != 0)
	{
		tid = tid_of_place(charge.row.place);
		if (execute_statement(repository, &sql_charge_batch_in_place[kind], values, NULL) == 1)
			return true;
		charge.row.place = --attempts > 0 ? newest_place(repository, &charge) : 0;
		charges_by_key = CHARGES_BY_KEY;
	}

	done = execute_statement(repository, &sql_charge_batch[kind], values, NULL) == 1;
	if (statement_buffers > BUFFERS_OF_CHARGE)
		charges_by_place = CHARGES_BY_PLACE;
	return done;
}
