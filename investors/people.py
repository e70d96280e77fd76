"""The people at the reception: one investor per person and account (D5), with everything personal sealed (D9, D16)."""

import json
from calendar import monthrange
from datetime import date, datetime
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.governance import audit
from fund.holders import Holder, Nation
from investors import names, vault
from investors.vault import Purpose, SealedField

READINGS_SHOWN = 100

# Nobody becomes a holder while a case of ``investors.duplicates`` is open, or beside a holder who is alike, unless an
# officer has found the two to be different people. Two who are alike wait for each other and the second sees the first.
ONE_HOLDER = """
    IF NEW.state = 'approved' AND (OLD.state <> 'approved' OR OLD.likeness IS DISTINCT FROM NEW.likeness) THEN
        PERFORM pg_advisory_xact_lock(key) FROM (
            SELECT DISTINCT hashtextextended(encode(one, 'hex'), 0) AS key FROM unnest(NEW.likeness) one ORDER BY 1
        ) AS keys;
        IF EXISTS (SELECT FROM investors_pair WHERE state = 'open' AND NEW.id IN (first_id, second_id)) THEN
            RAISE EXCEPTION 'a case of a possible duplicate is open' USING ERRCODE = 'unique_violation';
        END IF;
        IF EXISTS (
            SELECT FROM investors_investor o
             WHERE o.state = 'approved' AND o.id <> NEW.id AND o.likeness && NEW.likeness AND NOT EXISTS (
                SELECT FROM investors_pair p WHERE p.state = 'different'
                   AND p.first_id = least(o.id, NEW.id) AND p.second_id = greatest(o.id, NEW.id))
        ) THEN
            RAISE EXCEPTION 'another holder is alike' USING ERRCODE = 'unique_violation';
        END IF;
    END IF;
    RETURN NEW;
"""


class Investor(models.Model):
    """A person who wants to take part or does. ``holder`` stands from the approval on.

    ``likeness``: blind indexes of birth date with name, one per writing of the name; equal ones are likely one person.
    ``verified_until``: when an approved citizen must be verified again (D10).
    """

    class State(models.TextChoices):
        APPLICANT = "applicant", _("applicant")
        APPROVED = "approved", _("approved")

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="investor")
    holder = models.OneToOneField(Holder, null=True, on_delete=models.PROTECT, related_name="investor")
    nations = ArrayField(models.CharField(max_length=2, choices=Nation), default=list)
    state = models.CharField(max_length=12, choices=State, default=State.APPLICANT)
    registered_at = models.DateTimeField()
    verified_until = models.DateTimeField(null=True)
    likeness = ArrayField(models.BinaryField(max_length=32), default=list)
    name = SealedField(null=True)
    birth_date = SealedField(null=True)
    residence = SealedField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="investor_state", condition=Q(state__in=["applicant", "approved"])),
            models.CheckConstraint(
                name="investor_nations",
                condition=Q(nations__contained_by=["US", "JP"]) & (Q(state="applicant") | Q(nations__len__gt=0)),
            ),
            models.CheckConstraint(
                name="investor_approved_is_a_holder",
                condition=Q(state="applicant", holder=None, verified_until=None)
                | (Q(state="approved") & ~Q(holder=None) & ~Q(verified_until=None)),
            ),
        ]
        indexes = [
            GinIndex(fields=["likeness"], name="investor_likeness"),
            models.Index(fields=["verified_until"], condition=Q(state="approved"), name="investor_verified_until"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="one_person_one_holder", when=pgtrigger.Before, operation=pgtrigger.Update, func=ONE_HOLDER
            )
        ]

    def __str__(self) -> str:
        return f"investor {self.pk}"

    @property
    def actor(self) -> str:
        """How the audit log names this citizen."""
        return f"investor:{self.pk}"

    def may_invest(self, now: datetime) -> bool:
        """Approved, and the verification has not lapsed (D10)."""
        return self.state == self.State.APPROVED and self.verified_until is not None and now < self.verified_until


class TaxpayerNumber(models.Model):
    """A citizen's SSN or ITIN, sealed. ``registered`` with the approval: then no second holder can have this number."""

    class Kind(models.TextChoices):
        SSN = "ssn", _("Social Security number")
        ITIN = "itin", _("individual taxpayer identification number")

    investor = models.OneToOneField(
        Investor, primary_key=True, on_delete=models.PROTECT, related_name="taxpayer_number"
    )
    kind = models.CharField(max_length=4, choices=Kind)
    number = SealedField(opened_for=(Purpose.TAX_REPORT.value, Purpose.CORRECTION.value))
    index = models.BinaryField(max_length=32, db_index=True)
    registered = models.BooleanField(default=False)
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="taxpayer_number_kind", condition=Q(kind__in=["ssn", "itin"])),
            models.UniqueConstraint(
                fields=["index"], condition=Q(registered=True), name="taxpayer_number_of_one_holder"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of investor {self.pk}"


class MyNumber(models.Model):
    """A citizen's Individual Number in a table of its own (D16), sealed. ``registered`` as for TaxpayerNumber."""

    investor = models.OneToOneField(Investor, primary_key=True, on_delete=models.PROTECT, related_name="my_number")
    number = SealedField(opened_for=(Purpose.TAX_REPORT.value, Purpose.CORRECTION.value))
    index = models.BinaryField(max_length=32, db_index=True)
    registered = models.BooleanField(default=False)
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["index"], condition=Q(registered=True), name="my_number_of_one_holder"),
        ]

    def __str__(self) -> str:
        return f"My Number of investor {self.pk}"


