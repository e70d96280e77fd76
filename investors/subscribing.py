"""Subscribing: an eligible citizen, the offering's agreements accepted, within the cap; then dealing places the order.

The only lock of this room is the investor's own row: a citizen on two devices waits for herself, nobody else does.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund import rates
from fund.dealing import subscription
from fund.dealing.models import Offering, Subscription
from fund.governance import config
from fund.holders import Holder, Nation
from fund.ledger import balances
from fund.money import Currency, Money, convert, value_of
from fund.nav import prices
from fund.refusal import Refusal
from fund.units import UnitClass
from investors import agreements
from investors.eligibility import cap
from investors.people import Investor
from investors.screening import review

CAP_CURRENCY = {Nation.US.value: Currency.USD, Nation.JP.value: Currency.JPY}


class NotEligible(Refusal):
    """The person is not approved, or the verification has lapsed."""

    code = "not_eligible"


class AgreementsMissing(Refusal):
    """The offering asks for agreements that were not accepted; ``facts["missing"]`` names them."""

    code = "agreements_missing"


class OverTheCap(Refusal):
    """The order would exceed the holding cap (D18); ``facts["room"]`` is what could still be ordered."""

    code = "over_the_cap"


@transaction.atomic
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
    locked = Investor.objects.select_for_update(of=("self",)).select_related("holder", "user").get(pk=investor.pk)
    holder = locked.holder
    if holder is None or not locked.may_invest(now):
        if holder is not None:
            raise NotEligible(
                _("Your verification has ended. Please confirm your details; then you can subscribe again.")
            )
        raise NotEligible(_("Only approved citizens can subscribe."))
    if review.standing(investor=locked).exists():
        raise NotEligible(_("Your registration is being checked again. You cannot subscribe until that is done."))
    again = Subscription.objects.filter(holder_id=holder.pk, key=key).exists()
    if not again:
        _accept(locked, offering_code, set(accepts), now)
    order = subscription.place(
        offering_code=offering_code, holder_id=holder.pk, amount=amount, key=key, now=now, received_at=received_at
    )
    if not again:
        _check_cap(holder, amount, now)
    return order


def _accept(investor: Investor, offering_code: str, accepts: set[str], now: datetime) -> None:
    offering = Offering.objects.filter(pk=offering_code).first()
    needed = set(offering.agreements) if offering else set()
    if missing := sorted(needed - accepts - agreements.accepted(investor=investor)):
        raise AgreementsMissing(_("Please read and accept the agreements of this offering first."), missing=missing)
    agreements.accept(investor=investor, codes=needed & accepts, language=investor.user.language, now=now)


def _check_cap(holder: Holder, new: Money, now: datetime) -> None:
    """Judged after the order was placed, so that it is among the money on order; a refusal takes the order back."""
    figures = cap_figures(holder=holder, placed=new, now=now)
    if not cap.judge(figures).passed:
        raise OverTheCap(
            _("One citizen can hold %(cap)s at most. You could still order %(room)s.")
            % {"cap": figures.cap, "room": figures.room},
            cap=figures.cap,
            room=figures.room,
        )


def cap_figures(*, holder: Holder, placed: Money, now: datetime) -> cap.Figures:
    """The figures of the cap in the currency of the holder's nation (D18); ``placed`` is an order among those standing.

    Raises fund.rates.Unknown when something is in the other currency and there is no rate.
    """
    currency = CAP_CURRENCY[holder.nation]
    new = _in(currency, placed, now)
    on_order = sum(
        (_in(currency, Money(amount, of), now) for of, amount in subscription.on_order(holder_id=holder.pk).items()),
        start=Money(0, currency),
    )
    return cap.Figures(
        cap=Money(config.get("cap.citizen", at=now)[currency.value], currency),
        held=held_value(holder=holder, currency=currency, now=now),
        on_order=on_order - new,
        new=new,
    )


def held_value(*, holder: Holder, currency: Currency, now: datetime) -> Money:
    """The value of a citizen's units of all classes at the latest published prices, in one currency."""
    value = Money(0, currency)
    for unit_class in UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN).order_by("code"):
        units = balances.balance(f"units:{unit_class}", holder_id=holder.pk)
        if units:
            price = prices.latest_price(unit_class.code, now)
            value += _in(currency, value_of(units, price), now)
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
