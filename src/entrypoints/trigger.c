/*
 * trigger.c
 *		The trigger on table batches: a batch that serves lines must not go.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "adapters/subtransaction.h"
#include "entrypoints/results.h"
#include "service_layer/services.h"

/* The value of a column in a row of the trigger's table. */
static const char *
trigger_value(const TriggerData *trigger, HeapTuple row, const char *column)
{
	TupleDesc	columns = RelationGetDescr(trigger->tg_relation);
	int			number = SPI_fnumber(columns, column);
	const char *value = number > 0 ? SPI_getvalue(row, columns, number) : NULL;

	if (!value)
		installation_refuse_table(RelationGetRelationName(trigger->tg_relation),
					 psprintf("It has no column \"%s\", or a null in it.", column));
	return value;
}

/* The key of the batch in a row of the trigger's table. */
static RowKey
trigger_batch(const TriggerData *trigger, HeapTuple row)
{
	return (RowKey) {
		.sku = trigger_value(trigger, row, "sku"),
		.name = trigger_value(trigger, row, "reference")
	};
}

PG_FUNCTION_INFO_V1(allocation_keep_allocated_batches);

/* Refuses to delete or rename a batch that serves lines, and to truncate batches if any of them does. */
PGDLLEXPORT Datum
allocation_keep_allocated_batches(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	Subtransaction subtransaction;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("keep_allocated_batches() must be called as an AFTER trigger for each row, or for TRUNCATE"));
	subtransaction_init_for_trigger(&subtransaction, fcinfo->flinfo->fn_oid, trigger->tg_relation);

	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		if (batch_serves_lines(&subtransaction.base, NULL))
			report_serving_batch(NULL);
	}
	else
	{
		RowKey		batch = trigger_batch(trigger, trigger->tg_trigtuple);

		if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		{
			RowKey		renamed = trigger_batch(trigger, trigger->tg_newtuple);

			if (strcmp(batch.name, renamed.name) == 0 && strcmp(batch.sku, renamed.sku) == 0)
				return PointerGetDatum(NULL);
		}
		if (batch_serves_lines(&subtransaction.base, &batch))
			report_serving_batch(batch.name);
	}
	return PointerGetDatum(NULL);
}
