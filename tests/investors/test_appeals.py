"""Appeals against a refusal (D10): once, in time, before another officer; the database refuses anything else."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from fund.governance.officers import Duty, NotOnDuty
from fund.governance.outbox import Note
from investors import appeals, judging, onboarding
from investors.appeals import Appeal, AppealDecision
from investors.applications import Application, Decision, Status
from investors.cases import CannotDecide
from investors.vault import Purpose
from tests.investors.conftest import NOW, american, fill, japanese, make_officer, submitted

pytestmark = pytest.mark.django_db
WORDS = "旅券は2031年まで有効です。\r\nもう一度見てください。"


@pytest.fixture
def refused(investor, officer) -> Application:
    pk = submitted(investor, japanese())
    judging.decide(application_id=pk, officer=officer, outcome="refused", reasons=["identity_document"], now=NOW)
    return Application.objects.get(pk=pk)


@pytest.fixture
def other_officer(db):
    return make_officer(nation="US", email="second@example.org")


def lift_triggers(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def decide(application: Application, officer, outcome: str, **more):
    given = {"reasons": ["identity_document"], "answer": "We looked again.", "now": NOW} | more
    return appeals.decide(application_id=application.pk, officer=officer, outcome=outcome, **given)


def test_an_appeal_is_sealed_and_tells_and_waits_for_another_officer(refused, investor, officer, other_officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    refused.refresh_from_db()
    assert refused.status == Status.APPEALED
    assert "旅券".encode() not in bytes(Appeal.objects.get().words)
    standing = appeals.standing(application=refused, purpose=Purpose.DRAFT, actor="test", now=NOW)
    assert standing.words == WORDS.replace("\r\n", "\n")
    assert not standing.open
    assert Note.objects.filter(topic="application.appealed").count() == 1
    assert list(appeals.waiting(officer=other_officer)) == [refused]
    assert list(appeals.waiting(officer=officer)) == []


def test_a_refusal_that_stands_is_told_with_reasons_and_cannot_be_appealed_again(refused, investor, other_officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    decide(refused, other_officer, "upheld")
    refused.refresh_from_db()
    assert refused.status == Status.REFUSED
    assert [row.new for row in refused.history.order_by("id")][-2:] == ["appealed", "refused"]
    assert Note.objects.get(topic="appeal.decided").payload["outcome"] == "upheld"
    with pytest.raises(appeals.CannotAppeal, match="already"):
        appeals.file(investor=investor, words="again", now=NOW)


def test_a_reopened_application_can_be_approved_by_another_officer_only(refused, investor, officer, other_officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    decide(refused, other_officer, "reopened", reasons=[])
    with pytest.raises(CannotDecide, match="another officer"):
        judging.decide(application_id=refused.pk, officer=officer, outcome="approved", now=NOW)
    kept = Decision.objects.get()
    with pytest.raises(DatabaseError, match="another officer"), transaction.atomic():
        Decision.objects.create(
            application=refused, assessment=kept.assessment, outcome="approved", officer=officer, decided_at=NOW
        )
    judging.decide(application_id=refused.pk, officer=other_officer, outcome="approved", now=NOW)
    investor.refresh_from_db()
    assert investor.may_invest(NOW)


def test_a_second_refusal_can_be_appealed_before_a_third_officer(refused, investor, other_officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    decide(refused, other_officer, "reopened", reasons=[])
    judging.decide(
        application_id=refused.pk, officer=other_officer, outcome="refused", reasons=["contradiction"], now=NOW
    )
    appeals.file(investor=investor, words="And that is wrong as well.", now=NOW)
    assert not appeals.waiting(officer=other_officer).exists()
    assert appeals.waiting(officer=make_officer(nation="US", email="third@example.org")).exists()


def test_the_officer_who_refused_does_not_hear_the_appeal(refused, investor, officer, other_officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    with pytest.raises(CannotDecide, match="another officer"):
        decide(refused, officer, "upheld")
    twin = make_officer(nation="US", email="twin@example.org")
    type(twin).objects.filter(pk=twin.pk).update(person=officer.person)
    twin.refresh_from_db()
    with pytest.raises(CannotDecide, match="another officer"):
        decide(refused, twin, "upheld")
    with pytest.raises(NotOnDuty):
        decide(refused, make_officer(Duty.DEALING, email="dealer@example.org"), "upheld")


def written(officer) -> AppealDecision:
    return AppealDecision(
        appeal=Appeal.objects.get(), outcome="upheld", reasons=["adult"], officer=officer, decided_at=NOW, answer=b"x"
    )


def test_the_database_refuses_the_same_officer(refused, investor, officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    with pytest.raises(DatabaseError, match="decided by another officer"), transaction.atomic():
        written(officer).save(force_insert=True)


def test_without_the_trigger_it_would_not(refused, investor, officer):
    """Negative control of the test above."""
    appeals.file(investor=investor, words=WORDS, now=NOW)
    lift_triggers("investors_appealdecision")
    written(officer).save(force_insert=True)
    assert AppealDecision.objects.count() == 1


@pytest.mark.parametrize("status", ["appealed", "in_review", "approved"])
def test_without_an_appeal_a_refusal_does_not_move(refused, status):
    with pytest.raises(DatabaseError, match="does not move|no appeal moves"), transaction.atomic():
        Application.objects.filter(pk=refused.pk).update(status=status)


def test_without_the_trigger_a_refusal_would_move(refused):
    """Negative control of the test above."""
    lift_triggers("investors_application")
    assert Application.objects.filter(pk=refused.pk).update(status="in_review") == 1


def test_an_appeal_that_was_upheld_does_not_reopen(refused, investor, other_officer):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    with pytest.raises(DatabaseError, match="no appeal moves"), transaction.atomic():
        Application.objects.filter(pk=refused.pk).update(status="in_review")
    written(other_officer).save(force_insert=True)
    with pytest.raises(DatabaseError, match="no appeal moves"), transaction.atomic():
        Application.objects.filter(pk=refused.pk).update(status="in_review")


@pytest.mark.parametrize(("days", "possible"), [(59, True), (60, False)])
def test_the_time_to_appeal_ends(refused, investor, days, possible):
    later = NOW + timedelta(days=days)
    standing = appeals.standing(application=refused, purpose=Purpose.DRAFT, actor="test", now=later)
    assert standing.open is possible
    assert standing.until == NOW + timedelta(days=60)
    if possible:
        appeals.file(investor=investor, words=WORDS, now=later)
    else:
        with pytest.raises(appeals.CannotAppeal, match="over"):
            appeals.file(investor=investor, words=WORDS, now=later)


@pytest.mark.parametrize("words", ["", " \n ", "x" * 4001, "zero\u200bwidth"])
def test_an_appeal_needs_words(refused, investor, words):
    with pytest.raises((appeals.CannotAppeal, ValidationError)):
        appeals.file(investor=investor, words=words, now=NOW)
    assert not Appeal.objects.exists()


def test_nothing_to_appeal_against(investor):
    with pytest.raises(appeals.CannotAppeal, match="no refusal"):
        appeals.file(investor=investor, words=WORDS, now=NOW)
    fill(investor, japanese())
    with pytest.raises(appeals.CannotAppeal, match="no refusal"):
        appeals.file(investor=investor, words=WORDS, now=NOW)


def test_an_appeal_is_never_edited(refused, investor, other_officer, as_site):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    decide(refused, other_officer, "upheld")
    for table in ("investors_appeal", "investors_appealdecision"):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {table}")


def test_a_new_application_takes_the_answers_over(refused, investor):
    again = onboarding.begin_again(investor=investor, now=NOW)
    draft = onboarding.draft(investor=investor, now=NOW)
    assert draft.application == again != refused
    assert draft.answers["name"]["family_kanji"] == "髙﨑"
    assert draft.remaining == []
    onboarding.save(
        investor=investor, step="identity_document",
        answers={"kind": "passport", "issuer": "JP", "number": "TZ1234567", "expires_on": "2035-05-01"}, now=NOW,
    )  # fmt: skip
    onboarding.submit(investor=investor, now=NOW)
    assert Decision.objects.get().application == refused
    with pytest.raises(appeals.CannotAppeal):
        appeals.file(investor=investor, words=WORDS, now=NOW)


def test_no_new_application_while_an_appeal_is_heard(refused, investor):
    appeals.file(investor=investor, words=WORDS, now=NOW)
    with pytest.raises(onboarding.NotEditable):
        onboarding.begin_again(investor=investor, now=NOW)


def test_only_a_refused_application_is_begun_again(investor):
    fill(investor, american())
    with pytest.raises(onboarding.NotEditable):
        onboarding.begin_again(investor=investor, now=NOW)
