#!/usr/bin/env python
"""Django's command line, with PostgreSQL and Valkey up for as long as it runs when no address of theirs is set."""

import contextlib
import os
import sys

from django.core.management import execute_from_command_line

from portal.local import services


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    with services.running() if services.are_wanted() else contextlib.nullcontext():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
