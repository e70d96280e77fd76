"""Agreement texts by version and language, with the hash of what was accepted (D14)."""

import hashlib
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from investors import agreements, onboarding
from investors.agreements import Acceptance, Agreement, Kind
from tests.investors.conftest import NOW, approved, fill, japanese

pytestmark = pytest.mark.django_db


def new_version(kind: str = "terms", *, since=NOW) -> None:
    for language in agreements.LANGUAGES:
        old = Agreement.objects.get(kind=kind, version=1, language=language)
        Agreement.objects.create(
            kind=kind, version=2, language=language, title=old.title, text=old.text + "New.\n", in_force_from=since
        )


def test_every_kind_ships_in_both_languages_once():
    agreements.ship()
    found = Agreement.objects.values_list("kind", "language", "version")
    assert sorted(found) == sorted((kind, language, 1) for kind in Kind.values for language in ("en", "ja"))


def test_the_hash_is_that_of_the_text():
    for one in Agreement.objects.all():
        assert one.sha256 == hashlib.sha256(one.text.encode()).hexdigest()
        assert one.title in one.text


def test_both_languages_have_the_same_sections():
    for kind in Kind.values:
        english, japanese_text = (
            Agreement.objects.get(kind=kind, language=language).text.count("\n## ") for language in ("en", "ja")
        )
        assert english == japanese_text


def test_the_newest_version_is_in_force_from_its_day():
    new_version(since=NOW + timedelta(days=1))
    assert {one.code for one in agreements.in_force(kinds=["terms"], at=NOW)} == {"terms:1"}
    later = agreements.in_force(kinds=["terms"], at=NOW + timedelta(days=1))
    assert [(one.code, one.language) for one in later] == [("terms:2", "en"), ("terms:2", "ja")]


def test_a_new_version_shows_what_changed():
    new_version()
    before, after = Agreement.objects.filter(kind="terms", language="ja").order_by("version")
    assert [line for line in agreements.changes(before=before, after=after) if line[0] in "+-"] == ["+ New."]


def test_a_new_version_before_the_submission_must_be_accepted(investor):
    fill(investor, japanese())
    new_version()
    with pytest.raises(onboarding.Incomplete) as refused:
        onboarding.submit(investor=investor, now=NOW)
    assert refused.value.facts["steps"] == ["agreements"]


def test_accepting_twice_is_one_acceptance(investor):
    for _again in range(2):
        agreements.accept(investor=investor, codes=["terms:1"], language="en", now=NOW)
    assert Acceptance.objects.filter(investor=investor).count() == 1
    assert agreements.accepted(investor=investor) == {"terms:1"}


@pytest.mark.parametrize("code", ["terms:9", "terms", "terms:x", "terms:１", "gift:1", ""])
def test_only_a_text_in_force_can_be_accepted(investor, code):
    with pytest.raises(agreements.NotInForce):
        agreements.accept(investor=investor, codes=[code], language="en", now=NOW)


@pytest.mark.parametrize("table", ["investors_agreement", "investors_acceptance"])
def test_texts_and_acceptances_are_never_edited(investor, officer, table):
    approved(investor, japanese(), officer)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def test_what_changed_since_the_version_that_was_accepted(investor):
    agreements.accept(investor=investor, codes=["terms:1"], language="en", now=NOW)
    texts = agreements.in_force(kinds=["terms"], at=NOW)
    assert agreements.changed_since(investor=investor, texts=texts) == []
    new_version()
    texts = agreements.in_force(kinds=["terms", "privacy"], at=NOW)
    found = agreements.changed_since(investor=investor, texts=texts)
    assert [(one.before.code, one.after.code, one.after.language) for one in found] == [
        ("terms:1", "terms:2", "en"),
        ("terms:1", "terms:2", "ja"),
    ], "in the reader's language, whichever was read then; nothing of what was never accepted"
    assert [line for line in found[0].lines if line[0] in ("added", "removed")] == [("added", "New.")]
    agreements.accept(investor=investor, codes=["terms:2"], language="ja", now=NOW)
    assert agreements.changed_since(investor=investor, texts=texts) == []


def test_readable_changes_leave_out_what_is_the_same():
    lines = ["  # Title", "  a", "  b", "- old", "+ new", "  c", "  d", "  e", "+ ## End"]
    assert agreements.readable(lines) == [
        ("gap", ""), ("same", "b"), ("removed", "old"), ("added", "new"), ("same", "c"), ("gap", ""), ("same", "e"),
        ("added", "End"),
    ]  # fmt: skip
