/*
 * calls.c
 *		Performs calls, and writes them and their answers as text.
 */
#include "calls.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[ALLOCATE] = "allocate", [ALLOCATE_LINES] = "allocate_lines", [TRY_ALLOCATE_LINES] = "try_allocate_lines",
	[REALLOCATE] = "reallocate", [PROMISE] = "promise", [DEALLOCATE] = "deallocate",
	[DEALLOCATE_ORDER] = "deallocate_order", [REALLOCATE_SKU] = "reallocate_sku", [SHIP] = "ship",
	[SHIP_ORDER] = "ship_order", [ADD_BATCH] = "add_batch", [CHANGE_BATCH_QUANTITY] = "change_batch_quantity",
	[CHANGE_BATCH_ETA] = "change_batch_eta"
};

static void
add_text(char *text, size_t size, const char *format,...)
{
	size_t		length = strlen(text);
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

static void
add_day(char *text, size_t size, Day day)
{
	if (day == NEVER)
		add_text(text, size, ", never");
	else if (day != 0)
		add_text(text, size, ", day %d", (int) day);
}

/* Writes the call as a report shows it. */
void
call_describe(const Call *call, char *text, size_t size)
{
	const char *separator = "";

	text[0] = '\0';
	add_text(text, size, "%s(", names[call->operation]);
	for (const OrderLine *line = call->lines; line < call->lines + call->n; line++, separator = "; ")
	{
		add_text(text, size, "%s%s", separator, line->orderid ? line->orderid : "");
		if (line->sku)
			add_text(text, size, "%s%s", line->orderid ? ", " : "", line->sku);
		if (line->qty != SAME_QUANTITY)
			add_text(text, size, ", %d", line->qty);
		add_day(text, size, line->needed_by);
		if (line->held_until != 0)
			add_text(text, size, ", held");
	}
	if (call->batch.reference)
	{
		add_text(text, size, "%s", call->batch.reference);
		if (call->batch.sku)
			add_text(text, size, ", %s", call->batch.sku);
		if (call->operation != CHANGE_BATCH_ETA)
			add_text(text, size, ", %d", call->batch.purchased_quantity);
		add_day(text, size, call->batch.eta);
	}
	if (call->operation == ALLOCATE_LINES && !call->all_or_nothing)
		add_text(text, size, "; may wait");
	if (call->operation == SHIP_ORDER && !call->all_or_nothing)
		add_text(text, size, "; what is there");
	add_text(text, size, ")");
}

/*
 * Answers
 */

static const char *const outcomes[] = {
	[DONE] = "done", [INVALID_SKU] = "invalid SKU", [OUT_OF_STOCK] = "out of stock", [UNKNOWN_BATCH] = "unknown batch",
	[UNKNOWN_ORDER_LINE] = "unknown line", [ORDER_LINE_CONFLICT] = "other quantity", [DATE_CONFLICT] = "comes too late",
	[ALREADY_SHIPPED] = "shipped", [NOT_IN_WAREHOUSE] = "not in the warehouse", [SHIPS_TOO_MUCH] = "too much",
	[BATCH_EXISTS] = "known batch"
};

static void
tell_line(char *answer, const OrderLine *line)
{
	add_text(answer, MAX_ANSWER, " (%s %s %d",
			 line->orderid ? line->orderid : "", line->sku ? line->sku : "", line->qty);
	if (line->shipped_qty > 0)
		add_text(answer, MAX_ANSWER, " of which %d shipped", line->shipped_qty);
	add_text(answer, MAX_ANSWER, ": %s", line->batchref ? line->batchref : "-");
	add_day(answer, MAX_ANSWER, line->needed_by);
	if (line->held_until != 0)
		add_text(answer, MAX_ANSWER, ", held until %" PRId64, line->held_until);
	add_text(answer, MAX_ANSWER, ")");
}

static void
tell_result(char *answer, const LineResult *result)
{
	add_text(answer, MAX_ANSWER, "%s", outcomes[result->outcome]);
	tell_line(answer, &result->line);
	if (result->outcome == OUT_OF_STOCK)
		add_text(answer, MAX_ANSWER, " %d at most", result->most_available);
	add_day(answer, MAX_ANSWER, result->eta);
}

static void
tell_results(char *answer, const LinesResult *result)
{
	if (result->refused.outcome != DONE)
	{
		tell_result(answer, &result->refused);
		add_text(answer, MAX_ANSWER, " at %zu", result->position);
	}
	if (result->each)
		for (size_t i = 0; i < result->nlines; i++)
		{
			add_text(answer, MAX_ANSWER, " ");
			tell_result(answer, &result->each[i]);
		}
	else if (result->refused.outcome == DONE)
		for (size_t i = 0; i < result->nlines; i++)
			tell_line(answer, &result->lines[i]);
}

static void
perform(UnitOfWork *uow, const Call *call, char *answer)
{
	OrderLine	lines[MAX_LINES];
	const OrderLine *line = lines;
	const Batch *batch = &call->batch;
	LineResult	result = {.outcome = DONE};
	LinesResult results = {.nlines = 0};
	Batch		promised;

	memcpy(lines, call->lines, sizeof(lines));
	switch (call->operation)
	{
		case ALLOCATE:
			result = allocate(uow, line);
			break;
		case REALLOCATE:
			result = reallocate(uow, line);
			break;
		case DEALLOCATE:
			result = deallocate(uow, line->orderid, line->sku);
			break;
		case SHIP:
			result = ship(uow, line->orderid, line->sku, line->qty);
			break;
		case PROMISE:
			if (promise(uow, line, &promised))
			{
				add_text(answer, MAX_ANSWER, "%s", promised.reference);
				add_day(answer, MAX_ANSWER, promised.eta);
			}
			return;
		case ADD_BATCH:
			add_text(answer, MAX_ANSWER, "%s", outcomes[add_batch(uow, batch)]);
			return;
		case ALLOCATE_LINES:
			results = allocate_lines(uow, lines, (size_t) call->n, call->all_or_nothing);
			break;
		case TRY_ALLOCATE_LINES:
			results = try_allocate_lines(uow, lines, (size_t) call->n);
			break;
		case DEALLOCATE_ORDER:
			results = deallocate_order(uow, line->orderid);
			break;
		case REALLOCATE_SKU:
			results = reallocate_sku(uow, line->sku);
			break;
		case SHIP_ORDER:
			results = ship_order(uow, line->orderid, call->all_or_nothing);
			break;
		case CHANGE_BATCH_QUANTITY:
			results = change_batch_quantity(uow, batch->sku, batch->reference, batch->purchased_quantity);
			break;
		case CHANGE_BATCH_ETA:
			results = change_batch_eta(uow, batch->sku, batch->reference, batch->eta);
			break;
	}
	if (result.line.orderid)
		tell_result(answer, &result);
	else
		tell_results(answer, &results);
}

/* Performs the call, and writes its answer unless it ends by an error. */
Error
call_perform(Session *session, const Call *call, char *answer)
{
	jmp_buf    *outer = session->handler;
	jmp_buf		handler;

	answer[0] = '\0';
	session->error = NO_ERROR;
	session->handler = &handler;
	if (setjmp(handler) == 0)
		perform(&session->uow, call, answer);
	session->handler = outer;
	/* A duplicate ended only an attempt. */
	return session->error == DUPLICATE ? NO_ERROR : session->error;
}

/* Can the call make room for a waiting line? */
bool
call_makes_room(const Call *call)
{
	switch (call->operation)
	{
		case REALLOCATE:
		case DEALLOCATE:
		case DEALLOCATE_ORDER:
		case ADD_BATCH:
		case CHANGE_BATCH_QUANTITY:
		case CHANGE_BATCH_ETA:
			return true;
		default:
			return false;
	}
}
