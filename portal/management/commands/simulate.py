"""`manage.py simulate`: a synthetic population and its paid orders for an open offering."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from fund.refusal import Refusal
from portal import simulation


class Command(BaseCommand):
    help = "Registers synthetic citizens and places their paid orders as sets; the same seed makes the same book."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--investors", type=int, required=True, help="new citizens")
        parser.add_argument("--orders", type=int, required=True, help="paid orders, spread over these citizens")
        parser.add_argument("--offering", required=True, metavar="CODE", help="an open offering")
        parser.add_argument("--seed", type=int, required=True)

    def handle(self, *args: Any, investors: int, orders: int, offering: str, seed: int, **options: Any) -> None:
        steps = simulation.simulate(
            investors=investors, orders=orders, offering_code=offering, seed=seed, now=timezone.now()
        )
        try:
            with tqdm(total=investors + orders, unit="rows", unit_scale=True, file=self.stderr) as bar:
                for rows in steps:
                    bar.update(rows)
        except Refusal as refused:
            raise CommandError(f"Nothing was simulated. {refused.message} [{refused.code}]") from None
        self.stdout.write(f"{investors} citizens placed {orders} paid orders in {offering} (seed {seed}).")
