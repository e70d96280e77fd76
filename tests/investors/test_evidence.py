"""Documents of an application: sealed, replaced but not lost, unchanged once sent, needed for approval (D5, D10)."""

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from fund import envelope
from fund.governance.audit import Act
from fund.governance.officers import Duty, NotOnDuty
from fund.refusal import Refusal
from investors import evidence, judging, onboarding, steps
from investors.applications import Application
from investors.eligibility.decide import VERSION
from investors.evidence import Document, DocumentPage
from investors.steps import Known, papers
from investors.steps.papers import Kind
from tests.investors import files
from tests.investors.conftest import NOW, american, fill, japanese, make_officer, specimen, submitted
from tests.investors.test_onboarding import lift_triggers

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def draft(investor):
    """Everything answered and given; not sent yet."""
    fill(investor, japanese())
    return onboarding.current(investor=investor)


def add(investor, kind=Kind.PASSPORT_PAGE, text="another", **given):
    return onboarding.add_document(investor=investor, kind=kind, taken=specimen(text), **{"now": LATER, **given})


def test_a_file_is_read_apart_and_kept_without_what_hid_in_it(investor):
    taken = evidence.take(files.from_a_phone())
    document = onboarding.add_document(investor=investor, kind=Kind.PASSPORT_PAGE, taken=taken, now=NOW)
    asked = {"application": document.application, "key": document.pk, "actor": investor.actor, "now": NOW}
    jpeg = evidence.page(number=1, **asked)
    assert jpeg.startswith(b"\xff\xd8") and files.GPS not in jpeg
    assert (document.version, document.pages, document.size) == (1, 1, len(jpeg))
    with pytest.raises(evidence.NoSuchDocument):
        evidence.page(number=2, **asked)


def test_what_lies_in_the_table_is_no_picture_and_opens_in_its_own_row_alone(investor, person):
    fill(investor, american())
    front, back = DocumentPage.objects.order_by("document__kind")
    assert b"\xff\xd8\xff" not in bytes(front.picture)[:200]
    DocumentPage.objects.filter(pk=back.pk).update(picture=front.picture)
    with pytest.raises(envelope.Unreadable):
        evidence.page(
            application=back.document.application, key=back.document_id, number=1, actor=investor.actor, now=NOW
        )


def test_every_opening_is_an_act(investor, draft):
    document = evidence.current(draft)["passport_page"]
    evidence.page(application=draft, key=document.pk, number=1, actor=investor.actor, now=NOW)
    act = Act.objects.get(verb="open")
    assert act.actor == investor.actor
    assert act.subject == f"investors_documentpage:{document.sheets.get().pk}"
    assert act.detail == {"column": "picture", "purpose": "draft"}


def test_nobody_elses_document_is_found(draft, person):
    fill(other := person("other@example.org"), american())
    key = evidence.current(onboarding.current(investor=other))["card_front"].pk
    for wrong in (key, uuid.uuid4()):
        with pytest.raises(evidence.NoSuchDocument):
            evidence.page(application=draft, key=wrong, number=1, actor="investor:1", now=NOW)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("passport", ["passport_page"]),
        ("passport_card", ["card_front", "card_back"]),
        ("family_register", ["family_register"]),
        ("", []),
    ],
)
def test_which_documents_are_needed(kind, needed):
    known = Known(NOW, {"identity_document": {"kind": kind}})
    assert [one.value for one in papers.needed(known)] == needed
    assert set(needed) <= {one.value for one in papers.asked(known)}
    assert ("my_number_card" in papers.asked(known)) == (kind == "family_register")


def test_the_step_is_done_when_nothing_that_is_needed_is_missing(investor):
    answers = american()
    for step in ("citizenship", "name", "birth", "residence", "numbers", "identity_document"):
        onboarding.save(investor=investor, step=step, answers=answers[step], now=NOW)
    add(investor, Kind.CARD_FRONT, "front")
    assert "documents" in onboarding.remaining(investor=investor)
    add(investor, Kind.CARD_BACK, "back")
    assert "documents" not in onboarding.remaining(investor=investor)
    onboarding.remove_document(investor=investor, kind=Kind.CARD_FRONT, now=LATER)
    assert "documents" in onboarding.remaining(investor=investor)


