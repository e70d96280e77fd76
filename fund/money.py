"""Money, prices and rates (D19–D21, D23). The only module that rounds; every rounding names its mode.

Money is an integer of minor units with a currency. Units are an integer of a class's smallest unit. A price is an exact
decimal in major units of the currency for one quoting lot of smallest units. No float passes through here.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Self

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

DECIMALS = {"USD": 2, "JPY": 0}


class Currency(StrEnum):
    """The two currencies of the fund, ISO 4217."""

    USD = "USD"
    JPY = "JPY"

    @property
    def decimals(self) -> int:
        """Digits behind the point of one major unit: cents for USD, none for JPY (D19)."""
        return DECIMALS[self]

    @property
    def minor_per_major(self) -> int:
        return int(10**self.decimals)


PLAIN_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]+))?", re.ASCII)
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Money:
    """An integer amount of minor units (cents, yen) in one currency (D19)."""

    amount: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.amount) is not int and (isinstance(self.amount, bool) or not isinstance(self.amount, int)):
            raise TypeError("Money is an integer of minor units")
        if type(self.currency) is not Currency:
            object.__setattr__(self, "currency", Currency(self.currency))

    @classmethod
    def parse(cls, value: str, currency: str | Currency) -> Self:
        """Read a plain ASCII decimal with exactly the currency's own decimals: ``"100000"`` JPY, ``"250.00"`` USD.

        Raises ValidationError for anything else: signs, exponents, separators, full-width digits, numbers.
        """
        unit = Currency(currency)
        found = PLAIN_DECIMAL.fullmatch(value) if isinstance(value, str) else None
        if found is None or len(found[2] or "") != unit.decimals:
            raise ValidationError(
                _("Enter a plain number with the decimals of %(currency)s."),
                code="invalid_amount",
                params={"currency": unit.value},
            )
        amount = int(found[1] + (found[2] or ""))
        if amount > LARGEST:
            raise ValidationError(_("The amount is too large."), code="invalid_amount")
        return cls(amount, unit)

    @property
    def value(self) -> str:
        """The plain decimal string that ``parse`` reads."""
        if not self.currency.decimals:
            return str(self.amount)
        sign = "-" if self.amount < 0 else ""
        whole, part = divmod(abs(self.amount), self.currency.minor_per_major)
        return f"{sign}{whole}.{part:0{self.currency.decimals}d}"

    @property
    def major(self) -> Decimal:
        """The exact amount in major units."""
        return Decimal(self.amount) / self.currency.minor_per_major

    def __str__(self) -> str:
        return f"{self.currency} {self.value}"

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise TypeError(f"{self.currency} and {other.currency} do not add up")
        return other.amount

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0


@dataclass(frozen=True)
class Price:
    """``value`` major units of ``currency`` for ``lot`` smallest units (D20)."""

    value: Decimal
    currency: Currency
    lot: int

    def __post_init__(self) -> None:
        if not self.value > 0 or self.lot <= 0:
            raise ValueError("A price and its lot are positive")

    @property
    def minor_per_unit(self) -> Fraction:
        """Minor units of money for one smallest unit, exact."""
        return Fraction(self.value) * self.currency.minor_per_major / self.lot


@dataclass(frozen=True)
class Purchase:
    """What an amount of money buys (D21): ``units`` smallest units for ``cost``, and the ``remainder`` left over."""

    units: int
    cost: Money
    remainder: Money


def buy(money: Money, price: Price) -> Purchase:
    """Units bought, rounded **down**; the remainder is worth less than one smallest unit (D21)."""
    if money.currency != price.currency:
        raise TypeError(f"{money.currency} cannot pay a price in {price.currency}")
    units = money.amount // price.minor_per_unit
    cost = -(-(units * price.minor_per_unit) // 1)  # rounded up: the fund is never paid less than the units are worth
    return Purchase(int(units), Money(int(cost), money.currency), Money(money.amount - int(cost), money.currency))


def value_of(units: int, price: Price) -> Money:
    """The value of units at a price, rounded **down** to a minor unit: nobody is shown more than there is."""
    return Money(int(units * price.minor_per_unit // 1), price.currency)


def units_within(money: Money, price: Price) -> int:
    """How many smallest units are worth no more than this money, rounded **down**: a cap is never passed (D31)."""
    if money.currency != price.currency:
        raise TypeError(f"{money.currency} is no worth at a price in {price.currency}")
    return int(money.amount // price.minor_per_unit)


@dataclass(frozen=True)
class Proceeds:
    """What redeemed units bring: their worth ``gross``, of which ``charge`` stays with the fund (D31)."""

    gross: Money
    charge: Money

    @property
    def paid(self) -> Money:
        return self.gross - self.charge


def redeem(units: int, price: Price, *, charged: int, rate: Fraction) -> Proceeds:
    """The proceeds of units, of which ``charged`` bear a charge; both rounded **down**: the fund pays no more than the
    units are worth, and charges nobody more than the rate says (D31)."""
    return Proceeds(value_of(units, price), Money(int(charged * price.minor_per_unit * rate // 1), price.currency))


def quote(value: Money, units: int, *, lot: int, decimals: int) -> Decimal:
    """The price of one lot from a class's value and its smallest units, rounded **half up** to ``decimals`` (D20)."""
    if units <= 0:
        raise ValueError("A class without units has no price")
    exact = Fraction(value.amount * lot, value.currency.minor_per_major * units)
    return round_half_up(exact, decimals)


