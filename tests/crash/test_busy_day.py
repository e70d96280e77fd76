"""`kill -9` of every process while the whole fund is at work: nothing acknowledged is lost, nothing is doubled.

Citizens order and take back by the API, bank files are imported, an offering settles, a distribution is paid, NAVs are
valued by the clock, signed and published, two schedulers ask for all of it. Killed are the web server, the worker, the
scheduler, PostgreSQL and Valkey, leaders and children. At the end `prove` is clean, and every holder's units and money
are what a recount in SQL makes of the acknowledgements alone.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from bench import nav, orders, server
from fund import calendars
from portal.local import postgres
from tests.crash.cast import Stage
from tests.crash.conftest import FEW_ROUNDS
from tests.crash.day import PATIENCE, READY, Day
from tests.demo import Demo, wait_for

# Servers outlive the object that started them; they are found again by their folder.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

KILLS, FEW_KILLS = 25, 3  # a round: of a release 500 in 20 rounds


@pytest.fixture(scope="module")
def prepared(stage: Stage, rounds: int) -> Iterator[Demo]:
    """A database to copy for each round, ``prepared``; the demonstration has the server for itself meanwhile."""
    demo = Demo(stage.place.run)
    day = Day(demo, citizens_of(rounds))
    server.copy(stage.place, source="empty", target="prepared")
    day.act("prepare_day", "prepared", str(stage.orders // 10), str(day.citizens))
    yield demo
    postgres.stop(stage.place)  # the demonstration's own archives nothing
    postgres.start(stage.place, archiving=True)


def citizens_of(rounds: int) -> int:
    return 60 if rounds <= FEW_ROUNDS else 240


def morning(prepared: Demo, rounds: int) -> Day:
    """A fresh copy of the prepared database."""
    postgres.start(prepared.place)
    server.copy(prepared.place, source="prepared", target="kakehashi")
    return Day(prepared, citizens_of(rounds))


def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(prepared: Demo, rounds: int, seen) -> None:
    few = rounds <= FEW_ROUNDS
    first = random.randrange(10**9)
    slowest, killed, told = 0.0, 0, Counter[str]()
    for seed in range(first, first + (1 if few else rounds)):
        dice = random.Random(seed)
        day = morning(prepared, rounds)
        with day.run():
            with day.everybody():
                for _kill in range(FEW_KILLS if few else KILLS):
                    time.sleep(dice.uniform(0, 2))
                    kind, seconds = day.kill(dice)
                    print(f"seed {seed}: {kind}, well again after {seconds:.1f} s")
                    slowest, killed = max(slowest, seconds), killed + 1
                wait_for("a NAV that was signed", lambda day=day: day.told.navs, PATIENCE)
            day.wait_until_all_is_done()
            found = day.judge()
        print(f"seed {seed}: {found}")
        assert day.failures == [] and day.told.orders and day.told.payments
        assert found["wrong"] == "" and found["dead"] == 0 and found["different"] == 0, found["first"]
        assert not any(value for name, value in found.items() if name.endswith(("lost", "doubled", "twice")))
        assert found["days"] == [str(calendars.nth_dealing_day(nav.FIRST, n + 1)) for n in range(len(found["days"]))]
        assert set(day.told.navs) <= set(found["days"])
        told.update(orders=len(day.told.orders), payments=len(day.told.payments), navs=len(day.told.navs))
    counted = ", ".join(f"{number} {what}" for what, number in told.items())
    seen(f"{killed} kills; acknowledged {counted}: 0 lost, 0 doubled, every holder recounted in SQL")
    seen(f"well again after {slowest:.0f} s at most")
    assert slowest < READY


def test_without_durable_commits_an_acknowledged_order_is_lost(prepared: Demo, rounds: int) -> None:
    """Negative control: PostgreSQL answers before its log is written, is killed, and the recount sees what is gone."""
    if rounds <= FEW_ROUNDS:
        pytest.skip("of a release: another round")
    day = morning(prepared, rounds)
    with server.connect(prepared.place) as connection:
        connection.execute("ALTER DATABASE kakehashi SET synchronous_commit = off")
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("SELECT pg_reload_conf()")
    with day.run():
        for tries in range(5):
            begins = orders.FIRST + 10 * tries
            day.order(range(begins, begins + 10))
            day.kill(random.Random(), ["postgresql"])
        found = day.judge()
        with server.connect(prepared.place) as connection:
            connection.execute("ALTER SYSTEM RESET wal_writer_delay")
    assert found["orders_lost"] > 0
