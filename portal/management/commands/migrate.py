"""`migrate`, as the owner of the tables; afterwards the site's rights are set and the reference data stands."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate

from fund import units
from fund.ledger import accounts
from investors import agreements
from portal import walls
from portal.owner import connected_as_owner, grant, restrict


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        with connected_as_owner(using):
            if options["plan"] or options["check_unapplied"]:
                super().handle(*args, **options)
                return
            grant(using)
            super().handle(*args, **options)
            if options["app_label"] is None:
                restrict(using)
                walls.build(using)
                units.open_classes()
                accounts.open_chart()
                agreements.ship()
