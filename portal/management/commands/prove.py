"""`manage.py prove`: recompute everything that can be recomputed, from scratch; exit 1 on any difference."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction

from fund.conveyance import prove as conveyance
from fund.dealing import prove as dealing
from fund.distribution import prove as distribution
from fund.governance import audit
from fund.governance.checks import Check
from fund.ledger import prove as ledger
from fund.nav import prove as nav
from fund.payments import prove as payments
from fund.redemption import prove as redemption
from fund.register import capital, proof
from fund.tax import prove as tax
from investors import prove as eligibility


def every_check() -> list[Check]:
    """All rooms' recomputations over one snapshot of the database."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL work_mem = '64MB'")  # sums over millions of rows without a detour over the disk
        return [
            audit.prove(log=audit.AUDIT),
            *ledger.prove(),
            *payments.prove(),
            *nav.prove(),
            *dealing.prove(),
            *distribution.prove(),
            *redemption.prove(),
            *conveyance.prove(),
            *tax.prove(),
            *capital.prove(),
            *proof.prove(),
            *eligibility.prove(),
        ]


class Command(BaseCommand):
    help = "Recompute ledger, register, audit chain and proofs from scratch; exit 1 on any difference, naming the row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="machine-readable")

    def handle(self, *args: Any, **options: Any) -> None:
        checks = every_check()
        clean = all(check.clean for check in checks)
        if options["json"]:
            self.stdout.write(json.dumps({"clean": clean, "checks": [asdict(check) for check in checks]}))
        else:
            for check in checks:
                sign = "ok  " if check.clean else "DIFF"
                self.stdout.write(
                    f"{sign} {check.name}: {check.rows} rows, {check.differences} differences {check.first}"
                )
        if not clean:
            sys.exit(1)
