/*
 * backorders.h
 *		Lines that wait for stock.
 */
#ifndef BACKORDERS_H
#define BACKORDERS_H

#include "service_layer/stock.h"

extern Verdict settle(Stock *stock, Changes *changes);

#endif							/* BACKORDERS_H */
