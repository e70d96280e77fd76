"""The chart of accounts: which accounts there are and what they are called.

| code                   | per holder | is                                                        |
|------------------------|------------|-----------------------------------------------------------|
| ``bank:<account>``     | no         | money at one of the fund's bank accounts                  |
| ``held:<ccy>``         | yes        | a holder's money received for subscriptions, not yet used |
| ``refunds:<ccy>``      | yes        | a holder's money waiting to be paid out                   |
| ``returns:<ccy>``      | no         | suspense money on its way back to who paid it             |
| ``suspense:<ccy>``     | no         | money with a reason but without an owner (D35)            |
| ``capital:<class>``    | no         | paid in for the units of a class, less its distributions  |
| ``distributions:<ccy>``| no         | declared, and not yet paid to the holders (D45)           |
| ``withheld_us:<ccy>``  | no         | withheld for the United States (D46)                      |
| ``withheld_national:<ccy>`` | no    | withheld for Japan's income tax                           |
| ``withheld_local:<ccy>`` | no       | withheld for Japan's local taxes                          |
| ``rounding:<ccy>``     | no         | remainders smaller than one smallest unit (D21)           |
| ``investments:<ccy>``  | no         | money invested, at cost                                   |
| ``debt:<ccy>``         | no         | money borrowed                                            |
| ``expenses:<ccy>``     | no         | fees and expenses paid                                    |
| ``income:<ccy>``       | no         | income received                                           |
| ``gains:<ccy>``        | no         | what investments were given up for above their cost       |
| ``exchange:<ccy>``     | no         | the other side of a currency exchange                     |
| ``issued:<class>``     | no         | the other side of all units of a class                    |
| ``units:<class>``      | yes        | a holder's units: the register (D49)                      |
"""

from fund.ledger.models import Account
from fund.money import Currency
from fund.units import UnitClass

PER_CURRENCY = {
    "held": True,
    "refunds": True,
    "returns": False,
    "suspense": False,
    "distributions": False,
    "withheld_us": False,
    "withheld_national": False,
    "withheld_local": False,
    "rounding": False,
    "investments": False,
    "debt": False,
    "expenses": False,
    "income": False,
    "gains": False,
    "exchange": False,
}


def open_chart() -> None:
    """Create every account that the currencies and unit classes need; running it again adds only what is missing."""
    chart = [
        Account(code=f"{name}:{currency}", asset=currency.value, per_holder=per_holder)
        for name, per_holder in PER_CURRENCY.items()
        for currency in Currency
    ]
    for unit_class in UnitClass.objects.order_by("code"):
        chart += [
            Account(code=f"capital:{unit_class}", asset=unit_class.currency, per_holder=False),
            Account(code=f"issued:{unit_class}", asset=unit_class.asset, per_holder=False),
            Account(code=f"units:{unit_class}", asset=unit_class.asset, per_holder=True),
        ]
    held = set(Account.objects.values_list("code", flat=True))
    Account.objects.bulk_create([account for account in chart if account.code not in held])


def open_bank(*, name: str, currency: Currency) -> Account:
    """The account of one of the fund's bank accounts, opened at first use."""
    account, _ = Account.objects.get_or_create(
        code=f"bank:{name}", defaults={"asset": Currency(currency).value, "per_holder": False}
    )
    return account


def account(code: str) -> Account:
    """An account by its code. Raises Account.DoesNotExist."""
    return Account.objects.get(code=code)


def ids(*codes: str) -> dict[str, int]:
    """Account ids by code, for set statements. Raises KeyError naming a code that is not in the chart."""
    found = dict(Account.objects.filter(code__in=codes).values_list("code", "id"))
    if missing := sorted(set(codes) - found.keys()):
        raise KeyError(f"not in the chart of accounts: {', '.join(missing)}")
    return found
