"""`manage.py reconcile`: the banks' closing balances against the book; exit 1 on anything that no line explains."""

import sys
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fund.money import Currency, Money
from fund.payments import reconciliation
from fund.payments.models import BankAccount


class Command(BaseCommand):
    help = "Compares each bank account's closing balance with the book, every difference line by line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="one account, by its code")
        parser.add_argument("--day", type=date.fromisoformat, help="YYYY-MM-DD; the last stated day of each otherwise")

    def handle(self, *args: Any, account: str | None, day: date | None, **options: Any) -> None:
        accounts = BankAccount.objects.order_by("code")
        if account:
            accounts = accounts.filter(code=account)
            if not accounts:
                raise CommandError(f"There is no bank account {account}.")
        found = [self._account(one, day) for one in accounts]
        if not all(found):
            sys.exit(1)

    def _account(self, account: BankAccount, day: date | None) -> bool:
        wanted = day or reconciliation.latest_day(account=account)
        try:
            if wanted is None:
                raise reconciliation.NoStatement("The bank has not sent a statement with balances yet.")
            told = reconciliation.day(account=account, day=wanted)
        except reconciliation.NoStatement as none:
            self.stdout.write(f"{account}: {none}")
            return True
        currency = Currency(told.currency)
        sign = "DIFF" if told.unexplained else "ok  "
        self.stdout.write(
            f"{sign} {told.account} {told.stated_on}: bank {Money(told.bank, currency)}, book"
            f" {Money(told.book, currency)}, explained by {len(told.lines)} lines, unexplained"
            f" {Money(told.unexplained, currency)}"
        )
        for line in told.lines:
            self.stdout.write(f"     {line.day} {line.cause.value}: {Money(line.amount, currency)}, {line.row}")
        return told.unexplained == 0
