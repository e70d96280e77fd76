"""Entries of the portfolio: each is one act on investments, debt or expenses, as the officers sign it (D4, D40).

An entry is a dict of texts: ``act``, ``event`` (its UUID, that of its ledger event where money moves) and the values of
the act, amounts in minor units. What moves money or changes terms is proposed and takes effect with both keys; a mark,
a lender's figure or a reference rate moves none, and one officer records it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from fund import rates
from fund.governance import approval, audit, officers
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, Money
from fund.portfolio import debt, fees, investments, reversal, valuation
from fund.portfolio.models import Expense, Facility, Income, Investment
from fund.portfolio.movements import Refused, require_bank, require_past

type Entry = dict[str, str]

ONE_AT_A_TIME = 0x706F7274  # the transaction's advisory lock of who carries entries out


@dataclass
class Running:
    """What entries that come before in one proposal have used up already, by code."""

    paid: dict[str, int] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)
    drawn: dict[str, int] = field(default_factory=dict)
    accrued: dict[tuple[str, str], int] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Act:
    """``check`` raises Refused for what cannot be, ``carry`` makes it happen. ``recorded``: one key is enough."""

    label: Any
    check: Callable[[Entry, Running, datetime], None]
    carry: Callable[[Entry, datetime, Any], object]
    recorded: bool = False


def about(one: Entry) -> str:
    """What an entry is about, by its code."""
    found = (one.get(name) for name in ("investment", "facility", "code", "against", "kind", "day"))
    return next(filter(None, found), "")


@transaction.atomic
def propose(*, entries: Sequence[Entry], officer: Officer, now: datetime, reason: str) -> Proposal:
    """Put entries up for both keys, all or none. Raises Refused, and NotOnDuty without the duty of valuation."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.VALUATION, now=now)
    if not entries:
        raise Refused(_("There is nothing to change."), code="nothing")
    if not reason.strip():
        raise Refused(_("Say why: the reason is kept with the proposal."), code="reason_missing")
    for _place, refused in faults(entries=entries, now=now):
        raise refused
    return approval.propose(
        kind=Kind.PORTFOLIO,
        subject=f"{entries[0]['act']} {about(entries[0])} {entries[0]['event'][:8]}",
        payload={"entries": list(entries)},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> int:
    """Carry out approved entries in their order, all or none; returns how many, 0 when done before. Raises Refused."""
    if not approval.carry_out(proposal=proposal, now=now):
        return 0
    _one_at_a_time()
    entries: list[Entry] = proposal.facts["entries"]
    for one in entries:
        ACTS[one["act"]].carry(one, now, proposal)
    return len(entries)


@transaction.atomic
def record(*, entries: Sequence[Entry], officer: Officer, now: datetime) -> int:
    """Record entries that need no second key, all or none; returns how many. Raises Refused and NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.VALUATION, now=now)
    if not all(ACTS[one["act"]].recorded for one in entries):
        raise Refused(_("This needs both keys."), code="two_keys")
    _one_at_a_time()
    for _place, refused in faults(entries=entries, now=now):
        raise refused
    for one in entries:
        ACTS[one["act"]].carry(one, now, officer.actor)
    digest = approval.digest_of(entries)
    audit.record(
        actor=officer.actor, verb="record_entries", subject="portfolio", now=now, entries=len(entries), digest=digest
    )
    return len(entries)


def faults(*, entries: Sequence[Entry], now: datetime) -> list[tuple[int, Refused]]:
    """What stands against each entry at this moment, by its place, those before it counted in."""
    running, found = Running(), []
    for place, one in enumerate(entries):
        try:
            ACTS[one["act"]].check(one, running, now)
        except Refused as refused:
            found.append((place, refused))
    return found


def _one_at_a_time() -> None:
    """No two proposals spend the same money: carrying out waits until the other has committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


# ── reading an entry ──────────────────────────────────────────────────────────────────────────────────────────────────
def _money(one: Entry, name: str = "amount") -> Money:
    return Money(int(one[name]), Currency(one["currency"]))


def _day(one: Entry, name: str = "day") -> date:
    return date.fromisoformat(one[name])


def _positive(one: Entry) -> Money:
    money = _money(one)
    if money.amount <= 0:
        raise Refused(_("The amount must be above zero."), code="no_amount")
    return money


def _investment(one: Entry) -> Investment:
    return investments.investment(code=one["investment"], on=_day(one))


def _facility(one: Entry) -> Facility:
    return investments.facility(code=one["facility"], on=_day(one))


def _moving(one: Entry, now: datetime, proposal: Proposal) -> dict[str, Any]:
    """What every verb that moves money is told."""
    return {
        "bank_account": one["bank_account"],
        "day": _day(one),
        "now": now,
        "event_id": UUID(one["event"]),
        "proposal": proposal,
    }


# ── investments ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_investment(one: Entry, running: Running, now: datetime) -> None:
    if Investment.objects.filter(pk=one["code"]).exists():
        raise Refused(_("There is an investment with this code already."), code="known_investment")


def _list_investment(one: Entry, now: datetime, proposal: Proposal) -> Investment:
    names = ("code", "name_en", "name_ja", "description_en", "description_ja", "sector", "state", "stage", "currency")
    return Investment.objects.create(
        **{name: one[name] for name in names},
        ownership_percent=Decimal(one["ownership_percent"]),
        committed=int(one["committed"]),
        since=_day(one, "since"),
    )


def _check_terms(one: Entry, running: Running, now: datetime) -> None:
    held = investments.investment(code=one["investment"], on=_day(one, "effective_on"))
    investments.require_terms(held, _day(one, "effective_on"), int(one["committed"]))


def _change_terms(one: Entry, now: datetime, proposal: Proposal) -> object:
    return investments.change_investment(
        investment=Investment.objects.get(pk=one["investment"]),
        effective_on=_day(one, "effective_on"),
        stage=Investment.Stage(one["stage"]),
        ownership_percent=Decimal(one["ownership_percent"]),
        committed=int(one["committed"]),
        event_id=UUID(one["event"]),
        proposal=proposal,
    )


def _check_drawdown(one: Entry, running: Running, now: datetime) -> None:
    held, money = _investment(one), _positive(one)
    require_bank(one["bank_account"], money.currency)
    before = running.paid.get(held.pk, 0)
    valuation.require_committed(held, money, _day(one), now, paid=valuation.deployed(held) + before)
    running.paid[held.pk] = before + money.amount


def _draw_down(one: Entry, now: datetime, proposal: Proposal) -> object:
    return valuation.invest(investment=_investment(one), money=_money(one), **_moving(one, now, proposal))


def _check_income(one: Entry, running: Running, now: datetime) -> None:
    held, money = _investment(one), _positive(one)
    require_bank(one["bank_account"], money.currency)
    valuation.require_its_own(held, money, _day(one), now)
    if one["act"] == Income.Kind.INCOME and int(one["cost"]):
        raise Refused(_("Only a realisation gives up a cost."), code="cost_of_income")
    before = running.given.get(held.pk, 0)
    left = valuation.deployed(held) + running.paid.get(held.pk, 0) - valuation.given_up(held) - before
    valuation.require_cost(held, _money(one, "cost"), left=left)
    running.given[held.pk] = before + int(one["cost"])


def _receive(one: Entry, now: datetime, proposal: Proposal) -> object:
    return valuation.receive(
        investment=_investment(one),
        kind=Income.Kind(one["act"]),
        money=_money(one),
        cost=_money(one, "cost"),
        **_moving(one, now, proposal),
    )


def _check_valuation(one: Entry, running: Running, now: datetime) -> None:
    valuation.require_its_own(_investment(one), _money(one), _day(one), now)


def _record_valuation(one: Entry, now: datetime, actor: str) -> object:
    return valuation.record_valuation(
        investment=_investment(one),
        effective_on=_day(one),
        money=_money(one),
        source_en=one["source_en"],
        source_ja=one["source_ja"],
        now=now,
        actor=actor,
    )


# ── debt ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_facility(one: Entry, running: Running, now: datetime) -> None:
    if Facility.objects.filter(pk=one["code"]).exists():
        raise Refused(_("There is a facility with this code already."), code="known_facility")
    _require_limits(one)


def _require_limits(one: Entry) -> None:
    if int(one["limit"]) <= 0 or Decimal(one["covenant"]) <= 0:
        raise Refused(_("Limit and covenant must be above zero."), code="no_limit")


def _list_facility(one: Entry, now: datetime, proposal: Proposal) -> Facility:
    return Facility.objects.create(
        **{name: one[name] for name in ("code", "name_en", "name_ja", "currency")},
        limit=int(one["limit"]),
        covenant=Decimal(one["covenant"]),
        rate_bps=int(one["rate_bps"]),
        day_count=int(one["day_count"]),
    )


def _check_facility_terms(one: Entry, running: Running, now: datetime) -> None:
    investments.facility(code=one["facility"], on=_day(one, "effective_on"))
    _require_limits(one)


def _change_facility(one: Entry, now: datetime, proposal: Proposal) -> object:
    return investments.change_facility(
        facility=Facility.objects.get(pk=one["facility"]),
        effective_on=_day(one, "effective_on"),
        limit=int(one["limit"]),
        covenant=Decimal(one["covenant"]),
        rate_bps=int(one["rate_bps"]),
        event_id=UUID(one["event"]),
        proposal=proposal,
    )


def _check_debt(one: Entry, running: Running, now: datetime) -> None:
    money = _positive(one)
    require_bank(one["bank_account"], money.currency)
    held, drawn = debt.last(_facility(one))
    drawn = running.drawn.get(held.pk, drawn)
    moved = money if one["act"] == "borrow" else -money
    debt.require_possible(held, drawn, moved, _day(one), now)
    running.drawn[held.pk] = drawn + moved.amount


def _borrow(one: Entry, now: datetime, proposal: Proposal) -> object:
    return debt.borrow(facility=_facility(one), money=_money(one), **_moving(one, now, proposal))


def _repay(one: Entry, now: datetime, proposal: Proposal) -> object:
    return debt.repay(facility=_facility(one), money=_money(one), **_moving(one, now, proposal))


def _check_statement(one: Entry, running: Running, now: datetime) -> None:
    debt.require_statement(_facility(one), _day(one), _money(one), now)


def _record_drawn(one: Entry, now: datetime, actor: str) -> object:
    return debt.record_drawn(facility=_facility(one), effective_on=_day(one), drawn=_money(one), now=now, actor=actor)


# ── expenses and rates ────────────────────────────────────────────────────────────────────────────────────────────────
def _check_accrual(one: Entry, running: Running, now: datetime) -> None:
    fees.require_same_currency(one["code"], _money(one, "yearly"))


def _accrue(one: Entry, now: datetime, proposal: Proposal) -> object:
    return fees.accrue(
        code=one["code"],
        description_en=one["description_en"],
        description_ja=one["description_ja"],
        yearly=_money(one, "yearly"),
        effective_on=_day(one, "effective_on"),
        event_id=UUID(one["event"]),
        proposal=proposal,
    )


def _check_expense(one: Entry, running: Running, now: datetime) -> None:
    money, kind = _positive(one), Expense.Kind(one["kind"])
    require_bank(one["bank_account"], money.currency)
    require_past(_day(one), now)
    if (kind == Expense.Kind.MANAGEMENT_FEE and one["against"]) or (
        kind == Expense.Kind.INTEREST and not one["against"]
    ):
        raise Refused(_("Interest names its loan facility, the management fee names nothing."), code="wrong_against")
    key = (one["kind"], one["against"])
    before = running.accrued.get(key, 0)
    whole = Money(before + money.amount, money.currency)
    fees.require_accrued(kind=kind, against=one["against"], money=whole, day=_day(one))
    running.accrued[key] = whole.amount


def _pay(one: Entry, now: datetime, proposal: Proposal) -> object:
    return fees.pay(
        kind=Expense.Kind(one["kind"]),
        against=one["against"],
        money=_money(one),
        description_en=one["description_en"],
        description_ja=one["description_ja"],
        **_moving(one, now, proposal),
    )


def _check_rate(one: Entry, running: Running, now: datetime) -> None:
    require_past(_day(one), now)
    if rates.ReferenceRate.objects.filter(pk=_day(one)).exists():
        raise Refused(_("This day has its rates already; they never change."), code="known_rate")


def _record_rate(one: Entry, now: datetime, actor: str) -> object:
    return rates.record(
        day=_day(one),
        usd_per_eur=Decimal(one["usd_per_eur"]),
        jpy_per_eur=Decimal(one["jpy_per_eur"]),
        source=rates.ECB,
    )


def _check_reversal(one: Entry, running: Running, now: datetime) -> None:
    row, _event = reversal.find(one["reverses"])
    if one["reverses"] in running.reversed:
        raise Refused(_("This was taken back already."), code="reversed")
    reversal.require_reversible(row, _day(one), now)
    running.reversed.add(one["reverses"])


def _reverse(one: Entry, now: datetime, proposal: Proposal) -> object:
    return reversal.reverse(
        of=UUID(one["reverses"]), day=_day(one), now=now, event_id=UUID(one["event"]), proposal=proposal
    )


ACTS: dict[str, Act] = {
    "investment": Act(_("new investment"), _check_investment, _list_investment),
    "terms": Act(_("new terms of an investment"), _check_terms, _change_terms),
    "drawdown": Act(_("payment into an investment"), _check_drawdown, _draw_down),
    "income": Act(_("income of an investment"), _check_income, _receive),
    "realisation": Act(_("realisation of an investment"), _check_income, _receive),
    "valuation": Act(_("valuation"), _check_valuation, _record_valuation, recorded=True),
    "facility": Act(_("new loan facility"), _check_facility, _list_facility),
    "facility_terms": Act(_("new terms of a loan facility"), _check_facility_terms, _change_facility),
    "borrow": Act(_("borrowing"), _check_debt, _borrow),
    "repay": Act(_("repayment"), _check_debt, _repay),
    "statement": Act(_("figure of the lender"), _check_statement, _record_drawn, recorded=True),
    "accrual": Act(_("running expense"), _check_accrual, _accrue),
    "expense": Act(_("payment of an expense"), _check_expense, _pay),
    "reversal": Act(_("taking back of a movement"), _check_reversal, _reverse),
    "rate": Act(_("reference rate"), _check_rate, _record_rate, recorded=True),
}
