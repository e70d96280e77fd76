"""What the fund has returned (D3, D51): to money (money-weighted), to a unit (time-weighted), and where it came from.

Powers of days are no fractions, so that rates are reckoned in decimals of forty digits; ``fund.money`` rounds the end.
A return over less than a year is not stretched to a year.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from itertools import pairwise

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.distribution.models import Distribution
from fund.holders import Holder, Nation
from fund.ledger import balances
from fund.ledger.models import Event
from fund.money import Currency, Money, Price, nearest, value_of
from fund.nav import moved, prices
from fund.nav.models import ClassNav, Nav
from fund.refusal import Refusal
from fund.units import UnitClass

DIGITS = moved.EXACT
YEAR = 365
HIGHEST = Decimal(10) ** 6  # of 1 + rate; beyond it, and below one millionth, nothing is called a return
GRID = 400
PAYABLE = Distribution.State


class NoReturn(Refusal):
    """There is no rate for these payments (``no_solution``), or more than one (``ambiguous``)."""

    code = "no_solution"


@dataclass(frozen=True)
class Flow:
    """Money of an owner on a day, in minor units: negative when paid in, positive when received or still there."""

    day: date
    amount: int


@dataclass(frozen=True)
class Rate:
    """A return in percent: a year's, or over the whole time where that is shorter. ``why`` says why there is none."""

    percent: Decimal | None
    yearly: bool
    why: str = ""


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


@dataclass(frozen=True)
class OwnerReturn:
    """What owners have paid in and received by the day of the latest NAV, and what is theirs (D3)."""

    owner_kind: Holder.Kind
    nation: Nation | None
    until: date
    paid_in: Money
    received: Money
    worth: Money
    rate: Rate

    @property
    def gain(self) -> Money:
        return self.received + self.worth - self.paid_in


# ── rates ──


def money_weighted(flows: Iterable[Flow]) -> Decimal:
    """The yearly rate at which all payments come to nothing (XIRR, actual/365), as a fraction to nine decimals.

    Raises NoReturn: no_solution, ambiguous.
    """
    with localcontext(DIGITS):
        return nearest(1 / _discount(_by_day(flows)) ** YEAR - 1, 9)


def rate(flows: Sequence[Flow]) -> Rate:
    """The money-weighted return in percent, or why there is none."""
    days = (max(flow.day for flow in flows) - min(flow.day for flow in flows)).days if flows else 0
    yearly = days >= YEAR
    try:
        with localcontext(DIGITS):
            grown = 1 / _discount(_by_day(flows)) ** (YEAR if yearly else days) - 1
            return Rate(nearest(grown * 100, 2), yearly)
    except NoReturn as none:
        return Rate(None, yearly, none.code)


def _by_day(flows: Iterable[Flow]) -> list[tuple[int, int]]:
    """(days since the first flow, minor units) in order, days on which nothing remains left out."""
    sums: dict[date, int] = {}
    for flow in flows:
        sums[flow.day] = sums.get(flow.day, 0) + flow.amount
    left = sorted((day, amount) for day, amount in sums.items() if amount)
    return [((day - left[0][0]).days, amount) for day, amount in left]


def _discount(flows: list[tuple[int, int]]) -> Decimal:
    """The factor of one day, w, with Σ amount · w^days = 0.

    By Descartes' rule there is exactly one where the signs of the payments change once. Where they change more often,
    the roots are looked for on a grid.
    """
    changes = sum((before < 0) != (after < 0) for (_d, before), (_e, after) in pairwise(flows))
    if not changes:
        raise NoReturn(_("These payments have no rate of return."), code="no_solution")
    steps = 1 if changes == 1 else GRID
    ends = [HIGHEST ** (2 * Decimal(step) / steps - 1) for step in range(steps + 1)]  # of 1 / (1 + rate)
    points = [end ** (Decimal(1) / YEAR) for end in ends]
    signs = [_worth(flows, point) for point in points]
    brackets = [
        (low, high)
        for (low, high), (left, right) in zip(pairwise(points), pairwise(signs), strict=True)
        if (left < 0) != (right < 0)
    ]
    if not brackets:
        raise NoReturn(_("These payments have no rate of return."), code="no_solution")
    if len(brackets) > 1:
        raise NoReturn(_("These payments have more than one rate of return."), code="ambiguous")
    return _bisect(flows, *brackets[0])


