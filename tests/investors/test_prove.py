"""Decisions replayed from what they saw: the same every time, and what was tampered with is named (D11)."""

import pytest
from django.db import connection

from investors import prove
from investors.applications import Assessment, Decision
from investors.eligibility import decide
from tests.investors.conftest import american, approved, japanese, submitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(person, officer) -> Assessment:
    """One approved, one that failed a rule; the assessment on which the approval stands."""
    approved(person("one@example.org"), japanese(), officer)
    submitted(person("two@example.org"), american(identity_document={"expires_on": "2026-11-01"}))
    return Decision.objects.get().assessment


def tamper(row: Assessment, **changed) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE investors_assessment DISABLE TRIGGER USER")
    Assessment.objects.filter(pk=row.pk).update(**changed)


def test_what_was_judged_comes_out_the_same(judged):
    own, other = prove.prove()
    assert (own.name, own.rows, own.differences) == ("eligibility decisions", 3, 0)
    assert (other.rows, other.differences) == (0, 0)


def test_changed_facts_are_named(judged):
    tamper(judged, facts=judged.facts | {"age": 17})
    own = prove.prove()[0]
    assert own.differences == 1
    assert own.first.startswith(f"assessment {judged.pk} of application {judged.application_id}")


@pytest.mark.parametrize("facts", [{}, {"age": 36}, ["no", "facts"], {"unknown": 1}])
def test_facts_that_are_none_are_named(judged, facts):
    tamper(judged, facts=facts)
    assert prove.prove()[0].differences == 1


def test_changed_outcomes_are_named(judged):
    outcomes = [one | {"evidence": {}} for one in judged.outcomes]
    tamper(judged, outcomes=outcomes)
    assert prove.prove()[0].differences == 1


def test_an_approval_on_a_failed_rule_is_named(judged):
    """Facts and outcomes were changed together, so that they agree: a minor who was approved."""
    again = decide.replay(version=judged.rules, facts=judged.facts | {"age": 17})
    tamper(
        judged, facts=judged.facts | {"age": 17}, passed=False,
        outcomes=[outcome.to_json() for outcome in again.outcomes],
    )  # fmt: skip
    own = prove.prove()[0]
    assert own.differences == 1
    assert "approved though" in own.first


def test_older_rules_are_counted_and_are_no_difference(judged):
    tamper(judged, rules="2020-1")
    own, other = prove.prove()
    assert (own.rows, own.differences) == (2, 0)
    assert (other.name, other.rows) == ("eligibility decisions by other rules", 1)
