"""A slow client holds nobody up: the web server as it is shipped, with hundreds who send a byte a second (abuse)."""

import asyncio
import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from portal import arriving
from portal.arriving import Bodies, Refused
from portal.local import process, supervisor

SLOW = 1000 if os.environ.get("OUTSIDE") == "1" else 100  # of each kind
HEADERS = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /en/account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
TIMES = 20

TINY = """
def application(environ, start):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]
"""
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def served(command: list[str], port: int, folder: Path) -> Iterator[None]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()])}
    log = folder / f"web-{port}.log"
    with log.open("wb") as output:
        child = process.start(command, output=output, environment=environment)
    started = psutil.Process(child.pid)
    try:
        process.wait_until(lambda: asked(port) is not None, process=started, log=log)
        yield
    finally:
        process.end(started)
        child.wait()


def asked(port: int, patience: float = 5) -> float | None:
    """How long an honest client waits for the answer, in seconds; None when there is none."""
    began = time.perf_counter()
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=patience)) as line:
            line.request("GET", "/health/live", headers={"Host": "localhost"})
            assert line.getresponse().status == 200
    except OSError:
        return None
    return time.perf_counter() - began


@contextlib.contextmanager
def dripping(port: int, *beginnings: bytes) -> Iterator[list[socket.socket]]:
    """Clients that have begun so, and send another byte twice a second."""
    lines = [socket.create_connection(("127.0.0.1", port)) for _each in beginnings]
    for line, beginning in zip(lines, beginnings, strict=True):
        line.sendall(beginning)
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(0.5):
            for line in lines:
                with contextlib.suppress(OSError):
                    line.sendall(b"a")

    dripper = threading.Thread(target=drip)
    dripper.start()
    try:
        time.sleep(0.3)
        yield lines
    finally:
        ended.set()
        dripper.join()
        for line in lines:
            line.close()


