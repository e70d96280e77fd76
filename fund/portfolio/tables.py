"""Tables of the portfolio as people write them: columns and how each cell is read. Pure; no clock and no database.

A cell is read into the one text that stands for its value (amounts in minor units), or a fault says what is wrong.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fund.money import PLAIN_DECIMAL, Currency, Money
from fund.portfolio.models import Expense, ImportedFile, Investment

Kind = ImportedFile.Kind
LARGEST = 2 * 1024 * 1024  # bytes
LONGEST = 20_000  # rows
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}", re.ASCII)
WHOLE = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


class Wrong(ValueError):
    """A cell cannot be read; the message says why."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a table, and where. ``line`` counts from 1; without a ``column`` it is the whole line."""

    line: int
    column: str
    message: Any


@dataclass(frozen=True)
class Row:
    """One line that could be read: the value of every column, empty where an optional one has none."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True)
class Column:
    """A column: its name in the heading, what people call it, and how a cell is read."""

    name: str
    label: Any
    read: Callable[[str], str]
    required: bool = True
    choices: tuple[tuple[str, Any], ...] = ()


@dataclass
class Table:
    """A file that was read. With a fault nothing of it may be used."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


# ── how a cell is read ────────────────────────────────────────────────────────────────────────────────────────────────
def text(longest: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if CONTROL.search(cell):
            raise Wrong(_("This has characters that cannot be shown."))
        if len(cell) > longest:
            raise Wrong(_("This is longer than %(longest)s characters.") % {"longest": longest})
        return cell

    return read


def code(cell: str) -> str:
    if not CODE.fullmatch(cell):
        raise Wrong(_("A code has capital letters, digits and hyphens, 20 at most."))
    return cell


def state(cell: str) -> str:
    if not re.fullmatch("[A-Z]{2}", cell):
        raise Wrong(_("A state is written with its two capital letters."))
    return cell


def day(cell: str) -> str:
    try:
        read = date.fromisoformat(cell)
    except ValueError:
        raise Wrong(_("A day is written like 2026-03-31.")) from None
    if len(cell) != len("2026-03-31") or read.year < 1990:
        raise Wrong(_("A day is written like 2026-03-31."))
    return cell


def amount(cell: str) -> str:
    """Major units; what they are in minor ones needs the row's currency."""
    if not PLAIN_DECIMAL.fullmatch(cell):
        raise Wrong(_("An amount is written with digits and a point alone, like 250000.00."))
    return cell


def event(cell: str) -> str:
    try:
        return str(UUID(cell))
    except ValueError:
        raise Wrong(_("This is not the number of an event.")) from None


def percent(cell: str) -> str:
    if (
        not PLAIN_DECIMAL.fullmatch(cell)
        or not 0 <= Decimal(cell) <= 100
        or -int(Decimal(cell).as_tuple().exponent) > 2
    ):
        raise Wrong(_("A percentage lies between 0 and 100 and has two decimals at most."))
    return f"{Decimal(cell):.2f}"


def rate(cell: str) -> str:
    if not PLAIN_DECIMAL.fullmatch(cell) or Decimal(cell) == 0 or -int(Decimal(cell).as_tuple().exponent) > 6:
        raise Wrong(_("A rate is a number above zero with six decimals at most."))
    return f"{Decimal(cell):f}"


def whole(cell: str) -> str:
    if not WHOLE.fullmatch(cell):
        raise Wrong(_("This is a whole number that is not negative."))
    return cell


def one_of(choices: tuple[tuple[str, Any], ...]) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell not in dict(choices):
            raise Wrong(_("This is one of: %(choices)s.") % {"choices": ", ".join(value for value, _ in choices)})
        return cell

    return read


def chosen(name: str, label: Any, choices: list[tuple[str, Any]]) -> Column:
    return Column(name, label, one_of(tuple(choices)), choices=tuple(choices))


MOVEMENTS = [("drawdown", _("paid in")), ("income", _("income")), ("realisation", _("realisation"))]
DEBT = [("borrow", _("borrowed")), ("repay", _("repaid")), ("statement", _("figure of the lender"))]

CURRENCY = chosen("currency", _("Currency"), [(one.value, one.value) for one in Currency])
DAY = Column("day", _("Day"), day)
AMOUNT = Column("amount", _("Amount"), amount)
BANK = Column("bank_account", _("Bank account"), text(40))
REFERENCE = Column("reference", _("Reference"), text(60), required=False)
INVESTMENT = Column("investment", _("Investment"), code)
FACILITY = Column("facility", _("Loan facility"), code)
EFFECTIVE = Column("effective_on", _("Effective from"), day, required=False)
NAMES = (Column("name_en", _("Name in English"), text(120)), Column("name_ja", _("Name in Japanese"), text(120)))
SOURCES = (
    Column("source_en", _("Source in English"), text(200)),
    Column("source_ja", _("Source in Japanese"), text(200)),
)
DESCRIPTIONS = (
    Column("description_en", _("Description in English"), text(200)),
    Column("description_ja", _("Description in Japanese"), text(200)),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    Kind.INVESTMENTS: (
        Column("code", _("Code"), code),
        *NAMES,
        Column("description_en", _("Description in English"), text(2000), required=False),
        Column("description_ja", _("Description in Japanese"), text(2000), required=False),
        chosen("sector", _("Sector"), list(Investment.Sector.choices)),
        Column("state", _("State"), state),
        chosen("stage", _("Stage"), list(Investment.Stage.choices)),
        Column("ownership_percent", _("Owned, in percent"), percent),
        Column("committed", _("Committed"), amount),
        CURRENCY,
        Column("since", _("Since"), day),
        EFFECTIVE,
    ),
    Kind.MOVEMENTS: (
        INVESTMENT,
        DAY,
        chosen("movement", _("Movement"), MOVEMENTS),
        AMOUNT,
        CURRENCY,
        BANK,
        Column("cost", _("Cost of what was given up"), amount, required=False),
        REFERENCE,
    ),
    Kind.VALUATIONS: (INVESTMENT, DAY, AMOUNT, CURRENCY, *SOURCES),
    Kind.FACILITIES: (
        Column("code", _("Code"), code),
        *NAMES,
        CURRENCY,
        Column("limit", _("Limit"), amount),
        Column("covenant", _("Debt allowed, in percent of gross assets"), percent),
        Column("rate_bps", _("Interest in basis points a year"), whole),
        chosen("day_count", _("Days of the interest year"), [("360", "360"), ("365", "365")]),
        EFFECTIVE,
    ),
    Kind.DEBT: (
        FACILITY,
        DAY,
        chosen("movement", _("Movement"), DEBT),
        AMOUNT,
        CURRENCY,
        Column("bank_account", _("Bank account"), text(40), required=False),
        REFERENCE,
    ),
    Kind.EXPENSES: (
        chosen("kind", _("Kind of expense"), list(Expense.Kind.choices)),
        Column("against", _("Loan facility or running expense"), code, required=False),
        DAY,
        AMOUNT,
        CURRENCY,
        BANK,
        *DESCRIPTIONS,
        REFERENCE,
    ),
    Kind.ACCRUALS: (
        Column("code", _("Code"), code),
        *DESCRIPTIONS,
        Column("yearly", _("Amount a year"), amount),
        CURRENCY,
        Column("effective_on", _("Effective from"), day),
    ),
    Kind.REVERSALS: (Column("reverses", _("Ledger event"), event), DAY),
    # As the ECB writes its own file; its other currencies are passed over.
    Kind.RATES: (
        Column("Date", _("Day"), day),
        Column("USD", _("Dollars per euro"), rate),
        Column("JPY", _("Yen per euro"), rate),
    ),
}
MONEY = ("amount", "cost", "committed", "limit", "yearly")


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def decode(data: bytes) -> str:
    """The text of a file. Raises Wrong unless it is UTF-8 of a bearable size."""
    if len(data) > LARGEST:
        raise Wrong(_("The file is larger than two megabytes."))
    try:
        read = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Wrong(_("The file is not in UTF-8 (line %(line)s).") % {"line": line}) from None
    if "\0" in read:
        raise Wrong(_("The file has characters that cannot be shown."))
    return read


def read(kind: str, content: str) -> Table:
    """Read a file of a kind; every fault of every line is told at once."""
    table = Table()
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        heading = [name.strip() for name in next(reader, [])]
        if not _heading(kind, heading, table):
            return table
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(table.rows) + len(table.faults) >= LONGEST:
                table.faults.append(Fault(reader.line_num, "", _("The table has too many lines.")))
                break
            _line(kind, reader.line_num, heading, cells, table)
    except csv.Error:
        table.faults.append(Fault(reader.line_num, "", _("This line is not a line of a table (CSV).")))
    if not table.rows and not table.faults:
        table.faults.append(Fault(1, "", _("The table has no lines.")))
    return table


def _heading(kind: str, heading: list[str], table: Table) -> bool:
    columns = COLUMNS[kind]
    known = {one.name for one in columns}
    missing = [one.name for one in columns if one.required and one.name not in heading]
    table.faults += [Fault(1, name, _("This column is missing.")) for name in missing]
    if kind != Kind.RATES:
        unknown = [name for name in heading if name not in known]
        table.faults += [Fault(1, name, _("This column is not known.")) for name in unknown]
    table.faults += [Fault(1, name, _("This column stands twice.")) for name in known if heading.count(name) > 1]
    return not table.faults


def _line(kind: str, line: int, heading: list[str], cells: list[str], table: Table) -> None:
    if len(cells) != len(heading):
        message = _("This line has %(found)s cells, the heading has %(expected)s.")
        table.faults.append(Fault(line, "", message % {"found": len(cells), "expected": len(heading)}))
        return
    given = dict(zip(heading, cells, strict=True))
    values, faults = read_row(kind, given)
    table.faults += [Fault(line, name, message) for name, message in faults.items()]
    if not faults:
        table.rows.append(Row(line, values))


def read_row(kind: str, given: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """The values of one row by column, and what is wrong with it by column."""
    values: dict[str, str] = {}
    faults: dict[str, Any] = {}
    for column in COLUMNS[kind]:
        cell = given.get(column.name, "").strip()
        if not cell:
            values[column.name] = ""
            if column.required:
                faults[column.name] = _("This is missing.")
            continue
        try:
            values[column.name] = column.read(cell)
        except Wrong as wrong:
            faults[column.name] = wrong.args[0]
    for name in MONEY:
        if values.get(name) and "currency" in values:
            try:
                values[name] = str(in_minor(values[name], Currency(values["currency"])).amount)
            except ValidationError as wrong:
                faults[name] = wrong.messages[0]
    return values, faults


def in_minor(cell: str, currency: Currency) -> Money:
    """An amount in major units; decimals that a spreadsheet has dropped are nought. Raises ValidationError."""
    number, _point, decimals = cell.partition(".")
    if currency.decimals and len(decimals) < currency.decimals:
        cell = f"{number}.{decimals.ljust(currency.decimals, '0')}"
    return Money.parse(cell, currency)
