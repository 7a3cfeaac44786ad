/*
 * lines.h
 *		The lines that a call names: one line of an order, or all of them.
 */
#ifndef LINES_H
#define LINES_H

#include "service_layer/services.h"

extern void visit_lines(Repository *repository, const char *orderid, const char *sku, LineVisitor visit, void *context);
extern LineResult result_of_line(const LinesResult *result, const char *orderid, const char *sku);

#endif							/* LINES_H */
