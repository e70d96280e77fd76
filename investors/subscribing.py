"""Subscribing: an eligible citizen, the offering's agreements accepted, within the cap; then dealing places the order.

The only lock of this room is the investor's own row: a citizen on two devices waits for herself, nobody else does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from fund import rates, rows
from fund.dealing import subscription
from fund.dealing.models import Subscription
from fund.governance import config
from fund.holders import Holder, Nation
from fund.ledger import balances
from fund.money import Currency, Money, convert, value_of
from fund.nav import prices
from fund.refusal import Refusal
from investors import agreements
from investors.eligibility import cap
from investors.people import Investor
from investors.screening.models import STANDING

CAP_CURRENCY = {Nation.US.value: Currency.USD, Nation.JP.value: Currency.JPY}


class NotEligible(Refusal):
    """The person is not approved, or the verification has lapsed."""

    code = "not_eligible"


class AgreementsMissing(Refusal):
    """The offering asks for agreements that were not accepted; ``facts["missing"]`` names them."""

    code = "agreements_missing"


class OverTheCap(Refusal):
    """The order would exceed the holding cap (D18); ``amounts["room"]`` is what could still be ordered."""

    code = "over_the_cap"


@rows.together
def subscribe(
    *,
    investor: Investor,
    offering_code: str,
    amount: Money,
    accepts: Iterable[str],
    key: str,
    now: datetime,
    received_at: datetime | None = None,
) -> Subscription:
    """Place an order for a citizen; the same ``key`` gives the same order again.

    ``accepts``: agreements accepted with this request, such as ``terms:2``; earlier acceptances count as well.
    Raises NotEligible, AgreementsMissing, OverTheCap, and what ``fund.dealing.subscription.place`` refuses.
    """
    asked = _lock(investor.pk, offering_code, key)
    holder = check_may_invest(investor=asked.investor, now=now)
    if asked.standing_hit:
        raise NotEligible(_("Your registration is being checked again. You cannot subscribe until that is done."))
    if not asked.again:
        _accept(investor, asked, set(accepts), now)
    order = subscription.place(
        offering_code=offering_code, holder_id=holder.pk, amount=amount, key=key, now=now, received_at=received_at
    )
    if not asked.again:
        _check_cap(holder, amount, now)
    return order


def check_may_invest(*, investor: Investor, now: datetime) -> Holder:
    """The holder behind a citizen who may order. Raises NotEligible for others, and once the verification has ended."""
    holder = investor.holder
    if holder is None:
        raise NotEligible(_("Only approved citizens can subscribe."))
    if holder.estate_since is not None:
        raise NotEligible(_("The case of an estate is open for this account. Please write to us."))
    if not investor.may_invest(now):
        raise NotEligible(_("Your verification has ended. Please confirm your details; then you can subscribe again."))
    return holder


@dataclass(frozen=True)
class Asked:
    """What is known of a citizen who wants to order, under her lock: ``again`` with a key that she used before."""

    investor: Investor
    standing_hit: bool
    again: bool
    needed: set[str]
    accepted: set[str]


LOCK = "FOR UPDATE OF i"
HITS = ", ".join(f"'{one.value}'" for one in STANDING)


def _lock(investor_id: int, offering_code: str, key: str) -> Asked:
    """Lock the investor's row and read all that is asked of her first, in one statement.

    What stands in other tables is as of its beginning. That is enough here: orders are counted after, by the cap and
    by dealing, which knows the key for certain.
    """
    ((standing_hit, again, needed, accepted, *found),) = rows.ask(
        f"""
        SELECT EXISTS (SELECT FROM investors_hit t WHERE t.investor_id = i.id AND t.state IN ({HITS})),
               EXISTS (SELECT FROM fund_subscription s WHERE s.holder_id = i.holder_id AND s.key = %(key)s),
               (SELECT o.agreements FROM fund_offering o WHERE o.code = %(offering)s),
               ARRAY(SELECT a.kind || ':' || a.version FROM investors_acceptance c
                       JOIN investors_agreement a ON a.id = c.agreement_id WHERE c.investor_id = i.id),
               {rows.columns(Investor, "i")}, {rows.columns(Holder, "h")}
          FROM investors_investor i LEFT JOIN fund_holder h ON h.id = i.holder_id
         WHERE i.id = %(investor)s {LOCK}
        """,
        {"investor": investor_id, "offering": offering_code, "key": key},
    )
    investor = rows.read(Investor, found[: rows.width(Investor)])
    if investor.holder_id is not None:
        rows.join(investor, holder=rows.read(Holder, found[rows.width(Investor) :]))
    return Asked(investor, standing_hit, again, set(needed or ()), set(accepted))


def _accept(investor: Investor, asked: Asked, accepts: set[str], now: datetime) -> None:
    if missing := sorted(asked.needed - accepts - asked.accepted):
        raise AgreementsMissing(_("Please read and accept the agreements of this offering first."), missing=missing)
    if new := asked.needed - asked.accepted:
        agreements.accept(investor=investor, codes=new, language=investor.user.language, now=now)


def _check_cap(holder: Holder, new: Money, now: datetime) -> None:
    """Judged after the order was placed, so that it is among the money on order; a refusal takes the order back."""
    figures = cap_figures(holder=holder, placed=new, now=now)
    if not cap.within(figures):
        raise OverTheCap(
            _("One citizen can hold %(cap)s at most. You could still order %(room)s."),
            amounts={"cap": figures.cap, "room": figures.room},
        )


def cap_figures(*, holder: Holder, placed: Money, now: datetime) -> cap.Figures:
    """The figures of the cap in the currency of the holder's nation (D18); ``placed`` is an order among those standing.

    Raises fund.rates.Unknown when something is in the other currency and there is no rate.
    """
    currency = CAP_CURRENCY[holder.nation]
    new = _in(currency, placed, now)
    standing = _standing(holder, now)
    on_order = sum(
        (_in(currency, Money(amount, of), now) for of, amount in standing.on_order.items()), start=Money(0, currency)
    )
    return cap.Figures(
        cap=Money(standing.cap[currency.value], currency),
        held=_value(standing.units, currency, now),
        on_order=on_order - new,
        new=new,
    )


def cap_with(*, holder: Holder, more: Money, now: datetime) -> cap.Figures:
    """The same figures for units of this worth that come otherwise than by an order (D32)."""
    figures = cap_figures(holder=holder, placed=Money(0, more.currency), now=now)
    return replace(figures, new=_in(figures.cap.currency, more, now))


@dataclass(frozen=True)
class Standing:
    """Money on order by currency, units by class, and the cap by currency."""

    on_order: dict[Currency, int]
    units: dict[str, int]
    cap: dict[str, int]


STANDING_NOW = f"""
    SELECT 'on_order', currency, amount, NULL FROM ({subscription.ON_ORDER}) o
    UNION ALL SELECT 'units', unit_class, amount, NULL FROM ({balances.UNITS}) u
    UNION ALL SELECT 'cap', '', 0, value FROM ({config.IN_FORCE}) c
