/*
 * shortages.h
 *		What to say when no batch can serve a line.
 */
#ifndef SHORTAGES_H
#define SHORTAGES_H

#include "service_layer/services.h"
#include "service_layer/stock.h"

extern void measure_shortages(Stock *stock, const Claims *claims, LineResult **results);

#endif							/* SHORTAGES_H */
