"""The demonstration's distribution: a quarter of what the fund has realised, to all four classes, paid and reinvested."""

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from fund import calendars
from fund.distribution import choose, correct, declare, pay
from fund.distribution.models import Distribution
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.nav.models import Nav
from fund.units import UnitClass
from investors import tax_status
from investors.people import Investor
from portal.demonstration import desk

DISTRIBUTED = 22  # the month, counted from 0, on whose last dealing day units count
REINVESTS = 3  # every third citizen
STEPS = {"USD": Decimal("0.001"), "JPY": Decimal(1)}


def at(day: date, hour: int) -> datetime:
    return calendars.books_open(day) + timedelta(hours=hour)


def announce(*, last: date, officers: dict[str, Officer]) -> None:
    """Declared in the middle of the month under both keys, and recorded when its last dealing day is over."""
    if not Distribution.objects.filter(record_day=last).exists():
        now = at(last - timedelta(days=14), 8)
        choose_some(now=now - timedelta(days=1))
        pay_day = calendars.nth_banking_day(Nation.JP, last + timedelta(days=12), 1)
        while not calendars.banking_day(Nation.US, pay_day):
            pay_day = calendars.next_banking_day(Nation.JP, pay_day)
        if rates := a_quarter():
            proposal = declare.propose(
                record_day=last, pay_day=pay_day, rates=rates, officer=officers["US"], now=now,
                reason="The income of the year",
            )  # fmt: skip
            desk.second_key(proposal=proposal, officers=officers, now=now)
            correct.carry_out(proposal=proposal, now=now + timedelta(hours=1))
    declare.record_due(now=at(last + timedelta(days=1), 1))


def a_quarter() -> dict[str, Decimal]:
    """What a lot of each class gets when a quarter of the realised income is shared out by value; nothing of a loss."""
    nav = declare.last_nav()
    share = Decimal(declare.realised(nav=nav).amount) / 4 / nav.net
    found = {}
    for one in nav.classes.exclude(price=None).select_related("unit_class"):
        per_lot = ((one.price or Decimal(0)) * share).quantize(STEPS[one.unit_class.currency], ROUND_DOWN)
        if per_lot > 0:
            found[one.unit_class_id] = per_lot
    return found


def choose_some(*, now: datetime) -> None:
    classes = UnitClass.objects.in_bulk()
    for investor in Investor.objects.exclude(holder=None).order_by("pk")[::REINVESTS]:
        assert investor.holder_id is not None
        for nation in investor.nations:
            choose.choose(
                holder_id=investor.holder_id, unit_class=classes[nation], reinvest=True, actor=investor.actor, now=now
            )


def pay_out(*, now: datetime) -> None:
    """Whatever can be paid by then: on the pay day in cash, and after the next NAV what is reinvested."""
    while pay.pay_next(now=now, tell=lambda first, last: tax_status.tell(first=first, last=last, now=now)):
        pass


def pay_day() -> datetime:
    """When the distribution is paid; before everything where there is none."""
    one = Distribution.objects.order_by("-pay_day").first()
    return at(one.pay_day, 9) if one else at(Nav.objects.earliest("valuation_day").valuation_day, 0)
