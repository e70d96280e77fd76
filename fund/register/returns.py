"""What a unit of each class has returned (D51): time-weighted, and split into assets, income and currency."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise

from fund.distribution.models import Distribution
from fund.money import Currency, Price, nearest
from fund.nav import moved
from fund.nav.models import ClassNav, Nav
from fund.units import UnitClass

YEAR = 365
PAYABLE = Distribution.State


@dataclass(frozen=True)
class Parts:
    """Where a time-weighted return came from, in percent; the three add up to it exactly."""

    assets: Decimal
    income: Decimal
    currency: Decimal


@dataclass(frozen=True)
class ClassReturn:
    """What a unit of a class has returned from its initial price to its latest, with its distributions.

    ``yearly_percent`` is None under a year; ``parts`` is None where a NAV in between does not know them.
    """

    unit_class: UnitClass
    since: date
    until: date
    first: Price
    latest: Price
    percent: Decimal
    yearly_percent: Decimal | None
    parts: Parts | None


def by_class() -> list[ClassReturn]:
    """The time-weighted return of every class that has a published price, and its parts."""
    navs = published()
    shares = shares_of(navs)
    found = []
    for unit_class in UnitClass.objects.order_by("code"):
        priced = [(nav, shares[nav.pk][unit_class.pk]) for nav in navs if unit_class.pk in shares[nav.pk]]
        if priced:
            paid = _paid_a_unit(unit_class, priced)
            found.append(_of_class(unit_class, priced[0][0], *priced[-1], paid, _parts(unit_class, navs, shares)))
    return found


def _paid_a_unit(unit_class: UnitClass, priced: list[tuple[Nav, ClassNav]]) -> Decimal:
    """By how much more a unit has grown than its price, because of what was distributed.

    As if each distribution had bought units on its record day, whose price is the first without it.
    """
    grown = Decimal(1)
    with localcontext(moved.EXACT):
        for record_day, per_lot in _distributed(unit_class):
            ex = next((one.price for nav, one in priced if nav.valuation_day >= record_day), None)
            if ex is not None:
                grown *= 1 + per_lot / ex
    return grown


def _distributed(unit_class: UnitClass) -> list[tuple[date, Decimal]]:
    """What a quoting lot was paid, by record day: of distributions that the NAV is without."""
    rows = Distribution.objects.filter(unit_class=unit_class, state__in=[PAYABLE.RECORDED, PAYABLE.PAID])
    return list(rows.order_by("record_day").values_list("record_day", "per_lot"))


def declared(unit_class: UnitClass) -> list[tuple[date, int]]:
    """The sums of a class's distributions by record day, in minor units."""
    rows = Distribution.objects.filter(unit_class=unit_class, state__in=[PAYABLE.RECORDED, PAYABLE.PAID])
    return [(day, money or 0) for day, money in rows.order_by("record_day").values_list("record_day", "declared")]


def published() -> list[Nav]:
    """The NAVs that hold, oldest first."""
    rows = Nav.objects.filter(state=Nav.State.PUBLISHED).order_by("valuation_day", "-version")
    return list(rows.distinct("valuation_day"))


def shares_of(navs: list[Nav]) -> dict[int, dict[str, ClassNav]]:
    """The classes of each NAV that had a price."""
    shares: dict[int, dict[str, ClassNav]] = {nav.pk: {} for nav in navs}
    for one in ClassNav.objects.filter(nav__in=shares).exclude(price=None):
        shares[one.nav_id][one.unit_class_id] = one
    return shares


def _of_class(
    unit_class: UnitClass, began: Nav, until: Nav, last: ClassNav, paid: Decimal, parts: dict[str, Decimal] | None
) -> ClassReturn:
    assert last.price is not None
    days = (until.valuation_day - began.valuation_day).days
    with localcontext(moved.EXACT):
        grown = last.price / unit_class.initial_price * paid
        whole = nearest((grown - 1) * 100, 2)
        yearly = nearest((grown ** (Decimal(YEAR) / days) - 1) * 100, 2) if days >= YEAR else None
        split = None
        if parts is not None:
            income, currency = (nearest(parts[name] * 100, 2) for name in ("income", "currency"))
            split = Parts(whole - income - currency, income, currency)
    return ClassReturn(
        unit_class=unit_class,
        since=began.valuation_day,
        until=until.valuation_day,
        first=unit_class.price(unit_class.initial_price),
        latest=unit_class.price(last.price),
        percent=whole,
        yearly_percent=yearly,
        parts=split,
    )


def _parts(unit_class: UnitClass, navs: list[Nav], shares: dict[int, dict[str, ClassNav]]) -> dict[str, Decimal] | None:
    """What income and currency have added to a unit's value, as fractions of its first; None where it is not known.

    Each step counts for what a unit was worth before it, so that the parts add up to the whole.
    """
    found = _steps(unit_class, navs, shares)
    if found is None:
        return None
    index, income, currency = Decimal(1), Decimal(0), Decimal(0)
    with localcontext(moved.EXACT):
        for step in found:
            income += index * step.income
            currency += index * step.currency
            index *= step.grown
    return {"income": income, "currency": currency}


@dataclass(frozen=True)
class Step:
    """What happened to a class from one priced NAV to the next, the first from the initial price.

    ``income`` and ``currency`` are fractions of what a unit was worth before; the rest of ``grown`` is the assets'.
    """

    day: date
    before: Price
    price: Price
    grown: Decimal
    income: Decimal
    currency: Decimal


def steps(unit_class: UnitClass) -> list[Step] | None:
    """The steps of a class, oldest first; None where a NAV does not know them."""
    navs = published()
    return _steps(unit_class, navs, shares_of(navs))


def _steps(unit_class: UnitClass, navs: list[Nav], shares: dict[int, dict[str, ClassNav]]) -> list[Step] | None:
    """Between two NAVs every class gains in proportion to its claim.

    What the yen gains is the part of it that yen held have gained in dollars; a class in yen feels the dollar's own
    move as well.
    """
    in_yen = unit_class.currency == Currency.JPY
    found: list[Step] = []
    with localcontext(moved.EXACT):
        for before, nav in pairwise([None, *navs]):
            assert nav is not None
            if nav.earned is None or nav.yen is None:
                return None
            if unit_class.pk not in shares[nav.pk]:
                continue
            rate = before.usd_jpy if before else nav.usd_jpy
            now, then = shares[nav.pk], shares[before.pk] if before else {}
            claim = Decimal(sum(moved.claims(now, then, rate=rate).values()))
            gain = (nav.net - claim) / claim
            earned = (nav.earned - ((before and before.earned) or 0)) / claim
            gained = moved.gained_by_yen(before, nav, now, then) / claim
            dollar = (1 + gain) * (nav.usd_jpy / rate - 1) if in_yen else Decimal(0)
            price = now[unit_class.pk].price
            assert price is not None
            found.append(
                Step(
                    day=nav.valuation_day,
                    before=found[-1].price if found else unit_class.price(unit_class.initial_price),
                    price=unit_class.price(price),
                    grown=1 + gain + dollar,
                    income=earned,
                    currency=gained + dollar,
                )
            )
    return found
