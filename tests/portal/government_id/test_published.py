"""What a provider publishes: kept for a while, asked anew for a new key, not believed when it speaks for another."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.government_id import oidc
from portal.government_id.party import Party
from tests.portal.government_id.conftest import jwk, pem

NOW = timezone.now()
ISSUER = "https://id.example"
CONFIGURATION = f"{ISSUER}/.well-known/openid-configuration"


class Published:
    """The provider's two documents, and how often each was fetched."""

    def __init__(self, keys: dict[str, Any]) -> None:
        names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
        self.documents = {
            CONFIGURATION: {"issuer": ISSUER} | {name: ISSUER + path for name, path in names.items()},
            f"{ISSUER}/keys": {"keys": [jwk(keys["provider_RS256"], "RS256", "old")]},
        }
        self.fetched: list[str] = []

    def get(self, url: str) -> dict[str, Any]:
        self.fetched.append(url.removeprefix(ISSUER))
        return self.documents[url]


@pytest.fixture
def published(keys, monkeypatch) -> Published:
    one = Published(keys)
    monkeypatch.setattr(oidc, "_get", one.get)
    monkeypatch.setattr(oidc, "_kept", {})
    return one


@pytest.fixture
def party(keys) -> Party:
    return Party(ISSUER, "kakehashi", "site", "RS256", pem(keys["site_RS256"]))


def address(party: Party, now=NOW) -> str:
    return oidc.address(
        party=party, asked=oidc.Asked(), scope="openid", acr_values="x", redirect_uri="https://us/", now=now
    )


def test_documents_are_kept_for_an_hour(published, party):
    for minutes in (0, 30, 59):
        assert address(party, NOW + timedelta(minutes=minutes)).startswith(f"{ISSUER}/auth?")
    assert published.fetched == ["/.well-known/openid-configuration"]
    address(party, NOW + timedelta(minutes=60))
    assert len(published.fetched) == 2


def test_a_new_key_is_found_and_invented_ones_do_not_make_us_ask_on_and_on(published, party, keys):
    def key(key_id: str, seconds: int) -> Any:
        return oidc._key(party, key_id, "RS256", NOW + timedelta(seconds=seconds))

    key("old", 0)
    published.documents[f"{ISSUER}/keys"]["keys"].append(jwk(keys["stranger_RS256"], "RS256", "new"))
    published.documents[f"{ISSUER}/keys"] = {"keys": [*published.documents[f"{ISSUER}/keys"]["keys"]]}
    assert key("new", 61)
    for _attempt in range(5):
        with pytest.raises(oidc.NotSound):
            key("invented", 62)
    assert published.fetched.count("/keys") == 2


def test_a_key_for_something_else_verifies_nothing(published, party, keys):
    good = jwk(keys["provider_RS256"], "RS256", "one")
    for wrong in ({"use": "enc"}, {"alg": "PS256"}, {"kty": "EC"}):
        published.documents[f"{ISSUER}/keys"] = {"keys": [good | wrong]}
        oidc._kept.clear()
        with pytest.raises(oidc.NotSound):
            oidc._key(party, "one", "RS256", NOW)
    published.documents[f"{ISSUER}/keys"] = {"keys": [good]}  # the control
    oidc._kept.clear()
    assert oidc._key(party, "one", "RS256", NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://another.example"},
        {"authorization_endpoint": "http://id.example/auth"},
        {"authorization_endpoint": None},
    ],
)
def test_a_document_that_speaks_for_another_or_leads_into_the_open(published, party, wrong):
    published.documents[CONFIGURATION] |= wrong
    with pytest.raises(oidc.NotSound):
        address(party)


@pytest.mark.parametrize("how", ["redirects", "floods", "babbles"])
def test_an_answer_that_is_none(liar, how, monkeypatch):
    """Redirects are not followed, more than 256 KiB is not read, what is no JSON object is no answer."""
    assert oidc._get(f"{liar.issuer}/keys")["keys"], "the control"
    if how == "redirects":
        path = "/elsewhere"
    elif how == "floods":
        monkeypatch.setattr(oidc, "LARGEST", 100)
        path = "/keys"
    else:
        path = "/babble"
    with pytest.raises(oidc.Unreachable):
        oidc._get(liar.issuer + path)
