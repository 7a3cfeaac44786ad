/*
 * spi_repository.h
 *		The repository over the tables of the extension, by SPI.
 */
#ifndef SPI_REPOSITORY_H
#define SPI_REPOSITORY_H

#include "adapters/attempt.h"

extern void spi_repository_init(SpiRepository *self, Oid function);

#endif							/* SPI_REPOSITORY_H */
