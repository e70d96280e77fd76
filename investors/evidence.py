"""Documents of an application (D5): a picture of each, drawn anew, sealed page by page, replaced but not lost.

The pages are sealed rows, not files: backup, key rotation and deletion then have one place. What was replaced is kept
until the application is decided. Files are read by ``take`` before anything is locked; ``onboarding`` keeps them.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.governance import audit, officers
from fund.governance.officers import Duty, Officer
from fund.refusal import Refusal
from investors import pictures, vault
from investors.applications import EDITABLE, Application, Status
from investors.steps.papers import Kind
from investors.vault import Purpose, SealedField

A_DAY = 40  # documents that one application takes in 24 hours
DECIDED = (Status.APPROVED, Status.REFUSED)

WHY = {
    "too_large": _("The file is larger than 15 MB, or its pages become so. Please send a smaller one."),
    "unknown_type": _("This is no picture that we can read. Please send a JPEG, PNG, WebP or PDF file."),
    "heic": _(
        "Pictures in HEIC cannot be read here. Please send it as JPEG; most phones can do that when they share it."
    ),
    "too_many_pixels": _("The picture has too many pixels: at most 50 million as JPEG, 16 million otherwise."),
    "too_small": _("The picture is too small to be read: its shorter side needs at least 300 pixels."),
    "moving": _("This is a moving picture. Please send a still one."),
    "locked": _("This PDF is locked with a password. Please send it unlocked."),
    "too_many_pages": _("This PDF has more than 8 pages. Please send only those that matter."),
    "unreadable": _("This file cannot be read; it seems to be damaged. Please take the picture again."),
    "too_costly": _("Reading this file takes too much. Please send a plain picture as JPEG."),
}


class BadFile(Refusal):
    """The file is no picture of a document that we take. The codes are those of ``WHY``."""

    code = "unreadable"


class SameFile(Refusal):
    """This very file was given as another document."""

    code = "same_file"


class TooManyFiles(Refusal):
    """More documents than one application takes in a day."""

    code = "too_many_files"


class NoSuchDocument(Refusal):
    """It is not there, or is not yours."""

    code = "unknown_document"


KEPT = f"""
    IF NOT EXISTS (
        SELECT FROM investors_document d JOIN investors_application a ON a.id = d.application_id
         WHERE d.id = {{document}} AND d.replaced_at IS NOT NULL
           AND a.status IN ({", ".join(f"'{status.value}'" for status in DECIDED)})
    ) THEN
        RAISE EXCEPTION 'only what was replaced is deleted, once the application is decided'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
"""


class Document(models.Model):
    """One document as it was given. ``version`` counts by kind; the current one has no ``replaced_at``.

    ``digest``: keyed fingerprint of the file as it came; the same file is noticed by it. ``size``: bytes of all pages.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=20, choices=Kind)
    version = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32, db_index=True)
    pages = models.PositiveSmallIntegerField()
    size = models.PositiveIntegerField()
    added_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="document_kind", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="document_pages", condition=Q(pages__gte=1, pages__lte=pictures.PAGES)),
            models.CheckConstraint(
                name="document_replaced_later", condition=Q(replaced_at=None) | Q(replaced_at__gte=F("added_at"))
            ),
            models.UniqueConstraint(fields=["application", "kind", "version"], name="document_version"),
            models.UniqueConstraint(
                fields=["application", "kind"], condition=Q(replaced_at=None), name="document_one_current"
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="document_as_given", exclude=["replaced_at"]),
            pgtrigger.Trigger(
                name="document_of_a_draft",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[("stands", "text")],
                func=f"""
                SELECT status INTO stands FROM investors_application WHERE id = NEW.application_id;
                IF stands NOT IN ({", ".join(f"'{status.value}'" for status in EDITABLE)}) THEN
                    RAISE EXCEPTION 'documents of an application that is % do not change', stands
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="document_kept",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=KEPT.format(document="OLD.id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of application {self.application_id}"


class DocumentPage(models.Model):
    """One page as a JPEG, sealed; the vault's door logs every opening. Only a rotation of keys rewrites it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="sheets")
    number = models.PositiveSmallIntegerField()
    picture = SealedField(opened_for=(Purpose.DRAFT.value, Purpose.REVIEW.value))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="document_page_once")]
        triggers = [
            pgtrigger.ReadOnly(name="document_page_as_given", exclude=["picture"]),
            pgtrigger.Trigger(
                name="document_page_kept",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=KEPT.format(document="OLD.document_id"),
            ),
        ]

    def __str__(self) -> str:
        return f"page {self.number} of document {self.document_id}"


@dataclass(frozen=True)
class Taken:
    """A file that was read: its pages drawn anew, and the keyed fingerprint of the bytes that came."""

    pages: list[pictures.Picture]
    digest: bytes


def take(data: bytes) -> Taken:
    """Read a file in a process apart, at most a few seconds; touches no database. Raises BadFile."""
    try:
        return Taken(pictures.apart(data), fingerprint(data))
    except pictures.Refused as refused:
        raise BadFile(WHY[refused.code], code=refused.code) from None


def fingerprint(data: bytes) -> bytes:
    return envelope.blind_index(sha256(data).hexdigest(), purpose="document")


def current(application: Application) -> dict[str, Document]:
    """The documents that count, by kind."""
    return {row.kind: row for row in application.documents.filter(replaced_at=None)}


def version(application: Application, kind: Kind) -> int:
    """How often this kind was given; 0 for never. What was removed counts."""
    newest = application.documents.filter(kind=kind).aggregate(newest=models.Max("version"))["newest"]
    return newest or 0


