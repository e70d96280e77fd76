"""The protocol (OpenID Connect Core, RFC 7636, 7523, 9207): what is asked, and what must be true of the answer.

Everything a provider says is checked here and nowhere else. Its document and keys are kept in the process, not in the
shared cache: who could write there could choose the keys.
"""

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from django.utils.translation import gettext_lazy as _

from fund.refusal import Refusal
from portal.government_id.party import Party

ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}  # and the kind of key that each of them takes
KEPT = timedelta(hours=1)
ASK_AGAIN = timedelta(
    minutes=1
)  # for a key that is not known yet: a provider changes its keys, a stranger invents some
TIMEOUT = (3, 5)  # seconds to connect, seconds of silence
LARGEST = 256 * 1024  # bytes of an answer
SKEW = timedelta(seconds=60)  # between the two clocks
OLDEST = timedelta(minutes=10)  # an ID token is redeemed at once
SUBJECT = 191  # characters that allauth keeps of a subject
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Unreachable(Refusal):
    """The provider gives no answer that can be read."""

    code = "unreachable"


class NotAccepted(Refusal):
    """The provider does not take the code, the verifier or the site's own proof."""

    code = "not_accepted"


class NotSound(Refusal):
    """The answer is not what the provider would have said to this very question; ``facts["check"]`` names why."""

    code = "not_sound"


class TooWeak(Refusal):
    """The person was identified with less than was asked for."""

    code = "too_weak"


@dataclass(frozen=True)
class Asked:
    """What makes the answer to one question recognisable; kept in the session until the answer comes."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return _base64url(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True)
class Identity:
    """Whom the provider has identified (its number for the person at this site), and how well: levels of its acr."""

    subject: str
    levels: frozenset[str]


# ── the question ──


def address(*, party: Party, asked: Asked, scope: str, acr_values: str, redirect_uri: str, now: datetime) -> str:
    """The provider's page at which the person goes on. Raises Unreachable."""
    query = {
        "response_type": "code",
        "client_id": party.client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "acr_values": acr_values,
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
    }
    return f"{_endpoint(party, 'authorization_endpoint', now)}?{urlencode(query)}"


# ── the answer ──


def redeem(
    *,
    party: Party,
    code: str,
    nonce: str,
    verifier: str,
    redirect_uri: str,
    needed: frozenset[str],
    now: datetime,
) -> Identity:
    """Exchange the code for the ID token and verify it. ``needed``: levels of which the acr must hold one.

    Raises Unreachable, NotAccepted, NotSound, TooWeak.
    """
    endpoint = _endpoint(party, "token_endpoint", now)
    answer = _post(
        endpoint,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": party.client_id,
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion(party=party, audience=endpoint, now=now),
        },
    )
    return verified(
        id_token=str(answer.get("id_token", "")),
        access_token=str(answer.get("access_token", "")),
        party=party,
        nonce=nonce,
        needed=needed,
        now=now,
    )


def assertion(*, party: Party, audience: str, now: datetime) -> str:
    """The site's proof of itself, good for one request within five minutes (private_key_jwt, RFC 7523)."""
    claims = {
        "iss": party.client_id,
        "sub": party.client_id,
        "aud": audience,
        "jti": uuid.uuid4().hex,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
    }
    return jwt.encode(claims, party.private_key, algorithm=party.algorithm, headers={"kid": party.key_id})


