"""Who asks: the session token of the mobile sign-in, and what it opens."""

import re

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

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
