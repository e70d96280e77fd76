"""A request is answered when all of it has arrived, so that a slow client holds nobody up.

The site is a WSGI application in one thread of each process. Were a body read there while it comes in, one client that
sends a byte a second would hold the process for as long as it likes. Here bodies come in beside each other, in memory,
each within its size, at a least speed, and all within one budget; only then does the thread begin. An answer is handed
to the server whole, which waits for slow readers without the thread.
"""

import asyncio
import sys
from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context, copy_context
from functools import lru_cache
from io import BytesIO
from queue import SimpleQueue
from threading import Thread
from typing import Any

type Headers = list[tuple[str, str]]
type Site = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
type Answer = tuple[int, Headers, bytes]

LARGEST_BODY = 256 * 1024 * 1024  # bytes of any request: a bank's statement is the largest file there is
SMALL = 16 * 1024 * 1024  # bytes of a body outside the desk, whose officers alone bring files of banks
AT_ONCE = 64 * 1024  # bytes of a body that says its length and is taken in one piece, as almost all are
BUDGET = 2 * LARGEST_BODY  # bytes of bodies that a process holds while they arrive
GRACE = 20.0  # seconds that a body may take,
SLOWEST = 50_000  # and one more for so many bytes that have come


class Refused(Exception):
    """A body that is not read to its end; the argument is the status."""


class Bodies:
    """The bodies that are arriving at this process."""

    def __init__(self, *, budget: int = BUDGET, grace: float = GRACE, slowest: int = SLOWEST) -> None:
        self.held, self.budget, self.grace, self.slowest = 0, budget, grace, slowest

    async def read(self, scope: Any, proto: Any) -> bytes:
        """The whole body, held until it is let go. Raises Refused.

        Its argument is 413 for one that is too large, 408 too slow, 400 broken off, 503 too many together.
        """
        most, length = largest(scope.path), scope.headers.get("content-length")
        if length is None and "transfer-encoding" not in scope.headers and scope.http_version != "2":
            return b""  # HTTP/2 frames a body, and need not announce it
        if length is not None and not (length.isascii() and length.isdigit() and int(length[:15]) <= most):
            raise Refused(413)
        if length is not None and int(length) <= AT_ONCE:
            return await self._at_once(proto, int(length))
        body = await self._by_pieces(proto, most)
        if length is not None and len(body) < int(length):  # the line broke; the server says no more about it
            self.let_go(body)
            raise Refused(400)
        return body

    async def _at_once(self, proto: Any, length: int) -> bytes:
        """What is announced counts as held from now on."""
        if self.held + length > self.budget:
            raise Refused(503)
        self.held += length
        try:
            async with asyncio.timeout(self.grace):
                body: bytes = await proto()
        except BaseException as reason:
            self.held -= length
            raise given_up(reason) from None
        self.held -= length - len(body)
        return body

    async def _by_pieces(self, proto: Any, most: int) -> bytes:
        pieces: list[bytes] = []
        taken, until = 0, asyncio.get_running_loop().time() + self.grace
        try:
            async with asyncio.timeout_at(until) as patience:
                async for piece in proto:
                    taken, self.held = taken + len(piece), self.held + len(piece)
                    if taken > most or self.held > self.budget:
                        raise Refused(413 if taken > most else 503)
                    pieces.append(piece)
                    patience.reschedule(until + taken / self.slowest)
        except BaseException as reason:
            self.held -= taken
            raise given_up(reason) from None
        return b"".join(pieces)

    def let_go(self, body: bytes) -> None:
        """The request was answered."""
        self.held -= len(body)


def given_up(reason: BaseException) -> BaseException:
    """As it is told to the client, who may be gone."""
    if isinstance(reason, TimeoutError):
        return Refused(408)
    return Refused(400) if isinstance(reason, RuntimeError) else reason  # which is what the server's errors are


def largest(path: str) -> int:
    """The size in bytes of the largest body that is taken at an address."""
    return LARGEST_BODY if path.split("/")[2:3] == ["officers"] else SMALL


BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "granian",
    "wsgi.errors": sys.stderr,
    "wsgi.version": (1, 0),
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
OWN_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@lru_cache(maxsize=512)
def named(header: str) -> str:
    """A header's name in WSGI."""
    return OWN_NAMES.get(header) or "HTTP_" + header.upper().replace("-", "_")


def environ(scope: Any, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it. A header that came more than once is joined; one with an underscore is left out."""
    host, _colon, port = scope.server.rpartition(":")
    made = {
        **BASE,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # would be taken for the one with a hyphen
        key = named(name)
        made[key] = f"{made[key]}{'; ' if name == 'cookie' else ','}{value}" if key in made else value
    made["CONTENT_LENGTH"] = str(len(body)) if body or "CONTENT_LENGTH" in made else ""
    if scope.authority:
        made.setdefault("HTTP_HOST", scope.authority)
    return made


def call(site: Site, environ: dict[str, Any]) -> Answer:
    """Have the site answer; whole, whatever it is made of."""
    told: list[Any] = []

    def start(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], Any]:
        told[:] = [int(status[:3]), headers]
        return lambda data: None

    answer = site(environ, start)
    try:
        body = b"".join(answer)
    finally:
        if close := getattr(answer, "close", None):
            close()
    return told[0], told[1], body


class OneThread:
    """The thread in which the site answers, one request after the other, in the order in which they have arrived.

    An executor's futures cost twice what handing over costs.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.line: SimpleQueue[tuple[Future[Answer], Context, dict[str, Any]]] = SimpleQueue()
        Thread(target=self._work, name="site", daemon=True).start()

    def answer(self, environ: dict[str, Any]) -> Future[Answer]:
        """The answer to come, or what the site raised; each request has a context of its own."""
        future: Future[Answer] = asyncio.get_running_loop().create_future()
        self.line.put((future, copy_context(), environ))
        return future

    def _work(self) -> None:
        while True:
            self._answer(*self.line.get())  # a call of its own, which keeps nothing while the next is waited for

    def _answer(self, future: Future[Answer], context: Context, environ: dict[str, Any]) -> None:
        tell = future.get_loop().call_soon_threadsafe
        try:
            answer = context.run(call, self.site, environ)
        except BaseException as fault:
            tell(future.set_exception, fault)
        else:
            tell(future.set_result, answer)


def serving(site: Site, bodies: Bodies | None = None) -> Callable[[Any, Any], Awaitable[None]]:
    """A site of WSGI, for a server that speaks RSGI."""
    arriving, thread = bodies or Bodies(), OneThread(site)

    async def application(scope: Any, proto: Any) -> None:
        try:
            body = await arriving.read(scope, proto)
        except Refused as refused:
            proto.response_empty(refused.args[0], [("connection", "close")])
            return
        try:
            told = await thread.answer(environ(scope, body))
        finally:
            arriving.let_go(body)
        proto.response_bytes(*told)

    return application
