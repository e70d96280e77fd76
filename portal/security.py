"""What happens to an account's security: its owner is told by mail and inbox, and it is written into the audit log.

allauth and our own pages call ``changed``; the texts stand in ``notices/security.changed.txt``, one for each change.
"""

from datetime import datetime
from enum import StrEnum, auto

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_used
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from fund.governance import audit, outbox

FAILURES = 3  # wrong codes within FAILURES_WITHIN until the owner is told
FAILURES_WITHIN = 900  # seconds


class Change(StrEnum):
    """The codes of the note ``security.changed`` and the verbs of the audit log."""

    PASSWORD_CHANGED = auto()
    PASSWORD_RESET = auto()
    PASSWORD_SET = auto()
    EMAIL_CHANGED = auto()
    EMAIL_REMOVED = auto()
    AUTHENTICATOR_APP_ADDED = auto()
    AUTHENTICATOR_APP_REMOVED = auto()
    PASSKEY_ADDED = auto()
    PASSKEY_REMOVED = auto()
    RECOVERY_CODES_MADE = auto()
    RECOVERY_CODE_USED = auto()
    NEW_DEVICE = auto()
    SECOND_FACTOR_FAILED = auto()
    SESSIONS_ENDED = auto()
    GOVERNMENT_ID_CONNECTED = auto()
    GOVERNMENT_ID_DISCONNECTED = auto()
    WEBHOOK_REGISTERED = auto()
    WEBHOOK_REMOVED = auto()
    WEBHOOK_DISABLED = auto()


@transaction.atomic
def changed(*, user_id: int, change: str, now: datetime, **detail: str) -> None:
    """Tell the owner and write it down, with a ``detail`` for the audit log alone. ``change``: a ``Change``."""
    who = f"user:{user_id}"
    audit.record(actor=who, verb=change, subject=who, now=now, **detail)
    outbox.leave(topic="security.changed", subject=who, now=now, user=user_id, change=change)


def listen() -> None:
    """Hear of the two events that allauth tells by signals only."""
    authenticator_used.connect(_used, dispatch_uid="recovery code used")
    authentication_failed.connect(_failed, dispatch_uid="second factor failed")


def _used(*, authenticator: Authenticator, **_rest: object) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        changed(user_id=authenticator.user_id, change=Change.RECOVERY_CODE_USED, now=timezone.now())


def _failed(*, authenticator: Authenticator, **_rest: object) -> None:
    """A wrong code is a slip; several in a row may be somebody who has the password."""
    key = f"second-factor-failed:{authenticator.user_id}"
    cache.add(key, 0, timeout=FAILURES_WITHIN)
    if cache.incr(key) == FAILURES:
        changed(user_id=authenticator.user_id, change=Change.SECOND_FACTOR_FAILED, now=timezone.now())
