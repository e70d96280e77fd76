"""Declaring a distribution (D45): the dry run, both keys, and the end of the record day.

A declaration pays one or more classes so much a unit, all on the same days, from income that the fund has realised and
cash that is its own. When the record day is over, its sum moves from the capital of the class to what is owed to its
holders, with effect from that day, so that the NAV of the record day is the first without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.distribution import entitlement
from fund.distribution.models import SUBJECT, Distribution, DistributionRange
from fund.governance import approval, audit, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.ledger import accounts, post
from fund.ledger.models import Event, column
from fund.ledger.post import Line
from fund.money import Currency, Money, convert
from fund.nav import value
from fund.nav.models import Nav
from fund.nav.value import Figures
from fund.portfolio import movements, position
from fund.refusal import Refusal
from fund.units import UnitClass

State = Distribution.State
PER_LOT_DECIMALS = 6
RANGE = 20_000  # holders
ALL = {"first": 1, "last": 2**63 - 1}
DECLARING = 0x64697374  # one declaration at a time, see docs/locking.md
PAYS = {UnitClass.Code.JP: Nation.JP}  # whose banks pay a class; the others are paid in dollars


class Refused(Refusal):
    """The distribution cannot be declared, recorded or corrected as things stand."""

    code = "distribution"


@dataclass(frozen=True)
class Due:
    """What a class would be paid, for the units as they stand: everything but the future is known."""

    unit_class: UnitClass
    per_lot: Decimal
    holders: int
    units: int
    amount: Money
    income: Money
    cash: Money

    @property
    def facts(self) -> dict[str, str]:
        """As officers sign it."""
        return {
            "class": self.unit_class.pk,
            "per_lot": f"{self.per_lot:.{PER_LOT_DECIMALS}f}",
            "expected": str(self.amount.amount),
        }


@dataclass(frozen=True)
class Plan:
    """A declaration before it is proposed. ``realised`` is the income that is there for it, as of the last NAV.

    ``cash`` of a class is what the fund has of its own in that currency.
    """

    record_day: date
    pay_day: date
    dues: list[Due]
    realised: Money
    nav: Nav
    corrects: Distribution | None = None

    @property
    def income(self) -> Money:
        return Money(sum(due.income.amount for due in self.dues), position.BASE)

    @property
    def left(self) -> Money:
        """What of the realised income would be left."""
        return self.realised - self.income

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "record_day": self.record_day.isoformat(),
            "pay_day": self.pay_day.isoformat(),
            "classes": [due.facts for due in self.dues],
            "corrects": str(self.corrects.pk) if self.corrects else None,
        }


# ── the dry run ──


def preview(*, record_day: date, pay_day: date, rates: Mapping[str, Decimal], now: datetime) -> Plan:
    """What a declaration would pay, with everything that it rests on; nothing is kept. ``rates``: per lot, by class.

    Raises Refused: past_day; not_a_dealing_day, not_a_banking_day; days_in_order; rate; earlier_open; no_nav; nothing;
    over_income; over_cash. Raises ``calendars.Unknown``.
    """
    if record_day < now.date():
        raise Refused(_("The record day is over."), code="past_day")
    classes = UnitClass.objects.in_bulk(list(rates))
    for code in classes:
        require_days(record_day, pay_day, code)
        if standing(code).filter(record_day__gte=record_day).exists():
            message = _("Class %(class)s has a distribution with this record day or a later one.")
            raise Refused(message % {"class": code}, code="earlier_open")
    nav = last_nav()
    dues = [due(classes[code], rates[code], nav, now) for code in sorted(classes)]
    plan = Plan(record_day, pay_day, dues, realised(nav=nav), nav)
    require_funds(plan)
    return plan


def realised(*, nav: Nav) -> Money:
    """Income and gains to the day of a NAV, less expenses, interest and accruals, less what was distributed of them.

    What was declared counts, whether it has been recorded or not. USD cents at the rate of the day.
    """
    at = position.at(day=nav.valuation_day)
    earned = Figures(at, None, []).earned
    gains = [convert(Money(at.books[f"gains:{one}"], one), to=position.BASE, usd_jpy=at.usd_jpy) for one in Currency]
    given = Distribution.objects.exclude(state=State.REPLACED).aggregate(sum=Sum("income", default=0))["sum"]
    return earned + gains[0] + gains[1] - Money(int(given), position.BASE)


def standing(class_code: str) -> QuerySet[Distribution]:
    """The distributions of a class that were not corrected by another."""
    return Distribution.objects.filter(unit_class=class_code).exclude(state=State.REPLACED)


def last_nav() -> Nav:
    """The newest published NAV. Raises Refused: no_nav."""
    nav = value.last_published()
    if nav is None:
        raise Refused(_("A distribution needs a published NAV."), code="no_nav")
    return nav


def require_days(record_day: date, pay_day: date, class_code: str) -> None:
    """Both days on their calendars, in order (D22). Raises Refused."""
    if calendars.is_dealing_day(record_day) is not True:
        raise Refused(_("The record day is a day on which both exchanges are open."), code="not_a_dealing_day")
    nation = PAYS.get(UnitClass.Code(class_code), Nation.US)
    if calendars.banking_day(nation, pay_day) is not True:
        message = _("On the pay day the banks that pay class %(class)s are open.")
        raise Refused(message % {"class": class_code}, code="not_a_banking_day")
    if pay_day <= record_day:
        raise Refused(_("The pay day is later than the record day."), code="days_in_order")


def due(unit_class: UnitClass, per_lot: Decimal, nav: Nav, close: datetime) -> Due:
    """What a class would be paid for the units that were held before an instant. Raises Refused: rate, nothing."""
    exponent = per_lot.as_tuple().exponent
    if not per_lot > 0 or not isinstance(exponent, int) or -exponent > PER_LOT_DECIMALS:
        raise Refused(_("What a lot is paid is a positive number with six decimals at most."), code="rate")
    rate = unit_class.price(per_lot)
    params = {
        **scalars(unit_class, rate=rate.minor_per_unit),
        **ALL,
        "close": close,
        **_snapshot(),
    }
    holders, units, amount = _totals(unit_class, params)
    if not amount:
        raise Refused(_("Class %(class)s would be paid nothing.") % {"class": unit_class}, code="nothing")
    money = Money(amount, Currency(unit_class.currency))
    cash = Money(movements.own_cash(money.currency) - _promised(money.currency), money.currency)
    return Due(unit_class, per_lot, holders, units, money, _in_base(money, nav), cash)


def _in_base(money: Money, nav: Nav) -> Money:
    return convert(money, to=position.BASE, usd_jpy=nav.usd_jpy)


def _promised(currency: Currency) -> int:
    """Declared in a currency, but not yet taken from the capital."""
    waiting = Distribution.objects.filter(state=State.DECLARED, unit_class__currency=currency.value)
    return int(waiting.aggregate(sum=Sum("expected", default=0))["sum"])


def require_funds(plan: Plan) -> None:
    """Realised income and the fund's own cash cover a plan. Raises Refused: over_income, over_cash."""
    if plan.left.amount < 0:
        message = _("This is more than the income that the fund has realised and not distributed: %(realised)s.")
        raise Refused(message % {"realised": plan.realised}, code="over_income")
    for currency in Currency:
        dues = [due for due in plan.dues if due.amount.currency == currency]
        if dues and sum(due.amount.amount for due in dues) > dues[0].cash.amount:
            message = _("The fund does not have this money of its own: %(cash)s.")
            raise Refused(message % {"cash": dues[0].cash}, code="over_cash")


