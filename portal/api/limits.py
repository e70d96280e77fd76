"""How often a client may ask, counted before anything else is looked at.

Counted in the cache, in windows of a minute, by address and by session token. Without the cache the API stays open, so
that an order before the close is never lost to it; signing in is closed then, because passwords could be tried freely.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import structlog
from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from redis import RedisError

from portal.api.problems import PREFIX, problem
from portal.store import store

WINDOW = 60  # seconds
PLAIN_IPV4 = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})", re.ASCII)
SIGN_IN = f"{PREFIX}auth/"

# One round trip for all counts of a request; a count that begins is forgotten by itself.
COUNT = """
    local used = {}
    for place, key in ipairs(KEYS) do
        used[place] = redis.call('INCR', key)
        if used[place] == 1 then redis.call('EXPIRE', key, ARGV[1]) end
    end
    return used
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Policy:
    """``quota`` requests a minute of one kind of client. ``name`` is told in the headers."""

    name: str
    quota: int


CLIENT = Policy("client", 300)  # an address with one session token, or without
ADDRESS = Policy("address", 6000)  # all tokens behind one address: whole towns share one
SIGNING_IN = Policy("sign-in", 120)  # several requests make one sign-in; allauth counts the attempts


@dataclass(frozen=True)
class Standing:
    """What is left of a policy's quota, and the seconds until it is full again."""

    policy: Policy
    used: int
    reset: int

    @property
    def left(self) -> int:
        return max(0, self.policy.quota - self.used)


class Unreachable(Exception):
    """The cache does not answer."""


class LimitMiddleware:
    """Counts every request to the API and refuses those beyond the limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        try:
            standing = tightest(request)
        except Unreachable:
            return self._without_cache(request)
        answer = _too_many(request, standing) if standing.used > standing.policy.quota else self.get_response(request)
        answer["RateLimit-Policy"] = f'"{standing.policy.name}";q={standing.policy.quota};w={WINDOW}'
        answer["RateLimit"] = f'"{standing.policy.name}";r={standing.left};t={standing.reset}'
        return answer

    def _without_cache(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(SIGN_IN):
            return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            detail = gettext("Signing in is not possible at this moment. Please try again in a minute.")
            return problem(503, code="unavailable", detail=detail, headers={"Retry-After": str(WINDOW)})


def tightest(request: HttpRequest) -> Standing:
    """Count a request under every policy that concerns it; the one with the least left. Raises Unreachable."""
    address = address_of(request)
    token = request.META.get("HTTP_X_SESSION_TOKEN", "")
    concerned = [(CLIENT, f"{address} {token}"), (ADDRESS, address)]
    if request.path_info.startswith(SIGN_IN):
        concerned.append((SIGNING_IN, address))
    return min(count(concerned), key=lambda standing: standing.left)


def count(concerned: list[tuple[Policy, str]]) -> list[Standing]:
    """Count one request of somebody under each policy. Raises Unreachable."""
    window, passed = divmod(int(time.time()), WINDOW)
    keys = [f"limit:{name_of(policy, who)}:{window}" for policy, who in concerned]
    try:
        used = store().eval(COUNT, len(keys), *keys, 2 * WINDOW)
    except RedisError as error:
        log.warning("limits cannot be counted", error=type(error).__qualname__)
        raise Unreachable from error
    return [Standing(policy, times, WINDOW - passed) for (policy, _who), times in zip(concerned, used, strict=True)]


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as allauth tells it; a plain IPv4 address is seen at a glance."""
    proxies, told = settings.ALLAUTH_TRUSTED_PROXY_COUNT, request.META.get("REMOTE_ADDR", "")
    if proxies and (passed := request.META.get("HTTP_X_FORWARDED_FOR", "").split(","))[0]:
        told = passed[-proxies].strip() if len(passed) >= proxies else ""
    return told if PLAIN_IPV4.fullmatch(told) else get_client_ip(request) or "unknown"


def name_of(policy: Policy, who: str) -> str:
    """Somebody, who is stored as a keyed hash only."""
    return blake2b(f"{policy.name} {who}".encode(), key=_hash_key(settings.SECRET_KEY), digest_size=16).hexdigest()


@cache
def _hash_key(secret: str) -> bytes:
    return salted_hmac("portal.api.limits", "", secret=secret, algorithm="sha256").digest()


def _too_many(request: HttpRequest, standing: Standing) -> HttpResponseBase:
    with translation.override(translation.get_language_from_request(request)):
        detail = gettext("Too many requests. Please wait a little.")
        return problem(429, code="too_many_requests", detail=detail, headers={"Retry-After": str(standing.reset)})
