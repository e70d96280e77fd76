"""Who stands at the officers' door: the officer behind a request, the second factor, and how long it stays open."""

import time

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from fund.governance import officers
from fund.governance.officers import Duty, Officer
from portal import step_up
from portal.accounts import User

SEEN = "officer_seen"  # in the session: when the desk was used last, in seconds (Unix)
NOTED = 60  # seconds after which it is written again


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
    assert isinstance(request.user, User)
    if not settings.OFFICER_MFA_REQUIRED:
        return None
    if not step_up.factors(request.user):
        return redirect("mfa_index")
    if not any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user)):
        return step_up.to_proof(request)
    return None


def session_over(request: HttpRequest) -> HttpResponse | None:
    """Signs an officer out whose desk was left alone for too long or who signed in too long ago; None to go in.

    A citizen's session ends by its age alone. What an officer leaves open is other people's.
    """
    now = time.time()
    began = min((one["at"] for one in get_authentication_records(request, request.user)), default=now)
    seen = request.session.get(SEEN, began)
    if now - began > settings.OFFICER_SESSION_AGE or now - seen > settings.OFFICER_SESSION_IDLE:
        logout(request)
        messages.info(request, _("Please sign in again: the desk was open for too long."))
        return redirect_to_login(request.get_full_path())
    if SEEN not in request.session or now - seen > NOTED:
        request.session[SEEN] = now
    return None
