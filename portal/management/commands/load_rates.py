"""`manage.py load_rates [FILE]`: take the days that are missing from the ECB's file of reference rates (D23)."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fund import rates


class Command(BaseCommand):
    help = "Add missing days from the ECB's eurofxref-hist.zip (without FILE: the one that ships with the system)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, default=rates.SHIPPED)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            added = rates.load_ecb(file=options["file"])
        except (OSError, BadZipFile, KeyError, ValueError) as fault:
            raise CommandError(f"Nothing was added: {options['file']} is not the ECB's file ({fault}).") from None
        self.stdout.write(f"{added} days added; the newest is {rates.ReferenceRate.objects.latest('day').day}.")
