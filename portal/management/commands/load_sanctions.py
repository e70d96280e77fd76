"""`load_sanctions FILE... --list ofac|un|mof`: load a list, then screen everybody anew (D15)."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from investors.screening import lists, mof
from investors.screening.listed import MAX_BYTES, UnsoundList
from investors.screening.models import SanctionsList
from portal.management.commands.rescreen import screen_everybody

HELP = """Loads a sanctions list, whole or not at all, and screens everybody against it.

ofac  OFAC's sdn.csv, alt.csv and add.csv, told apart by their columns. Give the three together:
          load_sanctions sdn.csv alt.csv add.csv --list ofac
      or one after the other, sdn.csv first: a file that is not given stays as it was loaded last, so that
      alt.csv alone adds its aliases to the entries in force. Together is better: everybody is screened once.
un    the consolidated list of the Security Council, one XML file.
mof   the Ministry of Finance's list, one CSV with a header line:

"""


class Command(BaseCommand):
    help = "Loads a sanctions list, whole or not at all, and screens everybody against it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.description = HELP + str(mof.__doc__)
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
        parser.add_argument("--list", dest="source", choices=SanctionsList.values, required=True)
        parser.add_argument(
            "--may-shrink", action="store_true", help="accept a list with far fewer entries than before"
        )
        parser.add_argument("--later", action="store_true", help="leave the screening to the workers")

    def handle(self, *args: Any, files: list[Path], source: str, **options: Any) -> None:
        try:
            loaded = lists.load(
                of=SanctionsList(source),
                files=[_content(file) for file in files],
                actor="system",
                now=timezone.now(),
                may_shrink=options["may_shrink"],
            )
        except UnsoundList as refused:
            where = f" (line {refused.facts['line']})" if refused.facts.get("line") else ""
            raise CommandError(f"Nothing was loaded. {refused.message}{where} [{refused.code}]") from None
        version = loaded.version
        if loaded.replay:
            newest = lists.current(of=SanctionsList(source))
            standing = "It is in force." if newest == version else f"Version {newest} is in force."
            self.stdout.write(
                f"Loaded before as {version} at {version.loaded_at:%Y-%m-%d %H:%M} UTC. {standing} Nothing was changed."
            )
            return
        self.stdout.write(
            f"{version}: {version.entries} entries, {version.added} added, {version.changed} changed,"
            f" {version.removed} removed"
        )
        if options["later"]:
            self.stdout.write("The workers screen everybody.")
        else:
            screen_everybody(version, say=self.stdout.write)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise CommandError(f"Nothing was loaded. {file.name} is larger than {MAX_BYTES} bytes. [unsound_list]")
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file.name} cannot be read: {error.strerror}.") from None
