"""A small fund with citizens of Japan, and a redemption window in any state of its life."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from fund import calendars
from fund.governance import config
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Nation
from fund.nav import strike
from fund.redemption import request, settle, share, window
from fund.redemption.models import Redemption, RedemptionWindow
from tests.fund import building
from tests.fund.building import dollars, yen

FIRST = date(2026, 3, 31)
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
OPENS = datetime(2026, 4, 2, tzinfo=UTC)
DURING = OPENS + timedelta(days=1)
CLOSES = datetime(2026, 4, 10, 6, tzinfo=UTC)
DEALING = date(2026, 4, 22)
AFTER = datetime(2026, 4, 23, 9, tzinfo=UTC)
numbers = itertools.count(1)


@dataclass
class Fund:
    keys: tuple[Officer, Officer]

    def citizen(self, units: int, paid: int | None = None, *, day: date = FIRST) -> int:
        """Who bought units on a day, for ¥1 each unless told otherwise."""
        holder = building.citizen(Nation.JP).pk
        return self.buy(holder, units, paid, day=day)

    def buy(self, holder: int, units: int, paid: int | None = None, *, day: date = FIRST) -> int:
        from fund.holders import Holder  # noqa: PLC0415

        one = Holder.objects.get(pk=holder)
        building.settle(one, "JP", yen(units if paid is None else paid), units, at=calendars.books_open(day))
        return holder

    def value(self, day: date) -> None:
        building.rate(day, 100)
        now = calendars.books_close(day) + timedelta(hours=1)
        building.publish(strike.value(day=day, now=now), self.keys, now=now)

    def signed(self, proposal: Proposal, now: datetime) -> Proposal:
        building.sign(proposal, self.keys[1], now)
        return proposal

    def announced(self, **terms: Any) -> RedemptionWindow:
        plain = {
            "code": f"JP-2026-R{next(numbers)}", "class_code": "JP", "opens_at": OPENS, "closes_at": CLOSES,
            "dealing_day": DEALING, "actor": "officer:1", "now": NOW,
        }  # fmt: skip
        return window.announce(**plain | terms)

    def opened(self, **terms: Any) -> RedemptionWindow:
        one = self.announced(**terms)
        proposal = self.signed(window.propose_opening(window=one, officer=self.keys[0], now=NOW), NOW)
        window.carry_out_opening(proposal=proposal, now=NOW)
        assert window.open_due(now=one.opens_at) == [one.code]
        one.refresh_from_db()
        return one

    def decided(self, one: RedemptionWindow, *, now: datetime = AFTER) -> None:
        """Closed, priced and decided under both keys."""
        window.close_due(now=one.closes_at)
        if not share._priced(one):
            self.value(one.dealing_day)
        proposal = self.signed(share.propose(window=one, officer=self.keys[0], now=now), now)
        assert share.carry_out(proposal=proposal, now=now) is not None
        assert share.carry_out(proposal=proposal, now=now) is None
        one.refresh_from_db()

    def settled(self, one: RedemptionWindow, *, now: datetime = AFTER, chunk: int = 2) -> None:
        self.decided(one, now=now)
        while settle.settle_next(code=one.code, now=now, chunk=chunk):
            pass
        one.refresh_from_db()


def ask(holder: int, units: int, **told: Any) -> Redemption:
    plain = {"key": f"key-{next(numbers)}", "now": DURING, "class_code": "JP"}
    with transaction.atomic():
        return request.place(holder_id=holder, units=units, **plain | told)


def officer(nation: Nation, name: str) -> Officer:
    one = building.officer(nation, name)
    Officer.objects.filter(pk=one.pk).update(duties=list(Duty.values))
    one.refresh_from_db()
    return one


@pytest.fixture
def fund(_shipped: None, monkeypatch: pytest.MonkeyPatch) -> Fund:
    """Two co-owners with $50,000 each and no fee, so that a unit stays at ¥1."""
    monkeypatch.setitem(
        config.DECLARED, "fee.management_bps", replace(config.DECLARED["fee.management_bps"], default=0)
    )
    building.open_banks()
    building.contribute_both(dollars(50_000), day=FIRST, now=NOW)
    return Fund((officer(Nation.US, "dealer-us"), officer(Nation.JP, "dealer-jp")))
