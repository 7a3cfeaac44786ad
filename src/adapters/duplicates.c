/*
 * duplicates.c
 *		Looks at unique violations.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "adapters/duplicates.h"

/* Has the index the columns of one of our keys?  It need not be the one we have made: REINDEX builds another one. */
static bool
is_our_key(Oid index, Oid table)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		is_ours;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	is_ours = form->indrelid == table && heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	for (int i = 0; is_ours && i < form->indnkeyatts; i++)
	{
		char	   *column = get_attname(table, form->indkey.values[i], true);

		is_ours = column && (strcmp(column, "reference") == 0 ||
							 (form->indnkeyatts == 2 && (strcmp(column, "orderid") == 0 || strcmp(column, "sku") == 0)));
	}
	ReleaseSysCache(tuple);
	return is_ours;
}

/* Is it the table's name, or that of a shard or partition of it, as order_lines_102016 or order_lines_1? */
static bool
is_of_table(const char *name, const char *table)
{
	size_t		length = strlen(table);

	return strncmp(name, table, length) == 0 && (name[length] == '\0' || name[length] == '_');
}

/*
 * Is the error a duplicate of a batch or a line, as add_batch and add_lines of
 * repository.h mean it?  Triggers and constraints that a user has added report
 * their own.  We go by the table and by the columns of the index, because a user
 * may rename an index.  We cannot be sure if it happened in a part of a table, if
 * the index is gone by now, or if no table is named, as by another node.
 */
DuplicateOwner
duplicate_owner(const Installation *tables, const ErrorData *error)
{
	bool		is_of_batches;
	bool		is_of_lines;
	Oid			table;
	Oid			index;

	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		return THEIRS;
	if (!error->table_name)
		return PERHAPS_OURS;
	is_of_batches = is_of_table(error->table_name, "batches");
	is_of_lines = is_of_table(error->table_name, "order_lines");
	if (!error->schema_name || strcmp(error->schema_name, NameStr(tables->schema)) != 0 || (!is_of_batches && !is_of_lines))
		return THEIRS;
	table = get_relname_relid(error->table_name, tables->namespace);
	index = error->constraint_name ? get_relname_relid(error->constraint_name, tables->namespace) : InvalidOid;
	if (!OidIsValid(index))
		return PERHAPS_OURS;
	if (!is_our_key(index, table))
		return THEIRS;
	/* Over several nodes rows are in parts of the table.  An error that names the table itself comes from a trigger. */
	return !installation_is_distributed(tables) && strcmp(error->table_name, is_of_batches ? "batches" : "order_lines") == 0 ?
		OURS : PERHAPS_OURS;
}
