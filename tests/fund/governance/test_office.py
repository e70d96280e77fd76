"""Offices: given by both keys, taken by one hand, lent for an emergency before everybody's eyes."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction

from fund.governance import approval, office
from fund.governance.approval import Kind, Refused
from fund.governance.audit import Act
from fund.governance.office import OfficeEntry, OfficeRefused
from fund.governance.officers import Duty, NotOnDuty, Officer, on_duty
from fund.governance.outbox import Note
from fund.holders import Nation
from tests.fund.governance.conftest import NOW, numbers

LATER = NOW + timedelta(hours=1)
ALL = {"duties": [Duty.PAYMENTS], "reason": "The unit is ill."}


@pytest.fixture
def administrators(make_officer) -> dict[str, Officer]:
    return {nation: make_officer(nation, duties=["administration"]) for nation in ("US", "JP")}


@pytest.fixture
def cashier(make_officer) -> Officer:
    return make_officer("US", duties=["payments"])


def appointment(officer: Officer, **changed):
    told = {
        "user_id": get_user_model().objects.create_user(f"new{next(numbers)}@example.org").pk,
        "person": "JP-77",
        "nation": Nation.JP,
        "name_en": "New",
        "name_ja": "新任",
        "duties": [Duty.DEALING],
    }
    return office.propose_appointment(**{**told, **changed}, officer=officer, now=NOW, reason="A post is free.")


def signed(proposal, officer: Officer):
    approval.sign(proposal=proposal, officer=officer, digest=bytes(proposal.digest), now=NOW)
    return office.carry_out(proposal=proposal, now=NOW)


def test_both_administrators_appoint_an_officer_once(administrators, as_site):
    proposal = appointment(administrators["US"])
    with pytest.raises(Refused, match="each nation"):
        office.carry_out(proposal=proposal, now=NOW)
    entry = signed(proposal, administrators["JP"])
    assert office.carry_out(proposal=proposal, now=LATER) is None
    appointed = on_duty(user_id=entry.user_id, duty=Duty.DEALING, now=NOW)
    assert (appointed.person, appointed.nation, appointed.name_ja) == ("JP-77", "JP", "新任")
    assert Note.objects.filter(topic="office.changed", payload={"entry": entry.pk}).count() == 1
    assert Act.objects.filter(verb="office.appointed", subject=appointed.actor).count() == 1


def test_duties_change_by_both_keys(administrators, cashier, as_site):
    proposal = office.propose_duties(
        held=cashier, duties=[Duty.VALUATION], officer=administrators["JP"], now=NOW, reason="Another unit."
    )
    signed(proposal, administrators["US"])
    on_duty(user_id=cashier.user_id, duty=Duty.VALUATION, now=NOW)
    with pytest.raises(NotOnDuty):
        on_duty(user_id=cashier.user_id, duty=Duty.PAYMENTS, now=NOW)


@pytest.mark.parametrize(
    "duties", [[], [Duty.ADMINISTRATION, Duty.PAYMENTS], [Duty.AUDIT, Duty.ONBOARDING], [Duty.AUDIT, Duty.VALUATION]]
)
def test_administration_and_audit_move_no_money(administrators, duties):
    with pytest.raises(OfficeRefused):
        appointment(administrators["US"], duties=duties)


def test_nor_does_the_database_let_one_person_hold_them(administrators, cashier):
    """The verb is bypassed; both keys stand."""
    payload = {"act": "duties", "user": cashier.user_id, "duties": ["payments", "administration"]}
    proposal = approval.propose(
        kind=Kind.OFFICE, subject=f"user:{cashier.user_id}", payload=payload, officer=administrators["US"], now=NOW
    )
    with pytest.raises(DatabaseError, match="office_entry_duties_apart"), transaction.atomic():
        signed(proposal, administrators["JP"])


def test_every_kind_of_act_belongs_to_a_duty_that_is_no_audit():
    """Of a kind without one the trigger of signatures would ask nothing."""
    assert set(approval.DUTY) == set(Kind) and Duty.AUDIT not in approval.DUTY.values()


@pytest.mark.parametrize("duty", [one for one in Duty if one is not Duty.ADMINISTRATION])
def test_only_administration_turns_these_keys(administrators, make_officer, duty):
    with pytest.raises(Refused, match="duties"):
        appointment(make_officer("US", duties=[duty]))
    with pytest.raises(Refused, match="duties"):
        signed(
            appointment(administrators["US"], user_id=administrators["US"].user_id + 10_000),
            make_officer("JP", duties=[duty]),
        )


def test_the_site_cannot_write_an_office_itself(cashier, as_site):
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Officer.objects.filter(pk=cashier.pk).update(duties=["payments", "dealing"])
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        cashier.pk = None
        cashier.save(force_insert=True)


def test_nor_appoint_with_one_key_or_another_payload(administrators, as_site):
    proposal = appointment(administrators["US"])
    told = {"user_id": proposal.facts["user"], "person": "JP-77", "nation": "JP", "name_en": "New", "name_ja": "新任"}
    row = {"act": "appointed", **told, "duties": ["dealing"], "at": NOW, "proposal": proposal}
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        OfficeEntry.objects.create(**row)
    approval.sign(proposal=proposal, officer=administrators["JP"], digest=bytes(proposal.digest), now=NOW)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        OfficeEntry.objects.create(**{**row, "duties": ["dealing", "payments"]})
    OfficeEntry.objects.create(**row)


def test_without_the_trigger_one_key_would_be_enough(administrators, cashier):
    """Negative control: it is the trigger that asks for the keys; without it the row stands, and nobody was asked."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_officeentry DISABLE TRIGGER keep_office")
    proposal = appointment(administrators["US"])
    OfficeEntry.objects.create(act="duties", user=cashier.user, duties=["dealing"], at=NOW, proposal=proposal)


