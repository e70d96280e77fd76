"""Tables brought into the portfolio: what a file would change is shown, and exactly that is proposed or recorded (D4).

What an officer types is a table of one line. A plan is worked out anew whenever it is looked at; its digest says
whether it is still the one that was read. The event of a line follows from its values, so that the same line brought
twice is known the second time; two equal lines of one file are two events. ``reference`` tells equal lines of two files
apart.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import approval, audit, officers
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, Money
from fund.portfolio import entries, investments, reversal, tables
from fund.portfolio.entries import Entry
from fund.portfolio.models import (
    Accrual,
    Deployment,
    Expense,
    Facility,
    FacilityBalance,
    ImportedFile,
    Income,
    Investment,
    Valuation,
)
from fund.portfolio.movements import Refused
from fund.portfolio.tables import Fault, Row
from fund.rates import ReferenceRate

Kind = ImportedFile.Kind


@dataclass(frozen=True)
class Difference:
    """What one line would do. ``state``: new, changed (an older value is followed by another) or known (nothing).

    ``changes``: column, what holds now (None for nothing), what would.
    """

    line: int
    state: str
    title: str
    changes: list[tuple[str, str | None, str]]
    entry: Entry | None


@dataclass
class Plan:
    """What a file would change. With a fault it cannot be used."""

    differences: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        return [one.entry for one in self.differences if one.entry is not None]

    @property
    def digest(self) -> str:
        """Names the entries: of the same digest, the very same would happen."""
        return approval.digest_of(self.entries)

    @property
    def two_keys(self) -> bool:
        return not all(entries.ACTS[one["act"]].recorded for one in self.entries)


class Unsound(Refused):
    """The table has faults; nothing of it is used."""

    code = "unsound_table"


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def bring(*, kind: str, name: str, content: str, officer: Officer | None, now: datetime) -> ImportedFile:
    """Keep a table so that its plan can be looked at. Raises NotOnDuty without the duty of valuation."""
    if officer is not None:
        officers.on_duty(user_id=officer.user_id, duty=Duty.VALUATION, now=now)
    file = ImportedFile.objects.create(
        kind=Kind(kind),
        name=name[:120],
        content=content,
        digest=sha256(content.encode()).digest(),
        officer=officer,
        received_at=now,
    )
    actor = officer.actor if officer else "system"
    audit.record(actor=actor, verb="bring_table", subject=f"table:{file.pk}", now=now, kind=kind)
    return file


def typed(*, kind: str, cells: dict[str, str], officer: Officer, now: datetime) -> ImportedFile:
    """What an officer typed, as a table of one line. Raises NotOnDuty."""
    text = io.StringIO()
    names = [column.name for column in tables.COLUMNS[kind]]
    csv.writer(text).writerows([names, [cells.get(name, "") for name in names]])
    return bring(kind=kind, name="", content=text.getvalue(), officer=officer, now=now)


@transaction.atomic
def take(*, file: ImportedFile, digest: str, officer: Officer, reason: str, now: datetime) -> Proposal | int:
    """Do what was read: a proposal where it needs both keys, else it is recorded at once (how many entries).

    Raises Unsound for a table with faults, and Refused when the plan is no longer the one with this digest.
    """
    made = plan(kind=file.kind, content=file.content, now=now)
    if made.faults:
        raise Unsound(_("The table has faults. Nothing was changed."), faults=made.faults)
    if made.digest != digest:
        raise Refused(_("Something has changed since you read this. Read it again."), code="plan_changed")
    if not made.entries:
        raise Refused(_("There is nothing to change."), code="nothing")
    if made.two_keys:
        return entries.propose(entries=made.entries, officer=officer, now=now, reason=reason)
    return entries.record(entries=made.entries, officer=officer, now=now)


# ── the plan ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def plan(*, kind: str, content: str, now: datetime) -> Plan:
    """What a table would change at this moment, line by line, and every fault with its line and column."""
    table = tables.read(kind, content)
    made = Plan(faults=list(table.faults))
    if made.faults:
        return made
    compare, seen = COMPARISONS[kind](table.rows), Counter[str]()
    for row in table.rows:
        event = _event(kind, row, seen)
        try:
            made.differences.append(compare(row, event))
        except _Column as wrong:
            made.faults.append(Fault(row.line, wrong.column, wrong.message))
        except Refused as refused:
            made.faults.append(Fault(row.line, "", refused.message))
    lines = [one.line for one in made.differences if one.entry is not None]
    made.faults += [
        Fault(lines[place], "", refused.message) for place, refused in entries.faults(entries=made.entries, now=now)
    ]
    made.faults.sort(key=lambda one: one.line)
    return made


class _Column(Refused):
    """A value of one column contradicts what is known."""

    def __init__(self, column: str, message: Any) -> None:
        super().__init__(message)
        self.column = column


def _event(kind: str, row: Row, seen: Counter[str]) -> UUID:
    told = json.dumps([kind, sorted(row.values.items())], ensure_ascii=False)
    seen[told] += 1
    return uuid5(NAMESPACE_URL, f"kakehashi:table:{seen[told]}:{told}")


type Comparison = Callable[[Row, UUID], Difference]


def _new(row: Row, title: str, entry: Entry, shown: Sequence[str]) -> Difference:
    return Difference(row.line, "new", title, [(name, None, _shown(name, row.values)) for name in shown], entry)


def _known(row: Row, title: str) -> Difference:
    return Difference(row.line, "known", title, [], None)


def _changed(row: Row, title: str, changes: list[tuple[str, str | None, str]], entry: Entry) -> Difference:
    return Difference(row.line, "changed", title, changes, entry)


def _shown(name: str, values: dict[str, str]) -> str:
    """A value as the table writes it."""
    if name in tables.MONEY and values[name]:
        return Money(int(values[name]), Currency(values["currency"])).value
    return values[name]


def _once(seen: set[Any], key: Any, message: Any) -> None:
    """Raises Refused for a second line about the same thing."""
    if key in seen:
        raise Refused(message, code="twice")
    seen.add(key)


TWICE = _("Another line of this table is about the same.")


def _compare_investments(rows: list[Row]) -> Comparison:
    known = Investment.objects.in_bulk([row["code"] for row in rows])
    seen: set[Any] = set()

    def compare(row: Row, event: UUID) -> Difference:
        _once(seen, row["code"], TWICE)
        code, values = row["code"], dict(row.values)
        if (held := known.get(code)) is None:
            del values["effective_on"]
            names = [name for name, value in values.items() if value]
            return _new(row, code, {"act": "investment", "event": str(event), **values}, names)
        _unchanged(row, held, ("name_en", "name_ja", "sector", "state", "currency", "since"))
        return _terms(row, event, "terms", "investment", investments.INVESTMENT_TERMS, investments.investment)

    return compare


def _compare_facilities(rows: list[Row]) -> Comparison:
    known = Facility.objects.in_bulk([row["code"] for row in rows])
    seen: set[Any] = set()

    def compare(row: Row, event: UUID) -> Difference:
        _once(seen, row["code"], TWICE)
        code, values = row["code"], dict(row.values)
        if (held := known.get(code)) is None:
            del values["effective_on"]
            return _new(row, code, {"act": "facility", "event": str(event), **values}, list(values))
        _unchanged(row, held, ("name_en", "name_ja", "currency", "day_count"))
        return _terms(row, event, "facility_terms", "facility", investments.FACILITY_TERMS, investments.facility)

    return compare


def _unchanged(row: Row, held: Any, names: Sequence[str]) -> None:
    """Raises for a value that can never change."""
    for name in names:
        if row[name] != str(getattr(held, name)):
            raise _Column(name, _("This never changes; it is “%(held)s”.") % {"held": getattr(held, name)})


def _terms(row: Row, event: UUID, act: str, of: str, names: Sequence[str], in_force: Callable[..., Any]) -> Difference:
    """New terms of something that is known, from the day the line names on."""
    on = date.fromisoformat(row["effective_on"]) if row["effective_on"] else date.max
    held = in_force(code=row["code"], on=on)
    before = {name: str(getattr(held, name)) for name in names} | {"currency": row["currency"]}
    changes: list[tuple[str, str | None, str]] = [
        (name, _shown(name, before), _shown(name, row.values)) for name in names if before[name] != row[name]
    ]
    if not changes:
        return _known(row, row["code"])
    if not row["effective_on"]:
        raise _Column("effective_on", _("Say from which day on this holds."))
    values = {name: row[name] for name in ("effective_on", *names)}
    return _changed(row, row["code"], changes, {"act": act, "event": str(event), of: row["code"], **values})


def _compare_movements(rows: list[Row]) -> Comparison:
    posted = {*Deployment.objects.values_list("pk", flat=True), *Income.objects.values_list("pk", flat=True)}

    def compare(row: Row, event: UUID) -> Difference:
        title = f"{row['investment']} {row['day']}"
        if event in posted:
            return _known(row, title)
        if row["movement"] == "drawdown" and row["cost"]:
            raise _Column("cost", _("Only a realisation gives up a cost."))
        if row["movement"] == "realisation" and not row["cost"]:
            raise _Column("cost", _("Say what the part that was given up had cost."))
        values = {name: row[name] for name in ("investment", "day", "amount", "currency", "bank_account", "reference")}
        if row["movement"] != "drawdown":
            values["cost"] = row["cost"] or "0"
        entry = {"act": row["movement"], "event": str(event), **values}
        return _new(row, title, entry, ("movement", "amount", "currency", "bank_account"))

    return compare


def _compare_valuations(rows: list[Row]) -> Comparison:
    days = {date.fromisoformat(row["day"]) for row in rows}
    newest = {
        (one.investment_id, one.effective_on.isoformat()): one
        for one in Valuation.objects.filter(effective_on__in=days).order_by("id")
    }
    seen: set[Any] = set()

    def compare(row: Row, event: UUID) -> Difference:
        key = (row["investment"], row["day"])
        _once(seen, key, TWICE)
        title = " ".join(key)
        entry = {"act": "valuation", "event": str(event), **row.values}
        if (before := newest.get(key)) is None:
            return _new(row, title, entry, ("amount", "currency", "source_en", "source_ja"))
        held = {name: str(getattr(before, name)) for name in ("amount", "source_en", "source_ja")}
        changes: list[tuple[str, str | None, str]] = [
            (name, _shown(name, {**row.values, **held}), _shown(name, row.values))
            for name in held
            if held[name] != row[name]
        ]
        return _changed(row, title, changes, entry) if changes else _known(row, title)

    return compare


def _compare_debt(rows: list[Row]) -> Comparison:
    posted = set(FacilityBalance.objects.exclude(event_id=None).values_list("event_id", flat=True))
    stated = {
        (one.facility_id, one.effective_on.isoformat()): one.drawn
        for one in FacilityBalance.objects.filter(event_id=None).order_by("id")
    }

    def compare(row: Row, event: UUID) -> Difference:
        title = f"{row['facility']} {row['day']}"
        values = {name: row[name] for name in ("facility", "day", "amount", "currency")}
        entry = {"act": row["movement"], "event": str(event), **values}
        if row["movement"] == "statement":
            before = stated.get((row["facility"], row["day"]))
            if before == int(row["amount"]):
                return _known(row, title)
            if before is None:
                return _new(row, title, entry, ("movement", "amount", "currency"))
            held = _shown("amount", {"amount": str(before), "currency": row["currency"]})
            return _changed(row, title, [("amount", held, _shown("amount", row.values))], entry)
        if event in posted:
            return _known(row, title)
        if not row["bank_account"]:
            raise _Column("bank_account", _("Say over which bank account the money moved."))
        entry |= {name: row[name] for name in ("bank_account", "reference")}
        return _new(row, title, entry, ("movement", "amount", "currency", "bank_account"))

    return compare


def _compare_expenses(rows: list[Row]) -> Comparison:
    posted = set(Expense.objects.values_list("pk", flat=True))

    def compare(row: Row, event: UUID) -> Difference:
        title = f"{row['kind']} {row['against']} {row['day']}"
        if event in posted:
            return _known(row, title)
        entry = {"act": "expense", "event": str(event), **row.values}
        return _new(row, title, entry, ("amount", "currency", "bank_account", "description_en", "description_ja"))

    return compare


def _compare_accruals(rows: list[Row]) -> Comparison:
    newest = {
        (one.code, one.effective_on.isoformat()): one for one in Accrual.objects.order_by("effective_on", "recorded_at")
    }
    seen: set[Any] = set()

    def compare(row: Row, event: UUID) -> Difference:
        key = (row["code"], row["effective_on"])
        _once(seen, key, TWICE)
        title = " ".join(key)
        entry = {"act": "accrual", "event": str(event), **row.values}
        if (before := newest.get(key)) is None:
            return _new(row, title, entry, ("yearly", "currency", "description_en", "description_ja"))
        if before.yearly == int(row["yearly"]) and before.currency == row["currency"]:
            return _known(row, title)
        held = Money(before.yearly, Currency(before.currency)).value
        return _changed(row, title, [("yearly", held, _shown("yearly", row.values))], entry)

    return compare


def _compare_rates(rows: list[Row]) -> Comparison:
    known = ReferenceRate.objects.in_bulk()
    seen: set[Any] = set()

    def compare(row: Row, event: UUID) -> Difference:
        day = row["Date"]
        _once(seen, day, TWICE)
        entry = {
            "act": "rate", "event": str(event), "day": day, "usd_per_eur": row["USD"], "jpy_per_eur": row["JPY"],
        }  # fmt: skip
        if (held := known.get(date.fromisoformat(day))) is None:
            return _new(row, day, entry, ("USD", "JPY"))
        for column, value in (("USD", held.usd_per_eur), ("JPY", held.jpy_per_eur)):
            if value != Decimal(row[column]):
                raise _Column(column, _("This never changes; it is “%(held)s”.") % {"held": f"{value.normalize():f}"})
        return _known(row, day)

    return compare


def _compare_reversals(rows: list[Row]) -> Comparison:
    seen: set[Any] = set()

    def compare(row: Row, event: UUID) -> Difference:
        _once(seen, row["reverses"], TWICE)
        moved, _event = reversal.find(row["reverses"])
        known = type(moved).objects.filter(reverses=moved.pk, day=row["day"]).exists()
        currency = moved.currency if isinstance(moved, Expense) else moved.investment.currency
        told = {"amount": str(moved.amount), "currency": currency}
        if isinstance(moved, Expense):
            told |= {"kind": moved.kind, "against": moved.against}
        else:
            told |= {"investment": moved.investment_id}
        if isinstance(moved, Income):
            told["cost"] = str(moved.cost)
        entry = {"act": "reversal", "event": str(event), **row.values, **told}
        title = f"{entries.about(entry)} {moved.day}"
        if known:
            return _known(row, title)
        changes = [(name, _shown(name, told), "") for name in ("amount", "currency")]
        return Difference(row.line, "changed", title, [(name, before, after) for name, before, after in changes], entry)

    return compare


COMPARISONS: dict[str, Callable[[list[Row]], Comparison]] = {
    Kind.INVESTMENTS: _compare_investments,
    Kind.MOVEMENTS: _compare_movements,
    Kind.VALUATIONS: _compare_valuations,
    Kind.FACILITIES: _compare_facilities,
    Kind.DEBT: _compare_debt,
    Kind.EXPENSES: _compare_expenses,
    Kind.ACCRUALS: _compare_accruals,
    Kind.RATES: _compare_rates,
    Kind.REVERSALS: _compare_reversals,
}
