"""Usage: typed.py psycopg|URL NAME -- see run. Every call of clients/python, and what it does after errors. The URL is
one for SQLAlchemy.

Prints what the calls return, for run to compare: the typed clients of all languages print the same.
"""
import sys
from datetime import date, timedelta

import allocation
from allocation import Allocation, AllocationError, run_transaction

driver, name = sys.argv[1:]
if driver == "psycopg":
    import psycopg

    def open_source(serializable=False):
        connection = psycopg.connect(autocommit=True, prepare_threshold=None)
        if serializable:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        return connection
else:
    from sqlalchemy import create_engine

    def open_source(serializable=False):
        return create_engine(driver, isolation_level="SERIALIZABLE" if serializable else "READ COMMITTED")

source = open_source()


def call(function, *arguments, **options):
    """The function of Allocation in a transaction of its own."""
    return run_transaction(source,
        lambda connection: getattr(Allocation(connection, "public"), function)(*arguments, **options))


def show(*values):
    """None is printed as null, a batch without the name of this run."""
    print(*("null" if value is None else str(value).replace(name, "") for value in values))


def refused(function, *arguments, **options):
    try:
        show("not refused:", call(function, *arguments, **options))
    except AllocationError as error:
        print(error.sqlstate, type(error).__name__, "with a hint" if error.hint else "without a hint")


SKU, first, second = name, name + "-first", name + "-second"


def order(number):
    return "%s-%s" % (name, number)


print("# calls")
call("add_batch", first, SKU, 10)
call("add_batch", second, SKU, 20, eta=date(2100, 1, 2), rank=1)
show(call("allocate", order(1), SKU, 4))
show(call("allocate", order(2), SKU, 1, by=date(2100, 1, 1), hold=timedelta(minutes=15)))
for line in call("allocate_order", order(3), {SKU: 30}, all_or_nothing=False):
    show(line.qty, line.batchref)
show(len(call("allocate_lines", [(order(4), SKU, 1), (order(5), SKU, 2)])))
answer = call("try_allocate", order(6), SKU, 25)
show(answer.refusal, answer.available, answer.batchref)
show(call("try_allocate_order", order(6), {SKU: 25})[0].refusal)
show([each.refusal for each in call("try_allocate_lines", [(order(1), SKU, 4), (order(6), SKU, 25)])][1])
promise = call("promise", SKU, 5)
show(promise.batchref, promise.eta)
show(call("promise", SKU, 1000))
show(call("deallocate", order(2), SKU), call("deallocate", order(2), SKU))
show(len(call("deallocate_order", order(5))))
show(call("reallocate", order(1), SKU, qty=5))
show(call("ship", order(1), SKU, 2), call("ship", order(1), SKU))
show(len(call("ship_order", order(4))))
show(len(call("change_batch_eta", second, None)), len(call("change_batch_quantity", second, 30)))
show(len(call("reallocate_sku", SKU)))
show(len(call("check_allocation")))

print("# refusals")
refused("allocate", order(7), name + "-unknown", 1)
refused("allocate", order(7), SKU, 1000)
refused("change_batch_eta", name + "-unknown", None)
refused("ship", order(7), SKU)
refused("allocate", order(1), SKU, 6)
refused("deallocate", order(1), SKU)
call("change_batch_eta", first, "infinity")
call("change_batch_quantity", second, 31)
call("allocate", order(8), SKU, 1)
call("change_batch_eta", second, "infinity")
refused("ship", order(8), SKU)
try:
    call("allocate", "", SKU, 1)
except AllocationError:
    print("taken for an error of ours")
except Exception as error:
    print(allocation.sqlstate_of(error))

print("# retries")
other = open_source()
serializable = open_source(serializable=True)
call("change_batch_eta", first, None)
call("change_batch_quantity", first, 1000)
attempts = 0


def overtaken(times):
    """A transaction in which others are faster so many times: from then on its snapshot is too old to write."""
    def work(connection):
        global attempts
        attempts += 1
        mine = Allocation(connection)
        mine.promise(SKU, 1)
        if attempts <= times:
            rival = order("rival-%d-%d" % (times, attempts))
            run_transaction(other, lambda connection: Allocation(connection).allocate(rival, SKU, 1))
        return mine.allocate(order("mine"), SKU, 1)
    return work


try:
    run_transaction(serializable, overtaken(times=3), attempts=3)
except Exception as error:
    show(allocation.sqlstate_of(error), "after", attempts, "attempts")
attempts = 0
show(run_transaction(serializable, overtaken(times=2)), "after", attempts, "attempts")


def deadlocked(connection):
    global attempts
    attempts += 1
    if attempts < 3:
        execute = getattr(connection, "exec_driver_sql", None) or connection.execute
        execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
    return "committed"


attempts = 0
show(run_transaction(source, deadlocked), "after", attempts, "attempts")


def refused_work(connection):
    global attempts
    attempts += 1
    Allocation(connection).ship(order("unknown"), SKU)


attempts = 0
try:
    run_transaction(source, refused_work)
except AllocationError as error:
    show(error.sqlstate, "after", attempts, "attempts")



def interrupted(connection):
    Allocation(connection).allocate(order("undone"), SKU, 1)
    raise KeyError("an error of the application's own")


try:
    run_transaction(source, interrupted)
except KeyError:
    show("undone:", call("deallocate", order("undone"), SKU))

# A savepoint is no whole transaction; an Engine always begins a new one, and so does a sessionmaker.
if driver == "psycopg":
    with source.transaction():
        try:
            run_transaction(source, refused_work)
            print("retried within a transaction")
        except ValueError:
            pass
else:
    from sqlalchemy.orm import sessionmaker
    if run_transaction(sessionmaker(source), lambda session: Allocation(session).promise(SKU, 1)) is None:
        print("a session is of no use")
