/*
 * installation.c
 *		Finds the tables of the extension, and locks them for a call.
 *
 * A call works as the owner of the tables, and the code that belongs to a table
 * (triggers, policies, expressions of indexes) runs as that role.  So a user who
 * could replace one of our tables by another would become that role.  Therefore
 * tables are known by their OIDs, and accepted only if they are members of the
 * extension and have the same owner.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "adapters/installation.h"

bool		tables_are_distributed = false;

/* The tables found last, and those checked last.  While they are checked and unchanged, calls take them as they are. */
static Installation known;
static Installation checked;
static bool is_checked = false;
static bool is_unchanged = false;

/* Reports that a table is not as the extension has made it. */
void
installation_refuse_table(const char *table, const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			errmsg("table \"%s\" is not as extension \"allocation\" has made it", table),
			errdetail("%s", detail),
			errhint("Columns, constraints, rules and owners of the tables of an extension have to stay as they are."));
}

/* Are the tables distributed over several nodes? */
bool
installation_is_distributed(const Installation *installation)
{
	return OidIsValid(installation->batch_skus);
}

/* Is it one of the tables? */
bool
installation_has(const Installation *installation, Oid table)
{
	return table == installation->batches || table == installation->order_lines ||
		(table == installation->batch_skus && OidIsValid(table));
}

/*
 * Is this table batches or, over several nodes, one of its shards?  A shard is a
 * table in the same schema, of the same owner.
 */
bool
installation_has_batches(const Installation *installation, Relation table)
{
	return RelationGetRelid(table) == installation->batches ||
		(installation_is_distributed(installation) && RelationGetNamespace(table) == installation->namespace &&
		 table->rd_rel->relowner == installation->owner);
}

/* Invalidation callback: one of our tables may have changed, or any table. */
static void
note_changed_table(Datum arg, Oid table)
{
	if (!OidIsValid(table) || installation_has(&known, table))
		is_unchanged = false;
}

/* Invalidation callback: a schema may have been renamed. */
static void
note_changed_schema(Datum arg, int cache, uint32 hash)
{
	is_unchanged = false;
}

/* Finds the tables in the schema by their names.  check_tables() must follow. */
static void
find_tables(Oid namespace, bool is_distributed)
{
	static bool has_callbacks = false;

	if (!has_callbacks)
	{
		CacheRegisterRelcacheCallback(note_changed_table, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, note_changed_schema, (Datum) 0);
		has_callbacks = true;
	}
	known.namespace = namespace;
	known.batches = get_relname_relid("batches", namespace);
	known.order_lines = get_relname_relid("order_lines", namespace);
	known.batch_skus = is_distributed ? get_relname_relid("batch_skus", namespace) : InvalidOid;
}

/* Reports that a table is not where the extension has made it. */
static void
report_missing_table(const char *name)
{
	const char *schema = get_namespace_name(known.namespace);

	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_TABLE),
			schema ? errmsg("table \"%s\" of extension \"allocation\" is not in schema \"%s\"", name, schema) :
			errmsg("table \"%s\" of extension \"allocation\" is no longer there", name),
			errhint("The functions and tables of the extension have to stay in one schema."));
}

/*
 * Refuses a table that is not the ordinary table of this name in the schema;
 * returns its owner.  If it inherited from another table, or were a partition, the
 * owner of that table could write to its rows and make indexes on it.
 */
static Oid
check_table(Oid table, const char *name)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Form_pg_class row = HeapTupleIsValid(tuple) ? (Form_pg_class) GETSTRUCT(tuple) : NULL;
	Oid			owner;

	if (!row || row->relnamespace != known.namespace || strcmp(NameStr(row->relname), name) != 0)
		report_missing_table(name);
	if (row->relkind != RELKIND_RELATION)
		installation_refuse_table(name, "It is not an ordinary table.");
	if (row->relispartition || has_superclass(table))
		installation_refuse_table(name, "It inherits from another table, or is a partition of one.");
	owner = row->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Refuses a table that is no member of the extension. */
static void
check_membership(Oid table, const char *name)
{
	if (getExtensionOfObject(RelationRelationId, table) != get_extension_oid("allocation", false))
		installation_refuse_table(name, "It is not a member of the extension.");
}

/* Refuses a table that does not belong to the owner of batches. */
static void
check_owner(Oid owner, const char *name)
{
	if (owner != known.owner)
		installation_refuse_table(name, psprintf("It belongs to role \"%s\", and table \"batches\" to role \"%s\".",
									GetUserNameFromId(owner, true), GetUserNameFromId(known.owner, true)));
}

/* Refuses tables that are not those of one installation.  batch_skus is no member: it is made when tables are distributed. */
static void
check_tables(bool is_distributed)
{
	is_checked = false;
	is_unchanged = true;
	known.owner = check_table(known.batches, "batches");
	namestrcpy(&known.schema, get_namespace_name(known.namespace));
	check_membership(known.batches, "batches");
	check_owner(check_table(known.order_lines, "order_lines"), "order_lines");
	check_membership(known.order_lines, "order_lines");
	if (is_distributed)
		check_owner(check_table(known.batch_skus, "batch_skus"), "batch_skus");
	known.generation = checked.generation;
	if (memcmp(&known, &checked, sizeof(Installation)) != 0)
		known.generation++;
	checked = known;
	is_checked = true;
}

/*
 * Locks and returns the tables in the schema of the function that is called, until
 * the transaction ends.  The lock is one for writing from the beginning: a lock for
 * reading that is made stronger later would deadlock with a transaction that asks
 * for a strong lock in between.
 */
Installation
installation_lock(Oid function)
{
	Oid			namespace = get_func_namespace(function);
	bool		is_distributed = tables_are_distributed;

	AcceptInvalidationMessages();
	is_checked &= is_unchanged && known.namespace == namespace && installation_is_distributed(&known) == is_distributed;
	if (!is_checked)
		find_tables(namespace, is_distributed);
	LockRelationOid(known.batches, RowExclusiveLock);
	LockRelationOid(known.order_lines, RowExclusiveLock);
	if (is_distributed)
		LockRelationOid(known.batch_skus, RowExclusiveLock);
	if (!is_checked || !is_unchanged)
		check_tables(is_distributed);
	return known;
}
