"""Cancelling an offering under two keys (D24). The state changes at once; the refunds follow as sets."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.dealing.models import Offering
from fund.dealing.offering import Refused
from fund.governance import approval, audit, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer

CANCELLABLE = (Offering.State.ANNOUNCED, Offering.State.OPEN, Offering.State.CLOSED)


def propose(*, offering: Offering, officer: Officer, now: datetime, reason: str) -> Proposal:
    """Put the cancellation up for the second key. Raises Refused: not_cancellable once it is allotted."""
    offering.refresh_from_db()
    if offering.state not in CANCELLABLE:
        raise Refused(_("This offering can no longer be cancelled."), code="not_cancellable")
    return approval.propose(
        kind=Kind.CANCELLATION,
        subject=offering.code,
        payload={"offering": offering.code, "reason": reason},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> Offering | None:
    """Cancel; None when this was done before. The note ``offering.cancelled`` starts ``subscription.refund_next``."""
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    code = proposal.facts["offering"]
    moved = Offering.objects.filter(pk=code, state__in=CANCELLABLE).update(
        state=Offering.State.CANCELLED, proposal=proposal
    )
    if moved != 1:
        raise Refused(_("This offering can no longer be cancelled."), code="not_cancellable")
    audit.record(actor="system", verb="cancel", subject=f"offering:{code}", now=now)
    outbox.leave(topic="offering.cancelled", subject=code, now=now, offering=code)
    return Offering.objects.get(pk=code)
