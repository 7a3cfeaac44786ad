/*
 * shortages.h
 *		What is short where no batch can serve a line.
 */
#ifndef SHORTAGES_H
#define SHORTAGES_H

#include "service_layer/placing.h"

extern void measure_shortages(Placing *placing, LineResult **results);

#endif							/* SHORTAGES_H */
