"""Who may enter: every view declares it, and a view that declares nothing is closed to everybody.

Our views say it with a decorator (or a class attribute ``access``); the views of libraries are named in ``LIBRARIES``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import urlencode
from redis import RedisError

from fund.governance import officers
from portal.database import asker

log = structlog.get_logger(__name__)

type View = Callable[..., Any]
type Rule = Callable[[HttpRequest], HttpResponse | None]


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{resolve_url('account_login')}?{query}")


def anybody(request: HttpRequest) -> HttpResponse | None:
    """Everybody may enter, or the view has its own gate (the API answers 401 in its own words)."""
    return None


def signed_in(request: HttpRequest) -> HttpResponse | None:
    """Somebody who has signed in; allauth lets nobody in whose e-mail address is not confirmed."""
    return None if request.user.is_authenticated else _to_sign_in(request)


def approved_citizen(request: HttpRequest) -> HttpResponse | None:
    """A citizen whose application was approved; an applicant is shown where the application stands."""
    if answer := signed_in(request):
        return answer
    investor = getattr(request.user, "investor", None)
    return None if investor is not None and investor.holder_id is not None else redirect("join")


def officer_in_office(request: HttpRequest) -> HttpResponse | None:
    """An officer of either nation; which duty an act needs is asked where the act is."""
    if answer := signed_in(request):
        return answer
    try:
        officers.on_duty(user_id=request.user.pk, duty=None, now=timezone.now())
    except officers.NotOnDuty as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    return None


def nobody(request: HttpRequest) -> HttpResponse | None:
    """What a library serves and the fund does not offer."""
    raise Http404


def public[V: View](view: V) -> V:
    """Open to everybody."""
    view.access = anybody  # type: ignore[attr-defined]
    return view


def applicant[V: View](view: V) -> V:
    """For somebody who has signed in."""
    view.access = signed_in  # type: ignore[attr-defined]
    return view


def citizen[V: View](view: V) -> V:
    """For a citizen whose application was approved."""
    view.access = approved_citizen  # type: ignore[attr-defined]
    return view


def officer[V: View](view: V) -> V:
    """For an officer in office."""
    view.access = officer_in_office  # type: ignore[attr-defined]
    return view


# Views of libraries, by the namespace or the beginning of the name of their URL. allauth and DRF's schema views keep
# their own gates; the admin site asks officer_in_office itself as well, because it sends the anonymous to sign in.
LIBRARIES: dict[str, Rule] = {
    "admin:": anybody,
    "headless:app:account:manage_phone": nobody,  # no account has a telephone number
    "headless:app:account:verify_phone": nobody,
    "headless:app:account:resend_phone_verification_code": nobody,
    "headless:": anybody,
    "account_": anybody,
    "mfa_": anybody,  # half of it belongs to signing in
    "usersessions_": signed_in,
    "socialaccount_": anybody,
    "set_language": anybody,
    "javascript-catalog": anybody,
}

COUNTED = ("account_", "mfa_", "headless:", "usersessions_")


OWN = (signed_in, approved_citizen)  # what these open is one account's own


def rule_of(view: View, url_name: str) -> Rule | None:
    """The declared rule of a view, None when nothing was declared."""
    for holder in (view, getattr(view, "view_class", None), getattr(view, "cls", None)):
        if rule := getattr(holder, "access", None):
            return rule
    return next((rule for beginning, rule in LIBRARIES.items() if url_name.startswith(beginning)), None)


def admit(rule: Rule, request: HttpRequest) -> HttpResponse | None:
    """Ask a rule. Behind one of ``OWN`` the database shows this account's rows alone, to the end of the request."""
    asker.ask_for(None)
    answer = rule(request)
    if answer is None and rule in OWN:
        on_behalf_of(request.user)
    return answer


@contextmanager
def as_the_house() -> Iterator[None]:
    """Inside the block the database is asked for everybody: for a fact about an account that others' rows tell."""
    with asker.for_a_while():
        asker.ask_for(None)
        yield


def on_behalf_of(account: Any) -> None:
    """From now on the database is asked for this account. Its investor is read first: the walls are built on that."""
    asker.ask_for(account)
    getattr(account, "investor", None)


class AccessMiddleware:
    """Asks the view's rule before the view; without a rule nobody enters."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with asker.for_a_while():
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        rule = rule_of(view, match.view_name if match and match.view_name else "")
        if rule is None:
            raise PermissionDenied("This page does not say who may enter.")
        return admit(rule, request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Attempts to sign in are counted in the cache. While they cannot be counted, nobody signs in."""
        match = request.resolver_match
        if not isinstance(error, RedisError) or match is None or not match.view_name.startswith(COUNTED):
            return None
        log.error("signing in is closed: the cache does not answer", error=type(error).__qualname__)
        answer = render(request, "503.html", status=503)
        answer["Retry-After"] = "60"
        return answer
