"""Regular plans (積立, D30): every month an ordinary order for the offering that is open, or a skip with its reason.

A turn begins with the plan's day where the citizen is. It takes the open offering of the class that closes first; while
there is none it waits, and is skipped when the month ends. A plan accepts nothing on somebody's behalf: where the
offering asks for agreements that were not accepted, the citizen is told and the turn waits for them (decision 35).

The lock of this room is the investor's own row, as of subscribing: a citizen's plans change one after the other.
"""

import secrets
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Model, Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from fund import calendars, rows
from fund.dealing import subscription
from fund.dealing.models import Offering, Subscription
from fund.governance import audit, outbox
from fund.holders import Holder, Nation
from fund.money import Money
from fund.refusal import Refusal
from fund.units import UnitClass
from investors import agreements, subscribing
from investors.people import Investor
from investors.plan_models import LAST_DAY, Plan, PlanTurn, Reason, day_in

MOST = 10  # plans of one citizen that have not ended
BATCH = 200
AGAIN = timedelta(hours=1)  # until a turn that waits for its citizen, or met a fault, is looked at again
SHOWN = 24  # turns of a plan that are listed
STATE, TURN = Plan.State, PlanTurn.State


class Refused(Refusal):
    """The plan cannot begin or change like this; the message says why."""

    code = "plan"


def of(*, investor: Investor) -> QuerySet[Plan]:
    """A citizen's plans with their ``latest`` turns."""
    turns = Prefetch("turns", PlanTurn.objects.order_by("-month")[:SHOWN], to_attr="latest")
    return Plan.objects.filter(investor=investor).select_related("unit_class").prefetch_related(turns)  # type: ignore[no-redef]


@transaction.atomic
def begin(*, investor: Investor, class_code: str, amount: Money, day: int, key: str, now: datetime) -> Plan:
    """Begin a plan; the same ``key`` of the same citizen gives the same plan again, however it stands by now.

    Its first turn is the next time that ``day`` (1 to 31) comes, today counted.
    Raises subscribing.NotEligible; Refused: unknown_class, wrong_currency, no_such_day, too_many_plans; and, as far as
    an offering of the class is open, what ``subscription.check_amount`` refuses of an order of this amount.
    """
    investor = _lock(investor.pk)
    if (earlier := Plan.objects.filter(investor=investor, key=key).first()) is not None:
        return earlier
    subscribing.check_may_invest(investor=investor, now=now)
    unit_class = UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN, pk=class_code).first()
    if unit_class is None:
        raise Refused(_("There are no such units for citizens."), code="unknown_class")
    _check_amount(unit_class, amount, now)
    _check_day(day)
    if investor.plans.exclude(state=STATE.ENDED).count() >= MOST:
        raise Refused(_("One citizen can have %(most)s plans.") % {"most": MOST}, code="too_many_plans")
    plan = Plan.objects.create(
        investor=investor, unit_class=unit_class, amount=amount.amount, day=day, key=key, begun_at=now
    )
    _schedule(plan, _today(plan, now))
    _record(plan, "begun", now)
    return plan


@transaction.atomic
def change(*, plan: Plan, now: datetime, amount: Money | None = None, day: int | None = None) -> Plan:
    """Another amount, which counts from the next order on, or another day.

    With another day the next turn is the next time that it comes, as of a plan that begins; a turn that was under way
    is the one that moves. Raises Refused: plan_ended, and as ``begin`` does.
    """
    plan = _going(plan)
    amount, moved = plan.money if amount is None else amount, day not in (None, plan.day)
    day = plan.day if day is None else day
    if amount == plan.money and not moved:
        return plan
    if amount != plan.money:
        _check_amount(plan.unit_class, amount, now)
    _check_day(day)
    plan.amount, plan.day = amount.amount, day
    plan.save(update_fields=["amount", "day"])
    if moved and plan.state == STATE.ACTIVE:
        _schedule(plan, _today(plan, now))
    _record(plan, "changed", now)
    return plan


@transaction.atomic
def pause(*, plan: Plan, now: datetime) -> Plan:
    """No turn is taken until the plan goes on; again changes nothing. Raises Refused: plan_ended."""
    plan = _going(plan)
    return _move(plan, STATE.PAUSED, now) if plan.state == STATE.ACTIVE else plan


