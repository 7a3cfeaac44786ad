/*
 * subtransaction.c
 *		Begins, keeps and undoes the subtransaction around a unit of work.
 */
#include "postgres.h"

#include "adapters/compat.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/timeout.h"

#include "adapters/citus.h"
#include "adapters/duplicates.h"
#include "adapters/statement.h"
#include "adapters/subtransaction.h"

/* How an attempt has ended. */
typedef struct Ending
{
	Verdict		verdict;
	bool		is_explained;	/* to be retried: it may be due to others */
	bool		gave_up;		/* it was undone since it should not wait */
	ErrorData  *duplicate;		/* the error by which it ended, if it met what is known already */
	bool		is_doubtful;	/* perhaps that is a duplicate of a user's */
} Ending;

/*
 * How to work as the owner of the tables.  Where that role may not become the
 * caller, its triggers must not leave anything in the caller's session that
 * would act as the caller later.
 */
static int
owner_security_context(Oid owner, Oid caller, int security_context)
{
	security_context |= SECURITY_LOCAL_USERID_CHANGE;
	if (owner != caller && !member_can_set_role(owner, caller))
		security_context |= SECURITY_RESTRICTED_OPERATION;
	return security_context;
}

/*
 * What the server says of a constraint that a row breaks shows columns of that
 * row.  Who may not read the table learns which constraint it is; the server's
 * log has the rest.
 */
static void
hide_rows(ErrorData *error, Oid owner, Oid caller)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (has_privs_of_role(caller, owner) || !error->table_name || error->detail_log ||
		(category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION && category != ERRCODE_WITH_CHECK_OPTION_VIOLATION))
		return;
	error->detail_log = error->detail;
	error->detail = NULL;
}

/* One attempt at a unit of work, as the owner of the tables; may_keep says whether what it writes can stay. */
static Ending
try_once(SpiRepository *repository, Body body, void *command, bool may_keep)
{
	MemoryContext caller_context = CurrentMemoryContext;
	ResourceOwner caller_owner = CurrentResourceOwner;
	Oid			caller;
	int			security_context;
	RunningStatement running = statement_running;
	bool		has_time_limit = get_timeout_active(STATEMENT_TIMEOUT);
	volatile Ending result = {.verdict = UNDO};

	GetUserIdAndSecContext(&caller, &security_context);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller_context);

	PG_TRY();
	{
		int			nest_level = NewGUCNestLevel();

		SetUserIdAndSecContext(repository->tables.owner,
							   owner_security_context(repository->tables.owner, caller, security_context));
		SPI_connect();
		attempt_begin(repository);
		result.verdict = body(&repository->base, command);
		if (result.verdict == CONTRADICTION && attempt_note_contradiction(repository))
			result.verdict = RETRY;
		result.is_explained = result.verdict == RETRY && repository->is_explained(repository);
		attempt_end_moment(repository);
		SPI_finish();
		/* What a trigger has set goes no further. */
		AtEOXact_GUC(false, nest_level);
		restore_patience(repository->patience);
		SetUserIdAndSecContext(caller, security_context);

		if (result.verdict == KEEP && may_keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;
		DuplicateOwner owner;

		MemoryContextSwitchTo(caller_context);
		error = CopyErrorData();
		FlushErrorState();
		/* Only before the rollback, as that is the end of a transaction, too. */
		result.is_explained = error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION &&
			repository->is_explained(repository);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_context);
		CurrentResourceOwner = caller_owner;
		statement_running = running;
		if (attempt_note_error(repository, error))
		{
			/* Where both limits are reached at once, the server tells of the other one only. */
			if (has_time_limit && !get_timeout_active(STATEMENT_TIMEOUT))
				ereport(ERROR,
						errcode(ERRCODE_QUERY_CANCELED),
						errmsg("canceling statement due to statement timeout"));
			result.verdict = WAIT;
			result.gave_up = true;
		}
		else
		{
			hide_rows(error, repository->tables.owner, caller);
			owner = duplicate_owner(&repository->tables, error);
			if (owner == THEIRS)
				ReThrowError(error);
			result.verdict = RETRY;
			result.duplicate = error;
			result.is_doubtful = owner == PERHAPS_OURS;
		}
	}
	PG_END_TRY();

	MemoryContextSwitchTo(caller_context);
	CurrentResourceOwner = caller_owner;
	return result;
}

