"""Leverage against its limit, covenant headroom and what a holder would lose in stated cases (D41)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from fund import calendars
from fund.governance import config
from fund.money import Currency, Money, part, percent, ratio
from fund.portfolio import debt, investments, position
from fund.portfolio.models import Facility

STAKE_USD = Money(100_00, Currency.USD)
STAKE_JPY = Money(10_000, Currency.JPY)


@dataclass(frozen=True)
class Stress:
    """What is left of a stake in a case, exactly, as a part of it in dollars and in yen.

    The cases are the setting ``leverage.stress_cases``: the change of all assets and of the yen against the dollar.
    """

    code: str
    assets_percent: int
    yen_percent: int
    left_usd: Fraction
    left_jpy: Fraction

    def loss(self, stake: Money) -> Money:
        """What a stake loses, half up; a gain is negative, and nobody loses more than the stake."""
        return part(stake, 1 - (self.left_usd if stake.currency == Currency.USD else self.left_jpy))

    @property
    def loss_usd(self) -> Money:
        """Of $100."""
        return self.loss(STAKE_USD)

    @property
    def loss_jpy(self) -> Money:
        """Of ¥10,000."""
        return self.loss(STAKE_JPY)


@dataclass(frozen=True)
class Covenant:
    """A facility's use: what is drawn of its limit, the interest that has accrued on it, and how far gross assets may
    fall before its covenant breaks.

    ``debt_percent`` is the fund's whole debt in percent of gross assets, None without assets.
    """

    facility: Facility
    limit: Money
    drawn: Money
    interest: Money
    debt_percent: Decimal | None
    allowed_percent: Decimal
    headroom: Money


@dataclass(frozen=True)
class Leverage:
    """Figures of a day in USD cents. ``headroom`` is what could be borrowed and invested before the limit is reached.

    Where liabilities eat up all assets there is no ratio and no stress case.
    """

    day: date
    gross: Money
    debt: Money
    nav: Money
    ratio: Decimal | None
    limit: Decimal
    headroom: Money
    covenants: list[Covenant]
    stress: list[Stress]

    @property
    def within(self) -> bool:
        """Whether the limit is kept, judged on the exact figures and not on the rounded ratio."""
        return self.headroom.amount >= 0


def figures(*, on: date) -> Leverage:
    """Gross assets ÷ NAV and what follows from it at the end of a day. Raises ``rates.Unknown``."""
    at = position.at(day=on)
    limit = Decimal(config.get("leverage.limit", at=calendars.books_close(on)))
    cases = config.get("leverage.stress_cases", at=calendars.books_close(on))
    return Leverage(
        day=on,
        gross=at.gross,
        debt=at.debt,
        nav=at.net,
        ratio=ratio(at.gross.amount, at.net.amount, decimals=2) if at.net.amount > 0 else None,
        limit=limit,
        headroom=part(at.net, Fraction(limit)) - at.gross,
        covenants=covenants(on=on, gross=at.gross, owed=at.debt),
        stress=[
            _stress(at, case["code"], case["assets_percent"], case["yen_percent"])
            for case in cases
            if at.net.amount > 0
        ],
    )


def covenants(*, on: date, gross: Money, owed: Money) -> list[Covenant]:
    """Every facility under its terms in force on a day, with the fund's gross assets and debt of that day."""
    drawn = {one.facility_id: one.drawn for one in debt.drawn(on=on)}
    interest = debt.interest(on=on)
    return [
        Covenant(
            facility=one,
            limit=Money(one.limit, Currency(one.currency)),
            drawn=Money(drawn.get(one.pk, 0), Currency(one.currency)),
            interest=interest.get(one.pk, Money(0, Currency(one.currency))),
            debt_percent=percent(owed.amount, gross.amount) if gross.amount > 0 else None,
            allowed_percent=one.covenant,
            headroom=gross - part(owed, 100 / Fraction(one.covenant)),
        )
        for one in investments.facilities(on=on)
    ]


@dataclass(frozen=True)
class Point:
    """Leverage on one day of the past, from the figures of then, against the limit that was in force then.

    ``tightest`` is the smallest covenant headroom of all facilities, None without one.
    """

    day: date
    gross: Money
    debt: Money
    nav: Money
    ratio: Decimal
    limit: Decimal
    headroom: Money
    tightest: Money | None

    @property
    def within(self) -> bool:
        return self.headroom.amount >= 0


def over_time(days: Iterable[tuple[date, Money, Money, Money]]) -> list[Point]:
    """A point for each day with its gross assets, debt and positive net asset value, by a handful of queries."""
    limits = [(from_, Decimal(limit)) for from_, limit in config.steps("leverage.limit")]
    terms = investments.covenants_over_time()
    return [_point(*one, limits, terms) for one in days]


def _point(
    day: date,
    gross: Money,
    owed: Money,
    net: Money,
    limits: list[tuple[datetime | None, Decimal]],
    terms: list[list[tuple[date, Decimal]]],
) -> Point:
    close = calendars.books_close(day)
    limit = next(value for from_, value in reversed(limits) if from_ is None or from_ <= close)
    then = [next((value for from_, value in reversed(one) if from_ <= day), None) for one in terms]
    rooms = [gross.amount - part(owed, 100 / Fraction(covenant)).amount for covenant in then if covenant]
    return Point(
        day=day,
        gross=gross,
        debt=owed,
        nav=net,
        ratio=ratio(gross.amount, net.amount, decimals=2),
        limit=limit,
        headroom=part(net, Fraction(limit)) - gross,
        tightest=Money(min(rooms), gross.currency) if rooms else None,
    )


def _stress(at: position.Position, code: str, assets_percent: int, yen_percent: int) -> Stress:
    """The change of the NAV, exact, in dollars and in yen: in yen the dollar's own fall is felt too."""
    yen_in_dollars = Fraction(at.yen.amount * Currency.USD.minor_per_major) / Fraction(at.usd_jpy)
    net = at.net.amount + at.gross.amount * Fraction(assets_percent, 100) + yen_in_dollars * Fraction(yen_percent, 100)
    left_usd = max(Fraction(net) / at.net.amount, Fraction(0))
    left_jpy = left_usd / (1 + Fraction(yen_percent, 100))
    return Stress(code, assets_percent, yen_percent, left_usd, left_jpy)
