"""Who asks: the session token of the mobile sign-in, and what it opens."""

import re

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from portal import step_up
from portal.accounts import User
from portal.step_up import Lack

SESSION_TOKEN = re.compile(r"[0-9a-z]{16,64}")


class SessionToken(XSessionTokenAuthentication):
    """The session token of allauth's headless *app* client. Cookies are never looked at, so nothing can be forged."""

    def get_session_token(self, request: HttpRequest) -> str | None:
        token = request.headers.get("X-Session-Token", "")
        return token if SESSION_TOKEN.fullmatch(token) else None

    def authenticate_header(self, request: HttpRequest) -> str:
        return 'X-Session-Token realm="Kakehashi"'


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