def register(*, user: Any, now: datetime) -> Investor:
    """The investor behind an account, opened at first use."""
    if (known := getattr(user, "investor", None)) is not None:
        return known  # type: ignore[no-any-return]
    investor, new = Investor.objects.get_or_create(user=user, defaults={"registered_at": now})
    if new:
        audit.record(actor=investor.actor, verb="register", subject=str(investor), now=now)
    return investor


def keep_taxpayer_number(*, investor: Investor, kind: TaxpayerNumber.Kind, number: str, now: datetime) -> None:
    """Seal a checked SSN or ITIN; one given before is replaced."""
    row = TaxpayerNumber(investor=investor, kind=kind, kept_at=now)
    row.index = envelope.blind_index(number, purpose="taxpayer_number")
    vault.seal(row, "number", number)
    _replace(row)


def keep_my_number(*, investor: Investor, number: str, now: datetime) -> None:
    """Seal a checked My Number; one given before is replaced."""
    row = MyNumber(investor=investor, kept_at=now)
    row.index = envelope.blind_index(number, purpose="my_number")
    vault.seal(row, "number", number)
    _replace(row)


def has_other_number(*, investor: Investor, kind: str, number: str) -> bool:
    """Whether a holder's number of this kind, which is never replaced, is another one."""
    table, purpose = (MyNumber, "my_number") if kind == "my_number" else (TaxpayerNumber, "taxpayer_number")
    index = envelope.blind_index(number, purpose=purpose)
    return table._default_manager.filter(pk=investor.pk, registered=True).exclude(index=index).exists()


def _replace(row: TaxpayerNumber | MyNumber) -> None:
    rows = type(row)._default_manager.filter(pk=row.pk)
    rows.filter(registered=False).delete()
    if not rows.exists():  # a holder's own number, given again, stays as it is
        row.save(force_insert=True)


def readings(*, investor: Investor) -> list[tuple[datetime, str]]:
    """Who has read this person's identity numbers: when, and for which purpose in words, the latest first (D16)."""
    tables = [f"{table._meta.db_table}:{investor.pk}" for table in (MyNumber, TaxpayerNumber)]
    acts = audit.Act.objects.filter(subject__in=tables, verb="open").order_by("-id")[:READINGS_SHOWN]
    return [(act.at, str(Purpose(act.detail["purpose"]).label)) for act in acts]


def likeness(*, name: dict[str, str], born: date) -> dict[str, bytes]:
    """Blind indexes under which a person is found again: birth date with the name, by its writing (D5).

    Latin letters in either order: a bank or a border puts the family name first, a citizen of the US does not.
    """
    latin = sorted(names.latin_form(name.get(part, "")) for part in ("family_latin", "given_latin"))
    forms = {
        "latin": ",".join(latin),
        "kanji": names.kanji_form(name.get("family_kanji", "")) + "," + names.kanji_form(name.get("given_kanji", "")),
        "kana": names.kana_form(name.get("family_kana", "")) + "," + names.kana_form(name.get("given_kana", "")),
    }
    return {
        writing: envelope.blind_index(f"{form}|{born:%Y%m%d}", purpose=f"likeness {writing}")
        for writing, form in forms.items()
        if form != ","
    }


def same_number(investor: Investor) -> dict[int, list[str]]:
    """Ids of other investors who have given the same number, with its kinds: ssn, itin or my_number."""
    found: dict[int, list[str]] = {}
    taxpayers = TaxpayerNumber.objects.filter(index__in=TaxpayerNumber.objects.filter(pk=investor.pk).values("index"))
    for pk, kind in taxpayers.exclude(pk=investor.pk).values_list("pk", "kind"):
        found.setdefault(pk, []).append(kind)
    individual = MyNumber.objects.filter(index__in=MyNumber.objects.filter(pk=investor.pk).values("index"))
    for pk in individual.exclude(pk=investor.pk).values_list("pk", flat=True):
        found.setdefault(pk, []).append("my_number")
    return found


def name(*, investor: Investor, purpose: Purpose, actor: str, now: datetime) -> dict[str, str]:
    """An approved citizen's name in its writings, as the step ``name`` calls them; {} before the approval."""
    told: dict[str, str] = json.loads(vault.read(investor, "name", purpose=purpose, actor=actor, now=now) or "{}")
    return told


def age(born: date, on: date) -> int:
    """Full years. Who was born on 29 February is a year older on 1 March of the years without that day (D6)."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def of_age_on(born: date, years: int) -> date:
    """The first day on which ``age`` is so many years."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def months_later(since: datetime, *, months: int) -> datetime:
    """The same day so many months later, or the last day of a month that is shorter."""
    years, month = divmod(since.month - 1 + months, 12)
    last = monthrange(since.year + years, month + 1)[1]
    return since.replace(year=since.year + years, month=month + 1, day=min(since.day, last))
