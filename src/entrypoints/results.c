/*
 * results.c
 *		Turns outcomes of the services into values, rows and errors.  All error
 *		messages of the domain are here.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/tuplestore.h"

#include "adapters/dates.h"
#include "entrypoints/results.h"

/* SQLSTATEs of our own */
#define ERRCODE_INVALID_SKU MAKE_SQLSTATE('S', 'K', '0', '0', '1')
#define ERRCODE_OUT_OF_STOCK MAKE_SQLSTATE('S', 'K', '0', '0', '2')
#define ERRCODE_UNKNOWN_BATCH MAKE_SQLSTATE('S', 'K', '0', '0', '3')
#define ERRCODE_UNKNOWN_ORDER_LINE MAKE_SQLSTATE('S', 'K', '0', '0', '4')
#define ERRCODE_ORDER_LINE_CONFLICT MAKE_SQLSTATE('S', 'K', '0', '0', '5')
#define ERRCODE_ALREADY_SHIPPED MAKE_SQLSTATE('S', 'K', '0', '0', '6')
#define ERRCODE_NOT_IN_WAREHOUSE MAKE_SQLSTATE('S', 'K', '0', '0', '7')

/*
 * Errors
 */

/* Reports why a batch is not recorded, or not changed. */
void
report_refused_batch(Outcome outcome, const Batch *batch)
{
	switch (outcome)
	{
		case BATCH_EXISTS:
			ereport(ERROR,
					errcode(ERRCODE_UNIQUE_VIOLATION),
					errmsg("batch \"%s\" already exists", batch->reference),
					errhint("Change its quantity with change_batch_quantity()."));
			break;
		case UNKNOWN_BATCH:
			ereport(ERROR,
					errcode(ERRCODE_UNKNOWN_BATCH),
					batch->sku ? errmsg("batch \"%s\" of sku \"%s\" does not exist", batch->reference, batch->sku) :
					errmsg("batch \"%s\" does not exist", batch->reference),
					errhint("Record it with add_batch()."));
			break;
		case ALREADY_SHIPPED:
			ereport(ERROR,
					errcode(ERRCODE_ALREADY_SHIPPED),
					errmsg("units of batch \"%s\" have already shipped", batch->reference),
					errdetail("%d of %d have left.", batch->shipped_quantity, batch->purchased_quantity),
					errhint("What is left can be blocked with change_batch_eta(), or the quantity reduced to what has shipped."));
			break;
		default:
			elog(ERROR, "unexpected outcome: %d", (int) outcome);
	}
}

/* Reports that the batch, or some batch if it is NULL, serves lines, so that it must not go. */
void
report_serving_batch(const char *reference)
{
	if (!reference)
		ereport(ERROR,
				errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				errmsg("batches serve order lines"),
				errhint("TRUNCATE batches, order_lines empties both."));
	ereport(ERROR,
			errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			errmsg("batch \"%s\" serves order lines", reference),
			errhint("Move them with change_batch_quantity(), or give them back with deallocate()."));
}

/* A day in ISO format, whatever the session has set. */
static const char *
text_of_day(Day day)
{
	DateADT		date = date_of_day(day);
	int			year;
	int			month;
	int			of_month;

	if (DATE_NOT_FINITE(date))
		return DATE_IS_NOEND(date) ? "infinity" : "-infinity";
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &of_month);
	return year > 0 ? psprintf("%04d-%02d-%02d", year, month, of_month) :
		psprintf("%04d-%02d-%02d BC", 1 - year, month, of_month);
}

/* Says what a line asks for. */
static const char *
asks_for(const char *order, const OrderLine *line)
{
	const char *asks = psprintf("%s \"%s\" asks for %d of SKU \"%s\"", order, line->orderid, line->qty, line->sku);

	return line->needed_by != 0 ? psprintf("%s by %s", asks, text_of_day(line->needed_by)) : asks;
}