def test_a_duty_that_the_key_needs_is_asked_for_by_the_database_too(administrators, cashier):
    proposal = appointment(administrators["US"])
    row = {"proposal": proposal, "digest": proposal.digest, "signed_at": NOW}
    with pytest.raises(DatabaseError, match="needs the duty administration"), transaction.atomic():
        approval.Signature.objects.create(**row, officer=cashier)
    Officer.objects.filter(pk=cashier.pk).update(duties=["administration"], nation="JP")
    approval.Signature.objects.create(**row, officer=cashier)


# ── leaving ──


@pytest.mark.parametrize("by_himself", [True, False])
def test_an_office_ends_at_once(administrators, cashier, by_himself, as_site):
    office.leave(held=cashier, officer=cashier if by_himself else administrators["US"], now=NOW, reason="Retires.")
    with pytest.raises(NotOnDuty):
        on_duty(user_id=cashier.user_id, duty=None, now=NOW)
    with pytest.raises(OfficeRefused, match="not in office"):
        office.leave(held=Officer.objects.get(pk=cashier.pk), officer=administrators["US"], now=LATER, reason="")
    with pytest.raises(OfficeRefused, match="was an officer"):
        appointment(administrators["US"], user_id=cashier.user_id)


def test_nobody_else_ends_an_office(administrators, cashier, make_officer):
    for officer in (administrators["JP"], make_officer("US", duties=["payments"])):
        with pytest.raises(OfficeRefused, match="same nation"):
            office.leave(held=cashier, officer=officer, now=NOW, reason="")


def test_a_nations_last_administrator_stays(administrators, make_officer):
    held = administrators["US"]
    with pytest.raises(OfficeRefused, match="keeps an administrator"):
        office.leave(held=held, officer=held, now=NOW, reason="")
    make_officer("US", duties=["administration"])
    office.leave(held=held, officer=held, now=NOW, reason="")


# ── emergencies ──


