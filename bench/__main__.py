"""`python -m bench [--quick] [--rounds N] [--sizes N,N]`: measure, print one table of ratios, write results.json."""

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from tqdm import tqdm

from bench import result, server
from bench.result import Measure
from portal.local.place import DATABASE, Place

if TYPE_CHECKING:
    from bench import holdings

SIZES = [10_000, 100_000, 1_000_000]
QUICK = [2_000, 20_000]
ENTRIES, FEW_ENTRIES = 100_000, 5_000
CITIZENS, FEW_CITIZENS = 100_000, 3_000
HOLDERS, FEW_HOLDERS = 1_000_000, 1_000
SEED = 42
CITIZENS_A_SECOND = 20_000  # that one core is to screen (P10)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios to the limits of PostgreSQL.")
    parser.add_argument("--quick", action="store_true", help="small books, to see that everything runs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--sizes", type=lambda text: [int(size) for size in text.split(",")], help="orders of the books"
    )
    parser.add_argument(
        "--only",
        choices=[
            "closing",
            "placing",
            "importing",
            "pricing",
            "distributing",
            "redeeming",
            "proving",
            "desk",
            "reading",
            "planning",
        ],
        help="P1, P9 and P10, or P2, P6, P3 and P5, P7, redemptions, P8, the desk, P4 or regular plans alone",
    )
    given = parser.parse_args()
    with server.running() as place:
        django.setup()
        call_command("migrate", verbosity=0)
        django.db.connection.close()
        server.copy(place, source=DATABASE, target="empty")
        measures: list[Measure] = []
        if given.only in (None, "placing"):
            measures += placing(place, orders=800 if given.quick else 1600, rounds=given.rounds)
        if given.only in (None, "planning"):
            measures += planning(place, turns=400 if given.quick else 2_000, rounds=given.rounds)
        if given.only in (None, "importing"):
            measures += importing(place, entries=FEW_ENTRIES if given.quick else ENTRIES, rounds=given.rounds)
        if given.only in (None, "pricing"):
            measures += pricing(place, citizens=FEW_CITIZENS if given.quick else HOLDERS, rounds=given.rounds * 3)
        if given.only in (None, "reading"):
            measures += reading(place, requests=2_000 if given.quick else 10_000, rounds=given.rounds)
        if given.only in (None, "distributing"):
            holders = (given.sizes or [FEW_HOLDERS * 10 if given.quick else HOLDERS])[-1]
            measures += distributing(place, holders=holders, rounds=given.rounds)
        if given.only in (None, "redeeming"):
            holders = (given.sizes or [FEW_HOLDERS * 10 if given.quick else HOLDERS])[-1]
            measures += redeeming(place, holders=holders, rounds=given.rounds)
        if given.only in (None, "desk"):
            measures += desk_lists(place, orders=FEW_HOLDERS * 5 if given.quick else HOLDERS, rounds=given.rounds)
        if given.only in (None, "proving"):
            measures += proving(place, citizens=FEW_CITIZENS if given.quick else HOLDERS, rounds=given.rounds)
        if given.only in (None, "closing"):
            measures += closing(place, sizes=given.sizes or (QUICK if given.quick else SIZES), rounds=given.rounds)
            measures += screening(place, citizens=FEW_CITIZENS if given.quick else CITIZENS, rounds=given.rounds)
    print(*(measure.as_line() for measure in measures), sep="\n")
    if not given.quick and not given.sizes:
        result.write(measures)
    return 0


def placing(place: Place, *, orders: int, rounds: int) -> list[Measure]:
    """P2, with pgbench beside every round."""
    from bench import orders as p2  # noqa: PLC0415

    found: list[p2.Round] = []
    with tqdm(total=rounds, desc="P2", file=sys.stderr) as bar:
        for one in p2.measure(place, orders=orders, rounds=rounds):
            found.append(one)
            bar.update()
            bar.write(f"{one.few} {one.many} pgbench={one.limit:.0f} {one.few.rate / one.limit:.3f}")
    return p2.measures(found)


