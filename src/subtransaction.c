/*
 * subtransaction.c
 *		Begins, keeps and undoes the subtransaction around a unit of work.
 */
#include "postgres.h"

#include "compat.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "subtransaction.h"

/*
 * After so many attempts something other than a race is wrong, be it a trigger
 * that suppresses what is written or tables that contradict each other.
 */
#define MAX_ATTEMPTS 100

/* One attempt at a unit of work, as the owner of the tables. */
static Verdict
attempt(SpiRepository *repository, Body body, void *command)
{
	MemoryContext caller_context = CurrentMemoryContext;
	ResourceOwner caller_owner = CurrentResourceOwner;
	Oid			caller;
	int			security_context;
	volatile Verdict verdict = UNDO;

	GetUserIdAndSecContext(&caller, &security_context);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller_context);

	PG_TRY();
	{
		SetUserIdAndSecContext(repository->owner,
							   security_context | SECURITY_LOCAL_USERID_CHANGE);
		SPI_connect();
		verdict = body(&repository->base, command);
		SPI_finish();
		SetUserIdAndSecContext(caller, security_context);

		if (verdict == KEEP)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_context);
		CurrentResourceOwner = caller_owner;

		if (!spi_repository_met_duplicate(repository, error))
			ReThrowError(error);
		FreeErrorData(error);
		verdict = RETRY;
	}
	PG_END_TRY();

	MemoryContextSwitchTo(caller_context);
	CurrentResourceOwner = caller_owner;
	return verdict;
}

/* The run method of the unit of work. */
static void
subtransaction_run(UnitOfWork *uow, Body body, void *command)
{
	SpiRepository *repository = &((Subtransaction *) uow)->repository;
	int			attempts = 0;

	repository->base.cautious = IsolationUsesXactSnapshot();
	while (attempt(repository, body, command) == RETRY)
	{
		/* Without a new snapshot, another attempt would see the same. */
		if (IsolationUsesXactSnapshot() || ++attempts == MAX_ATTEMPTS)
			ereport(ERROR,
					errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("could not serialize access due to concurrent update"),
					attempts == MAX_ATTEMPTS
					? errhint("If running the transaction again does not help, check_allocation() may tell what is wrong.")
					: errhint("Run the transaction again."));
		CHECK_FOR_INTERRUPTS();
		repository->base.cautious = true;
	}
}

/* Makes a unit of work over the tables in the schema. */
void
subtransaction_init(Subtransaction *self, Oid namespace)
{
	self->base.run = subtransaction_run;
	spi_repository_init(&self->repository, namespace);
}
