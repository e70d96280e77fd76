"""`import_statement FILE`: take a bank's file whole, or say why not (D34)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.formats.sound_xml import MAX_BYTES
from fund.payments.models import Reason


class Command(BaseCommand):
    help = (
        "Imports a bank's file (statement, notice, answer to payments), told apart by its content; whole or not at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            taken = receipts.import_file(data=_content(file), name=file.name, actor="system", now=timezone.now())
        except receipts.Quarantined as refused:
            detail = f" {refused.detail}" if refused.detail else ""
            raise CommandError(
                f"Nothing was posted. {refused.message} [{refused.code}]{detail}"
                f" The file is kept in quarantine as bank file {refused.facts['file']}."
            ) from None
        if taken.replay:
            self.stdout.write(
                f"Bank file {taken.file.pk} was taken before, at {taken.file.received_at:%Y-%m-%d %H:%M} UTC."
                " Nothing was posted."
            )
            return
        if taken.answered:
            one = taken.answered
            self.stdout.write(
                f"Bank file {taken.file.pk} ({taken.file.kind}): paid {one.paid}, rejected {one.rejected},"
                f" returned {one.returned}, unchanged {one.unchanged}, to be seen to by an officer {one.notices}"
            )
            return
        for line in taken.lines:
            self.stdout.write(_sentence(line))
        self.stdout.write(
            f"Bank file {taken.file.pk} ({taken.file.kind}): posted {taken.posted}, matched {taken.matched},"
            f" suspense {taken.suspense}, ignored {taken.ignored}, repeated {taken.repeated},"
            f" not booked {taken.pending}"
        )


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise CommandError(f"Nothing was posted. The file is larger than {MAX_BYTES} bytes. [too_large]")
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"The file cannot be read: {error.strerror}.") from None


def _sentence(line: receipts.Outcome) -> str:
    currency = Currency(line.currency)
    direction = "in" if line.credit else "out"
    parts = [f"{line.account}: {line.outcome.value}, {line.entries} {direction}, {Money(line.amount, currency)}"]
    if line.held and line.suspended:
        parts.append(f"of which {Money(line.suspended, currency)} to suspense")
    if line.reason:
        parts.append(f"{Reason(line.reason).label} [{line.reason}]")
    return ", ".join(parts)
