/*
 * spi_repository.h
 *		The repository over the tables of the extension, by SPI.
 */
#ifndef SPI_REPOSITORY_H
#define SPI_REPOSITORY_H

#include "adapters/attempt.h"

/* Whose duplicate an error reports. */
typedef enum DuplicateOwner
{
	THEIRS,						/* a user's: or it is no duplicate at all */
	PERHAPS_OURS,
	OURS
} DuplicateOwner;

extern void spi_repository_init(SpiRepository *self, Oid function);
extern DuplicateOwner spi_repository_whose_duplicate(const SpiRepository *self, const ErrorData *error);

#endif							/* SPI_REPOSITORY_H */
