"""P7: a distribution to many holders: recorded, taxed, booked by two workers, and gathered into a payout run.

Everybody has bought at another price, nine of ten live in Japan, and one in ten reinvests. What lies between the parts
in life (both prices are published) is not measured.
"""

import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import connection

from bench import close, nav, server, stage
from fund import calendars
from fund.distribution import correct, declare
from fund.distribution.models import Distribution
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency
from fund.payments import payouts, receipts
from portal.local.place import Place

RECORD = calendars.nth_dealing_day(nav.FIRST, 2)
PAY = calendars.nth_dealing_day(nav.FIRST, 3)
LATER = calendars.books_close(PAY) + timedelta(hours=1)
PER_LOT = Decimal("123.4567")
INCOME = 900_000_000_00  # cents
STATUSES = """
    INSERT INTO fund_taxstatus (holder_id, us_person, certified, residence, told_at)
    SELECT id, false, false, CASE WHEN id % 10 = 0 THEN 'US' ELSE 'JP' END, registered_at FROM fund_holder
     WHERE kind = 'citizen' ORDER BY id
"""
CHOICES = """
    INSERT INTO fund_choice (holder_id, unit_class_id, reinvest, chosen_at)
    SELECT id, 'JP', true, registered_at FROM fund_holder WHERE kind = 'citizen' AND id % 10 = 3 ORDER BY id
"""


@dataclass(frozen=True)
class Run:
    """Seconds until the entitlements were recorded, all entries booked, and the payout lines there; WAL in bytes."""

    holders: int
    recorded: float
    booked: float
    gathered: float
    wal: int

    @property
    def seconds(self) -> float:
        return self.recorded + self.booked + self.gathered


def prepare(place: Place, *, holders: int) -> str:
    """A database in which a distribution is declared; returns its name."""
    name = nav.prepare(place, citizens=holders, bought=True)
    declared(name)
    connection.close()
    with server.connect(place, name) as vacuuming:
        vacuuming.execute("VACUUM (ANALYZE, FREEZE)")
    return name


def declared(database: str) -> None:
    """Declare a distribution of realised income, in a fund whose citizens hold units."""
    nav.run(database, number=0)
    stage.use(database)
    at = calendars.books_open(nav.FIRST)
    receipts.open_account(
        code="BENCH-JPY-003", currency=Currency.JPY, name_en="Fund", name_ja="ファンド", bank_name_en="Bank",
        bank_name_ja="銀行", number="0001234567", now=at,
    )  # fmt: skip
    income = post.Line(f"bank:{nav.BANK}", "income:USD", INCOME)
    post.post(event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=[income], effective_at=at)
    with connection.cursor() as cursor:
        cursor.execute(STATUSES)
        cursor.execute(CHOICES)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    now = calendars.books_open(RECORD)
    proposal = declare.propose(
        record_day=RECORD, pay_day=PAY, rates={"JP": PER_LOT}, officer=american, now=now, reason="measured"
    )
    if correct.carry_out(proposal=stage.sign(proposal, now), now=now) is None:
        raise RuntimeError("the distribution was declared before")


def run(place: Place, *, source: str, holders: int, target: str = "round") -> Run:
    """Record, book and gather in a copy of a declared distribution."""
    server.copy(place, source=source, target=target)
    stage.use(target)
    before, began = server.wal_bytes(place), time.monotonic()
    declare.record_due(now=calendars.books_close(RECORD))
    recorded, written = time.monotonic() - began, server.wal_bytes(place) - before
    for number in (1, 2):
        nav.run(target, number=number)
    with close.workers(target, "pay") as team:
        before, began = server.wal_bytes(place), time.monotonic()
        for worker in team:
            close.tell(worker)
        said = [list(close.chunks(worker)) for worker in team]
        booked = time.monotonic() - began
    stage.use(target)
    paid = Distribution.objects.get(state=Distribution.State.PAID)
    if not sum(sum(lines[:-1]) for lines in said) == paid.holders == holders:
        raise RuntimeError(f"{said} of {holders} holders were paid")
    began = time.monotonic()
    payouts.begin(currency=Currency.JPY, officer=Officer.objects.get(person=f"officer-{Nation.US}"), now=LATER)
    gathered = time.monotonic() - began
    written += server.wal_bytes(place) - before
    connection.close()
    return Run(holders, recorded, booked, gathered, written)
