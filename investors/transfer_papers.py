"""Documents of a transfer between citizens (D32): a signed deed of gift, or what shows a death and who succeeds.

Kept as those of an application are (``evidence``): drawn anew, sealed page by page, replaced but not lost while the
case stands; deleted by schedule when it has been over for long enough. Files are read by ``evidence.take`` before.
"""

import uuid
from datetime import datetime, timedelta

import pgtrigger
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fund.governance import audit, config
from fund.governance.officers import Officer
from investors import pictures, vault
from investors.cases import on_duty
from investors.deletion import Deletion, What, Why
from investors.evidence import A_DAY, NoSuchDocument, Taken, TooManyFiles
from investors.people import Investor
from investors.vault import Purpose, SealedField

STANDS = """
    EXISTS (SELECT FROM fund_conveyance WHERE id = {case} AND ended_at IS NULL)
    OR EXISTS (SELECT FROM fund_estate WHERE id = {case} AND ended_at IS NULL)
"""


class Kind(models.TextChoices):
    """What a document is."""

    DEED = "deed", _("deed of gift, signed")
    DEATH = "death", _("certificate of death, or the family register that says so")
    FAMILY = "family", _("family register or other proof of kinship")
    SUCCESSION = "succession", _("will, agreement of the heirs, or paper of a court")
    OTHER = "other", _("another document")


class TransferPaper(models.Model):
    """One document of a gift or an estate, whose id is ``subject``. ``investor``: the giver, or who has died."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="transfer_papers")
    subject = models.UUIDField()
    kind = models.CharField(max_length=12, choices=Kind)
    digest = models.BinaryField(max_length=32)
    pages = models.PositiveSmallIntegerField()
    added_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="transfer_paper_kind", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="transfer_paper_pages", condition=Q(pages__gte=1, pages__lte=pictures.PAGES)),
            models.CheckConstraint(
                name="transfer_paper_replaced_later", condition=Q(replaced_at=None) | Q(replaced_at__gte=F("added_at"))
            ),
            models.UniqueConstraint(
                fields=["investor", "subject", "kind"], condition=Q(replaced_at=None), name="transfer_paper_one_current"
            ),
        ]
        indexes = [models.Index(fields=["subject"], name="transfer_paper_subject")]
        triggers = [
            pgtrigger.ReadOnly(name="transfer_paper_as_given", exclude=["replaced_at"]),
            pgtrigger.Trigger(
                name="transfer_paper_of_a_case",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=f"""
                IF NOT ({STANDS.format(case="NEW.subject")}) THEN
                    RAISE EXCEPTION 'documents of a transfer that is over do not change'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="transfer_paper_kept",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=f"""
                IF {STANDS.format(case="OLD.subject")} THEN
                    RAISE EXCEPTION 'documents are deleted when their transfer is over'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN OLD;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of transfer {self.subject}"


class TransferPaperPage(models.Model):
    """One page as a JPEG, sealed; the vault's door logs every opening. Only a rotation of keys rewrites it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    paper = models.ForeignKey(TransferPaper, on_delete=models.CASCADE, related_name="sheets")
    number = models.PositiveSmallIntegerField()
    picture = SealedField(opened_for=(Purpose.OWN.value, Purpose.TRANSFER.value))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["paper", "number"], name="transfer_paper_page_once")]
        triggers = [pgtrigger.ReadOnly(name="transfer_paper_page_as_given", exclude=["picture"])]

    def __str__(self) -> str:
        return f"page {self.number} of document {self.paper_id}"


def current(case: uuid.UUID) -> dict[str, TransferPaper]:
    """The documents that count, by kind."""
    return {row.kind: row for row in TransferPaper.objects.filter(subject=case, replaced_at=None).order_by("kind")}


def told(case: uuid.UUID) -> dict[str, str]:
    """What both nations sign of the documents: their kinds with the fingerprint of each."""
    return {kind: bytes(row.digest).hex() for kind, row in current(case).items()}


