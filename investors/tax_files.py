"""What a tax authority is given of a released year (D48): its fields with full numbers, names and addresses, sealed.

A file is made in parts, which only the purpose of reporting opens; every opening of a number or of a part is logged.
It is a table with the fields of the form. The electronic formats themselves (FIRE or IRIS of the IRS, e-Tax and eLTAX
of Japan) are not built: whoever files takes the table to the authority's own program.
"""

import csv
import io
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pgtrigger
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.governance import audit
from fund.holders import Holder
from fund.refusal import Refusal
from fund.tax.forms import FIELDS
from fund.tax.models import Form, TaxStatement, TaxYear
from investors import people, vault
from investors.people import Investor
from investors.vault import Purpose, SealedField

FILED = (Form.DIV, Form.FOREIGN, Form.ANNUAL, Form.SALES)  # the statement of a PFIC is for the holder alone
LINES = 500  # statements of a part
RECIPIENT = ("number_kind", "number", "name", "name_kana", "country", "postcode", "region", "city", "street")


class Refused(Refusal):
    """The file is not given; the message says why."""

    code = "tax_file"


class TaxFilePart(models.Model):
    """Some lines of the file of one form, up to a statement. ``sealed`` is CSV without its head; ``rows`` its lines."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tax_year = models.ForeignKey(TaxYear, on_delete=models.PROTECT, related_name="+")
    form = models.CharField(max_length=16, choices=Form)
    number = models.PositiveIntegerField()
    up_to = models.BigIntegerField()
    rows = models.PositiveIntegerField()
    sealed = SealedField(opened_for=(Purpose.TAX_REPORT.value,))
    made_at = models.DateTimeField()

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(name="tax_file_part_form", condition=Q(form__in=[form.value for form in FILED])),
            models.UniqueConstraint(fields=["tax_year", "form", "number"], name="tax_file_part_once"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="tax_file_part_stands", exclude=["sealed"]),  # its key may be wrapped anew
            pgtrigger.Protect(name="tax_file_part_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.form} {self.tax_year_id}"


def masked(*, investor: Investor, now: datetime) -> str:
    """The taxpayer number as a recipient's copy may show it, the last four digits alone; "" where none is kept.

    Opening it is logged like every other.
    """
    kept = people.TaxpayerNumber.objects.filter(pk=investor.pk).first()
    if kept is None:
        return ""
    digits = vault.read(kept, "number", purpose=Purpose.TAX_REPORT, actor="system", now=now)
    return f"XXX-XX-{digits[-4:]}"


@transaction.atomic
def write_next(*, tax_year: TaxYear, now: datetime, most: int = LINES) -> int:
    """Make the next part of a released year's files; returns how many statements are in it, 0 when all are made."""
    held = TaxYear.objects.select_for_update(of=("self",)).get(pk=tax_year.pk)
    if held.state != TaxYear.State.RELEASED:
        return 0
    for form in FILED:
        last = TaxFilePart.objects.filter(tax_year=held, form=form).order_by("number").last()
        found = list(
            TaxStatement.objects.filter(tax_year=held, form=form, pk__gt=last.up_to if last else 0)
            .select_related("holder").order_by("pk")[:most]
        )  # fmt: skip
        if found:
            _write(held, form, last.number + 1 if last else 1, found, now)
            return len(found)
    return 0


def _write(held: TaxYear, form: Form, number: int, found: Sequence[TaxStatement], now: datetime) -> None:
    known = {one.holder_id: one for one in Investor.objects.filter(holder__in=[row.holder_id for row in found])}
    rows = [line for one in found for line in _lines(held, form, one, known.get(one.holder_id), now)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    part = TaxFilePart(tax_year=held, form=form, number=number, up_to=found[-1].pk, rows=len(rows), made_at=now)
    vault.seal(part, "sealed", text.getvalue())
    part.save(force_insert=True)


def head(form: Form) -> list[str]:
    """The names of the columns; those of the form are its boxes or fields."""
    return ["year", "form", "version", "void", *RECIPIENT, "class", "currency", *(one.key for one in FIELDS[form])]


def _lines(
    held: TaxYear, form: Form, one: TaxStatement, investor: Investor | None, now: datetime
) -> Iterator[list[Any]]:
    """A row a line; a statement of which nothing is left is one row that says it is void."""
    who = _recipient(form, one.holder, investor, now)
    start = [held.year, form.value, one.version]
    for line in one.lines:
        yield [*start, 0, *who, line["class"], line["currency"], *(line.get(field.key, "") for field in FIELDS[form])]
    if not one.lines:
        yield [*start, 1, *who, "", "", *([""] * len(FIELDS[form]))]


def _recipient(form: Form, holder: Holder, investor: Investor | None, now: datetime) -> list[str]:
    if investor is None:  # a partner, of whom only the public name is known
        return ["", "", holder.name_en, "", "", "", "", "", ""]
    kind, number = _number(form, investor, now)
    told = people.name(investor=investor, purpose=Purpose.TAX_REPORT, actor="system", now=now)
    lives = json.loads(vault.read(investor, "residence", purpose=Purpose.TAX_REPORT, actor="system", now=now) or "{}")
    latin = " ".join(filter(None, map(told.get, ("given_latin", "middle_latin", "family_latin"))))
    kanji = " ".join(filter(None, map(told.get, ("family_kanji", "given_kanji"))))
    kana = " ".join(filter(None, map(told.get, ("family_kana", "given_kana"))))
    name = (kanji or latin) if form == Form.ANNUAL else (latin or kanji)
    region = lives.get("state") or lives.get("prefecture") or ""
    place = [
        lives.get("country", ""),
        lives.get("postcode", ""),
        region,
        lives.get("city", ""),
        lives.get("street", ""),
    ]
    return [kind, number, name, kana if form == Form.ANNUAL else "", *place]


def _number(form: Form, investor: Investor, now: datetime) -> tuple[str, str]:
    """The number that the authority of a form wants, in full. Its opening is logged by the vault's door."""
    table: Any = people.MyNumber if form == Form.ANNUAL else people.TaxpayerNumber
    kept = table.objects.filter(pk=investor.pk).first()
    if kept is None:
        return "", ""
    number = vault.read(kept, "number", purpose=Purpose.TAX_REPORT, actor="system", now=now)
    return ("my_number" if form == Form.ANNUAL else kept.kind), number


def is_whole(*, tax_year: TaxYear, form: Form) -> bool:
    """Whether all parts of a file are made."""
    newest = TaxStatement.objects.filter(tax_year=tax_year, form=form).order_by("pk").last()
    parts = TaxFilePart.objects.filter(tax_year=tax_year, form=form)
    return newest is None or parts.filter(up_to=newest.pk).exists()


def read(*, tax_year: TaxYear, form: Form, actor: str, now: datetime) -> bytes:
    """The whole file for the authority; every opening of a part is logged. Raises Refused: not_made, none."""
    if form not in FILED or tax_year.state != TaxYear.State.RELEASED:
        raise Refused(_("There is no file for an authority of this."), code="none")
    if not is_whole(tax_year=tax_year, form=form):
        raise Refused(_("The file is still being made. Please look again in a moment."), code="not_made")
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(head(form))
    parts = TaxFilePart.objects.filter(tax_year=tax_year, form=form).order_by("number")
    for part in parts:
        text.write(vault.read(part, "sealed", purpose=Purpose.TAX_REPORT, actor=actor, now=now))
    audit.record(actor=actor, verb="tax_file.taken", subject=tax_year.subject, now=now, form=form.value)
    return text.getvalue().encode("utf-8-sig")
