/*
 * subtransaction.h
 *		The unit of work over a subtransaction of the caller's transaction.
 */
#ifndef SUBTRANSACTION_H
#define SUBTRANSACTION_H

#include "adapters/spi_repository.h"
#include "service_layer/unit_of_work.h"

typedef struct Subtransaction
{
	UnitOfWork	base;
	SpiRepository repository;
} Subtransaction;

extern void subtransaction_set_up_library(void);
extern void subtransaction_init(Subtransaction *self, Oid function);
extern void subtransaction_init_for_trigger(Subtransaction *self, Oid function, Relation table);
extern void subtransaction_show_progress(Subtransaction *self, size_t lines_total);

#endif							/* SUBTRANSACTION_H */
