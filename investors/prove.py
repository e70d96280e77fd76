"""Judge every kept assessment of the rules in force again: the same facts give the same outcomes (D11)."""

from collections.abc import Iterator
from typing import Any

from fund.governance.checks import Check
from investors.applications import Assessment
from investors.eligibility.decide import VERSION, replay

CHUNK = 1_000  # assessments in memory at once


def prove() -> list[Check]:
    """Every recomputation of reception; without applications it is clean."""
    return [decisions()]


def decisions() -> Check:
    """Each assessment of the rules' present version says what its facts give.

    What other versions judged is neither counted nor a difference: the code of that version replays it.
    """
    rows, wrong, first = 0, 0, ""
    for kept in _kept():
        rows += 1
        if found := _difference(kept):
            wrong += 1
            first = first or f"{kept}: {found}"
    return Check("eligibility decisions", rows, wrong, first)


def _kept() -> Iterator[Assessment]:
    """In the order they were made, a chunk at a time by key: no cursor stays open over all of them."""
    last = 0
    while chunk := list(Assessment.objects.filter(rules=VERSION, pk__gt=last).order_by("pk")[:CHUNK]):
        yield from chunk
        last = chunk[-1].pk


def _difference(kept: Assessment) -> str:
    """How the kept assessment differs from its facts judged again; empty if it does not. Names rules, no answers."""
    try:
        said: dict[str, Any] = {one["code"]: (one["passed"], one["evidence"]) for one in kept.outcomes}
        again = replay(version=kept.rules, facts=kept.facts)
    except (KeyError, TypeError, ValueError):
        return "it cannot be read"
    judged = {outcome.code: (outcome.passed, outcome.evidence) for outcome in again.outcomes}
    if differing := sorted(code for code in judged | said if judged.get(code) != said.get(code)):
        return f"judged again, {', '.join(differing)} differ"
    if kept.passed != again.passed:
        return f"kept as {'passed' if kept.passed else 'failed'}, its outcomes say otherwise"
    return ""
