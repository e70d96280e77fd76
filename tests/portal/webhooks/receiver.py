"""A receiver on the loopback: it keeps what it was sent and answers as it is told."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

type Behaviour = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass(frozen=True)
class Sent:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    behave: Behaviour = lambda asked, body: answer(asked, 200, confirmation(body))

    @property
    def events(self) -> list[Any]:
        return [one.event for one in self.sent]


def confirmation(body: bytes) -> bytes:
    """What a good receiver answers: the challenge of a ping."""
    return json.dumps({"challenge": json.loads(body).get("challenge", "")}).encode()


def answer(asked: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    asked.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        asked.send_header(name.replace("_", "-"), value)
    asked.end_headers()
    asked.wfile.write(body)


def always(status: int, **headers: str) -> Behaviour:
    return lambda asked, body: answer(asked, status, b"", **headers)


def drip(asked: BaseHTTPRequestHandler, body: bytes) -> None:
    """An answer without end, one byte at a time: each alone comes in good time."""
    asked.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _second in range(200):
        asked.wfile.write(b"x")
        asked.wfile.flush()
        time.sleep(0.05)


def flood(asked: BaseHTTPRequestHandler, body: bytes) -> None:
    """Far more than was asked for."""
    answer(asked, 200, b"x" * 2_000_000)


@contextmanager
def listening(wrap: Callable[[Any], Any] = lambda line: line) -> Iterator[Receiver]:
    """A receiver at work on a free port; ``wrap`` may put TLS around its socket."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.sent.append(Sent(self.path, dict(self.headers.items()), body))
            try:
                receiver.behave(self, body)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that turns away is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = wrap(server.socket)
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