def _bisect(flows: list[tuple[int, int]], low: Decimal, high: Decimal) -> Decimal:
    rising = _worth(flows, low) < 0
    while high - low > Decimal("1e-24"):
        middle = (low + high) / 2
        if (_worth(flows, middle) < 0) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _worth(flows: list[tuple[int, int]], w: Decimal) -> Decimal:
    return sum((amount * w**days for days, amount in flows), Decimal(0))


# ── classes ──


def by_class() -> list[ClassReturn]:
    """The time-weighted return of every class that has a published price, and its parts."""
    navs = _navs()
    shares = _shares(navs)
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
    with localcontext(DIGITS):
        for record_day, per_lot in _distributed(unit_class):
            ex = next((one.price for nav, one in priced if nav.valuation_day >= record_day), None)
            if ex is not None:
                grown *= 1 + per_lot / ex
    return grown


def _distributed(unit_class: UnitClass) -> list[tuple[date, Decimal]]:
    """What a quoting lot was paid, by record day: of distributions that the NAV is without."""
    rows = Distribution.objects.filter(unit_class=unit_class, state__in=[PAYABLE.RECORDED, PAYABLE.PAID])
    return list(rows.order_by("record_day").values_list("record_day", "per_lot"))


def _navs() -> list[Nav]:
    """The NAVs that hold, oldest first."""
    rows = Nav.objects.filter(state=Nav.State.PUBLISHED).order_by("valuation_day", "-version")
    return list(rows.distinct("valuation_day"))


def _shares(navs: list[Nav]) -> dict[int, dict[str, ClassNav]]:
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
    with localcontext(DIGITS):
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
    with localcontext(DIGITS):
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
    navs = _navs()
    return _steps(unit_class, navs, _shares(navs))


def _steps(unit_class: UnitClass, navs: list[Nav], shares: dict[int, dict[str, ClassNav]]) -> list[Step] | None:
    """Between two NAVs every class gains in proportion to its claim.

    What the yen gains is the part of it that yen held have gained in dollars; a class in yen feels the dollar's own
    move as well.
    """
    in_yen = unit_class.currency == Currency.JPY
    found: list[Step] = []
    with localcontext(DIGITS):
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


# ── owners ──

# Of holders whom the register names: paid in, received and units, by day. A payment is in the event that issues units.
OF_HOLDERS = """
    SELECT h.kind, h.nation, (t.effective_at AT TIME ZONE 'UTC')::date AS day, a.asset,
           sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END)::bigint AS units,
           coalesce(sum(p.paid), 0)::bigint AS paid
      FROM fund_holder h
      JOIN fund_transfer t ON t.holder_id = h.id AND t.phase IN (0, 2) AND t.effective_at < %(until)s
      JOIN fund_account a ON a.id IN (t.debit_id, t.credit_id) AND a.code LIKE 'units:%%'
      LEFT JOIN LATERAL (SELECT sum(m.amount) AS paid
                           FROM fund_transfer m
                           JOIN fund_account c ON c.id = m.credit_id AND c.code ~ '^(capital|rounding):'
                           JOIN fund_account d ON d.id = m.debit_id AND d.code LIKE 'bank:%%'
                          WHERE (m.event_id, m.event) = (t.event_id, t.event) AND m.phase IN (0, 2)) p ON true
     WHERE h.kind <> 'citizen'
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
"""
# What was given to them: distributions, before taxes, and redemptions.
RECEIVED = """
    SELECT kind, nation, (at AT TIME ZONE 'UTC')::date AS day, sum(amount)::bigint
      FROM (SELECT h.kind, h.nation, t.effective_at AS at, t.amount
              FROM fund_holder h
              JOIN fund_transfer t ON t.holder_id = h.id AND t.phase IN (0, 2) AND t.event = ANY(%(events)s)
              JOIN fund_account c ON c.id = t.credit_id AND c.code LIKE 'refunds:%%'
             WHERE h.kind <> 'citizen'
             UNION ALL
            SELECT h.kind, h.nation, b.effective_at, CASE WHEN e.reversal THEN e.borne - e.gross ELSE e.gross END
              FROM fund_holder h
              JOIN fund_entitlement e ON e.holder_id = h.id
              JOIN fund_settlementbatch b ON b.id = e.batch_id
             WHERE h.kind <> 'citizen') r
     WHERE at < %(until)s GROUP BY 1, 2, 3
"""


