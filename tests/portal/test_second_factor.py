"""A one-time-code secret is not readable in the database; a code is taken for 90 seconds, and once (decision 39)."""

from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.utils import decrypt
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection

from portal.second_factor import OneTimeCodes


@pytest.mark.django_db
def test_the_secret_is_sealed_and_still_works():
    secret = generate_totp_secret()
    totp = TOTP.activate(get_user_model().objects.create_user("one@example.org"), secret)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        (stored,) = cursor.fetchone()
    assert secret not in stored
    assert totp.validate_code(f"{hotp_value(secret, counter=0):06}") is False
    assert secret_of(totp) == secret


def secret_of(totp: TOTP) -> str:

    return decrypt(totp.instance.data["secret"])


HALF_MINUTE = 59_000_000  # since 1970, that of the code


@pytest.fixture
def secret(db: None) -> str:
    cache.clear()
    return generate_totp_secret()


@pytest.fixture
def authenticator(secret: str) -> Authenticator:
    TOTP.activate(get_user_model().objects.create_user("one@example.org"), secret)
    return Authenticator.objects.get()


def taken(authenticator: Authenticator, code: str, moment: float, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a code is taken so many half minutes after its own has begun."""
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: (HALF_MINUTE + moment) * 30))
    return bool(authenticator.wrap().validate_code(code))


@pytest.mark.parametrize("moment", [-1.01, -1, 0, 0.99, 1, 1.99, 2])
def test_a_code_is_taken_at_the_turn_of_its_half_minute_as_well(moment, authenticator, secret, monkeypatch):
    code = format_hotp_value(hotp_value(secret, HALF_MINUTE))
    assert taken(authenticator, code, moment, monkeypatch) == (-1 <= moment < 2)


def test_a_code_is_taken_once_however_it_is_written_and_whenever_it_comes_again(authenticator, secret, monkeypatch):
    code = format_hotp_value(hotp_value(secret, HALF_MINUTE))
    assert taken(authenticator, code, -1, monkeypatch)
    assert not taken(authenticator, code, -1, monkeypatch)
    assert cache.delete(TOTP(authenticator)._get_used_cache_key(code)), "allauth forgets after half a minute"
    assert not taken(authenticator, f"{code[:3]} {code[3:]}", 1.99, monkeypatch)
    cache.delete(TOTP(authenticator)._get_used_cache_key(code))
    (allauths_own,) = OneTimeCodes.__bases__
    assert allauths_own(authenticator).validate_code(code), "the negative control"


def test_it_is_remembered_for_as_long_as_it_is_taken(authenticator, secret, monkeypatch):
    kept = []
    monkeypatch.setattr(cache, "add", lambda key, value, timeout: kept.append(timeout) or True)
    assert taken(authenticator, format_hotp_value(hotp_value(secret, HALF_MINUTE)), 0, monkeypatch)
    assert max(kept) == 90
