"""A POST that moves money or state takes effect once for each Idempotency-Key (IETF draft; decision 2).

Keys are per account and operation and kept 30 days. The answer is kept in the transaction of the effect: both stand or
neither. Refusals and validation failures roll that transaction back and are not kept, so that a mended request may use
its key again. While a request with the same key is at work, a second one is told to wait; it never queues.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from fund import rows
from portal.api.kept import KeptAnswer, sealed

HEADER, KEY_IN_META = "Idempotency-Key", "HTTP_IDEMPOTENCY_KEY"
KEY = re.compile(r'"([!#-\[\]-~]{1,128})"|([!#-\[\]-~]{1,128})', re.ASCII)  # quoted as in the draft, or bare
KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 10_000
ASKED = json.JSONEncoder(sort_keys=True, default=str)
ANSWERED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
LONGEST_SILENCE = 30_000  # milliseconds between two statements, after which PostgreSQL takes the holder for dead


class KeyMissing(APIException):
    status_code = 400
    default_detail = _("Send an Idempotency-Key of 1 to 128 characters, so that sending twice has one effect.")
    default_code = "idempotency_key_missing"


class KeyReused(APIException):
    status_code = 422
    default_detail = _("This Idempotency-Key was used for another request.")
    default_code = "idempotency_key_reused"


class StillRunning(APIException):
    status_code = 409
    default_detail = _("The first request with this Idempotency-Key is still at work.")
    default_code = "still_running"
    headers = {"Retry-After": "1"}


@dataclass(frozen=True)
class Done:
    """What an operation answers once it is done: data for JSON, and where the thing that was made is found."""

    status: int
    data: Any
    location: str = ""


def once(request: Request, *, operation: str, act: Callable[[str], Done]) -> HttpResponse:
    """Do ``act`` once for the request's key, or answer as the first time.

    ``act`` gets a key for the domain's verb, unique to account, operation and Idempotency-Key.
    Raises KeyMissing, KeyReused, StillRunning, and whatever ``act`` raises.
    """
    user = request.user.pk
    assert user is not None, "only somebody signed in can act"
    key = key_of(request)
    digest = digest_of(request)
    with transaction.atomic():
        kept = alone(user, operation, key)
        if kept is not None:
            if bytes(kept.request_digest) != digest:
                raise KeyReused
            return answer(kept, kept.body, replayed=True)
        done = act(sha256(f"{operation} {key}".encode()).hexdigest())
        body = ANSWERED.encode(done.data)
        kept = rows.new(
            KeptAnswer,
            user_id=user,
            operation=operation,
            key=key,
            request_digest=digest,
            status=done.status,
            location=done.location,
            sealed=sealed(body=body, key=key),
        )
        keep(kept)
        return answer(kept, body)


def key_of(request: Request) -> str:
    """The request's key. Raises KeyMissing."""
    found = KEY.fullmatch(request.META.get(KEY_IN_META, ""))
    if found is None:
        raise KeyMissing
    return found[1] or found[2]


def digest_of(request: Request) -> bytes:
    """SHA-256 of what is asked: the address and the body, whatever its spacing and the order of its keys."""
    return sha256(ASKED.encode([request.path, request.data]).encode()).digest()


def alone(user: int, operation: str, key: str) -> KeptAnswer | None:
    """Take the lock of one key until the transaction ends, and read the answer that is kept for it.

    A holder that was killed loses the lock with its connection; one that is stopped, or whose machine is gone, after
    ``LONGEST_SILENCE``. Its effect goes with it. Raises StillRunning when somebody else holds the lock.
    """
    ((_silence, locked, *kept),) = rows.ask(
        f"""
        SELECT set_config('idle_in_transaction_session_timeout', %s, true),
               pg_try_advisory_xact_lock(%s), {rows.columns(KeptAnswer, "k")}
          FROM (VALUES (1)) one LEFT JOIN portal_keptanswer k ON k.user_id = %s AND k.operation = %s AND k.key = %s
        """,
        [str(LONGEST_SILENCE), lock_number(f"{user} {operation} {key}"), user, operation, key],
    )
    if not locked:
        raise StillRunning
    return None if kept[0] is None else rows.read(KeptAnswer, kept)


def keep(kept: KeptAnswer) -> None:
    """Raises StillRunning when another request with this key ended between our look and our lock: effects roll back."""
    if not rows.insert(kept, unless=""):
        raise StillRunning


def lock_number(name: str) -> int:
    """The number of a key's advisory lock."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def answer(kept: KeptAnswer, body: str | bytes, *, replayed: bool = False) -> HttpResponse:
    """A kept answer as it was given the first time."""
    headers = {"Location": kept.location} if kept.location else {}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return HttpResponse(body, status=kept.status, content_type="application/json", headers=headers)


def forget(*, now: datetime) -> int:
    """Delete answers older than 30 days, a bounded number at a time; returns how many."""
    old = KeptAnswer.objects.filter(created_at__lt=now - KEPT).values("pk")[:FORGOTTEN_AT_ONCE]
    deleted, _rows = KeptAnswer.objects.filter(pk__in=old).delete()
    return deleted
