/*
 * duplicates.h
 *		Tells our duplicates from those of a user's triggers and constraints.
 */
#ifndef DUPLICATES_H
#define DUPLICATES_H

#include "adapters/installation.h"

/* Whose duplicate an error reports. */
typedef enum DuplicateOwner
{
	THEIRS,						/* a user's: or it is no duplicate at all */
	PERHAPS_OURS,
	OURS
} DuplicateOwner;

extern DuplicateOwner duplicate_owner(const Installation *tables, const ErrorData *error);

#endif							/* DUPLICATES_H */