@transaction.atomic
def go_on(*, plan: Plan, now: datetime) -> Plan:
    """A paused plan goes on with the next time that its day comes; months between had no turn. Again changes nothing.

    Raises Refused: plan_ended; subscribing.NotEligible.
    """
    plan = _going(plan)
    if plan.state != STATE.PAUSED:
        return plan
    subscribing.check_may_invest(investor=plan.investor, now=now)
    _schedule(plan, _today(plan, now))
    return _move(plan, STATE.ACTIVE, now)


@transaction.atomic
def end(*, plan: Plan, now: datetime) -> Plan:
    """End a plan for good; its orders stand. Again changes nothing."""
    actor = _lock(plan.investor_id).actor
    end_of(investors=[plan.investor_id], only=plan, actor=actor, now=now)
    return _read(plan)


def end_of(*, investors: Iterable[int], actor: str, now: datetime, only: Plan | None = None) -> int:
    """End all plans of these people, or ``only`` one, as a set; how many. Their rows are locked by whoever calls."""
    going = Plan.objects.filter(investor__in=list(investors)).exclude(state=STATE.ENDED)
    if only is not None:
        going = going.filter(pk=only.pk)
    waiting = PlanTurn.objects.filter(plan__in=going, state=TURN.WAITING)
    waiting.update(state=TURN.SKIPPED, reason=Reason.PLAN_ENDED, ended_at=now)
    ended = list(going)
    going.update(state=STATE.ENDED, ended_at=now)
    for plan in ended:
        _record(plan, "ended", now, actor)
    return len(ended)


@transaction.atomic
def accept(*, plan: Plan, codes: Iterable[str], now: datetime) -> Plan:
    """Accept agreements that the plan waits for; its turn is looked at again at once.

    Raises Refused: plan_ended; agreements.NotInForce.
    """
    plan = _going(plan)
    investor = plan.investor
    agreements.accept(investor=investor, codes=codes, language=investor.user.language, now=now)
    waiting = PlanTurn.objects.filter(plan__investor=investor, state=TURN.WAITING, reason=Reason.AGREEMENTS_MISSING)
    waiting.filter(due_at__gt=now).update(due_at=now)
    return plan


def to_accept(*, investor: Investor, now: datetime) -> dict[str, list[str]]:
    """By class, the agreements of the offering that a plan would order from now which the citizen has not accepted."""
    done = agreements.accepted(investor=investor)
    first = _open(now).order_by("unit_class", "closes_at", "code").distinct("unit_class")
    return {one.unit_class_id: sorted(set(one.agreements) - done) for one in first}


def open_offering(*, unit_class: UnitClass, now: datetime) -> Offering | None:
    """The open offering of a class that closes first."""
    found = _open(now).filter(unit_class=unit_class)
    return found.select_related("unit_class").order_by("closes_at", "code").first()


def _open(now: datetime) -> QuerySet[Offering]:
    return Offering.objects.filter(state=Offering.State.OPEN, opens_at__lte=now, closes_at__gt=now)


# The offering that a turn orders from: the open one of its class that closes first. What opened within the month is
# ordered from also when the turn is taken late: it is our clock that was late (D26).
OFFERING = """
    SELECT o.code FROM fund_offering o
     WHERE o.unit_class_id = p.unit_class_id AND o.state = 'open'
       AND o.opens_at <= %(now)s AND o.opens_at < t.over_at AND o.closes_at > %(now)s
     ORDER BY o.closes_at, o.code LIMIT 1
"""

DUE = f"""
    SELECT p.investor_id, t.id FROM investors_planturn t JOIN investors_plan p ON p.id = t.plan_id
     WHERE t.state = 'waiting' AND p.state = 'active' AND t.due_at <= %(now)s
       AND (t.over_at <= %(now)s OR EXISTS ({OFFERING}))
     ORDER BY t.id LIMIT %(most)s
"""


def run_due(*, now: datetime, most: int = BATCH) -> int:
    """Take the turns that are due, at most ``most``, each in a transaction of its own; returns how many moved on.

    A citizen who is at work on another device is left to the next run. A fault in one turn stops no other: it is put
    off for an hour, and all faults are raised together in the end. Runs beside each other share the work.
    """
    moved, faults = 0, []
    for turn in _in_some_order(rows.ask(DUE, {"now": now, "most": most})):
        try:
            moved += _take(turn, now)
        except Exception as fault:
            faults.append(fault)
            PlanTurn.objects.filter(pk=turn, state=TURN.WAITING).update(due_at=now + AGAIN)
    if faults:
        raise ExceptionGroup(f"{len(faults)} turns of plans could not be taken", faults)
    return moved


