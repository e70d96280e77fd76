"""What the tests of a whole run showed (`-p tests.seen`), written down for the report on reliability.

A test tells a figure by the fixture ``seen``. Where REPORT says how full the counts of this run are (``tenth`` as in
`make test`, ``full`` as in `make crash`), every outcome is kept in `.report/`, from where `make report` takes it.
"""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.local.place import CHECKOUT

FOLDER = CHECKOUT / ".report"
_results: dict[str, dict[str, Any]] = {}
_which: dict[str, str] = {}


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tell a figure that this test has seen; several are told one after the other."""
    return lambda figure: request.node.user_properties.append(("seen", figure))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst outcome of all phases and parameters of a test counts; one that was skipped did not run."""
    test = report.nodeid.split("[")[0].removeprefix("tests/")
    if report.skipped or (report.passed and report.when != "call"):
        return
    one = _results.setdefault(test, {"passed": 0, "failed": 0, "seen": []})
    one["passed" if report.passed else "failed"] += 1
    one["seen"] += [figure for name, figure in report.user_properties if name == "seen" and report.when == "call"]


def pytest_sessionstart() -> None:
    """Of the commit that is tested; another may be checked out before a long run ends."""
    if extent := os.environ.get("REPORT"):
        _which.update(_run(extent))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _which and not hasattr(session.config, "workerinput"):
        FOLDER.mkdir(exist_ok=True)
        told = json.dumps({**_which, "tests": _results}, indent=1)
        (FOLDER / f"{_which['extent']}.json").write_text(told + "\n")


def _run(extent: str) -> dict[str, str]:
    """Which run it was: how full, of which commit, when."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    commit = (git("rev-parse", "--short=12", "HEAD") or "unknown") + changed
    return {"extent": extent, "commit": commit, "on": f"{datetime.now(UTC):%Y-%m-%d}"}
