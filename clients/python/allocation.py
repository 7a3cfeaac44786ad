"""A thin client for the PostgreSQL extension allocation: psycopg 3 and SQLAlchemy (1.4 or 2, on psycopg or psycopg2).

It is one file without dependencies beyond the driver: copy it into your project. Every call works in the transaction of
the connection that you give it.

    from allocation import Allocation, OutOfStock, run_transaction

    def check_out(connection):
        connection.execute("INSERT INTO orders (orderid) VALUES (%s)", ("order-1",))
        return Allocation(connection).allocate_order("order-1", {"LAMP": 2, "CHAIR": 1})

    try:
        lines = run_transaction(connection_or_engine, check_out)
    except OutOfStock as error:
        print(error, error.detail)
"""
from __future__ import annotations

import random
import time
from datetime import date, timedelta
from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, Optional, Tuple, TypeVar, Union

Day = Union[date, str, None]             # a day, or what PostgreSQL reads as one: 'infinity' takes a date back
Duration = Union[timedelta, str, None]   # how long a hold lasts: timedelta(minutes=15), or '15 minutes'
Result = TypeVar("Result")
Row = TypeVar("Row", bound=tuple)        # type: ignore[type-arg]


class Line(NamedTuple):
    """An order line, and the batch that serves it. Without a batch the line waits."""

    orderid: str
    sku: str
    qty: int
    batchref: Optional[str]


class Answer(NamedTuple):
    """What a try_ call says of a line. refusal is invalid_sku, out_of_stock, order_line_conflict or None."""

    orderid: str
    sku: str
    qty: int
    batchref: Optional[str]
    refusal: Optional[str]
    available: Optional[int]


class Promise(NamedTuple):
    """The batch that would serve a line, and the day on which it comes: None if it is in the warehouse."""

    batchref: str
    eta: Optional[date]


class Fault(NamedTuple):
    """A contradiction in the tables, found by check_allocation."""

    fault: str
    sku: str
    batchref: Optional[str]
    orderid: Optional[str]
    found: Optional[int]
    expected: Optional[int]