# ── both keys ──


@transaction.atomic
def propose(
    *, record_day: date, pay_day: date, rates: Mapping[str, Decimal], officer: Officer, now: datetime, reason: str
) -> Proposal:
    """Put a declaration up for both keys, with its figures. Raises like ``preview``."""
    plan = preview(record_day=record_day, pay_day=pay_day, rates=rates, now=now)
    return approval.propose(
        kind=Kind.DISTRIBUTION, subject=SUBJECT, payload=plan.payload, officer=officer, now=now, reason=reason
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> list[Distribution] | None:
    """Declare what both nations approved; None when this was done before. Raises like ``preview``."""
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    one_at_a_time()
    facts = proposal.facts
    record_day, pay_day = (date.fromisoformat(facts[name]) for name in ("record_day", "pay_day"))
    signed = {one["class"]: one for one in facts["classes"]}
    rates = {code: Decimal(one["per_lot"]) for code, one in signed.items()}
    plan = preview(record_day=record_day, pay_day=pay_day, rates=rates, now=now)
    declared = [
        Distribution.objects.create(
            unit_class=due.unit_class,
            per_lot=due.per_lot,
            record_day=record_day,
            pay_day=pay_day,
            expected=int(signed[due.unit_class.pk]["expected"]),
            income=due.income.amount,
            proposal=proposal,
            declared_at=now,
        )
        for due in plan.dues
    ]
    outbox.leave(
        topic="distribution.declared", subject=str(record_day), now=now, distributions=[one.pk for one in declared]
    )
    return declared


def one_at_a_time() -> None:
    """Two declarations never spend the same income: the second waits, and sees the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DECLARING])


# ── the end of the record day ──


def record_due(*, now: datetime) -> list[Distribution]:
    """Record every declared distribution whose record day is over, each once; before the NAV of that day is valued."""
    over = Distribution.objects.filter(state=State.DECLARED, record_day__lt=now.date()).order_by("record_day", "pk")
    return [one for one in over if record(distribution=one, now=now)]


@transaction.atomic
def record(*, distribution: Distribution, now: datetime, size: int = RANGE) -> bool:
    """Fix who is entitled, as the book stands; the sum becomes a liability. False when this was done before."""
    one = Distribution.objects.select_for_update(of=("self",)).select_related("unit_class").get(pk=distribution.pk)
    if one.state != State.DECLARED:
        return False
    if calendars.books_close(one.record_day) > now:
        raise Refused(_("The record day is not over."), code="day_to_come")
    fix(one, now, size)
    if one.declared:
        post.post(
            event=Event.DISTRIBUTION,
            event_id=one.event_id,
            lines=[liability(one)],
            effective_at=calendars.books_open(one.record_day),
        )
    audit.record(
        actor="system", verb="record", subject=f"distribution:{one.pk}", now=now,
        holders=str(one.holders), units=str(one.units), declared=str(one.declared),
    )  # fmt: skip
    return True


def liability(one: Distribution) -> Line:
    """From the capital of the class to what is owed to its holders."""
    assert one.declared is not None
    return Line(f"capital:{one.unit_class_id}", f"distributions:{one.currency}", one.declared)


def fixed_now(one: Distribution) -> dict[str, Any]:
    """Take units, holders, sum and cut of a distribution as the book stands, unsaved; returns what they rest on."""
    taken = _snapshot()
    one.snapshot, one.xact = taken["snapshot"], taken["own"]
    params = {**scalars_of(one), **ALL}
    with connection.cursor() as cursor:
        cursor.execute(entitlement.TOTALS.format(shares=shares(one.unit_class)), params)
        one.holders, one.units, whole, one.declared = map(int, cursor.fetchone())
    one.cut, one.cut_holder = _cut(one, params, one.declared - whole)
    return params


def fix(one: Distribution, now: datetime, size: int) -> None:
    """Write units, sum, cut and ranges of a distribution: from here on they never change."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")  # a million remainders are sorted without the disk
    ranges = _ranges(one, fixed_now(one), size)
    nav = last_nav()
    fixed = {
        name: getattr(one, name) for name in ("snapshot", "xact", "holders", "units", "declared", "cut", "cut_holder")
    }
    income = _in_base(one.money(one.declared or 0), nav).amount
    moved = Distribution.objects.filter(pk=one.pk, state=State.DECLARED).update(
        state=State.RECORDED, recorded_at=now, income=income, **fixed
    )
    if moved != 1:
        raise RuntimeError(f"{one} was recorded before")
    DistributionRange.objects.bulk_create(ranges)
    outbox.leave(topic="distribution.recorded", subject=str(one), now=now, distribution=one.pk)


