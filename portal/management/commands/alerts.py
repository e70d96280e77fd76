"""`manage.py alerts`: the alerts as rules for Prometheus."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.watch import alerts


class Command(BaseCommand):
    help = "Print the alerts as a file of rules for Prometheus (ops/alerts.yml)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(alerts.rules(), ending="")
