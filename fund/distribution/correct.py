"""Correcting a paid distribution: everything is taken back and given anew for the right day, in one act (D45, D48).

What was booked stays, each entry with a reversal beside it, and the difference is told holder by holder. Only the
newest distribution of a class is corrected: a later one rests on its costs. Where a bank has paid out more than is
right, nothing is asked back from anybody, and the fund bears the difference (decision 23).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.distribution import declare
from fund.distribution.declare import Due, Plan, Refused
from fund.distribution.models import SUBJECT, Distribution
from fund.governance import approval, audit
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line

State = Distribution.State


@dataclass(frozen=True)
class Difference:
    """One holder before and after, in minor units: gross and what was left after taxes."""

    holder_id: int
    units_before: int
    units_after: int
    gross_before: int
    gross_after: int
    net_before: int
    net_after: int
    borne: int = 0


def preview(*, distribution: Distribution, record_day: date, per_lot: Decimal, now: datetime) -> Plan:
    """The declaration that would take the place of a paid one, on its pay day; nothing is kept.

    Raises Refused: not_paid; later_exists; unchanged; day_to_come; and like ``declare.preview``.
    """
    one = Distribution.objects.select_related("unit_class").get(pk=distribution.pk)
    if one.state != State.PAID:
        raise Refused(_("Only a distribution that is paid can be corrected."), code="not_paid")
    if declare.standing(one.unit_class_id).filter(record_day__gt=one.record_day).exists():
        raise Refused(_("A later distribution of this class rests on this one."), code="later_exists")
    if (record_day, per_lot) == (one.record_day, one.per_lot):
        raise Refused(_("Nothing would change."), code="unchanged")
    if calendars.books_close(record_day) > now:
        raise Refused(_("The record day is not over."), code="day_to_come")
    declare.require_days(record_day, one.pay_day, one.unit_class_id)
    earlier = declare.standing(one.unit_class_id).exclude(pk=one.pk)
    if earlier.filter(record_day__gte=record_day).exists():
        message = _("Class %(class)s has a distribution with this record day or a later one.")
        raise Refused(message % {"class": one.unit_class_id}, code="earlier_open")
    nav = declare.last_nav()
    due = declare.due(one.unit_class, per_lot, nav, calendars.books_close(record_day))
    given = one.declared or 0
    due = replace(due, cash=due.cash + one.money(given))
    realised = declare.realised(nav=nav)
    plan = Plan(record_day, one.pay_day, [due], replace(realised, amount=realised.amount + one.income), nav, one)
    declare.require_funds(plan)
    return plan


@transaction.atomic
def propose(
    *, distribution: Distribution, record_day: date, per_lot: Decimal, officer: Officer, now: datetime, reason: str
) -> Proposal:
    """Put a correction up for both keys. Raises like ``preview``, and Refused: reason_needed."""
    if not reason.strip():
        raise Refused(_("A correction needs a recorded reason."), code="reason_needed")
    plan = preview(distribution=distribution, record_day=record_day, per_lot=per_lot, now=now)
    return approval.propose(
        kind=Kind.DISTRIBUTION, subject=SUBJECT, payload=plan.payload, officer=officer, now=now, reason=reason
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> list[Distribution] | None:
    """Declare, or correct, what both nations approved; None when this was done before. Raises like ``preview``."""
    facts = proposal.facts
    if facts["corrects"] is None:
        return declare.carry_out(proposal=proposal, now=now)
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    declare.one_at_a_time()
    (signed,) = facts["classes"]
    old = Distribution.objects.select_for_update(of=("self",)).get(pk=int(facts["corrects"]))
    record_day, per_lot = date.fromisoformat(facts["record_day"]), Decimal(signed["per_lot"])
    plan = preview(distribution=old, record_day=record_day, per_lot=per_lot, now=now)
    return [_replace(old, plan.dues[0], plan, proposal, signed["expected"], now)]


def _replace(old: Distribution, due: Due, plan: Plan, proposal: Proposal, expected: str, now: datetime) -> Distribution:
    """The new one in the place of the old: recorded at once, its entries follow range by range."""
    if Distribution.objects.filter(pk=old.pk, state=State.PAID).update(state=State.REPLACED) != 1:
        raise RuntimeError(f"{old} was corrected before")
    one = Distribution.objects.create(
        unit_class=due.unit_class,
        per_lot=due.per_lot,
        record_day=plan.record_day,
        pay_day=plan.pay_day,
        expected=int(expected),
        income=due.income.amount,
        proposal=proposal,
        corrects=old,
        declared_at=now,
        price=old.price,
        price_day=old.price_day,
    )
    declare.fix(one, now, declare.RANGE)
    taken = declare.liability(old)
    back = Line(taken.credit, taken.debit, taken.amount)
    post.post(
        event=Event.REVERSAL, event_id=old.event_id, lines=[back], effective_at=calendars.books_open(old.record_day)
    )
    post.post(
        event=Event.DISTRIBUTION, event_id=one.event_id, lines=[declare.liability(one)],
        effective_at=calendars.books_open(one.record_day),
    )  # fmt: skip
    audit.record(
        actor="system", verb="correct", subject=f"distribution:{old.pk}", now=now, by=str(one.pk),
        before=str(old.declared), after=str(one.declared),
    )  # fmt: skip
    return one


# What the old one gave and the new one gives, of each holder to whom it makes a difference.
DIFFERENCES = """
    SELECT holder_id, coalesce(o.units, 0), coalesce(n.units, 0), coalesce(o.gross, 0), coalesce(n.gross, 0),
           coalesce(o.gross - o.us - o.national - o.local, 0), coalesce(n.gross - n.us - n.national - n.local, 0),
           coalesce(r.borne, 0)
      FROM (SELECT * FROM fund_entitlement WHERE distribution_id = %(old)s AND NOT reversal) o
      FULL JOIN ({new}) n USING (holder_id)
      LEFT JOIN (SELECT holder_id, borne FROM fund_entitlement WHERE distribution_id = %(old)s AND reversal) r
          USING (holder_id)
     WHERE holder_id > %(after)s AND (o.units, o.gross, o.us, o.national, o.local)
                                     IS DISTINCT FROM (n.units, n.gross, n.us, n.national, n.local)
     ORDER BY holder_id LIMIT %(limit)s
"""


def differences(*, distribution: Distribution, after: int = 0, limit: int = 500) -> Iterator[Difference]:
    """What a correction that is booked has changed, by holder, a page at a time."""
    booked = "SELECT * FROM fund_entitlement WHERE distribution_id = %(new)s AND NOT reversal"
    with connection.cursor() as cursor:
        cursor.execute(
            DIFFERENCES.format(new=booked),
            {"old": distribution.corrects_id, "new": distribution.pk, "after": after, "limit": limit},
        )
        rows = cursor.fetchall()
    return (Difference(*row) for row in rows)
