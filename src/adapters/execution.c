/*
 * execution.c
 *		Runs statements for the repository over SPI: all that an attempt reads, it
 *		reads as of one moment; and other sessions see how far a long call is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/progress.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "adapters/execution.h"

/*
 * Attempts, and the moment of each
 */

/* How many subtransactions of this session have been undone: to the server, these are ends of transactions, too. */
static uint64 subtransactions_undone = 0;

/* Counts them: a callback, which comes for all that happens to subtransactions. */
static void
count_undone(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
		subtransactions_undone++;
}

/* How many transactions of others have ended, counted from any number, when the snapshot was taken. */
static uint64
ends_of_others(Snapshot snapshot)
{
	return snapshot->snapXactCompletionCount - subtransactions_undone;
}

/* Takes the snapshot for all that this attempt reads, before it reads first. */
void
spi_repository_look(SpiRepository *self)
{
	Snapshot	snapshot;

	if (self->has_looked)
		return;
	CommandCounterIncrement();
	snapshot = self->sees_latest || self->looks_at_latest ? GetLatestSnapshot() : GetTransactionSnapshot();
	if (!self->has_moment)
		self->moment = ends_of_others(snapshot);
	self->has_moment = true;
	PushActiveSnapshot(snapshot);
	self->has_looked = true;
}

/* Begins an attempt, connected to SPI. */
void
spi_repository_begin_attempt(SpiRepository *self)
{
	static bool counts_undone = false;

	if (!counts_undone)
		RegisterSubXactCallback(count_undone, NULL);
	counts_undone = true;

	self->versions_before = self->write_failed ? self->versions_read : 0;
	self->has_looked = self->has_moment = false;
	self->looks_at_latest = false;
	self->has_locked = false;
	self->write_failed = false;
	self->versions_read = 0;
	statement_settings_for_call();

	if (self->nadded > 0)
		self->waits_for_lines = !wait_for_lines(&self->tables, self->added, self->nadded);
	self->nadded = 0;
	self->has_queue = self->base.attempt.joined_first = self->joins_first;
	if (self->joins_first)
	{
		queues_wait(&self->tables, &self->queues);
		be_ready_to_yield(self->nyields < MOST_YIELDS);
		queues_join(&self->tables, &self->queues, true);
	}
}

/*
 * An attempt that is undone frees what it has locked, and that may be all that it
 * takes to end a deadlock; unless earlier calls of this transaction have locked
 * something, too.  With a queue, deadlocks show early, and the other session may
 * yet yield.
 */
#define MOST_DEADLOCKS 1
#define MOST_DEADLOCKS_WITH_QUEUE 20

/* Has the attempt ended by this error because it should not wait any longer?  Then there is another one. */
bool
spi_repository_gives_up_waiting(SpiRepository *self, const ErrorData *error)
{
	bool		was_impatient = has_lost_patience(self->patience);

	restore_patience(self->patience);
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && was_impatient && self->nadded > 0)
		return true;
	self->nadded = 0;
	/* Whoever has joined queues first, and then waited for rows in vain, waits for rows first. */
	self->joins_first = false;
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && was_impatient)
		self->nyields++;
	else if (error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED ||
			 ++self->ndeadlocks > (self->has_queue ? MOST_DEADLOCKS_WITH_QUEUE : MOST_DEADLOCKS))
		return false;
	return true;
}

/* Ends what this attempt reads as of one moment: at its end, or to go on at another one. */
void
spi_repository_end_moment(SpiRepository *self)
{
	if (self->has_looked)
		PopActiveSnapshot();
	self->has_looked = false;
}

/* What is read from here on, others may have committed after the snapshot of this transaction was taken. */
void
spi_repository_look_at_latest(SpiRepository *self)
{
	spi_repository_end_moment(self);
	self->looks_at_latest = true;
}

/*
 * Notes that what was read contradicts itself; may that be of several moments?
 * Over several nodes there is no one moment, and then it is as if a write had
 * failed.
 */
bool
spi_repository_note_contradiction(SpiRepository *self)
{
	self->write_failed |= tables_are_distributed;
	return tables_are_distributed;
}

