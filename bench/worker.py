"""`python -m bench.worker DATABASE`: settle until nothing is left, after a line on standard input says go.

Prints "ready", the orders of each chunk, and at the end the peak memory in kB.
"""

import sys
from pathlib import Path

import django


def main(database: str) -> None:
    django.setup()
    from bench import stage  # noqa: PLC0415  models can be imported only now
    from fund.dealing import settlement  # noqa: PLC0415
    from fund.dealing.models import Offering  # noqa: PLC0415

    stage.use(database)
    assert Offering.objects.filter(pk=stage.CODE).exists()
    print("ready", flush=True)
    sys.stdin.readline()
    while orders := settlement.settle_next(offering_code=stage.CODE, now=stage.AFTER):
        print("orders", orders, flush=True)
    print("peak", peak(), flush=True)


def peak() -> int:
    """In kB. Not ``getrusage``, whose peak begins with that of the process that started this one."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0])


if __name__ == "__main__":
    main(sys.argv[1])