def planning(place: Place, *, turns: int, rounds: int) -> list[Measure]:
    """Turns of regular plans by one worker, with rows that one client commits one by one beside every round."""
    from bench import limit, plans  # noqa: PLC0415  models can be imported only after Django's setup

    taken, limits = [], []
    plans.prepare(place, citizens=(rounds + 1) * turns)
    for number in tqdm(range(rounds + 1), desc="plans", file=sys.stderr):
        taken.append(plans.run(number=number, turns=turns))
        limits.append(limit.committed_rows(place, turns))
        tqdm.write(f"{taken[-1]:.0f} {limits[-1]:.0f} {taken[-1] / limits[-1]:.3f}", file=sys.stderr)
    what = "turns of plans taken a second by one worker ÷ rows committed one by one"
    return [Measure("plans", what, taken[1:], limits[1:], 0.055)]  # a million in an hour where 5,000 commit a second


def importing(place: Place, *, entries: int, rounds: int) -> list[Measure]:
    """P6: a statement of paid orders is imported, matched and posted, with L beside every round."""
    from bench import limit, statement  # noqa: PLC0415  models can be imported only after Django's setup

    runs, limits = [], []
    with tempfile.TemporaryDirectory() as folder, tqdm(total=rounds + 1, desc="P6", file=sys.stderr) as bar:
        file = Path(folder) / "statement.xml"
        source = statement.prepare(place, entries=entries, file=file)
        bar.update()
        for _round in range(rounds):
            runs.append(statement.run(place, source=source, entries=entries, file=file))
            limits.append(limit.narrow_rows(place, entries))
            bar.update()
            bar.write(f"{runs[-1]} L={limits[-1]:.0f} {runs[-1].entries / runs[-1].seconds / limits[-1]:.3f}")
        server.drop(place, source)
    rates = [run.entries / run.seconds for run in runs]
    peaks = [run.peak / 1024 for run in runs]
    return [
        Measure("P6", f"entries imported a second ÷ L, {entries} entries", rates, limits, 0.3),
        Measure("P6 memory", "peak MiB of the import", peaks, [1] * len(peaks), 512, at_most=True),
    ]


def pricing(place: Place, *, citizens: int, rounds: int) -> list[Measure]:
    """P3 and P5: a NAV of a fund with many citizens beside the same with few, day after day; then their holdings."""
    from bench import nav  # noqa: PLC0415  models can be imported only after Django's setup

    many, few = nav.prepare(place, citizens=citizens), nav.prepare(place, citizens=FEW_HOLDERS)
    found: list[tuple[nav.Round, nav.Round]] = []
    for number in tqdm(range(rounds + 1), desc="P3", file=sys.stderr):
        found.append((nav.run(many, number=number), nav.run(few, number=number)))
    warm = found[1:]
    shown = holding(place, many=many, few=few, rounds=rounds)
    for name in (many, few):
        server.drop(place, name)
    what = f"holders {citizens} ÷ {FEW_HOLDERS}"
    return [
        Measure(
            "P3", f"publish a NAV, {what}", [one.published for one, _ in warm], [one.published for _, one in warm], 1.2,
            at_most=True,
        ),
        Measure(
            "P3 whole", f"value, check, propose, sign, publish, {what}", [one.all for one, _ in warm],
            [one.all for _, one in warm], 1.2, at_most=True,
        ),
        Measure(
            "P5", f"the holdings page, {what}", [one.page for one, _ in shown], [one.page for _, one in shown], 1.3,
            at_most=True,
        ),
        Measure(
            "P5 API", f"/api/v1/holdings, {what}", [one.api for one, _ in shown], [one.api for _, one in shown], 1.3,
            at_most=True,
        ),
    ]  # fmt: skip


def reading(place: Place, *, requests: int, rounds: int) -> list[Measure]:
    """P4: public pages and the table of prices, warm, with the server's hello beside every round."""
    from bench import readers  # noqa: PLC0415  models can be imported only after Django's setup

    found: list[dict[str, float]] = []
    with tqdm(total=rounds, desc="P4", file=sys.stderr) as bar:
        for one in readers.measure(place, requests=requests, rounds=rounds):
            found.append(one)
            bar.update()
            bar.write(" ".join(f"{name} {rate / one['hello']:.3f}" for name, rate in one.items()))
    hello = [one["hello"] for one in found]
    pages = [min(one[path] for path in readers.PAGES) for one in found]
    there = [min(one[f"304 {path}"] for path in [*readers.PAGES, readers.TABLE]) for one in found]
    what = "requests a second of the web server's processors ÷ hello"
    return [
        Measure("P4", f"the dearest of {len(readers.PAGES)} public pages, {what}", pages, hello, 0.5),
        Measure("P4 navs", f"/api/v1/navs, {what}", [one[readers.TABLE] for one in found], hello, 0.5),
        Measure("P4 304", f"the dearest of them by its ETag, {what}", there, hello, 0.5),
    ]


