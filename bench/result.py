"""A measure against its limit, and how it is shown and written down (interfaces.md, "Benchmark")."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Measure:
    """``values`` of the rounds over the ``limits`` measured beside them; ``at_most`` says which way is good."""

    name: str
    what: str
    values: Sequence[float]
    limits: Sequence[float]
    target: float
    at_most: bool = False

    @property
    def ratios(self) -> list[float]:
        return [value / limit for value, limit in zip(self.values, self.limits, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def holds(self) -> bool:
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "value": round(statistics.median(self.values), 3),
            "limit": round(statistics.median(self.limits), 3),
            "ratio": round(self.ratio, 3),
            "target": self.target,
            "holds": self.holds,
            "rounds": len(self.values),
            "spread": round(max(self.ratios) - min(self.ratios), 3),
            "what": self.what,
        }

    def as_line(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return (
            f"{self.name:<12} {self.ratio:>8.3f}   {sign} {self.target:<7g} {'holds' if self.holds else 'MISSED':<7}"
            f" {len(self.values)} rounds, ±{(max(self.ratios) - min(self.ratios)) / 2:.3f}   {self.what}"
        )


def write(measures: Sequence[Measure]) -> None:
    """bench/results.json: these measures, and of earlier runs those that this one left out, each with its commit."""
    machine = {
        "processors": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    ran = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=FILE.parent)
    here = {"commit": ran.stdout.strip()}
    found = _earlier() | {measure.name: measure.as_json() | here for measure in measures}
    FILE.write_text(json.dumps(found | {"machine": machine} | here, indent=2) + "\n")


def _earlier() -> dict[str, Any]:
    """The measures of the file as it is."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    kept.pop("machine", None)
    commit = kept.pop("commit", "")
    return {name: {"commit": commit} | one for name, one in kept.items()}
