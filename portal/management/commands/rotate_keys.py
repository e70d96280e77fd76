"""`manage.py rotate_keys [--verify]`: what is sealed is wrapped anew by the newest of VAULT_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from fund import envelope
from investors import rotation
from portal import second_factor
from portal.owner import connected_as_owner


class Command(BaseCommand):
    help = "Wraps everything sealed by the newest of VAULT_KEYS while the site runs. Killed, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--verify", action="store_true", help="change nothing; say by which keys values are wrapped"
        )

    def handle(self, *args: Any, verify: bool, **options: Any) -> None:
        with connected_as_owner():
            places = [*rotation.columns(), *second_factor.SEALED]
            if not verify:
                self._rotate(places)
            self._verify(places)

    def _rotate(self, places: list[rotation.Place]) -> None:
        with tqdm(total=rotation.begin(places=places), unit=" values", disable=None) as bar:
            outcome = rotation.rotate(places=places, now=timezone.now(), progress=bar.update)
        self.stdout.write(f"{outcome.rewrapped} values wrapped by key {envelope.newest().version}")
        if outcome.in_use:
            self.stderr.write(f"{outcome.in_use} values were being written all the time")

    def _verify(self, places: list[rotation.Place]) -> None:
        with tqdm(total=rotation.total(places=places), unit=" values", disable=None) as bar:
            found = rotation.verify(places=places, progress=bar.update)
        for version, number in sorted(found.by_version.items()):
            self.stdout.write(f"key {version}: {number} values")
        percent = 100 * found.done // found.total if found.total else 100
        self.stdout.write(f"{found.done} of {found.total} values ({percent} %) are wrapped by the newest key")
        for name in found.unreadable[:20]:
            self.stderr.write(f"does not open: {name}")
        if not found.whole:
            raise CommandError("Not everything is wrapped by the newest key. Run rotate_keys again.")
        for version in found.droppable:
            self.stdout.write(
                f"Key {version} can be taken out of VAULT_KEYS once every process has run with key"
                f" {envelope.newest().version} for a quarter of an hour. Keep it with older backups: they need it."
            )
