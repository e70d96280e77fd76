"""Units bought with money that the payer's bank can still call back, and what becomes of them when it does (D36).

A collected payment can come back for 60 days. Until then its units are not redeemable. When it comes back after the
settlement, the money is missing in suspense: with both keys the purchase is rescinded. First what the order got back
unused and the holder still has, then units at the cost they were bought at; the fund bears what neither makes up for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import approval
from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from fund.ledger import accounts
from fund.ledger.models import Balance
from fund.ledger.post import Line
from fund.payments import suspense
from fund.payments.models import BankEntry, Expected
from fund.payments.suspense import Refused, Resolution, Way

# Which order an entry paid, at once or by an officer's hand.
PAID_BY = """
    SELECT b.id, b.returnable_until, b.expected_id AS reference
      FROM fund_bankentry b WHERE b.held > 0 AND b.credit
     UNION ALL
    SELECT b.id, b.returnable_until, s.expected_id
      FROM fund_resolution s JOIN fund_bankentry b ON b.id = s.entry_id WHERE s.applied > 0
"""
# What is left of a purchase, after what was rescinded of it before.
LEFT = """
    SELECT x.order_id, x.holder_id, x.reference, t.unit_class_id, x.currency,
           s.units - coalesce(r.units, 0), s.cost - coalesce(r.cost, 0), s.rounding - coalesce(r.rounding, 0),
           s.refund - coalesce(r.refund, 0)
      FROM fund_expected x
      JOIN fund_settlement s ON (s.holder_id, s.order_id) = (x.holder_id, x.order_id)
      JOIN fund_settlementbatch t ON t.id = s.batch_id
      LEFT JOIN LATERAL (
            SELECT sum(m.amount) FILTER (WHERE d.code LIKE 'units:%%')::bigint AS units,
                   sum(m.amount) FILTER (WHERE d.code LIKE 'capital:%%')::bigint AS cost,
                   sum(m.amount) FILTER (WHERE d.code LIKE 'rounding:%%')::bigint AS rounding,
                   sum(m.amount) FILTER (WHERE d.code LIKE 'refunds:%%')::bigint AS refund
              FROM fund_resolution p
              JOIN fund_transfer m ON m.event_id = p.id
              JOIN fund_account d ON d.id = m.debit_id
             WHERE p.expected_id = x.reference AND p.way = 'rescinded') r ON true
     WHERE x.reference = %(reference)s
"""
# Orders of a holder with a payment that can be called back, until when.
LOCKED = f"""
    SELECT t.unit_class_id, s.order_id, max(p.returnable_until)
      FROM fund_settlement s
      JOIN fund_settlementbatch t ON t.id = s.batch_id
      JOIN fund_expected x ON (x.holder_id, x.order_id) = (s.holder_id, s.order_id)
      JOIN ({PAID_BY}) p ON p.reference = x.reference
     WHERE s.holder_id = %(holder)s AND p.returnable_until >= %(on)s
       AND NOT EXISTS (SELECT FROM fund_bankentry u WHERE u.reverses_id = p.id)
     GROUP BY 1, 2 ORDER BY 3, 2
"""


@dataclass(frozen=True)
class NotRedeemable:
    """Smallest units of one class that cannot be redeemed up to and including a day at the bank."""

    class_code: str
    units: int
    until: date


@dataclass(frozen=True)
class _Purchase:
    order_id: UUID
    holder_id: int
    reference: str
    class_code: str
    currency: str
    units: int
    cost: int
    rounding: int
    refund: int


def not_redeemable(*, holder_id: int, on: date) -> list[NotRedeemable]:
    """A holder's units that rest on a payment which can still be called back, by order, the soonest free first."""
    with connection.cursor() as cursor:
        cursor.execute(LOCKED, {"holder": holder_id, "on": on})
        found = cursor.fetchall()
    references = dict(
        Expected.objects.filter(order_id__in=[order for _, order, _ in found]).values_list("order_id", "reference")
    )
    return [
        NotRedeemable(class_code, bought.units, until)
        for class_code, order, until in found
        if (bought := _purchase(references[order])) and bought.units > 0
    ]


