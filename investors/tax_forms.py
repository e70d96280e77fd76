"""Tax self-certifications (D12): which ones somebody signs, and how long they hold. Rows hold no number and no name."""

from datetime import UTC, date, datetime, time
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from investors.people import Investor

W8BEN_CALENDAR_YEARS = 3  # by the form's own instructions: to the end of the third calendar year after signing


class Form(models.TextChoices):
    """The forms that the interview stands for."""

    W9 = "w9", _("Form W-9")
    W8BEN = "w8ben", _("Form W-8BEN")
    CRS = "crs", _("CRS and FATCA self-certification")


class TaxForm(AppendOnly):
    """One signed form. A later one of the same kind supersedes it; the answers themselves are in the application.

    ``residence`` is the nation in which the signer is taxed as somebody who lives there: JP, or US for all others.
    """

    id = models.BigAutoField(primary_key=True)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="tax_forms")
    form = models.CharField(max_length=8, choices=Form)
    signed_at = models.DateTimeField()
    lapses_on = models.DateField(null=True)
    backup_withholding = models.BooleanField()
    treaty_claim = models.BooleanField()
    residence = models.CharField(max_length=2, blank=True)

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="tax_form_kind", condition=Q(form__in=["w9", "w8ben", "crs"]))]
        indexes = [models.Index(fields=["investor", "form", "signed_at"], name="tax_form_latest")]

    def __str__(self) -> str:
        return f"{self.form} of investor {self.investor_id}"


def needed(*, us_person: bool) -> list[Form]:
    """The forms for a US person or for anybody else."""
    return [Form.W9 if us_person else Form.W8BEN, Form.CRS]


def lapses_on(*, form: Form, signed: date) -> date | None:
    """The last day on which a form holds: a W-8BEN until the end of the third calendar year after it was signed."""
    return date(signed.year + W8BEN_CALENDAR_YEARS, 12, 31) if form == Form.W8BEN else None


def file(*, investor: Investor, answers: dict[str, Any], now: datetime) -> None:
    """Keep the forms that a certified interview stands for."""
    TaxForm.objects.bulk_create(
        TaxForm(
            investor=investor,
            form=form,
            signed_at=now,
            lapses_on=lapses_on(form=form, signed=now.date()),
            backup_withholding=bool(answers.get("backup_withholding")),
            treaty_claim=bool(answers.get("treaty_claim")),
            residence="JP" if "JP" in answers.get("tax_residences", ()) else "US",
        )
        for form in needed(us_person=answers["us_person"])
    )


def in_force(*, investor: Investor, on: date) -> QuerySet[TaxForm]:
    """The latest form of each kind that has not lapsed; ``on`` is a day of UTC, wherever the reader is."""
    latest = (
        TaxForm.objects.filter(investor=investor, signed_at__lt=datetime.combine(on, time.max, UTC))
        .order_by("form", "-signed_at", "-pk")
        .distinct("form")
        .values("pk")
    )
    return TaxForm.objects.filter(Q(lapses_on=None) | Q(lapses_on__gte=on), pk__in=latest).order_by("form")