def by_owner() -> list[OwnerReturn]:
    """Each co-owner, the partners, and the citizens of each class; empty before the first NAV.

    Citizens come by the million: what they paid in counts from the valuation day on which it is first in the NAV.
    """
    navs = _navs()
    return [*_named(navs[-1]), *_citizens(navs)] if navs else []


def _named(latest: Nav) -> list[OwnerReturn]:
    until = calendars.books_close(latest.valuation_day)
    with connection.cursor() as cursor:
        cursor.execute(OF_HOLDERS, {"until": until})
        moved = cursor.fetchall()
        cursor.execute(RECEIVED, {"until": until, "events": [Event.DISTRIBUTION.value, Event.REDEMPTION.value]})
        given = cursor.fetchall()
    classes = {one.asset: one for one in UnitClass.objects.all()}
    priced = {one.unit_class_id: one.price for one in latest.classes.exclude(price=None)}
    found = []
    for kind, nation in (
        (Holder.Kind.SOVEREIGN, Nation.US),
        (Holder.Kind.SOVEREIGN, Nation.JP),
        (Holder.Kind.LIMITED_PARTNER, None),
    ):
        mine = [row for row in moved if row[0] == kind and nation in (None, row[1])]
        if not mine:
            continue
        flows = [Flow(day, -paid) for _k, _n, day, _a, _u, paid in mine if paid]
        flows += [Flow(day, money) for k, n, day, money in given if k == kind and nation in (None, n)]
        units: dict[str, int] = {}
        for _k, _n, _d, asset, count, _p in mine:
            units[asset] = units.get(asset, 0) + count
        worth = sum(
            value_of(count, classes[asset].price(priced[classes[asset].pk] or classes[asset].initial_price)).amount
            for asset, count in units.items()
            if classes[asset].pk in priced
        )
        found.append(_of_owner(kind, nation, Currency.USD, flows, worth, latest.valuation_day))
    return found


def _citizens(navs: list[Nav]) -> list[OwnerReturn]:
    shares = _shares(navs)
    found = []
    for unit_class in UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN).order_by("-code"):
        priced = [(nav, shares[nav.pk][unit_class.pk]) for nav in navs if unit_class.pk in shares[nav.pk]]
        if not priced or priced[-1][0] != navs[-1]:
            continue
        given = _declared(unit_class)
        # What was distributed has left the capital by its record day: counted by itself, it is no smaller payment.
        capital = [0, *(one.capital + sum(money for day, money in given if day <= nav.valuation_day)
                        for nav, one in priced)]  # fmt: skip
        flows = [
            Flow(nav.valuation_day, before - after)
            for (nav, _one), (before, after) in zip(priced, pairwise(capital), strict=True)
            if after != before
        ]
        flows += [Flow(day, money) for day, money in given if day <= navs[-1].valuation_day]
        day, worth = navs[-1].valuation_day, priced[-1][1].value
        nation = Nation(unit_class.code)
        found.append(_of_owner(Holder.Kind.CITIZEN, nation, Currency(unit_class.currency), flows, worth, day))
    return found