def test_slow_clients_hold_nobody_up(tmp_path: Path) -> None:
    port = free_port()
    with served(supervisor.web(port), port, tmp_path):
        alone = [asked(port) or 9 for _time in range(TIMES)]
        with dripping(port, *[HEADERS, BODY] * SLOW):
            waits = [asked(port) or 9 for _time in range(TIMES)]
    p95 = sorted(waits)[TIMES * 95 // 100]
    print(f"alone {sorted(alone)[TIMES * 95 // 100] * 1000:.0f} ms, beside {2 * SLOW} slow ones {p95 * 1000:.0f} ms")
    assert p95 < 2, "0.5 on a quiet machine"


def test_a_client_that_hangs_up_in_the_middle_never_reaches_the_site(tmp_path: Path) -> None:
    port = free_port()
    with served(supervisor.web(port), port, tmp_path):
        for beginning in (BODY.replace(b"100000", b"100"), BODY):
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(beginning + b"a=1")
        assert asked(port) is not None
    told = (tmp_path / f"web-{port}.log").read_text()
    assert "request_finished" not in told and "Traceback" not in told


def test_read_by_the_site_itself_two_slow_bodies_would_stop_everybody(tmp_path: Path) -> None:
    """Negative control of the test above: the same server, which hands on requests that have not arrived."""
    (tmp_path / "tiny.py").write_text(TINY)
    shipped, port = supervisor.web(free_port()), free_port()
    shipped[shipped.index("rsgi")] = "wsgi"
    shipped[shipped.index("--port") + 1] = str(port)
    with served([*shipped[:-1], "--blocking-threads", "1", "tiny:application"], port, tmp_path):
        assert asked(port) is not None
        with dripping(port, *[BODY] * 16):
            until = time.monotonic() + 20  # on a busy machine they arrive later than they are sent
            while (answered := asked(port, 1)) is not None and time.monotonic() < until:
                time.sleep(0.1)
            assert answered is None


# ── each bound by itself ──
class Many(dict[str, str]):
    """Headers, of which one may come again."""


def scope(path: str = "/en/", **headers: str) -> Any:
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    many = Many(given)
    return SimpleNamespace(path=path, headers=many, method="POST", query_string="a=%20b", server="127.0.0.1:8000",
                           client="192.0.2.7:4711", scheme="https", http_version="1.1", authority=None)  # fmt: skip


class Coming:
    """What a client sends, piece by piece; the server hands it on so, or all of it once it is there."""

    def __init__(self, *pieces: bytes, pause: float = 0) -> None:
        self.pieces, self.pause = pieces, pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(self.pause)
            yield piece

    async def __call__(self) -> bytes:
        return b"".join([piece async for piece in self])


class BrokenOff(Coming):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("the server's error of a line that is gone")


class Asleep(asyncio.SelectorEventLoop):
    """A loop whose clock goes on by what is slept for and by nothing else, however busy the machine is."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()


def run(work: Any) -> Any:
    return asyncio.run(work, loop_factory=Asleep)


def read(bodies: Bodies, where: Any, *pieces: bytes, pause: float = 0) -> bytes:
    return run(bodies.read(where, Coming(*pieces, pause=pause)))


@pytest.fixture(params=["at once", "by pieces"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "by pieces":
        monkeypatch.setattr(arriving, "AT_ONCE", -1)
    return str(request.param)


@pytest.mark.usefixtures("each_way")
def test_a_body_is_whole() -> None:
    bodies = Bodies()
    assert read(bodies, scope(content_length="6"), b"abc", b"def") == b"abcdef"
    assert bodies.held == 6
    bodies.let_go(b"abcdef")
    assert bodies.held == 0
    assert read(bodies, scope(), b"nobody asks for this") == b""
    framed = scope()
    framed.http_version = "2"
    assert read(bodies, framed, b"not announced") == b"not announced"


@pytest.mark.parametrize("length", ["16777217", "1" * 30, "-1", "٣", "1e3", "x"])
def test_a_length_that_is_too_long_or_none_is_refused_before_a_byte(length: str) -> None:
    with pytest.raises(Refused, match="413"):
        read(Bodies(), scope(content_length=length), b"x")


def test_only_the_desk_takes_files_of_banks() -> None:
    assert arriving.largest("/en/officers/fund/bankfile/take/") == arriving.LARGEST_BODY
    for path in ("/en/join/documents", "/api/v1/documents", "/officers/", "/en/x/officers/", "/", ""):
        assert arriving.largest(path) == arriving.SMALL


def test_a_body_without_a_length_ends_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "SMALL", 5)
    bodies = Bodies()
    with pytest.raises(Refused, match="413"):
        read(bodies, scope(transfer_encoding="chunked"), b"abc", b"def")
    assert bodies.held == 0


def test_a_body_that_drips_is_given_up_and_one_that_flows_is_not(each_way: str) -> None:
    bodies = Bodies(grace=0.2, slowest=200)
    with pytest.raises(Refused, match="408"):
        read(bodies, scope(content_length="99"), *[b"x"] * 99, pause=0.02)
    assert bodies.held == 0
    pieces = 11 if each_way == "by pieces" else 3  # of a long one, what has come buys time
    flowing = read(bodies, scope(content_length="99"), *[b"x" * (99 // pieces)] * pieces, pause=0.02)
    assert len(flowing) == bodies.held == 99, "the negative control"


def test_a_body_that_is_broken_off_never_reaches_the_site(each_way: str) -> None:
    bodies = Bodies()
    for came in (BrokenOff(), Coming(b"x" * 98)):
        if each_way == "at once" and type(came) is Coming:
            continue  # the server itself looks at the length of these
        with pytest.raises(Refused, match="400"):
            asyncio.run(bodies.read(scope(content_length="99"), came))
        assert bodies.held == 0


@pytest.mark.usefixtures("each_way")
def test_whoever_is_cancelled_holds_nothing() -> None:
    """As at the end of the server."""

    async def one() -> int:
        bodies = Bodies()
        task = asyncio.ensure_future(bodies.read(scope(content_length="8"), Coming(*[b"1"] * 8, pause=0.05)))
        await asyncio.sleep(0.12)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return bodies.held

    assert run(one()) == 0


@pytest.mark.usefixtures("each_way")
def test_all_together_have_one_budget() -> None:
    async def two() -> list[Any]:
        bodies = Bodies(budget=10)
        each = [bodies.read(scope(content_length="8"), Coming(b"1234", b"5678", pause=0.01)) for _one in range(2)]
        return [*await asyncio.gather(*each, return_exceptions=True), bodies.held]

    first, second, held = run(two())
    assert {type(first), type(second)} == {bytes, Refused} and held == 8


def test_the_site_is_told_what_came_and_no_header_passes_for_another() -> None:
    where = scope("/ja/基金", host="fund.example", x_forwarded_for="a")
    again = [
        ("host", "fund.example"), ("x-forwarded-for", "192.0.2.1"), ("x_forwarded_for", "10.0.0.1"),
        ("x-forwarded-for", "192.0.2.2"), ("cookie", "a=1"), ("cookie", "b=2"), ("content-type", "text/plain"),
        ("content-length", "3"),
    ]  # fmt: skip
    where.headers.items = lambda: again
    made = arriving.environ(where, b"abc")
    assert made["PATH_INFO"].encode("latin-1").decode() == "/ja/基金" and made["QUERY_STRING"] == "a=%20b"
    assert made["HTTP_X_FORWARDED_FOR"] == "192.0.2.1,192.0.2.2" and made["HTTP_COOKIE"] == "a=1; b=2"
    assert (made["CONTENT_TYPE"], made["CONTENT_LENGTH"], made["REMOTE_ADDR"]) == ("text/plain", "3", "192.0.2.7")
    assert (made["SERVER_NAME"], made["SERVER_PORT"], made["wsgi.url_scheme"]) == ("127.0.0.1", "8000", "https")
    assert made["wsgi.input"].read() == b"abc"


def test_an_answer_in_pieces_is_handed_on_whole_and_closed() -> None:
    class Pieces(BytesIO):
        def __iter__(self) -> Any:
            return iter([b"one", b"two"])

    answer = Pieces()

    def site(environ: dict[str, Any], start: Any) -> Any:
        start("201 Created", [("X", "y")])
        return answer

    assert arriving.call(site, {}) == (201, [("X", "y")], b"onetwo") and answer.closed


async def two_answers(thread: arriving.OneThread) -> list[Any]:
    return await asyncio.gather(*(thread.answer({"n": n}) for n in (1, 2)), return_exceptions=True)


def test_the_site_answers_one_after_the_other_and_its_faults_are_those_of_their_request() -> None:
    seen: list[Any] = []
    known: ContextVar[int] = ContextVar("known", default=0)

    def site(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append((threading.current_thread().name, known.get()))
        known.set(environ["n"])
        time.sleep(0.02)
        seen.append("done")
        if environ["n"] == 1:
            raise SystemExit
        start("200 OK", [])
        return [b"well"]

    fault, told = asyncio.run(two_answers(arriving.OneThread(site)))
    assert isinstance(fault, SystemExit) and told == (200, [], b"well")
    assert seen == [("site", 0), "done"] * 2, "what one request sets no other one sees"


def test_the_server_of_the_image_is_that_of_the_demonstration() -> None:
    told = Path("Dockerfile").read_text().replace("\\\n", "").partition("CMD [")[2]
    for word in supervisor.web(8000)[3:]:
        if word not in (
            "127.0.0.1",
            "--respawn-failed-workers",
            "--workers-kill-timeout",
            "5",
            "--log-level",
            "warning",
        ):
            assert f'"{word}"' in told, word