/*
 * May what others do explain how this attempt has ended?  Not if no other
 * transaction has ended since it looked, for then the tables are as it has seen
 * them; nor if a write has failed on rows that it had locked.  What ends on other
 * nodes is not known here: there, that a write has failed is not explained if the
 * attempt after it reads the same rows in the same versions, for in between, all
 * of them were so at one moment.
 */
bool
spi_repository_others_explain_it(const SpiRepository *self)
{
	if (tables_are_distributed)
		return !self->write_failed || self->versions_read != self->versions_before;
	if (self->write_failed && self->has_locked)
		return false;
	return self->has_moment && ends_of_others(GetLatestSnapshot()) != self->moment;
}

/*
 * Progress
 */

/* Beside what a COPY shows; the view allocation_progress reads it. */
#define PROGRESS_LINES_TOTAL (PGSTAT_NUM_PROGRESS_PARAM - 1)

/* From now on, other sessions see how far a call with so many lines is: as a COPY into order_lines. */
void
spi_repository_begin_progress(SpiRepository *self, size_t lines)
{
	self->lines_total = lines;
	/* A COPY whose trigger calls us goes on showing its own progress. */
	self->shows_progress = MyBEEntry && MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID;
}

/* Ends that. */
void
spi_repository_end_progress(SpiRepository *self)
{
	if (self->shows_progress)
		pgstat_progress_end_command();
	self->shows_progress = false;
}

/* Says how many lines a long call has written, and ends it where the caller has cancelled it. */
void
spi_repository_show_progress(SpiRepository *self, size_t lines_done)
{
	CHECK_FOR_INTERRUPTS();
	if (!self->shows_progress)
		return;
	/* An attempt that is undone takes what it showed with it. */
	if (MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID)
	{
		pgstat_progress_start_command(PROGRESS_COMMAND_COPY, self->tables.order_lines);
		pgstat_progress_update_param(PROGRESS_COPY_COMMAND, PROGRESS_COPY_COMMAND_FROM);
		pgstat_progress_update_param(PROGRESS_COPY_TYPE, PROGRESS_COPY_TYPE_CALLBACK);
		pgstat_progress_update_param(PROGRESS_LINES_TOTAL, self->lines_total);
	}
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, lines_done);
}

/*
 * Statements
 */

/* Runs a statement; returns how many rows it has read or written. */
uint64
execute_statement(Repository *repository, Statement *statement, const NullableDatum *values, Reader *reader)
{
	SpiRepository *self = (SpiRepository *) repository;
	uint64		nrows;

	if (!statement->takes_snapshot)
		spi_repository_look(self);
	nrows = statement_execute(statement, &self->tables, values, reader ? &reader->receiver : None_Receiver);
	if (reader)
		self->versions_read = hash_combine64(self->versions_read, reader->versions);
	return nrows;
}

/*
 * So many elements are handed to a statement at once.  In between the caller can
 * cancel, and no array outgrows what PostgreSQL allows.
 */
#define ELEMENTS_PER_STATEMENT 1000

/*
 * Makes arrays of the parameters of at most so many elements from one of them on;
 * returns of how many.  Where tables are distributed, they are of one SKU.
 */
static size_t
make_arrays(const StatementPair *pair, Values values_of, const void *elements, size_t from, size_t most,
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
		if (tables_are_distributed && n > 0 && !datumIsEqual(values[pair->sku][0], element[pair->sku].value, false, -1))
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

		spi_repository_show_progress((SpiRepository *) repository, pair->writes_lines ? done : 0);
		done += make_arrays(pair, values_of, elements, done, Min(n - done, ELEMENTS_PER_STATEMENT), parameters);
		nrows += execute_statement(repository, &pair->many, parameters, reader);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
	return nrows;
}

/* Reads the batch that a statement finds by its key; false if there is none. */
bool
execute_to_find_batch(Repository *repository, Statement *statement, const NullableDatum *key, StoredBatch *batch)
{
	Reader		reader = reader_of_one_batch(((SpiRepository *) repository)->memory, batch);

	execute_statement(repository, statement, key, &reader);
	return batch->batch.reference != NULL;
}