class AllocationError(Exception):
    """The extension has refused a call: nothing of the call has happened. __cause__ is the error of the driver."""

    sqlstate = ""

    def __init__(self, message: str, detail: Optional[str] = None, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.detail = detail
        self.hint = hint


class InvalidSku(AllocationError):
    """No batch has the SKU."""

    sqlstate = "SK001"


class OutOfStock(AllocationError):
    """No batch has room for the whole line in time. detail says how much one batch has, and when there is more."""

    sqlstate = "SK002"


class UnknownBatch(AllocationError):
    """There is no such batch."""

    sqlstate = "SK003"


class UnknownOrderLine(AllocationError):
    """There is no such line, or it was a hold that has expired."""

    sqlstate = "SK004"


class OrderLineConflict(AllocationError):
    """The line is known with another quantity, or its batch comes after the date."""

    sqlstate = "SK005"


class AlreadyShipped(AllocationError):
    """The call would undo what has shipped."""

    sqlstate = "SK006"


class NotInWarehouse(AllocationError):
    """What was to ship waits, is under way, or is blocked."""

    sqlstate = "SK007"


ERRORS = {error.sqlstate: error for error in AllocationError.__subclasses__()}
RETRIED = ("40001", "40P01")             # serialization failure, deadlock: the same transaction may succeed now


def sqlstate_of(error: BaseException) -> Optional[str]:
    """The SQLSTATE of an error of psycopg, psycopg2, SQLAlchemy or this client; None of any other."""
    error = getattr(error, "orig", None) or error
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def run_transaction(source: Any, work: Callable[[Any], Result], attempts: int = 5) -> Result:
    """Calls work(connection) in a transaction and commits. After a serialization failure or a deadlock it rolls back
    and starts again, up to so many attempts in all; the last error is raised. So work must do nothing that a ROLLBACK
    does not undo, such as sending mail.

    source is a psycopg connection that is in no transaction, or an SQLAlchemy Engine or sessionmaker.
    """
    if hasattr(source, "begin"):                                # SQLAlchemy
        def attempt() -> Result:
            with source.begin() as connection:
                return work(connection)
    else:
        if source.info.transaction_status != 0:
            raise ValueError("the connection is in a transaction already, and only a whole transaction can be retried")

        def attempt() -> Result:
            with source.transaction():
                return work(source)

    for number in range(1, attempts):
        try:
            return attempt()
        except Exception as error:
            if sqlstate_of(error) not in RETRIED:
                raise
        time.sleep(random.uniform(0, 0.01 * 2 ** number))
    return attempt()


class Allocation:
    """The calls of the extension. connection is a psycopg connection, or an SQLAlchemy Connection or Session. Name the
    schema of the extension if it is not in the search_path."""

    def __init__(self, connection: Any, schema: Optional[str] = None) -> None:
        self.connection = connection
        self.prefix = '"%s".' % schema.replace('"', '""') if schema else ""

    # Buying

    def add_batch(self, ref: str, sku: str, qty: int, eta: Day = None, rank: int = 0) -> None:
        self._value("add_batch(%s, %s, %s::integer, %s::date, %s::integer)", ref, sku, qty, eta, rank)

    def change_batch_quantity(self, ref: str, qty: int) -> List[Line]:
        """Returns the lines that have left the batch."""
        return self._rows(Line, "change_batch_quantity(%s, %s::integer)", ref, qty)

    def change_batch_eta(self, ref: str, eta: Day) -> List[Line]:
        """None: the batch has arrived. 'infinity': it is blocked. Returns the lines that are on it."""
        return self._rows(Line, "change_batch_eta(%s, %s::date)", ref, eta)

    def reallocate_sku(self, sku: str) -> List[Line]:
        """Serves the lines that wait. Returns the lines that have changed."""
        return self._rows(Line, "reallocate_sku(%s)", sku)

    # Selling

    def allocate(self, orderid: str, sku: str, qty: int, by: Day = None, hold: Duration = None) -> str:
        """Returns the reference of the batch."""
        return self._value("allocate(%s, %s, %s::integer, %s::date, %s::interval)", orderid, sku, qty, by, hold)

    def allocate_order(self, orderid: str, lines: Mapping[str, int], all_or_nothing: bool = True,
                       by: Day = None, hold: Duration = None) -> List[Line]:
        """lines has the quantity of each SKU."""
        return self._rows(Line, "allocate_order(%s, %s::text[], %s::integer[], %s, %s::date, %s::interval)",
                          orderid, list(lines), list(lines.values()), all_or_nothing, by, hold)

    def allocate_lines(self, lines: Iterable[Tuple[str, str, int]], all_or_nothing: bool = True,
                       by: Day = None, hold: Duration = None) -> List[Line]:
        """lines are (orderid, sku, qty)."""
        return self._rows(Line, "allocate_lines(%s::text[], %s::text[], %s::integer[], %s, %s::date, %s::interval)",
                          *_columns(lines), all_or_nothing, by, hold)

    def try_allocate(self, orderid: str, sku: str, qty: int, by: Day = None, hold: Duration = None) -> Answer:
        return self._rows(Answer, "try_allocate(%s, %s, %s::integer, %s::date, %s::interval)",
                          orderid, sku, qty, by, hold)[0]

    def try_allocate_order(self, orderid: str, lines: Mapping[str, int],
                           by: Day = None, hold: Duration = None) -> List[Answer]:
        return self._rows(Answer, "try_allocate_order(%s, %s::text[], %s::integer[], %s::date, %s::interval)",
                          orderid, list(lines), list(lines.values()), by, hold)

    def try_allocate_lines(self, lines: Iterable[Tuple[str, str, int]],
                           by: Day = None, hold: Duration = None) -> List[Answer]:
        return self._rows(Answer, "try_allocate_lines(%s::text[], %s::text[], %s::integer[], %s::date, %s::interval)",
                          *_columns(lines), by, hold)

    def promise(self, sku: str, qty: int, by: Day = None) -> Optional[Promise]:
        """What allocate would choose now. None if no batch could serve the line."""
        found = self._rows(Promise, "promise(%s, %s::integer, %s::date)", sku, qty, by)
        return found[0] if found else None

    # Giving back and changing

    def deallocate(self, orderid: str, sku: str) -> Optional[str]:
        """Returns the reference of the batch that the line had."""
        return self._value("deallocate(%s, %s)", orderid, sku)

    def deallocate_order(self, orderid: str) -> List[Line]:
        return self._rows(Line, "deallocate_order(%s)", orderid)

    def reallocate(self, orderid: str, sku: str, qty: Optional[int] = None, by: Day = None) -> str:
        """Returns the reference of the batch."""
        return self._value("reallocate(%s, %s, %s::integer, %s::date)", orderid, sku, qty, by)

    # Shipping

    def ship(self, orderid: str, sku: str, qty: Optional[int] = None) -> Optional[str]:
        """qty is the total that has left by now; None is the whole line. Returns the reference of the batch."""
        return self._value("ship(%s, %s, %s::integer)", orderid, sku, qty)

    def ship_order(self, orderid: str, all_or_nothing: bool = True) -> List[Line]:
        """Returns the lines that have left altogether."""
        return self._rows(Line, "ship_order(%s, %s)", orderid, all_or_nothing)

    def check_allocation(self) -> List[Fault]:
        """Empty if all is well."""
        return self._rows(Fault, "check_allocation()")

    def _value(self, call: str, *arguments: Any) -> Any:
        return self._execute("SELECT " + self.prefix + call, arguments)[0][0]

    def _rows(self, row: Callable[..., Row], call: str, *arguments: Any) -> List[Row]:
        return [row(*values) for values in self._execute("SELECT * FROM " + self.prefix + call, arguments)]

    def _execute(self, statement: str, arguments: Tuple[Any, ...]) -> List[Tuple[Any, ...]]:
        connection = self.connection
        try:
            if hasattr(connection, "cursor"):                           # psycopg
                from psycopg.rows import tuple_row
                with connection.cursor(row_factory=tuple_row) as cursor:
                    return list(cursor.execute(statement, arguments))
            from sqlalchemy import text
            names = ["p%d" % number for number in range(len(arguments))]
            statement %= tuple(":%s " % name for name in names)         # the space keeps text() from misreading ::
            return [tuple(row) for row in connection.execute(text(statement), dict(zip(names, arguments)))]
        except Exception as error:
            known = ERRORS.get(sqlstate_of(error) or "")
            if not known:
                raise
            said: Any = getattr(error, "orig", error)
            raise known(said.diag.message_primary, said.diag.message_detail, said.diag.message_hint) from error


def _columns(lines: Iterable[Tuple[str, str, int]]) -> List[List[Any]]:
    """The arrays of the order numbers, the SKUs and the quantities."""
    rows = list(lines)
    return [[row[column] for row in rows] for column in range(3)]
