"""Officers of both nations who sign in as they do in life: password, then the code of their authenticator."""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from fund.governance.officers import Duty, Officer

PASSWORD = "a long password for tests"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _quick_and_forgetful(settings) -> Iterator[None]:
    """Rate limits and used codes of one test do not reach into the next; passwords are hashed quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    yield
    cache.clear()


def make_user(email: str):
    user = get_user_model().objects.create_user(email, PASSWORD)
    user.emailaddress_set.create(email=email, verified=True, primary=True)
    return user


@pytest.fixture
def make_officer(db) -> Callable[..., Officer]:
    def make(
        nation: str = "US",
        *,
        duties: list[str] | None = None,
        person: str = "",
        until: datetime | None = None,
        authenticator: bool = True,
    ) -> Officer:
        number = next(numbers)
        user = make_user(f"officer{number}@example.org")
        if authenticator:
            TOTP.activate(user, SECRET)
        return Officer.objects.create(
            user=user,
            person=person or f"{nation}-{number}",
            nation=nation,
            name_en=f"Officer {number}",
            name_ja=f"担当官{number}",
            duties=list(Duty.values) if duties is None else duties,
            in_office_from=datetime(2026, 1, 1, tzinfo=UTC),
            in_office_until=until,
        )

    return make


@pytest.fixture
def american(make_officer) -> Officer:
    return make_officer("US")


@pytest.fixture
def japanese(make_officer) -> Officer:
    return make_officer("JP")


def code(secret: str = SECRET) -> str:
    """The authenticator's present code; that it was used before is forgotten."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def sign_in(user, *, second_factor: bool = True) -> Client:
    """A browser of this person, through the real sign-in pages."""
    client = Client()
    client.post("/en/account/login/", {"login": user.email, "password": PASSWORD})
    if second_factor and Authenticator.objects.filter(user=user).exists():
        answer = client.post("/en/account/2fa/authenticate/", {"code": code()})
        assert answer.status_code == 302, answer.content
    return client


def grow_stale(client: Client, seconds: int = 301) -> None:
    """Move this browser's proofs of identity into the past."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - seconds
    session.save()
