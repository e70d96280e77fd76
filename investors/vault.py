"""The vault's door: personal data is sealed on the way in and opened only here (D16, decision 9).

A ``SealedField`` holds ciphertext that opens in its own table, column and row alone. ``read`` and ``read_bytes`` are
the only ways to what is in it; every opening of an identity number or of a picture leaves an act in the audit log that
states purpose and reader, never the value. A row needs its key before a value can be sealed for it.
"""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.governance import audit


class Purpose(models.TextChoices):
    """Why a sealed value is opened. My Number may be opened for tax and for correcting it, and for nothing else."""

    DRAFT = "draft", _("the citizen's own application")
    REVIEW = "review", _("checking an application")
    CORRESPONDENCE = "correspondence", _("writing to the citizen")
    PAYOUT = "payout", _("paying the citizen")
    TAX_REPORT = "tax_report", _("reporting to a tax authority")
    CORRECTION = "correction", _("correcting a number")
    SCREENING = "screening", _("comparing with sanctions lists")
    OWN = "own", _("showing citizens their own record")
    RECOVERY = "recovery", _("giving a citizen access again")
    TRANSFER = "transfer", _("deciding on a transfer between citizens")


class NotForThisPurpose(Exception):
    """The column is not opened for this purpose."""


class SealedField(envelope.SealedColumn):
    """Ciphertext of ``fund.envelope``. ``opened_for``: what it is opened for, where each time is logged."""

    def __init__(self, *args: Any, opened_for: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.opened_for = tuple(opened_for)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        path = "investors.vault.SealedField"
        return name, path, args, {**kwargs, "opened_for": self.opened_for} if self.opened_for else kwargs


def _field(row: models.Model, column: str) -> SealedField:
    field = row._meta.get_field(column)
    if not isinstance(field, SealedField):
        raise TypeError(f"{row._meta.db_table}.{column} is not sealed")
    return field


def seal(row: models.Model, column: str, plain: str | bytes) -> None:
    """Put a text or bytes into a sealed column of a row that has its key; the caller saves the row."""
    field = _field(row, column)
    if row.pk is None:
        raise ValueError("A value is sealed for one row: give the row its key first")
    content = plain.encode() if isinstance(plain, str) else plain
    setattr(row, column, envelope.seal(content, table=row._meta.db_table, column=field.name, row=row.pk))


def read(row: models.Model, column: str, *, purpose: Purpose, actor: str, now: datetime) -> str:
    """Open a sealed column that holds a text; "" where nothing was ever put in. Raises as ``read_bytes``."""
    return read_bytes(row, column, purpose=purpose, actor=actor, now=now).decode()


def read_bytes(row: models.Model, column: str, *, purpose: Purpose, actor: str, now: datetime) -> bytes:
    """Open a sealed column; b"" where nothing was ever put in.

    Raises NotForThisPurpose for an identity number, and envelope.Unreadable for a value that does not belong here.
    """
    field = _field(row, column)
    if field.opened_for:
        if purpose not in field.opened_for:
            raise NotForThisPurpose(f"{row._meta.db_table}.{column} is not opened for {purpose}")
        subject = f"{row._meta.db_table}:{row.pk}"
        audit.record(actor=actor, verb="open", subject=subject, now=now, column=field.name, purpose=purpose.value)
    sealed = getattr(row, column)
    if sealed is None:
        return b""
    return envelope.unseal(bytes(sealed), table=row._meta.db_table, column=field.name, row=row.pk)
