"""Leverage against its limit, covenant headroom and what a holder would lose in stated cases (D41)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from fund import calendars
from fund.governance import config
from fund.money import Currency, Money, part, percent, ratio
from fund.portfolio import debt, position
from fund.portfolio.models import Facility

STAKE_USD = Money(100_00, Currency.USD)
STAKE_JPY = Money(10_000, Currency.JPY)

# Each case: its code, the change of all assets and of the yen against the dollar, in percent.
CASES = [
    ("assets-10", -10, 0),
    ("assets-20", -20, 0),
    ("assets-30", -30, 0),
    ("yen+10", 0, 10),
    ("yen-10", 0, -10),
]


@dataclass(frozen=True)
class Stress:
    """What a stake of $100 and of ¥10,000 loses in a case; a gain is negative, and nobody loses more than the stake."""

    code: str
    assets_percent: int
    yen_percent: int
    loss_usd: Money
    loss_jpy: Money


@dataclass(frozen=True)
class Covenant:
    """A facility's use: what is drawn of its limit, and how far gross assets may fall before its covenant breaks.

    ``debt_percent`` is the fund's whole debt in percent of gross assets, None without assets.
    """

    facility: Facility
    limit: Money
    drawn: Money
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
    return Leverage(
        day=on,
        gross=at.gross,
        debt=at.debt,
        nav=at.net,
        ratio=ratio(at.gross.amount, at.net.amount, decimals=2) if at.net.amount > 0 else None,
        limit=limit,
        headroom=part(at.net, Fraction(limit)) - at.gross,
        covenants=_covenants(at),
        stress=[_stress(at, *case) for case in CASES] if at.net.amount > 0 else [],
    )


def _covenants(at: position.Position) -> list[Covenant]:
    drawn = {one.facility_id: one.drawn for one in debt.drawn(on=at.day)}
    return [
        Covenant(
            facility=one,
            limit=Money(one.limit, Currency(one.currency)),
            drawn=Money(drawn.get(one.pk, 0), Currency(one.currency)),
            debt_percent=percent(at.debt.amount, at.gross.amount) if at.gross.amount > 0 else None,
            allowed_percent=one.covenant,
            headroom=at.gross - part(at.debt, 100 / Fraction(one.covenant)),
        )
        for one in Facility.objects.order_by("code")
    ]


def _stress(at: position.Position, code: str, assets_percent: int, yen_percent: int) -> Stress:
    """The change of the NAV, exact, in dollars and in yen: in yen the dollar's own fall is felt too."""
    yen_in_dollars = Fraction(at.yen.amount * Currency.USD.minor_per_major) / Fraction(at.usd_jpy)
    net = at.net.amount + at.gross.amount * Fraction(assets_percent, 100) + yen_in_dollars * Fraction(yen_percent, 100)
    left_usd = max(Fraction(net) / at.net.amount, Fraction(0))
    left_jpy = left_usd / (1 + Fraction(yen_percent, 100))
    return Stress(code, assets_percent, yen_percent, part(STAKE_USD, 1 - left_usd), part(STAKE_JPY, 1 - left_jpy))