/* Reports that no batch can serve a line, and on which day one could. */
static void
report_out_of_stock(const LineResult *refused, const char *order)
{
	const char *later = refused->eta != NEVER ? psprintf(" A batch could serve it on %s.", text_of_day(refused->eta)) : "";

	ereport(ERROR,
			errcode(ERRCODE_OUT_OF_STOCK),
			errmsg("Out of stock for sku %s", refused->line.sku),
			errdetail("%s, and the most that one batch has%s is %d.%s", asks_for(order, &refused->line),
					  refused->line.needed_by != 0 ? " in time" : "", refused->most_available, later),
			refused->eta != NEVER ? errhint("Ask for less or for a later day, or record another batch with add_batch().") :
			errhint("Ask for less, or record another batch with add_batch()."));
}

/* Says where a batch is that is not in the warehouse. */
static const char *
whereabouts(Day eta)
{
	return eta == NEVER ? "is blocked" : psprintf("is expected on %s", text_of_day(eta));
}

/* Reports that a line cannot ship, because its batch is not in the warehouse or it has none. */
static void
report_not_in_warehouse(const LineResult *refused)
{
	const OrderLine *line = &refused->line;
	const char *detail = "It waits for a batch.";

	if (line->batchref)
		detail = psprintf("Its batch \"%s\" %s.", line->batchref, whereabouts(refused->eta));
	ereport(ERROR,
			errcode(ERRCODE_NOT_IN_WAREHOUSE),
			errmsg("order \"%s\" has nothing of sku \"%s\" in the warehouse", line->orderid, line->sku),
			errdetail("%s", detail),
			line->batchref ? errhint("Say with change_batch_eta() that the batch has arrived, or move the line with reallocate().") :
			errhint("Give it a batch with allocate() or reallocate_sku()."));
}

/* Reports why a line is refused.  The position is that in an array, from 1, or 0. */
static void
report_refusal(const LineResult *refused, const OrderLine *asked, size_t position)
{
	const OrderLine *line = &refused->line;
	const char *order = position > 0 ? psprintf("Line %zu: order", position) : "Order";

	switch (refused->outcome)
	{
		case INVALID_SKU:
			if (!line->orderid)
				ereport(ERROR,
						errcode(ERRCODE_INVALID_SKU),
						errmsg("Invalid sku %s", line->sku),
						errdetail("No batch has SKU \"%s\".", line->sku),
						errhint("Record a batch of it with add_batch()."));
			ereport(ERROR,
					errcode(ERRCODE_INVALID_SKU),
					errmsg("Invalid sku %s", line->sku),
					errdetail("%s, which no batch has.", asks_for(order, line)),
					errhint("Record a batch of it with add_batch()."));
			break;
		case OUT_OF_STOCK:
			report_out_of_stock(refused, order);
			break;
		case UNKNOWN_ORDER_LINE:
			ereport(ERROR,
					errcode(ERRCODE_UNKNOWN_ORDER_LINE),
					errmsg("order \"%s\" has no line for sku \"%s\"", line->orderid, line->sku),
					errhint("Give it one with allocate()."));
			break;
		case ORDER_LINE_CONFLICT:
			ereport(ERROR,
					errcode(ERRCODE_ORDER_LINE_CONFLICT),
					errmsg("order \"%s\" has a line for sku \"%s\" with another quantity", line->orderid, line->sku),
					errdetail("%s \"%s\" has %d of SKU \"%s\", and %d are asked for.",
							  order, line->orderid, line->qty, line->sku, asked->qty),
					errhint("Change the quantity with reallocate()."));
			break;
		case DATE_CONFLICT:
			ereport(ERROR,
					errcode(ERRCODE_ORDER_LINE_CONFLICT),
					errmsg("order \"%s\" has a line for sku \"%s\" on a batch that comes too late",
						   line->orderid, line->sku),
					errdetail("%s \"%s\" has batch \"%s\", which %s, and it is asked for by %s.",
							  order, line->orderid, line->batchref, whereabouts(refused->eta), text_of_day(asked->needed_by)),
					errhint("Move the line with reallocate()."));
			break;
		case ALREADY_SHIPPED:
			ereport(ERROR,
					errcode(ERRCODE_ALREADY_SHIPPED),
					errmsg("units of sku \"%s\" for order \"%s\" have already shipped", line->sku, line->orderid),
					errdetail("%d of %d have left.", line->shipped_qty, line->qty),
					errhint("What has left is neither given back nor moved. Record what returns as a new batch."));
			break;
		case NOT_IN_WAREHOUSE:
			report_not_in_warehouse(refused);
			break;
		case SHIPS_TOO_MUCH:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("qty must not be greater than what order \"%s\" asks for", line->orderid),
					errdetail("It asks for %d of SKU \"%s\", and %d are said to have left.",
							  line->qty, line->sku, asked->qty),
					errhint("Change the quantity of the line with reallocate()."));
			break;
		default:
			elog(ERROR, "unexpected outcome: %d", (int) refused->outcome);
	}
}

