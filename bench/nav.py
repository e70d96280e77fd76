"""P3: value, approve and publish a NAV in a fund of many holders and in one of few. Both do the same work (D44)."""

import time
import uuid
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from bench import server, stage
from fund import calendars, holders, rates
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import accounts, post
from fund.ledger.models import Event
from fund.money import Currency
from fund.nav import strike
from portal.local.place import Place

FIRST = date(2026, 1, 6)
CONTRIBUTED = 1_000_000_000_00  # cents, of each co-owner
UNITS = 10_000  # of each citizen, for as many yen
BANK, YEN_BANK = "BENCH-USD-001", "BENCH-JPY-002"

CITIZENS = """
    INSERT INTO fund_holder (kind, nation, name_en, name_ja, registered_at)
    SELECT 'citizen', 'JP', '', '', %(at)s FROM generate_series(1, %(holders)s)
"""
HOLDINGS = f"""
    SELECT uuidv7(), {Event.SETTLEMENT.value}, 0, issued.id, units.id, h.id, {UNITS}, %(at)s, 0, NULL::uuid
      FROM fund_holder h, fund_account issued, fund_account units
     WHERE h.kind = 'citizen' AND issued.code = 'issued:JP' AND units.code = 'units:JP'
"""


@dataclass(frozen=True)
class Round:
    """Seconds to publish an approved NAV; and for all of it: value, check, propose, sign, publish."""

    published: float
    all: float


RECEIPTS = f"""
    SELECT uuidv7(), {Event.RECEIPT.value}, 0, bank.id, held.id, h.id, {UNITS} + h.id %% 7, %(at)s, 0, NULL::uuid
      FROM fund_holder h, fund_account bank, fund_account held
     WHERE h.kind = 'citizen' AND bank.code = 'bank:{YEN_BANK}' AND held.code = 'held:JPY'
"""
BOUGHT = f"""
    SELECT %(batch)s, uuidv7(), id, {UNITS} + id %% 7, 0, {UNITS} + id %% 11, 0
      FROM fund_holder WHERE kind = 'citizen' ORDER BY id
"""


def prepare(place: Place, *, citizens: int, bought: bool = False) -> str:
    """A database of a fund with two co-owners and as many citizens; returns its name.

    Their units are there at once, or ``bought`` with their money, each for another amount.
    """
    name = f"{'bought' if bought else 'held'}_{citizens}"
    server.copy(place, source="empty", target=name)
    stage.use(name)
    stage.officer(Nation.US), stage.officer(Nation.JP)
    fill(citizens=citizens, bought=bought)
    connection.close()
    with server.connect(place, name) as vacuuming:
        vacuuming.execute("VACUUM (ANALYZE, FREEZE)")
    return name


def fill(*, citizens: int, bought: bool) -> None:
    """Two co-owners, so many citizens more than there are, and units for every one of them."""
    at = calendars.books_open(FIRST)
    rates.load_ecb()
    accounts.open_bank(name=YEN_BANK, currency=Currency.JPY)
    contribute(at)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CITIZENS, {"at": at, "holders": citizens})
        if bought:
            post.post_set(RECEIPTS, {"at": at})
            post.settle_set(BOUGHT, {}, subject="bench", class_code="JP", effective_at=at)
        else:
            post.post_set(HOLDINGS, {"at": at})
            paid = post.Line(f"bank:{YEN_BANK}", "capital:JP", citizens * UNITS)
            post.post(event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=[paid], effective_at=at)


def contribute(at: datetime) -> None:
    """Both co-owners have paid in what they promised."""
    accounts.open_bank(name=BANK, currency=Currency.USD)
    with transaction.atomic():  # at whose end both hold the same
        for nation in Nation:
            owner = holders.register(
                kind=Holder.Kind.SOVEREIGN, nation=nation, now=at, name_en=f"Treasury {nation}", name_ja="財務省"
            )
            lines = [
                post.Line(f"bank:{BANK}", "capital:SOV", CONTRIBUTED),
                post.Line("issued:SOV", "units:SOV", CONTRIBUTED * 10, owner.pk),  # at $10.0000
            ]
            post.post(event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=lines, effective_at=at)


def run(database: str, *, number: int) -> Round:
    """Strike the NAV of the next dealing day; ``number`` counts the rounds of a database from 0."""
    stage.use(database)
    day = calendars.nth_dealing_day(FIRST, number + 1)
    now: datetime = calendars.books_close(day)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    began = time.monotonic()
    nav = strike.value(day=day, now=now)
    proposal = stage.sign(strike.propose(nav=nav, officer=american, now=now, reason="measured"), now)
    signed = time.monotonic()
    if strike.publish(proposal=proposal, now=now) is None:
        raise RuntimeError(f"{nav} was published before")
    ended = time.monotonic()
    connection.close()
    return Round(ended - signed, ended - began)
