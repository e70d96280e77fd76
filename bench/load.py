"""`python -m bench.load PORT CLIENTS FIRST COUNT`: the clients of P2, in a process of its own that imports no Django.

Orders of the citizens FIRST, FIRST + 1, … over keep-alive connections, one at a time a client. Prints "ready", waits
for a line on standard input, and prints as JSON the seconds it took, the milliseconds of every answer, its own
processor seconds, the references that were given, and every answer that was not a new order.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BODY = {
    "offering": "JP-2026-1",
    "amount": {"currency": "JPY", "value": "100000"},
    "accepts": ["prospectus:1", "terms:1"],
}


def token(citizen: int) -> str:
    """The session token of a citizen of the bench, as long as a real one."""
    return f"bench{citizen:027d}"


def key(citizen: int) -> str:
    return f"bench-{citizen}"


def address(citizen: int) -> str:
    """Where a citizen sits, as the proxy in front says: a house for each."""
    return f"10.{citizen >> 16 & 255}.{citizen >> 8 & 255}.{citizen & 255}"


def request(citizen: int) -> bytes:
    body = json.dumps(BODY).encode()
    head = (
        "POST /api/v1/subscriptions HTTP/1.1\r\n"
        "Host: localhost\r\n"
        "Accept: application/json\r\n"
        "Accept-Language: ja\r\n"
        "User-Agent: Kakehashi/1.0 (app)\r\n"
        f"X-Forwarded-For: {address(citizen)}\r\n"
        f"X-Session-Token: {token(citizen)}\r\n"
        f"Idempotency-Key: {key(citizen)}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Client:
    """One connection and the answer that it is waiting for."""

    line: socket.socket
    sent_at: float = 0.0
    received: bytes = b""

    def send(self, message: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.line.sendall(message)

    def whole(self) -> bool:
        """Read what has come; whether the answer is complete."""
        came = self.line.recv(65536)
        if not came:
            raise ConnectionError("the server hung up")
        self.received += came
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return False
        if head.startswith(b"HTTP/1.1 304 "):
            return True
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return len(body) == int(length.split(b":")[1])


def run(port: int, clients: int, messages: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Let clients send all messages, each its next one when it has its answer; what it took, and the answers."""
    waiting = selectors.EpollSelector()
    for _ in range(clients):
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(line, selectors.EVENT_READ, Client(line))
    print("ready", flush=True)
    sys.stdin.readline()
    answers, times = [], []
    queue = iter(messages)
    processor, began = time.process_time(), time.perf_counter()
    for one in waiting.get_map().values():
        send_next(one.data, queue)
    while len(answers) < len(messages):
        for ready, _events in waiting.select():
            client = ready.data
            if client.whole():
                times.append(1000 * (time.perf_counter() - client.sent_at))
                answers.append(client.received)
                send_next(client, queue)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "processor": time.process_time() - processor, "times": times}, answers


def send_next(client: Client, queue: Iterator[bytes]) -> None:
    if message := next(queue, None):
        client.send(message)


def judged(answers: list[bytes]) -> dict[str, Any]:
    """The references of new orders, and the answers that were something else."""
    references, wrong = [], []
    for answer in answers:
        if answer.startswith(b"HTTP/1.1 201 ") and b"\r\nidempotency-replayed:" not in answer.lower():
            references.append(json.loads(answer.partition(b"\r\n\r\n")[2])["reference"])
        else:
            wrong.append(answer.decode(errors="replace"))
    return {"references": references, "wrong": wrong[:3], "wrongs": len(wrong)}


if __name__ == "__main__":
    port, clients, first, count = map(int, sys.argv[1:])
    orders = [request(citizen) for citizen in range(first, first + count)]
    told, answers = run(port, clients, orders)
    print(json.dumps(told | judged(answers)), flush=True)
