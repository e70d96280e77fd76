"""Verifies what the fund sends to a webhook: HTTP Message Signatures (RFC 9421), Content-Digest (RFC 9530), Ed25519.

The standard library has no Ed25519, so this needs `cryptography`. Keep the keys of `GET /api/v1/webhook-keys` for an
hour and read them again when a `keyid` is not among them.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from kakehashi_types import EventForm, KeySetForm, PingForm

COVERED = '"@method" "@target-uri" "content-type" "content-digest"'
INPUT = re.compile(r'(?:^|,)\s*fund=(\(([^)]*)\)((?:;[a-z]+=(?:"[^"\\]*"|[0-9]+))*))\s*(?:,|$)')
PARAMETER = re.compile(r';([a-z]+)=(?:"([^"\\]*)"|([0-9]+))')
SIGNATURE = re.compile(r"(?:^|,)\s*fund=:([A-Za-z0-9+/=]+):\s*(?:,|$)")
DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):\s*(?:,|$)")
SKEW = 60  # seconds between the two clocks


class NotFromTheFund(Exception):
    """The request is not signed by the fund, not for this address, not of this moment, or was changed."""


def verify(
    *, url: str, headers: Mapping[str, str], body: bytes, keys: KeySetForm, now: float | None = None
) -> EventForm | PingForm:
    """What the fund tells. ``url``: the address as it was registered, whatever a proxy made of it; a POST.

    Raises NotFromTheFund. Afterwards drop an ``id`` that you have already, and answer a ping with
    ``{"challenge": …}`` only when its ``webhook`` is one that you have registered.
    """
    given = {name.lower(): value for name, value in headers.items()}
    signed, signature, digest = (
        pattern.search(given.get(name, ""))
        for pattern, name in ((INPUT, "signature-input"), (SIGNATURE, "signature"), (DIGEST, "content-digest"))
    )
    if not (signed and signature and digest) or signed[2] != COVERED:
        raise NotFromTheFund("it is not signed as the fund signs")
    told = {name: text or number for name, text, number in PARAMETER.findall(signed[3])}
    if (told.get("alg"), told.get("tag")) != ("ed25519", "kakehashi-webhook"):
        raise NotFromTheFund("it is signed for something else")
    at = time.time() if now is None else now
    if not int(told.get("created", 0)) - SKEW <= at <= int(told.get("expires", 0)) + SKEW:
        raise NotFromTheFund("it has expired, or comes from the future")
    if not hmac.compare_digest(base64.b64decode(digest[1]), hashlib.sha256(body).digest()):
        raise NotFromTheFund("the body was changed")
    base = (
        f'"@method": POST\n"@target-uri": {url}\n"content-type": {given.get("content-type", "")}\n'
        f'"content-digest": {given["content-digest"]}\n"@signature-params": {signed[1]}'
    )
    key = next((one["x"] for one in keys["keys"] if one["kid"] == told.get("keyid")), None)
    if key is None:
        raise NotFromTheFund("the key is not one of the fund's")
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{key}=="))
        public.verify(base64.b64decode(signature[1]), base.encode())
    except (InvalidSignature, ValueError):
        raise NotFromTheFund("the signature is wrong") from None
    return json.loads(body)
