"""Deciding a window (D31): what the cap lets through is shared out pro rata, the rest waits in the queue.

Everybody gets the whole units of asked × filled ÷ all that is asked. The units left over go out one each by largest
remainder, then to the older request. The decision writes a line for each request in the transaction of both keys'
effect; from then on none of them can be withdrawn until the window is settled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import approval, audit, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.money import Money, Price, part_down, units_within, value_of
from fund.nav import prices
from fund.nav.models import ClassNav
from fund.portfolio import movements
from fund.redemption.models import RedemptionDecision, RedemptionWindow
from fund.refusal import Refusal

State = RedemptionWindow.State

# The requests that take part: those that stand and reached us before the close.
BOOK = """
    SELECT id, holder_id, units - filled AS asked FROM fund_redemption
     WHERE unit_class_id = %(class)s AND status = 'placed' AND received_at < %(closes_at)s
"""
TOTALS = f"""
    SELECT count(*), coalesce(sum(asked), 0)::bigint,
           sha256(coalesce(string_agg(uuid_send(id) || int8send(asked), ''::bytea ORDER BY id), ''::bytea))
      FROM ({BOOK}) b
"""
# Products of units are beyond 2^63: numeric, exact.
SHARES = """
    SELECT id, holder_id, asked,
           whole + (row_number() OVER (ORDER BY remainder DESC, id) <= %(filled)s - sum(whole) OVER ())::int AS filled
      FROM (SELECT id, holder_id, asked, div(asked::numeric * %(filled)s, %(all)s)::bigint AS whole,
                   mod(asked::numeric * %(filled)s, %(all)s) AS remainder
              FROM ({book}) b) s
"""
LINES = f"""
    INSERT INTO fund_redemptionline (window_id, request_id, holder_id, asked, filled)
    SELECT %(window)s, id, holder_id, asked, filled FROM ({SHARES.format(book=BOOK)}) s
"""


class Refused(Refusal):
    """The window cannot be decided as things stand; the message says why."""

    code = "redemption_decision"


@dataclass(frozen=True)
class Sharing:
    """What officers approve. Units are smallest, money minor units; ``book`` fingerprints the requests (hex)."""

    price: Decimal
    cap: int
    requests: int
    asked: int
    filled: int
    book: str

    @property
    def facts(self) -> dict[str, str]:
        """As officers sign it."""
        return {
            "price": f"{self.price:.4f}",
            "cap": str(self.cap),
            "requests": str(self.requests),
            "asked": str(self.asked),
            "filled": str(self.filled),
            "book": self.book,
        }


def cap(window: RedemptionWindow, net_assets: int) -> Money:
    """The cap in money of net assets in minor units, rounded down."""
    return part_down(window.money(net_assets), Fraction(window.cap_percent) / 100)


def fitting(asked: int, cap: Money, price: Price) -> int:
    """How many of the units that are asked for fit under the cap at a price."""
    return min(asked, units_within(cap, price))


def worth(units: int, price: Price) -> Money:
    """The worth of units at a price, rounded down."""
    return value_of(units, price)


def split[Key: Any](filled: int, asked: Mapping[Key, int]) -> dict[Key, int]:
    """Each request's part of the units that are redeemed, by its id; ``SHARES`` does the same as a set."""
    whole = sum(asked.values())
    parts = {key: units * filled // whole for key, units in asked.items()}
    by_remainder = sorted(asked, key=lambda key: (-(asked[key] * filled % whole), key))
    for key in by_remainder[: filled - sum(parts.values())]:
        parts[key] += 1
    return parts


@transaction.atomic
def preview(*, window: RedemptionWindow) -> Sharing:
    """What a closed window comes to, at the published price of its dealing day; nothing is kept.

    Raises Refused: not_closed; no_price yet of the dealing day; over_cash, where the fund does not have the money.
    """
    if window.state != State.CLOSED:
        raise Refused(_("Only a closed window can be decided."), code="not_closed")
    priced = _priced(window)
    if priced is None or priced.price is None:
        raise Refused(_("The price of the dealing day is not published yet."), code="no_price")
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, _book(window))
        requests, asked, book = cursor.fetchone()
    limit, price = cap(window, priced.value), window.unit_class.price(priced.price)
    filled = fitting(asked, limit, price)
    needed, own = worth(filled, price), window.money(movements.own_cash(window.currency))
    if own < needed:
        message = _("The fund does not have this money of its own: %(cash)s.")
        raise Refused(message % {"cash": own}, code="over_cash", needed=needed)
    return Sharing(priced.price, limit.amount, requests, asked, filled, bytes(book).hex())


def _priced(window: RedemptionWindow) -> ClassNav | None:
    """The class in the newest published version of the dealing day (D43)."""
    return prices.published(class_code=window.unit_class_id).filter(nav__valuation_day=window.dealing_day).first()


def _book(window: RedemptionWindow) -> dict[str, Any]:
    return {"class": window.unit_class_id, "closes_at": window.closes_at}


def propose(*, window: RedemptionWindow, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put the sharing of a closed window up for the second key. Raises like ``preview``."""
    window.refresh_from_db()
    found = preview(window=window)
    return approval.propose(
        kind=Kind.REDEMPTION,
        subject=window.code,
        payload={"window": window.code, **found.facts},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> RedemptionDecision | None:
    """Decide what both nations approved, a line for each request; None when this was done before.

    Raises Refused like ``preview``, and book_changed when a request or the price has changed since (propose again).
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    windows = RedemptionWindow.objects.select_for_update(of=("self",)).select_related("unit_class")
    window = windows.get(pk=proposal.facts["window"])
    found = preview(window=window)
    if {"window": window.code, **found.facts} != proposal.facts:
        message = _("The requests or the price have changed since this was approved. Propose it again.")
        raise Refused(message, code="book_changed")
    decision = RedemptionDecision.objects.create(
        window=window,
        proposal=proposal,
        price=found.price,
        cap=found.cap,
        requests=found.requests,
        asked=found.asked,
        filled=found.filled,
        book=bytes.fromhex(found.book),
        decided_at=now,
    )
    if found.requests:
        _write_lines(window, found)
    if RedemptionWindow.objects.filter(pk=window.pk, state=State.CLOSED).update(state=State.DECIDED) != 1:
        raise RuntimeError(f"window {window} moved under its lock")
    audit.record(actor="system", verb="decide", subject=f"redemption_window:{window}", now=now, **found.facts)
    outbox.leave(topic="redemption.decided", subject=window.code, now=now, window=window.code)
    return decision


def _write_lines(window: RedemptionWindow, found: Sharing) -> None:
    told = {**_book(window), "window": window.pk, "filled": found.filled, "all": found.asked}
    with connection.cursor() as cursor:
        cursor.execute(LINES, told)
        written = cursor.rowcount
        cursor.execute("SELECT sum(asked), sum(filled) FROM fund_redemptionline WHERE window_id = %s", [window.pk])
        shared = cursor.fetchone()
    if (written, *shared) != (found.requests, found.asked, found.filled):
        raise RuntimeError(f"the lines of {window} are {written, *shared}, approved were {found.facts}")
