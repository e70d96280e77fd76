"""A redemption window that everybody asks of and that is over its cap: decided as a set, settled by two workers.

Everybody has bought at another price within a year, so that each line ends some units, is charged, and puts its rest on
hold again: five transfers and one voided. The price of the dealing day is there already.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction

from bench import close, distribution, nav, server, stage
from fund import calendars
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.ledger import post
from fund.ledger.models import Event, Phase
from fund.redemption import share, window
from fund.redemption.models import RedemptionWindow
from portal.local.place import Place

CODE = "JP-2026-R1"
ASKS = 5_000  # units of everybody, of some 10,000
AT = calendars.books_open(nav.FIRST)
CLOSES = AT + timedelta(days=2)
PRICED = 11  # the round of ``nav`` whose day it is dealt at
DEALING = calendars.nth_dealing_day(nav.FIRST, PRICED + 1)
LATER = calendars.books_close(DEALING) + timedelta(hours=1)
REQUESTS = f"""
    INSERT INTO fund_redemption (id, holder_id, unit_class_id, window_id, units, filled, hold, key, status, received_at)
    SELECT id, holder_id, 'JP', %(window)s, {ASKS}, 0, id, 'bench', 'placed', %(at)s
      FROM (SELECT uuidv7() AS id, h.id AS holder_id FROM fund_holder h WHERE kind = 'citizen' ORDER BY h.id) a
"""
HOLDS = f"""
    SELECT r.hold, {Event.REDEMPTION.value}, 0, units.id, issued.id, r.holder_id, r.units, %(at)s,
           {Phase.PENDING.value}, NULL::uuid
      FROM fund_redemption r, fund_account issued, fund_account units
     WHERE issued.code = 'issued:JP' AND units.code = 'units:JP'
"""


@dataclass(frozen=True)
class Run:
    """Seconds until the window was decided, and until all its lines were settled; WAL in bytes of the settlement."""

    requests: int
    decided: float
    settled: float
    wal: int


def prepare(place: Place, *, holders: int) -> str:
    """A database with a closed window in which everybody has asked, and the price of its dealing day; its name."""
    name = nav.prepare(place, citizens=holders, bought=True)
    stage.use(name)
    one = window.announce(
        code=CODE, class_code="JP", opens_at=AT + timedelta(hours=1), closes_at=CLOSES, dealing_day=DEALING,
        actor="bench", now=AT,
    )  # fmt: skip
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    proposal = window.propose_opening(window=one, officer=american, now=AT)
    window.carry_out_opening(proposal=stage.sign(proposal, AT), now=AT)
    window.open_due(now=one.opens_at)
    told = {"window": CODE, "at": AT + timedelta(days=1)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(REQUESTS, told)
        post.post_set(HOLDS, told)
        cursor.execute(distribution.STATUSES)
    window.close_due(now=CLOSES)
    nav.run(name, number=PRICED)
    with server.connect(place, name) as vacuuming:
        vacuuming.execute("VACUUM (ANALYZE, FREEZE)")
    return name


def run(place: Place, *, source: str, holders: int, target: str = "round") -> Run:
    """Decide and settle the window in a copy."""
    server.copy(place, source=source, target=target)
    stage.use(target)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    one = RedemptionWindow.objects.get(pk=CODE)
    proposal = stage.sign(share.propose(window=one, officer=american, now=LATER), LATER)
    began = time.monotonic()
    if share.carry_out(proposal=proposal, now=LATER) is None:
        raise RuntimeError("the window was decided before")
    decided = time.monotonic() - began
    connection.close()
    with close.workers(target, "redeem") as team:
        before, began = server.wal_bytes(place), time.monotonic()
        for worker in team:
            close.tell(worker)
        said = [list(close.chunks(worker)) for worker in team]
        settled, written = time.monotonic() - began, server.wal_bytes(place) - before
    stage.use(target)
    if not sum(sum(lines[:-1]) for lines in said) == holders == one.lines.filter(settled_at__isnull=False).count():
        raise RuntimeError(f"{said} of {holders} requests were settled")
    connection.close()
    return Run(holders, decided, settled, written)
