/*
 * progress.h
 *		Shows other sessions how far a long call is: as a COPY into order_lines, which
 *		the view allocation_progress reads.
 */
#ifndef ALLOCATION_PROGRESS_H
#define ALLOCATION_PROGRESS_H

typedef struct Progress
{
	bool		is_shown;
	Oid			order_lines;
	size_t		lines_total;
} Progress;

extern Progress progress_of(Oid order_lines, size_t lines_total);
extern void progress_show(const Progress *progress, size_t lines_written);
extern void progress_end(const Progress *progress);

#endif							/* ALLOCATION_PROGRESS_H */
