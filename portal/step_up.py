"""Step-up: what moves money, or says where it goes, asks for the account's strongest factor, freshly proved.

Officers, pages and API ask the same question (``lacking``). Fresh is what was proved in this very session within
``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds, by signing in or by proving it again. A passkey is stronger than an
authenticator app, and that than a password; a recovery code is for getting in again and counts for nothing here.

A page that asks keeps the posted act, sealed, and performs that very act after the proof. A program is told where to
prove and sends its request again.
"""

import base64
import json
import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from types import SimpleNamespace
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import resolve, reverse
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from fund import envelope
from portal import access
from portal.accounts import User

SECOND_FACTORS = [Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP]  # the stronger one first
WEAKEST = "password"
PAGES = {
    Authenticator.Type.WEBAUTHN: "mfa_reauthenticate_webauthn",
    Authenticator.Type.TOTP: "mfa_reauthenticate",
    WEAKEST: "account_reauthenticate",
}
ENDPOINTS = {
    Authenticator.Type.WEBAUTHN: "headless:app:mfa:reauthenticate_webauthn",
    Authenticator.Type.TOTP: "headless:app:mfa:reauthenticate",
    WEAKEST: "headless:app:account:reauthenticate",
}
PLACE = {"table": "django_session", "column": "suspended_act"}
KEPT = 900  # seconds for which a suspended act waits for the proof


class Lack(StrEnum):
    """What is missing before an act may be performed; the values are the API's codes."""

    SECOND_FACTOR = "second_factor_required"
    PROOF = "step_up_required"


def factors(user: User) -> dict[str, set[int]]:
    """The account's second factors by their kind, the strongest first; empty when it has none."""
    found: dict[str, set[int]] = {}
    rows = Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).values_list("type", "pk")
    for kind, number in sorted(rows, key=lambda row: SECOND_FACTORS.index(row[0])):
        found.setdefault(kind, set()).add(number)
    return found


def is_required_of(user: User) -> bool:
    """Whether this account has to have a second factor."""
    officer = hasattr(user, "officer")
    return bool(settings.OFFICER_MFA_REQUIRED if officer else settings.CITIZEN_MFA_REQUIRED)


def strongest(user: User) -> str:
    """The kind of the strongest factor; the password where there is no other."""
    return next(iter(factors(user)), WEAKEST)


def lacking(*, user: User, session: SessionBase, now: float | None = None) -> Lack | None:
    """What this session lacks for an act that asks for a fresh proof; None when nothing. ``now``: seconds (Unix)."""
    if is_required_of(user) and not factors(user):
        return Lack.SECOND_FACTOR
    return None if is_proved(user=user, session=session, now=now) else Lack.PROOF


def is_proved(*, user: User, session: SessionBase, now: float | None = None) -> bool:
    """Whether the account's strongest factor was proved in this session a moment ago."""
    held = factors(user)
    kind = next(iter(held), WEAKEST)
    records = get_authentication_records(SimpleNamespace(session=session), user)
    proved_at = max((record["at"] for record in records if _is(record, kind, held)), default=0.0)
    return (now or time.time()) - proved_at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _is(record: dict[str, Any], kind: str, held: dict[str, set[int]]) -> bool:
    """Whether a record of allauth is a proof of this kind, by a factor that the account still has."""
    if kind == WEAKEST:
        return record.get("method") == WEAKEST
    return record.get("method") == "mfa" and record.get("type") == kind and record.get("id") in held[kind]


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def required[V: Callable[..., HttpResponseBase]](view: V) -> V:
    """Decorates a page's view: what it does when posted is done after a fresh proof only.

    Its form is shown to whoever may enter; an account without a second factor is led to set one up before anything
    is typed.
    """

    @wraps(view)
    def asks_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return ask(request) or view(request, *args, **kwargs)

    return asks_first  # type: ignore[return-value]


