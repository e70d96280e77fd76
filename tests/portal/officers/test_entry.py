"""Who may enter the officers' site, and with what."""

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from fund.governance.officers import Duty
from portal.officers import entry
from tests.portal.officers.conftest import PASSWORD, SECRET, code, make_user, sign_in

DESK = "/en/officers/"
APPROVALS = "/en/officers/fund/proposal/"


def test_anonymous_is_sent_to_sign_in_and_back(db):
    answer = Client().get(APPROVALS)
    assert answer.status_code == 302
    assert unquote(answer.url) == f"/en/account/login/?next={APPROVALS}"


def test_an_officer_enters_with_both_factors(american):
    answer = sign_in(american.user).get(DESK)
    assert answer.status_code == 200
    assert american.name_en in answer.content.decode()


def test_a_citizen_is_refused(db):
    client = sign_in(make_user("citizen@example.org"))
    assert [client.get(url).status_code for url in (DESK, APPROVALS)] == [403, 403]


def test_a_superuser_who_is_no_officer_is_refused(db):
    user = make_user("root@example.org")
    get_user_model().objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)
    assert sign_in(user).get(DESK).status_code == 403


def test_an_officer_out_of_office_is_refused(make_officer):
    officer = make_officer(until=datetime(2026, 2, 1, tzinfo=UTC))
    assert sign_in(officer.user).get(DESK).status_code == 403


def test_leaving_office_ends_the_running_session(american):
    client = sign_in(american.user)
    assert client.get(DESK).status_code == 200
    type(american).objects.filter(pk=american.pk).update(in_office_until=datetime(2026, 2, 1, tzinfo=UTC))
    assert client.get(DESK).status_code == 403


def test_a_disabled_account_is_refused(american):
    client = sign_in(american.user)
    get_user_model().objects.filter(pk=american.user_id).update(is_active=False)
    assert client.get(DESK).status_code == 302


def test_without_a_second_factor_it_is_set_up_first(make_officer):
    client = sign_in(make_officer(authenticator=False).user)
    answer = client.get(DESK)
    assert (answer.status_code, answer.url) == (302, reverse("mfa_index"))


def test_a_second_factor_that_was_not_used_is_asked_for(make_officer):
    """Set up in the middle of a session that began with the password alone."""
    officer = make_officer(authenticator=False)
    client = sign_in(officer.user)
    TOTP.activate(officer.user, SECRET)
    answer = client.get(DESK)
    assert (answer.status_code, answer.url) == (302, f"{reverse('mfa_reauthenticate')}?next=%2Fen%2Fofficers%2F")
    answer = client.post(answer.url, {"code": code(), "next": DESK}, follow=True)
    assert answer.redirect_chain[-1][0] == DESK and answer.status_code == 200


def test_the_password_alone_does_not_sign_in(american):
    client = Client()
    client.post("/en/account/login/", {"login": american.user.email, "password": PASSWORD})
    assert client.get(DESK).url.startswith("/en/account/login/")


def test_without_the_gate_the_password_would_be_enough(make_officer, monkeypatch):
    """Negative control: it is the second gate that keeps a password alone outside."""
    client = sign_in(make_officer(authenticator=False).user)
    monkeypatch.setattr(entry, "second_factor_first", lambda request: None)
    assert client.get(DESK).status_code == 200


def test_the_setting_can_let_officers_in_without(make_officer, settings):
    settings.OFFICER_MFA_REQUIRED = False
    assert sign_in(make_officer(authenticator=False).user).get(DESK).status_code == 200


@pytest.mark.parametrize("duty", Duty.values)
def test_every_duty_sees_the_desk_the_approvals_and_the_audit_log(make_officer, duty):
    client = sign_in(make_officer(duties=[duty]).user)
    for page in (DESK, APPROVALS, "/en/officers/fund/act/", "/en/officers/fund/setting/"):
        assert client.get(page).status_code == 200, page


def test_pages_are_not_kept_by_caches(american):
    assert "no-store" in sign_in(american.user).get(APPROVALS)["Cache-Control"]


def test_pages_have_no_inline_styles_or_scripts(american):
    """The strict content policy holds on the officers' pages as everywhere."""
    answer = sign_in(american.user).get(DESK)
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
    for sign in (" style=", "<style", "<script", "onclick="):
        assert sign not in answer.content.decode()
