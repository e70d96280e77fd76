"""What an amount would buy in an offering, cost, and lose; and what happens when more is asked for than there is.

Every figure comes from the function of the fund that makes the real one; nothing is computed here.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from fund import money
from fund.dealing import allotment, subscription
from fund.dealing.models import Offering
from fund.distribution import withholding
from fund.distribution.withholding import JpBasis, UsBasis, Withheld
from fund.governance import config
from fund.holders import Nation
from fund.money import Currency, Money, Price, Purchase
from fund.nav import prices, strike
from fund.nav.models import Nav
from fund.portfolio.leverage import Stress
from fund.refusal import Refusal
from portal.web import amounts, leverage, words

EXAMPLE_LOTS = 100
EXAMPLE_REQUESTS = (7, 20, 23, 51, 299)  # lots of five applicants
YEAR = 365  # days
SUPPOSED, MOST = Decimal(3), 20  # percent of the value that are paid out: unless something else is asked; at most
US_CASES = (UsBasis.CERTIFIED, UsBasis.BACKUP, UsBasis.TREATY, UsBasis.FOREIGN)
JP_CASES = (JpBasis.RESIDENT, JpBasis.NON_RESIDENT)


class CalculatorForm(forms.Form):
    """The amount as people type it, judged as an order of it would be; and a distribution in percent of the value."""

    amount = forms.CharField(max_length=40)
    distribution = forms.DecimalField(min_value=0, max_value=MOST, decimal_places=2, required=False)

    def __init__(self, offering: Offering, data: Any = None) -> None:
        super().__init__(data)
        self.offering = offering

    def clean_amount(self) -> Money:
        amount = amounts.read(self.cleaned_data["amount"], self.offering.currency)
        try:
            subscription.check_amount(offering=self.offering, amount=amount)
        except Refusal as refused:
            raise ValidationError(words.refusal(refused)) from refused
        return amount


@dataclass(frozen=True)
class Taxed:
    """What is withheld from a distribution, all of it income, in one case, and what is left of it."""

    us: UsBasis
    japan: JpBasis
    withheld: Withheld
    left: Money


@dataclass(frozen=True)
class Estimate:
    """What an order of ``amount`` would be at ``price``, if it is allotted in full.

    ``priced_on``: the valuation day of a price that is only the newest one, None for the price of the offering itself.
    ``abroad`` is the amount in the other nation's currency at the rate of the newest NAV; None before the first.
    ``fee`` is that of a year on today's value. It is in the price already.
    """

    amount: Money
    price: Price
    priced_on: date | None
    bought: Purchase
    worth: Money
    abroad: Money | None
    usd_jpy: Decimal | None
    rate_day: date | None
    fee: Money
    fee_percent: Decimal
    losses: list[tuple[Stress, Money, Money]]
    paid_percent: Decimal
    paid: Money
    taxed: list[Taxed]


def estimate(*, offering: Offering, amount: Money, now: datetime, percent: Decimal = SUPPOSED) -> Estimate:
    """The figures of an amount in the currency of the offering, if ``percent`` of the value were paid out."""
    price = offering.price or prices.latest_price(offering.unit_class_id, now)
    newest = None if offering.price else strike.latest(class_code=offering.unit_class_id, at=now)
    bought = money.buy(amount, price)
    worth = money.value_of(bought.units, price)
    nav = strike.latest(at=now)
    points = config.get("fee.management_bps", at=now)
    return Estimate(
        amount=amount,
        price=price,
        priced_on=newest.nav.valuation_day if newest else None,
        bought=bought,
        worth=worth,
        abroad=money.convert(amount, to=_other(amount.currency), usd_jpy=nav.usd_jpy) if nav else None,
        usd_jpy=nav.usd_jpy if nav else None,
        rate_day=nav.valuation_day if nav else None,
        fee=Money(money.yearly_fee(worth.amount * points * YEAR), amount.currency),
        fee_percent=Decimal(points) / 100,
        losses=_losses(amount, nav),
        paid_percent=percent,
        paid=(paid := money.part_down(worth, Fraction(percent) / 100)),
        taxed=_taxed(paid, offering.unit_class_id, now),
    )


def _taxed(paid: Money, class_code: str, now: datetime) -> list[Taxed]:
    """A distribution in every case that the nations which withhold on the class tell apart (D46)."""
    by = withholding.rates(at=now)
    found = []
    for us in US_CASES if by.by(Nation.US, class_code) else (UsBasis.NOT_TAXED,):
        for japan in JP_CASES if by.by(Nation.JP, class_code) else (JpBasis.NOT_TAXED,):
            withheld = withholding.withhold(paid, us=us, japan=japan, by=by)
            found.append(Taxed(us, japan, withheld, paid - withheld.total))
    return found


def _other(currency: Currency) -> Currency:
    return Currency.JPY if currency == Currency.USD else Currency.USD


def _losses(amount: Money, nav: Nav | None) -> list[tuple[Stress, Money, Money]]:
    """Each stated case on the day of a NAV, with what the amount would lose and what would be left of it."""
    found = leverage.measured(nav)
    return [(case, case.loss(amount), amount - case.loss(amount)) for case in (found.stress if found else [])]


def oversubscribed(offering: Offering) -> dict[str, Any]:
    """Five applicants who ask for more lots than there are, as the allotment itself would serve them (D28)."""
    requests = list(Counter(EXAMPLE_REQUESTS).items())
    level, _left = allotment.fill(requests, EXAMPLE_LOTS)
    higher, ballot = allotment.fill(requests, EXAMPLE_LOTS + 1)

    def worth(lots: int) -> Money:
        return offering.money(lots * offering.lot)

    return {
        "lots": EXAMPLE_LOTS,
        "lot": worth(1),
        "asked": sum(EXAMPLE_REQUESTS),
        "level": level,
        "rows": [
            {
                "name": name,
                "lots": lots,
                "asked": worth(lots),
                "received_lots": min(lots, level),
                "received": worth(min(lots, level)),
                "back": worth(lots - min(lots, level)),
            }
            for name, lots in zip("ABCDE", EXAMPLE_REQUESTS, strict=True)
        ],
        "one_more": EXAMPLE_LOTS + 1,
        "level_then": higher,
        "ballot": ballot,
        "above": sum(lots > higher for lots in EXAMPLE_REQUESTS),
    }
