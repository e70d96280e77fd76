"""The contract note of a redemption (D31, D48): what a window has redeemed of a request, and what waits on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund.ledger.models import Event, Transfer
from fund.money import Money
from fund.redemption.models import RedemptionLine
from investors.people import Investor
from portal.archive import Kind
from portal.documents import making
from portal.documents.making import Layout, Part, both, row
from portal.documents.orders import head
from portal.templatetags import figures

PRICE_RULE = _("The price of the dealing day, published after the close of the window; nobody knows it when asking")
NOTES = [
    _("The worth and the charge are rounded down. The charge stays in the fund, with those who keep their units."),
    _("The money is paid to your bank account with the fund’s next payments."),
]
WAITING = _(
    "What stays in the queue is still on hold. It takes part in the next window, and can be withdrawn until that"
    " closes."
)
# Lines of a range of holders that redeemed something, with fewer notes than they should have: one, and another for each
# time that a corrected price was made good.
SETTLED = """
    SELECT l.id, i.id, n.given
      FROM fund_redemptionline l
      JOIN investors_investor i ON i.holder_id = l.holder_id
     CROSS JOIN LATERAL (SELECT count(*) AS given FROM portal_paper p
                          WHERE (p.investor_id, p.kind, p.subject) = (i.id, 'redemption_note', l.window_id)) n
     WHERE l.window_id = %(window)s AND l.holder_id BETWEEN %(first)s AND %(last)s
       AND l.settled_at IS NOT NULL AND l.filled > 0
       AND (n.given = 0 OR n.given <= (SELECT count(*) FROM fund_transfer t
                                        WHERE t.event_id = l.id AND t.event = %(event)s))
     ORDER BY l.holder_id LIMIT %(most)s
"""


@dataclass(frozen=True)
class MadeGood:
    """What a line was paid because the price it was settled at was too low; ``price`` is the right one."""

    amount: Money
    price: Decimal
    given_at: datetime


def contract_notes(*, window: str, first_holder: int, last_holder: int, now: datetime) -> int:
    """Some contract notes of a range of citizens of whose units a window redeemed some, or made good (D43).

    Call it until it makes none.
    """
    told: dict[str, str | int] = {"window": window, "first": first_holder, "last": last_holder, "most": making.AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, told | {"event": Event.CORRECTION.value})
        found = cursor.fetchall()
    lines = RedemptionLine.objects.select_related("window__unit_class", "window__decision")
    by_id = lines.in_bulk([line for line, _investor, _given in found])
    investors = Investor.objects.in_bulk([investor for _line, investor, _given in found])
    made_good = _made_good(by_id)
    layouts = [
        _contract_note(by_id[line], investors[investor], made_good.get(line, [])[:given])
        for line, investor, given in found
    ]
    return making.issue(layouts, now=now)


def _made_good(lines: Mapping[UUID, RedemptionLine]) -> dict[UUID, list[MadeGood]]:
    """What each of these lines of a window was paid by corrections, the first one first."""
    found: dict[UUID, list[MadeGood]] = {}
    if not lines:
        return found
    window = next(iter(lines.values())).window
    prices = {one.nav.version: one.price_after for one in window.compensations.select_related("nav")}
    rows = Transfer.objects.filter(event_id__in=list(lines), event=Event.CORRECTION)
    for one in rows.order_by("line"):
        made = MadeGood(window.money(one.amount), prices[one.line], one.effective_at)
        found.setdefault(one.event_id, []).append(made)
    return found


def _contract_note(line: RedemptionLine, investor: Investor, made_good: Sequence[MadeGood]) -> Layout:
    window = line.window
    unit_class, money = window.unit_class, window.money
    assert line.gross is not None and line.charge is not None and line.cost is not None and line.paid is not None
    booked = [
        row(_("Window"), window.code),
        row(_("Class"), unit_class.get_code_display),
        row(_("Dealing day"), figures.day, window.dealing_day),
        row(_("Price"), figures.quoted, window.decision.priced(), unit_class),
        row(_("How the price was fixed"), PRICE_RULE),
        row(_("Units on request"), figures.units, line.asked, unit_class),
        row(_("Units redeemed"), figures.units, line.filled, unit_class),
        row(_("Their worth"), figures.money, money(line.gross)),
        row(_("How the charge is reckoned"), _charge_rule, line),
        row(_("Charge"), figures.money, money(line.charge)),
        row(_("Paid to you"), figures.money, money(line.paid)),
        row(_("What these units had cost on average"), figures.money, money(line.cost)),
        row(_("Units that stay in the queue"), figures.units, line.asked - line.filled, unit_class),
    ]
    notes: list[Any] = [*NOTES, *([WAITING] if line.filled < line.asked else [])]
    parts = [Part(both(_("The transaction")), head(), rows=booked, notes=[both(note) for note in notes])]
    lead = _("Your units have been redeemed. They are no longer in the register in your name.")
    if made_good:
        lead = _(
            "The price of your redemption was too low and has been corrected. You are paid what the right price would"
            " have brought; there is nothing for you to do. This note takes the place of the one before."
        )
        parts.append(_changed(line, made_good))
    return Layout(
        owner=investor,
        kind=Kind.REDEMPTION_NOTE,
        subject=window.code,
        title=both(Kind.REDEMPTION_NOTE.label),
        lead=[both(lead)],
        parts=parts,
    )


def _changed(line: RedemptionLine, made_good: Sequence[MadeGood]) -> Part:
    """Price and money before the last correction and after it."""
    window = line.window
    unit_class, zero = window.unit_class, window.money(0)
    last, earlier = made_good[-1], made_good[:-1]
    paid = sum((one.amount for one in earlier), window.money(line.paid or 0))
    before = unit_class.price(earlier[-1].price) if earlier else window.decision.priced()
    names = (_("Item"), _("Before"), _("Now"))
    table = [
        [both(_("Price")), *(both(figures.quoted, one, unit_class) for one in (before, unit_class.price(last.price)))],
        [both(_("Paid to you")), *(both(figures.money, one) for one in (paid, paid + last.amount))],
        [both(_("Made good")), both(figures.money, zero), both(figures.money, last.amount)],
        [both(_("Made good on")), both("–"), both(figures.day, last.given_at.date())],
    ]
    return Part(both(_("What has changed")), [both(name) for name in names], table=table)


def _charge_rule(line: RedemptionLine) -> str:
    """With the percentage and the units that it was taken of."""
    rule = _("%(percent)s of the worth of units that were held for less than a year: %(units)s")
    of = line.window
    assert line.charged_units is not None
    return str(rule) % {
        "percent": figures.percentage(of.charge_percent),
        "units": figures.units(line.charged_units, of.unit_class),
    }
