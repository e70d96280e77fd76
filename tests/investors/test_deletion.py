"""What is no longer needed is deleted by schedule, and a record of it stays (D16)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from fund.governance.audit import Act
from investors import deletion, judging, onboarding, people, vault
from investors.applications import Answer
from investors.deletion import Deletion
from investors.evidence import Document, DocumentPage
from investors.people import MyNumber
from investors.vault import Purpose
from tests.investors.conftest import NOW, approved, fill, japanese, submitted

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def refused(investor, officer):
    application = submitted(investor, japanese())
    decided = judging.decide(
        application_id=application, officer=officer, outcome="refused", reasons=["contradiction"], now=NOW
    )
    return decided.decided_at + timedelta(days=180)


def test_of_a_refused_application_everything_goes_to_the_second(investor, officer):
    due = refused(investor, officer)
    assert deletion.next_for(investor=investor, now=NOW).due_at == due
    assert deletion.delete_due(now=due - SECOND) == 0 and MyNumber.objects.exists()
    assert deletion.delete_due(now=due) == 1
    assert not MyNumber.objects.exists() and not Answer.objects.exists()
    assert not Document.objects.exists() and not DocumentPage.objects.exists()
    record = Deletion.objects.get()
    assert (record.investor, record.why, record.due_at, set(record.what)) == (
        investor, "refused", due, {"my_number", "answers", "documents"},
    )  # fmt: skip
    assert Act.objects.get(verb="deleted").detail["number"] == 1
    assert deletion.delete_due(now=due) == 0 and deletion.next_for(investor=investor, now=due) is None


def test_an_abandoned_draft_loses_its_numbers_alone_and_asks_for_them_again(investor):
    fill(investor, japanese())
    due = deletion.next_for(investor=investor, now=NOW)
    assert due.why == "abandoned" and due.due_at == NOW + timedelta(days=365)
    assert deletion.delete_due(now=due.due_at) == 1
    assert onboarding.remaining(investor=investor) == ["numbers"]
    assert onboarding.draft(investor=investor, now=NOW).answers["name"]["family_kanji"] == "髙﨑"


def test_pictures_of_what_is_not_refused_are_not_deleted(investor, officer):
    approved(investor, japanese(), officer)
    with pytest.raises(DatabaseError, match="after a refusal"), transaction.atomic():
        DocumentPage.objects.all().delete()


def test_who_goes_on_keeps_everything(investor):
    fill(investor, japanese())
    later = NOW + timedelta(days=364)
    onboarding.save(investor=investor, step="birth", answers=japanese()["birth"], now=later)
    assert deletion.delete_due(now=NOW + timedelta(days=366)) == 0
    assert MyNumber.objects.exists()


def test_a_citizen_who_takes_part_keeps_the_number_and_a_former_one_seven_years(investor, officer):
    approved(investor, japanese(), officer)
    assert deletion.delete_due(now=NOW + timedelta(days=700)) == 0
    lapsed = investor.verified_until
    assert deletion.next_for(investor=investor, now=lapsed + SECOND).due_at == lapsed.replace(year=lapsed.year + 7)
    assert deletion.delete_due(now=lapsed.replace(year=lapsed.year + 7) - SECOND) == 0
    assert deletion.delete_due(now=lapsed.replace(year=lapsed.year + 7)) == 1
    assert Deletion.objects.get().why == "former_holder" and Answer.objects.exists()


def test_the_record_is_never_changed(investor, officer):
    deletion.delete_due(now=refused(investor, officer))
    with pytest.raises(DatabaseError), transaction.atomic():
        Deletion.objects.update(why="abandoned")


def test_readings_are_told_with_their_purpose(investor):
    fill(investor, japanese())
    vault.read(investor.my_number, "number", purpose=Purpose.TAX_REPORT, actor="officer:7", now=NOW)
    assert people.readings(investor=investor) == [(NOW, "reporting to a tax authority")]
