"""Who stands at the officers' door: the officer behind a request, the second factor, and how fresh the sign-in is."""

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
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
    if not _proofs(request):
        return redirect(f"{_where_to_prove(request)}?{urlencode({'next': request.get_full_path()})}")
    return None


def prove_again(request: HttpRequest) -> HttpResponse | None:
    """Asks again when the last proof of identity is five minutes old; None when it is fresh.

    The posted act is kept meanwhile, and that very act is performed after the proof.
    """
    last = max((record["at"] for record in _proofs(request)), default=0.0)
    if time.time() - last < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        return None
    return suspend_request(request, _where_to_prove(request))


def _proofs(request: HttpRequest) -> list[dict[str, Any]]:
    """How this session's officer was proved: by the second factor, or, where none is asked for, by anything."""
    records: list[dict[str, Any]] = get_authentication_records(request, request.user)
    return [record for record in records if record.get("method") == "mfa" or not settings.OFFICER_MFA_REQUIRED]


def _where_to_prove(request: HttpRequest) -> str:
    """The page that asks for the second factor; for the password where there is none."""
    methods = get_adapter().get_reauthentication_methods(request.user)
    pages = {method["id"]: method["url"] for method in methods}
    second = [url for name, url in pages.items() if name.startswith("mfa")]
    return [*second, *pages.values()][0]
