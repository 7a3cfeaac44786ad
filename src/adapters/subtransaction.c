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
	bool		is_explained;	/* RETRY: other sessions may be the reason */
	bool		only_waits;		/* WAIT: it was undone because it would have waited while it held locks */
	ErrorData  *duplicate;		/* the error by which it ended, if a batch or line existed already */
	bool		is_doubtful;	/* that may be the duplicate of a user's trigger or constraint */
} Ending;

/*
 * The security context for working as the owner of the tables.  If that role may
 * not become the caller, its triggers must not leave anything in the session that
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
 * The DETAIL of a constraint violation shows columns of the row.  A caller who may
 * not read the table only learns which constraint it is; the DETAIL goes to the
 * server's log.
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

/* Makes one attempt at a unit of work, as the owner of the tables.  Undoes it unless the body and may_keep say otherwise. */
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
		/* Undo what a trigger may have set. */
		AtEOXact_GUC(false, nest_level);
		patience_restore(repository->patience);
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
		/* Ask before the rollback, which itself counts as the end of a transaction. */
		result.is_explained = error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION &&
			repository->is_explained(repository);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_context);
		CurrentResourceOwner = caller_owner;
		statement_running = running;
		if (attempt_note_error(repository, error))
		{
			/* If lock_timeout and statement_timeout are reached at once, the server only reports the former. */
			if (has_time_limit && !get_timeout_active(STATEMENT_TIMEOUT))
				ereport(ERROR,
						errcode(ERRCODE_QUERY_CANCELED),
						errmsg("canceling statement due to statement timeout"));
			result.verdict = WAIT;
			result.only_waits = true;
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

_Noreturn static void
report_contradiction(void)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("the tables of extension \"allocation\" contradict each other, or do not keep what is written"),
			errhint("check_allocation() tells what is wrong in them. It may be a trigger or a rule on them, too."));
}

/*
 * Reports a duplicate that a kept snapshot does not show, so that another attempt
 * would meet it again.  A trial that sees the latest moment tells whose it is: if
 * another session has added the row, the trial finds it; otherwise a trigger makes
 * the duplicate each time.
 */
_Noreturn static void
report_duplicate(SpiRepository *repository, Body body, void *command)
{
	Ending		trial;

	repository->sees_latest = true;
	trial = try_once(repository, body, command, false);
	if (trial.duplicate && (trial.is_doubtful || !trial.is_explained))
		ReThrowError(trial.duplicate);
	attempt_report_serialization_failure();
}

/*
 * Later attempts lock what they write and look for duplicates before they write.
 * After so many retries, the reason is not other sessions but a user's trigger or
 * constraint, even if others are always at work.
 */
#define MOST_RETRIES 20

/* An error if an attempt that has to be retried would only fail again. */
static void
refuse_vain_retry(SpiRepository *repository, Body body, void *command, Ending last, int nretries)
{
	if (IsolationUsesXactSnapshot())
	{
		if (last.duplicate)
			report_duplicate(repository, body, command);
		if (!repository->write_failed)
			attempt_report_serialization_failure();
	}
	/* A first attempt may have met what it did not look for. */
	else if (!repository->base.attempt.looks_first || (last.is_explained && nretries <= MOST_RETRIES))
		return;

	if (last.duplicate)
		ReThrowError(last.duplicate);
	report_contradiction();
}

/* The run method of the unit of work. */
static void
subtransaction_run(UnitOfWork *uow, Body body, void *command)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	MemoryContext before_last = NULL;
	int			nretries = 0;
	Ending		last;

	repository->base.attempt.nfailed = 0;
	repository->base.attempt.looks_first = IsolationUsesXactSnapshot();
	while ((last = try_once(repository, body, command, true)).verdict == RETRY || last.verdict == WAIT)
	{
		if (last.verdict == RETRY)
			refuse_vain_retry(repository, body, command, last, ++nretries);
		CHECK_FOR_INTERRUPTS();
		repository->base.attempt.nfailed += !last.only_waits;
		repository->base.attempt.looks_first = true;

		/* What an attempt has read is kept for the next one only, because there may be many. */
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
