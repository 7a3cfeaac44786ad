/*
 * progress.c
 *		Shows progress, by what the server has for its own long commands.
 */
#include "postgres.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"

#include "adapters/progress.h"

/* The last parameter of a command, which a COPY leaves unused. */
#define PROGRESS_LINES_TOTAL (PGSTAT_NUM_PROGRESS_PARAM - 1)

/* The progress of a call that is about to write this many lines.  A COPY whose trigger calls us shows its own instead. */
Progress
progress_of(Oid order_lines, size_t lines_total)
{
	return (Progress) {
		.is_shown = MyBEEntry && MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID,
		.order_lines = order_lines,
		.lines_total = lines_total
	};
}

/* Shows how many lines have been written.  If the caller has cancelled, the attempt ends here. */
void
progress_show(const Progress *progress, size_t lines_written)
{
	CHECK_FOR_INTERRUPTS();
	if (!progress->is_shown)
		return;
	/* Aborting the subtransaction of an earlier attempt has cleared the entry: start it again. */
	if (MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID)
	{
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, progress->order_lines);
		pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
		pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_CALLBACK);
		pgstat_progress_update_param(PROGRESS_LINES_TOTAL, progress->lines_total);
	}
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, lines_written);
}

/* Clears the entry when the call has done its work. */
void
progress_end(const Progress *progress)
{
	if (progress->is_shown)
		pgstat_progress_end_command();
}
