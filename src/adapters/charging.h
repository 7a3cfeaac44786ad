/*
 * charging.h
 *		Charges one batch, in the way that is likely to be the cheapest.
 */
#ifndef CHARGING_H
#define CHARGING_H

#include "service_layer/repository.h"

extern bool charge_where_read(Repository *repository, const Charge *charge);
extern bool charge_by_key(Repository *repository, const Charge *charge);

#endif							/* CHARGING_H */
