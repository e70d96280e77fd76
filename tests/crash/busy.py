"""A busy day of the fund: a settlement, a distribution, net asset values and an open offering, all at the same time.

Everything that is there before the first kill was brought about by the fund's own verbs at their own times, so that
``prove`` is clean. Then the real clock goes on: the worker finds an approved allotment to carry out and to settle, and
a distribution whose pay day has come; the scheduler values one dealing day after the other, for which officers sign.
"""

import time
from datetime import UTC, date, datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

from bench import distribution, load, nav, orders, stage
from fund import calendars, rates
from fund.dealing import allotment, offering, settlement
from fund.dealing.models import Offering
from fund.distribution import declare
from fund.distribution.models import Distribution
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.nav import strike
from fund.nav.models import Nav
from fund.refusal import Refusal
from investors import agreements
from portal.owner import connected_as_owner
from tests.crash import recount

BEGAN = datetime(2025, 12, 1, tzinfo=UTC)  # so that its citizens hold units before the first NAV, of 2026-01-06
FIRST, OPEN = "JP-2025-1", "JP-OPEN-1"  # the offering that they bought in, and the one that takes orders
RANGES = 40


def prepare(number: int, citizens: int) -> None:
    """``number`` orders in the first offering and in the one to be settled; ``citizens`` who will order by the API."""
    database = connection.settings_dict["NAME"]
    rates.load_ecb()
    agreements.ship()
    stage.officer(Nation.US), stage.officer(Nation.JP)
    day = calendars.next_dealing_day(date(2025, 12, 18))
    stage.paid_book(orders=number, seed=1, announced=BEGAN, code=FIRST, dealing_day=day)
    approve_allotment(FIRST, BEGAN)
    after = BEGAN + (stage.AFTER - stage.ANNOUNCED)
    allotment.carry_out(proposal=Proposal.objects.get(kind=Kind.ALLOTMENT), now=after)
    while settlement.settle_next(offering_code=FIRST, now=after):
        pass
    nav.contribute(calendars.books_open(nav.FIRST))
    distribution.declared(database)
    one = Distribution.objects.get()
    declare.record(distribution=one, now=calendars.books_close(distribution.RECORD), size=max(1, number // RANGES))
    for later in (1, 2):
        nav.run(database, number=later)
    stage.paid_book(orders=number, seed=2)
    approve_allotment(stage.CODE, stage.ANNOUNCED)
    take_orders(citizens)
    with connected_as_owner(), connection.cursor() as cursor:
        recount.begin(cursor)


def approve_allotment(code: str, announced: datetime) -> None:
    """The book is closed, both nations have signed, and nobody has carried it out."""
    offering.close_due(now=announced + (stage.CLOSES - stage.ANNOUNCED))
    after = announced + (stage.AFTER - stage.ANNOUNCED)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    stage.sign(allotment.propose(offering=Offering.objects.get(pk=code), officer=american, now=after), after)


def take_orders(citizens: int) -> None:
    """An offering that is open now, and citizens who are signed in to the app."""
    now = timezone.now()
    stage.open_offering(
        capacity=citizens * 100 * stage.LOT,
        announced=now - timedelta(days=2),
        code=OPEN,
        dealing_day=calendars.next_dealing_day((now + timedelta(days=20)).date()),
        agreements=load.BODY["accepts"],
    )
    numbers = range(orders.FIRST, orders.FIRST + citizens)
    password = "!nobody-knows-it"
    with connection.cursor() as cursor:
        cursor.execute(
            orders.CITIZENS,
            {
                "first": numbers[0],
                "last": numbers[-1],
                "now": now,
                "until": now + timedelta(days=365),
                "password": password,
                "tokens": [load.token(one) for one in numbers],
                "sessions": [orders.session(one, password) for one in numbers],
                "expires": [now + timedelta(days=2)] * len(numbers),
            },
        )


def sign_navs() -> None:
    """Officers of both nations who propose and sign each NAV that was valued, as long as they are let.

    Prints the day of each one that has both keys.
    """
    while True:
        try:
            for day in sign_next():
                print(day, flush=True)
        except (DatabaseError, Refusal):
            connection.close()
        time.sleep(0.2)


def sign_next() -> list[date]:
    now = timezone.now()
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    newest = Nav.objects.filter(state=Nav.State.VALUED).order_by("-valuation_day", "-version").first()
    waiting = Proposal.objects.filter(kind=Kind.NAV, state=Proposal.State.OPEN)
    if newest and not waiting.filter(subject=newest.valuation_day.isoformat()).exists():
        strike.propose(nav=newest, officer=american, now=now, reason="A busy day.")
    signed = []
    for proposal in waiting:
        if proposal.signatures.count() == 1:
            stage.sign(proposal, now)
            signed.append(date.fromisoformat(proposal.subject))
    return signed
