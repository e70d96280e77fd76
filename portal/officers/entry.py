"""Who stands at the officers' door: the officer behind a request, the second factor, and how fresh the sign-in is."""

import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from fund.governance import officers
from fund.governance.officers import Duty, Officer

SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def officer_of(request: HttpRequest) -> Officer | None:
    """The officer in office behind the request; None for everybody else, superusers too. Looked up once a request."""
    if not hasattr(request, "_officer"):
        user_id = request.user.pk if request.user.is_active else None
        try:
            found = officers.on_duty(user_id=user_id, duty=None, now=timezone.now())
        except officers.NotOnDuty:
            found = None
        request._officer = found  # type: ignore[attr-defined]
    return request._officer  # type: ignore[attr-defined]


def on_duty(request: HttpRequest, duties: frozenset[Duty]) -> Officer:
    """The officer, with at least one of the duties (none named: any officer). Raises PermissionDenied."""
    officer = officer_of(request)
    if officer is None or (duties and not any(officer.has(duty) for duty in duties)):
        raise PermissionDenied
    return officer


def second_factor_first(request: HttpRequest) -> HttpResponse | None:
    """Where an officer is sent who has no second factor yet, or has not used it in this session; None to go in."""
    if not settings.OFFICER_MFA_REQUIRED:
        return None
    if not is_mfa_enabled(request.user, SECOND_FACTORS):
        return redirect("mfa_index")
    if not any(_is_second_factor(record) for record in get_authentication_records(request, request.user)):
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")
    return None


def _is_second_factor(record: dict[str, Any]) -> bool:
    return record.get("method") == "mfa"


def ask_again_when_stale(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired unless the officer proved identity in the last five minutes.

    allauth keeps the posted act, asks, and then performs that very act.
    """
    last = max(
        (record["at"] for record in get_authentication_records(request, request.user)),
        default=0.0,
    )
    if time.time() - last >= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        raise ReauthenticationRequired
