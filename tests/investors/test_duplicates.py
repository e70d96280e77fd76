"""One person is one registration, whatever the spelling or the passport (D5)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from fund.governance.audit import Act
from fund.governance.officers import Duty, NotOnDuty
from fund.holders import Holder
from investors import appeals, duplicates, judging, onboarding
from investors.applications import Application
from investors.cases import CannotDecide
from investors.duplicates import DuplicateCase, Finding, Pair
from investors.people import Investor, TaxpayerNumber
from investors.vault import Purpose
from tests.investors.conftest import NOW, american, approved, fill, japanese, make_officer, submitted

pytestmark = pytest.mark.django_db

OTHER_PASSPORT = {"kind": "passport", "issuer": "JP", "number": "TZ7654321", "expires_on": "2033-01-01"}


OTHER_CARD = {"kind": "passport_card", "issuer": "US", "number": "C09990000", "expires_on": "2031-01-01"}


def settle(officer, outcome: str, *, reason: str = "I compared the documents.") -> Finding:
    return judging.settle_pair(pair_id=Pair.objects.get().pk, officer=officer, outcome=outcome, reason=reason, now=NOW)


def failed(application_id: int) -> list[str]:
    return Application.objects.get(pk=application_id).assessments.latest("pk").failed


def evidence(application_id: int) -> dict[str, list[int]]:
    outcomes = Application.objects.get(pk=application_id).assessments.latest("pk").outcomes
    return next(outcome["evidence"] for outcome in outcomes if outcome["code"] == "no_duplicate")


def test_the_same_number_under_another_name_and_passport_is_found(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, japanese(), officer)
    other = japanese(
        name={"family_kanji": "山田", "family_kana": "ヤマダ", "family_latin": "YAMADA"},
        birth={"birth_date": "1991-01-01"},
        identity_document=OTHER_PASSPORT,
        bank_account={"holder": "ヤマダ ショウタ"},
    )
    application_id = submitted(second, other)
    assert failed(application_id) == ["no_duplicate"]
    assert evidence(application_id) == {"same_number": [first.pk], "same_person": []}
    with pytest.raises(CannotDecide):
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    with pytest.raises(CannotDecide, match="same tax number"):
        settle(officer, "different")
    assert Holder.objects.filter(kind="citizen").count() == 1


@pytest.mark.parametrize(
    "spelling",
    [
        {"family_kanji": "高崎"},
        {"family_kanji": "高崎", "family_latin": "TAKAZAKI", "family_kana": "タカザキ"},
        {"family_kanji": "鷹崎", "given_kanji": "正太", "given_latin": "Shouta"},
        {"family_kanji": "鷹崎", "family_latin": "TAKAZAKI", "family_kana": "ﾀｶｻｷ", "given_kana": "しょうた"},
    ],
)
def test_another_spelling_is_found(person, officer, spelling):
    """A dual national who registers once with each citizenship, so that no number is the same."""
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, japanese(), officer)
    again = american(
        citizenship={"nations": ["US", "JP"]},
        name=japanese()["name"] | spelling,
        birth=japanese()["birth"],
        bank_account={"holder": f"{spelling.get('family_latin', 'TAKASAKI')} {spelling.get('given_latin', 'SHOTA')}"},
    )
    application_id = submitted(second, again)
    assert failed(application_id) == ["no_duplicate"]
    assert evidence(application_id) == {"same_number": [], "same_person": [first.pk]}


def test_both_are_named_also_while_neither_is_decided(person):
    first, second = person("one@example.org"), person("two@example.org")
    submitted(first, japanese())
    assert evidence(submitted(second, japanese())) == {"same_number": [first.pk], "same_person": []}


def test_the_first_is_judged_again_before_it_is_approved(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    application_id = submitted(first, japanese())
    assert failed(application_id) == []
    submitted(second, japanese())
    with pytest.raises(CannotDecide) as refused:
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert refused.value.facts["rules"] == ["no_duplicate"]


def test_when_the_second_is_refused_the_first_can_be_approved(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    application_id, again = submitted(first, japanese()), submitted(second, japanese())
    judging.decide(application_id=again, officer=officer, outcome="refused", reasons=["no_duplicate"], now=NOW)
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert Holder.objects.filter(kind="citizen").count() == 1


def test_a_mere_draft_stands_in_nobodys_way(person):
    fill(person("one@example.org"), japanese())
    assert failed(submitted(person("two@example.org"), japanese())) == []


def test_two_people_who_share_name_and_birthday_can_both_be_approved(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, american(), officer)
    application_id = submitted(second, american(numbers={"ssn": "219-09-9998"}, identity_document=OTHER_CARD))
    assert failed(application_id) == ["no_duplicate"]
    with pytest.raises(CannotDecide):
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    settle(officer, "different")
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert Holder.objects.filter(kind="citizen").count() == 2
    assert DuplicateCase.objects.get().closed_at == NOW
    assert Pair.objects.get().state == Pair.State.DIFFERENT, "the pair never comes up again"


def test_one_case_says_which_index_is_the_same(person, officer):
    """Another spelling, another passport, one nation each time, a shared number: one case of three registrations."""
    first, second, third = (person(f"{number}@example.org") for number in ("one", "two", "three"))
    approved(first, japanese(), officer)
    submitted(second, american(
        citizenship={"nations": ["US", "JP"]}, name=japanese()["name"] | {"given_latin": "Shouta"},
        birth=japanese()["birth"], bank_account={"holder": "SHOTA TAKASAKI"}, identity_document=OTHER_CARD,
    ))  # fmt: skip
    submitted(third, japanese(birth={"birth_date": "1990-04-29"}, identity_document=OTHER_PASSPORT))
    assert DuplicateCase.objects.get() == duplicates.waiting().get()
    pairs = {(pair.first_id, pair.second_id): pair.evidence for pair in Pair.objects.all()}
    assert pairs == {(first.pk, second.pk): ["kana", "kanji", "latin"], (first.pk, third.pk): ["my_number"]}
    found = duplicates.review(case_id=DuplicateCase.objects.get().pk, officer=officer, purpose=Purpose.REVIEW, now=NOW)
    assert [one.investor for one in found] == [first, second, third]
    assert found[1].answers["name"]["given_latin"] == "Shouta"
    assert Act.objects.filter(verb="review", detail__investors=[first.pk, second.pk, third.pk]).exists()


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        ({"name": {"family_latin": "SHOTA", "given_latin": "TAKASAKI", "family_kanji": "別", "family_kana": "ベツ"}},
         ["document", "latin"]),
        ({"name": {"family_latin": "Takasakī", "given_latin": "Shoutā"}}, ["document", "kana", "kanji", "latin"]),
        ({"birth": {"birth_date": "1991-01-01"}}, ["document"]),
    ],
)  # fmt: skip
def test_what_is_alike(other, kinds):
    one, two = duplicates.likeness(japanese()), duplicates.likeness(japanese(**other))
    assert sorted(kind.value for kind in one if one[kind] == two.get(kind)) == kinds


def test_one_person_the_later_application_is_refused_and_points_to_the_earlier(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    application_id, again = submitted(first, japanese()), submitted(second, japanese())
    settle(officer, "same")
    later = Application.objects.get(pk=again)
    assert later.status == "refused"
    assert later.decisions.get().reasons == ["no_duplicate"]
    assert duplicates.existing(investor=second) == first
    assert duplicates.existing(investor=first) is None
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert Holder.objects.filter(kind="citizen").count() == 1
    assert not duplicates.waiting().exists()


def test_the_holder_is_kept_though_the_other_was_submitted_first(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    other = japanese(
        name={"family_latin": "ABE", "family_kanji": "安部", "family_kana": "アベ"},
        numbers={"my_number": "123456789018"},
        birth={"birth_date": "1980-01-01"},
        identity_document=OTHER_PASSPORT,
        bank_account={"holder": "アベ シヨウタ"},
    )
    waiting = submitted(first, other)
    approved(second, japanese(), officer)
    judging.decide(
        application_id=waiting, officer=officer, outcome="more_information", reasons=["contradiction"], now=NOW
    )
    for step in ("name", "birth", "bank_account"):
        onboarding.save(investor=first, step=step, answers=japanese()[step], now=NOW)
    onboarding.submit(investor=first, now=NOW)
    judging.assess(application_id=waiting, now=NOW)
    settle(officer, "same")
    assert Application.objects.get(pk=waiting).status == "refused"
    assert duplicates.existing(investor=first) == second


def test_a_corrected_number_lets_the_case_lapse(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, american(), officer)
    other = american(
        name={"family_latin": "Smith"}, birth={"birth_date": "1970-01-01"}, identity_document=OTHER_CARD,
        bank_account={"holder": "JOSE SMITH"},
    )  # fmt: skip
    application_id = submitted(second, other)
    assert failed(application_id) == ["no_duplicate"]
    judging.decide(
        application_id=application_id, officer=officer, outcome="more_information", reasons=["number_valid"], now=NOW
    )
    onboarding.save(investor=second, step="numbers", answers={"ssn": "219-09-9998"}, now=NOW)
    onboarding.submit(investor=second, now=NOW)
    judging.assess(application_id=application_id, now=NOW)
    assert failed(application_id) == []
    assert Pair.objects.get().state == Pair.State.LAPSED
    assert not duplicates.waiting().exists()


def test_a_finding_needs_a_reason_a_duty_and_is_revised(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    submitted(first, american())
    submitted(second, american(numbers={"ssn": "219-09-9998"}, identity_document=OTHER_CARD))
    with pytest.raises(CannotDecide, match="say why"):
        settle(officer, "different", reason=" ")
    with pytest.raises(NotOnDuty):
        settle(make_officer(Duty.DEALING, email="dealer@example.org"), "different")
    settle(officer, "different")
    with pytest.raises(CannotDecide, match="meanwhile"):
        settle(officer, "different")
    settle(officer, "same")
    assert Application.objects.get(investor=second).status == "refused"
    assert [one.outcome for one in Finding.objects.order_by("decided_at", "pk")].count("same") == 1
    assert b"I compared" not in bytes(Finding.objects.first().reason)


def test_a_refused_twin_who_wins_an_appeal_is_still_not_approved(person, officer):
    """The finding has to be revised first."""
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, american(), officer)
    again = submitted(second, american(numbers={"ssn": "219-09-9998"}, identity_document=OTHER_CARD))
    settle(officer, "same")
    appeals.file(investor=second, words="We are twins.", now=NOW)
    other = make_officer(nation="US", email="second@example.org")
    appeals.decide(application_id=again, officer=other, outcome="reopened", answer="We look again.", now=NOW)
    with pytest.raises(CannotDecide) as refused:
        judging.decide(application_id=again, officer=other, outcome="approved", now=NOW)
    assert refused.value.facts["rules"] == ["no_duplicate"]
    settle(other, "different")
    judging.decide(application_id=again, officer=other, outcome="approved", now=NOW)
    assert Holder.objects.filter(kind="citizen").count() == 2


def test_different_people_are_not_taken_for_one(person):
    submitted(person("one@example.org"), japanese())
    assert failed(submitted(person("two@example.org"), american())) == []


def number_of(investor: Investor) -> TaxpayerNumber:
    return TaxpayerNumber.objects.get(pk=investor.pk)


def test_the_database_refuses_a_second_holder_with_the_same_number(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, american(), officer)
    submitted(second, american())
    with pytest.raises(IntegrityError, match="taxpayer_number_of_one_holder"), transaction.atomic():
        TaxpayerNumber.objects.filter(pk=second.pk).update(registered=True)
    assert not number_of(second).registered


def test_without_the_constraint_it_would_not(person, officer):
    """Negative control of the test above."""
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, american(), officer)
    submitted(second, american())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("DROP INDEX taxpayer_number_of_one_holder")
    TaxpayerNumber.objects.filter(pk=second.pk).update(registered=True)
    assert number_of(second).registered


# ── two officers at once ──


def approve_both(person, officer) -> list[str]:
    """Two officers approve two registrations of one person at the same moment; how each ended."""
    second = make_officer(nation="US", email="second@example.org")
    cases = [
        submitted(person("one@example.org"), american()),
        submitted(person("two@example.org"), american(numbers={"ssn": "219-09-9998"}, identity_document=OTHER_CARD)),
    ]
    start = threading.Barrier(2)

    def decide(case: int, by) -> str:
        start.wait(timeout=10)
        try:
            judging.decide(application_id=case, officer=by, outcome="approved", now=NOW)
            return "approved"
        except CannotDecide:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return sorted(
            one.result(30) for one in [pool.submit(decide, *it) for it in zip(cases, (officer, second), strict=True)]
        )


@pytest.mark.django_db(transaction=True)
def test_two_officers_at_once_make_no_second_holder(person, officer):
    assert approve_both(person, officer) == ["refused", "refused"]
    assert not Holder.objects.filter(kind="citizen").exists()


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_it_where_the_rule_is_blind(person, officer, monkeypatch):
    monkeypatch.setattr(duplicates, "look", lambda **_: None)
    assert approve_both(person, officer) == ["approved", "refused"]
    assert Holder.objects.filter(kind="citizen").count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_trigger_there_would_be_two(person, officer, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr(duplicates, "look", lambda **_: None)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE investors_investor DISABLE TRIGGER USER")
    try:
        assert approve_both(person, officer) == ["approved", "approved"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE investors_investor ENABLE TRIGGER USER")


def test_the_database_refuses_a_holder_while_a_case_is_open(person, officer, monkeypatch):
    first, second = person("one@example.org"), person("two@example.org")
    application_id = submitted(first, american())
    submitted(second, american(numbers={"ssn": "219-09-9998"}, identity_document=OTHER_CARD))
    monkeypatch.setattr(duplicates, "standing", lambda **_: [])
    with pytest.raises(CannotDecide, match="Another registration"):
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
