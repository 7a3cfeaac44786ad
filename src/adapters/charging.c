/*
 * charging.c
 *		Charges a batch where it was read, which is cheapest, or by its key.
 */
#include "postgres.h"

#include "adapters/charging.h"
#include "adapters/execution.h"
#include "adapters/hot_rows.h"
#include "adapters/sql.h"

/* Which statement has just the guards that the charge needs. */
static ChargeKind
kind_of(const Charge *charge)
{
	if (charge->units <= 0 || !charge->relies_on_day)
		return CHARGE_ANY;
	return charge->eta == IN_WAREHOUSE ? CHARGE_WAREHOUSE : CHARGE_SHIPMENT;
}

/* The place of the newest version of the batch; 0 if that has too few units left. */
static uint64
newest_place(Repository *repository, const Charge *charge)
{
	StoredBatch newest;

	execute_to_find_by_key(repository, &sql_newest_batch, &charge->batch, &newest);
	return batch_available_quantity(&newest.batch) >= charge->units ? newest.row.place : 0;
}

/* Charges the row at a place; false if that is no longer the batch, or fails a guard. */
static bool
charge_at_place(Repository *repository, const Charge *charge, uint64 place)
{
	ItemPointerData tid = tid_of_place(place);
	NullableDatum values[MAX_PARAMETERS];

	values_of_charge(charge, 0, values);
	values[4] = (NullableDatum) {.value = PointerGetDatum(&tid)};
	return execute_statement(repository, &sql_charge_batch_at_tid[kind_of(charge)], values, NULL) == 1;
}

/* Charges the batch that its key finds; false if a guard fails. */
bool
charge_by_key(Repository *repository, const Charge *charge)
{
	NullableDatum values[MAX_PARAMETERS];

	values_of_charge(charge, 0, values);
	return execute_write(repository, &sql_charge_batch[kind_of(charge)], values);
}

/* Charges the batch where it was read or, if it is no longer there, by its key; false if a guard fails. */
bool
charge_where_read(Repository *repository, const Charge *charge)
{
	ChargeAdvice advice = hot_rows_advise_charge();
	uint64		place = charge->row.place;
	bool		is_charged;

	if (advice.rows_move && !(place & PLACE_IS_OWN))
		place = 0;
	if (advice.seeks_newest && place == 0)
		place = newest_place(repository, charge);
	while (place != 0)
	{
		if (charge_at_place(repository, charge, place))
			return true;
		hot_rows_note_move();
		place = --advice.tries > 0 ? newest_place(repository, charge) : 0;
	}

	is_charged = charge_by_key(repository, charge);
	hot_rows_note_charge(statement_buffers);
	return is_charged;
}
