"""The configuration of a provider: complete or not at all, and its key never shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.exceptions import ImproperlyConfigured

from portal.government_id.party import Party, configured
from portal.redaction import HIDDEN, redact
from tests.portal.government_id.conftest import pem


def party(**other: object) -> Party | None:
    given = {"issuer": "https://id.example", "client_id": "us", "key_id": "1", "plain_http": False} | other
    return configured("LOGIN_GOV", **given)  # type: ignore[arg-type]


def test_off_without_a_client_id():
    assert party(client_id="", private_key="") is None


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(rsa.generate_private_key(65537, 2048), "RS256"), (ec.generate_private_key(ec.SECP256R1()), "ES256")],
)
def test_the_key_says_its_algorithm_and_its_lines_may_be_written_in_one(key, algorithm):
    found = party(private_key=pem(key).replace("\n", "\\n"))
    assert found and found.algorithm == algorithm and found.private_key == pem(key)
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"private_key": ""}, "LOGIN_GOV_PRIVATE_KEY"),
        ({"key_id": ""}, "LOGIN_GOV_KEY_ID"),
        ({"private_key": "not a key"}, "LOGIN_GOV_PRIVATE_KEY"),
        ({"private_key": pem(rsa.generate_private_key(65537, 1024))}, "2048 bits"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP384R1()))}, "P-256"),
        ({"issuer": "http://id.example"}, "https"),
    ],
)
def test_a_half_configured_one_is_refused(other, said):
    good = {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}
    with pytest.raises(ImproperlyConfigured, match=said):
        party(**(good | other))


def test_the_key_is_sealed_from_logs():
    key = pem(ec.generate_private_key(ec.SECP256R1())).strip()
    shown = redact(None, "info", {"private_key": key, "event": f"cannot read {key} here", "client_assertion": "a.b.c"})
    assert shown == {"private_key": HIDDEN, "event": f"cannot read {HIDDEN} here", "client_assertion": HIDDEN}
