"""Who asks: the session token of the mobile sign-in, and what it opens."""

import re
from functools import cache
from typing import Any

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from allauth.headless.internal.sessionkit import authenticate_by_x_session_token
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from fund import rows
from investors.people import Investor
from portal import step_up
from portal.accounts import User
from portal.step_up import Lack

SESSION = """
    SELECT s.session_data, EXISTS (SELECT FROM fund_officer o WHERE o.user_id = u.id), {user}, {investor}
      FROM django_session s
      JOIN usersessions_usersession d USING (session_key)
      JOIN portal_user u ON u.id = d.user_id AND u.is_active
      LEFT JOIN investors_investor i ON i.user_id = u.id
     WHERE s.session_key = %s AND s.expire_date > %s
"""
SESSION_TOKEN = re.compile(r"[0-9a-z]{16,64}")


class SessionToken(XSessionTokenAuthentication):
    """The session token of allauth's headless *app* client. Cookies are never looked at, so nothing can be forged."""

    def authenticate(self, request: HttpRequest) -> tuple[Any, Any] | None:
        token = self.get_session_token(request)
        if token is None:
            return None
        return signed_in(token) or authenticate_by_x_session_token(token)

    def get_session_token(self, request: HttpRequest) -> str | None:
        token = request.META.get("HTTP_X_SESSION_TOKEN", "")
        return token if SESSION_TOKEN.fullmatch(token) else None

    def authenticate_header(self, request: HttpRequest) -> str:
        return 'X-Session-Token realm="Kakehashi"'


def signed_in(token: str) -> tuple[User, SessionBase] | None:
    """The account of a session that is in order in every way, with its investor, by one statement.

    What allauth and Django ask is asked here as well: the session stands and has not run out, the account is open, and
    its password is the one of then. Whose it is the signed session says; the list of a person's sessions (allauth's)
    only brings the account along. None leaves everything else to them (a key of ``SECRET_KEY_FALLBACKS``, say).
    """
    found = rows.ask(_session(), [token, timezone.now()])
    if not found:
        return None
    data, is_officer, *columns = found[0]
    session = SessionStore(token)
    told = session.decode(data)
    user = rows.read(User, columns[: rows.width(User)])
    if told.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS or told.get(SESSION_KEY) != str(user.id):
        return None
    if not constant_time_compare(told.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    known = columns[rows.width(User) :]
    investor = rows.read(Investor, known) if known[0] is not None else None
    rows.join(user, investor=investor)
    if investor is not None:
        rows.join(investor, user=user)
    if not is_officer:
        rows.join(user, officer=None)
    session._session_cache = told  # type: ignore[attr-defined]  # read already; the next use would read it again
    return user, session


@cache
def _session() -> str:
    return SESSION.format(user=rows.columns(User, "u"), investor=rows.columns(Investor, "i"))


class IsApplicant(BasePermission):
    """Somebody who has signed in to invest. An officer's account cannot."""

    message = _("An officer's account cannot invest.")
    code = "not_an_applicant"

    def has_permission(self, request: Request, view: object) -> bool:
        if not request.user.is_authenticated:
            return False
        return not hasattr(request.user, "officer")


class IsCitizen(BasePermission):
    """A citizen whose application was approved."""

    message = _("This is open to citizens whose application was approved.")
    code = "not_a_citizen"

    def has_permission(self, request: Request, view: object) -> bool:
        investor = getattr(request.user, "investor", None)
        return investor is not None and investor.holder_id is not None


class HasSecondFactor(BasePermission):
    """Somebody with a passkey or an authenticator app, for what is not merely looked at."""

    message: str | Promise = _(
        "Set up a passkey or an authenticator app first, under /api/auth/app/v1/account/authenticators."
    )
    code = Lack.SECOND_FACTOR.value

    def has_permission(self, request: Request, view: object) -> bool:
        if request.method in SAFE_METHODS:
            return True
        assert isinstance(request.user, User)
        return bool(step_up.factors(request.user)) or not step_up.is_required_of(request.user)


class SteppedUp(HasSecondFactor):
    """Somebody whose strongest factor was proved in this session within five minutes, for the same.

    Without the proof: 403 with the code ``step_up_required``, and where to prove. The same request is then sent again.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        if not super().has_permission(request, view):
            return False
        if request.method in SAFE_METHODS:
            return True
        assert isinstance(request.user, User) and isinstance(request.auth, SessionBase)
        if step_up.lacking(user=request.user, session=request.auth) is None:
            return True
        self.code = Lack.PROOF.value
        self.message = gettext("Prove again that it is you at %(endpoint)s, then send this again.") % {
            "endpoint": step_up.endpoint(request.user)
        }
        return False
