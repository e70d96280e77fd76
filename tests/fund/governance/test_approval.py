"""Two keys (D4): refused by the verbs with a reason, and by the database when the verbs are bypassed."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from fund.governance import approval, config
from fund.governance.approval import Kind, Proposal, Refused, Signature
from fund.governance.config import Setting
from fund.governance.outbox import Note
from tests.fund.governance.conftest import NOW

KEY = "reverification.months"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def proposal(american) -> Proposal:
    return config.propose(key=KEY, value=12, effective_from=LATER, officer=american, now=NOW, reason="yearly")


def sign(proposal: Proposal, officer, digest: bytes | None = None) -> bool:
    return approval.sign(proposal=proposal, officer=officer, digest=digest or bytes(proposal.digest), now=NOW)


def test_both_nations_keys_carry_an_act_out_once(proposal, japanese):
    assert not approval.approved(proposal=proposal)
    assert sign(proposal, japanese)
    assert Note.objects.filter(topic="proposal.approved", subject=str(proposal.pk)).count() == 1
    assert config.carry_out(proposal=proposal, now=NOW).value == 12
    assert config.carry_out(proposal=proposal, now=NOW) is None
    assert (config.get(KEY, at=NOW), config.get(KEY, at=LATER)) == (24, 12)


def test_one_key_is_not_enough(proposal):
    with pytest.raises(Refused, match="each nation"):
        config.carry_out(proposal=proposal, now=NOW)


def test_the_same_person_cannot_turn_both_keys(proposal, american):
    with pytest.raises(Refused, match="another person"):
        sign(proposal, american)


def test_a_second_account_of_the_same_person_cannot_turn_the_second_key(proposal, american, make_officer):
    with pytest.raises(Refused, match="another person"):
        sign(proposal, make_officer("JP", person=american.person))


def test_the_same_nation_cannot_turn_both_keys(proposal, make_officer):
    with pytest.raises(Refused, match="other nation"):
        sign(proposal, make_officer("US"))


def test_an_officer_out_of_office_cannot_sign(proposal, make_officer):
    with pytest.raises(Refused, match="in office"):
        sign(proposal, make_officer("JP", until=NOW))


def test_a_payload_edited_after_it_was_read_cannot_be_signed(proposal, american, japanese):
    read = bytes(proposal.digest)
    approval.revise(proposal=proposal, payload={**proposal.facts, "value": 6}, officer=american, now=NOW)
    with pytest.raises(Refused, match="changed after you read it"):
        sign(proposal, japanese, read)


def test_editing_the_payload_voids_the_signatures(proposal, american, japanese):
    sign(proposal, japanese)
    revised = approval.revise(proposal=proposal, payload={**proposal.facts, "value": 6}, officer=american, now=NOW)
    assert not approval.approved(proposal=revised)
    with pytest.raises(Refused, match="each nation"):
        config.carry_out(proposal=revised, now=NOW)
    assert sign(revised, japanese)
    assert config.carry_out(proposal=revised, now=NOW).value == 6


def test_a_withdrawn_proposal_takes_no_key(proposal, american, japanese):
    approval.withdraw(proposal=proposal, officer=american, now=NOW)
    with pytest.raises(Refused, match="no longer open"):
        sign(proposal, japanese)


def put_the_setting_directly(proposal: Proposal, value: int = 12) -> Setting:
    return Setting.objects.create(key=KEY, value=value, effective_from=LATER, proposal=proposal)


def signature(proposal: Proposal, officer, digest: bytes | None = None) -> Signature:
    return Signature.objects.create(
        proposal=proposal, officer=officer, digest=digest or bytes(proposal.digest), signed_at=NOW
    )


def test_the_database_refuses_the_effect_with_one_key(proposal):
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        put_the_setting_directly(proposal)


def test_the_database_refuses_an_effect_that_was_not_what_was_approved(proposal, japanese):
    sign(proposal, japanese)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        put_the_setting_directly(proposal, value=99)


def test_without_the_trigger_one_key_would_do(proposal):
    """Negative control of the two tests above."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_setting DISABLE TRIGGER USER")
    assert put_the_setting_directly(proposal).pk


@pytest.mark.parametrize("who", ["same person", "same nation", "second account"])
def test_the_database_refuses_the_wrong_second_key(proposal, american, make_officer, who):
    officer = {
        "same person": lambda: american,
        "same nation": lambda: make_officer("US"),
        "second account": lambda: make_officer("JP", person=american.person),
    }[who]()
    with pytest.raises(DatabaseError, match="signature_one_a_"), transaction.atomic():
        signature(proposal, officer)


@pytest.mark.parametrize("constraint", ["signature_one_a_nation", "signature_one_a_person"])
def test_without_the_constraint_the_wrong_second_key_would_stand(proposal, american, make_officer, constraint):
    """Negative control: each constraint is what refuses its case. Two such keys still open nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_signature DROP CONSTRAINT {constraint}")
    nation, person = ("US", "") if constraint.endswith("nation") else ("JP", american.person)
    assert signature(proposal, make_officer(nation, person=person)).pk
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        put_the_setting_directly(proposal)


def test_the_database_refuses_a_signature_for_another_payload(proposal, japanese):
    with pytest.raises(DatabaseError, match="not open with this payload"), transaction.atomic():
        signature(proposal, japanese, bytes(32))


def test_the_database_refuses_to_call_it_carried_out_without_keys(proposal):
    with pytest.raises(DatabaseError, match="two keys are missing"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(state="carried_out", carried_out_at=NOW)


def test_a_signature_names_the_officers_person_and_nation_whatever_is_written(proposal, japanese):
    Signature.objects.create(
        proposal=proposal, officer=japanese, digest=bytes(proposal.digest), signed_at=NOW, nation="US", person="x"
    )
    assert proposal.signatures.get(officer=japanese).nation == "JP"


def test_only_one_proposal_waits_for_a_subject(proposal, japanese):
    with pytest.raises(Refused, match="already waiting"):
        config.propose(key=KEY, value=6, effective_from=LATER, officer=japanese, now=NOW, reason="")


@pytest.mark.parametrize(
    ("key", "value", "when"), [("no.such.key", 1, LATER), (KEY, "12", LATER), (KEY, 12, NOW - timedelta(days=1))]
)
def test_a_setting_is_declared_typed_and_not_in_the_past(american, key, value, when):
    with pytest.raises(Refused):
        config.propose(key=key, value=value, effective_from=when, officer=american, now=NOW, reason="")


def test_the_digest_is_the_databases(american):
    proposal = approval.propose(kind=Kind.CONFIG, subject="x", payload={"b": 1, "a": "あ"}, officer=american, now=NOW)
    assert proposal.payload == '{"a":"あ","b":1}'
    Proposal.objects.filter(pk=proposal.pk).update(digest=bytes(32))
    proposal.refresh_from_db()
    assert proposal.hex_digest != "00" * 32
