"""A small fund with income, citizens of both nations, and the verbs of a distribution under both keys."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from fund import calendars
from fund.distribution import correct, declare, pay
from fund.distribution.models import Distribution, TaxStatus
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.nav import strike
from fund.nav.models import Nav
from tests.fund import building
from tests.fund.building import dollars, yen

FIRST = date(2026, 3, 31)
RECORD = date(2026, 4, 6)
PAY = date(2026, 4, 10)


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def after(day: date) -> datetime:
    return calendars.books_close(day) + timedelta(hours=1)


def tax(holder: Holder, **told: object) -> None:
    plain = {"us_person": False, "certified": False, "treaty_until": None, "residence": "JP", "told_at": at(FIRST)}
    TaxStatus.objects.create(holder=holder, **plain | told)


@dataclass
class Fund:
    keys: tuple[Officer, Officer]

    def value(self, day: date, *, now: datetime | None = None) -> Nav:
        building.rate(day, 160)
        now = now or after(day)
        return building.publish(strike.value(day=day, now=now), self.keys, now=now)

    def declare(self, rates: dict[str, str], *, record: date = RECORD, paid: date = PAY, now: datetime | None = None):
        now = now or at(FIRST + timedelta(days=1))
        proposal = declare.propose(
            record_day=record, pay_day=paid, rates={code: Decimal(rate) for code, rate in rates.items()},
            officer=self.keys[0], now=now, reason="The income of the quarter",
        )  # fmt: skip
        building.sign(proposal, self.keys[1], now)
        return correct.carry_out(proposal=proposal, now=now)

    def correct(self, one: Distribution, *, record: date, per_lot: str, now: datetime):
        proposal = correct.propose(
            distribution=one, record_day=record, per_lot=Decimal(per_lot), officer=self.keys[0], now=now,
            reason="The wrong day was declared",
        )  # fmt: skip
        building.sign(proposal, self.keys[1], now)
        (found,) = correct.carry_out(proposal=proposal, now=now)
        return found

    def pay(self, now: datetime) -> int:
        return sum(iter(lambda: pay.pay_next(now=now), 0))

    def run(self, one: Distribution) -> Distribution:
        """Its record day ends, is priced, and its pay day comes and is priced."""
        declare.record_due(now=after(one.record_day))
        self.value(one.record_day)
        self.pay(at(one.pay_day))
        self.value(one.pay_day)
        self.pay(after(one.pay_day))
        one.refresh_from_db()
        return one


def citizen(nation: Nation, units: int, paid: int, *, day: date = FIRST) -> Holder:
    """Who bought units on a day, for so many minor units."""
    holder = building.citizen(nation)
    money = yen(paid) if nation == Nation.JP else dollars(0).__class__(paid, dollars(0).currency)
    building.settle(holder, nation.value, money, units, at=at(day))
    return holder


@pytest.fixture
def fund(db: None) -> Fund:
    """$1,000,000 of each co-owner, $50,000 of income; no citizen yet, and no NAV."""
    building.open_banks()
    building.contribute_both(dollars(1_000_000))
    building.receive(investment=building.investment(), money=dollars(50_000))
    keys = building.officers()
    for one in keys:
        one.duties = [Duty.VALUATION, Duty.PAYMENTS]
        one.save()
    return Fund(keys)
