"""Every kept assessment judged again from the facts that it kept (D11)."""

from collections.abc import Iterator
from typing import Any

from fund.governance.checks import Check
from investors.applications import Assessment, Decision
from investors.eligibility import decide

NAME = "eligibility decisions"


def prove() -> list[Check]:
    """What was judged by the rules of today comes out the same; who was approved had passed every rule.

    Compared are each rule's code, answer and evidence; sentences may be worded better. Assessments by older rules are
    counted apart: the code of that version replays them.
    """
    kept = Assessment.objects.order_by("pk")
    own = kept.filter(rules=decide.VERSION)
    different = [*_different(own), *_approved_in_spite()]
    return [
        Check(NAME, own.count(), len(different), min(different, default="")),
        Check(f"{NAME} by other rules", kept.exclude(rules=decide.VERSION).count(), 0),
    ]


def _different(rows: Any) -> Iterator[str]:
    for one in rows.iterator(chunk_size=2000):
        try:
            again = decide.replay(version=one.rules, facts=one.facts)
            same = (_bare(one.outcomes), one.passed) == (
                _bare([outcome.to_json() for outcome in again.outcomes]),
                again.passed,
            )
        except (TypeError, KeyError, AttributeError):  # facts or outcomes that are not of the form they were kept in
            same = False
        if not same:
            yield f"{one}: judged again from what it saw, it comes out different"


def _bare(outcomes: Any) -> list[tuple[Any, Any, Any]]:
    return [(one["code"], one["passed"], one["evidence"]) for one in outcomes]


def _approved_in_spite() -> Iterator[str]:
    approved = Decision.objects.filter(outcome=Decision.Outcome.APPROVED, assessment__passed=False)
    for one in approved.select_related("assessment").order_by("pk"):
        yield f"{one.assessment}: approved though a rule was not met"
