"""`manage.py value_nav [DAY] [--dry-run]`: value a dealing day now, or only show what valuing it would give (D42)."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fund.nav import checks, strike
from fund.nav.models import ClassNav, Nav
from fund.refusal import Refusal


class Command(BaseCommand):
    help = "Value a day as a draft for the officers; without DAY the dealing day whose turn it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", nargs="?", type=date.fromisoformat, metavar="DAY", help="2026-03-31")
        parser.add_argument("--dry-run", action="store_true", help="show the figures and findings, save nothing")

    def handle(self, *args: Any, day: date | None, dry_run: bool, **options: Any) -> None:
        now = timezone.now()
        try:
            day = day or strike.next_day(now=now)
            if day is None:
                raise CommandError("No dealing day is due: the last one is published, or none is published yet.")
            if dry_run:
                rehearsal = strike.rehearse(day=day, now=now)
                self.show(rehearsal.nav, rehearsal.classes, rehearsal.findings)
                self.stdout.write("Nothing was saved.")
            else:
                nav = strike.value(day=day, now=now)
                self.show(nav, list(nav.classes.order_by("unit_class")), checks.run(nav=nav))
        except Refusal as refused:
            raise CommandError(f"Nothing was valued. {refused.message} [{refused.code}]") from None

    def show(self, nav: Nav, classes: list[ClassNav], findings: list[checks.Finding]) -> None:
        figures = f"gross {nav.gross}, debt {nav.debt}, accruals {nav.accruals}, net {nav.net} cents"
        self.stdout.write(f"{nav}: {figures} at {nav.usd_jpy} yen per dollar")
        for one in classes:
            price = "no price" if one.price is None else f"{one.price:f}"
            self.stdout.write(f"  {one.unit_class_id:<3} {one.units:>20} units {one.value:>20} {price}")
        for found in findings:
            self.stdout.write(f"  {'blocks' if found.blocking else 'needs a reason'}: {found.message}")