def _purchase(reference: str) -> _Purchase | None:
    with connection.cursor() as cursor:
        cursor.execute(LEFT, {"reference": reference})
        row = cursor.fetchone()
    return _Purchase(*row) if row else None


def can_rescind(*, entry: BankEntry) -> bool:
    """Whether an entry is money that a bank took back from a purchase of which something is left."""
    if not suspense.missing().filter(pk=entry.pk).exists():
        return False
    return _bought_with(entry) is not None


def _bought_with(entry: BankEntry) -> _Purchase | None:
    """What was bought with the money that this entry takes back."""
    if entry.reverses_id is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT p.reference FROM ({PAID_BY}) p WHERE p.id = %(entry)s", {"entry": entry.reverses_id})
        paid = [reference for (reference,) in cursor.fetchall()]
    bought = [one for reference in sorted(paid) if (one := _purchase(reference))]
    return next((one for one in map(_still_there, bought) if one.units or one.refund), None)


def _still_there(bought: _Purchase) -> _Purchase:
    """Of a purchase what its holder has not redeemed since, or asked to (D31): the rest cannot be taken back."""
    (account,) = accounts.ids(f"units:{bought.class_code}").values()
    found = Balance.objects.filter(holder_id=bought.holder_id, account_id=account).values_list("amount", "reserved")
    units = min(bought.units, sum(amount - reserved for amount, reserved in found))
    return bought if units == bought.units else replace(bought, units=units, cost=bought.cost * units // bought.units)


@transaction.atomic
def propose(*, entry: BankEntry, officer: Officer, reason: str, now: datetime) -> Proposal:
    """Put the rescission of a purchase up for the second key. Raises Refused where nothing of it is left, NotOnDuty."""
    held = suspense.lock(entry.pk)
    bought = _bought_with(held)
    if bought is None or not can_rescind(entry=held):
        raise Refused(_("Nothing is left of what this money bought."), code="nothing_bought")
    return suspense.propose(
        entry=held, way=Way.RESCINDED, order=str(bought.order_id), officer=officer, reason=reason, now=now
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> Resolution | None:
    """Carry out an approved way out of suspense, a rescission or any other; None when it was carried out before.

    Raises Refused when the entry or the purchase has changed since, so that the proposal has to be withdrawn.
    """
    facts = proposal.facts
    if Way(facts["way"]) is not Way.RESCINDED:
        return suspense.carry_out(proposal=proposal, now=now)
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    held = suspense.lock(UUID(facts["entry"]), order=facts["order"])
    bought = _bought_with(held)
    if bought is None or not can_rescind(entry=held):
        raise Refused(_("Nothing is left of what this money bought."), code="nothing_bought")
    return suspense.resolve(
        held,
        Way.RESCINDED,
        Expected.objects.get(pk=bought.reference),
        officer=proposal.proposed_by,
        proposal=proposal,
        reason=proposal.reason,
        now=now,
        lines=list(_undoing(bought, held.suspended)),
    )


def _undoing(bought: _Purchase, missing: int) -> Iterator[Line]:
    """The movements that make up for ``missing`` minor units; together they credit suspense with exactly so much."""
    back = f"suspense:{bought.currency}"
    unused = min(missing, bought.refund, _unpaid_refund(bought))
    if unused:
        yield Line(f"refunds:{bought.currency}", back, unused, bought.holder_id)
    missing -= unused
    invested = min(missing, bought.cost)
    if invested:
        units = -(-bought.units * invested // bought.cost)  # never less than was paid for with this money
        yield Line(f"capital:{bought.class_code}", back, invested)
        yield Line(f"units:{bought.class_code}", f"issued:{bought.class_code}", units, bought.holder_id)
    missing -= invested
    remainder = min(missing, bought.rounding)
    if remainder:
        yield Line(f"rounding:{bought.currency}", back, remainder)
    if missing > remainder:
        yield Line(f"expenses:{bought.currency}", back, missing - remainder)


def _unpaid_refund(bought: _Purchase) -> int:
    """What still stands on the holder's refunds and is not on its way to the bank."""
    (account,) = accounts.ids(f"refunds:{bought.currency}").values()
    found = Balance.objects.filter(holder_id=bought.holder_id, account_id=account).values_list("amount", "reserved")
    return sum(amount - reserved for amount, reserved in found)