def _in_some_order(due: list[tuple[int, int]]) -> list[int]:
    """The turns of (citizen, turn), in another order of citizens each time, so that runs beside each other seldom meet.

    One citizen's turns stay in theirs: where the cap has room for one alone, it is the older plan's.
    """
    salt = secrets.randbits(64)
    return [turn for _citizen, turn in sorted(due, key=lambda one: (hash((salt, one[0])), one[1]))]


@transaction.atomic
def _take(turn_id: int, now: datetime) -> bool:
    """Take one turn, as it stands under the citizen's lock; whether it moved on. Order and turn are one transaction."""
    held = _hold(turn_id, now)
    if held is None:
        return False
    turn, offering = held
    over = turn.over_at <= now
    if offering is None:
        return over and _skip(turn, Reason(turn.reason or Reason.NO_OFFERING), now)
    try:
        order = _order(turn, offering, now)
    except subscribing.AgreementsMissing:
        return _skip(turn, Reason.AGREEMENTS_MISSING, now) if over else _wait(turn, now)
    except Refusal as refused:
        # One that was called off a moment ago is no reason: another may open.
        return refused.code != "not_open" and _skip(turn, Reason.of(refused.code), now)
    _end(turn, now, state=TURN.ORDERED, order_reference=order.reference)
    return True


# Citizen, plan and turn are locked: what is asked of them is asked again of a row that has changed meanwhile.
LOCK = "FOR UPDATE OF i, p, t SKIP LOCKED"


def _hold(turn_id: int, now: datetime) -> tuple[PlanTurn, str | None] | None:
    """A turn that is due, with its citizen locked, and the code of the offering to order from.

    None when it is not due any more, or when somebody else has one of them.
    """
    found = rows.ask(
        f"""
        SELECT ({OFFERING}), {", ".join(rows.columns(model, alias) for model, alias in READ)}
          FROM investors_investor i JOIN investors_plan p ON p.investor_id = i.id
          JOIN investors_planturn t ON t.plan_id = p.id
          JOIN fund_unitclass c ON c.code = p.unit_class_id JOIN fund_holder h ON h.id = i.holder_id
         WHERE t.id = %(turn)s AND t.state = 'waiting' AND p.state = 'active' AND t.due_at <= %(now)s
        """
        + LOCK,
        {"turn": turn_id, "now": now},
    )
    if not found:
        return None
    offering, *values = found[0]
    here = iter(values)
    turn, plan, unit_class = _next(PlanTurn, here), _next(Plan, here), _next(UnitClass, here)
    investor, holder = _next(Investor, here), _next(Holder, here)
    rows.join(turn, plan=rows.join(plan, unit_class=unit_class, investor=rows.join(investor, holder=holder)))
    return turn, offering


READ: list[tuple[type[Model], str]] = [(PlanTurn, "t"), (Plan, "p"), (UnitClass, "c"), (Investor, "i"), (Holder, "h")]


def _next[M: Model](model: type[M], values: Iterator[Any]) -> M:
    return rows.read(model, islice(values, rows.width(model)))


@transaction.atomic
def _order(turn: PlanTurn, offering: str, now: datetime) -> Subscription:
    """A savepoint: a refusal takes back the order and leaves the turn to be told why."""
    return subscribing.subscribe(
        investor=turn.plan.investor,
        offering_code=offering,
        amount=turn.plan.money,
        accepts=[],
        key=_key(turn),
        now=now,
    )


def _key(turn: PlanTurn) -> str:
    """Of the order: no other way to order makes such keys, and no month of a plan another."""
    return f"plan:{turn.plan_id}:{turn.month:%Y-%m}"


def _wait(turn: PlanTurn, now: datetime) -> bool:
    """For the citizen, who is told the first time."""
    if not turn.reason:
        outbox.leave(topic="plan.waiting", subject=str(turn.plan_id), now=now, turn=turn.pk)
    again = min(now + AGAIN, turn.over_at)
    PlanTurn.objects.filter(pk=turn.pk).update(reason=Reason.AGREEMENTS_MISSING, due_at=again)
    return True


def _skip(turn: PlanTurn, reason: Reason, now: datetime) -> bool:
    _end(turn, now, state=TURN.SKIPPED, reason=reason)
    outbox.leave(topic="plan.skipped", subject=str(turn.plan_id), now=now, turn=turn.pk)
    return True


