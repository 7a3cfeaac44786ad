/*
 * spi_repository.h
 *		The repository over the tables of the extension, by SPI.
 */
#ifndef SPI_REPOSITORY_H
#define SPI_REPOSITORY_H

#include "repository.h"

typedef struct SpiRepository
{
	Repository	base;
	const char *schema;			/* where the tables are */
	Oid			owner;			/* whose they are */
	Oid			order_lines;
	MemoryContext memory;		/* where what is handed out lives */
	bool		shows_progress;
	size_t		lines_total;
} SpiRepository;

extern void spi_repository_init(SpiRepository *self, Oid namespace);
extern bool spi_repository_met_duplicate(const SpiRepository *self, const ErrorData *error);
extern void spi_repository_begin_progress(SpiRepository *self, size_t lines);
extern void spi_repository_end_progress(SpiRepository *self);

#endif							/* SPI_REPOSITORY_H */
