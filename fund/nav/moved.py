"""What moved the net assets from one NAV to the next: payments, income, currency, and the assets themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from fund.money import Money, nearest
from fund.nav import value
from fund.nav.models import ClassNav, Nav
from fund.portfolio.position import BASE
from fund.units import UnitClass

type Shares = Mapping[str, ClassNav]

EXACT = Context(prec=40)  # a rate of exchange has no exact reciprocal


@dataclass(frozen=True)
class Moved:
    """From ``start`` to ``end``, in USD cents; the parts between add up to it exactly.

    ``paid_in`` is less what was distributed and counts yen at the rate of the NAV before, ``currency`` is what the yen
    that were held have gained in dollars since, ``earned`` is income less expenses, interest and accruals, and
    ``assets`` is the rest.
    """

    start: Money
    paid_in: Money
    earned: Money
    currency: Money
    assets: Money
    end: Money


def since(before: Nav | None, nav: Nav) -> Moved | None:
    """What moved a NAV since another one; since nothing, for the first. None where either knows no parts."""
    if nav.earned is None or (before is not None and before.earned is None):
        return None
    now, then = _priced(nav), _priced(before) if before else {}
    start = before.net if before else 0
    paid_in = sum(claims(now, then, rate=(before or nav).usd_jpy).values()) - start
    earned = nav.earned - ((before and before.earned) or 0)
    currency = int(nearest(gained_by_yen(before, nav, now, then), 0))
    rest = nav.net - start - paid_in - earned - currency
    return Moved(*(Money(amount, BASE) for amount in (start, paid_in, earned, currency, rest, nav.net)))


def claims(now: Shares, before: Shares, *, rate: Decimal) -> dict[str, int]:
    """What the classes had and have paid in since, in cents: the weights by which the NAV was split."""
    classes = UnitClass.objects.in_bulk()
    return {code: value.weight(classes[code], one.capital, before.get(code), rate) for code, one in now.items()}


def gained_by_yen(before: Nav | None, nav: Nav, now: Shares, then: Shares) -> Decimal:
    """What the yen of the NAV before, and those paid in since, have gained in cents by the move of the rate."""
    rate = (before or nav).usd_jpy
    paid = sum(
        one.capital - (then[code].capital if code in then else 0)
        for code, one in now.items()
        if one.unit_class_id == UnitClass.Code.JP
    )
    with localcontext(EXACT):
        yen = Decimal(((before and before.yen) or 0) + paid)
        return yen * BASE.minor_per_major * (1 / nav.usd_jpy - 1 / rate)


def _priced(nav: Nav) -> Shares:
    return {one.unit_class_id: one for one in nav.classes.exclude(price=None)}
