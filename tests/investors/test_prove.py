"""`manage.py prove` judges what was judged again, and finds what was changed behind the rules' back."""

import pytest
from django.db import connection

from investors import prove
from investors.applications import Assessment
from tests.investors.conftest import american, approved, japanese, submitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(person, officer) -> Assessment:
    """Three assessments: at submission and at the decision of one, at submission of another that failed."""
    approved(person("one@example.org"), american(), officer)
    pk = submitted(person("two@example.org"), japanese(identity_document={"expires_on": "2026-11-19"}))
    kept = Assessment.objects.get(application_id=pk)
    assert kept.failed == ["identity_document"]
    return kept


def change(kept: Assessment, what: str) -> None:
    """Behind the protection against edits, as only an owner of the database could."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE investors_assessment DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE investors_assessment SET {what} WHERE id = %s", [kept.pk])


@pytest.mark.parametrize("chunk", [1, 2, 1_000])
def test_the_same_facts_give_the_same_outcomes(judged, monkeypatch, chunk):
    monkeypatch.setattr(prove, "CHUNK", chunk)
    check = prove.decisions()
    assert check.rows == Assessment.objects.count() == 3
    assert (check.differences, check.first) == (0, "")


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("facts = jsonb_set(facts, '{age}', '3')", "adult differ"),
        ("outcomes = outcomes - 0", "citizenship differ"),
        ("outcomes = jsonb_set(outcomes, '{3,passed}', 'true')", "identity_document differ"),
        ("passed = true", "kept as passed"),
        ("facts = facts - 'age'", "cannot be read"),
        ("outcomes = outcomes #- '{0,code}'", "cannot be read"),
    ],
)
def test_what_was_changed_is_named(judged, what, told):
    """The negative control: without the protection against edits, the change is found."""
    change(judged, what)
    check = prove.decisions()
    assert (check.rows, check.differences) == (3, 1)
    assert check.first.startswith(f"assessment {judged.pk} of application {judged.application_id}: ")
    assert told in check.first


def test_what_other_rules_judged_is_no_difference(judged):
    change(judged, "rules = '2020-1', passed = true")
    check = prove.decisions()
    assert (check.rows, check.differences) == (2, 0)
