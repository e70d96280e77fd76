"""A correction of NAVs as one act of both nations (D43): the versions, and what orders and redemptions are owed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.dealing import compensation as of_orders
from fund.governance import approval
from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from fund.nav import correct, strike
from fund.nav.models import Nav
from fund.redemption import compensation as of_redemptions
from fund.refusal import Refusal


class Refused(Refusal):
    """The correction cannot be carried out as things stand."""

    code = "correction"


@dataclass(frozen=True)
class Owed:
    """What a correction owes."""

    orders: list[of_orders.Due]
    redemptions: list[of_redemptions.Due]

    @property
    def facts(self) -> dict[str, list[dict[str, str]]]:
        """As officers sign it."""
        return {
            "compensation": [due.facts for due in self.orders],
            "redemptions": [due.facts for due in self.redemptions],
        }


def preview(*, drafts: Sequence[Nav], now: datetime) -> Owed:
    """What a correction owes, where the error is above the limit (``nav.correction_percent``).

    Raises ``Refusal``: being_settled, while an offering or a window is still being settled at one of the wrong prices.
    """
    return Owed(of_orders.preview(drafts=drafts, now=now), of_redemptions.preview(drafts=drafts, now=now))


def propose(*, drafts: Sequence[Nav], officer: Officer, now: datetime, reason: str) -> Proposal:
    """Put a correction with all that it owes up for both keys. Raises like ``preview``, and ``nav.value.Refused``."""
    owed = preview(drafts=drafts, now=now).facts
    return correct.propose(drafts=drafts, owed=owed, officer=officer, now=now, reason=reason)


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> list[Nav] | None:
    """Publish the corrected versions and begin what they owe; None when this was done before.

    Raises Refused: changed, when something else would be owed than was approved; ``nav.value.Refused``.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    strike.one_at_a_time()
    drafts = correct.proposed(proposal=proposal)
    of_orders.hold_prices(drafts=drafts)
    of_redemptions.hold_windows(drafts=drafts)
    owed = preview(drafts=drafts, now=now)
    if any(proposal.facts.get(name, []) != rows for name, rows in owed.facts.items()):
        message = _("What is owed has changed since this was approved. Propose the correction again.")
        raise Refused(message, code="changed")
    correct.publish(drafts=drafts, proposal=proposal, now=now)
    of_orders.begin(owed=owed.orders, proposal=proposal)
    of_redemptions.begin(owed=owed.redemptions, proposal=proposal)
    return drafts
