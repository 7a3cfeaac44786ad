/*
 * results.h
 *		What the functions that SQL calls return, or the errors that they report.
 */
#ifndef RESULTS_H
#define RESULTS_H

#include "fmgr.h"

#include "service_layer/services.h"

extern void report_refused_batch(Outcome outcome, const Batch *batch);
extern void report_serving_batch(const char *reference);
extern void report_refused_lines(const LinesResult *result, const OrderLine *asked);

extern Datum line_result(FunctionCallInfo fcinfo, const LineResult *result, const OrderLine *asked);
extern Datum lines_result(FunctionCallInfo fcinfo, const LinesResult *result);
extern Datum order_result(FunctionCallInfo fcinfo, const LinesResult *result);
extern Datum trial_result(FunctionCallInfo fcinfo, const LinesResult *result);
extern Datum promise_result(FunctionCallInfo fcinfo, const Batch *batch);

#endif							/* RESULTS_H */