def holding(place: Place, *, many: str, few: str, rounds: int) -> "list[tuple[holdings.Round, holdings.Round]]":
    """P5: citizens look at what they hold, in the databases of P3."""
    from bench import holdings  # noqa: PLC0415  models can be imported only after Django's setup

    readers = {name: holdings.prepare(name) for name in (many, few)}
    with holdings.beside(place):
        found = []
        for _round in tqdm(range(rounds + 1), desc="P5", file=sys.stderr):
            found.append((holdings.run(many, readers[many]), holdings.run(few, readers[few])))
    return found[1:]


def distributing(place: Place, *, holders: int, rounds: int) -> list[Measure]:
    """P7: a distribution is recorded, taxed, booked and gathered for payment, with L beside every round."""
    from bench import distribution, limit  # noqa: PLC0415  models can be imported only after Django's setup

    runs, limits = [], []
    with tqdm(total=rounds + 1, desc="P7", file=sys.stderr) as bar:
        source = distribution.prepare(place, holders=holders)
        bar.update()
        for _round in range(rounds):
            runs.append(distribution.run(place, source=source, holders=holders))
            limits.append(limit.narrow_rows(place, holders))
            bar.update()
            bar.write(f"{runs[-1]} L={limits[-1]:.0f} {holders / runs[-1].seconds / limits[-1]:.3f}")
        for name in (source, "round"):
            server.drop(place, name)
    rates = [holders / run.seconds for run in runs]
    wal = [run.wal / holders for run in runs]
    return [
        Measure("P7", f"holders given a distribution a second ÷ L, {holders} holders", rates, limits, 0.35),
        Measure(
            "P7 entries", "… without the lines of the payout run",
            [holders / (run.recorded + run.booked) for run in runs], limits, 0.35,
        ),
        Measure("P7 WAL", "bytes of WAL a holder", wal, [1] * len(wal), 1200, at_most=True),
    ]  # fmt: skip


def redeeming(place: Place, *, holders: int, rounds: int) -> list[Measure]:
    """A window over its cap is decided and settled, with L beside every round."""
    from bench import limit, redemption  # noqa: PLC0415  models can be imported only after Django's setup

    runs, limits = [], []
    with tqdm(total=rounds + 1, desc="redemption", file=sys.stderr) as bar:
        source = redemption.prepare(place, holders=holders)
        bar.update()
        for _round in range(rounds):
            runs.append(redemption.run(place, source=source, holders=holders))
            limits.append(limit.narrow_rows(place, holders))
            bar.update()
            bar.write(f"{runs[-1]} L={limits[-1]:.0f} {holders / runs[-1].settled / limits[-1]:.3f}")
        for name in (source, "round"):
            server.drop(place, name)
    wal = [run.wal / holders for run in runs]
    decided = [holders / run.decided for run in runs]
    return [
        Measure(
            "redemption", f"requests of a decided window settled a second ÷ L, {holders} requests",
            [holders / run.settled for run in runs], limits, 0.35,
        ),
        Measure("redemption sharing", "requests shared out by the decision a second ÷ L", decided, limits, 0.35),
        Measure("redemption WAL", "bytes of WAL a request", wal, [1] * len(wal), 3000, at_most=True),
    ]  # fmt: skip


def desk_lists(place: Place, *, orders: int, rounds: int) -> list[Measure]:
    """Each page of the desk over many rows beside the same over few, in turns; the slowest by comparison counts."""
    from bench import desk  # noqa: PLC0415  models can be imported only after Django's setup

    names = [desk.prepare(place, orders=number) for number in tqdm((orders, FEW_HOLDERS), desc="desk", file=sys.stderr)]
    found = [[desk.run(name) for name in names] for _round in range(rounds)]
    for name in names:
        server.drop(place, name)
    many, few = ({page: [one[which][page] for one in found] for page in found[0][0]} for which in (0, 1))
    ratios = {page: statistics.median(many[page]) / statistics.median(few[page]) for page in many}
    tqdm.write(" ".join(f"{page}: {ratio:.2f};" for page, ratio in ratios.items()), file=sys.stderr)
    worst = max(ratios, key=lambda page: ratios[page])
    what = f"officers' pages, orders {orders} ÷ {FEW_HOLDERS}, the slowest: {worst}"
    return [Measure("desk", what, many[worst], few[worst], 3, at_most=True)]


