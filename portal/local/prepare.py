"""`python -m portal.local.prepare`: the tables and the demonstration's data up to date, in one process."""

import os

import django
from django.core.management import call_command, get_commands


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    if "seed_demo" in get_commands() and os.environ.get("SEED") != "0":
        call_command("seed_demo")


if __name__ == "__main__":
    main()
