"""One person is one registration, whatever the spelling or the passport (D5)."""

import pytest
from django.db import IntegrityError, connection, transaction

from fund.holders import Holder
from investors import onboarding
from investors.applications import Application
from investors.people import Investor, TaxpayerNumber
from tests.investors.conftest import NOW, american, approved, fill, japanese, submitted

pytestmark = pytest.mark.django_db

OTHER_PASSPORT = {"kind": "passport", "issuer": "JP", "number": "TZ7654321", "expires_on": "2033-01-01"}


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
    for reasons in ([], ["other_person"]):
        with pytest.raises(onboarding.CannotDecide), transaction.atomic():
            onboarding.decide(
                application_id=application_id, officer=officer, outcome="approved", reasons=reasons, now=NOW
            )
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
    assert evidence(submitted(second, japanese())) == {"same_number": [first.pk], "same_person": [first.pk]}


def test_the_first_is_judged_again_before_it_is_approved(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    application_id = submitted(first, japanese())
    assert failed(application_id) == []
    submitted(second, japanese())
    with pytest.raises(onboarding.CannotDecide) as refused:
        onboarding.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert refused.value.facts["rules"] == ["no_duplicate"]


def test_when_the_second_is_refused_the_first_can_be_approved(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    application_id, again = submitted(first, japanese()), submitted(second, japanese())
    onboarding.decide(application_id=again, officer=officer, outcome="refused", reasons=["no_duplicate"], now=NOW)
    onboarding.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert Holder.objects.filter(kind="citizen").count() == 1


def test_a_mere_draft_stands_in_nobodys_way(person):
    fill(person("one@example.org"), japanese())
    assert failed(submitted(person("two@example.org"), japanese())) == []


def test_two_people_who_share_name_and_birthday_can_both_be_approved(person, officer):
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, american(), officer)
    application_id = submitted(second, american(numbers={"ssn": "219-09-9998"}))
    assert failed(application_id) == ["no_duplicate"]
    with pytest.raises(onboarding.CannotDecide), transaction.atomic():
        onboarding.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    onboarding.decide(
        application_id=application_id, officer=officer, outcome="approved", reasons=["other_person"], now=NOW
    )
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
