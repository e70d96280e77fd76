"""Judging an application by every rule (D11). Who adds, removes or changes a rule changes ``VERSION``."""

from dataclasses import dataclass
from typing import Any

from investors.eligibility import (
    adult,
    agreements,
    citizenship,
    comprehension,
    identity_document,
    no_duplicate,
    number_valid,
    residence,
    sanctions_clear,
    suitability,
    tax_forms,
)
from investors.eligibility.facts import Facts, Outcome

VERSION = "2027-3"

RULES = (
    citizenship,
    adult,
    residence,
    identity_document,
    number_valid,
    no_duplicate,
    sanctions_clear,
    tax_forms,
    suitability,
    comprehension,
    agreements,
)


class OtherVersion(Exception):
    """The rules have changed since; the code of that version replays it."""


@dataclass(frozen=True)
class Decision:
    """What the rules of one version say about one set of facts."""

    version: str
    outcomes: list[Outcome]

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def failed(self) -> list[str]:
        return [outcome.code for outcome in self.outcomes if not outcome.passed]


def assess(facts: Facts) -> Decision:
    """Ask every rule, also when one has failed already: the applicant hears everything at once."""
    return Decision(VERSION, [rule.judge(facts) for rule in RULES])


def replay(*, version: str, facts: dict[str, Any]) -> Decision:
    """Judge kept facts again. Raises OtherVersion when they were judged by other rules."""
    if version != VERSION:
        raise OtherVersion(version)
    return assess(Facts.from_json(facts))
