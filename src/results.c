/*
 * results.c
 *		Turns outcomes of the services into values, rows and errors.  All errors
 *		of the domain stand here.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "results.h"

/* The SQLSTATEs of the domain's own refusals. */
#define ERRCODE_INVALID_SKU MAKE_SQLSTATE('S', 'K', '0', '0', '1')
#define ERRCODE_OUT_OF_STOCK MAKE_SQLSTATE('S', 'K', '0', '0', '2')
#define ERRCODE_UNKNOWN_BATCH MAKE_SQLSTATE('S', 'K', '0', '0', '3')
#define ERRCODE_UNKNOWN_ORDER_LINE MAKE_SQLSTATE('S', 'K', '0', '0', '4')
#define ERRCODE_ORDER_LINE_CONFLICT MAKE_SQLSTATE('S', 'K', '0', '0', '5')

/*
 * Errors
 */

/* Says why a batch is neither recorded nor changed. */
void
report_refused_batch(Outcome outcome, const char *reference)
{
	switch (outcome)
	{
		case BATCH_EXISTS:
			ereport(ERROR,
					errcode(ERRCODE_UNIQUE_VIOLATION),
					errmsg("batch \"%s\" already exists", reference),
					errhint("Change its quantity with change_batch_quantity()."));
			break;
		case UNKNOWN_BATCH:
			ereport(ERROR,
					errcode(ERRCODE_UNKNOWN_BATCH),
					errmsg("batch \"%s\" does not exist", reference),
					errhint("Record it with add_batch()."));
			break;
		default:
			elog(ERROR, "unexpected outcome: %d", (int) outcome);
	}
}

/* Says that the batch, or any batch if NULL, serves lines and therefore has to stay what it is. */
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

/* Says why a line has no batch; asked is its quantity, position where it stands in an array, or 0. */
static void
report_refusal(const LineResult *refused, int32 asked, size_t position)
{
	const OrderLine *line = &refused->line;
	const char *order = position > 0 ? psprintf("Line %zu: order", position) : "Order";

	switch (refused->outcome)
	{
		case INVALID_SKU:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_SKU),
					errmsg("Invalid sku %s", line->sku),
					errdetail("%s \"%s\" asks for %d of SKU \"%s\", which no batch has.",
							  order, line->orderid, line->qty, line->sku),
					errhint("Record a batch of it with add_batch()."));
			break;
		case OUT_OF_STOCK:
			ereport(ERROR,
					errcode(ERRCODE_OUT_OF_STOCK),
					errmsg("Out of stock for sku %s", line->sku),
					errdetail("%s \"%s\" asks for %d of SKU \"%s\", and the most that one batch has is %d.",
							  order, line->orderid, line->qty, line->sku, refused->most_available),
					errhint("Ask for less, or record another batch with add_batch()."));
			break;
		case UNKNOWN_ORDER_LINE:
			ereport(ERROR,
					errcode(ERRCODE_UNKNOWN_ORDER_LINE),
					errmsg("order \"%s\" has no line for sku \"%s\"", line->orderid, line->sku),
					errhint("Give a quantity to allocate the line."));
			break;
		case ORDER_LINE_CONFLICT:
			ereport(ERROR,
					errcode(ERRCODE_ORDER_LINE_CONFLICT),
					errmsg("order \"%s\" has a line for sku \"%s\" with another quantity", line->orderid, line->sku),
					errdetail("%s \"%s\" has %d of SKU \"%s\", and %d are asked for.",
							  order, line->orderid, line->qty, line->sku, asked),
					errhint("Change the quantity with reallocate()."));
			break;
		default:
			elog(ERROR, "unexpected outcome: %d", (int) refused->outcome);
	}
}

/* Says why an array of lines is refused; asked is the quantity of the line at the position of the result. */
void
report_refused_lines(const LinesResult *result, int32 asked)
{
	if (result->refused.outcome == REPEATED_LINE)
		ereport(ERROR,
				errcode(ERRCODE_CARDINALITY_VIOLATION),
				errmsg("order \"%s\" asks for sku \"%s\" twice in one call",
					   result->refused.line.orderid, result->refused.line.sku),
				errdetail("Lines %zu and %zu are the same.", result->first_position + 1, result->position + 1),
				errhint("Make them one line with the sum of their quantities."));
	report_refusal(&result->refused, asked, result->position + 1);
}

/*
 * Values and rows
 */

/* The reference, or NULL for a line that waits. */
Datum
reference_result(FunctionCallInfo fcinfo, const char *batchref)
{
	if (!batchref)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(batchref));
}

/* The batch of the line, or an error that says why it has none. */
Datum
line_result(FunctionCallInfo fcinfo, const LineResult *result, const OrderLine *asked)
{
	if (result->outcome != DONE)
		report_refusal(result, asked->qty, 0);
	return reference_result(fcinfo, result->line.batchref);
}

/* One row per line: orderid, sku, qty, batchref. */
Datum
lines_result(FunctionCallInfo fcinfo, const LinesResult *result)
{
	ReturnSetInfo *rows = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (const OrderLine *line = result->lines; line < result->lines + result->nlines; line++)
	{
		Datum		values[] = {
			CStringGetTextDatum(line->orderid),
			CStringGetTextDatum(line->sku),
			Int32GetDatum(line->qty),
			line->batchref ? CStringGetTextDatum(line->batchref) : (Datum) 0
		};
		bool		nulls[] = {false, false, false, line->batchref == NULL};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}
