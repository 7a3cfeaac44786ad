/*
 * dates.h
 *		Dates of PostgreSQL as days of the domain, and back.
 */
#ifndef DATES_H
#define DATES_H

#include "utils/date.h"

#include "domain/model.h"

extern Day	day_of_date(DateADT date);
extern Day	eta_of_date(DateADT date);
extern DateADT date_of_day(Day day);

#endif							/* DATES_H */
