"""A one-time-code secret is not readable in the database (decision 9)."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value
from allauth.mfa.utils import decrypt
from django.contrib.auth import get_user_model
from django.db import connection


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
