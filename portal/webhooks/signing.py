"""The fund's signature on what it sends: HTTP Message Signatures (RFC 9421) by Ed25519, the body by Content-Digest
(RFC 9530). Receivers share no secret with us: they read our public keys.

``WEBHOOK_KEYS`` are private keys, the first of which signs; the public half of all of them is published. A new key is
put last, published for a day so that every receiver knows it, then moved to the front; the old one goes a day later.
"""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

LABEL = "fund"
TAG = "kakehashi-webhook"
COVERED = ("@method", "@target-uri", "content-type", "content-digest")
GOOD_FOR = timedelta(minutes=5)


def is_configured() -> bool:
    """Whether the site has a key to sign with; without one no webhook is offered."""
    return bool(settings.WEBHOOK_KEYS)


def published() -> list[dict[str, str]]:
    """The public keys as JSON Web Keys (RFC 8037); ``kid`` is the key's thumbprint (RFC 7638)."""
    return [_jwk(key) | {"kid": kid, "alg": "EdDSA", "use": "sig"} for kid, key in keys().items()]


def signed(*, url: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a POST of a JSON body, with its digest and the signature, which is good for ``GOOD_FOR``."""
    message = SimpleNamespace(method="POST", url=url, headers={"Content-Type": "application/json"})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys())
    signer.sign(
        message,
        key_id=next(iter(keys())),
        label=LABEL,
        tag=TAG,
        created=now,
        expires=now + GOOD_FOR,
        covered_component_ids=COVERED,
        body=body,
    )
    return dict(message.headers)


class _Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return keys()[key_id]

    def resolve_public_key(self, key_id: str) -> Any:
        return keys()[key_id].public_key()


def keys() -> dict[str, Ed25519PrivateKey]:
    """The configured keys by their thumbprint, in order. Raises ImproperlyConfigured."""
    return _keys(tuple(settings.WEBHOOK_KEYS))


@cache
def _keys(configured: tuple[str, ...]) -> dict[str, Ed25519PrivateKey]:
    found = {}
    for written in configured:
        try:
            key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(written, validate=True))
        except ValueError:
            raise ImproperlyConfigured("Each of WEBHOOK_KEYS is 32 bytes in base64") from None
        found[_thumbprint(key)] = key
    return found


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_key().public_bytes_raw())}


def _thumbprint(key: Ed25519PrivateKey) -> str:
    canonical = json.dumps(_jwk(key), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
