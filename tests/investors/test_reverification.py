"""Approved citizens are verified again on a schedule (D10): asked once a cycle, extended at once or by an officer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund.governance.outbox import Note
from investors import appeals, judging, onboarding, reverification, subscribing, tax_forms
from investors.applications import Answer, Application, Assessment, Decision, Occasion, Status
from investors.duplicates import Pair
from investors.people import Investor, MyNumber
from investors.steps import papers
from tests.investors.conftest import NOW, american, approved, fill, japanese, make_officer, specimen, submitted

pytestmark = pytest.mark.django_db
UNTIL = datetime(2028, 11, 20, 3, tzinfo=UTC)  # 24 months after NOW
SOON = UNTIL - timedelta(days=59)
FRESH = {"kind": "passport", "issuer": "JP", "number": "TZ7654321", "expires_on": "2036-01-01"}


@pytest.fixture
def holder(investor, officer) -> Investor:
    return approved(investor, japanese(), officer)


@pytest.fixture
def asked(holder) -> Investor:
    assert reverification.open_due(now=SOON) == 1
    return holder


def newest(investor: Investor) -> Application:
    found = onboarding.current(investor=investor)
    assert found is not None
    return found


def confirm(investor: Investor, *, now: datetime = SOON, **other) -> Application:
    """Save every step that waits, as it was filled in or corrected, and hand it in."""
    draft = onboarding.draft(investor=investor, now=now)
    for step in [*draft.remaining, *other]:
        told = other.get(step) or {
            name: value for name, value in draft.answers[step].items() if name not in ("forms", "mismatches")
        }
        onboarding.save(investor=investor, step=step, answers=told, now=now)
    for kind in papers.missing(onboarding.known(investor=investor, now=now)):
        onboarding.add_document(investor=investor, kind=kind, taken=specimen("another one"), now=now)
    application = onboarding.submit(investor=investor, now=now)
    judging.assess(application_id=application.pk, now=now)
    investor.refresh_from_db()
    return newest(investor)


def test_asked_in_time_and_once_a_cycle(holder):
    assert reverification.open_due(now=UNTIL - timedelta(days=61)) == 0
    assert [reverification.open_due(now=SOON) for _ in range(3)] == [1, 0, 0]
    application = newest(holder)
    assert (application.occasion, application.status, application.cycle) == ("reverification", "draft", UNTIL)
    assert Note.objects.get(topic="reverification.opened").payload == {"opened_at": SOON.isoformat()}
    assert not application.answers.exists(), "nobody's data is opened by the clock"


def test_the_database_opens_one_a_cycle(asked):
    Application.objects.filter(investor=asked, occasion="reverification").update(status="draft")
    with pytest.raises(IntegrityError, match="once_a_cycle|one_reverification"), transaction.atomic():
        Application.objects.create(investor=asked, occasion="reverification", cycle=UNTIL, opened_at=SOON)


def test_without_the_constraints_there_would_be_two(asked):
    """Negative control of the test above."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE investors_application DROP CONSTRAINT application_once_a_cycle")
        cursor.execute("DROP INDEX application_one_reverification")
    Application.objects.create(investor=asked, occasion="reverification", cycle=UNTIL, opened_at=SOON)
    assert Application.objects.filter(investor=asked, cycle=UNTIL).count() == 2


def test_filled_in_and_short(asked):
    draft = onboarding.draft(investor=asked, now=SOON)
    assert draft.remaining == list(reverification.CONFIRMED)
    assert draft.answers["name"]["family_kanji"] == "髙﨑"
    assert "bank_account" not in draft.answers
    assert onboarding.draft(investor=asked, now=SOON).versions == draft.versions
    with pytest.raises(onboarding.NotEditable):
        onboarding.save(investor=asked, step="bank_account", answers=japanese()["bank_account"], now=SOON)
    onboarding.save(investor=asked, step="citizenship", answers={"nations": ["JP"]}, now=SOON)
    assert onboarding.remaining(investor=asked) == list(reverification.CONFIRMED[1:])
    with pytest.raises(onboarding.Incomplete):
        onboarding.submit(investor=asked, now=SOON)


