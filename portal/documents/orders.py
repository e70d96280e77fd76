"""The papers of an order: its receipt (D26), its contract note when it was settled (D21, D29) or made good (D43)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund.dealing import subscription as dealing
from fund.dealing.models import Offering, Subscription
from fund.ledger.models import Event, Transfer
from fund.money import Money
from fund.units import UnitClass
from investors.people import Investor
from portal.archive import Kind
from portal.documents import making
from portal.documents.making import Both, Layout, Part, both, row
from portal.templatetags import figures

HEAD = [_("Item"), _("What it says")]
PRICE_RULES = {
    Offering.Basis.FIXED: _("Fixed in advance"),
    Offering.Basis.FORWARD: _("The price of the dealing day, published after the close; nobody knows it when ordering"),
}
ROUNDING = _(
    "Units are rounded down to the smallest unit. What is left is worth less than one smallest unit"
    " and stays in the fund."
)


def head() -> list[Both]:
    return [both(one) for one in HEAD]


def receipts(*, reference: str, now: datetime) -> int:
    """The receipt of an order, once; returns how many were made: none for a holder whom reception does not know."""
    order = Subscription.objects.select_related("offering__unit_class").get(reference=reference)
    investor = Investor.objects.filter(holder=order.holder_id).first()
    return making.issue([_receipt(order, investor)], now=now) if investor else 0


def _receipt(order: Subscription, investor: Investor) -> Layout:
    told, offering = dealing.receipt(subscription=order), order.offering
    account = told.account
    ordered = [
        row(_("Reference"), told.reference),
        row(_("Offering"), _named(offering, "name")),
        row(_("Class"), offering.unit_class.get_code_display),
        row(_("Amount"), figures.money, told.amount),
        row(_("Order received"), figures.clocks_in_text, told.received_at),
        row(_("Dealing day"), figures.day, told.dealing_day),
        row(_("Price"), PRICE_RULES[Offering.Basis(told.price_rule)]),
        row(_("Can be withdrawn until"), figures.clocks_in_text, told.withdraw_until),
    ]
    paying = [
        row(_("Pay by"), figures.clocks_in_text, told.pay_by),
        row(_("Payment reference"), told.reference),
        row(_("Numeric form"), told.numeric_reference),
        row(_("Account name"), _named(account, "name")),
        row(_("Bank"), _named(account, "bank_name")),
        row(_("Account number"), account.number),
    ]
    return Layout(
        owner=investor,
        kind=Kind.RECEIPT,
        subject=order.reference,
        title=both(Kind.RECEIPT.label),
        lead=[both(_("We have received your order. It counts from the time below."))],
        parts=[
            Part(both(_("Your order")), head(), rows=ordered, notes=[both(ROUNDING)]),
            Part(both(_("How to pay")), head(), rows=paying),
        ],
    )


def _named(thing: object, name: str) -> Callable[[], Any]:
    """A text that the fund keeps in both languages, to be written in that of the moment."""
    return lambda: getattr(thing, f"{name}_{figures.language()}")


# Settled orders of a range of citizens with fewer contract notes than they should have: one, and another for each time
# that a corrected price was made good to the order in units.
SETTLED = """
    SELECT s.order_id, i.id, s.cost, s.rounding, s.units, s.refund, n.given
      FROM fund_settlement s
      JOIN fund_settlementbatch b ON b.id = s.batch_id AND b.subject = %(offering)s
      JOIN fund_subscription x ON x.id = s.order_id
      JOIN investors_investor i ON i.holder_id = s.holder_id
     CROSS JOIN LATERAL (SELECT count(*) AS given FROM portal_paper p
                          WHERE p.investor_id = i.id AND p.kind = 'contract_note' AND p.subject = x.reference) n
     WHERE s.holder_id BETWEEN %(first)s AND %(last)s
       AND (n.given = 0 OR n.given <= (SELECT count(*) FROM fund_transfer t
                                        WHERE t.event_id = s.order_id AND t.event = %(event)s))
     ORDER BY s.holder_id, s.order_id LIMIT %(most)s
