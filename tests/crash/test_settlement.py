"""Whatever is killed during a settlement, and however often its tasks arrive, the end is the same (D29)."""

import json
import random

import pytest

from bench import server
from tests.crash.cast import Stage, settle_and_kill

# The server outlives the object that started it, which is found again by its folder.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def _books(stage: Stage) -> None:
    """Two more databases to copy from: ``approved``, whose allotment has both keys, and ``allotted``."""
    server.copy(stage.place, source="empty", target="approved")
    stage.act("prepare", "approved", str(stage.orders))
    server.copy(stage.place, source="approved", target="allotted")
    stage.act("carry_out", "allotted")


@pytest.fixture(scope="module")
def undisturbed(stage: Stage) -> str:
    """The state that every run must end in."""
    database = stage.copy("allotted")
    stage.act("settle", database, stage.chunk)
    state = stage.state(database)
    assert state["wrong"] == "" and state["offering"] == "settled"
    return state["hash"]


def test_killed_workers_and_a_killed_postgresql_lose_and_double_nothing(stage, undisturbed, rounds):
    first = random.randrange(10**9)
    for seed in range(first, first + rounds):
        database = stage.copy("allotted")
        log = settle_and_kill(stage, database, random.Random(seed))
        print(f"seed {seed}: {', '.join(log)}")
        assert log and stage.state(database) == {"hash": undisturbed, "wrong": "", "offering": "settled"}


def test_another_chunk_size_ends_in_the_same_state(stage, undisturbed):
    database = stage.copy("allotted")
    stage.act("settle", database, "777")
    assert stage.state(database)["hash"] == undisturbed


def test_without_its_transaction_a_killed_worker_leaves_a_range_that_nobody_can_settle(stage, undisturbed):
    """Negative control: the same worker, its ranges no longer one transaction each."""
    database = stage.copy("allotted")
    with pytest.raises(RuntimeError, match="half_settle"):
        stage.act("half_settle", database, stage.chunk)
    with pytest.raises(RuntimeError, match="IntegrityError"):
        stage.act("settle", database, stage.chunk)
    state = stage.state(database)
    assert state["hash"] != undisturbed and state["wrong"]


def test_tasks_that_arrive_up_to_five_times_in_any_order_change_nothing(stage, rounds):
    first = random.randrange(10**9)
    once = stage.copy("approved")
    tasks = int(stage.act("deliver", once, "0", "1"))
    expected = stage.state(once)
    assert expected["wrong"] == "" and expected["offering"] == "settled" and tasks >= 3
    for seed in range(first, first + rounds):
        print(f"seed {seed}")
        database = stage.copy("approved")
        assert int(stage.act("deliver", database, str(seed), "5")) > tasks
        assert stage.state(database) == expected


def test_a_task_that_arrives_again_is_stopped_by_five_things_one_behind_the_other(stage):
    """Negative control: with all of them lifted the same messages book everything twice, and the hash says so."""
    database = stage.copy("approved")
    stage.act("deliver", database, "0", "1")
    expected = stage.state(database)["hash"]
    found = json.loads(stage.act("redeliver", database, as_owner=True))
    assert {protection: (what["refused"], what["hash"] == expected) for protection, what in found.items()} == {
        "nothing": ([], True),
        "claim": ([], True),  # the acts' own marks
        "marks": (["UniqueViolation"], False),  # forgetting them is seen; the keys let nothing be booked
        "keys": (["CheckViolation"], False),  # nobody's held money goes below zero
        "limits": (["RuntimeError"], False),  # booked twice; the approved figures refuse to call it settled
    }
    assert len({what["hash"] for what in found.values()}) == 3
    assert "offerings sold what was approved, within capacity" in stage.state(database)["wrong"]