def scalars(unit_class: UnitClass, *, rate: Any) -> dict[str, Any]:
    """What every statement about a class's entitlements needs to know."""
    ids = accounts.ids(f"units:{unit_class}", f"capital:{unit_class}")
    return {
        "class": unit_class.pk,
        "units": ids[f"units:{unit_class}"],
        "capital": ids[f"capital:{unit_class}"],
        "rate": rate.numerator,
        "per": rate.denominator,
    }


def scalars_of(one: Distribution) -> dict[str, Any]:
    """The same of a distribution whose snapshot is taken; without a range of holders."""
    found = {
        **scalars(one.unit_class, rate=one.rate.minor_per_unit),
        "close": calendars.books_close(one.record_day),
        "snapshot": one.snapshot,
        "own": one.xact,
        "cut": one.cut,
        "cut_holder": one.cut_holder,
    }
    return {**found, **headings(found)}


def headings(params: Mapping[str, Any]) -> dict[str, Any]:
    """Which headings of the class count, which do not yet, and the first transaction that may not."""
    with connection.cursor() as cursor:
        cursor.execute(entitlement.HEADINGS, params)
        counted, late = cursor.fetchone()
        cursor.execute("SELECT pg_snapshot_xmin(%(snapshot)s::pg_snapshot)::text::bigint", params)
        (xmin,) = cursor.fetchone()
    return {"counted": counted, "late": late, "xmin": xmin}


