"""The papers of a year of tax (D48): the recipient's copy of every statement; a corrected one says what has changed."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fund.governance import config
from fund.holders import Nation
from fund.money import Currency, Money
from fund.tax import year
from fund.tax.forms import FIELDS, As, Field
from fund.tax.models import Form, TaxStatement, TaxYear
from fund.units import UnitClass
from investors import tax_files
from investors.people import Investor
from portal.archive import Kind
from portal.documents import making
from portal.documents.making import Both, Layout, Part, both, row
from portal.documents.orders import head
from portal.templatetags import figures

# Statements of released versions of a year whose paper is the next one of its form and citizen.
WITHOUT = """
    SELECT s.id, i.id
      FROM fund_taxstatement s
      JOIN fund_taxyear y ON y.id = s.tax_year_id AND y.state = 'released' AND y.year = %(year)s
      JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE s.version = 1 + coalesce((SELECT max(p.version) FROM portal_paper p
                                      WHERE (p.investor_id, p.kind, p.subject) = (i.id, s.form, %(subject)s)), 0)
     ORDER BY s.id LIMIT %(most)s
"""
US = (Form.DIV, Form.FOREIGN, Form.PFIC, Form.SALES)
BOXED = (Form.DIV, Form.FOREIGN, Form.SALES)  # with the numbers of their boxes
LEAD = {
    Form.DIV: _(
        "This is your copy. The same figures go to the Internal Revenue Service of the United States; if you have to"
        " file a return, they belong in it."
    ),
    Form.FOREIGN: _(
        "This is your copy. The same figures go to the Internal Revenue Service of the United States, because tax of"
        " the United States was due on your distributions as those of a foreign person."
    ),
    Form.ANNUAL: _(
        "This is your copy, made after the annual report of a specified account. The same figures go to Japan’s tax"
        " office. Your My Number is not on it."
    ),
    Form.SALES: _(
        "This is your copy. A redemption is a sale. The same proceeds go to the Internal Revenue Service of the United"
        " States; if you have to file a return, they belong in it."
    ),
    Form.PFIC: _(
        "For US persons the fund is a passive foreign investment company. With these figures you can treat it as a"
        " qualified electing fund (Form 8621). Treas. Reg. §1.1295-1(g)."
    ),
}
NOTES: dict[Form, list[Any]] = {
    Form.DIV: [_("Qualified dividends also depend on how long you have held your units.")],
    Form.FOREIGN: [],
    Form.ANNUAL: [],
    Form.SALES: [
        _(
            "The cost is the average cost of your units. It is not reported to the Internal Revenue Service; where your"
            " own records follow another method, use them."
        ),
        _(
            "Units count as redeemed in the order in which they came. Long-term are those held for more than a year on"
            " the dealing day."
        ),
        _("No tax was withheld from redemptions."),
    ],
    Form.PFIC: [
        _("Shares in earnings are in US dollars, rounded down; a loss is passed on to nobody."),
        _(
            "The fund will let you inspect and copy its permanent books of account, records and such other documents as"
            " it keeps to establish that its ordinary earnings and net capital gain are computed by the income tax"
            " principles of the United States, and to verify these amounts and your share in them."
        ),
    ],
}

TERMS = {"long": _("long-term"), "short": _("short-term")}
OF_A_PFIC = _(
    "The fund is a passive foreign investment company: without an election (Form 8621) a gain falls under IRC §1291,"
    " whose tax and interest are not computed here; with one, §1293 or §1296 changes your basis."
)
OF_SALES = _(
    "The fund does not keep specified accounts (tokutei kōza): no tax was withheld from redemptions. Whoever has to"
    " file declares the gain (national tax 15.315%, local tax 5%). The acquisition cost is your average cost, less"
    " special distributions."
)


def write_next(*, tax_year_id: int, now: datetime) -> int:
    """Some papers of the year of a released version; call it until it makes none."""
    one = TaxYear.objects.get(pk=tax_year_id)
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT, {"year": one.year, "subject": str(one.year), "most": making.AT_ONCE})
        found = cursor.fetchall()
    statements = TaxStatement.objects.select_related("tax_year").in_bulk([line[0] for line in found])
    investors = Investor.objects.in_bulk([line[1] for line in found])
    classes = UnitClass.objects.in_bulk()
    by_form: dict[str, list[Layout]] = {}
    for statement, investor in found:
        layout = _layout(statements[statement], investors[investor], classes, now)
        by_form.setdefault(layout.kind, []).append(layout)
    return sum(making.issue(layouts, now=now) for layouts in by_form.values())


def _layout(one: TaxStatement, investor: Investor, classes: dict[str, UnitClass], now: datetime) -> Layout:
    form = Form(one.form)
    earlier = year.before(statement=one)
    parts = [_about(one, form, investor, now)]
    parts += [_line(form, line, classes) for line in one.lines]
    if earlier is not None:
        parts.append(_changed(form, earlier.lines, one.lines, classes))
    nothing = [both(_("Nothing is left to be reported: what an earlier version said was taken back."))]
    corrected = [both(_("This is a corrected version. It takes the place of the one before."))]
    return Layout(
        owner=investor,
        kind=Kind(form.value),
        subject=str(one.tax_year.year),
        title=both(lambda: f"{form.label} {one.tax_year.year}"),
        lead=[both(LEAD[form]), *(corrected if earlier else []), *([] if one.lines else nothing)],
        parts=parts,
    )


def _about(one: TaxStatement, form: Form, investor: Investor, now: datetime) -> Part:
    """Who reports, of whom, for which days."""
    first, last = year.span(one.tax_year.year)
    nation = Nation.US if form in US else Nation.JP
    payer = config.get("tax.payer", at=now)[nation.value]
    rows = [
        row(_("Period"), lambda: f"{figures.day(first)} – {figures.day(last)}"),
        row(_("Version"), str(one.version)),
        row(_("Payer"), lambda: gettext("Kakehashi Fund")),
        row(_("Taxpayer number of the payer"), payer or _("not issued yet")),
    ]
    if form in US:
        number = tax_files.masked(investor=investor, now=now)
        rows.append(row(_("Your taxpayer number"), number or _("none is kept")))
    return Part(both(_("About this paper")), head(), rows=rows, notes=[both(note) for note in _notes(one, form)])


def _notes(one: TaxStatement, form: Form) -> list[Any]:
    notes = list(NOTES[form])
    if form == Form.SALES and one.tax_year.basis["pfic"]:
        notes.append(OF_A_PFIC)
    if any("sale_proceeds" in line for line in one.lines):
        notes.append(OF_SALES)
    return notes


def _line(form: Form, line: dict[str, Any], classes: dict[str, UnitClass]) -> Part:
    fields = [row(_label(form, one), _written(one, line, classes)) for one in FIELDS[form] if one.key in line]
    return Part(both(lambda: _name(form, line, classes)), head(), rows=fields)


def _name(form: Form, line: dict[str, Any], classes: dict[str, UnitClass]) -> str:
    """What a line is about: its class, and where a form has several lines a class, which income at which rate, or what
    was redeemed in which window."""
    name = str(classes[line["class"]].get_code_display())
    if form == Form.SALES:
        return f"{name}, {line['window']}, {TERMS[line['2']]}"
    return f"{name}, {line['1']} ({line['3b']}%)" if form == Form.FOREIGN else name


def _label(form: Form, field: Field) -> Callable[[], str]:
    """With the number of the box where the form has numbers."""
    return lambda: f"{field.key}. {field.label}" if form in BOXED and field.key[0].isdigit() else str(field.label)


def _written(field: Field, line: dict[str, Any] | None, classes: dict[str, UnitClass]) -> Callable[[], str]:
    def write() -> str:
        if line is None or field.key not in line:
            return "–"
        value = line[field.key]
        match field.read:
            case As.MONEY:
                return figures.money(Money(value, Currency(line["currency"])))
            case As.CENTS:
                return figures.money(Money(value, Currency.USD))
            case As.UNITS:
                return figures.units(value, classes[line["class"]])
            case As.DAYS:
                return figures.whole(value)
            case As.DAY:
                return figures.day(date.fromisoformat(value))
            case As.TERM:
                return str(TERMS[value])
        return str(Nation(value).label) if value in Nation.values else str(value) or "–"

    return write


def _changed(
    form: Form, before: list[dict[str, Any]], after: list[dict[str, Any]], classes: dict[str, UnitClass]
) -> Part:
    """Each field that is another than in the version before, beside what it was."""
    names = (_("Item"), _("Before"), _("Now"))
    return Part(
        both(_("What has changed")),
        [both(name) for name in names],
        table=list(_differences(form, before, after, classes)),
    )


def _differences(
    form: Form, before: list[dict[str, Any]], after: list[dict[str, Any]], classes: dict[str, UnitClass]
) -> Iterator[list[Both]]:
    old, new = ({_key(line): line for line in lines} for lines in (before, after))
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        about = now or was
        assert about is not None
        for field in FIELDS[form]:
            if (was or {}).get(field.key) != (now or {}).get(field.key):
                label = both(lambda field=field, about=about: f"{_name(form, about, classes)}: {_label(form, field)()}")
                yield [label, both(_written(field, was, classes)), both(_written(field, now, classes))]


def _key(line: dict[str, Any]) -> tuple[str, ...]:
    sale = (line["window"], line["2"]) if "window" in line else ("", "")
    return line["class"], line.get("1", ""), line.get("3b", ""), *sale
