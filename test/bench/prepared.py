#!/usr/bin/python3
"""test/bench/prepared.py SCRIPT CALLS: runs a pgbench script so many times, as a prepared statement over the extended
protocol. All of its values are parameters: where pgbench has the server put strings together, this does it itself, so
that the server's work is the statement's alone. Prints which process of the server it was."""
import re
import sys

import psycopg

with open(sys.argv[1]) as script:
    statement = re.sub(r"^(--|\\).*\n", "", script.read(), flags=re.MULTILINE)
for expression, parameter in (
    ("'order-' || :run || '-' || :client_id || '-' || :n", "%(orderid)s"),
    ("'batch-' || :sku || '-1'", "%(reference)s"),
    (":prefix || :sku", "%(sku)s"),
):
    statement = statement.replace(expression, parameter)

with psycopg.connect(autocommit=True) as connection:
    print(connection.info.backend_pid)
    for n in range(1, int(sys.argv[2]) + 1):
        sku = n * 7919 % 10000 + 1
        values = {"orderid": f"order-{n}", "sku": f"SKU-{sku}", "reference": f"batch-{sku}-1"}
        connection.execute(statement, values, prepare=True)
