"""`manage.py correct_nav DAY`: what a correction of a published day would be, and every order that it affects (D43)."""

import csv
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from fund.dealing import compensation
from fund.nav import correct
from fund.nav.models import Nav
from fund.redemption import compensation as redemptions
from fund.redemption import correction
from fund.refusal import Refusal

PAGE = 1_000


class Command(BaseCommand):
    help = (
        "Errors by day and class, and all affected orders as CSV. Nothing is saved: corrections are made at the desk."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", type=date.fromisoformat, metavar="DAY", help="2026-03-31")

    def handle(self, *args: Any, day: date, **options: Any) -> None:
        try:
            with transaction.atomic():
                self.show(correct.revalue(day=day, now=timezone.now()))
                transaction.set_rollback(True)
        except Refusal as refused:
            raise CommandError(f"There is no correction. {refused.message} [{refused.code}]") from None

    def show(self, drafts: list[Nav]) -> None:
        for draft in drafts:
            for error in correct.errors(nav=draft):
                prices = f"{error.wrong:f} instead of {error.right:f}"
                self.stderr.write(f"{draft.valuation_day} {error.unit_class}: {prices}, error {error.percent:f} %")
        rows = csv.writer(self.stdout)
        rows.writerow(["offering", "reference", "paid", "units", "units_at_right_price", "units_owed"])
        owes = correction.preview(drafts=drafts, now=timezone.now())
        for due in owes.orders:
            after = ""
            while page := compensation.affected(due=due, after=after, limit=PAGE):
                for one in page:
                    owed = max(0, one.entitled - one.had)
                    rows.writerow([due.offering, one.reference, one.paid.value, one.had, one.entitled, owed])
                after = page[-1].reference
        if owes.redemptions:
            rows.writerow(["window", "request", "units", "paid", "paid_at_right_price", "owed"])
        for redeemed in owes.redemptions:
            holder, zero = 0, redeemed.window.money(0)
            while lines := redemptions.affected(due=redeemed, after=holder, limit=PAGE):
                for _holder, line in lines:
                    lacks = max(zero, line.entitled - line.had, key=lambda money: money.amount)
                    told = [line.request, line.units, line.had.value, line.entitled.value, lacks.value]
                    rows.writerow([redeemed.window, *told])
                holder = lines[-1][0]
