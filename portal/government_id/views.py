"""The pages: which identities are connected, the step before the provider, and the answer that comes back."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.socialaccount.internal import statekit
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from fund.refusal import Refusal
from portal import step_up
from portal.access import applicant, public
from portal.accounts import User
from portal.government_id import connections, oidc
from portal.government_id.doors import PHISHING_RESISTANT
from portal.government_id.party import Party
from portal.government_id.provider import GovernmentId, offered

log = structlog.get_logger(__name__)


class NotBegunHere(Refusal):
    """The answer belongs to no question of this session: used before, too old, or somebody else's."""

    code = "not_begun_here"


class Cancelled(Refusal):
    """The person turned back at the provider, or the provider stopped."""

    code = "cancelled"


class ProveFirst(Refusal):
    """To connect an identity, one has to be signed in and to have proved it within the last minutes."""

    code = "prove_first"


STATUS = {oidc.Unreachable.code: 503, NotBegunHere.code: 400, Cancelled.code: 400}
WORDS: dict[str, tuple[Any, Any]] = {
    oidc.Unreachable.code: (
        gettext_lazy("%(provider)s does not answer at the moment"),
        gettext_lazy("Please try again later, or sign in another way."),
    ),
    oidc.NotAccepted.code: (
        gettext_lazy("%(provider)s did not complete this sign-in"),
        gettext_lazy("Please start again from the beginning."),
    ),
    oidc.NotSound.code: (
        gettext_lazy("The answer of %(provider)s could not be verified"),
        gettext_lazy("For your safety nothing was done. Please start again; if it happens again, write to us."),
    ),
    oidc.TooWeak.code: (
        gettext_lazy("%(provider)s identified you less strictly than we ask"),
        gettext_lazy("We need a verified identity. Finish its verification there, then start again here."),
    ),
    NotBegunHere.code: (
        gettext_lazy("This sign-in was used already, or it took too long"),
        gettext_lazy("Please start again from the beginning, in one window of your browser."),
    ),
    Cancelled.code: (
        gettext_lazy("You turned back at %(provider)s"),
        gettext_lazy("Nothing was changed."),
    ),
    ProveFirst.code: (
        gettext_lazy("Please prove again that it is you"),
        gettext_lazy("It took too long since you last did. Nothing was connected; please start again."),
    ),
    connections.NotConnected.code: (
        gettext_lazy("This identity is not connected to an account here"),
        gettext_lazy(
            "Sign in another way first, then connect %(provider)s on your security page. We never find an account by "
            "an e-mail address, and we never make one from an identity."
        ),
    ),
    connections.BelongsToAnother.code: (
        gettext_lazy("This identity cannot be connected"),
        gettext_lazy(
            "It belongs to another account here, or your account has another identity of %(provider)s already."
        ),
    ),
}


