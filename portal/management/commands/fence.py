"""`manage.py fence [--close REASON]`: whether anything leaves the house, and the way to stop it by one hand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from fund.governance import fence
from fund.governance.fence import FenceEntry


class Command(BaseCommand):
    help = (
        "Says whether the outbox is fenced and why; closes the fence. Officers of both nations release it at the desk."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--close", metavar="REASON", help="nothing leaves the house from now on")

    def handle(self, *args: Any, close: str | None, **options: Any) -> None:
        if close:
            fence.close(why=FenceEntry.Why.BY_HAND, now=timezone.now(), reason=close)
        found = fence.state()
        self.stdout.write(f"generation {found.generation}")
        self.stdout.write("open" if found.is_open else f"closed: {found.why.label}")
