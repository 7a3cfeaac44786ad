/*
 * lines.c
 *		Finds the lines that a call names, and answers for a single one.
 */
#include "service_layer/lines.h"

/* Visits the line of the order for the SKU or, if that is NULL, all its lines by SKU. */
void
visit_lines(Repository *repository, const char *orderid, const char *sku, LineVisitor visit, void *context)
{
	RowKey		key = {.sku = sku, .name = orderid};

	if (sku)
		repository->visit_known_lines(repository, &key, 1, visit, context);
	else
		repository->visit_lines_of_order(repository, orderid, visit, context);
}

/* The result for the one line that a call named. */
LineResult
result_of_line(const LinesResult *result, const char *orderid, const char *sku)
{
	if (result->refused.outcome != DONE)
		return result->refused;
	if (result->nlines == 0)
		return (LineResult) {.outcome = UNKNOWN_ORDER_LINE, .line = {.orderid = orderid, .sku = sku}};
	return (LineResult) {.outcome = DONE, .line = result->lines[0]};
}