def test_unchanged_and_every_rule_passed_it_is_extended_at_once(asked, as_site):
    application = confirm(asked)
    assert application.status == Status.APPROVED
    assert application.changed == []
    assert Assessment.objects.get(application=application).passed
    assert not Decision.objects.filter(application=application).exists()
    assert asked.verified_until == datetime(2030, 9, 22, 3, tzinfo=UTC)
    assert [row.actor for row in application.history.order_by("id")] == [asked.actor, "system"]
    w8ben = tax_forms.in_force(investor=asked, on=SOON.date()).get(form="w8ben")
    assert w8ben.lapses_on.year == 2031, "the old one would have lapsed at the end of 2029"
    assert reverification.open_due(now=SOON) == 0
    assert reverification.open_due(now=asked.verified_until) == 1


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        ({"identity_document": FRESH}, ["identity_document"]),
        ({"name": japanese()["name"] | {"family_latin": "TAKAZAKI"}}, ["name"]),
        ({"citizenship": {"nations": ["neither"]}}, ["citizenship"]),
        ({"residence": {"country": "FR"}}, ["residence"]),
    ],
)
def test_what_has_changed_goes_before_an_officer(asked, other, changed):
    if "citizenship" in other or "residence" in other:
        draft = onboarding.draft(investor=asked, now=SOON)
        (step,) = other
        told = draft.answers["tax"] | {"tax_residences": ["JP", "FR"], "foreign_numbers": "FR 1", "explanation": "x"}
        told.pop("forms")
        other = {**other, "tax": told}
        assert onboarding.barrier(investor=asked, now=SOON) is None, f"{step}: a holder is not turned away"
    application = confirm(asked, **other)
    assert application.status == Status.IN_REVIEW
    assert application.changed == changed
    assert asked.verified_until == UNTIL
    assert asked.nations == ["JP"]


def test_a_document_that_has_expired_goes_before_an_officer(investor, officer):
    holder = approved(investor, japanese(identity_document={"expires_on": "2028-01-01"}), officer)
    reverification.open_due(now=SOON)
    application = confirm(holder)
    assert (application.status, application.changed) == (Status.IN_REVIEW, [])
    assert application.assessments.get().failed == ["identity_document"]


def test_an_officer_extends_what_has_changed(asked, officer):
    application = confirm(asked, identity_document=FRESH)
    judging.decide(application_id=application.pk, officer=officer, outcome="approved", now=SOON)
    asked.refresh_from_db()
    assert asked.verified_until == datetime(2030, 9, 22, 3, tzinfo=UTC)
    assert asked.bank_accounts.count() == 1, "the bank account has its own way"


def test_an_officer_refuses_and_the_citizen_keeps_everything_but_subscribing(asked, officer):
    application = confirm(asked, identity_document=FRESH)
    held = asked.holder_id
    judging.decide(
        application_id=application.pk, officer=officer, outcome="refused", reasons=["identity_document"], now=SOON
    )
    asked.refresh_from_db()
    assert (asked.holder_id, asked.state, asked.verified_until) == (held, "approved", SOON)
    assert not asked.may_invest(SOON)
    assert reverification.open_due(now=SOON) == 0, "the next word is the citizen's: an appeal or another try"
    appeals.file(investor=asked, words="It is mine.", now=SOON)
    other = make_officer(nation="US", email="second@example.org")
    appeals.decide(application_id=application.pk, officer=other, outcome="reopened", answer="Right.", now=SOON)
    judging.decide(application_id=application.pk, officer=other, outcome="approved", now=SOON)
    asked.refresh_from_db()
    assert asked.may_invest(SOON)


def test_another_try_after_a_refusal(asked, officer):
    application = confirm(asked, identity_document=FRESH)
    judging.decide(
        application_id=application.pk, officer=officer, outcome="refused", reasons=["identity_document"], now=SOON
    )
    again = onboarding.begin_again(investor=asked, now=SOON)
    assert (again.occasion, again.cycle) == (Occasion.REVERIFICATION, None)
    assert confirm(asked, identity_document=japanese()["identity_document"]).status == Status.APPROVED


def test_after_the_end_nothing_can_be_subscribed_and_it_is_told_once(asked):
    with pytest.raises(subscribing.NotEligible, match="has ended"), transaction.atomic():
        subscribing.subscribe(
            investor=asked, offering_code="JP-1", amount=None, accepts=[], key="k", now=UNTIL  # type: ignore[arg-type]
        )  # fmt: skip
    assert reverification.tell_lapsed(now=UNTIL - timedelta(seconds=1)) == 0
    assert [reverification.tell_lapsed(now=UNTIL) for _ in range(3)] == [1, 0, 0]
    assert confirm(asked, now=UNTIL).status == Status.APPROVED
    assert asked.may_invest(UNTIL)


