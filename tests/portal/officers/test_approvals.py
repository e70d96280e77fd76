"""Approvals through the real pages: read, sign, withdraw; and everything that is refused."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fund.governance import approval, config
from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.governance.outbox import Note
from portal import step_up
from tests.portal.officers.conftest import code, grow_stale, sign_in

KEY = "reverification.months"


@pytest.fixture
def proposal(american) -> Proposal:
    now = timezone.now()
    return config.propose(
        key=KEY, value=12, effective_from=now + timedelta(days=30), officer=american, now=now, reason="Yearly is safer."
    )


def page(proposal: Proposal, language: str = "en") -> str:
    return f"/{language}/officers/fund/proposal/{proposal.pk}/"


def press(client: Client, proposal: Proposal, button: str = "sign", **typed: str):
    typed = {"digest": proposal.hex_digest, **typed} if button == "sign" else typed
    return client.post(f"{page(proposal)}{button}/", typed, follow=True)


def keys(proposal: Proposal) -> int:
    return proposal.signatures.count()


def test_the_page_says_what_is_approved(proposal, japanese):
    text = sign_in(japanese.user).get(page(proposal)).content.decode()
    for part in ("12", "24", "Yearly is safer.", proposal.hex_digest, "Turn my key", "United States", "Officer"):
        assert part in text


def test_everything_in_the_payload_is_shown(proposal, american, japanese):
    """A value that no reader knows is shown as it stands, so that nobody signs what was not shown."""
    changed = approval.revise(
        proposal=proposal, payload={**proposal.facts, "smuggled": "in"}, officer=american, now=timezone.now()
    )
    text = sign_in(japanese.user).get(page(changed)).content.decode()
    assert "smuggled" in text
    assert "1 earlier signature no longer counts" in text


def test_the_second_nation_turns_the_second_key(proposal, japanese):
    answer = press(sign_in(japanese.user), proposal)
    assert "second key" in answer.content.decode()
    assert keys(proposal) == 2
    assert Note.objects.filter(topic="proposal.approved", subject=str(proposal.pk)).count() == 1
    assert Act.objects.filter(actor=japanese.actor, verb="sign").count() == 1


def test_the_proposer_cannot_turn_the_second_key(proposal, american):
    client = sign_in(american.user)
    assert "Turn my key" not in client.get(page(proposal)).content.decode()
    answer = press(client, proposal)
    assert "another person" in answer.content.decode()
    assert keys(proposal) == 1


def test_a_second_account_of_the_same_person_cannot(proposal, american, make_officer):
    second = make_officer("JP", person=american.person)
    assert "another person" in press(sign_in(second.user), proposal).content.decode()
    assert keys(proposal) == 1


def test_the_same_nation_cannot(proposal, make_officer):
    assert "other nation" in press(sign_in(make_officer("US").user), proposal).content.decode()
    assert keys(proposal) == 1


def test_a_payload_edited_after_it_was_read_is_not_signed(proposal, american, japanese):
    client = sign_in(japanese.user)
    client.get(page(proposal))
    read = proposal.hex_digest
    approval.revise(proposal=proposal, payload={**proposal.facts, "value": 6}, officer=american, now=timezone.now())
    answer = press(client, proposal, digest=read)
    assert "changed after you read it" in answer.content.decode()
    assert not Act.objects.filter(actor=japanese.actor, verb="sign").exists()


def test_without_the_posted_digest_the_edited_payload_would_be_signed(proposal, american, japanese):
    """Negative control: signing whatever stands now is what the posted digest prevents."""
    approval.revise(proposal=proposal, payload={**proposal.facts, "value": 6}, officer=american, now=timezone.now())
    press(sign_in(japanese.user), proposal)  # the digest of now, as if the page did not name what was read
    assert Act.objects.filter(actor=japanese.actor, verb="sign").exists()


@pytest.mark.parametrize("digest", ["", "abc", "z" * 64, "A" * 64])
def test_what_is_no_digest_is_refused(proposal, japanese, digest):
    assert press(sign_in(japanese.user), proposal, digest=digest).status_code == 422
    assert keys(proposal) == 1


def test_two_officers_at_once_have_one_effect(proposal, japanese, make_officer):
    first, second = sign_in(japanese.user), sign_in(make_officer("JP").user)
    press(first, proposal)
    assert "other nation" in press(second, proposal).content.decode()
    assert Note.objects.filter(topic="proposal.approved").count() == 1


def test_an_officer_withdraws(proposal, japanese):
    client = sign_in(japanese.user)
    answer = press(client, proposal, "withdraw")
    assert "withdrawn" in answer.content.decode()
    proposal.refresh_from_db()
    assert proposal.state == Proposal.State.WITHDRAWN
    assert "no longer open" in press(client, proposal).content.decode()


def test_five_minutes_after_signing_in_it_asks_again_and_then_performs_that_very_act(proposal, japanese):
    client = sign_in(japanese.user)
    grow_stale(client)
    asked = client.post(f"{page(proposal)}sign/", {"digest": proposal.hex_digest})
    assert (asked.status_code, keys(proposal)) == (302, 1)
    assert asked.url.startswith(reverse("mfa_reauthenticate"))
    client.post(asked.url, {"code": code()}, follow=True)
    assert keys(proposal) == 2


def test_a_wrong_code_performs_nothing(proposal, japanese):
    client = sign_in(japanese.user)
    grow_stale(client)
    asked = client.post(f"{page(proposal)}sign/", {"digest": proposal.hex_digest})
    client.post(asked.url, {"code": "000000"}, follow=True)
    assert keys(proposal) == 1


def test_a_payload_edited_while_it_asked_again_is_not_signed(proposal, american, japanese):
    client = sign_in(japanese.user)
    grow_stale(client)
    asked = client.post(f"{page(proposal)}sign/", {"digest": proposal.hex_digest})
    approval.revise(proposal=proposal, payload={**proposal.facts, "value": 6}, officer=american, now=timezone.now())
    client.post(asked.url, {"code": code()}, follow=True)
    assert not Act.objects.filter(actor=japanese.actor, verb="sign").exists()


def test_four_minutes_after_it_does_not_ask(proposal, japanese):
    client = sign_in(japanese.user)
    grow_stale(client, 240)
    press(client, proposal)
    assert keys(proposal) == 2


def test_without_the_question_a_stale_session_would_sign(proposal, japanese, monkeypatch):
    """Negative control."""
    client = sign_in(japanese.user)
    grow_stale(client)
    monkeypatch.setattr(step_up, "ask", lambda request: None)
    press(client, proposal)
    assert keys(proposal) == 2


def test_another_site_cannot_press_the_button(proposal, japanese):
    client = sign_in(japanese.user)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert press(strict, proposal).status_code == 403
    assert keys(proposal) == 1


@pytest.mark.parametrize("button", ["sign", "withdraw"])
def test_a_link_presses_no_button(proposal, japanese, button):
    assert sign_in(japanese.user).get(f"{page(proposal)}{button}/").status_code == 405
    proposal.refresh_from_db()
    assert (proposal.state, keys(proposal)) == (Proposal.State.OPEN, 1)


def test_the_desk_counts_what_waits_for_my_nation(proposal, american, japanese):
    theirs = sign_in(japanese.user).get("/en/officers/").content.decode()
    mine = sign_in(american.user).get("/en/officers/").content.decode()
    assert '<span class="queues__count">1</span>' in theirs
    assert "nation’s key" not in mine.split("Empty:")[0]


def test_a_missing_proposal_is_not_found(japanese):
    client = sign_in(japanese.user)
    assert client.get("/en/officers/fund/proposal/01980000-0000-7000-8000-000000000000/").status_code == 404
    assert client.get("/en/officers/fund/proposal/nonsense/").status_code == 404
    assert client.post("/en/officers/fund/proposal/nonsense/sign/", {"digest": "0" * 64}).status_code == 404


@pytest.mark.parametrize("duty", ["audit", "payments"])
def test_who_has_another_duty_reads_it_and_is_asked_for_no_key(proposal, make_officer, duty):
    client = sign_in(make_officer("JP", duties=[duty]).user)
    text = client.get(page(proposal)).content.decode()
    assert "Your duties do not include this act." in text and "Turn my key" not in text
    assert "Waiting for your nation" in client.get("/en/officers/").content.decode().split("Empty:")[1]
    assert "Your duties do not include this act." in press(client, proposal).content.decode() and keys(proposal) == 1
