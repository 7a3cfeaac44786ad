#!/usr/bin/python3
"""Peer (d): an ORM service, written the way the pattern's book (Architecture Patterns with Python) does it.

The domain model knows no database; SQLAlchemy maps it. A request opens a session in a unit of work, asks the repository
for batches, lets the model choose one, and commits. There is no web server before it: a request is a function call.

orm.py create SKUS BATCHES             makes the tables, with BATCHES batches of each SKU and three old orders' lines
orm.py run SECONDS CLIENTS SKUS WHAT   allocates, in CLIENTS processes; prints how many requests a second were served.
                                       WHAT the repository is asked for is "all" batches, as in the book's first
                                       services, or those of the line's "sku", as in its later aggregates.
"""
import datetime
import multiprocessing
import os
import random
import sys
import time

from sqlalchemy import Column, Date, ForeignKey, Integer, String, Table, create_engine
from sqlalchemy.orm import registry, relationship, sessionmaker
from sqlalchemy.schema import CreateSchema


# The domain model


class OutOfStock(Exception):
    pass


class OrderLine:
    def __init__(self, orderid, sku, qty):
        self.orderid = orderid
        self.sku = sku
        self.qty = qty


class Batch:
    def __init__(self, reference, sku, purchased_quantity, eta):
        self.reference = reference
        self.sku = sku
        self.purchased_quantity = purchased_quantity
        self.eta = eta
        self.allocations = set()

    def __lt__(self, other):
        if self.eta is None:
            return other.eta is not None
        return other.eta is not None and self.eta < other.eta

    @property
    def available_quantity(self):
        return self.purchased_quantity - sum(line.qty for line in self.allocations)

    def can_allocate(self, line):
        return self.sku == line.sku and self.available_quantity >= line.qty

    def allocate(self, line):
        self.allocations.add(line)


def allocate(line, batches):
    try:
        batch = next(batch for batch in sorted(batches) if batch.can_allocate(line))
    except StopIteration:
        raise OutOfStock(f"Out of stock for sku {line.sku}") from None
    batch.allocate(line)
    return batch.reference


# Its tables. The book's have no indexes; these have those that the queries need.

mapper = registry()

order_lines = Table(
    "order_lines", mapper.metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("sku", String(255)),
    Column("qty", Integer, nullable=False),
    Column("orderid", String(255)),
    schema="orm",
)
batches = Table(
    "batches", mapper.metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("reference", String(255), unique=True),
    Column("sku", String(255), index=True),
    Column("purchased_quantity", Integer, nullable=False),
    Column("eta", Date, nullable=True),
    schema="orm",
)
allocations = Table(
    "allocations", mapper.metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("orderline_id", ForeignKey("orm.order_lines.id"), index=True),
    Column("batch_id", ForeignKey("orm.batches.id"), index=True),
    schema="orm",
)

mapper.map_imperatively(OrderLine, order_lines)
mapper.map_imperatively(Batch, batches, properties={
    "allocations": relationship(OrderLine, secondary=allocations, collection_class=set),
})


# Repository, unit of work and service


class BatchRepository:
    def __init__(self, session):
        self.session = session

    def list(self):
        return self.session.query(Batch).all()

    def list_of_sku(self, sku):
        return self.session.query(Batch).filter_by(sku=sku).all()


class UnitOfWork:
    def __init__(self, session_factory):
        self.session_factory = session_factory

    def __enter__(self):
        self.session = self.session_factory()
        self.batches = BatchRepository(self.session)
        return self

    def __exit__(self, *_):
        self.session.rollback()
        self.session.close()

    def commit(self):
        self.session.commit()


def serve(uow, by_sku, orderid, sku, qty):
    line = OrderLine(orderid, sku, qty)
    with uow:
        candidates = uow.batches.list_of_sku(sku) if by_sku else uow.batches.list()
        reference = allocate(line, candidates)
        uow.commit()
    return reference


# The benchmark


def connect():
    return create_engine("postgresql+psycopg2://", connect_args={"dbname": os.environ["PGDATABASE"]})


def client(number, seconds, skus, by_sku, start, served):
    uow = UnitOfWork(sessionmaker(bind=connect()))
    run = f"order-{time.time_ns()}-{number}"
    n = 0
    serve(uow, by_sku, f"{run}-first", "SKU-1", 1)  # connects, and fills SQLAlchemy's caches
    start.wait()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        n += 1
        serve(uow, by_sku, f"{run}-{n}", f"SKU-{random.randint(1, skus)}", 2)
    served.put(n / (seconds + time.monotonic() - end))


def create(skus, batches_per_sku):
    engine = connect()
    with engine.begin() as connection:
        connection.execute(CreateSchema("orm"))
        mapper.metadata.create_all(connection)
    with sessionmaker(bind=engine)() as session:
        for sku in range(1, skus + 1):
            for number in range(1, batches_per_sku + 1):
                eta = datetime.date(2030, 1, 1 + number) if number > 1 else None
                batch = Batch(f"batch-{sku}-{number}", f"SKU-{sku}", 1000000, eta)
                session.add(batch)
                if number == 1:
                    for order in range(1, 4):
                        batch.allocate(OrderLine(f"old-order-{order}", f"SKU-{sku}", 1))
        session.commit()


def run(seconds, clients, skus, what):
    start = multiprocessing.Barrier(clients)
    served = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=client, args=(number, seconds, skus, what == "sku", start, served))
        for number in range(clients)
    ]
    for process in processes:
        process.start()
    print(sum(served.get() for _ in processes))


if __name__ == "__main__":
    if sys.argv[1] == "create":
        create(int(sys.argv[2]), int(sys.argv[3]))
    else:
        run(float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