def held(unit_class: UnitClass) -> str:
    """The statement of who held how many units of a class."""
    return entitlement.HELD.format(units=column(f"units:{unit_class}"))


def shares(unit_class: UnitClass) -> str:
    """The statement of everybody's exact share."""
    return entitlement.SHARES.format(held=held(unit_class))


def _snapshot() -> dict[str, Any]:
    """What of the book is visible now, and this transaction, whose own rows are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text, pg_current_xact_id()::text::bigint")
        snapshot, own = cursor.fetchone()
    return {"snapshot": snapshot, "own": own}


def _totals(unit_class: UnitClass, params: dict[str, Any]) -> tuple[int, int, int]:
    """Holders, units, and what they get together: the product of both rounded down."""
    if "late" not in params:
        params |= headings(params)
    with connection.cursor() as cursor:
        cursor.execute(entitlement.TOTALS.format(shares=shares(unit_class)), params)
        holders, units, _whole, declared = cursor.fetchone()
    return int(holders), int(units), int(declared)


# Every ``size`` holders make a range.
RANGES = """
    SELECT (place - 1) / %(size)s, min(holder_id), max(holder_id), sum(entries)::bigint
      FROM (SELECT holder_id, entries, row_number() OVER (ORDER BY holder_id) AS place FROM ({entries}) e) p
     GROUP BY 1 ORDER BY 1
"""
OWN = "SELECT holder_id, 1 AS entries FROM ({held}) h"
# One that is corrected has entries to be taken back, which are entries too.
WITH_TAKEN_BACK = """
    SELECT holder_id, count(*) AS entries
      FROM (SELECT holder_id FROM ({held}) h
             UNION ALL
            SELECT holder_id FROM fund_entitlement WHERE distribution_id = %(old)s AND NOT reversal) u
     GROUP BY holder_id
"""


def _ranges(one: Distribution, params: Mapping[str, Any], size: int) -> list[DistributionRange]:
    entries = (WITH_TAKEN_BACK if one.corrects_id else OWN).format(held=held(one.unit_class))
    with connection.cursor() as cursor:
        cursor.execute(RANGES.format(entries=entries), {**params, "size": size, "old": one.corrects_id})
        rows = cursor.fetchall()
    return [
        DistributionRange(distribution_id=one.pk, number=number, first_holder=first, last_holder=last, entries=entries)
        for number, first, last, entries in rows
    ]


def _cut(one: Distribution, params: Mapping[str, Any], left: int) -> tuple[int | None, int | None]:
    """Where the minor units that are left over end; no cut where none is left."""
    if not left:
        return None, None
    with connection.cursor() as cursor:
        cursor.execute(entitlement.CUT.format(shares=shares(one.unit_class)), {**params, "left": left})
        remainder, holder = cursor.fetchone()
    return int(remainder), int(holder)