/* Reports why a call for many lines is refused; asked is the line at the position of the result. */
void
report_refused_lines(const LinesResult *result, const OrderLine *asked)
{
	report_refusal(&result->refused, asked, result->position + 1);
}

/*
 * Values and rows
 */

/* Returns the reference; a null for a line that waits. */
static Datum
reference_result(FunctionCallInfo fcinfo, const char *batchref)
{
	if (!batchref)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(batchref));
}

/* Returns the batch of the line, or reports why the line is refused. */
Datum
line_result(FunctionCallInfo fcinfo, const LineResult *result, const OrderLine *asked)
{
	if (result->outcome != DONE)
		report_refusal(result, asked, 0);
	return reference_result(fcinfo, result->line.batchref);
}

/* Adds a row to the result. */
static void
add_row(FunctionCallInfo fcinfo, const Datum *values, const bool *nulls)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(rows->setResult, rows->setDesc, (Datum *) values, (bool *) nulls);
}

/* A text; any value if that is NULL, to go with a null. */
static Datum
text_or_null(const char *value)
{
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

/* Returns one row per line: orderid, sku, qty, batchref. */
Datum
lines_result(FunctionCallInfo fcinfo, const LinesResult *result)
{
	InitMaterializedSRF(fcinfo, 0);
	for (const OrderLine *line = result->lines; line < result->lines + result->nlines; line++)
	{
		Datum		values[] = {
			CStringGetTextDatum(line->orderid), CStringGetTextDatum(line->sku), Int32GetDatum(line->qty),
			text_or_null(line->batchref)
		};
		bool		nulls[] = {false, false, false, !line->batchref};

		add_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* The same for lines that were not given in an array, or reports why one of them is refused. */
Datum
order_result(FunctionCallInfo fcinfo, const LinesResult *result)
{
	if (result->refused.outcome != DONE)
		report_refusal(&result->refused, &result->refused.line, 0);
	return lines_result(fcinfo, result);
}

/* The name of a refusal; NULL for DONE. */
static const char *
condition_name(Outcome outcome)
{
	switch (outcome)
	{
		case DONE:
			return NULL;
		case INVALID_SKU:
			return "invalid_sku";
		case OUT_OF_STOCK:
			return "out_of_stock";
		case ORDER_LINE_CONFLICT:
		case DATE_CONFLICT:
			return "order_line_conflict";
		default:
			elog(ERROR, "unexpected outcome: %d", (int) outcome);
	}
}

/* Returns one row per line: orderid, sku, qty, batchref, refusal, available. */
Datum
trial_result(FunctionCallInfo fcinfo, const LinesResult *result)
{
	InitMaterializedSRF(fcinfo, 0);
	for (const LineResult *each = result->each; each < result->each + result->nlines; each++)
	{
		const OrderLine *line = &each->line;
		const char *refusal = condition_name(each->outcome);
		bool		is_short = each->outcome == OUT_OF_STOCK || each->outcome == INVALID_SKU;
		Datum		values[] = {
			CStringGetTextDatum(line->orderid), CStringGetTextDatum(line->sku), Int32GetDatum(line->qty),
			text_or_null(line->batchref), text_or_null(refusal), Int32GetDatum(each->most_available)
		};
		bool		nulls[] = {false, false, false, !line->batchref, !refusal, !is_short};

		add_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* Returns a row for the batch: batchref, eta; no row if it is NULL. */
Datum
promise_result(FunctionCallInfo fcinfo, const Batch *batch)
{
	InitMaterializedSRF(fcinfo, 0);
	if (batch)
	{
		Datum		values[] = {CStringGetTextDatum(batch->reference), DateADTGetDatum(date_of_day(batch->eta))};
		bool		nulls[] = {false, batch->eta == IN_WAREHOUSE};

		add_row(fcinfo, values, nulls);
	}
	return (Datum) 0;
}
