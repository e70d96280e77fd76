"""What is said of a client on its behalf is believed from proxies of this house alone; from others it is taken away."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

SAID = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)


def believed(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a stranger's word about where a request comes from reaches nobody behind this."""

    def hearing(request: HttpRequest) -> HttpResponseBase:
        if not _is_proxy(request.META.get("REMOTE_ADDR", ""), tuple(settings.TRUSTED_PROXIES)):
            for name in (*SAID, settings.TRUSTED_PROTO_HEADER):
                request.META.pop(name, None)
        return get_response(request)

    return hearing


@lru_cache(maxsize=4096)
def _is_proxy(address: str, networks: tuple[object, ...]) -> bool:
    try:
        one = ip_address(address)
    except ValueError:
        return False
    return any(one in network for network in networks)  # type: ignore[operator]
