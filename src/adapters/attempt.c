/*
 * attempt.c
 *		Begins an attempt, keeps its moment, and explains its end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "adapters/attempt.h"

/*
 * The moment
 *
 * An attempt reads by one snapshot.  Nothing that others have done since explains
 * what it has met if no other transaction has ended since: the server counts the
 * transactions that have ended, and a snapshot has that count.
 */

/* snapXactCompletionCount also counts our own aborted subtransactions; subtract them. */
static uint64 subtransactions_undone = 0;

/* Subtransaction callback: counts those that are undone and have a transaction id. */
static void
count_undone(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
		subtransactions_undone++;
}

/* How many transactions of others had ended, counted from any number, when the snapshot was taken. */
static uint64
ends_of_others(Snapshot snapshot)
{
	return snapshot->snapXactCompletionCount - subtransactions_undone;
}

/* Takes the snapshot for all that the attempt reads, unless it has one. */
void
attempt_look(SpiRepository *self)
{
	Snapshot	snapshot;

	if (self->has_snapshot)
		return;
	CommandCounterIncrement();
	snapshot = self->sees_latest || self->looks_at_latest ? GetLatestSnapshot() : GetTransactionSnapshot();
	if (!self->has_looked)
		self->moment = ends_of_others(snapshot);
	self->has_looked = true;
	PushActiveSnapshot(snapshot);
	self->has_snapshot = true;
}

/* Ends the moment: at the end of the attempt, or to look again. */
void
attempt_end_moment(SpiRepository *self)
{
	if (self->has_snapshot)
		PopActiveSnapshot();
	self->has_snapshot = false;
}

/* From here on, the attempt reads what others have committed by then, even under a kept snapshot. */
void
attempt_look_at_latest(SpiRepository *self)
{
	attempt_end_moment(self);
	self->looks_at_latest = true;
}

/*
 * The beginning and the end
 */

/* Begins an attempt, connected to SPI.  First it waits, holding nothing, for what the last attempt has left it to wait for. */
void
attempt_begin(SpiRepository *self)
{
	static bool counts_undone = false;

	if (!counts_undone)
		RegisterSubXactCallback(count_undone, NULL);
	counts_undone = true;

	self->versions_before = self->write_failed ? self->versions_read : 0;
	self->has_snapshot = self->has_looked = false;
	self->looks_at_latest = false;
	self->has_locked = false;
	self->write_failed = false;
	self->versions_read = 0;
	self->set_up_attempt();

	if (self->nadded > 0)
		self->adds_patiently = !wait_for_lines(&self->tables, self->added, self->nadded);
	self->nadded = 0;
	self->uses_queue = self->base.attempt.joined_first = self->joins_first;
	if (self->joins_first)
	{
		queues_wait(&self->tables, &self->queues);
		patience_be_ready_to_yield(self->nyields < MOST_YIELDS);
		queues_join(&self->tables, &self->queues, true);
	}
}

/* Notes whether a write has found what it relied on; returns the same. */
bool
attempt_note_write(SpiRepository *self, bool found_what_it_relied_on)
{
	self->write_failed |= !found_what_it_relied_on;
	return found_what_it_relied_on;
}

/*
 * Notes that what was read contradicts itself.  Returns whether that may be because
 * it was of several moments: then it is as if a write had failed.
 */
bool
attempt_note_contradiction(SpiRepository *self)
{
	self->write_failed |= self->reads_many_moments;
	return self->reads_many_moments;
}

/*
 * May other sessions explain how this attempt has ended?  Not if no other
 * transaction has ended since it looked, because then the tables are as it has
 * seen them; nor if a write has failed on rows that it had locked.
 */
bool
attempt_is_explained(const SpiRepository *self)
{
	if (self->write_failed && self->has_locked)
		return false;
	return self->has_looked && ends_of_others(GetLatestSnapshot()) != self->moment;
}

/*
 * Undoing an attempt frees what it has locked, and that may end a deadlock, unless
 * earlier calls of this transaction have locked something, too.  With a queue,
 * deadlocks show early, and the other session may yet yield.
 */
#define MOST_DEADLOCKS 1
#define MOST_DEADLOCKS_WITH_QUEUE 20

/*
 * Notes the error by which an attempt has ended, and gives the caller its patience
 * back.  Returns true if the error only kept the attempt from waiting while it held
 * locks: then there is another attempt, which waits first.
 */
bool
attempt_note_error(SpiRepository *self, const ErrorData *error)
{
	bool		ran_out_of_patience = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE && patience_was_limited(self->patience);

	patience_restore(self->patience);
	if (ran_out_of_patience && self->nadded > 0)
		return true;
	self->nadded = 0;
	/* Having joined queues first, it waited for rows in vain: the next attempt waits for rows first. */
	self->joins_first = false;
	if (ran_out_of_patience)
	{
		self->nyields++;
		return true;
	}
	if (error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		return false;
	return ++self->ndeadlocks <= (self->uses_queue ? MOST_DEADLOCKS_WITH_QUEUE : MOST_DEADLOCKS);
}

/* Reports that others have committed what this transaction cannot take into account, because it keeps its snapshot. */
void
attempt_report_serialization_failure(void)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("could not serialize access due to concurrent update"),
			errhint("Run the transaction again."));
}