def proving(place: Place, *, citizens: int, rounds: int) -> list[Measure]:
    """P8: the holdings at a NAV are committed to, with the bare hashing beside every round; and one holder's proof."""
    from bench import nav, proof  # noqa: PLC0415  models can be imported only after Django's setup

    name = nav.prepare(place, citizens=citizens)
    found: list[proof.Round] = []
    for number in tqdm(range(rounds), desc="P8", file=sys.stderr):
        found.append(proof.run(name, number=number))
        tqdm.write(f"{found[-1]}", file=sys.stderr)
    server.drop(place, name)
    committed, hashed = [one.committed for one in found], [one.hashed for one in found]
    proved = [one.proved * 1000 for one in found]
    return [
        Measure("P8", f"commit {citizens} holders ÷ bare hashing", committed, hashed, 1.5, at_most=True),
        Measure("P8 proof", "ms of one proof ÷ 50", proved, [50] * rounds, 1, at_most=True),
    ]


def closing(place: Place, *, sizes: Sequence[int], rounds: int) -> list[Measure]:
    """P1 at each size with L beside every round, and P9 on the largest."""
    from bench import close, limit  # noqa: PLC0415  models can be imported only after Django's setup

    found: list[Measure] = []
    medians: list[tuple[int, float]] = []
    runs: list[close.Run] = []
    with tqdm(total=len(sizes) * (rounds + 1), desc="P1", file=sys.stderr) as bar:
        for orders in sizes:
            source = close.prepare(place, orders=orders)
            bar.update()
            runs, limits = [], []
            for _round in range(rounds):
                runs.append(close.run(place, source=source, orders=orders))
                limits.append(limit.narrow_rows(place, orders))
                bar.update()
                bar.write(f"{runs[-1]} L={limits[-1]:.0f} {runs[-1].orders / runs[-1].seconds / limits[-1]:.3f}")
            medians.append((orders, sorted(run.seconds for run in runs)[rounds // 2]))
            name = "P1" if orders == sizes[-1] else f"P1 {orders}"
            rates = [run.orders / run.seconds for run in runs]
            found.append(Measure(name, f"orders closed a second ÷ L, {orders} orders", rates, limits, 0.5))
            server.drop(place, source)
    (few, quick), (many, slow) = medians[0], medians[-1]
    if many > few:
        slope = math.log(slow / quick) / math.log(many / few)
        found.append(Measure("P1 slope", f"log-log, {few} to {many} orders", [slope], [1], 1.05, at_most=True))
    wal = [run.wal / run.orders for run in runs]
    found.append(Measure("P1 WAL", "bytes of WAL an order", wal, [1] * len(wal), 1200, at_most=True))
    peaks = [run.peak / 1024 for run in runs]
    found.append(Measure("P1 memory", "peak MiB of a worker", peaks, [1] * len(peaks), 256, at_most=True))
    proofs = [close.prove_and_scan(place, "round") for _round in range(rounds)]
    proved = [proof.proved for proof in proofs]
    scanned, counted = [proof.scanned for proof in proofs], [proof.counted for proof in proofs]
    found.append(Measure("P9", "prove ÷ a sequential scan of every value", proved, scanned, 5, at_most=True))
    found.append(Measure("P9 count", "prove ÷ count(*), which reads no value", proved, counted, 5, at_most=True))
    return found


def screening(place: Place, *, citizens: int, rounds: int) -> list[Measure]:
    """P10: everybody against a list, beside the least that it can cost; and that the index misses nobody."""
    from bench import screening, stage  # noqa: PLC0415  models can be imported only after Django's setup

    server.copy(place, source="empty", target="screened")
    stage.use("screened")
    screening.approve(citizens, seed=SEED)
    screening.load_list(seed=SEED)
    rates, floors = [], []
    for _round in tqdm(range(rounds), desc="P10", file=sys.stderr):
        rates.append(screening.rescreened()[0])
        floors.append(screening.unsealed(min(citizens, 10_000)))
    found, there = screening.recall(seed=SEED)
    stage.connection.close()
    server.drop(place, "screened")
    return [
        Measure("P10", "citizens a core screens a second", rates, [CITIZENS_A_SECOND] * rounds, 1),
        Measure("P10 floor", "… ÷ names and birth dates unsealed a second", rates, floors, 0.25),
        Measure("P10 recall", "found ÷ found by comparing with every name", [found], [there], 1),
    ]


if __name__ == "__main__":
    sys.exit(main())
