# Usage: psycopg_3.py NAME named|unnamed -- see run.
import sys
import psycopg

name, named = sys.argv[1], sys.argv[2] == "named"
# Without a name, never prepare: another server connection would not know the statement.
connection = psycopg.connect(autocommit=True, prepare_threshold=0 if named else None)


def allocate(number, quantity):
    call = connection.execute("SELECT allocate(%s, %s, %s)", (f"{name}-{number}", "LAMP", quantity))
    return call.fetchone()[0]


print(allocate(1, 1), allocate(2, 1))
try:
    allocate(3, 1000000)
except psycopg.DatabaseError as error:
    print(error.sqlstate)
for row in connection.execute(
    "SELECT sku, batchref FROM allocate_lines(%s, %s, %s)",
    ([f"{name}-4", f"{name}-5"], ["LAMP", "CHAIR"], [1, 2]),
):
    print(*row)