@transaction.atomic
def add(*, investor: Investor, case: uuid.UUID, kind: Kind, taken: Taken, actor: str, now: datetime) -> TransferPaper:
    """Keep a document in place of the one before; the same file again changes nothing. The caller holds the lock.

    Raises TooManyFiles.
    """
    standing = current(case).get(kind)
    if standing is not None and bytes(standing.digest) == taken.digest:
        return standing
    mine = TransferPaper.objects.filter(investor=investor, added_at__gt=now - timedelta(days=1))
    if mine.count() >= A_DAY:
        raise TooManyFiles(_("These are very many files for one day. Please go on tomorrow."))
    if standing is not None:
        TransferPaper.objects.filter(pk=standing.pk, replaced_at=None).update(replaced_at=now)
    paper = TransferPaper.objects.create(
        investor=investor, subject=case, kind=kind, digest=taken.digest, pages=len(taken.pages), added_at=now
    )
    sheets = [TransferPaperPage(paper=paper, number=number) for number in range(1, len(taken.pages) + 1)]
    for sheet, page in zip(sheets, taken.pages, strict=True):
        vault.seal(sheet, "picture", page.jpeg)
    TransferPaperPage.objects.bulk_create(sheets)
    audit.record(
        actor=actor, verb="document.add", subject=f"transfer:{case}", now=now, document=str(paper.pk), kind=kind.value
    )
    return paper


def page(*, investor: Investor, key: uuid.UUID, number: int, now: datetime) -> bytes:
    """One page for the giver. Raises NoSuchDocument."""
    sheet = TransferPaperPage.objects.filter(
        paper__investor=investor, paper__kind=Kind.DEED, paper=key, number=number
    ).first()
    if sheet is None:
        raise NoSuchDocument(_("This document is not there any more."))
    return vault.read_bytes(sheet, "picture", purpose=Purpose.OWN, actor=investor.actor, now=now)


def inspect(*, case: uuid.UUID, officer: Officer, now: datetime) -> list[tuple[TransferPaper, list[bytes]]]:
    """The documents of a case for the officer who decides, each page marked with reader, time and case.

    Every page opened is logged by the vault's door. Raises NotOnDuty.
    """
    on_duty(officer, now)
    mark = f"{officer.name_en} · {now:%Y-%m-%d %H:%M} UTC · {str(case)[:8]}"
    opened = []
    for paper in current(case).values():
        audit.record(
            actor=officer.actor, verb="document.inspect", subject=f"transfer:{case}", now=now,
            document=str(paper.pk), kind=paper.kind,
        )  # fmt: skip
        plain = [
            vault.read_bytes(sheet, "picture", purpose=Purpose.TRANSFER, actor=officer.actor, now=now)
            for sheet in paper.sheets.order_by("number")
        ]
        opened.append((paper, [pictures.watermarked(jpeg, mark) for jpeg in plain]))
    return opened


@transaction.atomic
def delete_due(*, now: datetime, most: int = 500) -> int:
    """Delete documents of transfers that have been over for long enough, with a record; returns how many.

    Of what was carried out after ``deletion.transfer_years``, of the rest as of a refused application.
    """
    years = config.get("deletion.transfer_years", at=now)
    days = config.get("deletion.days", at=now)["refused"]
    rows = TransferPaper.objects.raw(DUE, {"years": years, "days": days, "now": now, "most": most})
    due = {row.pk: row for row in rows}
    TransferPaper.objects.filter(pk__in=due).delete()
    Deletion.objects.bulk_create(
        Deletion(
            investor_id=row.investor_id, what=[What.TRANSFER_PAPERS], why=Why.TRANSFER_OVER,
            due_at=row.due_at, deleted_at=now,  # type: ignore[attr-defined]
        )
        for row in due.values()
    )  # fmt: skip
    if due:
        audit.record(
            actor="system", verb="deleted", subject="investors_transferpaper", now=now, number=len(due),
        )  # fmt: skip
    return len(due)


DUE = """
    SELECT * FROM (
        SELECT p.*, c.ended_at + CASE WHEN c.done THEN make_interval(years => %(years)s)
                                      ELSE make_interval(days => %(days)s) END AS due_at
          FROM investors_transferpaper p
          JOIN (SELECT id, ended_at, state = 'moved' AS done FROM fund_conveyance
                 UNION ALL SELECT id, ended_at, state = 'settled' FROM fund_estate) c ON c.id = p.subject) d
     WHERE due_at <= %(now)s ORDER BY due_at LIMIT %(most)s
"""