@applicant
@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The identities that can be connected, and which are."""
    connected = connections.connected(user=_user(request))
    return render(
        request,
        "government_id/index.html",
        {"identities": [{"provider": one, "connected": one.id in connected} for one in offered()]},
    )


@public
@never_cache
@require_safe
def begin(request: HttpRequest, code: str) -> HttpResponse:
    """Says where the person is going, with the link that goes there; to connect, for whoever is signed in."""
    provider, party = _provider(code)
    if refused := ratelimit.consume_or_429(request, action="login"):
        return refused
    if request.user.is_authenticated and not _is_fresh(request):
        return step_up.to_proof(request)
    asked = oidc.Asked()
    try:
        address = oidc.address(
            party=party,
            asked=asked,
            scope=provider.scope,
            acr_values=provider.acr_values,
            redirect_uri=_redirect_uri(request, provider),
            now=timezone.now(),
        )
    except Refusal as refusal:
        return _refused(request, provider, refusal)
    statekit.stash_state(
        request,
        provider_id=provider.id,
        state_id=asked.state,
        state={
            "user": request.user.pk,
            "nonce": asked.nonce,
            "verifier": asked.verifier,
            "language": translation.get_language(),
            "next": _next(request),
        },
    )
    return render(
        request,
        "government_id/begin.html",
        {"provider": provider, "address": address, "host": urlsplit(address).netloc},
    )


@public
@never_cache
@require_safe
def callback(request: HttpRequest, code: str) -> HttpResponse:
    """Where the provider sends the person back to: signs in, or connects. The address is the same in every language."""
    provider, party = _provider(code)
    if refused := ratelimit.consume_or_429(request, action="login"):
        return refused
    state = statekit.unstash_state(request, provider_id=provider.id, state_id=request.GET.get("state", "")) or {}
    if state.get("language"):
        translation.activate(state["language"])
        request.LANGUAGE_CODE = state["language"]
    try:
        identity = _identity(request, provider, party, state)
        if request.user.is_authenticated:
            return _connect(request, provider, identity, timezone.now())
        return _sign_in(request, provider, identity, state.get("next"))
    except Refusal as refusal:
        return _refused(request, provider, refusal)


@applicant
@require_POST
@step_up.required
def disconnect(request: HttpRequest, code: str) -> HttpResponse:
    """Takes the identity off the account, after a fresh proof."""
    connections.disconnect(user=_user(request), provider=code, now=timezone.now())
    messages.success(request, _("Removed. It no longer signs you in."))
    return redirect("government_ids")


def _identity(request: HttpRequest, provider: type[GovernmentId], party: Party, state: dict[str, Any]) -> oidc.Identity:
    if not state or state["user"] != request.user.pk:
        raise NotBegunHere(_("The answer belongs to no question of this session."))
    if request.GET.get("iss", party.issuer) != party.issuer:
        raise oidc.NotSound(_("The answer could not be verified."), check="issuer of the answer")
    if "error" in request.GET or not request.GET.get("code"):
        raise Cancelled(_("There was no sign-in at the provider."))
    return oidc.redeem(
        party=party,
        code=request.GET["code"],
        nonce=state["nonce"],
        verifier=state["verifier"],
        redirect_uri=_redirect_uri(request, provider),
        needed=provider.needed,
        now=timezone.now(),
    )


def _connect(
    request: HttpRequest, provider: type[GovernmentId], identity: oidc.Identity, now: datetime
) -> HttpResponse:
    if not _is_fresh(request):
        raise ProveFirst(_("The last proof is too old."))
    connections.connect(user=_user(request), provider=provider.id, identity=identity, now=now)
    messages.success(
        request, _("Connected. From now on you can sign in with %(provider)s.") % {"provider": provider.name}
    )
    return redirect("government_ids")


def _sign_in(
    request: HttpRequest, provider: type[GovernmentId], identity: oidc.Identity, address: str | None
) -> HttpResponse:
    """Through allauth's stages, which ask for the second factor unless the levels make up for it."""
    user = connections.find(provider=provider.id, identity=identity)
    strong = bool(identity.levels & provider.phishing_resistant)
    record_authentication(request, user, "government_id", provider=provider.id)
    return perform_login(request, Login(user=user, redirect_url=address, state={PHISHING_RESISTANT: strong}))


def _refused(request: HttpRequest, provider: type[GovernmentId], refusal: Refusal) -> HttpResponse:
    """The page that says what happened. The log learns which check failed, nothing of the person."""
    log.warning("government identity refused", provider=provider.id, reason=refusal.code, **refusal.facts)
    title, text = WORDS[refusal.code]
    named = {"provider": provider.name}
    return render(
        request,
        "government_id/refused.html",
        {"title": str(title) % named, "text": str(text) % named, "provider": provider},
        status=STATUS.get(refusal.code, 403),
    )


def _is_fresh(request: HttpRequest) -> bool:
    """Whether whoever is signed in has proved it within the last minutes."""
    return step_up.is_proved(user=_user(request), session=request.session)


def _provider(code: str) -> tuple[type[GovernmentId], Party]:
    for provider in offered():
        if provider.id == code and (party := provider.party()):
            return provider, party
    raise Http404


def _redirect_uri(request: HttpRequest, provider: type[GovernmentId]) -> str:
    return request.build_absolute_uri(reverse("government_id_callback", args=[provider.id]))


def _next(request: HttpRequest) -> str | None:
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else None


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
