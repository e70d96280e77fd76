"""What one tranche of an issue leaves unsold passes to the other (D24).

The tranches are allotted one after the other, in either order and with the same result: the first allotment waits until
both books are closed and their payment deadlines have passed, and from then on neither book changes any more. A tranche
receives what it lacks, and at most what the other left unsold, converted at the rate that stood in the terms before the
opening and rounded down to its own lots. What the other gave is rounded up to its lots, so that both together never
have more to allot than both together had.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund.dealing.models import Offering, Status, Subscription
from fund.money import covering_lots, whole_lots
from fund.payments import receipts
from fund.refusal import Refusal

STATE = Offering.State


class Refused(Refusal):
    """A tranche cannot be allotted yet; the message says why."""

    code = "handover"


@dataclass(frozen=True)
class Passing:
    """What passed between two tranches, in lots of the one that is asked about."""

    received_lots: int = 0
    given_lots: int = 0


def other(offering: Offering) -> Offering | None:
    """The other tranche of its issue, unless that was cancelled."""
    if not offering.issue:
        return None
    tranches = Offering.objects.filter(issue=offering.issue).exclude(pk=offering.pk).exclude(state=STATE.CANCELLED)
    return tranches.select_related("unit_class").first()


def passing(*, offering: Offering, requested_lots: int) -> Passing:
    """What passes if ``requested_lots`` are what this tranche has to serve, and the other one its paid orders."""
    tranche = other(offering)
    if tranche is None:
        return Passing()
    theirs = _paid_lots(tranche)
    returned = tranche.money(_received(tranche, theirs, offering, requested_lots) * tranche.lot)
    return Passing(
        received_lots=_received(offering, requested_lots, tranche, theirs),
        given_lots=covering_lots(returned, lot=offering.money(offering.lot), usd_jpy=_rate(offering)),
    )


def _received(taker: Offering, wanted: int, giver: Offering, sold: int) -> int:
    """In lots of the taker: what it lacks, at most what the giver's unsold lots are worth."""
    if not giver.hands_over:
        return 0
    unsold = giver.money(max(0, giver.capacity_lots - sold) * giver.lot)
    worth = whole_lots(unsold, lot=taker.money(taker.lot), usd_jpy=_rate(giver))
    return min(max(0, wanted - taker.capacity_lots), worth)


def _rate(offering: Offering) -> Decimal:
    if offering.usd_jpy is None:
        raise RuntimeError(f"offering {offering} of an issue states no rate")
    return offering.usd_jpy


def _paid_lots(offering: Offering) -> int:
    """The lots of all paid orders; every order is whole lots."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(amount), 0)::bigint FROM fund_subscription
             WHERE offering_id = %s AND status = 'funded'
            """,
            [offering.pk],
        )
        (amount,) = cursor.fetchone() or (0,)
    return int(amount) // offering.lot


def lock(*, code: str) -> Offering:
    """An offering under the lock of its row, and of its issue's other tranche, in the order of their codes."""
    issue = Offering.objects.values_list("issue", flat=True).get(pk=code)
    rows = Offering.objects.filter(issue=issue) if issue else Offering.objects.filter(pk=code)
    locked = rows.order_by("pk").select_for_update(of=("self",)).select_related("unit_class")
    return next(row for row in locked if row.pk == code)


def check_final(*, offering: Offering, now: datetime) -> None:
    """Nothing passes between tranches before both books are final.

    Raises Refused: other_tranche_open, not_paid_yet (a payment deadline is ahead), orders_waiting in the other tranche.
    """
    tranche = other(offering)
    if tranche is None:
        return
    if tranche.state in (STATE.ANNOUNCED, STATE.OPEN):
        raise Refused(
            _("The other tranche, %(code)s, has not closed yet.") % {"code": tranche.code}, code="other_tranche_open"
        )
    if now < max(offering.pay_by, tranche.pay_by):
        raise Refused(_("The tranches are allotted after the payment deadline of both."), code="not_paid_yet")
    if Subscription.objects.filter(offering=tranche, status=Status.PLACED).exists() and tranche.state == STATE.CLOSED:
        raise Refused(
            _("Some orders of the other tranche, %(code)s, are still waiting for their payment.")
            % {"code": tranche.code},
            code="orders_waiting",
        )


def freeze(*, offering: Offering, now: datetime) -> bool:
    """Earmark the money of both tranches; False where the bank has just taken back money of an order that counts."""
    tranche = other(offering)
    codes = sorted({offering.code, tranche.code} if tranche else {offering.code})
    short = [order for code in codes for order in receipts.earmark(subject=code, now=now)]
    return not Subscription.objects.filter(pk__in=short, status=Status.FUNDED).exists()