def test_without_its_documents_an_application_is_not_sent(investor, draft):
    onboarding.remove_document(investor=investor, kind=Kind.PASSPORT_PAGE, now=LATER)
    with pytest.raises(onboarding.Incomplete) as refused:
        onboarding.submit(investor=investor, now=LATER)
    assert refused.value.facts["steps"] == ["documents"]


def test_another_identity_document_needs_other_pictures(investor, draft):
    card = american()["identity_document"]
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US", "JP"]}, now=LATER)
    onboarding.save(investor=investor, step="identity_document", answers=card, now=LATER)
    assert "documents" in onboarding.remaining(investor=investor)
    known = onboarding.known(investor=investor, now=LATER)
    assert papers.asked(known)[0] == "passport_page", "what is there is shown, so that it can be removed"


def test_what_is_there_is_not_answered_but_given(investor, draft):
    with pytest.raises(Exception, match="does not ask"):
        onboarding.save(investor=investor, step="documents", answers={"given": ["card_front"]}, now=LATER)
    saved = onboarding.save(investor=investor, step="documents", answers={}, now=LATER)
    assert saved.version == 2
    assert steps.describe("documents", onboarding.known(investor=investor, now=LATER))["fields"] == []


def test_a_replaced_document_is_kept_until_the_decision(investor, draft, officer):
    first = evidence.current(draft)["passport_page"]
    second = add(investor)
    assert (second.version, evidence.current(draft)["passport_page"]) == (2, second)
    first.refresh_from_db()
    assert first.replaced_at == LATER
    application = onboarding.submit(investor=investor, now=LATER)
    judging.assess(application_id=application.pk, now=LATER)
    ask = {"application_id": application.pk, "officer": officer, "now": LATER}
    judging.decide(outcome="more_information", reasons=["identity_document"], **ask)
    third = add(investor, text="a third")
    onboarding.submit(investor=investor, now=LATER)
    judging.assess(application_id=application.pk, now=LATER)
    assert Document.objects.count() == 3
    judging.decide(outcome="approved", **ask)
    assert list(Document.objects.values_list("pk", flat=True)) == [third.pk]
    assert DocumentPage.objects.count() == 1
    deleted = Act.objects.get(verb="document.delete").detail["documents"]
    assert sorted(deleted) == sorted([str(first.pk), str(second.pk)])


def test_the_same_file_again_changes_nothing(investor, draft):
    first = evidence.current(draft)["passport_page"]
    assert add(investor, text=f"{investor.pk} passport_page") == first
    assert Document.objects.count() == 1


def test_the_same_file_as_another_document_is_noticed(investor, draft):
    with pytest.raises(evidence.SameFile):
        add(investor, Kind.RESIDENCE_PROOF, f"{investor.pk} passport_page")


def test_the_same_file_of_another_person_is_told_to_the_officer(person, officer):
    one, two = person("one@example.org"), person("two@example.org")
    first = submitted(one, japanese())
    fill(two, american())
    add(two, Kind.RESIDENCE_PROOF, f"{one.pk} passport_page")
    application = onboarding.submit(investor=two, now=LATER)
    facts = judging.assess(application_id=application.pk, now=LATER).facts
    assert facts["same_file"] == [first]
    assert Application.objects.get(pk=first).assessments.get().facts["same_file"] == []


def test_versions_are_respected(investor, draft):
    with pytest.raises(onboarding.DraftChanged):
        add(investor, version=0)
    assert add(investor, version=1).version == 2
    with pytest.raises(onboarding.DraftChanged):
        onboarding.remove_document(investor=investor, kind=Kind.PASSPORT_PAGE, now=LATER, version=1)
    onboarding.remove_document(investor=investor, kind=Kind.PASSPORT_PAGE, now=LATER, version=2)
    assert add(investor, version=2, text="a third").version == 3


def test_without_the_version_another_device_would_overwrite(investor, draft):
    """Negative control of the test above."""
    assert add(investor).version == 2


def test_a_day_has_room_for_so_many_files(investor, monkeypatch):
    monkeypatch.setattr(evidence, "A_DAY", 2)
    for text in ("one", "two"):
        add(investor, text=text)
    with pytest.raises(evidence.TooManyFiles):
        add(investor, text="three")
    assert add(investor, text="three", now=LATER + timedelta(days=1)).version == 3


