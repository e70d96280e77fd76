"""P1: close, allot and settle a book of paid orders with two worker processes. P9: prove what came of it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench import server, stage
from fund.governance import audit
from fund.ledger import prove as ledger
from portal.local.place import CHECKOUT, Place
from portal.management.commands import prove

WORKERS = 2
SEED = 42


@dataclass(frozen=True)
class Run:
    """One close: seconds, bytes of the database's log, and the peak memory of the largest worker in kB."""

    orders: int
    seconds: float
    decided: float  # of these seconds, until the allotment was published
    wal: int
    peak: int


def prepare(place: Place, *, orders: int) -> str:
    """A database with a paid book, to be copied for each round; returns its name."""
    name = f"paid_{orders}"
    server.copy(place, source="empty", target=name)
    stage.use(name)
    stage.paid_book(orders=orders, seed=SEED)
    stage.connection.close()
    with server.connect(place, name) as connection:
        connection.execute("VACUUM (ANALYZE, FREEZE)")
    return name


def run(place: Place, *, source: str, orders: int, target: str = "round") -> Run:
    """Close a copy of a paid book from the first query to the last commit; its database stays as ``target``."""
    server.copy(place, source=source, target=target)
    stage.use(target)
    with workers(target) as team:
        before, began = server.wal_bytes(place), time.monotonic()
        stage.close_and_allot()
        decided = time.monotonic() - began
        for worker in team:
            tell(worker)
        said = [list(chunks(worker)) for worker in team]
        seconds, written = time.monotonic() - began, server.wal_bytes(place) - before
    stage.connection.close()
    settled = sum(sum(lines[:-1]) for lines in said)
    if settled != orders:
        raise RuntimeError(f"{settled} of {orders} orders were settled")
    return Run(orders, seconds, decided, written, max(lines[-1] for lines in said))


def chunks(worker: subprocess.Popen[str]) -> Iterator[int]:
    """What a worker says: the orders of each chunk, and when nothing is left its peak memory in kB."""
    assert worker.stdout is not None
    for line in worker.stdout:
        word, number = line.split()
        yield int(number)
        if word == "peak":
            return
    raise RuntimeError("a worker ended before the settlement")


def tell(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


@contextmanager
def workers(database: str, work: str = "settle") -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are connected and wait to be told."""
    command = [sys.executable, "-m", "bench.worker", database, work]
    team = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
        for _ in range(WORKERS)
    ]
    try:
        for worker in team:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        yield team
    finally:
        for worker in team:
            worker.kill()
            worker.wait()


TABLES = (
    "fund_transfer",
    "fund_settlement",
    "fund_settlementbatch",
    "fund_card",
    "fund_subscription",
    "fund_applicant",
    "fund_expected",
    "fund_bankentry",
    "fund_holder",
)


@dataclass(frozen=True)
class Proof:
    """Seconds of ``prove``, of a sequential scan that reads every column of every row, and of one that counts rows."""

    proved: float
    scanned: float
    counted: float


def prove_and_scan(place: Place, database: str) -> Proof:
    """Prove a settled and sealed book, and scan the same tables beside it.

    The scan makes a checksum of each row: ``count(*)`` looks at no value and compares with nothing that does.
    """
    with server.connect(place, database) as connection:
        connection.execute("VACUUM ANALYZE")
        for setting in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
            connection.execute(f"SET {setting} = off")
        scanned = scan(connection, "bit_xor(hash_record_extended(t, 0))")
        counted = scan(connection, "count(*)")
    stage.use(database)
    for log in (audit.AUDIT, ledger.LEDGER, ledger.SETTLEMENTS):
        audit.seal(log=log, now=stage.AFTER)
    began = time.monotonic()
    checks = prove.every_check()
    proved = time.monotonic() - began
    stage.connection.close()
    if not all(check.clean for check in checks):
        raise RuntimeError(f"not clean: {[check for check in checks if not check.clean]}")
    return Proof(proved, scanned, counted)


def scan(connection: psycopg.Connection, aggregate: str) -> float:
    """Seconds to read all tables once."""
    began = time.monotonic()
    for table in TABLES:
        connection.execute(f"SELECT {aggregate} FROM {table} t")
    return time.monotonic() - began
