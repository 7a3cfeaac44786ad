/*
 * dates.c
 *		Converts dates of PostgreSQL to days of the domain, and back.
 */
#include "postgres.h"

#include "adapters/dates.h"

/* The day of a date; days begin with '-infinity'. */
Day
day_of_date(DateADT date)
{
	return (Day) date - DATEVAL_NOBEGIN + 1;
}

/* The day on which a batch arrives; one that is blocked has the ETA 'infinity'. */
Day
eta_of_date(DateADT date)
{
	return DATE_IS_NOEND(date) ? NEVER : day_of_date(date);
}

/* The date of a day. */
DateADT
date_of_day(Day day)
{
	return day == NEVER ? DATEVAL_NOEND : (DateADT) (day - 1 + DATEVAL_NOBEGIN);
}
