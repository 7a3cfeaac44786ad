# Usage: psycopg_2.py NAME named|unnamed -- see run.
import sys
import psycopg2

name, named = sys.argv[1], sys.argv[2] == "named"
connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()
statement = "SELECT allocate(%s, %s, %s)"
if named:  # psycopg2 leaves preparing to SQL
    cursor.execute("PREPARE allocation AS SELECT allocate($1, $2, $3)")
    statement = "EXECUTE allocation (%s, %s, %s)"


def allocate(number, quantity):
    cursor.execute(statement, (f"{name}-{number}", "LAMP", quantity))
    return cursor.fetchone()[0]


print(allocate(1, 1), allocate(2, 1))
try:
    allocate(3, 1000000)
except psycopg2.DatabaseError as error:
    print(error.pgcode)
cursor.execute(
    "SELECT sku, batchref FROM allocate_lines(%s, %s, %s)",
    ([f"{name}-4", f"{name}-5"], ["LAMP", "CHAIR"], [1, 2]),
)
for row in cursor:
    print(*row)