"""


@dataclass(frozen=True)
class MadeGood:
    """Units that an order was given because the price it was settled at was wrong; ``price`` is the right one."""

    units: int
    price: Decimal
    given_at: datetime


def contract_notes(*, offering_code: str, first_holder: int, last_holder: int, now: datetime) -> int:
    """Some contract notes of a range of citizens whose orders were settled or made good (D43).

    Call it until it makes none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            SETTLED,
            {
                "offering": offering_code,
                "first": first_holder,
                "last": last_holder,
                "event": Event.CORRECTION.value,
                "most": making.AT_ONCE,
            },
        )
        found = cursor.fetchall()
    offering = Offering.objects.select_related("unit_class", "allotment").get(pk=offering_code)
    orders = Subscription.objects.in_bulk([line[0] for line in found])
    investors = Investor.objects.in_bulk([line[1] for line in found])
    made_good = _made_good(offering, list(orders))
    layouts = [
        _contract_note(offering, orders[order], investors[investor], booked, made_good.get(order, [])[:given])
        for order, investor, *booked, given in found
    ]
    return making.issue(layouts, now=now)


def _made_good(offering: Offering, orders: Sequence[UUID]) -> dict[UUID, list[MadeGood]]:
    """What each of these orders was given by corrections, the first one first."""
    prices = {one.nav.version: one.price_after for one in offering.compensations.select_related("nav")}
    found: dict[UUID, list[MadeGood]] = {}
    rows = Transfer.objects.filter(event_id__in=orders, event=Event.CORRECTION)
    for one in rows.order_by("line"):
        found.setdefault(one.event_id, []).append(MadeGood(one.amount, prices[one.line], one.effective_at))
    return found


def _contract_note(
    offering: Offering,
    order: Subscription,
    investor: Investor,
    settled: Sequence[int],
    made_good: Sequence[MadeGood],
) -> Layout:
    cost, rounding, units, refund = settled
    unit_class, currency = offering.unit_class, order.money.currency
    price = offering.allotment.price
    assert price is not None
    booked = [
        row(_("Reference"), order.reference),
        row(_("Offering"), _named(offering, "name")),
        row(_("Class"), unit_class.get_code_display),
        row(_("Dealing day"), figures.day, offering.dealing_day),
        row(_("Price"), figures.quoted, unit_class.price(price), unit_class),
        row(_("How the price was fixed"), PRICE_RULES[Offering.Basis(offering.price_basis)]),
        row(_("You ordered"), figures.money, order.money),
        row(_("Units bought"), figures.units, units, unit_class),
        row(_("For"), figures.money, Money(cost, currency)),
        row(_("Left over by rounding"), figures.money, Money(rounding, currency)),
        row(_("Paid back"), figures.money, Money(refund, currency)),
    ]
    parts = [Part(both(_("The transaction")), head(), rows=booked, notes=[both(ROUNDING)])]
    lead = _("Your order has been settled. The units are entered in the register in your name.")
    if made_good:
        lead = _(
            "The price of your order was too high and has been corrected. You have been given the units that you would"
            " have bought at the right price; nothing is asked of you. This note takes the place of the one before."
        )
        parts.append(_changed(unit_class, price, units, made_good))
    return Layout(
        owner=investor,
        kind=Kind.CONTRACT_NOTE,
        subject=order.reference,
        title=both(Kind.CONTRACT_NOTE.label),
        lead=[both(lead)],
        parts=parts,
    )


def _changed(unit_class: UnitClass, price: Decimal, units: int, made_good: Sequence[MadeGood]) -> Part:
    """Price and units before the last correction and after it."""
    last, earlier = made_good[-1], made_good[:-1]
    held = units + sum(one.units for one in earlier)
    before = earlier[-1].price if earlier else price
    names = (_("Item"), _("Before"), _("Now"))
    table = [
        [both(_("Price")), *(both(figures.quoted, unit_class.price(one), unit_class) for one in (before, last.price))],
        [both(_("Units of this order")), *(both(figures.units, one, unit_class) for one in (held, held + last.units))],
        [both(_("Units given")), both("–"), both(figures.units, last.units, unit_class)],
        [both(_("Given on")), both("–"), both(figures.day, last.given_at.date())],
    ]
    return Part(both(_("What has changed")), [both(name) for name in names], table=table)
