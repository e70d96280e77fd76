"""What the fund owns and owes on a day, in its base currency (D42)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from fund import calendars, rates
from fund.ledger import balances
from fund.money import Currency, Money, convert
from fund.portfolio import debt, fees, valuation
from fund.portfolio.movements import NOT_ITS_OWN

BASE = Currency.USD


@dataclass(frozen=True)
class Position:
    """Gross assets, debt and what has accrued at the end of a day in USD cents; ``yen`` is what of the net is in yen.

    ``accrued`` is the management fee, the interest on the debt and the running expenses, each less what is paid.

    ``books`` are the fund's own accounts from which the cash was read.
    """

    day: date
    usd_jpy: Decimal
    investments: Money
    cash: Money
    debt: Money
    accrued: Money
    yen: Money
    books: balances.Books

    @property
    def gross(self) -> Money:
        return self.investments + self.cash

    @property
    def net(self) -> Money:
        return self.gross - self.debt - self.accrued


def at(*, day: date) -> Position:
    """The position at the end of a day, each currency's sum converted once (D23). Raises ``rates.Unknown``."""
    usd_jpy = rates.usd_jpy(day)
    books = balances.books_before(calendars.books_close(day))
    investments = _by_currency(mark.amount for mark in valuation.marks(on=day))
    cash = {currency: Money(_own_cash(books, currency), currency) for currency in Currency}
    owed = _by_currency(Money(one.drawn, Currency(one.facility.currency)) for one in debt.drawn(on=day))
    accrued = _by_currency([fees.accrued(on=day), *debt.interest(on=day).values(), *fees.running(on=day).values()])

    def base(sums: dict[Currency, Money]) -> Money:
        return sums[Currency.USD] + convert(sums[Currency.JPY], to=BASE, usd_jpy=usd_jpy)

    return Position(
        day=day,
        usd_jpy=usd_jpy,
        investments=base(investments),
        cash=base(cash),
        debt=base(owed),
        accrued=base(accrued),
        yen=investments[Currency.JPY] + cash[Currency.JPY] - owed[Currency.JPY] - accrued[Currency.JPY],
        books=books,
    )


def _own_cash(books: balances.Books, currency: Currency) -> int:
    """Bank balances less what is held, in refund, in suspense, declared or withheld, which is not the fund's.

    Every asset sums to zero over the book, so this equals the sum of the fund's other accounts of the currency; read
    that way it costs the same for any number of holders whose money is held.
    """
    return books.without(*NOT_ITS_OWN, asset=currency.value)


def _by_currency(amounts: Iterable[Money]) -> dict[Currency, Money]:
    sums = {currency: Money(0, currency) for currency in Currency}
    for money in amounts:
        sums[money.currency] += money
    return sums
