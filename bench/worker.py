"""`python -m bench.worker DATABASE`: settle until nothing is left, after a line on standard input says go.

Prints "ready", the orders of each chunk, and at the end the peak memory in kB.
"""

import resource
import sys

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
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
