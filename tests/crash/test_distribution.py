"""Whatever is killed while a distribution is paid, every holder has one entry, and the same one (D45)."""

import random

import pytest

from bench import server
from tests.crash.cast import RANGES, Stage, settle_and_kill
from tests.crash.conftest import FEW_ROUNDS

# The server outlives the object that started it, which is found again by its folder.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture(scope="module")
def declared(stage: Stage) -> str:
    """A database with a distribution that is due, in as many ranges as a settlement has."""
    server.copy(stage.place, source="approved", target="declared")
    stage.act("declare_distribution", "declared", str(stage.orders), str(stage.orders // RANGES))
    return "declared"


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, declared: str) -> str:
    """The state that every run must end in."""
    database = stage.copy(declared)
    stage.act("distribute", database, stage.chunk)
    state = stage.distributed(database)
    assert (state["wrong"], state["state"]) == ("", "paid")
    return state["hash"]


def test_killed_workers_and_a_killed_postgresql_pay_every_holder_once(stage, declared, undisturbed, rounds):
    first = random.randrange(10**9)
    few = rounds <= FEW_ROUNDS  # a settlement's rounds go through the same motions
    for seed in range(first, first + (1 if few else rounds)):
        database = stage.copy(declared)
        log = settle_and_kill(stage, database, random.Random(seed), verb="distribute")
        print(f"seed {seed}: {', '.join(log)}")
        assert log and stage.distributed(database) == {"hash": undisturbed, "wrong": "", "state": "paid"}


def test_without_its_transaction_a_killed_worker_leaves_a_range_that_nobody_can_pay(stage, declared, undisturbed):
    """Negative control: the same worker, its ranges no longer one transaction each."""
    database = stage.copy(declared)
    with pytest.raises(RuntimeError, match="half_distribute"):
        stage.act("half_distribute", database, stage.chunk)
    with pytest.raises(RuntimeError, match="IntegrityError"):
        stage.act("distribute", database, stage.chunk)
    state = stage.distributed(database)
    assert state["hash"] != undisturbed and state["state"] == "recorded"