def test_only_a_passed_and_unchanged_re_verification_is_approved_without_an_officer(person):
    applicant = person("two@example.org")
    fill(applicant, american())
    application = onboarding.submit(investor=applicant, now=NOW)
    with pytest.raises(DatabaseError, match="only an officer"), transaction.atomic():
        Application.objects.filter(pk=application.pk).update(status="approved")


def test_the_database_does_not_approve_a_changed_re_verification(asked):
    draft = onboarding.draft(investor=asked, now=SOON)
    for step in draft.remaining:
        told = {name: value for name, value in draft.answers[step].items() if name not in ("forms", "mismatches")}
        onboarding.save(investor=asked, step=step, answers=told, now=SOON)
    application = onboarding.submit(investor=asked, now=SOON)
    rows = Application.objects.filter(pk=application.pk)
    with pytest.raises(DatabaseError, match="only an officer"), transaction.atomic():
        rows.update(status="approved")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE investors_application DISABLE TRIGGER USER")
    assert rows.update(status="approved") == 1, "negative control: without the trigger it would"


def test_a_holders_number_is_not_replaced_but_may_be_given_again(asked):
    onboarding.draft(investor=asked, now=SOON)
    onboarding.save(investor=asked, step="numbers", answers={"my_number": "621498320257"}, now=SOON)
    with pytest.raises(ValidationError) as refused:
        onboarding.save(investor=asked, step="numbers", answers={"my_number": "123456789018"}, now=SOON)
    assert "my_number" in refused.value.error_dict
    assert MyNumber.objects.get(pk=asked.pk).registered


def test_everybody_who_is_due_by_one_statement(person, officer, django_assert_max_num_queries):
    for number in range(3):
        someone = person(f"p{number}@example.org")
        Investor.objects.filter(pk=someone.pk).update(likeness=[])
        approved(someone, american(
            numbers={"ssn": f"536-90-{4400 + number}"}, birth={"birth_date": f"198{number}-01-01"},
            identity_document={"number": f"C0300478{number}"},
        ), officer)  # fmt: skip
    with django_assert_max_num_queries(6):
        assert reverification.open_due(now=SOON, most=2) == 2
    assert reverification.open_due(now=SOON, most=2) == 1


def test_a_dual_national_who_registered_with_each_nation_is_one_holder_of_both(person, officer):
    """The second registration is refused; its citizenship is added to the first one, which has one cap."""
    first, second = person("one@example.org"), person("two@example.org")
    approved(first, japanese(), officer)
    submitted(second, american(
        citizenship={"nations": ["US"]}, name={"family_latin": "Takasaki", "given_latin": "Shota", "middle_latin": ""},
        birth=japanese()["birth"], bank_account={"holder": "SHOTA TAKASAKI"},
    ))  # fmt: skip
    judging.settle_pair(
        pair_id=Pair.objects.get().pk, officer=officer, outcome="same", reason="Both passports seen.", now=NOW
    )
    application = newest(first)
    assert (application.occasion, application.status) == ("reverification", "draft")
    draft = onboarding.draft(investor=first, now=NOW)
    assert draft.answers["citizenship"] == {"nations": ["US", "JP"]}
    tax = american()["tax"] | {"tax_residences": ["US", "JP"]}
    application = confirm(first, now=NOW, tax=tax, numbers={"ssn": "536-90-4399"})
    assert (application.status, application.changed) == (Status.IN_REVIEW, ["citizenship", "numbers"])
    assert application.assessments.get().failed == []
    judging.decide(application_id=application.pk, officer=officer, outcome="approved", now=NOW)
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.nations == ["US", "JP"]
    assert first.taxpayer_number.registered
    assert second.holder is None


def test_a_draft_of_a_re_verification_holds_no_copy_until_it_is_looked_at(asked):
    before = Answer.objects.filter(application=newest(asked)).count()
    onboarding.draft(investor=asked, now=SOON)
    assert (before, Answer.objects.filter(application=newest(asked)).count()) == (0, 11)
