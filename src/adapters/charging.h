/*
 * charging.h
 *		A single charge, made in the way that is likely to be the cheapest.
 */
#ifndef CHARGING_H
#define CHARGING_H

#include "service_layer/repository.h"

extern bool charge_one(Repository *repository, Charge charge);

#endif							/* CHARGING_H */
