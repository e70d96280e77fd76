"""`manage.py settle`: follows a settlement, or works on it beside the workers."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from fund.dealing import settlement
from fund.dealing.models import Offering
from fund.refusal import Refusal

PAUSE = 1.0  # seconds between two looks


class Command(BaseCommand):
    help = "Settles an allotted offering, range by range, beside the workers; --follow only watches them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", metavar="CODE", help="an allotted offering")
        parser.add_argument("--follow", action="store_true", help="watch, and settle nothing")

    def handle(self, *args: Any, code: str, follow: bool, **options: Any) -> None:
        if not Offering.objects.filter(pk=code).exists():
            raise CommandError(f"There is no offering {code}.")
        try:
            with tqdm(unit="orders", unit_scale=True, file=self.stderr) as bar:
                self.show(code, bar)
                while self.wait(code) if follow else settlement.settle_next(offering_code=code, now=timezone.now()):
                    self.show(code, bar)
                self.show(code, bar)
        except Refusal as refused:
            raise CommandError(f"Nothing was settled. {refused.message} [{refused.code}]") from None
        self.stdout.write(self.end(Offering.objects.get(pk=code)))

    def show(self, code: str, bar: "tqdm[Any]") -> None:
        """Move the bar to where all workers together are."""
        done = settlement.progress(offering_code=code)
        bar.total = done.orders or None
        bar.update(done.settled - bar.n)

    def wait(self, code: str) -> bool:
        """A pause; whether there is more to come."""
        time.sleep(PAUSE)
        return bool(Offering.objects.get(pk=code).state == Offering.State.ALLOTTED)

    def end(self, one: Offering) -> str:
        done = settlement.progress(offering_code=one.code)
        if one.state == Offering.State.SETTLED:
            return f"{one.code} is settled: {done.orders} orders."
        if one.state == Offering.State.ALLOTTED:
            return f"{one.code}: {done.allotted} orders are allotted and wait for the price of {one.dealing_day}."
        return f"{one.code} is {one.state}: there is nothing to settle yet."
