"""Whatever is killed while a distribution is paid, every holder has one entry, and the same one (D45)."""

import random
from typing import Any

import pytest

from bench import server
from tests.crash.cast import RANGES, Stage, settle_and_kill
from tests.crash.conftest import FEW_ROUNDS

# The server outlives the object that started it, which is found again by its folder.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

MORE = 5  # rounds than a settlement has: they are quicker


@pytest.fixture(scope="module")
def declared(stage: Stage) -> str:
    """A database with a distribution to a tenth as many holders as a settlement has orders, in as many ranges."""
    server.copy(stage.place, source="empty", target="declared")
    holders = stage.orders // 10
    stage.act("declare_distribution", "declared", str(holders), str(holders // RANGES))
    return "declared"


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, declared: str) -> str:
    """The state that every run must end in."""
    database = stage.copy(declared)
    stage.act("distribute", database, stage.chunk)
    state = stage.distributed(database)
    assert (state["wrong"], state["state"]) == ("", "paid") and recounted(state)
    return state["hash"]


def recounted(state: dict[str, Any]) -> bool:
    """Whether the books hold what the recount in SQL expects of every holder, each paid once."""
    assert state["holders"] > 0
    return not any(state[name] for name in ("different", "paid_twice", "orders_lost", "payments_lost"))


def test_killed_workers_and_a_killed_postgresql_pay_every_holder_once(stage, declared, undisturbed, rounds, seen):
    first = random.randrange(10**9)
    few = rounds <= FEW_ROUNDS  # a settlement's rounds go through the same motions
    number = 1 if few else MORE * rounds
    kills = 0
    for seed in range(first, first + number):
        database = stage.copy(declared)
        log = settle_and_kill(stage, database, random.Random(seed), verb="distribute")
        print(f"seed {seed}: {', '.join(log)}")
        state = stage.distributed(database, proved=seed % 10 == 0 or few)
        assert log and (state["hash"], state["wrong"], state["state"]) == (undisturbed, "", "paid") and recounted(state)
        kills += len(log)
    seen(f"{state['holders']:,} holders, {number} rounds, {kills} kills: one payment each, recounted in SQL")


def test_without_its_transaction_a_killed_worker_leaves_a_range_that_nobody_can_pay(stage, declared, undisturbed):
    """Negative control: the same worker, its ranges no longer one transaction each."""
    database = stage.copy(declared)
    with pytest.raises(RuntimeError, match="half_distribute"):
        stage.act("half_distribute", database, stage.chunk)
    with pytest.raises(RuntimeError, match="IntegrityError"):
        stage.act("distribute", database, stage.chunk)
    state = stage.distributed(database)
    assert state["hash"] != undisturbed and state["state"] == "recorded"


def test_without_mark_and_key_a_range_that_is_done_again_pays_everybody_in_it_twice(stage, declared):
    """Negative control: a range's mark forgotten, the entry's key dropped. The declared sum alone refuses the end."""
    database = stage.copy(declared)
    stage.act("distribute", database, stage.chunk)
    refused = stage.act("distribute_again", database, as_owner=True)
    state = stage.distributed(database)
    assert 0 < state["paid_twice"] <= state["different"] and not recounted(state)
    assert state["state"] == "recorded" and "recorded were" in refused