def ask(request: HttpRequest) -> HttpResponse | None:
    """The answer that asks for what is lacking, None to go on. A posted act is kept and performed after the proof."""
    assert isinstance(request.user, User)
    posted = request.method not in ("GET", "HEAD", "OPTIONS")
    match lacking(user=request.user, session=request.session):
        case Lack.SECOND_FACTOR:
            return to_set_up(request)
        case Lack.PROOF if posted:
            _keep(request)
            return to_proof(request)
    return None


def second_factor_first(request: HttpRequest) -> HttpResponse | None:
    """The answer that leads an account without a second factor to set one up; None to go on."""
    assert isinstance(request.user, User)
    return to_set_up(request) if is_required_of(request.user) and not factors(request.user) else None


def to_set_up(request: HttpRequest) -> HttpResponse:
    """To the page on which a second factor is set up."""
    messages.warning(request, _("Please set up a passkey or an authenticator app first."))
    return redirect("mfa_index")


def to_proof(request: HttpRequest) -> HttpResponse:
    """To the page that asks for the strongest factor, and from there back here."""
    assert isinstance(request.user, User)
    where = reverse(PAGES[strongest(request.user)])
    return HttpResponseRedirect(f"{where}?{urlencode({'next': request.get_full_path()})}")


def _keep(request: HttpRequest) -> None:
    """What was posted may be personal and sessions lie in the database: it is sealed for this session."""
    act = {"address": request.get_full_path(), "posted": request.POST.urlencode(), "at": time.time()}
    sealed = envelope.seal(json.dumps(act).encode(), **PLACE, row=request.session.session_key)
    request.session[STATE_SESSION_KEY] = {
        "callback": f"{__name__}.perform",
        "state": {"address": act["address"], "sealed": base64.b64encode(sealed).decode()},
    }


def awaits_proof(request: HttpRequest) -> bool:
    """Whether the page that asks for a proof asks for a suspended act, which only the strongest factor lets go on."""
    state = request.session.get(STATE_SESSION_KEY) or {}
    wanted = get_next_redirect_url(request)
    return wanted is not None and wanted == state.get("state", {}).get("address")


def perform(request: HttpRequest, state: dict[str, str]) -> HttpResponseBase:
    """Called by allauth after a proof: performs the suspended act if it is what the proof was asked for.

    Otherwise, or when the act has waited for too long, the reader is where they wanted to go and nothing is done.
    """
    wanted = get_next_redirect_url(request)
    try:
        act = json.loads(envelope.unseal(base64.b64decode(state["sealed"]), **PLACE, row=request.session.session_key))
    except envelope.Unreadable:
        act = {"address": None, "at": 0}
    if wanted != act["address"] or time.time() - act["at"] > KEPT:
        return redirect(wanted or resolve_url(settings.LOGIN_REDIRECT_URL))
    return _replay(request, act)


def _replay(request: HttpRequest, act: dict[str, str]) -> HttpResponseBase:
    """The act's request through its own gate and view. The form token was checked when it was posted, and again now."""
    path, _question, query = act["address"].partition("?")
    match = resolve(path)
    request.path = request.path_info = request.META["PATH_INFO"] = path
    request.META["QUERY_STRING"] = query
    request.GET, request.POST = QueryDict(query), QueryDict(act["posted"])
    request._files = MultiValueDict()  # type: ignore[attr-defined]
    request.method, request.resolver_match = "POST", match
    translation.activate(translation.get_language_from_path(path) or translation.get_language())
    rule = access.rule_of(match.func, match.view_name)
    refused = access.admit(rule, request) if rule else HttpResponse(status=403)
    return refused or match.func(request, *match.args, **match.kwargs)


# ── programs ──────────────────────────────────────────────────────────────────────────────────────────────────────
def endpoint(user: User) -> str:
    """Where a program proves the account's strongest factor."""
    return reverse(ENDPOINTS[strongest(user)])