@dataclass(frozen=True)
class Expected:
    """What an ID token is held against."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    needed: frozenset[str]
    now: datetime


def verified(
    *, id_token: str, access_token: str, party: Party, nonce: str, needed: frozenset[str], now: datetime
) -> Identity:
    """The identity in an ID token: its signature first, then every one of ``CHECKS``. Raises NotSound or TooWeak."""
    claims = signed_claims(id_token, party=party, now=now)
    expected = Expected(party.issuer, party.client_id, nonce, access_token, needed, now)
    for name, holds in CHECKS.items():
        if not holds(claims, expected):
            if name == "level":
                raise TooWeak(_("The level of identification is lower than was asked for."))
            raise _not_sound(name)
    return Identity(str(claims["sub"]), levels(claims))


def signed_claims(id_token: str, *, party: Party, now: datetime) -> Mapping[str, Any]:
    """What the provider has signed with one of its published keys, by RS256 or ES256 and nothing else."""
    try:
        header = jwt.get_unverified_header(id_token)
    except jwt.PyJWTError:
        raise _not_sound("form") from None
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise _not_sound("algorithm")
    key = _key(party, str(header.get("kid", "")), algorithm, now)
    try:
        claims = json.loads(jwt.PyJWS().decode(id_token, key, algorithms=[algorithm]))
    except (jwt.PyJWTError, ValueError):
        raise _not_sound("signature") from None
    if not isinstance(claims, dict):
        raise _not_sound("form")
    return claims


def levels(claims: Mapping[str, Any]) -> frozenset[str]:
    """The values of the acr; providers put several into it with spaces between."""
    acr = claims.get("acr")
    return frozenset(acr.split()) if isinstance(acr, str) else frozenset()


def _for_us(claims: Mapping[str, Any], expected: Expected) -> bool:
    audience = claims.get("aud")
    if isinstance(audience, list):  # said to several: then it must say that it was given to us
        return expected.client_id in audience and (
            len(audience) == 1 or claims.get("azp") == expected.client_id
        )  # fmt: skip
    return audience == expected.client_id and claims.get("azp", audience) == audience


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _still_good(claims: Mapping[str, Any], expected: Expected) -> bool:
    expires = _number(claims, "exp")
    return expires is not None and (expected.now - SKEW).timestamp() < expires


def _just_issued(claims: Mapping[str, Any], expected: Expected) -> bool:
    issued = _number(claims, "iat")
    earliest, latest = (expected.now - OLDEST).timestamp(), (expected.now + SKEW).timestamp()
    return issued is not None and earliest <= issued <= latest


def _of_this_access_token(claims: Mapping[str, Any], expected: Expected) -> bool:
    given = claims.get("at_hash")
    half = _base64url(hashlib.sha256(expected.access_token.encode()).digest()[:16])  # RS256 and ES256 both mean SHA-256
    return given is None or (isinstance(given, str) and compare_digest(given.encode(), half.encode()))


def _answers_us(claims: Mapping[str, Any], expected: Expected) -> bool:
    given = claims.get("nonce")
    return isinstance(given, str) and compare_digest(given.encode(), expected.nonce.encode())


CHECKS: dict[str, Callable[[Mapping[str, Any], Expected], bool]] = {
    "issuer": lambda claims, expected: claims.get("iss") == expected.issuer,
    "audience": _for_us,
    "expiry": _still_good,
    "issued": _just_issued,
    "nonce": _answers_us,
    "access token": _of_this_access_token,
    "subject": lambda claims, _expected: isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= SUBJECT,
    "level": lambda claims, expected: bool(levels(claims) & expected.needed),
}


def _not_sound(check: str) -> NotSound:
    return NotSound(_("The answer could not be verified."), check=check)


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


# ── what a provider publishes ──

_kept: dict[str, tuple[datetime, dict[str, Any]]] = {}


def _published(url: str, *, now: datetime, not_older: timedelta = KEPT) -> dict[str, Any]:
    kept = _kept.get(url)
    if kept is not None and timedelta(0) <= now - kept[0] < not_older:
        return kept[1]
    document = _get(url)
    _kept[url] = (now, document)
    return document


def _endpoint(party: Party, name: str, now: datetime) -> str:
    """An address of the provider's discovery document, which must speak for the issuer that was configured."""
    document = _published(party.issuer.rstrip("/") + "/.well-known/openid-configuration", now=now)
    scheme = party.issuer.partition("://")[0]
    url = document.get(name)
    if document.get("issuer") != party.issuer:
        raise _not_sound("discovery")
    if not isinstance(url, str) or not url.startswith(f"{scheme}://"):
        raise _not_sound("discovery")
    return url


def _key(party: Party, key_id: str, algorithm: str, now: datetime) -> Any:
    url = _endpoint(party, "jwks_uri", now)
    found = _find(_published(url, now=now), key_id, algorithm)
    found = found or _find(_published(url, now=now, not_older=ASK_AGAIN), key_id, algorithm)
    if found is None:
        raise _not_sound("key")
    try:
        return jwt.PyJWK(found, algorithm=algorithm).key
    except jwt.PyJWTError:
        raise _not_sound("key") from None


def _find(document: dict[str, Any], key_id: str, algorithm: str) -> dict[str, Any] | None:
    """The key of that id, if it is one for signatures by that algorithm."""
    keys = document.get("keys")
    for key in keys if isinstance(keys, list) else []:
        if (
            isinstance(key, dict)
            and key.get("kid") == key_id
            and key.get("kty") == ALGORITHMS[algorithm]
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
        ):
            return key
    return None


# ── the wire ──


def _get(url: str) -> dict[str, Any]:
    status, answer = _exchange("GET", url, None)
    if status != requests.codes.ok:
        raise _unreachable()
    return answer


def _post(url: str, form: dict[str, str]) -> dict[str, Any]:
    status, answer = _exchange("POST", url, form)
    if 400 <= status < 500:
        raise NotAccepted(_("The provider did not accept the request."))
    if status != requests.codes.ok:
        raise _unreachable()
    return answer


def _exchange(method: str, url: str, form: dict[str, str] | None) -> tuple[int, dict[str, Any]]:
    """One request, without redirects and of bounded size; the answer must be a JSON object."""
    try:
        with requests.request(
            method, url, data=form, headers={"Accept": "application/json"}, timeout=TIMEOUT, allow_redirects=False,
            stream=True,
        ) as response:  # fmt: skip
            body = response.raw.read(LARGEST + 1, decode_content=True)
            status = response.status_code
        answer = json.loads(body) if len(body) <= LARGEST else None
    except (requests.RequestException, OSError, ValueError):
        raise _unreachable() from None
    if not isinstance(answer, dict):
        raise _unreachable()
    return status, answer


def _unreachable() -> Unreachable:
    return Unreachable(_("The provider does not answer at the moment."))
