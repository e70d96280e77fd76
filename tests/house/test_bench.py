"""A measure is a ratio to its limit, round by round, and is written down in the published form."""

import json

import pytest

from bench import result
from bench.result import Measure

FAST = Measure("P1", "orders", values=[40.0, 60.0, 10.0], limits=[100.0, 100.0, 20.0], target=0.5)
LEAN = Measure("P9", "prove", values=[4.0], limits=[1.0], target=5, at_most=True)


def test_a_ratio_is_the_median_of_the_rounds_each_with_its_own_limit():
    assert FAST.ratio == 0.5 and FAST.holds
    assert LEAN.ratio == 4 and LEAN.holds


@pytest.mark.parametrize(("measure", "values"), [(FAST, [40.0, 49.0, 9.0]), (LEAN, [6.0])])
def test_a_missed_target_is_told(measure, values):
    missed = Measure(measure.name, measure.what, values, measure.limits, measure.target, measure.at_most)
    assert not missed.holds and "MISSED" in missed.as_line()


def test_the_results_have_the_published_form(tmp_path, monkeypatch):
    monkeypatch.setattr(result, "FILE", tmp_path / "results.json")
    result.write([FAST, LEAN])
    written = json.loads(result.FILE.read_text())
    assert set(written) == {"P1", "P9", "machine", "commit"}
    assert written["P1"].items() >= {"value": 40.0, "limit": 100.0, "ratio": 0.5, "target": 0.5, "rounds": 3}.items()
    assert written["P1"]["holds"] is True and written["P1"]["spread"] == 0.2


def test_what_a_run_leaves_out_stays_with_the_commit_at_which_it_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(result, "FILE", tmp_path / "results.json")
    result.FILE.write_text(json.dumps({"P1": {"ratio": 0.1}, "P9": {"ratio": 9}, "machine": {}, "commit": "before"}))
    result.write([FAST])
    written = json.loads(result.FILE.read_text())
    assert written["P9"] == {"commit": "before", "ratio": 9}
    assert written["P1"]["ratio"] == 0.5 and written["P1"]["commit"] == written["commit"] != "before"
