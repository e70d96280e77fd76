"""From the first saved step to the holder (D10, D11)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from fund.governance.audit import Act
from fund.governance.officers import Duty, NotOnDuty
from fund.governance.outbox import Note
from fund.holders import Holder
from fund.payments import payer_names
from fund.payments.models import KnownName
from investors import bank_accounts, judging, onboarding, steps, tax_forms
from investors.applications import Answer, Application, Decision, Status
from investors.eligibility import decide as rules
from investors.people import Investor
from investors.vault import Purpose
from tests.investors.conftest import NOW, american, approved, fill, japanese, make_officer, submitted

pytestmark = pytest.mark.django_db


def lift_triggers(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def test_a_citizen_of_japan_becomes_a_holder(investor, officer):
    approved(investor, japanese(), officer)
    assert investor.state == Investor.State.APPROVED
    assert investor.nations == ["JP"]
    assert (investor.holder.kind, investor.holder.nation, investor.holder.name_ja) == (Holder.Kind.CITIZEN, "JP", "")
    assert investor.may_invest(NOW)
    assert not investor.may_invest(datetime(2028, 11, 20, 3, tzinfo=UTC))
    assert list(Note.objects.order_by("id").values_list("topic", flat=True)) == [
        "application.submitted",
        "application.decided",
    ]
    account = bank_accounts.usable(investor=investor, at=NOW)
    told = bank_accounts.details(account=account, purpose=Purpose.PAYOUT, actor="system", now=NOW)
    assert (told["bank_code"], told["deposit_number"]) == ("0001", "1234567")


def test_the_vault_knows_by_fingerprints_under_which_names_the_holder_pays(investor, officer):
    answers = japanese()
    approved(investor, answers, officer)
    told = answers["name"]
    known = {bytes(one.digest) for one in KnownName.objects.filter(holder=investor.holder)}
    for writing in ("kana", "latin", "kanji"):
        name = f"{told[f'family_{writing}']} {told[f'given_{writing}']}"
        assert payer_names.fingerprint(name) in known, writing
    assert payer_names.fingerprint("SUZUKI TARO") not in known


def test_a_citizen_of_the_united_states_becomes_a_holder(investor, officer):
    approved(investor, american(), officer)
    assert investor.holder.nation == "US"
    assert [form.form for form in tax_forms.in_force(investor=investor, on=NOW.date())] == ["crs", "w9"]


@pytest.mark.parametrize(("residence", "nation"), [("US", "US"), ("JP", "JP")])
def test_a_dual_national_is_one_holder_of_the_nation_of_residence(investor, officer, residence, nation):
    both = japanese() if residence == "JP" else american()
    both["citizenship"] = {"nations": ["US", "JP"]}
    both["name"] = japanese()["name"]
    both["bank_account"] = japanese()["bank_account"]
    both["numbers"] = {"ssn": "536-90-4399", "my_number": "621498320257"}
    both["tax"] = american()["tax"] | {"tax_residences": ["US", "JP"]}
    approved(investor, both, officer)
    assert investor.holder.nation == nation
    assert investor.nations == ["US", "JP"]
    assert Holder.objects.filter(kind="citizen").count() == 1


def test_the_sites_own_role_may_do_all_of_it_and_no_more(investor, officer, as_site):
    approved(investor, japanese(), officer)
    for table in ("investors_decision", "investors_acceptance", "investors_statuschange"):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {table}")


def test_after_the_decision_nothing_is_edited(investor, officer):
    approved(investor, japanese(), officer)
    with pytest.raises(onboarding.NotEditable, match="decided"):
        onboarding.save(investor=investor, step="birth", answers={"birth_date": "1990-05-01"}, now=NOW)


def test_what_is_known_makes_the_form_of_the_next_step(investor):
    assert onboarding.known(investor=investor, now=NOW).nations == []
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["JP"]}, now=NOW)
    described = steps.describe("name", onboarding.known(investor=investor, now=NOW))
    assert described["fields"][0]["name"] == "family_kanji"


def test_remaining_tells_what_is_left_in_order(investor):
    assert onboarding.remaining(investor=investor) == list(steps.STEPS)
    answers = japanese()
    onboarding.save(investor=investor, step="citizenship", answers=answers["citizenship"], now=NOW)
    onboarding.save(investor=investor, step="birth", answers=answers["birth"], now=NOW)
    assert onboarding.remaining(investor=investor)[:2] == ["residence", "name"]
    with pytest.raises(onboarding.Incomplete) as refused:
        onboarding.submit(investor=investor, now=NOW)
    assert "name" in refused.value.facts["steps"]


def test_a_later_answer_can_make_an_earlier_step_incomplete(investor):
    fill(investor, american())
    assert onboarding.remaining(investor=investor) == []
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US", "JP"]}, now=NOW)
    assert onboarding.remaining(investor=investor) == ["name"]
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US"]}, now=NOW)
    assert onboarding.remaining(investor=investor) == []


def test_the_draft_comes_back_as_it_was_typed_without_the_numbers(investor):
    fill(investor, japanese())
    draft = onboarding.draft(investor=investor, now=NOW)
    assert draft.answers["name"]["family_kanji"] == "髙﨑"
    assert draft.answers["numbers"] == {"my_number_ending": "0257"}
    assert draft.versions["name"] == 1


def test_two_devices_do_not_overwrite_each_other_silently(investor):
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US"]}, now=NOW, version=0)
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["JP"]}, now=NOW, version=1)
    with pytest.raises(onboarding.DraftChanged) as refused:
        onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US"]}, now=NOW, version=1)
    assert refused.value.code == "draft_changed"
    draft = onboarding.draft(investor=investor, now=NOW)
    assert draft.answers["citizenship"] == {"nations": ["JP"]}
    assert draft.versions["citizenship"] == 2


def test_without_the_version_the_second_device_would_overwrite(investor):
    """Negative control of the test above."""
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["JP"]}, now=NOW)
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US"]}, now=NOW)
    assert onboarding.draft(investor=investor, now=NOW).answers["citizenship"] == {"nations": ["US"]}


def test_a_refused_step_leaves_the_saved_one(investor):
    onboarding.save(investor=investor, step="birth", answers={"birth_date": "1990-04-30"}, now=NOW)
    with pytest.raises(ValidationError):
        onboarding.save(investor=investor, step="birth", answers={"birth_date": "1890-04-30"}, now=NOW)
    assert onboarding.draft(investor=investor, now=NOW).answers["birth"] == {"birth_date": "1990-04-30"}


def test_a_number_given_once_need_not_be_typed_again(investor):
    fill(investor, japanese())
    onboarding.save(investor=investor, step="numbers", answers={"my_number": ""}, now=NOW)
    assert onboarding.draft(investor=investor, now=NOW).answers["numbers"]["my_number_ending"] == "0257"
    assert investor.my_number.index


def test_the_database_stamps_the_submission_whatever_the_clock_of_the_caller_says(investor):
    a_day_late = NOW + timedelta(days=1)
    fill(investor, japanese())
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (before,) = cursor.fetchone()
    application = onboarding.submit(investor=investor, now=a_day_late)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (after,) = cursor.fetchone()
    assert before <= application.submitted_at <= after
    Application.objects.filter(pk=application.pk).update(submitted_at=a_day_late, first_submitted_at=a_day_late)
    application.refresh_from_db()
    assert before <= application.submitted_at <= after


def test_without_the_trigger_the_stamp_could_be_forged(investor):
    """Negative control of the test above."""
    fill(investor, japanese())
    application = onboarding.submit(investor=investor, now=NOW)
    lift_triggers("investors_application")
    Application.objects.filter(pk=application.pk).update(submitted_at=NOW)
    application.refresh_from_db()
    assert application.submitted_at == NOW


def test_what_was_submitted_is_not_edited(investor):
    fill(investor, japanese())
    onboarding.submit(investor=investor, now=NOW)
    with pytest.raises(onboarding.NotEditable):
        onboarding.save(investor=investor, step="birth", answers={"birth_date": "1990-05-01"}, now=NOW)
    with pytest.raises(onboarding.NotEditable):
        onboarding.submit(investor=investor, now=NOW)


def test_an_assessment_twice_is_one(investor):
    application_id = submitted(investor, japanese())
    assert judging.assess(application_id=application_id, now=NOW) is None
    application = Application.objects.get(pk=application_id)
    assert application.status == Status.IN_REVIEW
    assert application.assessments.get().passed


def test_more_information_and_resubmission_keep_the_first_stamp(investor, officer):
    application_id = submitted(investor, japanese())
    first = Application.objects.get(pk=application_id).submitted_at
    judging.decide(
        application_id=application_id,
        officer=officer,
        outcome="more_information",
        reasons=["identity_document"],
        now=NOW,
    )
    onboarding.save(
        investor=investor,
        step="identity_document",
        answers={"kind": "passport", "issuer": "JP", "number": "TZ1234567", "expires_on": "2035-05-01"},
        now=NOW,
    )
    onboarding.submit(investor=investor, now=NOW)
    judging.assess(application_id=application_id, now=NOW)
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    application = Application.objects.get(pk=application_id)
    assert application.first_submitted_at == first < application.submitted_at
    assert [row.new for row in application.history.order_by("id")] == [
        "submitted",
        "in_review",
        "more_information",
        "submitted",
        "in_review",
        "approved",
    ]


def test_a_refusal_carries_its_codes(investor, officer):
    application_id = submitted(investor, japanese(identity_document={"expires_on": "2026-11-01"}))
    application = Application.objects.get(pk=application_id)
    assert application.assessments.get().failed == ["identity_document"]
    with pytest.raises(judging.CannotDecide, match="say why"):
        judging.decide(application_id=application_id, officer=officer, outcome="refused", now=NOW)
    with pytest.raises(judging.CannotDecide):
        judging.decide(application_id=application_id, officer=officer, outcome="refused", reasons=["mood"], now=NOW)
    with pytest.raises(judging.CannotDecide) as refused:
        judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    assert refused.value.facts["rules"] == ["identity_document"]
    decision = judging.decide(
        application_id=application_id, officer=officer, outcome="refused", reasons=["identity_document"], now=NOW
    )
    assert decision.reasons == ["identity_document"]
    investor.refresh_from_db()
    assert investor.holder is None


def test_only_an_officer_of_onboarding_decides_and_reads(investor):
    application_id = submitted(investor, japanese())
    other = make_officer(Duty.DEALING)
    with pytest.raises(NotOnDuty):
        judging.decide(application_id=application_id, officer=other, outcome="approved", now=NOW)
    with pytest.raises(NotOnDuty):
        judging.review(application_id=application_id, officer=other, now=NOW)


def test_the_officers_reading_is_logged_and_shows_no_number(investor, officer):
    application_id = submitted(investor, japanese())
    answers = judging.review(application_id=application_id, officer=officer, now=NOW)
    assert answers["numbers"] == {"my_number_ending": "0257"}
    assert "621498320257" not in str(answers)
    assert Act.objects.filter(actor=officer.actor, verb="review").count() == 1


def test_a_decision_is_replayed_from_what_it_kept(investor, officer):
    application_id = submitted(investor, japanese())
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=NOW)
    kept = Decision.objects.get().assessment
    again = rules.replay(version=kept.rules, facts=kept.facts)
    assert [outcome.to_json() for outcome in again.outcomes] == kept.outcomes
    changed = kept.facts | {"age": 17}
    assert rules.replay(version=kept.rules, facts=changed).failed == ["adult"]
    with pytest.raises(rules.OtherVersion):
        rules.replay(version="1999-1", facts=kept.facts)


def test_what_an_assessment_keeps_names_nobody(investor):
    application_id = submitted(investor, japanese())
    kept = Application.objects.get(pk=application_id).assessments.get()
    text = f"{kept.facts} {kept.outcomes}"
    for personal in ("髙﨑", "タカサキ", "TAKASAKI", "1990-04-30", "621498320257", "TK1234567", "1234567"):
        assert personal not in text


@pytest.mark.parametrize("table", ["investors_decision", "investors_assessment", "investors_statuschange"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET application_id = application_id", "DELETE FROM {}"])
def test_decisions_are_never_edited(investor, officer, table, statement):
    approved(investor, japanese(), officer)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


def test_without_the_triggers_a_decision_could_be_edited(investor, officer):
    """Negative control of the test above."""
    approved(investor, japanese(), officer)
    lift_triggers("investors_decision")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE investors_decision SET outcome = 'refused', reasons = '{adult}'")
        assert cursor.rowcount == 1


@pytest.mark.parametrize("status", ["draft", "approved", "refused", "in_review", "more_information"])
def test_the_database_refuses_a_move_that_does_not_exist(investor, status):
    fill(investor, japanese())
    application = onboarding.submit(investor=investor, now=NOW)
    moves = Application.objects.filter(pk=application.pk)
    if status == "in_review":
        assert moves.update(status=status) == 1
        return
    with pytest.raises(DatabaseError, match="does not move|only an officer"), transaction.atomic():
        moves.update(status=status)


def test_without_the_trigger_a_draft_could_be_approved(investor):
    """Negative control of the test above."""
    fill(investor, japanese())
    application = onboarding.submit(investor=investor, now=NOW)
    lift_triggers("investors_application")
    assert Application.objects.filter(pk=application.pk).update(status="approved") == 1


def test_an_unknown_status_is_refused(investor):
    fill(investor, japanese())
    lift_triggers("investors_application")
    with pytest.raises(DatabaseError, match="application_status"), transaction.atomic():
        Application.objects.update(status="lost")


def test_an_application_is_never_thrown_away(investor):
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["US"]}, now=NOW)
    Answer.objects.all().delete()
    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
        Application.objects.all().delete()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Kiritimati", "America/New_York"])
def test_a_form_signed_just_now_is_in_force_wherever_it_is_read(investor, zone):
    """At 16:00 UTC it is the next day in Tokyo, where an officer reads it."""
    now = datetime(2026, 11, 25, 16, tzinfo=UTC)
    tax_forms.file(investor=investor, answers={"us_person": True}, now=now)
    with timezone.override(zone):
        assert set(tax_forms.in_force(investor=investor, on=now.date()).values_list("form", flat=True)) == {"w9", "crs"}


def test_what_was_submitted_before_a_cut_off_counts_though_it_was_processed_later(investor, officer):
    """The queue stood still for three days: the stamp is that of the submission, on the day of which age counts."""
    fill(investor, japanese())
    application = onboarding.submit(investor=investor, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (cut_off,) = cursor.fetchone()
    later = cut_off + timedelta(days=3)
    judging.assess(application_id=application.pk, now=later)
    judging.decide(
        application_id=application.pk, officer=officer, outcome="more_information", reasons=["contradiction"], now=later
    )
    onboarding.submit(investor=investor, now=later)
    application.refresh_from_db()
    assert application.first_submitted_at < cut_off < application.submitted_at
    assert application.assessments.earliest("pk").assessed_at == later
