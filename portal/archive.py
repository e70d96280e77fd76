"""Documents that citizens were given: each row one PDF, sealed, found again by its hash, and never changed (D48).

What was given is kept itself, not only what it was made from: its hash stands for good, whatever becomes of the
typesetter. When the facts of a document change there is another version; the earlier ones stay.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

import pgtrigger
from django.db import models
from django.db.models import F, Max, Q
from django.utils.translation import gettext_lazy as _

from fund.holders import Holder
from investors import vault
from investors.people import Investor
from investors.vault import Purpose, SealedField


class Kind(models.TextChoices):
    """What a document is."""

    RECEIPT = "receipt", _("Receipt of an order")
    CONTRACT_NOTE = "contract_note", _("Contract note")
    REDEMPTION_NOTE = "redemption_note", _("Contract note of a redemption")
    STATEMENT = "statement", _("Quarterly statement")
    DISTRIBUTION = "distribution", _("Distribution notice")
    CALL = "capital_call", _("Capital call notice")
    DIV = "1099-div", _("Form 1099-DIV")
    FOREIGN = "1042-s", _("Form 1042-S")
    ANNUAL = "annual-report", _("Annual transaction report")
    PFIC = "pfic", _("PFIC annual information statement")
    SALES = "1099-b", _("Form 1099-B")


class Paper(models.Model):
    """One document of one citizen, or of a partner as a ``holder``. ``subject`` is what it is about: an order's
    reference, a redemption window, a quarter, a year.

    ``digest`` is the SHA-256 of the PDF, which everybody who has it can compute; ``facts`` a keyed fingerprint of what
    stands in it, by which a second making of the same is noticed. ``size`` in bytes.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    investor = models.ForeignKey(Investor, null=True, on_delete=models.PROTECT, related_name="papers")
    holder = models.ForeignKey(Holder, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField()
    digest = models.BinaryField(max_length=32)
    facts = models.BinaryField(max_length=32)
    size = models.PositiveIntegerField()
    sealed = SealedField()
    made_at = models.DateTimeField()

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(name="paper_kind", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(
                name="paper_of_someone", condition=Q(investor=None, holder__isnull=False) ^ Q(investor__isnull=False)
            ),
            models.UniqueConstraint(fields=["investor", "kind", "subject", "version"], name="paper_version"),
            models.UniqueConstraint(fields=["holder", "kind", "subject", "version"], name="paper_version_of_a_holder"),
            models.UniqueConstraint(fields=["digest"], name="paper_digest"),
        ]
        indexes = [models.Index(fields=["investor", "-made_at", "-id"], name="paper_newest")]
        triggers = [
            pgtrigger.ReadOnly(name="paper_as_given", exclude=["sealed"]),  # its key may be wrapped anew
            pgtrigger.Protect(name="paper_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} v{self.version}"

    @property
    def number(self) -> str:
        """What stands at its foot."""
        return number(Kind(self.kind), self.subject, self.version)

    @property
    def file_name(self) -> str:
        return f"kakehashi-{self.number}.pdf"

    @property
    def digest_hex(self) -> str:
        return bytes(self.digest).hex()

    def content(self, *, actor: str, now: datetime) -> bytes:
        """The PDF. Raises envelope.Unreadable, and Changed when it is not what was given."""
        pdf = vault.read_bytes(self, "sealed", purpose=Purpose.OWN, actor=actor, now=now)
        if sha256(pdf).digest() != bytes(self.digest):
            raise Changed(f"{self} is not what its hash says")
        return pdf


class Changed(Exception):
    """A kept document is not the one that was given."""


def number(kind: Kind, subject: str, version: int) -> str:
    return f"{kind.value.replace('_', '-')}-{subject}-{version}"


type Owner = Investor | Holder


def _of(owners: Iterable[Owner]) -> Q:
    people = [one.pk for one in owners if isinstance(one, Investor)]
    holders = [one.pk for one in owners if isinstance(one, Holder)]
    return Q(investor__in=people) | Q(holder__in=holders)


def newest(*, kind: Kind, subjects: Iterable[str], owners: Collection[Owner]) -> dict[tuple[Owner, str], Paper]:
    """The newest version of each document of these owners, by owner and subject, without its content."""
    rows = Paper.objects.filter(_of(owners), kind=kind, subject__in=set(subjects)).defer("sealed")
    known: dict[tuple[int | None, int | None], Owner] = {
        (one.pk, None) if isinstance(one, Investor) else (None, one.pk): one for one in owners
    }
    return {(known[one.investor_id, one.holder_id], one.subject): one for one in rows.order_by("version")}


def paper(*, owner: Owner, kind: Kind, subject: str, version: int, facts: bytes, pdf: bytes, now: datetime) -> Paper:
    """A document to be kept; the caller saves it."""
    one = Paper(
        investor=owner if isinstance(owner, Investor) else None,
        holder=owner if isinstance(owner, Holder) else None,
        kind=kind,
        subject=subject,
        version=version,
        digest=sha256(pdf).digest(),
        facts=facts,
        size=len(pdf),
        made_at=now,
    )
    vault.seal(one, "sealed", pdf)
    return one


def given(*, digest: bytes) -> Paper | None:
    """The document with this SHA-256, with ``latest`` the newest version of it; None when the fund gave no such one."""
    owner = Q(investor=models.OuterRef("investor")) | Q(holder=models.OuterRef("holder"))
    same = Paper.objects.filter(owner, kind=models.OuterRef("kind"), subject=models.OuterRef("subject")).order_by()
    latest = same.values("subject").annotate(last=Max("version")).values("last")
    found = Paper.objects.filter(digest=digest).defer("sealed").annotate(latest=models.Subquery(latest))
    return found.annotate(replaced=Q(latest__gt=F("version"))).first()
