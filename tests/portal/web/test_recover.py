"""Recovering access, page by page: nothing signs in without a factor, codes are not guessed, cases are used once."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from fund.governance.outbox import Note
from investors import people, recovery
from investors.recovery import RecoveryCase, State
from portal.web import recover
from portal.webhooks import endpoints
from tests.portal.officers.conftest import PASSWORD, SECRET, make_officer, make_user, sign_in
from tests.portal.officers.conftest import code as present_code

__all__ = ["make_officer"]  # a fixture
PAGE = "/en/account/recover/"
SAID = {
    "name": "TAKASAKI SHOTA",
    "birth_date": "1990-04-30",
    "number_ending": "0257",
    "phone": "090-1234-5678",
    "times": "evenings, in Japanese",
}
START = timezone.now()


class Clock:
    """Time goes on when the test says so."""

    def __init__(self) -> None:
        self.now = START

    def wait(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


@pytest.fixture(autouse=True)
def clock(monkeypatch, settings) -> Clock:
    one = Clock()
    monkeypatch.setattr(timezone, "now", lambda: one.now)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    cache.clear()
    return one


@pytest.fixture
def hanako(db):
    """Has a password, an authenticator app and recovery codes, all but the first of them lost."""
    user = make_user("hanako@example.org")
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    people.register(user=user, now=START)
    return user


@pytest.fixture
def officers(make_officer):
    return make_officer("JP", authenticator=False), make_officer("US", authenticator=False)


def mailed_code() -> str:
    return re.search(r"The code is ([A-Z2-9 ]{9})\.", mail.outbox[-1].body)[1]


def to_the_code(client: Client, email: str = "hanako@example.org"):
    return client.post(PAGE, {"email": email}, follow=True)


def proved(email: str = "hanako@example.org", password: str = PASSWORD) -> Client:
    """A browser that has proved mailbox and password."""
    client = Client()
    to_the_code(client, email)
    client.post(PAGE, {"code": mailed_code().lower()})
    if password:
        client.post(PAGE, {"password": password})
    return client


def opened() -> RecoveryCase:
    client = proved()
    assert "Your case is open" in client.post(PAGE, SAID, follow=True).content.decode()
    return RecoveryCase.objects.get()


def approved(clock: Clock, officers) -> RecoveryCase:
    case = opened()
    recovery.reprove(case_id=case.pk, officer=officers[0], shown="passport", now=clock.now)
    recovery.approve(case_id=case.pk, officer=officers[1], reason="agrees", now=clock.now)
    clock.wait(minutes=1)
    return case


def is_signed_in(client: Client) -> bool:
    return client.get("/en/account/security").status_code == 200


def replaced(client: Client):
    """Set up another authenticator app on the page of the approved case."""
    client.get(PAGE)
    secret = client.session["mfa.totp.secret"]
    code = present_code(secret)
    return secret, client.post(PAGE, {"code": code})


def test_from_the_lost_telephone_to_the_new_one(hanako, clock, officers):
    elsewhere = sign_in(hanako)
    assert is_signed_in(elsewhere)
    approved(clock, officers)
    client = proved()
    secret, answer = replaced(client)
    assert answer["Location"] == "/en/account/login/"
    assert not is_signed_in(client) and not is_signed_in(elsewhere)
    [factor] = Authenticator.objects.all()
    assert factor.type == "totp" and TOTP(factor).validate_code(format_hotp_value(hotp_value(secret, 0))) is False
    assert RecoveryCase.objects.get().state == State.USED
    assert Note.objects.filter(payload__change="recovery_used").exists()

    back = Client()
    back.post("/en/account/login/", {"login": hanako.email, "password": PASSWORD})
    assert not is_signed_in(back), "the password alone is not enough"
    dead = back.post("/en/account/2fa/authenticate/", {"code": present_code()})
    assert dead.status_code == 200, "the old app"
    code = present_code(secret)
    back.post("/en/account/2fa/authenticate/", {"code": code})
    assert is_signed_in(back)


def test_sessions_of_the_app_end_as_well(hanako, clock, officers):
    client = Client()
    base = "/api/auth/app/v1/auth"
    who = {"email": hanako.email, "password": PASSWORD}
    begun = client.post(f"{base}/login", who, "application/json").json()["meta"]["session_token"]
    second = {"code": present_code()}
    head = {"X-Session-Token": begun}
    token = client.post(f"{base}/2fa/authenticate", second, "application/json", headers=head).json()["meta"][
        "session_token"
    ]
    assert UserSession.objects.get().session_key == token and SessionStore().exists(token)
    approved(clock, officers)
    replaced(proved())
    assert not UserSession.objects.exists() and not SessionStore().exists(token)


def test_without_the_new_factor_in_the_same_transaction_the_password_alone_would_do(
    hanako, clock, officers, monkeypatch
):
    """Negative control: what the test above would see if the old factors went and no new one came."""
    approved(clock, officers)
    monkeypatch.setattr(recover.TOTP, "activate", lambda user, secret: None)
    replaced(proved())
    back = Client()
    back.post("/en/account/login/", {"login": hanako.email, "password": PASSWORD})
    assert is_signed_in(back)


def test_all_or_nothing(hanako, clock, officers, monkeypatch):
    """What fails on the way leaves the old factors, the sessions and the case as they were."""
    case = approved(clock, officers)
    before = set(Authenticator.objects.values_list("pk", flat=True))

    def fail(user, secret):
        raise RuntimeError("the lights went out")

    monkeypatch.setattr(recover.TOTP, "activate", fail)
    client = proved()
    with pytest.raises(RuntimeError):
        replaced(client)
    assert set(Authenticator.objects.values_list("pk", flat=True)) == before
    case.refresh_from_db()
    assert case.state == State.APPROVED


def test_sessions_would_live_on_if_they_were_not_ended(hanako, clock, officers, monkeypatch):
    """Negative control of the sign-out everywhere."""
    elsewhere = sign_in(hanako)
    approved(clock, officers)
    monkeypatch.setattr(UserSession, "end", lambda self: None)
    replaced(proved())
    assert is_signed_in(elsewhere)


def test_webhooks_end_with_the_recovery_and_would_live_on(hanako, clock, officers, monkeypatch):
    """Whoever had the account may have registered one; the second half is the negative control."""
    endpoints.register(
        user=hanako, url="https://elsewhere.example/a-secret-path", kinds=["subscription.placed"], now=clock.now
    )
    approved(clock, officers)
    with monkeypatch.context() as patch:
        patch.setattr(endpoints, "remove", lambda **_known: None)
        patch.setattr(recovery, "use", lambda **_known: None)
        replaced(proved())
        assert endpoints.of(hanako).exists()
    cache.clear()
    replaced(proved())
    assert not endpoints.of(hanako).exists()


def test_a_case_is_used_once(hanako, clock, officers):
    approved(clock, officers)
    first, second = proved(), proved()
    replaced(first)
    second.get(PAGE)
    assert "mfa.totp.secret" not in second.session
    assert "Tell us who you are" in second.get(PAGE).content.decode(), "only a new case leads on"
    assert second.get("/en/account/recover/passkey").status_code == 302
    assert Authenticator.objects.count() == 1


def test_the_second_of_two_who_stand_at_the_end_of_the_way_changes_nothing(hanako, clock, officers):
    approved(clock, officers)
    first, second = proved(), proved()
    second.get(PAGE)  # the page of the new app is open
    secret = second.session["mfa.totp.secret"]
    replaced(first)
    kept = Authenticator.objects.get().pk
    code = present_code(secret)
    second.post(PAGE, {"code": code})
    assert Authenticator.objects.get().pk == kept


@pytest.mark.parametrize("ended", ["refused", "stopped", "open"])
def test_a_case_that_was_not_approved_opens_nothing(hanako, clock, officers, ended):
    case = opened()
    if ended == "refused":
        recovery.refuse(case_id=case.pk, officer=officers[0], reason="another face", now=clock.now)
    if ended == "stopped":
        Client().post("/en/account/recover/stop", {"number": case.number})
    clock.wait(minutes=1)
    client = proved()
    text = client.get(PAGE).content.decode()
    assert ("An officer calls you" if ended == "open" else "Tell us who you are") in text
    client.post(PAGE, {"code": "123456"})
    assert client.get("/en/account/recover/passkey")["Location"] == PAGE
    assert Authenticator.objects.count() == 2


def test_the_mailbox_is_proved_again_after_the_approval(hanako, clock, officers):
    waiting = proved()
    waiting.post(PAGE, SAID)
    case = RecoveryCase.objects.get()
    clock.wait(minutes=1)
    recovery.reprove(case_id=case.pk, officer=officers[0], shown="passport", now=clock.now)
    recovery.approve(case_id=case.pk, officer=officers[1], reason="agrees", now=clock.now)
    clock.wait(minutes=1)
    assert "prove your mailbox again" in waiting.get(PAGE).content.decode()
    assert "Your new authenticator app" in proved().get(PAGE).content.decode()


def test_the_way_ends_after_a_quarter_of_an_hour(hanako, clock):
    client = proved()
    assert "Tell us who you are" in client.get(PAGE).content.decode()
    clock.wait(minutes=15)
    assert "Recover access to your account" in client.get(PAGE).content.decode()
    client = Client()
    to_the_code(client)
    clock.wait(minutes=15)
    assert "Look into your mailbox" not in client.post(PAGE, {"code": mailed_code()}, follow=True).content.decode()


def test_an_unknown_address_is_answered_like_a_known_one(hanako):
    answers = []
    for email in ("hanako@example.org", "nobody@example.org"):
        client = Client()
        seen = [to_the_code(client, email), client.post(PAGE, {"code": "ABCDEFGH"}), client.get(PAGE)]
        answers.append([(one.status_code, shape(one)) for one in seen])
    assert answers[0] == answers[1]
    known, unknown = mail.outbox
    assert "The code is" in known.body and "The code is" not in unknown.body and unknown.to == ["nobody@example.org"]
    assert "http" not in known.body + unknown.body, "no message carries a link"


def shape(answer) -> str:
    return re.sub(r'(csrfmiddlewaretoken" value="|nonce=")[^"]+', "", answer.content.decode())


def test_an_unknown_address_gets_nowhere_even_with_a_code(db, monkeypatch):
    monkeypatch.setattr(recover.secrets, "choice", lambda signs: "A")
    client = Client()
    to_the_code(client, "nobody@example.org")
    assert client.post(PAGE, {"code": "A" * 8}).status_code == 422


def test_three_guesses_a_code(hanako, monkeypatch):
    def guess(wrong: int) -> str:
        client = Client()
        to_the_code(client)
        right = mailed_code()
        for _guess in range(wrong):
            client.post(PAGE, {"code": "ZZZZZZZZ"})
        return client.post(PAGE, {"code": right}, follow=True).content.decode()

    assert "Your password" in guess(2)
    assert "Your password" not in guess(3)
    monkeypatch.setattr(recover.Way, "__init__", generous(recover.Way.__init__))  # the control
    assert "Your password" in guess(3)


def generous(init):
    def more(self, *args, **named):
        init(self, *args, **named)
        self.guesses = 100

    return more


def test_guesses_from_ever_new_sessions_come_to_an_end(hanako, settings):
    def tries() -> int:
        """How many guesses an attacker with many browsers gets in before one is turned away."""
        waiting = []
        for _browser in range(5):
            client = Client()
            to_the_code(client)
            waiting.append(client)
        counted = 0
        for client in waiting:
            for _guess in range(3):
                if client.post(PAGE, {"code": "ZZZZZZZZ"}).status_code == 429:
                    return counted
                counted += 1
        return counted

    assert tries() == 12
    assert Client().post(PAGE, {"email": "hanako@example.org"}).status_code == 429, "and no more codes this hour"
    cache.clear()
    settings.ACCOUNT_RATE_LIMITS = {}  # the control
    assert tries() == 15


def test_a_wrong_password_leads_nowhere(hanako):
    client = proved(password="not the password")
    assert client.post(PAGE, SAID).status_code == 422
    assert not RecoveryCase.objects.exists()


def test_the_session_is_a_new_one_once_the_mailbox_is_proved(hanako):
    client = Client()
    to_the_code(client)
    planted = client.session.session_key
    client.post(PAGE, {"code": mailed_code()})
    assert client.session.session_key != planted
    kept = client.session[recover.SESSION]
    assert "hanako" not in str(kept) and mailed_code().replace(" ", "") not in str(kept)


def test_the_citizen_stops_it_by_number_or_signed_in(hanako, clock):
    case = opened()
    stopped = Client().post("/en/account/recover/stop", {"number": "NOSUCHNUMBER"}, follow=True).content.decode()
    case.refresh_from_db()
    assert case.state == State.OPEN
    assert "it is stopped now" in stopped, "the answer is the same"
    Client().post("/en/account/recover/stop", {"number": f"{case.number[:6]} {case.number[6:]}".lower()})
    case.refresh_from_db()
    assert case.state == State.STOPPED

    cache.clear()
    proved().post(PAGE, SAID)
    owner = sign_in(hanako)
    assert "Somebody has asked to recover this account" in owner.get("/en/account/security").content.decode()
    owner.post("/en/account/recover/stop")
    assert not recovery.living(investor=hanako.investor, now=clock.now)
    assert "Somebody has asked" not in owner.get("/en/account/security").content.decode()


def test_nobody_stops_the_case_of_another(hanako):
    case = opened()
    sign_in(make_user("other@example.org")).post("/en/account/recover/stop")
    case.refresh_from_db()
    assert case.state == State.OPEN


def test_what_is_wrong_with_a_statement_stands_beside_it(hanako):
    client = proved()
    answer = client.post(PAGE, {**SAID, "number_ending": "12", "birth_date": "yesterday"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Please give the last four digits." in text and "TAKASAKI SHOTA" in text
    assert not RecoveryCase.objects.exists()


def test_the_way_is_for_lost_factors_of_citizens(db, officers):
    make_user("plain@example.org")
    assert "neither a passkey nor" in proved("plain@example.org").get(PAGE).content.decode()
    assert "own ministry" in proved(officers[0].user.email).get(PAGE).content.decode()


def test_an_account_without_a_password_sets_up_a_passkey(hanako, clock, officers):
    """An authenticator app alone would be one factor fewer than before."""
    hanako.set_unusable_password()
    hanako.save()
    client = proved(password="")
    client.post(PAGE, SAID)
    case = RecoveryCase.objects.get()
    recovery.reprove(case_id=case.pk, officer=officers[0], shown="passport", now=clock.now)
    recovery.approve(case_id=case.pk, officer=officers[1], reason="agrees", now=clock.now)
    clock.wait(minutes=1)
    client = proved(password="")
    assert client.get(PAGE)["Location"] == "/en/account/recover/passkey"
    page = client.get("/en/account/recover/passkey")
    assert page.status_code == 200 and "authenticator app instead" not in page.content.decode()
    assert client.post("/en/account/recover/passkey", {"credential": "{}"}).status_code == 200
    assert Authenticator.objects.count() == 2, "a made-up credential changes nothing"


def test_a_new_password_by_mail_leaves_the_second_factor_where_it_was(hanako):
    """What allauth gives already: the mailbox resets the password, and the password alone signs nobody in."""
    client = Client()
    client.post("/en/account/password/reset/", {"email": hanako.email})
    code = re.search(r"^([A-Z0-9-]{6,12})$", mail.outbox[-1].body, re.MULTILINE)[1]
    client.post("/en/account/password/reset/confirm/", {"code": code})
    new = "another long password for tests"
    client.post("/en/account/password/reset/complete/", {"password1": new, "password2": new})
    hanako.refresh_from_db()
    assert hanako.check_password(new), "the control: it did change"
    assert not is_signed_in(client)
    client.post("/en/account/login/", {"login": hanako.email, "password": new})
    assert not is_signed_in(client)
    client.post("/en/account/2fa/authenticate/", {"code": present_code()})
    assert is_signed_in(client)
