"""Public pages are the same for every stranger, so each is made once in a few seconds, in each language."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_page

from portal import replica
from portal.door import same_for_all

SECONDS = 10

type View = Callable[..., HttpResponse]


def briefly(view: View) -> View:
    """Keep a page for strangers, perhaps as a replica has it. Whoever has a cookie is answered afresh."""
    kept = cache_page(SECONDS)(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.COOKIES:
            return view(request, *args, **kwargs)
        return same_for_all(replica.read(lambda: kept(request, *args, **kwargs)))

    return answer
