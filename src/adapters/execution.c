/*
 * execution.c
 *		Runs statements as of the moment of the attempt.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "adapters/execution.h"

/* Runs a statement; returns how many rows it has read or written. */
uint64
execute_statement(Repository *repository, Statement *statement, const NullableDatum *values, Reader *reader)
{
	SpiRepository *self = (SpiRepository *) repository;
	uint64		nrows;

	if (!statement->takes_snapshot)
		attempt_look(self);
	if (!reader)
		return statement_execute(statement, &self->tables, values, None_Receiver);
	reader->memory = self->memory;
	reader->read_hints = self->read_hints;
	nrows = statement_execute(statement, &self->tables, values, &reader->receiver);
	self->versions_read = hash_combine64(self->versions_read, reader->versions);
	return nrows;
}

/* Makes arrays of the parameters of at most so many elements from one of them on; returns of how many. */
static size_t
make_arrays(const StatementPair *pair, bool of_one_sku, Values values_of, const void *elements, size_t from, size_t most,
			NullableDatum *arrays)
{
	Datum	   *values[MAX_PARAMETERS];
	bool	   *nulls[MAX_PARAMETERS];
	size_t		n;

	for (int i = 0; i < pair->nparameters; i++)
	{
		values[i] = palloc(most * sizeof(Datum));
		nulls[i] = palloc(most * sizeof(bool));
	}
	for (n = 0; n < most; n++)
	{
		NullableDatum element[MAX_PARAMETERS];

		values_of(elements, from + n, element);
		if (of_one_sku && n > 0 && !datumIsEqual(values[pair->sku][0], element[pair->sku].value, false, -1))
			break;
		for (int i = 0; i < pair->nparameters; i++)
		{
			values[i][n] = element[i].value;
			nulls[i][n] = element[i].isnull;
		}
	}
	for (int i = 0; i < pair->nparameters; i++)
		arrays[i] = array_of_values(values[i], nulls[i], n, pair->types[i]);
	return n;
}

/* Runs the statement for one element, or that for many; returns how many rows it has read or written. */
uint64
execute_for_each(Repository *repository, StatementPair *pair, Values values_of, const void *elements, size_t n,
				 Reader *reader)
{
	const SpiRepository *self = (SpiRepository *) repository;
	NullableDatum parameters[MAX_PARAMETERS];
	MemoryContext memory;
	uint64		nrows = 0;

	if (pair->many.nparameters == 0)
		statement_pair_complete(pair);
	if (n == 1 && pair->one.sql)
	{
		values_of(elements, 0, parameters);
		return execute_statement(repository, &pair->one, parameters, reader);
	}
	memory = AllocSetContextCreate(CurrentMemoryContext, "allocation arrays", ALLOCSET_DEFAULT_SIZES);
	for (size_t done = 0; done < n && !(reader && reader->has_seen_enough);)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);

		progress_show(&self->progress, pair->writes_lines ? done : 0);
		done += make_arrays(pair, self->arrays_have_one_sku, values_of, elements, done,
							Min(n - done, ELEMENTS_PER_STATEMENT), parameters);
		nrows += execute_statement(repository, &pair->many, parameters, reader);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
	return nrows;
}

/* Reads the batch that a statement finds; false if there is none. */
bool
execute_to_find_batch(Repository *repository, Statement *statement, const NullableDatum *values, StoredBatch *batch)
{
	Reader		reader = reader_of_one_batch(batch);

	execute_statement(repository, statement, values, &reader);
	return batch->batch.reference != NULL;
}

/* Likewise for a statement whose parameters are the key of the batch. */
bool
execute_to_find_by_key(Repository *repository, StatementPair *pair, const RowKey *key, StoredBatch *batch)
{
	Reader		reader = reader_of_one_batch(batch);

	execute_for_each(repository, pair, values_of_batch_key, key, 1, &reader);
	return batch->batch.reference != NULL;
}

/* Runs a statement that writes one row; returns false, and notes it, if the row is not what the write relies on. */
bool
execute_write(Repository *repository, Statement *statement, const NullableDatum *values)
{
	return attempt_note_write((SpiRepository *) repository, execute_statement(repository, statement, values, NULL) == 1);
}

/* Likewise for statements that write one row for each of n elements. */
bool
execute_writes(Repository *repository, StatementPair *pair, Values values_of, const void *elements, size_t n)
{
	return attempt_note_write((SpiRepository *) repository,
							  execute_for_each(repository, pair, values_of, elements, n, NULL) == n);
}

/* An error if not all n rows have been added: a user's BEFORE trigger has suppressed one. */
void
execute_refuse_suppressed_rows(uint64 nadded, size_t n)
{
	if (nadded != n)
		ereport(ERROR,
				errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				errmsg("a trigger on a table of extension \"allocation\" has suppressed a row"));
}
