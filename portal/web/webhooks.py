"""The citizen's webhooks: which apps are told of what, whether it arrived, and sending it again (decision 20)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from fund.refusal import Refusal
from portal import step_up
from portal.access import citizen
from portal.web import who
from portal.webhooks import endpoints, wire
from portal.webhooks.events import KINDS
from portal.webhooks.models import PING, Webhook, WebhookDelivery

NEWEST = 20  # deliveries that the page shows of each
NAMES = {**{topic: kind.name for topic, kind in KINDS.items()}, PING: gettext_lazy("A ping")}
STATES = {
    "waiting": gettext_lazy("waiting"),
    "delivered": gettext_lazy("delivered"),
    "failed": gettext_lazy("given up"),
}
WRONG = {
    "status": gettext_lazy("The address answered %(status)s."),
    "challenge": gettext_lazy("The address did not answer with the challenge of the ping."),
    "timeout": gettext_lazy("The address did not answer in time."),
    "unreachable": gettext_lazy("The address could not be reached."),
    "unknown_host": gettext_lazy("The name of the address is unknown."),
    "not_public": gettext_lazy("The name of the address does not lead to the public internet."),
    "address_not_allowed": gettext_lazy("We do not send to this address."),
    "certificate": gettext_lazy("The certificate of the address is not valid."),
    "too_large": gettext_lazy("The answer was too large."),
    "not_http": gettext_lazy("The answer was not understood."),
    "fault": gettext_lazy("It could not be sent. We are looking into it."),
}
SINCE = {
    1: gettext_lazy("the last day"),
    7: gettext_lazy("the last week"),
    30: gettext_lazy("the last 30 days"),
}


class WebhookForm(forms.Form):
    """An address, and what it is to be told."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        help_text=gettext_lazy("It begins with https:// and should have a part that nobody can guess."),
        max_length=wire.LONGEST_ADDRESS,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What to tell"),
        choices=[(topic, kind.name) for topic, kind in KINDS.items()],
        widget=forms.CheckboxSelectMultiple,
    )


class ReplayForm(forms.Form):
    """One delivery, or all of so many days."""

    delivery = forms.UUIDField(required=False)
    days = forms.TypedChoiceField(choices=list(SINCE.items()), coerce=int, required=False, empty_value=None)


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
@step_up.required
def webhooks(request: HttpRequest) -> HttpResponse:
    """What is registered, how it stands, and the form for another."""
    form = WebhookForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid() and _register(request, form):
        messages.success(request, _("Registered. The address is sent a ping and is active once it has answered."))
        return redirect("webhooks")
    found = [_shown(one) for one in endpoints.of(who.user(request))]
    context = {"form": form, "webhooks": found, "since": SINCE}
    return render(request, "account/webhooks.html", context, status=422 if form.errors else 200)


@citizen
@require_POST
def ping(request: HttpRequest, webhook: UUID) -> HttpResponse:
    """Ask the address to answer now."""
    if answer := step_up.second_factor_first(request):
        return answer
    try:
        endpoints.ping(webhook=_own(request, webhook), now=timezone.now())
    except Refusal as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("A ping is on its way. Look at this page again in a moment."))
    return redirect("webhooks")


@citizen
@require_POST
def replay(request: HttpRequest, webhook: UUID) -> HttpResponse:
    """Send one delivery again, or all of some days."""
    if answer := step_up.second_factor_first(request):
        return answer
    own, form, now = _own(request, webhook), ReplayForm(request.POST), timezone.now()
    if not form.is_valid() or not any(form.cleaned_data.values()):
        raise Http404
    delivery, days = form.cleaned_data["delivery"], form.cleaned_data["days"]
    since = None if delivery else now - timedelta(days=days)
    count = endpoints.replay(webhook=own, delivery=delivery, since=since, now=now)
    told = ngettext("%(count)s delivery is sent again.", "%(count)s deliveries are sent again.", count)
    messages.success(request, told % {"count": count})
    return redirect("webhooks")


@citizen
@require_POST
def remove(request: HttpRequest, webhook: UUID) -> HttpResponse:
    """Tell this address nothing more."""
    if answer := step_up.second_factor_first(request):
        return answer
    endpoints.remove(webhook=_own(request, webhook), now=timezone.now())
    messages.success(request, _("Removed. Nothing is sent there any more."))
    return redirect("webhooks")


def _register(request: HttpRequest, form: WebhookForm) -> bool:
    given = form.cleaned_data
    try:
        endpoints.register(user=who.user(request), url=given["url"], kinds=given["kinds"], now=timezone.now())
    except wire.NotAllowed as refused:
        form.add_error("url", str(refused))
    except Refusal as refused:
        form.add_error(None, str(refused))
    return not form.errors


def _own(request: HttpRequest, webhook: UUID) -> Webhook:
    """Somebody else's answers exactly as one that does not exist."""
    found = endpoints.of(who.user(request)).filter(pk=webhook).first()
    if found is None:
        raise Http404
    return found


def _shown(webhook: Webhook) -> dict[str, Any]:
    deliveries = [_delivery(one) for one in webhook.deliveries.order_by("-id")[:NEWEST]]
    return {
        "webhook": webhook,
        "address": webhook.address,
        "kinds": [kind.name for topic, kind in KINDS.items() if topic in webhook.kinds],
        "deliveries": deliveries,
        "again": any(one["again"] for one in deliveries),
    }


def _delivery(one: WebhookDelivery) -> dict[str, Any]:
    return {
        "delivery": one,
        "name": NAMES.get(one.kind, one.kind),
        "state": STATES[one.state],
        "wrong": WRONG[one.error] % {"status": one.status} if one.error else "",
        "again": one.state != "waiting" and one.kind != PING,
    }
