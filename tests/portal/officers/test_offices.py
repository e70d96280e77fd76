"""Officers at the desk: appointed by both administrations, leaving at once, lent duties before everybody's eyes."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from fund.governance import office
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note
from portal.notices.models import Message
from portal.notices.send import send
from portal.officers import entry
from tests.portal.officers.conftest import make_user, sign_in

ROOM = "/en/officers/fund/officer/"
APPOINTED = {
    "email": "new@example.org", "nation": "JP", "person": "JP-77", "name_en": "Mio Arai", "name_ja": "新井 澪",
    "duties": ["dealing", "valuation"], "reason": "A post is free.",
}  # fmt: skip


@pytest.fixture
def administrators(make_officer) -> dict[str, Officer]:
    return {nation: make_officer(nation, duties=["administration"]) for nation in ("US", "JP")}


@pytest.fixture
def american(administrators) -> Client:
    return sign_in(administrators["US"].user)


def room_of(officer: Officer) -> str:
    return f"{ROOM}{officer.pk}/"


def test_an_appointment_from_the_form_to_the_desk(administrators, american, django_capture_on_commit_callbacks):
    new = make_user("new@example.org")
    answer = american.post(f"{ROOM}appoint/", APPOINTED, follow=True)
    assert "Mio Arai becomes an officer of Japan, with these duties: dealing, valuation." in answer.content.decode()
    proposal = Proposal.objects.get()
    japanese = sign_in(administrators["JP"].user)
    page = f"/ja/officers/fund/proposal/{proposal.pk}/"
    assert "新井 澪" in japanese.get(page).content.decode()
    assert sign_in(new).get("/en/officers/").status_code == 403
    japanese.post(f"{page}sign/", {"digest": proposal.hex_digest})
    office.carry_out(proposal=proposal, now=timezone.now())
    assert Officer.objects.get(user=new).duties == ["dealing", "valuation"]
    assert "Mio Arai" in american.get(ROOM).content.decode()


@pytest.mark.parametrize("email", ["nobody@example.org", "unconfirmed@example.org"])
def test_only_a_confirmed_address_is_appointed(american, email):
    make_user("unconfirmed@example.org").emailaddress_set.update(verified=False)
    answer = american.post(f"{ROOM}appoint/", APPOINTED | {"email": email})
    assert answer.status_code == 422 and "No account has confirmed this address." in answer.content.decode()
    assert not Proposal.objects.exists()


def test_an_emergency_is_on_every_desk_and_in_every_inbox(administrators, american, make_officer):
    clerk, auditor = make_officer("US", duties=["onboarding"]), make_officer("JP", duties=["audit"])
    watching = sign_in(auditor.user)
    assert "Officers with emergency duties" not in watching.get("/en/officers/").content.decode()
    given = {"duties": ["payments"], "reason": "The unit is ill."}
    answer = american.post(f"{room_of(clerk)}break_glass/", given, follow=True)
    assert "Every officer of both nations is told." in answer.content.decode()
    assert sign_in(clerk.user).get("/en/officers/fund/bankentry/").status_code == 200
    assert "Officers with emergency duties" in watching.get("/en/officers/").content.decode()
    send(note=Note.objects.get(topic="office.changed"), now=timezone.now())
    told = {message.user_id: message for message in Message.objects.all()}
    assert set(told) == set(Officer.objects.values_list("user_id", flat=True)) and len(told) == 4
    assert "without a second key: payments." in told[auditor.user_id].text
    answer = watching.post(f"{room_of(clerk)}end_emergency/", follow=True)
    assert "The emergency duties have ended." in answer.content.decode()
    assert sign_in(clerk.user).get("/en/officers/fund/bankentry/").status_code == 403


def test_who_leaves_is_outside_at_once(make_officer, american):
    leaver = make_officer("US", duties=["payments"])
    client = sign_in(leaver.user)
    assert client.get("/en/officers/").status_code == 200
    american.post(f"{room_of(leaver)}leave/", {"reason": "Retires."})
    assert client.get("/en/officers/").status_code == 403


def test_other_duties_see_the_officers_and_change_nothing(make_officer, administrators):
    clerk = make_officer("US", duties=["onboarding", "dealing", "valuation", "payments"])
    client = sign_in(clerk.user)
    page = client.get(room_of(administrators["JP"])).content.decode()
    assert administrators["JP"].name_en in page and administrators["JP"].person not in page
    for act in ("propose", "break_glass"):
        assert (
            client.post(f"{room_of(administrators['JP'])}{act}/", {"duties": ["audit"], "reason": "x"}).status_code
            == 403
        )
    assert client.post(f"{ROOM}appoint/", APPOINTED).status_code == 403
    client.post(f"{room_of(administrators['JP'])}leave/", {"reason": "x"})
    assert Officer.objects.get(pk=administrators["JP"].pk).in_office_until is None


# ── how long the desk stays open ──


@pytest.mark.parametrize(("seconds", "open_"), [(14 * 60, True), (16 * 60, False)])
def test_a_desk_that_was_left_alone_is_closed(american, seconds, open_):
    american.get("/en/officers/")
    session = american.session
    session[entry.SEEN] -= seconds
    session.save()
    answer = american.get("/en/officers/")
    assert answer.status_code == (200 if open_ else 302)
    assert ("_auth_user_id" in american.session) is open_


def test_a_desk_is_closed_eight_hours_after_signing_in_however_busy(american):
    american.get("/en/officers/")
    session = american.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 8 * 3600 + 1
    session.save()
    assert american.get("/en/officers/").url.startswith("/en/account/login/")


def test_without_the_rule_it_would_stay_open(american, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(entry, "session_over", lambda request: None)
    american.get("/en/officers/")
    session = american.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 7 * 24 * 3600
    session.save()
    assert american.get("/en/officers/").status_code == 200


# ── the first one ──


def test_the_first_administrator_is_appointed_by_command_and_only_the_first(make_officer):
    make_user("first@example.org")
    told = {"nation": "JP", "person": "JP-1", "name_en": "First", "name_ja": "最初"}
    with pytest.raises(CommandError, match="confirmed"):
        call_command("appoint", "nobody@example.org", **told)
    call_command("appoint", "FIRST@example.org", **told)
    assert Officer.objects.get().duties == [Duty.ADMINISTRATION]
    make_user("second@example.org")
    with pytest.raises(CommandError, match="at the desk"):
        call_command("appoint", "second@example.org", **told)
    Officer.objects.update(in_office_until=timezone.now() - timedelta(days=1))
    with pytest.raises(CommandError, match="was an officer"):
        call_command("appoint", "first@example.org", **told)
    call_command("appoint", "second@example.org", **told)
