"""Money that was entered by mistake is taken back: the same movements the other way, in the ledger and here (D38)."""

from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from fund.governance.approval import Proposal
from fund.ledger import post
from fund.ledger.models import Event, Transfer
from fund.portfolio.models import Deployment, Expense, Income
from fund.portfolio.movements import Refused, move, require_past

type Moved = Deployment | Income | Expense

EVENTS: list[tuple[type[Moved], Event]] = [
    (Deployment, Event.INVESTMENT),
    (Income, Event.INCOME),
    (Expense, Event.EXPENSE),
]


def find(event_id: str) -> tuple[Moved, Event]:
    """The movement with an event. Raises Refused where there is none; what was borrowed is repaid, not taken back."""
    for model, event in EVENTS:
        if row := model.objects.filter(pk=event_id).first():
            return row, event
    raise Refused(_("No movement of the portfolio has this event."), code="unknown_event")


def require_reversible(row: Moved, day: date, now: datetime) -> None:
    """Raises Refused for what was taken back before, is itself taken back, or a day before it or still to come."""
    if row.reverses_id is not None or type(row).objects.filter(reverses=row.pk).exists():
        raise Refused(_("This was taken back already."), code="reversed")
    if day < row.day:
        raise Refused(_("It had not happened on this day."), code="before_it_happened")
    if isinstance(row, Deployment):
        left = sum(row.investment.deployments.values_list("amount", flat=True))
        given = sum(row.investment.income.values_list("cost", flat=True))
        if left - row.amount < given:
            raise Refused(_("Its cost was given up already."), code="over_cost")
    require_past(day, now)


def reverse(*, of: UUID, day: date, now: datetime, event_id: UUID, proposal: Proposal) -> Moved:
    """Take a movement back on a day. The database refuses it without two keys, and a second time. Raises Refused."""
    row, event = find(str(of))
    require_reversible(row, day, now)
    lines = [
        post.Line(one.credit.code, one.debit.code, one.amount)
        for one in Transfer.objects.filter(event_id=of, event=event).select_related("debit", "credit").order_by("line")
    ]
    move(event, event_id, lines, day)
    kept = {
        one.attname: getattr(row, one.attname)
        for one in row._meta.concrete_fields
        if one.attname not in ("event_id", "proposal_id", "recorded_at", "reverses_id", "day", "amount", "cost")
    }
    if isinstance(row, Income):
        kept["cost"] = -row.cost
    return type(row).objects.create(
        event_id=event_id, proposal=proposal, reverses_id=row.pk, day=day, amount=-row.amount, **kept
    )
