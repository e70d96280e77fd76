"""What Prometheus makes of our exposition and our rules: by promtool itself where it is, and by a reading of our own.

Our own reading knows one form of expression, ``metric > number``, which is that of every alert the site judges itself.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from portal.local.place import CHECKOUT

RULES = CHECKOUT / "ops/alerts.yml"
PROMTOOL = shutil.which("promtool")
FORM = re.compile(r"(\w+) > (\d+(?:\.\d+)?)")


def rules() -> dict[str, dict[str, Any]]:
    """The rules of the file, by the alert's name."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def samples(exposition: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]


def raised(exposition: str) -> set[tuple[str, str]]:
    """(alert, the value of its metric's label) of every rule in our form that the exposition raises."""
    found = set()
    for name, rule in rules().items():
        if match := FORM.fullmatch(rule["expr"]):
            metric, bound = match[1], float(match[2])
            found |= {
                (name, next(iter(one.labels.values()), ""))
                for one in samples(exposition)
                if one.name == metric and one.value > bound
            }
    return found


def promtool_agrees(exposition: str, folder: Path, *, expected: set[tuple[str, str]]) -> None:
    """Have promtool evaluate every rule over the exposition, held for a minute; it raises exactly what is expected."""
    assert PROMTOOL is not None
    series = [{"series": _series(one), "values": f"{_number(one.value)}x4"} for one in samples(exposition)]
    series += [{"series": 'up{job="kakehashi"}', "values": "1x4"}]
    run(folder, series, _expected(exposition, expected))


def _expected(exposition: str, expected: set[tuple[str, str]]) -> list[dict[str, Any]]:
    labels = {
        (one.name, next(iter(one.labels.values()), "")): one.labels
        for one in samples(exposition)
        if len(one.labels) < 2
    }
    found = []
    for name, rule in rules().items():
        match = FORM.fullmatch(rule["expr"])
        mine = [value for alert, value in expected if alert == name]
        assert match or not mine
        found.append({"eval_time": "1m", "alertname": name, "exp_alerts": [
            {"exp_labels": {**labels[match[1], value], **rule["labels"]}, "exp_annotations": rule["annotations"]}
            for value in mine if match
        ]})  # fmt: skip
    return found


def run(folder: Path, series: Iterable[dict[str, str]], expected: list[dict[str, Any]]) -> None:
    """A unit test of promtool. Raises AssertionError with what it says."""
    told = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "15s",
        "tests": [{"interval": "15s", "input_series": list(series), "alert_rule_test": expected}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(told))
    done = subprocess.run(
        [PROMTOOL or "", "test", "rules", str(folder / "test.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _series(one: Sample) -> str:
    return one.name + "{" + ",".join(f'{name}="{value}"' for name, value in one.labels.items()) + "}"


def _number(value: float) -> str:
    return "1e9" if value == float("inf") else f"{value:g}"
