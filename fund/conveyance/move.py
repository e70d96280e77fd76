"""Units pass on (D32): approved by both nations, then moved at cost by one entry a line.

| line | amount  | from           | to             |                                       |
|------|---------|----------------|----------------|---------------------------------------|
| 0    | `units` | units:<class>  | issued:<class> | the giver's; posts what was on hold   |
| 1    | `units` | issued:<class> | units:<class>  | the recipient's                       |

What goes with them stands beside: on the line the part of the giver's average cost, and in its lots when the oldest of
the giver's units were bought. The entry is posted first; from then on both cards are ours until the commit, and what is
computed from them is what holds. While a distribution of the class is between its record day and its last payment the
cost of the units is not known yet, and the transfer waits for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.conveyance.give import Refused, tell
from fund.conveyance.models import Conveyance, ConveyedLot
from fund.distribution import average_cost
from fund.distribution.average_cost import Standing
from fund.distribution.models import Distribution
from fund.governance import approval, audit
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.ledger import balances, post
from fund.ledger.models import Event, Phase
from fund.money import value_of
from fund.nav import prices
from fund.redemption import ages
from fund.redemption.models import RedemptionLine
from fund.units import UnitClass

State = Conveyance.State

ENTRIES = """
    SELECT l.id, %(conveyance)s, v.line, v.debit, v.credit, v.holder, l.units, %(now)s, v.phase, v.resolves
      FROM fund_conveyance l
      JOIN fund_account u ON u.code = 'units:' || l.unit_class_id
      JOIN fund_account i ON i.code = 'issued:' || l.unit_class_id
     CROSS JOIN LATERAL (VALUES (0, u.id, i.id, l.holder_id, %(posted)s, l.hold),
                                (1, i.id, u.id, l.recipient_id, %(final)s, NULL)
     ) v(line, debit, credit, holder, phase, resolves)
     WHERE l.id = ANY(%(lines)s)
"""


def facts(lines: Sequence[Conveyance]) -> dict[str, Any]:
    """What both nations sign of these lines of one giver; each of them is compared with it by the database."""
    return {
        "from": str(lines[0].holder_id),
        "lines": [
            {"line": str(one.pk), "to": str(one.recipient_id), "class": one.unit_class_id, "units": str(one.units)}
            for one in sorted(lines, key=lambda one: one.pk)
        ],
    }


@transaction.atomic
def propose(
    *, lines: Sequence[Conveyance], papers: Mapping[str, str], officer: Officer, now: datetime, reason: str = ""
) -> Proposal:
    """Put a gift, or all lines of an estate, up for the second key, with the documents it rests on (id and digest).

    Raises Refused: not_accepted; approval.Refused.
    """
    if not lines or any(one.state != State.ACCEPTED for one in lines):
        raise Refused(_("This waits for something else than the keys."), code="not_accepted")
    return approval.propose(
        kind=Kind.TRANSFER,
        subject=lines[0].subject,
        payload={**facts(lines), "papers": dict(papers)},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def approve(*, proposal: Proposal, now: datetime) -> list[Conveyance]:
    """The lines that both nations have approved, locked; none when this was done before.

    Raises Refused: lines_changed since (propose again), also when one was taken back; approval.Refused.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return []
    proposal.refresh_from_db()
    named = [one["line"] for one in proposal.facts["lines"]]
    moved = Conveyance.objects.filter(pk__in=named, state=State.ACCEPTED).update(
        state=State.APPROVED, proposal=proposal
    )
    if moved != len(named):
        raise Refused(_("This is not as it was approved."), code="lines_changed")
    return locked(named)


def locked(keys: Iterable[Any]) -> list[Conveyance]:
    """Lines by their keys, each locked, in the order of their keys."""
    rows = Conveyance.objects.select_for_update(of=("self",)).select_related("unit_class", "estate")
    return list(rows.filter(pk__in=list(keys)).order_by("pk"))


def waits_for(*, unit_class: UnitClass, now: datetime) -> Distribution | None:
    """The distribution whose record day is over and that is not all paid yet: until then no cost is known for good."""
    unpaid = Distribution.objects.filter(
        unit_class=unit_class, state__in=[Distribution.State.DECLARED, Distribution.State.RECORDED]
    )
    return next((one for one in unpaid.order_by("record_day") if calendars.books_close(one.record_day) <= now), None)


def move(*, lines: Sequence[Conveyance], now: datetime) -> None:
    """Move approved lines of one giver, inside the caller's transaction, which holds their rows."""
    if any(one.state != State.APPROVED for one in lines):
        raise Refused(_("An officer of each nation must approve this first."), code="not_approved")
    # A redemption that is settled beside us would compute its cost from the same units.
    parties = {one.holder_id for one in lines} | {one.recipient_id for one in lines}
    beside = RedemptionLine.objects.filter(holder_id__in=parties, settled_at=None).order_by("holder_id", "pk")
    list(beside.select_for_update())
    told = {
        "lines": [one.pk for one in lines],
        "now": now,
        "conveyance": Event.CONVEYANCE.value,
        "posted": Phase.POSTED.value,
        "final": Phase.FINAL.value,
    }
    if post.post_set(ENTRIES, told) != 2 * len(lines):
        raise RuntimeError(f"the entry of {lines[0].subject} is not whole")
    for of, some in groupby(sorted(lines, key=lambda one: (one.unit_class_id, one.pk)), lambda one: one.unit_class):
        _beside(of, list(some), now)


def _beside(unit_class: UnitClass, lines: list[Conveyance], now: datetime) -> None:
    """Write what goes with the units of one class: cost, worth and lots, the lines one after the other."""
    giver, price = lines[0].holder_id, prices.latest_price(unit_class.pk, now)
    lots = ages.lots(holder_id=giver, class_code=unit_class.pk, without=[one.pk for one in lines])
    units = balances.balance(f"units:{unit_class}", holder_id=giver) + sum(one.units for one in lines)
    cost, snapshot = average_cost.of_holder(holder_id=giver, unit_class=unit_class)
    for one in lines:
        leaves = average_cost.leaving(one.units, Standing(units, cost))
        go = ages.oldest(lots, one.units)
        ConveyedLot.objects.bulk_create(ConveyedLot(conveyance=one, bought_at=at, units=some) for at, some in go)
        moved = Conveyance.objects.filter(pk=one.pk, state=State.APPROVED).update(
            state=State.MOVED, cost=leaves.amount, worth=value_of(one.units, price).amount, snapshot=snapshot,
            ended_at=now,
        )  # fmt: skip
        if moved != 1:
            raise RuntimeError(f"line {one} moved under its lock")
        units, cost, lots = units - one.units, cost - leaves, ages.without(lots, go)
        audit.record(
            actor="system", verb="pass_on", subject=f"transfer:{one.pk}", now=now,
            unit_class=unit_class.pk, units=str(one.units), cost=str(leaves.amount),
        )  # fmt: skip
        tell("transfer.moved", one, now)