def add(*, application: Application, kind: Kind, taken: Taken, actor: str, now: datetime) -> Document:
    """Keep a document in place of the one before; the same file again changes nothing. The caller holds the lock.

    Raises SameFile and TooManyFiles.
    """
    standing = current(application)
    same = next((row for row in standing.values() if bytes(row.digest) == taken.digest), None)
    if same is not None and same.kind == kind:
        return same
    if same is not None:
        raise SameFile(
            _("This file was given already as “%(kind)s”. Please choose the other one.")
            % {"kind": Kind(same.kind).label}
        )
    if application.documents.filter(added_at__gt=now - timedelta(days=1)).count() >= A_DAY:
        raise TooManyFiles(_("These are very many files for one day. Please go on tomorrow."))
    if kind in standing:
        _replace(standing[kind], now)
    document = Document.objects.create(
        application=application,
        kind=kind,
        version=version(application, kind) + 1,
        digest=taken.digest,
        pages=len(taken.pages),
        size=sum(len(page.jpeg) for page in taken.pages),
        added_at=now,
    )
    _seal_pages(document, [page.jpeg for page in taken.pages])
    audit.record(
        actor=actor, verb="document.add", subject=str(application), now=now, document=str(document.pk), kind=kind.value
    )
    return document


def take_over(*, source: Application, target: Application, actor: str, now: datetime) -> None:
    """Give a later application of the same person, which is a draft, the documents that counted in an earlier one."""
    for kind, document in sorted(current(source).items()):
        sheets = DocumentPage.objects.filter(document=document).order_by("number")
        pages = [vault.read_bytes(sheet, "picture", purpose=Purpose.DRAFT, actor=actor, now=now) for sheet in sheets]
        copy = Document.objects.create(
            application=target,
            kind=kind,
            version=1,
            digest=document.digest,
            pages=document.pages,
            size=document.size,
            added_at=now,
        )
        _seal_pages(copy, pages)


def _seal_pages(document: Document, pages: list[bytes]) -> None:
    sheets = [DocumentPage(document=document, number=number) for number in range(1, len(pages) + 1)]
    for sheet, page in zip(sheets, pages, strict=True):
        vault.seal(sheet, "picture", page)
    DocumentPage.objects.bulk_create(sheets)


def remove(*, application: Application, kind: Kind, actor: str, now: datetime) -> None:
    """Take a document back; it stays in the history. The caller holds the lock. Raises NoSuchDocument."""
    document = current(application).get(kind)
    if document is None:
        raise NoSuchDocument(_("This document is not there any more."))
    _replace(document, now)
    audit.record(
        actor=actor,
        verb="document.remove",
        subject=str(application),
        now=now,
        document=str(document.pk),
        kind=kind.value,
    )


def forget_replaced(*, application: Application, now: datetime) -> int:
    """Delete the history of documents once the application is decided; the deletion is recorded."""
    rows = application.documents.filter(replaced_at__isnull=False)
    gone = [str(key) for key in rows.values_list("pk", flat=True)]
    rows.delete()
    if gone:
        audit.record(actor="system", verb="document.delete", subject=str(application), now=now, documents=gone)
    return len(gone)


def page(*, application: Application, key: uuid.UUID, number: int, actor: str, now: datetime) -> bytes:
    """One page for the applicant. Raises NoSuchDocument."""
    sheet = DocumentPage.objects.filter(document__application=application, document=key, number=number).first()
    if sheet is None:
        raise NoSuchDocument(_("This document is not there any more."))
    return vault.read_bytes(sheet, "picture", purpose=Purpose.DRAFT, actor=actor, now=now)


def inspect(
    *, application: Application, keys: list[uuid.UUID], officer: Officer, now: datetime
) -> list[tuple[Document, list[bytes]]]:
    """Documents for the officer who checks an application, each page marked with reader, time and application.

    Every page opened is logged by the vault's door. Raises NotOnDuty.
    """
    officers.on_duty(user_id=officer.user_id, duty=Duty.ONBOARDING, now=now)
    mark = f"{officer.name_en} · {now:%Y-%m-%d %H:%M} UTC · {application}"
    found = application.documents.filter(pk__in=keys).prefetch_related(
        models.Prefetch("sheets", DocumentPage.objects.order_by("number"))
    )
    opened = []
    for document in found.order_by("kind", "version"):
        audit.record(
            actor=officer.actor,
            verb="document.inspect",
            subject=str(application),
            now=now,
            document=str(document.pk),
            kind=document.kind,
        )
        plain = [
            vault.read_bytes(sheet, "picture", purpose=Purpose.REVIEW, actor=officer.actor, now=now)
            for sheet in document.sheets.all()
        ]
        opened.append((document, [pictures.watermarked(jpeg, mark) for jpeg in plain]))
    return opened


def elsewhere(application: Application) -> list[int]:
    """Ids of other people's applications that hold one of the same files; mere drafts are left out."""
    digests = application.documents.filter(replaced_at=None).values("digest")
    others = Application.objects.exclude(status=Status.DRAFT).exclude(investor=application.investor_id)
    found = others.filter(documents__digest__in=digests).distinct().order_by("pk")
    return list(found.values_list("pk", flat=True))


def _replace(document: Document, now: datetime) -> None:
    replaced = Document.objects.filter(pk=document.pk, replaced_at=None).update(replaced_at=now)
    assert replaced == 1, "the investor's row is locked"
