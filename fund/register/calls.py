"""Capital of co-owners and limited partners: commitments, calls and contributions, each under both keys (D1, D4).

A contribution issues units at the latest price, else at the initial one (D21). The two co-owners pay in together: their
units are issued in one transaction, which the database refuses where they would not hold the same, unless the setting
``co_owners.equal`` says that both have agreed otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import BigIntegerField, F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.governance import approval, config, officers, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Holder
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Currency, Money, Purchase, buy
from fund.nav import prices
from fund.portfolio.movements import require_bank
from fund.refusal import Refusal
from fund.register.models import Call, CallLine, Commitment, Contribution
from fund.units import UnitClass


class Refused(Refusal):
    """A commitment, a call or a contribution is refused."""

    code = "contribution"


@dataclass(frozen=True)
class Standing:
    """What a holder has committed, and what of it was called and paid by the end of a day."""

    holder: Holder
    unit_class: UnitClass
    committed: Money
    called: Money
    paid: Money

    @property
    def uncalled(self) -> Money:
        return self.committed - self.called


def standings(*, on: date) -> list[Standing]:
    """Every holder with a commitment, by class and then by name; co-owners and partners are public."""
    newest = (
        Commitment.objects.filter(effective_on__lte=on)
        .order_by("holder", "-effective_on", "-recorded_at")
        .distinct("holder")
        .select_related("holder", "unit_class")
    )
    called = _sums(CallLine.objects.filter(call__called_on__lte=on), "holder", "amount")
    paid = _sums(Contribution.objects.filter(day__lte=on), "line__holder", "amount")
    found = []
    for one in newest:
        currency = Currency(one.unit_class.currency)
        amounts = (one.amount, called.get(one.holder_id, 0), paid.get(one.holder_id, 0))
        found.append(Standing(one.holder, one.unit_class, *(Money(amount, currency) for amount in amounts)))
    return sorted(found, key=lambda one: (one.unit_class.pk != "SOV", one.unit_class.pk, one.holder.name_en))


def _sums(rows: Any, by: str, name: str) -> dict[Any, int]:
    return dict(rows.order_by().values_list(by).annotate(Sum(name)))


def open_lines(*, call: Call) -> list[tuple[CallLine, int]]:
    """The lines of a call with what is still to be paid of each, in minor units."""
    paid = _sums(Contribution.objects.filter(line__call=call), "line", "amount")
    lines = call.lines.select_related("holder", "call__unit_class").order_by("holder__name_en")
    return [(one, one.amount - paid.get(one.pk, 0)) for one in lines]


def with_sums(rows: QuerySet[Call]) -> QuerySet[Any]:
    """Calls with what was called (``called``) and paid (``paid``) all together, in minor units."""
    lines = CallLine.objects.filter(call=OuterRef("pk")).order_by().values("call")
    paid = Contribution.objects.filter(line__call=OuterRef("pk")).order_by().values("line__call")
    return rows.annotate(
        called=Coalesce(Subquery(lines.values(sum=Sum("amount"))), 0, output_field=BigIntegerField()),
        paid=Coalesce(Subquery(paid.values(sum=Sum("amount"))), 0, output_field=BigIntegerField()),
    )


def overdue(*, on: date) -> QuerySet[Call]:
    """Calls that were due before a day and are not paid whole, the earliest first."""
    return with_sums(Call.objects.filter(due_on__lt=on)).filter(paid__lt=F("called")).order_by("due_on", "number")


# ── commitments ───────────────────────────────────────────────────────────────────────────────────────────────────────
def propose_commitments(
    *, amounts: Mapping[int, Money], effective_on: date, officer: Officer, now: datetime, reason: str
) -> Proposal:
    """Put up what holders commit all together from a day on, by holder. Raises Refused, and NotOnDuty."""
    listed = []
    for holder_id, money in amounts.items():
        holder = _owner(holder_id)
        unit_class = _class_of(holder)
        _require_currency(unit_class, money)
        called = _sums(CallLine.objects.filter(holder=holder), "holder", "amount").get(holder.pk, 0)
        if money.amount < called:
            raise Refused(_("More than this has been called already."), code="below_called", called=called)
        listed.append(
            {"id": str(uuid4()), "holder": str(holder.pk), "class": unit_class.pk, "amount": str(money.amount)}
        )
    payload = {"act": "commitment", "effective_on": effective_on.isoformat(), "commitments": listed}
    return _propose(listed[0]["id"] if listed else "", payload, officer, now, reason)


def _commit(facts: dict[str, Any], proposal: Proposal, now: datetime) -> None:
    Commitment.objects.bulk_create(
        Commitment(
            id=one["id"],
            proposal=proposal,
            holder_id=int(one["holder"]),
            unit_class_id=one["class"],
            amount=int(one["amount"]),
            effective_on=date.fromisoformat(facts["effective_on"]),
        )
        for one in facts["commitments"]
    )


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def propose_call(
    *,
    amounts: Mapping[int, Money],
    called_on: date,
    due_on: date,
    bank_account: str,
    purpose_en: str,
    purpose_ja: str,
    officer: Officer,
    now: datetime,
    reason: str,
) -> Proposal:
    """Put a capital call up: what each holder of one class is to pay by the due day. Raises Refused, and NotOnDuty."""
    lines = []
    classes = set()
    for holder_id, money in amounts.items():
        holder = _owner(holder_id)
        classes.add(_class_of(holder))
        lines.append({"line": str(uuid4()), "holder": str(holder.pk), "amount": str(money.amount)})
    if len(classes) != 1:
        raise Refused(_("A call is on the holders of one class."), code="one_class")
    (unit_class,) = classes
    for money in amounts.values():
        _require_currency(unit_class, money)
        if money.amount <= 0:
            raise Refused(_("The amount must be above zero."), code="no_amount")
    require_bank(bank_account, Currency(unit_class.currency))
    if due_on < called_on:
        raise Refused(_("A call is due on the day it is made or later."), code="due_before_called")
    _require_equal(unit_class, {int(one["holder"]): int(one["amount"]) for one in lines}, now)
    _require_committed(amounts, called_on)
    payload = {
        "act": "call",
        "call": str(uuid4()),
        "class": unit_class.pk,
        "called_on": called_on.isoformat(),
        "due_on": due_on.isoformat(),
        "bank_account": bank_account,
        "purpose_en": purpose_en,
        "purpose_ja": purpose_ja,
        "lines": lines,
    }
    return _propose(str(payload["call"]), payload, officer, now, reason)


def _require_committed(amounts: Mapping[int, Money], on: date) -> None:
    left = {one.holder.pk: one.uncalled for one in standings(on=on)}
    for holder_id, money in amounts.items():
        room = left.get(holder_id)
        if room is None or money > room:
            raise Refused(
                _("This is more than the holder has committed and was not called yet."),
                code="over_commitment",
                left=room and room.amount,
            )


def _require_equal(unit_class: UnitClass, amounts: Mapping[int, int], now: datetime) -> None:
    """Raises Refused unless both co-owners pay the same, or the setting says that they need not (D1)."""
    if unit_class.owner_kind != Holder.Kind.SOVEREIGN or not config.get("co_owners.equal", at=now):
        return
    owners = Holder.objects.filter(kind=Holder.Kind.SOVEREIGN).values_list("pk", flat=True)
    if set(owners) != amounts.keys() or len(set(amounts.values())) != 1:
        raise Refused(_("The two co-owners hold the same, so both pay the same."), code="co_owners_unequal")


def _call(facts: dict[str, Any], proposal: Proposal, now: datetime) -> None:
    amounts = {
        int(one["holder"]): Money(int(one["amount"]), Currency(UnitClass.objects.get(pk=facts["class"]).currency))
        for one in facts["lines"]
    }
    list(Holder.objects.select_for_update(no_key=True).filter(pk__in=amounts).order_by("pk"))
    _require_committed(amounts, date.fromisoformat(facts["called_on"]))
    call = Call.objects.create(
        id=facts["call"],
        number=Call.objects.aggregate(number=Max("number", default=0))["number"] + 1,
        proposal=proposal,
        unit_class_id=facts["class"],
        called_on=date.fromisoformat(facts["called_on"]),
        due_on=date.fromisoformat(facts["due_on"]),
        bank_account=facts["bank_account"],
        purpose_en=facts["purpose_en"],
        purpose_ja=facts["purpose_ja"],
    )
    CallLine.objects.bulk_create(
        CallLine(id=one["line"], call=call, proposal=proposal, holder_id=int(one["holder"]), amount=int(one["amount"]))
        for one in facts["lines"]
    )
    outbox.leave(topic="capital.called", subject=str(call), now=now, call=str(call.pk))


# ── contributions ─────────────────────────────────────────────────────────────────────────────────────────────────────
def propose_contributions(
    *, call: Call, amounts: Mapping[UUID, Money], day: date, officer: Officer, now: datetime, reason: str
) -> Proposal:
    """Put up the money that came in on a day against lines of a call, by line. Raises Refused, and NotOnDuty."""
    held = {one.pk: (one, left) for one, left in open_lines(call=call)}
    if calendars.books_open(day) > now:
        raise Refused(_("This day is still to come."), code="day_to_come")
    for line_id, money in amounts.items():
        _require_currency(call.unit_class, money)
        _require_open(held, line_id, money.amount)
        _buy(call, money.amount, now)
    _require_equal(call.unit_class, {held[line][0].holder_id: money.amount for line, money in amounts.items()}, now)
    parts = [
        {"event": str(uuid4()), "line": str(line_id), "amount": str(money.amount)} for line_id, money in amounts.items()
    ]
    payload = {"act": "contribution", "call": str(call.pk), "day": day.isoformat(), "parts": parts}
    return _propose(parts[0]["event"] if parts else "", payload, officer, now, reason)


def _require_open(held: Mapping[UUID, tuple[CallLine, int]], line_id: UUID, amount: int) -> None:
    if line_id not in held:
        raise Refused(_("This line does not belong to the call."), code="unknown_line")
    left = held[line_id][1]
    if amount <= 0:
        raise Refused(_("The amount must be above zero."), code="no_amount")
    if amount > left:
        raise Refused(_("This is more than is still to be paid of the call."), code="over_called", left=left)


def _buy(call: Call, amount: int, now: datetime) -> Purchase:
    bought = buy(Money(amount, Currency(call.unit_class.currency)), prices.latest_price(call.unit_class_id, now))
    if bought.units == 0:
        raise Refused(_("This is less than the price of the smallest unit."), code="too_little")
    return bought


def _contribute(facts: dict[str, Any], proposal: Proposal, now: datetime) -> None:
    """All parts in one transaction, so that the co-owners hold the same before it and after it."""
    call = Call.objects.select_related("unit_class").get(pk=facts["call"])
    holders = call.lines.values("holder")
    list(Holder.objects.select_for_update(no_key=True).filter(pk__in=holders).order_by("pk"))
    held = {one.pk: (one, left) for one, left in open_lines(call=call)}
    day, code, currency = date.fromisoformat(facts["day"]), call.unit_class_id, call.unit_class.currency
    for part in facts["parts"]:
        line_id, amount = UUID(part["line"]), int(part["amount"])
        _require_open(held, line_id, amount)
        line, left = held[line_id]
        held[line_id] = (line, left - amount)
        bought = _buy(call, amount, now)
        bank = f"bank:{call.bank_account}"
        lines = [
            Line(bank, f"capital:{code}", bought.cost.amount),
            Line(f"issued:{code}", f"units:{code}", bought.units, line.holder_id),
        ]
        if bought.remainder:
            lines.append(Line(bank, f"rounding:{currency}", bought.remainder.amount))
        event_id = UUID(part["event"])
        post.post(event=Event.CAPITAL_CALL, event_id=event_id, lines=lines, effective_at=calendars.books_open(day))
        Contribution.objects.create(
            event_id=event_id, line=line, proposal=proposal, day=day, amount=amount, units=bought.units
        )


# ── what all three have in common ─────────────────────────────────────────────────────────────────────────────────────
CARRY = {"commitment": _commit, "call": _call, "contribution": _contribute}


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> bool:
    """Carry out what was approved; False when it was done before. Raises Refused when it is no longer possible."""
    if not approval.carry_out(proposal=proposal, now=now):
        return False
    facts = proposal.facts
    CARRY[facts["act"]](facts, proposal, now)
    return True


def _propose(subject: str, payload: dict[str, Any], officer: Officer, now: datetime, reason: str) -> Proposal:
    officers.on_duty(user_id=officer.user_id, duty=Duty.VALUATION, now=now)
    if not subject:
        raise Refused(_("There is nothing to change."), code="nothing")
    if not reason.strip():
        raise Refused(_("Say why: the reason is kept with the proposal."), code="reason_missing")
    return approval.propose(
        kind=Kind.CAPITAL,
        subject=f"{payload['act']}:{subject}",
        payload=payload,
        officer=officer,
        now=now,
        reason=reason,
    )


def _owner(holder_id: int) -> Holder:
    holder = Holder.objects.filter(pk=holder_id).first()
    if holder is None:
        raise Refused(_("There is no such holder."), code="unknown_holder")
    if holder.kind == Holder.Kind.CITIZEN:
        raise Refused(_("Citizens subscribe to offerings."), code="citizen")
    return holder


def _class_of(holder: Holder) -> UnitClass:
    """The class that holders of a kind own (D1)."""
    return UnitClass.objects.get(owner_kind=holder.kind)


def _require_currency(unit_class: UnitClass, money: Money) -> None:
    if money.currency != unit_class.currency:
        raise Refused(_("This class is paid for in another currency."), code="wrong_currency")


def owners() -> Sequence[Holder]:
    """Everybody who can commit capital: the co-owners first, then the partners by name."""
    rows = Holder.objects.exclude(kind=Holder.Kind.CITIZEN)
    return sorted(rows, key=lambda one: (one.kind != Holder.Kind.SOVEREIGN, one.name_en))
