/*
 * installation.h
 *		The tables of the extension in this database, known by their OIDs.
 */
#ifndef INSTALLATION_H
#define INSTALLATION_H

#include "utils/relcache.h"

typedef struct Installation
{
	Oid			namespace;		/* the schema of the extension */
	NameData	schema;			/* its name */
	Oid			batches;
	Oid			order_lines;
	Oid			batch_skus;		/* where the tables are distributed; else invalid */
	Oid			owner;			/* of all these tables */
	int			generation;		/* another one if any of these has changed */
} Installation;

/*
 * The setting allocation.distributed: the tables are distributed over several
 * nodes by SKU, and batch_skus by reference.  Only installation_lock() reads it,
 * so that it does not change while a call runs.
 */
extern bool tables_are_distributed;

extern Installation installation_lock(Oid function);
extern bool installation_is_distributed(const Installation *installation);
extern bool installation_has(const Installation *installation, Oid table);
extern bool installation_has_batches(const Installation *installation, Relation table);
_Noreturn extern void installation_refuse_table(const char *table, const char *detail);

#endif							/* INSTALLATION_H */
