"""Taking, handing over, noting: two officers never do the same work, and nobody's work is stuck with somebody gone."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fund.governance.officers import Duty, NotOnDuty, Officer
from investors import casework, deletion, judging
from investors.applications import Application, Status
from investors.cases import CannotDecide
from investors.casework import Assignment, CaseNote
from tests.gate import meanwhile
from tests.investors.conftest import NOW, make_officer, person, submitted
from tests.investors.conftest import american as american_answers
from tests.investors.conftest import japanese as japanese_answers

__all__ = ["person"]  # a fixture


@pytest.fixture
def pair(db) -> tuple[Officer, Officer]:
    return make_officer(), make_officer(email="colleague@example.org")


@pytest.fixture
def waiting(person) -> list[Application]:
    """Two applications, the first submitted first."""
    keys = [
        submitted(person("first@example.org"), japanese_answers()),
        submitted(person("second@example.org"), american_answers()),
    ]
    return [Application.objects.get(pk=key) for key in keys]


def test_who_asks_for_the_next_gets_the_longest_waiting_that_is_nobodys(waiting, pair, as_site):
    one, other = pair
    assert casework.take_next(officer=one, now=NOW) == waiting[0]
    assert casework.take_next(officer=other, now=NOW) == waiting[1]
    assert casework.take_next(officer=other, now=NOW) is None
    assert casework.with_whom(application=waiting[0], now=NOW) == one


def test_what_somebody_works_on_is_not_decided_by_another(waiting, pair):
    one, other = pair
    casework.take(application_id=waiting[0].pk, officer=one, now=NOW)
    for act in (
        lambda: casework.take(application_id=waiting[0].pk, officer=other, now=NOW),
        lambda: casework.hand_over(application_id=waiting[0].pk, to=other, officer=other, words="", now=NOW),
        lambda: judging.decide(application_id=waiting[0].pk, officer=other, outcome="approved", now=NOW),
    ):
        with pytest.raises(CannotDecide, match="Another officer"):
            act()
    judging.decide(application_id=waiting[0].pk, officer=one, outcome="approved", now=NOW)
    assert Application.objects.get(pk=waiting[0].pk).status == Status.APPROVED


@pytest.mark.parametrize("why", ["a day has passed", "has left", "other duties"])
def test_nothing_stays_with_somebody_who_is_gone(waiting, pair, why):
    one, other = pair
    casework.take(application_id=waiting[0].pk, officer=one, now=NOW)
    later = NOW + (timedelta(hours=25) if why == "a day has passed" else timedelta(hours=1))
    if why == "has left":
        Officer.objects.filter(pk=one.pk).update(in_office_until=NOW + timedelta(minutes=1))
    if why == "other duties":
        Officer.objects.filter(pk=one.pk).update(duties=["dealing"])
    assert casework.take_next(officer=other, now=later) == waiting[0]


def test_a_case_is_handed_to_a_colleague_with_a_word_or_back_to_the_queue(waiting, pair, as_site):
    one, other = pair
    casework.take(application_id=waiting[0].pk, officer=one, now=NOW)
    casework.hand_over(application_id=waiting[0].pk, to=other, officer=one, words="髙﨑 called twice.", now=NOW)
    assert casework.with_whom(application=waiting[0], now=NOW) == other
    ((note, words),) = casework.notes(application=waiting[0], officer=other, now=NOW)
    assert (note.officer, words) == (one, "髙﨑 called twice.")
    assert "髙﨑".encode() not in bytes(CaseNote.objects.get().words)
    casework.hand_over(application_id=waiting[0].pk, to=None, officer=other, words="", now=NOW)
    assert casework.with_whom(application=waiting[0], now=NOW) is None


def test_only_officers_of_onboarding_work_on_cases(waiting, pair):
    clerk = make_officer(Duty.DEALING, email="dealer@example.org")
    for act in (
        lambda: casework.take(application_id=waiting[0].pk, officer=clerk, now=NOW),
        lambda: casework.take_next(officer=clerk, now=NOW),
        lambda: casework.note(application_id=waiting[0].pk, officer=clerk, words="x", now=NOW),
        lambda: casework.notes(application=waiting[0], officer=clerk, now=NOW),
        lambda: casework.hand_over(application_id=waiting[0].pk, to=clerk, officer=pair[0], words="", now=NOW),
    ):
        with pytest.raises(NotOnDuty):
            act()
    assert not Assignment.objects.exists()


@pytest.mark.parametrize("words", ["", " \n ", "a\u202eb", "x" * 4001])
def test_a_note_can_be_read(waiting, pair, words):
    with pytest.raises(CannotDecide, match="visible"):
        casework.note(application_id=waiting[0].pk, officer=pair[0], words=words, now=NOW)


def test_what_was_noted_goes_with_the_answers_of_the_refused(waiting, pair):
    casework.note(application_id=waiting[0].pk, officer=pair[0], words="Looks odd.", now=NOW)
    judging.decide(application_id=waiting[0].pk, officer=pair[0], outcome="refused", reasons=["contradiction"], now=NOW)
    deletion.delete_due(now=timezone.now() + timedelta(days=400))
    assert not CaseNote.objects.exists()


# ── at once ──


def both(pair: tuple[Officer, Officer]) -> list[Application | None]:
    """What two officers get who ask for the next at the same moment."""
    start, got = threading.Barrier(2), []

    def ask(officer: Officer) -> None:
        start.wait()
        try:
            got.append(casework.take_next(officer=officer, now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(officer,)) for officer in pair]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return got


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_two(waiting, pair):
    for _round in range(5):
        assert set(both(pair)) == set(waiting)
        Assignment.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_they_can_get_the_same(waiting, pair, monkeypatch):
    """Negative control: without the lock of the row, both have read the queue before either has written."""
    read = threading.Barrier(2)
    assign = casework._assign

    def slowly(*args, **kwargs):
        read.wait()
        assign(*args, **kwargs)

    monkeypatch.setattr(casework, "_assign", slowly)
    monkeypatch.setattr("django.db.models.QuerySet.select_for_update", lambda self, **_how: self)
    assert both(pair) == [waiting[0], waiting[0]]


def taken_while_another_reads(pair: tuple[Officer, Officer]) -> tuple[Application | None, Application | None]:
    """What two officers get when the second asks and gets between the first one's reading and locking."""
    return meanwhile(*(lambda one=one: casework.take_next(officer=one, now=NOW) for one in pair))


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_while_the_queue_was_read_is_not_taken_again(waiting, pair):
    assert taken_while_another_reads(pair) == (waiting[1], waiting[0])


@pytest.mark.django_db(transaction=True)
def test_unless_it_is_asked_again_under_the_lock_both_get_the_same(waiting, pair, monkeypatch):
    """Negative control: a locked row tells nothing about what stands in another table since the queue was read."""
    monkeypatch.setattr("django.db.models.QuerySet.exists", lambda self: True)
    assert taken_while_another_reads(pair) == (waiting[0], waiting[0])
