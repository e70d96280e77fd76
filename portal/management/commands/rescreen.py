"""`rescreen --list ofac|un|mof`: screen everybody against the version in force once more, with a bar."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from investors.screening import lists, rescreen
from investors.screening.models import ListVersion, SanctionsList


class Command(BaseCommand):
    help = "Screens everybody against the version of a list in force; goes on where it was interrupted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--list", dest="source", choices=SanctionsList.values, required=True)

    def handle(self, *args: Any, source: str, **options: Any) -> None:
        version = lists.current(of=SanctionsList(source))
        if version is None:
            raise CommandError("No version of this list was ever loaded: load_sanctions FILE --list " + source)
        screen_everybody(version, say=self.stdout.write)


def screen_everybody(version: ListVersion, *, say: Callable[[str], object]) -> None:
    """Screen chunk by chunk to the end; workers that do the same take turns with us."""
    running = rescreen.begin(version=version, now=timezone.now())
    with tqdm(total=running.total, initial=running.screened, unit=" citizens", disable=None) as bar:
        while screened := rescreen.screen_next(version_id=version.pk, now=timezone.now()):
            bar.update(screened)
    running.refresh_from_db()
    say(f"{running.screened} citizens screened, {running.opened} new cases to review")
