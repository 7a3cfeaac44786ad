/* Usage: libpq NAME named|unnamed -- see run. */
#include <stdio.h>
#include <string.h>
#include <libpq-fe.h>

#define ALLOCATE "SELECT allocate($1, $2, $3)"

static PGconn *connection;
static int	named;

/* Allocates quantity of LAMP to the order: through the prepared statement, or prepared and run in one go. */
static PGresult *
allocate(const char *name, const char *number, const char *quantity)
{
	char		orderid[100];
	const char *values[] = {orderid, "LAMP", quantity};

	snprintf(orderid, sizeof(orderid), "%s-%s", name, number);
	if (named)
		return PQexecPrepared(connection, "allocate", 3, values, NULL, NULL, 0);
	return PQexecParams(connection, ALLOCATE, 3, NULL, values, NULL, NULL, 0);
}

int
main(int argc, char **argv)
{
	const char *name = argv[1];
	char		orderids[100];
	const char *arrays[] = {orderids, "{LAMP,CHAIR}", "{1,2}"};
	PGresult   *result;

	connection = PQconnectdb("");
	named = strcmp(argv[2], "named") == 0;
	if (named)
		PQclear(PQprepare(connection, "allocate", ALLOCATE, 3, NULL));

	printf("%s", PQgetvalue(allocate(name, "1", "1"), 0, 0));
	printf(" %s\n", PQgetvalue(allocate(name, "2", "1"), 0, 0));

	result = allocate(name, "3", "1000000");
	printf("%s\n", PQresultErrorField(result, PG_DIAG_SQLSTATE));

	snprintf(orderids, sizeof(orderids), "{%s-4,%s-5}", name, name);
	result = PQexecParams(connection, "SELECT sku, batchref FROM allocate_lines($1, $2, $3)", 3, NULL, arrays,
						  NULL, NULL, 0);
	for (int i = 0; i < PQntuples(result); i++)
		printf("%s %s\n", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
	return 0;
}