def test_what_was_sent_is_not_changed(investor, draft):
    onboarding.submit(investor=investor, now=LATER)
    with pytest.raises(onboarding.NotEditable):
        add(investor)
    with pytest.raises(onboarding.NotEditable):
        onboarding.remove_document(investor=investor, kind=Kind.PASSPORT_PAGE, now=LATER)


CHANGES = [
    "UPDATE investors_document SET replaced_at = now() + interval '1 day'",
    "DELETE FROM investors_documentpage",
    "DELETE FROM investors_document",
    "INSERT INTO investors_document SELECT gen_random_uuid(), 'residence_proof', 1, digest, pages, size, added_at,"
    " NULL, application_id FROM investors_document",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_refuses_it_as_well(investor, draft, statement):
    onboarding.submit(investor=investor, now=LATER)
    with pytest.raises(DatabaseError, match="do not change|what was replaced"), transaction.atomic():
        execute(statement)


@pytest.mark.parametrize("statement", [CHANGES[0], CHANGES[1], CHANGES[3]])
def test_without_the_triggers_it_would_not(investor, draft, statement):
    """Negative control of the test above."""
    onboarding.submit(investor=investor, now=LATER)
    lift_triggers("investors_document")
    lift_triggers("investors_documentpage")
    assert execute(statement) == 1


@pytest.mark.parametrize("column", ["version = 9", "size = 1", "digest = '\\x00'", "kind = 'card_back'"])
def test_a_document_stays_as_it_was_given(draft, column):
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        execute(f"UPDATE investors_document SET {column}")


def execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def test_the_sites_own_role_may_do_all_of_it(investor, officer, as_site):
    fill(investor, japanese())
    add(investor)
    application = onboarding.submit(investor=investor, now=LATER)
    judging.assess(application_id=application.pk, now=LATER)
    judging.decide(application_id=application.pk, officer=officer, outcome="approved", now=LATER)
    assert Document.objects.count() == 1


def test_an_application_whose_document_is_gone_is_not_approved(investor, officer):
    application_id = submitted(investor, japanese())
    lift_triggers("investors_document")
    Document.objects.update(replaced_at=LATER)
    with pytest.raises(judging.CannotDecide, match="identity_document"):
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=LATER)


def test_the_rules_say_what_they_saw(investor):
    application = Application.objects.get(pk=submitted(investor, american()))
    assessment = application.assessments.get()
    (outcome,) = [one for one in assessment.outcomes if one["code"] == "identity_document"]
    assert assessment.rules == VERSION
    assert outcome["evidence"]["documents"] == ["card_back", "card_front"]


def test_an_officer_sees_marked_pages_and_each_look_is_an_act(investor, officer):
    application = Application.objects.get(pk=submitted(investor, american()))
    standing = evidence.current(application)
    ask = {"application": application, "officer": officer, "now": LATER}
    ((document, (page,)),) = evidence.inspect(keys=[standing["card_front"].pk, uuid.uuid4()], **ask)
    assert document.kind == "card_front"
    assert page != specimen(f"{investor.pk} card_front").pages[0].jpeg, "never without the mark"
    look, opened = Act.objects.filter(verb__in=["document.inspect", "open"]).order_by("id")
    assert (look.actor, look.subject, look.detail["kind"]) == (officer.actor, str(application), "card_front")
    assert opened.detail == {"column": "picture", "purpose": "review"}
    with pytest.raises(NotOnDuty):
        evidence.inspect(keys=[], **{**ask, "officer": make_officer(Duty.AUDIT, email="auditor@example.org")})


def test_a_rewrapped_page_opens_as_before(investor, draft):
    """What a rotation of the vault's keys does to every sealed column."""
    sheet = DocumentPage.objects.get()
    place = {"table": "investors_documentpage", "column": "picture", "row": sheet.pk}
    DocumentPage.objects.update(picture=envelope.rewrap(bytes(sheet.picture), **place))
    assert evidence.page(application=draft, key=sheet.document_id, number=1, actor="investor:1", now=NOW)


@pytest.mark.parametrize(
    ("file", "code"),
    [(b"<svg/>", "unknown_type"), (files.moving("WEBP"), "moving"), (files.picture()[:500], "unreadable")],
)
def test_a_bad_file_is_refused_with_its_reason(file, code):
    with pytest.raises(Refusal) as refused:
        evidence.take(file)
    assert refused.value.code == code
    assert str(refused.value) == str(evidence.WHY[code])
