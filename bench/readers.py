"""P4: what a public page costs the web server, warm, against the least that Django answers on the same server.

Requests a second of its processors, because the readers sit on the same machine. `python -m bench.readers PORT CLIENTS
COUNT PATH [ETAG]` are the readers, in a process of their own that imports no Django.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bench import load

CLIENTS = 8
WARM_UP = 400
PAGES = ["/en/", "/ja/fund/nav?class=JP", "/en/fund/portfolio", "/ja/offerings/"]
TABLE = "/api/v1/navs?class=JP"


def request(number: int, path: str, etag: str = "") -> bytes:
    """As a browser asks, each from an address of its own; with ``etag`` as one that has the page already."""
    asked = f"If-None-Match: {etag}\r\n" if etag else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nAccept-Language: ja\r\n"
        f"X-Forwarded-For: {load.address(number)}\r\n{asked}\r\n"
    ).encode()


def measure(place: Any, *, requests: int, rounds: int) -> Iterator[dict[str, float]]:
    """Rounds of requests a processor second of the web server: hello, each page, and each page that is there already.

    Raises RuntimeError when an answer is not 200, or not 304 for the ETag that was given.
    """
    from bench import nav, orders  # noqa: PLC0415  models can be imported only after Django's setup
    from portal.local import supervisor, valkey  # noqa: PLC0415

    database = nav.prepare(place, citizens=1000)
    for number in range(4):
        nav.run(database, number=number)
    valkey.start(place)
    try:
        hello = [*supervisor.web(orders.PORT)[:-1], "bench.hello:application"]
        for _round in range(rounds):
            found: dict[str, float] = {}
            with orders.web(place, database=database, command=hello, path="/") as server:
                found["hello"] = rate(server, "/", requests)
            with orders.web(place, database=database) as server:
                for path in [*PAGES, TABLE]:
                    found[path] = rate(server, path, requests)
                    found[f"304 {path}"] = rate(server, path, requests, etag=etag_of(path))
            yield found
    finally:
        valkey.stop(place)


def etag_of(path: str) -> str:
    from bench import orders  # noqa: PLC0415

    (answer,) = read(orders.PORT, 1, 1, path)["heads"]
    return next(line.partition(":")[2].strip() for line in answer.split("\r\n") if line.lower().startswith("etag:"))


def rate(server: Any, path: str, requests: int, *, etag: str = "") -> float:
    """Requests a processor second of the web server."""
    from bench import orders  # noqa: PLC0415

    read(orders.PORT, CLIENTS, WARM_UP, path, etag)
    before = orders.processor(server)
    told = read(orders.PORT, CLIENTS, requests, path, etag)
    spent = orders.processor(server) - before
    if set(told["statuses"]) != {"304" if etag else "200"}:
        raise RuntimeError(f"{path} with {etag!r}: {told['statuses']}")
    return requests / spent


def read(port: int, clients: int, count: int, path: str, etag: str = "") -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.readers", *map(str, (port, clients, count, path, etag))]
    ran = subprocess.run(command, input="go\n", capture_output=True, text=True, check=True)
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def counted(answers: list[bytes]) -> dict[str, Any]:
    """How often each status came, and the first head."""
    heads = [answer.partition(b"\r\n\r\n")[0].decode("latin-1") for answer in answers]
    statuses: dict[str, int] = {}
    for head in heads:
        statuses[head.split(" ")[1]] = statuses.get(head.split(" ")[1], 0) + 1
    return {"statuses": statuses, "heads": heads[:1]}


if __name__ == "__main__":
    port, clients, count, path, etag = sys.argv[1:]
    messages = [request(number, path, etag) for number in range(int(count))]
    told, answers = load.run(int(port), int(clients), messages)
    print(json.dumps(told | counted(answers)), flush=True)
