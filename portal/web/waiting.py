"""The waiting room before the pages of an order. What somebody sends while they wait is kept and done at their turn."""

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fund import envelope
from portal import received, waiting_room
from portal.templatetags import figures
from portal.waiting_room import Place

GUARDED = re.compile(r"/(?:en|ja)/account/subscribe/([A-Z0-9-]{1,20})")
KEPT = "sent_while_waiting"
SEALED = {"table": "django_session", "column": KEPT}
FROM = ("HTTP_ORIGIN", "HTTP_REFERER")  # by which the form token's check knows where a form was sent from


class WaitingRoomMiddleware:
    """Lets people in to ``subscribe`` when it is their turn. Behind sessions and languages, before everything dear."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = GUARDED.fullmatch(request.path_info) if settings.WAITING_ROOM_RATE else None
        who = request.session.get(SESSION_KEY) if asked else None
        if asked is None or who is None:  # the page itself asks a stranger to sign in
            return self.get_response(request)
        code, now = asked[1], timezone.now()
        place = waiting_room.place(offering_code=code, user_id=int(who), now=now)
        if place is not None:
            if request.method == "POST":
                keep(request, code, place, now)
            return wait(request, code, place, now)
        if request.headers.get("HX-Request"):  # the waiting page asks; the whole page comes instead of it
            return HttpResponse(status=204, headers={"HX-Redirect": request.path})
        if request.method == "GET":
            resume(request, code, now)
        return self.get_response(request)


def keep(request: HttpRequest, code: str, place: Place, now: datetime) -> None:
    """Keep a form that was sent, with the moment at which it reached us. It may be personal: it is sealed."""
    sent = {
        "code": code,
        "posted": request.POST.urlencode(),
        "from": {name: request.META[name] for name in FROM if name in request.META},
        "received_at": received.received_at(request).isoformat(),
        "until": ((place.turn or now + waiting_room.BEFORE) + waiting_room.STAY).isoformat(),
    }
    sealed = envelope.seal(json.dumps(sent).encode(), **SEALED, row=request.session.session_key)
    request.session[KEPT] = base64.b64encode(sealed).decode()


def kept(request: HttpRequest, code: str) -> dict[str, Any] | None:
    """What this person has sent for an offering while waiting."""
    if KEPT not in request.session:
        return None
    try:
        sealed = base64.b64decode(request.session[KEPT])
        sent: dict[str, Any] = json.loads(envelope.unseal(sealed, **SEALED, row=request.session.session_key))
    except envelope.Unreadable:
        return None
    return sent if sent["code"] == code else None


def resume(request: HttpRequest, code: str, now: datetime) -> None:
    """Turn the request into the one that was kept: everything behind us, form token and all, sees it as it was sent.

    It counts as having reached us when it did (D26). After the time of one's turn it is not done any more.
    """
    sent = kept(request, code)
    if sent is None:
        return
    del request.session[KEPT]
    if now > datetime.fromisoformat(sent["until"]):
        return
    request.method = request.META["REQUEST_METHOD"] = "POST"
    request.POST = QueryDict(sent["posted"])
    request._files = MultiValueDict()  # type: ignore[attr-defined]
    for name in FROM:
        request.META.pop(name, None)
    request.META |= sent["from"] | {received.KEY: datetime.fromisoformat(sent["received_at"])}


def wait(request: HttpRequest, code: str, place: Place, now: datetime) -> HttpResponse:
    """The page, or the part of it that a browser with scripts asks for anew."""
    sent = kept(request, code)
    facts = {
        "place": place,
        "about": about(place.turn - now) if place.turn else "",
        "before": people(place.before),
        "sent_at": sent and datetime.fromisoformat(sent["received_at"]),
        "stay": waiting_room.STAY // timedelta(minutes=1),
    }
    name = "account/waiting_place.html" if request.headers.get("HX-Request") else "account/waiting.html"
    answer = render(request, name, facts)
    answer["Cache-Control"] = "no-store"
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def about(left: timedelta) -> str:
    """A time to wait as people say it, never less than it is."""
    seconds = max(left.total_seconds(), 0)
    if seconds <= 50:
        return _("less than a minute")
    minutes = int(-(-seconds // 60))
    return ngettext("about %(count)s minute", "about %(count)s minutes", minutes) % {"count": figures.whole(minutes)}


def people(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": figures.whole(count)}
