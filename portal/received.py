"""When a request reached us, which is what counts against a cut-off (D26).

Stamped by the outermost middleware, before sessions, limits or a busy database can delay anything.
"""

from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

KEY = "kakehashi.received_at"


def stamp(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: note the time before anything else is done."""

    def stamped(request: HttpRequest) -> HttpResponse:
        request.META[KEY] = timezone.now()
        return get_response(request)

    return stamped


def received_at(request: HttpRequest) -> datetime:
    """When the request reached us."""
    at: datetime = request.META[KEY]
    return at
