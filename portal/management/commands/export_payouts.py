"""`manage.py export_payouts RUN --format pain001|zengin|nacha`: the bank file of an approved payout run."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fund.payments import payout_files
from fund.payments.payout_models import Format, PayoutRun
from fund.payments.payout_writing import WRITERS
from fund.refusal import Refusal


class Command(BaseCommand):
    help = "Writes the bank file of an approved payout run; the same bytes however often it is asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--format", required=True, choices=Format.values)
        parser.add_argument("--output", type=Path, help="a new file, readable by its owner alone; else standard output")

    def handle(self, *args: Any, run: int, format: str, output: Path | None, **options: Any) -> None:
        wanted = PayoutRun.objects.filter(pk=run).first()
        if wanted is None:
            raise CommandError(f"There is no payout run {run}.")
        try:
            made = payout_files.export(
                run=wanted, format=Format(format), writers=WRITERS, actor="system", now=timezone.now()
            )
        except Refusal as refused:
            raise CommandError(f"No file was made. {refused.message} [{refused.code}]") from None
        if output:
            _keep(made.data, output)
        else:
            sys.stdout.buffer.write(made.data)
        told = "made before" if made.again else "made now"
        self.stderr.write(f"Payout run {run}, {wanted.count} payments, {told}, SHA-256 {made.digest}")


def _keep(data: bytes, output: Path) -> None:
    """Names and account numbers are in it: nobody else may read it, and nothing is overwritten."""
    try:
        with open(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise CommandError(f"The file cannot be written: {error.strerror}.") from None
