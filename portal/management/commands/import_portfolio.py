"""`import_portfolio KIND FILE`: what a table would change; with an officer and the digest exactly that is done."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from fund.portfolio import imports, tables
from fund.refusal import Refusal


class Command(BaseCommand):
    help = "Shows line by line what a table (CSV) would change in the portfolio. Proposes or records it when asked to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=list(tables.COLUMNS))
        parser.add_argument("file", type=Path)
        parser.add_argument("--officer", default="", help="the e-mail address of the officer whose key it is")
        parser.add_argument("--digest", default="", help="the digest of the preview that was read")
        parser.add_argument("--reason", default="", help="why, for the officer of the other nation")

    def handle(self, *args: Any, kind: str, file: Path, officer: str, digest: str, reason: str, **options: Any) -> None:
        content = _content(file)
        now = timezone.now()
        plan = imports.plan(kind=kind, content=content, now=now)
        for one in plan.differences:
            for name, before, after in one.changes or [("", None, "")]:
                changed = f": {name} {'' if before is None else f'{before} → '}{after}" if name else ""
                self.stdout.write(f"line {one.line}: {one.state} {one.title}{changed}")
        if plan.faults:
            told = [f"line {one.line}{f', {one.column}' if one.column else ''}: {one.message}" for one in plan.faults]
            raise CommandError("Nothing was changed.\n" + "\n".join(told))
        if not officer:
            self.stdout.write(f"{len(plan.entries)} entries, digest {plan.digest}. Nothing was changed.")
            return
        try:
            key = Officer.objects.get(user__email=officer)
            brought = imports.bring(kind=kind, name=file.name, content=content, officer=key, now=now)
            done = imports.take(file=brought, digest=digest, officer=key, reason=reason, now=now)
        except Officer.DoesNotExist:
            raise CommandError("Nothing was changed. There is no such officer.") from None
        except Refusal as refusal:
            raise CommandError(f"Nothing was changed. {refusal} [{refusal.code}]") from None
        if isinstance(done, Proposal):
            self.stdout.write(f"Proposed as {done.pk}; an officer of the other nation has to approve it.")
        else:
            self.stdout.write(f"{done} entries were recorded.")


def _content(file: Path) -> str:
    try:
        return tables.decode(file.read_bytes())
    except OSError as error:
        raise CommandError(f"The file cannot be read: {error.strerror}.") from None
    except tables.Wrong as wrong:
        raise CommandError(f"Nothing was changed. {wrong}") from None