"""


def _standing(holder: Holder, now: datetime) -> Standing:
    """All of one instant, by one statement: a settlement turns money on order into units."""
    found = rows.ask(STANDING_NOW, {"holder": holder.id, "key": "cap.citizen", "at": now})
    return Standing(
        on_order={Currency(name): amount for what, name, amount, _value in found if what == "on_order"},
        units={name: amount for what, name, amount, _value in found if what == "units"},
        cap=config.read("cap.citizen", next((value for what, _name, _amount, value in found if what == "cap"), None)),
    )


def held_value(*, holder: Holder, currency: Currency, now: datetime) -> Money:
    """The value of a citizen's units of all classes at the latest published prices, in one currency."""
    return _value(_standing(holder, now).units, currency, now)


def _value(units: dict[str, int], currency: Currency, now: datetime) -> Money:
    value = Money(0, currency)
    for unit_class, count in sorted(units.items()):
        value += _in(currency, value_of(count, prices.latest_price(unit_class, now)), now)
    return value


def room(*, holder: Holder, now: datetime) -> Money:
    """What a citizen could still order, in the currency of the nation."""
    nothing = Money(0, CAP_CURRENCY[holder.nation])
    return cap_figures(holder=holder, placed=nothing, now=now).room


def _in(currency: Currency, money: Money, now: datetime) -> Money:
    if money.currency == currency:
        return money
    usd_jpy = prices.latest_rate(now)  # that of the latest NAV, at which the units are counted as well (D18)
    if usd_jpy is None:
        raise rates.Unknown(_("There is no exchange rate yet."))
    return convert(money, to=currency, usd_jpy=usd_jpy)
