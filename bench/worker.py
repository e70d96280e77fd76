"""`python -m bench.worker DATABASE settle|pay|redeem`: until nothing is left, after a line on standard input says go.

Prints "ready", the orders or entries of each chunk, and at the end the peak memory in kB.
"""

import sys
from pathlib import Path

import django


def main(database: str, work: str) -> None:
    django.setup()
    from bench import stage  # noqa: PLC0415  models can be imported only now
    from fund.dealing import settlement  # noqa: PLC0415
    from fund.dealing.models import Offering  # noqa: PLC0415
    from fund.distribution import pay  # noqa: PLC0415
    from fund.distribution.models import Distribution  # noqa: PLC0415
    from fund.redemption import settle  # noqa: PLC0415
    from fund.redemption.models import RedemptionWindow  # noqa: PLC0415

    def next_chunk() -> int:
        if work == "pay":
            from bench.distribution import LATER  # noqa: PLC0415

            return pay.pay_next(now=LATER)
        if work == "redeem":
            from bench.redemption import CODE, LATER  # noqa: PLC0415

            return settle.settle_next(code=CODE, now=LATER)
        return settlement.settle_next(offering_code=stage.CODE, now=stage.AFTER)

    stage.use(database)
    assert {"pay": Distribution, "redeem": RedemptionWindow}.get(work, Offering).objects.exists()  # type: ignore[attr-defined]
    print("ready", flush=True)
    sys.stdin.readline()
    while orders := next_chunk():
        print("orders", orders, flush=True)
    print("peak", peak(), flush=True)


def peak() -> int:
    """In kB. Not ``getrusage``, whose peak begins with that of the process that started this one."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
