"""`manage.py seed_demo`: the demonstration's data, made by the verbs; running it again adds only what is missing."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from portal.demonstration import story


class Command(BaseCommand):
    help = "The demonstration: two years of an invented fund, its officers, partners and 200 citizens. Idempotent."

    def handle(self, *args: Any, **options: Any) -> None:
        story.tell(now=timezone.now(), say=self.stdout.write)