def _end(turn: PlanTurn, now: datetime, *, state: str, reason: str = "", order_reference: str = "") -> None:
    """End a turn; the next one is that of the next month."""
    month = _next_month(turn.month)
    due_at, over_at = _times(turn.plan, month)
    ended = rows.ask(
        """
        WITH ended AS (
            UPDATE investors_planturn SET state = %(state)s, reason = %(reason)s, order_reference = %(order)s,
                   ended_at = %(now)s
             WHERE id = %(turn)s AND state = 'waiting' RETURNING plan_id
        )
        INSERT INTO investors_planturn (plan_id, month, due_at, over_at, state, reason, order_reference)
        SELECT plan_id, %(month)s, %(due_at)s, %(over_at)s, 'waiting', '', '' FROM ended RETURNING true
        """,
        {
            "turn": turn.pk,
            "state": state,
            "reason": reason,
            "order": order_reference,
            "now": now,
            "month": month,
            "due_at": due_at,
            "over_at": over_at,
        },
    )
    if not ended:
        raise RuntimeError(f"{turn} was ended by somebody else meanwhile")


def _schedule(plan: Plan, earliest: date) -> None:
    """The turn that waits is that of the next time that the plan's day comes, from a day on, in a month without one."""
    month = earliest.replace(day=1)
    if day_in(month, plan.day) < earliest:
        month = _next_month(month)
    last = plan.turns.exclude(state=TURN.WAITING).order_by("-month").values_list("month", flat=True).first()
    if last is not None:
        month = max(month, _next_month(last))
    due_at, over_at = _times(plan, month)
    turn = {"month": month, "reason": "", "due_at": due_at, "over_at": over_at}
    PlanTurn.objects.update_or_create(plan=plan, state=TURN.WAITING, defaults=turn)


def _times(plan: Plan, month: date) -> tuple[datetime, datetime]:
    """When a turn begins, with the plan's day, and when its month is over, where the citizen is."""
    nation = _nation(plan)
    due_at = calendars.cut_off(day=day_in(month, plan.day), at=time(), nation=nation)
    return due_at, calendars.cut_off(day=_next_month(month), at=time(), nation=nation)


def _next_month(month: date) -> date:
    """The first day of the month after one that is given by its first day."""
    return (month + timedelta(days=31)).replace(day=1)


def _today(plan: Plan, now: datetime) -> date:
    return calendars.local_time(now, _nation(plan)).date()


def _nation(plan: Plan) -> Nation:
    """By whose clock the plan goes: the citizen's own."""
    holder = plan.investor.holder
    assert holder is not None, "only a holder has plans"
    return Nation(holder.nation)


def _check_amount(unit_class: UnitClass, amount: Money, now: datetime) -> None:
    if amount.currency != unit_class.currency:
        raise Refused(_("These units are in %(currency)s.") % {"currency": unit_class.currency}, code="wrong_currency")
    if amount.amount <= 0:
        raise Refused(_("Order more than nothing."), code="below_minimum")
    if (offering := open_offering(unit_class=unit_class, now=now)) is not None:
        subscription.check_amount(offering=offering, amount=amount)


def _check_day(day: int) -> None:
    if not 1 <= day <= LAST_DAY:
        raise Refused(_("Choose a day from 1 to 31."), code="no_such_day")


def _lock(investor_id: int) -> Investor:
    return Investor.objects.select_for_update(of=("self",)).select_related("holder", "user").get(pk=investor_id)


def _read(plan: Plan) -> Plan:
    return Plan.objects.select_related("unit_class", "investor__holder", "investor__user").get(pk=plan.pk)


def _going(plan: Plan) -> Plan:
    """The plan as it stands under its citizen's lock. Raises Refused once it has ended."""
    _lock(plan.investor_id)
    plan = _read(plan)
    if plan.state == STATE.ENDED:
        raise Refused(_("This plan has ended."), code="plan_ended")
    return plan


def _move(plan: Plan, to: Plan.State, now: datetime) -> Plan:
    before, plan.state = plan.state, to
    if Plan.objects.filter(pk=plan.pk, state=before).update(state=to) != 1:
        raise RuntimeError(f"{plan} was {before} a moment ago")
    _record(plan, {STATE.PAUSED: "paused", STATE.ACTIVE: "gone_on"}[to], now)
    return plan


def _record(plan: Plan, what: str, now: datetime, actor: str = "") -> None:
    """What was done, by the plan's citizen if by nobody else."""
    actor = actor or plan.investor.actor
    audit.record(actor=actor, verb=f"plan.{what}", subject=str(plan), now=now, amount=plan.amount, day=plan.day)
