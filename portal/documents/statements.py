"""The quarterly statement: units and their value at the end of a quarter, and every movement in it (D48)."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.holders import Holder
from fund.ledger import balances
from fund.ledger.balances import FINAL
from fund.ledger.models import Event, Leg
from fund.money import Currency, Money, value_of
from fund.nav import prices, strike
from fund.register import capital
from fund.units import UnitClass
from investors.people import Investor
from portal.archive import Kind
from portal.documents import making
from portal.documents.making import Both, Layout, Part, both, row
from portal.documents.orders import head
from portal.templatetags import figures

# Citizens with movements before the end of a quarter who have no statement of it yet.
WITHOUT = """
    SELECT i.id
      FROM investors_investor i
     WHERE i.holder_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM portal_paper p
                        WHERE p.investor_id = i.id AND p.kind = 'statement' AND p.subject = %(quarter)s)
       AND (EXISTS (SELECT FROM fund_transfer t WHERE t.holder_id = i.holder_id AND t.effective_at < %(end)s)
            OR EXISTS (SELECT FROM fund_settlement s JOIN fund_settlementbatch b ON b.id = s.batch_id
                        WHERE s.holder_id = i.holder_id AND b.effective_at < %(end)s))
     ORDER BY i.id LIMIT %(most)s
"""
OWN_ACCOUNTS = ("held", "refunds", "units")


def quarter_before(day: date) -> tuple[date, date]:
    """The first and the last day of the quarter that ended last before a day."""
    last = date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)
    return date(last.year, last.month - 2, 1), last


def write_next(*, now: datetime) -> int:
    """Some statements of the last quarter, once its last price is published; call it until it makes none."""
    first, last = quarter_before(now.date())
    nav = strike.latest()
    if nav is None or nav.valuation_day < calendars.previous_dealing_day(last + timedelta(days=1)):
        return 0
    quarter = f"{last.year}-Q{(last.month + 2) // 3}"
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT, {"quarter": quarter, "end": calendars.books_close(last), "most": making.AT_ONCE})
        found = [investor for (investor,) in cursor.fetchall()]
    investors = Investor.objects.filter(pk__in=found).order_by("pk")
    return making.issue([_statement(one, quarter, first, last) for one in investors], now=now)


def _statement(investor: Investor, quarter: str, first: date, last: date) -> Layout:
    assert investor.holder_id is not None
    held = [part for one in UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN).order_by("pk")
            if (part := _holding(one, investor.holder_id, first, last))]  # fmt: skip
    moved = _movements(investor.holder_id, first, last)
    nothing = [both(_("You held no units at the end of the quarter, and nothing moved in it."))]
    return Layout(
        owner=investor,
        kind=Kind.STATEMENT,
        subject=quarter,
        title=both(Kind.STATEMENT.label),
        lead=[
            both(_span, first, last),
            *([] if held or moved else nothing),
        ],
        parts=[*held, *([moved] if moved else [])],
    )


def _span(first: date, last: date) -> str:
    return f"{figures.day(first)} – {figures.day(last)}"


def _holding(of: UnitClass, holder_id: int, first: date, last: date) -> Part | None:
    """Units before and after the quarter, at the price of its last dealing day."""
    before, after = (
        balances.balance_at(f"units:{of}", effective=capital.end_of(day), holder_id=holder_id)
        for day in (first - timedelta(days=1), last)
    )
    if not before and not after:
        return None
    priced = prices.published(class_code=of.code).filter(nav__valuation_day__lte=last).exclude(price=None).first()
    price = of.price(priced.price if priced and priced.price is not None else of.initial_price)
    rows = [
        row(_("Units at the beginning"), figures.units, before, of),
        row(_("Units at the end"), figures.units, after, of),
        row(_("Price"), figures.quoted, price, of),
        row(_("Value at the end"), figures.money, value_of(after, price)),
    ]
    if priced:
        rows.insert(3, row(_("Price of"), figures.day, priced.nav.valuation_day))
    return Part(
        both(of.get_code_display),
        head(),
        rows=rows,
        notes=[both(_("Values are rounded down. Units cannot be sold on demand."))],
    )


def _movements(holder_id: int, first: date, last: date) -> Part | None:
    legs = (
        Leg.objects.filter(FINAL, holder_id=holder_id, effective_at__gte=calendars.books_open(first),
                           effective_at__lt=calendars.books_close(last))
        .select_related("debit", "credit").order_by("effective_at", "recorded_at", "event_id", "line")
    )  # fmt: skip
    classes = UnitClass.objects.in_bulk()
    table = [_line(leg, code, sign, classes) for leg in legs for code, sign in _own_sides(leg)]
    if not table:
        return None
    names = (_("Day"), _("What happened"), _("Account"), _("In or out"))
    return Part(both(_("Movements")), [both(name) for name in names], table=table)


def _own_sides(leg: Leg) -> list[tuple[str, int]]:
    """The citizen's own accounts in a movement: what leaves one and what comes in."""
    sides = ((leg.debit.code, -1), (leg.credit.code, 1))
    return [(code, sign) for code, sign in sides if code.partition(":")[0] in OWN_ACCOUNTS]


ACCOUNTS = {"held": _("Money held"), "refunds": _("Money to be paid back"), "units": _("Units")}


def _line(leg: Leg, code: str, sign: int, classes: dict[str, UnitClass]) -> list[Both]:
    purpose, _colon, asset = code.partition(":")
    amount = leg.amount * sign

    def written() -> str:
        if purpose == "units":
            return figures.units(amount, classes[asset])
        return figures.money(Money(amount, Currency(asset)))

    day: Any = leg.effective_at.date()
    charged = leg.event == Event.REDEMPTION and purpose == "refunds" and sign < 0
    what = _("charge of early redemption") if charged else Event(leg.event).label
    return [both(figures.day, day), both(what), both(ACCOUNTS[purpose]), both(written)]
