"""The report on reliability names tests that exist, for every promise; it says what runs saw, and nothing else."""

import ast
from functools import cache

import pytest

from tests.house import reliability
from tests.house.reliability import CHECKOUT, ROWS, Row

NAMED = sorted({name for one in ROWS for name in (*one.shown, *one.control)})
ONE = Row("crash", "a thing", "it holds", ("house/test_reliability.py::a",), ("house/test_reliability.py::b",))


@cache
def inside(module: str) -> set[str]:
    path = CHECKOUT / "tests" / module
    if not path.exists():
        return set()
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def unknown(names: list[str]) -> list[str]:
    """Those that are neither a test here nor a module with tests."""
    parts = [(name, *name.partition("::")[::2]) for name in names]
    return [name for name, module, test in parts if not (test in inside(module) if test else inside(module))]


def test_every_named_test_exists() -> None:
    assert unknown(NAMED) == []


def test_a_test_that_was_renamed_would_be_noticed() -> None:
    """Negative control of the test above."""
    renamed = ["portal/test_relay.py::test_no_more", "portal/test_nowhere.py", "house/reliability.py"]
    assert unknown(renamed) == renamed


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.do[:40])
def test_every_promise_names_a_test_and_its_negative_control(one: Row) -> None:
    assert one.shown and one.control


def test_the_report_in_the_repository_is_of_these_rows() -> None:
    """What was seen changes with every run, what is promised and by which tests does not: else `make report`."""
    written = reliability.REPORT.read_text()
    for one in ROWS:
        lines = reliability.section(one, {})
        assert lines[0] in written
        for name in (*one.shown, *one.control):
            assert f"`{name}`" in written
    assert written.count("\n**") == len(ROWS)


def outcome(passed: int = 1, failed: int = 0) -> dict[str, object]:
    return {"passed": passed, "failed": failed, "seen": ["7 kills"], "commit": "abc", "on": "2026-11-26"}


def test_a_row_passes_only_when_all_of_its_tests_ran_and_passed() -> None:
    a, b = ONE.shown[0], ONE.control[0]
    assert reliability.verdict(ONE, {}) == "not all run"
    assert reliability.verdict(ONE, {a: {"full": outcome()}}) == "not all run"
    assert reliability.verdict(ONE, {a: {"full": outcome()}, b: {"tenth": outcome()}}) == "passes"
    assert reliability.verdict(ONE, {a: {"full": outcome(failed=1)}, b: {"tenth": outcome()}}) == "FAILS"
    assert "passed (full at `abc`); 7 kills" in "".join(reliability.section(ONE, {a: {"full": outcome()}}))


def test_a_full_run_counts_before_a_tenth_and_a_test_that_no_row_names_is_left_out() -> None:
    kept: dict[str, dict[str, object]] = {}
    name = ROWS[0].shown[0]
    for extent in ("full", "tenth"):
        told = {"passed": 1, "failed": 0, "seen": [extent]}
        run = {"extent": extent, "commit": extent, "on": "2026-11-26", "tests": {name: told, "else::where": told}}
        reliability.take(kept, run)
    assert list(kept) == [name] and [extent for extent, _each in reliability.latest(name, kept)] == ["full"]