def test_in_an_emergency_a_colleague_has_the_duty_for_some_hours(administrators, make_officer, request):
    clerk = make_officer("US", duties=["onboarding"])
    request.getfixturevalue("as_site")
    entry = office.break_glass(held=clerk, **ALL, officer=administrators["US"], now=NOW)
    assert entry.until == NOW + timedelta(hours=8)
    assert on_duty(user_id=clerk.user_id, duty=Duty.PAYMENTS, now=entry.until - timedelta(seconds=1))
    with pytest.raises(NotOnDuty):
        on_duty(user_id=clerk.user_id, duty=Duty.PAYMENTS, now=entry.until)
    assert on_duty(user_id=clerk.user_id, duty=Duty.ONBOARDING, now=entry.until)
    assert list(office.in_emergency(now=NOW)) == [clerk] and not office.in_emergency(now=entry.until)
    assert Note.objects.filter(topic="office.changed", payload={"entry": entry.pk}).exists()


def test_any_officer_of_either_nation_ends_it(administrators, cashier, make_officer, request):
    watchful = make_officer("JP", duties=["audit"])
    request.getfixturevalue("as_site")
    with pytest.raises(OfficeRefused, match="no emergency"):
        office.end_emergency(held=cashier, officer=watchful, now=NOW)
    office.break_glass(held=cashier, duties=[Duty.DEALING], reason="Fire.", officer=administrators["US"], now=NOW)
    office.end_emergency(held=Officer.objects.get(pk=cashier.pk), officer=watchful, now=LATER)
    with pytest.raises(NotOnDuty):
        on_duty(user_id=cashier.user_id, duty=Duty.DEALING, now=LATER)


def test_a_key_is_turned_with_a_duty_of_an_emergency_only_while_it_lasts(administrators, make_officer, cashier):
    clerk = make_officer("JP", duties=["onboarding"])
    entry = office.break_glass(held=clerk, **ALL, officer=administrators["JP"], now=NOW)
    proposal = approval.propose(kind=Kind.PAYOUT, subject="payout_run:1", payload={}, officer=cashier, now=NOW)
    row = {"proposal": proposal, "digest": proposal.digest, "officer": clerk}
    with pytest.raises(DatabaseError, match="needs the duty payments"), transaction.atomic():
        approval.Signature.objects.create(**row, signed_at=entry.until)
    held = on_duty(user_id=clerk.user_id, duty=None, now=LATER)
    assert approval.sign(proposal=proposal, officer=held, digest=bytes(proposal.digest), now=LATER)


def test_nobody_breaks_the_glass_for_himself_another_nation_or_without_a_reason(administrators, cashier, make_officer):
    second_account = make_officer("US", person=administrators["US"].person, duties=["onboarding"])
    for held, officer, given in (
        (administrators["US"], administrators["US"], ALL),
        (second_account, administrators["US"], ALL),
        (cashier, administrators["JP"], ALL),
        (administrators["US"], cashier, ALL),
        (cashier, administrators["US"], ALL | {"reason": " "}),
        (cashier, administrators["US"], ALL | {"duties": [Duty.ADMINISTRATION]}),
        (cashier, administrators["US"], ALL | {"duties": [Duty.AUDIT]}),
    ):
        with pytest.raises(OfficeRefused):
            office.break_glass(held=held, **given, officer=officer, now=NOW)


def test_nor_does_the_database_let_them(administrators, cashier, as_site):
    row = {"act": "emergency", "duties": ["dealing"], "at": NOW, "until": LATER, "reason": "Fire."}
    own = {"user": administrators["US"].user, "by": administrators["US"]}
    foreign = {"user": cashier.user, "by": administrators["JP"]}
    by_a_cashier = {"user": administrators["US"].user, "by": cashier}
    for told in (own, foreign, by_a_cashier):
        with pytest.raises(DatabaseError, match="same nation"), transaction.atomic():
            OfficeEntry.objects.create(**row, **told)
    allowed = {"user": cashier.user, "by": administrators["US"]}
    for wrong in ({"until": NOW + timedelta(hours=25)}, {"duties": ["administration"]}, {"reason": ""}):
        with pytest.raises(DatabaseError, match="office_entry_emergency"), transaction.atomic():
            OfficeEntry.objects.create(**{**row, **wrong}, **allowed)
    OfficeEntry.objects.create(**row, **allowed)
