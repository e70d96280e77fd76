"""`python -m bench.importer DATABASE FILE`: import one statement; prints seconds, matched entries, peak in kB."""

import sys
from pathlib import Path

import django


def main(database: str, file: str) -> None:
    django.setup()
    from bench import statement  # noqa: PLC0415  models can be imported only now

    statement.measured(database, Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
