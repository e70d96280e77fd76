"""One POST to an address that a stranger has chosen, without a way into our own network.

The name is resolved here, every address that it has must be a public one, and the connection goes to an address that
was looked at: what the name says a moment later does not matter. Only https, to the ports of https, with a valid
certificate; no redirect is followed, no proxy is asked, and both time and size are bounded for the whole exchange.
"""

import contextlib
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from fund.refusal import Refusal

LONGEST = 10.0  # seconds for the whole exchange, once the name is resolved
LARGEST = 64 * 1024  # bytes of the whole answer, its head included
LONGEST_ADDRESS = 500  # characters
PORTS = frozenset({443, 8443})
WRITTEN = re.compile(r"[!-~]+")  # an address; names in other scripts are written in ASCII (RFC 5891)
NAME = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
LOOPBACK = frozenset({"localhost", "127.0.0.1"})
UNICAST = ipaddress.ip_network("2000::/3")  # where all of the public IPv6 internet is
# Public by their number, but a cloud's own inside, or a way to an IPv4 address that was not looked at (6to4, Teredo).
INSIDE = [ipaddress.ip_network(one) for one in ("168.63.129.16/32", "2002::/16", "2001::/32")]

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAllowed(Refusal):
    """The address is none that we would ever send to."""

    code = "address_not_allowed"


class Failed(Exception):
    """No answer that can be used. ``code``: ``not_public``, ``unknown_host``, ``certificate``, ``unreachable``,
    ``timeout``, ``too_large``, ``not_http``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def normal(url: str) -> str:
    """The address as it is sent to and signed. Raises NotAllowed."""
    parts = read(url)
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/").geturl()


def read(url: str) -> SplitResult:
    """The parts of an address that may be registered. Raises NotAllowed."""
    if len(url) > LONGEST_ADDRESS or not WRITTEN.fullmatch(url) or "#" in url:
        raise _not_allowed()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _not_allowed() from None
    if settings.WEBHOOK_LOOPBACK and parts.scheme == "http" and host in LOOPBACK and port:
        return parts
    if parts.scheme != "https" or parts.username is not None:
        raise _not_allowed()
    if not NAME.fullmatch(host) or (port or 443) not in PORTS:
        raise _not_allowed()
    return parts


def _not_allowed() -> NotAllowed:
    return NotAllowed(
        _("Give an address that begins with https:// and a public name, without a user, a fragment or an unusual port.")
    )


def post(*, url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send it; whatever is answered, a redirect too, is the answer. Raises Failed, NotAllowed."""
    parts = read(url)
    secure = parts.scheme == "https"
    host, port = str(parts.hostname), parts.port or 443
    found = resolved(host, port, loopback=not secure)
    deadline = time.monotonic() + LONGEST
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with _connected(found, deadline, host if secure else "") as line:
            exchange = http.client.HTTPConnection(host, port)
            exchange.sock = _Line(line, deadline)  # it is connected: http.client neither resolves nor asks a proxy
            exchange.default_port = 443 if secure else 80
            exchange.request("POST", path, body=body, headers=headers | {"Connection": "close"})
            answer = exchange.getresponse()
            return Answer(answer.status, answer.read())
    except TimeoutError:
        raise Failed("timeout") from None
    except ssl.SSLCertVerificationError:
        raise Failed("certificate") from None
    except OSError:
        raise Failed("unreachable") from None
    except (http.client.HTTPException, ValueError):
        raise Failed("not_http") from None


def resolved(host: str, port: int, *, loopback: bool) -> list[tuple[Any, ...]]:
    """The addresses to connect to, of a name all of whose addresses are public. Raises Failed.

    ``loopback``: on a machine of one's own, where nothing but the loopback is then allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except OSError:
        raise Failed("unknown_host") from None
    numbers = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_kind, place in found]
    allowed = (one.is_loopback for one in numbers) if loopback else map(is_public, numbers)
    if not found or not all(allowed):
        raise Failed("not_public")
    return list(found)


def is_public(address: Address) -> bool:
    """Whether an address belongs to somebody on the internet and cannot lead inside."""
    inside = any(address.version == one.version and address in one for one in INSIDE)
    unicast = address in UNICAST if address.version == 6 else not address.is_multicast
    return address.is_global and unicast and not inside


def _connected(found: list[tuple[Any, ...]], deadline: float, host: str) -> socket.socket:
    """A connection to the first of these addresses that takes one; with the certificate of ``host``, unless ""."""
    *others, last = found
    for place in others:
        with contextlib.suppress(OSError):
            return _secured(_reached(place, deadline), deadline, host)
    return _secured(_reached(last, deadline), deadline, host)


def _reached(found: tuple[Any, ...], deadline: float) -> socket.socket:
    family, kind, protocol, _name, place = found
    line = socket.socket(family, kind, protocol)
    try:
        line.settimeout(_left(deadline))
        line.connect(place)
    except BaseException:
        line.close()
        raise
    return line


def _secured(line: socket.socket, deadline: float, host: str) -> socket.socket:
    if not host:
        return line
    try:
        line.settimeout(_left(deadline))
        return _trusted().wrap_socket(line, server_hostname=host)
    except BaseException:
        line.close()
        raise


@cache
def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Line:
    """What ``http.client`` needs of a socket, within the bounds of the exchange."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        self.line, self.deadline = line, deadline

    def sendall(self, data: bytes) -> None:
        self.line.settimeout(_left(self.deadline))
        self.line.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bounded(self.line, self.deadline))

    def close(self) -> None:
        """The line is closed by whoever opened it."""


class _Bounded(io.RawIOBase):
    """Reads from a socket until the deadline, and at most ``LARGEST`` bytes."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        self.line, self.deadline, self.taken = line, deadline, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.line.settimeout(_left(self.deadline))
        got = self.line.recv_into(buffer)
        self.taken += got
        if self.taken > LARGEST:
            raise Failed("too_large")
        return got