static void
report_contradiction(void)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("the tables of extension \"allocation\" contradict each other, or do not keep what is written"),
			errhint("check_allocation() tells what is wrong in them. It may be a trigger or a rule on them, too."));
}

/*
 * The transaction keeps its snapshot, so another attempt would see the same.  It
 * has met a duplicate that the snapshot does not show.  If that is there by now,
 * another session has added it; otherwise a trigger makes it each time.
 */
static void
report_duplicate(SpiRepository *repository, Body body, void *command)
{
	Ending		trial;

	repository->sees_latest = true;
	trial = try_once(repository, body, command, false);
	if (trial.duplicate && (trial.is_doubtful || !trial.is_explained))
		ReThrowError(trial.duplicate);
	report_serialization_failure();
}

/*
 * A cautious attempt looks before it writes, so it seldom meets a duplicate.  One
 * that comes again and again is made by a user's trigger or constraint, though
 * others are always at work.  So is whatever else makes a call begin anew for so
 * long: later attempts have locked what they write.
 */
#define MOST_RETRIES 20

/* The run method of the unit of work. */
static void
subtransaction_run(UnitOfWork *uow, Body body, void *command)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	bool		keeps_snapshot = IsolationUsesXactSnapshot();
	MemoryContext before_last = NULL;
	int			nretries = 0;
	Ending		last;

	repository->base.attempt.nfailed = 0;
	repository->base.attempt.looks_first = keeps_snapshot;
	while ((last = try_once(repository, body, command, true)).verdict == RETRY || last.verdict == WAIT)
	{
		if (keeps_snapshot && last.duplicate)
			report_duplicate(repository, body, command);
		if (keeps_snapshot && last.verdict == RETRY && !repository->write_failed)
			report_serialization_failure();
		if (last.verdict == RETRY && ++nretries > MOST_RETRIES)
			last.is_explained = false;
		/* A first attempt may have met what it did not look for. */
		if (last.verdict == RETRY && (keeps_snapshot || (repository->base.attempt.looks_first && !last.is_explained)))
		{
			if (last.duplicate)
				ReThrowError(last.duplicate);
			report_contradiction();
		}
		CHECK_FOR_INTERRUPTS();
		repository->base.attempt.nfailed += !last.gave_up;
		repository->base.attempt.looks_first = true;

		/* There may be many attempts: only what the last one has read is kept for the next. */
		if (before_last)
			MemoryContextDelete(before_last);
		before_last = repository->memory == CurrentMemoryContext ? NULL : repository->memory;
		repository->memory = AllocSetContextCreate(CurrentMemoryContext, "allocation attempt", ALLOCSET_DEFAULT_SIZES);
	}
	if (last.verdict == CONTRADICTION)
		report_contradiction();
	progress_end(&repository->progress);
}

/* Prepares the server process when it loads the library: defines the settings, and hooks into the planner. */
void
subtransaction_set_up_library(void)
{
	/* Superuser only: calls run as the tables' owner, so a caller could change that role's plans. */
	DefineCustomBoolVariable("allocation.distributed",
							 "The tables of extension \"allocation\" are distributed over several nodes by SKU.",
							 NULL, &tables_are_distributed, false, PGC_SUSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("allocation");
	statement_install_planner();
	citus_set_up_library();
}

/* Makes a unit of work over the tables beside the function that is called. */
void
subtransaction_init(Subtransaction *self, Oid function)
{
	self->base.run = subtransaction_run;
	spi_repository_init(&self->repository, function);
	if (installation_is_distributed(&self->repository.tables))
		citus_adapt(&self->repository);
}

/*
 * Makes a unit of work for a trigger function on table batches; any other table
 * is an error.  It sees what others have committed by now, because DELETE and
 * TRUNCATE also take rows that the snapshot of their transaction does not show.
 */
void
subtransaction_init_for_trigger(Subtransaction *self, Oid function, Relation table)
{
	subtransaction_init(self, function);
	if (!installation_has_batches(&self->repository.tables, table))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("keep_allocated_batches() is for table \"batches\" of its extension, not for table \"%s\"",
					   RelationGetRelationName(table)));
	self->repository.sees_latest = true;
}

/* From now on, other sessions see how far the work is, which is to write this many lines (0 if that is unknown). */
void
subtransaction_show_progress(Subtransaction *self, size_t lines_total)
{
	self->repository.progress = progress_of(self->repository.tables.order_lines, lines_total);
}