def _declared(unit_class: UnitClass) -> list[tuple[date, int]]:
    """The sums of a class's distributions by record day, in minor units."""
    rows = Distribution.objects.filter(unit_class=unit_class, state__in=[PAYABLE.RECORDED, PAYABLE.PAID])
    return [(day, money or 0) for day, money in rows.order_by("record_day").values_list("record_day", "declared")]


def _of_owner(
    kind: Holder.Kind, nation: Nation | None, currency: Currency, flows: list[Flow], worth: int, until: date
) -> OwnerReturn:
    return OwnerReturn(
        owner_kind=kind,
        nation=nation,
        until=until,
        paid_in=Money(-sum(flow.amount for flow in flows if flow.amount < 0), currency),
        received=Money(sum(flow.amount for flow in flows if flow.amount > 0), currency),
        worth=Money(worth, currency),
        rate=rate([*flows, Flow(until, worth)]),
    )


# ── one holder ──

OWN = """
    SELECT (l.effective_at AT TIME ZONE 'UTC')::date, sum(l.amount)::bigint
      FROM fund_leg l
      JOIN fund_account c ON c.id = l.credit_id AND c.code IN (%(capital)s, %(rounding)s)
     WHERE l.holder_id = %(holder)s AND l.event = %(event)s AND l.phase IN (0, 2)
     GROUP BY 1 ORDER BY 1
"""
# What was distributed to a holder and not reinvested, before taxes.
OWN_INCOME = """
    SELECT (b.effective_at AT TIME ZONE 'UTC')::date,
           sum(CASE WHEN e.reversal THEN e.borne - e.gross + e.cost + e.rounding
                    ELSE e.gross - e.cost - e.rounding END)::bigint
      FROM fund_entitlement e
      JOIN fund_settlementbatch b ON b.id = e.batch_id AND b.unit_class_id = %(class)s
     WHERE e.holder_id = %(holder)s GROUP BY 1 HAVING sum(e.gross) > 0 ORDER BY 1
"""


@dataclass(frozen=True)
class Own:
    """What a citizen paid for the units of a class, what they are worth now, and the return on that money.

    ``received`` is what was distributed of it, before taxes; what was reinvested is in the units.
    """

    paid_in: Money
    worth: Money
    received: Money
    rate: Rate

    @property
    def gain(self) -> Money:
        return self.worth + self.received - self.paid_in


def of_holder(*, holder_id: int, unit_class: UnitClass, now: datetime) -> Own | None:
    """A citizen's own return at the latest price; None where nothing was bought by an order. Three small queries.

    Bought after the day of that price, units are worth what it says on the day they were bought.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            OWN,
            {
                "capital": f"capital:{unit_class}",
                "rounding": f"rounding:{unit_class.currency}",
                "holder": holder_id,
                "event": Event.SETTLEMENT.value,
            },
        )
        flows = [Flow(day, -amount) for day, amount in cursor.fetchall()]
        cursor.execute(OWN_INCOME, {"class": unit_class.pk, "holder": holder_id})
        income = [Flow(day, amount) for day, amount in cursor.fetchall()]
    if not flows:
        return None
    units = balances.balance(f"units:{unit_class}", holder_id=holder_id)
    worth = value_of(units, prices.latest_price(unit_class.pk, now))
    priced = prices.published(class_code=unit_class.pk, at=now).exclude(price=None).first()
    last = max(flow.day for flow in [*flows, *income])
    day = max(last, priced.nav.valuation_day if priced else last)
    paid, received = (Money(abs(sum(flow.amount for flow in some)), worth.currency) for some in (flows, income))
    return Own(paid, worth, received, rate([*flows, *income, Flow(day, worth.amount)]))