def round_half_up(exact: Fraction, decimals: int) -> Decimal:
    """A non-negative fraction to a decimal with ``decimals`` digits, rounded **half up**."""
    scaled = (exact * 10**decimals * 2 + 1) // 2
    return Decimal(scaled).scaleb(-decimals)


def nearest(value: Decimal, decimals: int) -> Decimal:
    """A decimal to ``decimals`` digits, rounded **half up** (away from zero): a rate of return (D51)."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def cross_rate(*, jpy_per_eur: Decimal, usd_per_eur: Decimal) -> Decimal:
    """Yen per dollar from the two ECB reference rates, **half up** to 4 decimals (D23): 183.39 ÷ 1.1498 = 159.4973."""
    return round_half_up(Fraction(jpy_per_eur) / Fraction(usd_per_eur), 4)


def convert(money: Money, *, to: Currency, usd_jpy: Decimal) -> Money:
    """Money in the other currency at a rate in yen per dollar, rounded **half up** to a minor unit."""
    return Money(_nearest(_in(money, to, usd_jpy)), to)


def _in(money: Money, to: Currency, usd_jpy: Decimal) -> Fraction:
    """Exact minor units of another currency."""
    if money.currency == to:
        return Fraction(money.amount)
    rate = Fraction(usd_jpy) if to == Currency.JPY else 1 / Fraction(usd_jpy)
    return Fraction(money.amount, money.currency.minor_per_major) * rate * to.minor_per_major


def whole_lots(money: Money, *, lot: Money, usd_jpy: Decimal) -> int:
    """How many lots money in any currency is worth, rounded **down**; the rate in yen per dollar (D24)."""
    return int(_in(money, lot.currency, usd_jpy) // lot.amount)


def covering_lots(money: Money, *, lot: Money, usd_jpy: Decimal) -> int:
    """How many lots it takes to be worth at least this money, rounded **up**; the rate in yen per dollar (D24)."""
    return int(-(-_in(money, lot.currency, usd_jpy) // lot.amount))


def part(money: Money, exact: Fraction) -> Money:
    """A fraction of money, rounded **half up** (away from zero) to a minor unit."""
    return Money(_nearest(money.amount * exact), money.currency)


def part_down(money: Money, exact: Fraction) -> Money:
    """A fraction of money, rounded **down** to a minor unit: nobody is withheld more than the rate says (D46)."""
    return Money(int(money.amount * exact // 1), money.currency)


def yearly_fee(point_days: int, *, day_count: int = 365) -> int:
    """A fee or interest in basis points of a year of ``day_count`` days, from Σ minor units × basis points × days.

    Rounded **half up**, once.
    """
    return _nearest(Fraction(point_days, 10_000 * day_count))


def _nearest(exact: Fraction) -> int:
    sign = -1 if exact < 0 else 1
    return sign * int((abs(exact) * 2 + 1) // 2)


def share_out(total: int, weights: list[int]) -> list[int]:
    """Split an integer by weights, rounded **down**, the rest by largest remainder, then position (D45: 34/33/33)."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("Weights are not negative and not all zero")
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


def percent(part: int, whole: int, *, decimals: int = 2) -> Decimal:
    """``part`` of ``whole`` in percent, rounded **half up**; zero of nothing is zero."""
    if whole == 0:
        return Decimal(0)
    sign = -1 if (part < 0) != (whole < 0) else 1
    return sign * round_half_up(Fraction(abs(part) * 100, abs(whole)), decimals)


def ratio(part: int, whole: int, *, decimals: int) -> Decimal:
    """``part`` ÷ ``whole`` of one kind, rounded **half up** (leverage, D41). Raises ValueError for whole ≤ 0."""
    if whole <= 0:
        raise ValueError("A ratio to nothing is not a number")
    return round_half_up(Fraction(part, whole), decimals)
