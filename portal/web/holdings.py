"""What a citizen holds, what it has done, and every movement of it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from fund.dealing import called_back
from fund.dealing.models import Status
from fund.ledger import balances
from fund.ledger.models import Event
from fund.money import Currency, Money, convert, percent, value_of
from fund.nav import prices
from fund.register import earned, holding, movements
from fund.register.holding import Split
from fund.register.movements import Movement
from fund.units import UnitClass
from portal import spreadsheets
from portal.access import citizen
from portal.templatetags import figures
from portal.web import charts, orders, who, words

WAITING = (Status.PLACED, Status.FUNDED, Status.ALLOTTED, Status.PART_ALLOTTED)
LINES = 50  # of movements on one page
MOVEMENTS = {
    ("bank", "held"): _("Your payment arrived"),
    ("suspense", "held"): _("Your payment was found and booked"),
    ("held", "bank"): _("Your bank took the payment back"),
    ("held", "suspense"): _("A payment was taken back from your account"),
    ("held", "capital"): _("Paid for units"),
    ("held", "rounding"): _("Remainder from rounding"),
    ("held", "refunds"): _("Set aside to be paid back"),
    ("refunds", "bank"): _("Paid to your bank account"),
    ("bank", "refunds"): _("Your bank returned a payment of ours"),
    ("capital", "refunds"): _("Units redeemed"),
    ("refunds", "capital"): _("Charge for redeeming within a year"),
    ("issued", "units"): _("Units received"),
    ("units", "issued"): _("Units given back"),
}
PASSED_ON = {1: _("Units received from another citizen"), -1: _("Units passed to another citizen")}


@citizen
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Units at the latest price, in dollars and in yen, and how they came there. Valued when read (D44)."""
    now, holder_id = timezone.now(), who.holder_id(request)
    found = [one | _past(one, holder_id) for one in held(holder_id, now)]
    waiting = [one for one in orders.listed(holder_id) if one["status"] in WAITING]
    money = [
        {"held": Money(balances.balance(f"held:{one}", holder_id=holder_id), one),
         "refunds": Money(balances.balance(f"refunds:{one}", holder_id=holder_id), one)}
        for one in Currency
    ]  # fmt: skip
    money = [one for one in money if one["held"] or one["refunds"]]
    return render(request, "account/holdings.html", {"holdings": found, "waiting": waiting, "money": money})


@citizen
@require_safe
def transactions(request: HttpRequest) -> HttpResponse:
    """Every movement of one's own money and units, the newest first."""
    rows = movements.of_holder(who.holder_id(request)).order_by(*(f"-{name}" for name in movements.ORDER))
    page = Paginator(rows, LINES).get_page(request.GET.get("page"))
    classes = UnitClass.objects.in_bulk()
    found = [_moved(movements.read(one, classes)) for one in page.object_list]
    return render(request, "account/transactions.html", {"page": page, "rows": found})


@citizen
@require_safe
def transactions_csv(request: HttpRequest) -> HttpResponse:
    """All of them for a spreadsheet, in the columns of the API."""
    rows = movements.of_holder(who.holder_id(request)).order_by(*(f"-{name}" for name in movements.ORDER))
    classes = UnitClass.objects.in_bulk()
    names = ("effective_at", "recorded_at", "event", "moved_from", "moved_to", "amount_currency", "amount_value",
             "unit_class", "units")  # fmt: skip
    read = (movements.read(one, classes) for one in rows)
    return spreadsheets.download("kakehashi-transactions", names, map(_line, read))


def _line(one: Movement) -> tuple[Any, ...]:
    return (
        one.effective_at.isoformat(),
        one.recorded_at.isoformat(),
        one.event.name.lower(),
        one.moved_from,
        one.moved_to,
        one.amount and one.amount.currency,
        one.amount and one.amount.value,
        one.unit_class and one.unit_class.code,
        one.unit_class and one.units and one.unit_class.count(one.units),
    )


def _moved(one: Movement) -> dict[str, Any]:
    what = figures.units(one.units or 0, one.unit_class) if one.unit_class else figures.money(one.amount)
    sign = {1: "+", -1: "\N{MINUS SIGN}", 0: ""}[one.sign]
    return {
        "at": one.effective_at,
        "name": (PASSED_ON.get(one.sign) if one.event == Event.CONVEYANCE else None)
        or MOVEMENTS.get((one.moved_from, one.moved_to))
        or Event(one.event).label,
        "money": "" if one.unit_class else f"{sign}{what}",
        "units": f"{sign}{what}" if one.unit_class else "",
        "own": one.sign == 0,
    }


def held(holder_id: int, now: datetime) -> list[dict[str, Any]]:
    """Each class that a citizen holds, at its latest price."""
    usd_jpy = prices.latest_rate(now)
    locked = called_back.not_redeemable(holder_id=holder_id, on=now.date())
    found = []
    for unit_class in UnitClass.objects.filter(owner_kind="citizen").order_by("-code"):
        units = balances.balance(f"units:{unit_class.code}", holder_id=holder_id)
        if not units:
            continue
        newest = prices.published(class_code=unit_class.code, at=now).exclude(price=None).first()
        price = prices.latest_price(unit_class.code, now)
        value = value_of(units, price)
        own = earned.of_holder(holder_id=holder_id, unit_class=unit_class, now=now)
        found.append(
            {
                "unit_class": unit_class,
                "units": units,
                "price": price,
                "day": newest.nav.valuation_day if newest else None,
                "dollars": _in(Currency.USD, value, usd_jpy),
                "yen": _in(Currency.JPY, value, usd_jpy),
                "usd_jpy": usd_jpy,
                "locked": [one for one in locked if one.class_code == unit_class.code],
                "own": own,
                "no_return": own and words.NO_RETURN.get(own.rate.why),
            }
        )
    return found


def _in(currency: Currency, value: Money, usd_jpy: Decimal | None) -> Money | None:
    if value.currency == currency:
        return value
    return convert(value, to=currency, usd_jpy=usd_jpy) if usd_jpy else None


def _past(one: dict[str, Any], holder_id: int) -> dict[str, Any]:
    """The holding on every valuation day, drawn and as a table, and where its gain came from."""
    unit_class, own = one["unit_class"], one["own"]
    points = holding.history(holder_id=holder_id, unit_class=unit_class)
    split = holding.split(holder_id=holder_id, unit_class=unit_class, gain=own.gain) if own else None
    drawn = charts.line([(point.day, point.value.major) for point in points], least=1 / Decimal(_minor(unit_class)))
    ticks = [
        {"at": tick.at, "label": figures.money(Money(int(tick.value * _minor(unit_class)), unit_class.currency))}
        for tick in (drawn.ticks if drawn else [])
    ]
    return {"points": points[::-1], "chart": drawn, "ticks": ticks, "split": split and _parts(split, own.paid_in)}


def _minor(unit_class: UnitClass) -> int:
    return Currency(unit_class.currency).minor_per_major


def _parts(split: Split, paid_in: Money) -> list[dict[str, Any]]:
    """The parts of a gain, each also in percent of what was paid in."""
    named = ((_("Assets"), split.assets), (_("Income less costs"), split.income), (_("Exchange rates"), split.currency))
    return [{"name": name, "money": money, "percent": percent(money.amount, paid_in.amount)} for name, money in named]
