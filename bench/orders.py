"""P2: orders by the API, with everything on, against the same statements by pgbench on the same server."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.utils import timezone
from psycopg import sql

from bench import load, server, stage
from bench.result import Measure
from fund import calendars
from fund.governance import audit
from fund.ledger import prove as ledger
from investors import agreements
from portal.accounts import User
from portal.api.idempotency import lock_number
from portal.local import postgres, process, supervisor, valkey
from portal.local.place import CHECKOUT, LOGIN, Place
from portal.local.place import DATABASE as EMPTY
from portal.management.commands import prove

DATABASE = "orders"
FIRST = 1_000_001  # user, holder, investor: a citizen has one number in all tables here
FEW, MANY = 8, 64  # clients
WARM_UP = 600
PORT = 8765

# A citizen as the verbs of reception leave one: an account, a session of the app, the terms accepted when joining. The
# prospectus of the offering is accepted with the order.
CITIZENS = """
    WITH n AS (SELECT g AS id FROM generate_series(%(first)s::bigint, %(last)s) g),
    users AS (
        INSERT INTO portal_user (id, password, is_superuser, email, is_staff, is_active, date_joined, language)
        SELECT id, %(password)s, false, 'citizen' || id || '@example.org', false, true, %(now)s, 'ja' FROM n
    ), holders AS (
        INSERT INTO fund_holder (id, kind, nation, name_en, name_ja, registered_at)
        SELECT id, 'citizen', 'JP', '', '', %(now)s FROM n
    ), sessions AS (
        INSERT INTO django_session (session_key, session_data, expire_date)
        SELECT * FROM unnest(%(tokens)s::text[], %(sessions)s::text[], %(expires)s::timestamptz[])
    ), devices AS (
        INSERT INTO usersessions_usersession (user_id, created_at, ip, last_seen_at, session_key, user_agent, data)
        SELECT id, %(now)s, '10.0.0.1', %(now)s, token, 'Kakehashi/1.0 (app)', '{}'
          FROM ROWS FROM (unnest(%(tokens)s::text[])) WITH ORDINALITY t(token, n) JOIN n ON n.id = %(first)s + t.n - 1
    ), investors AS (
        INSERT INTO investors_investor (id, user_id, holder_id, nations, state, registered_at, verified_until, likeness)
        SELECT id, id, id, '{JP}', 'approved', %(now)s, %(until)s, '{}' FROM n
    )
    INSERT INTO investors_acceptance (investor_id, agreement_id, sha256, accepted_at)
    SELECT n.id, a.id, a.sha256, %(now)s FROM n, investors_agreement a
     WHERE a.version = 1 AND a.language = 'ja' AND a.kind <> 'prospectus'
"""


@dataclass(frozen=True)
class Rush:
    """What one run of the clients found: orders a second, milliseconds, and processor milliseconds an order."""

    rate: float
    p50: float
    p99: float
    web: float
    database: float
    cache: float
    clients: float


@dataclass(frozen=True)
class Round:
    few: Rush
    many: Rush
    limit: float


def measure(place: Place, *, orders: int, rounds: int) -> Iterator[Round]:
    """Rounds of ``orders`` orders by few and by many clients, and as many transactions of pgbench beside them.

    Raises RuntimeError when an answer is not a new order, when orders and answers are not the same number, or when the
    books do not prove.
    """
    valkey.start(place)
    try:
        prepare(place, citizens=1 + WARM_UP + rounds * 3 * orders)
        script = written(place.run / "order.sql", captured(FIRST))
        free = FIRST + 1
        with web(place) as granian:
            rush(place, granian, clients=FEW, first=free, orders=WARM_UP)
            free += WARM_UP
            analyze(place)
            for _round in range(rounds):
                few = rush(place, granian, clients=FEW, first=free, orders=orders)
                many = rush(place, granian, clients=MANY, first=free + orders, orders=orders)
                limit = pgbench(place, script, first=free + 2 * orders, transactions=orders)
                free += 3 * orders
                yield Round(few, many, limit)
        check(orders=free - FIRST)
        connection.close()
    finally:
        valkey.stop(place)


def measures(rounds: list[Round]) -> list[Measure]:
    ones = [1.0] * len(rounds)
    few = [each.few for each in rounds]
    apart = f"PostgreSQL {middle(few, 'database'):.2f} and Valkey {middle(few, 'cache'):.2f} apart"
    return [
        Measure("P2", "orders a second by the API ÷ the same statements by pgbench, 8 clients each",
                [one.rate for one in few], [each.limit for each in rounds], 0.15),
        Measure("P2 processor", f"ms of processor of the web server an order ({apart})",
                [one.web for one in few], ones, 1.5, at_most=True),
        Measure("P2 tail", "p99 ÷ p50, 8 clients", [one.p99 for one in few], [one.p50 for one in few], 5, at_most=True),
        Measure("P2 crowd", "orders a second of 64 clients ÷ of 8",
                [each.many.rate for each in rounds], [one.rate for one in few], 0.9),
    ]  # fmt: skip


def middle(rushes: list[Rush], name: str) -> float:
    return float(sorted(getattr(one, name) for one in rushes)[len(rushes) // 2])


def prepare(place: Place, *, citizens: int) -> None:
    """A database with approved citizens who are signed in to the app, and an offering that is open now."""
    server.copy(place, source="empty", target=DATABASE)
    stage.use(DATABASE)
    now = timezone.now()
    agreements.ship()
    stage.open_offering(
        capacity=citizens * 100 * stage.LOT,
        announced=now - timedelta(days=2),
        dealing_day=calendars.next_dealing_day((now + timedelta(days=20)).date()),
        agreements=load.BODY["accepts"],
    )
    password = "!nobody-knows-it"
    for first in range(FIRST, FIRST + citizens, 10_000):
        numbers = range(first, min(first + 10_000, FIRST + citizens))
        with connection.cursor() as cursor:
            cursor.execute(
                CITIZENS,
                {
                    "first": numbers[0],
                    "last": numbers[-1],
                    "now": now,
                    "until": now + timedelta(days=365),
                    "password": password,
                    "tokens": [load.token(number) for number in numbers],
                    "sessions": [session(number, password) for number in numbers],
                    "expires": [now + timedelta(hours=8)] * len(numbers),
                },
            )
    with server.connect(place, DATABASE) as owner:
        owner.execute("VACUUM (ANALYZE, FREEZE)")
        owner.execute("CHECKPOINT")


def analyze(place: Place) -> None:
    """Count the rows, as the server does by itself within seconds: the tables are no longer empty."""
    with server.connect(place, DATABASE) as owner:
        owner.execute("ANALYZE")


def session(number: int, password: str) -> str:
    """What allauth's app client leaves in a session."""
    return SessionStore().encode({
        SESSION_KEY: str(number),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: User(password=password).get_session_auth_hash(),
        "account_authentication_methods": [{"method": "password", "at": 1.0, "email": f"citizen{number}@example.org"}],
    })  # fmt: skip


@contextmanager
def web(
    place: Place, *, database: str = DATABASE, command: list[str] | None = None, path: str = "/health/live"
) -> Iterator[psutil.Process]:
    """The web server as the demonstration starts it, behind one proxy; it is ready when ``path`` answers.

    ``command`` runs something else on the same server.
    """
    environment = {
        **os.environ,
        "DATABASE_URL": place.database_url.removesuffix(EMPTY) + database,
        "REDIS_URL": place.redis_url,
        "TRUSTED_PROXY_COUNT": "1",
        "TRUSTED_PROXIES": "127.0.0.0/8,::1/128",
    }
    with (place.run / "web.log").open("wb") as log:
        started = process.start(command or supervisor.web(PORT), output=log, environment=environment)
    granian = psutil.Process(started.pid)
    try:
        process.wait_until(lambda: ready(path), process=granian, log=place.run / "web.log")
        yield granian
    finally:
        process.end(granian)


def ready(path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{PORT}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def rush(place: Place, granian: psutil.Process, *, clients: int, first: int, orders: int) -> Rush:
    """Let clients place orders, one of each citizen, and count what it cost."""
    servers = [granian, postgres.find(place), valkey.find(place)]
    command = [sys.executable, "-m", "bench.load", *map(str, (PORT, clients, first, orders))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as crowd:
        assert crowd.stdin is not None and crowd.stdout is not None and crowd.stdout.readline() == "ready\n"
        before = [processor(one) for one in servers]
        crowd.stdin.write("go\n")
        crowd.stdin.flush()
        told = json.loads(crowd.stdout.readline())
        spent = [1000 * (processor(one) - was) / orders for one, was in zip(servers, before, strict=True)]
    if told["wrongs"] or len(set(told["references"])) != orders:
        raise RuntimeError(f"{told['wrongs']} of {orders} orders were not placed, such as: {told['wrong']}")
    times = sorted(told["times"])
    return Rush(
        orders / told["seconds"],
        times[len(times) // 2],
        times[len(times) * 99 // 100],
        *spent,
        1000 * told["processor"] / orders,
    )


def processor(leader: psutil.Process | None) -> float:
    """Seconds that a server and its living children have had of the processors."""
    assert leader is not None
    spent = 0.0
    for one in (leader, *leader.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


@dataclass(frozen=True)
class Captured:
    """The statements of one order, with their values in place; ``known`` are the values of this one order alone."""

    statements: list[str]
    known: dict[str, str]


def captured(citizen: int) -> Captured:
    """Place an order by Django's test client, and take down what the database was asked."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((statement, params))
        return execute(statement, params, many, context)

    headers = {"X-Session-Token": load.token(citizen), "Idempotency-Key": load.key(citizen), "Accept-Language": "ja"}
    client = Client(headers=headers, SERVER_NAME="localhost")
    with connection.execute_wrapper(note):
        answer = client.post("/api/v1/subscriptions", data=load.BODY, content_type="application/json")
    if answer.status_code != 201:
        raise RuntimeError(f"the order to be captured was not placed: {answer.content!r}")
    reference = answer.json()["reference"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, key FROM fund_subscription WHERE reference = %s", [reference])
        order_id, order_key = cursor.fetchone()
    assert order_key == sha256(f"subscribe {load.key(citizen)}".encode()).hexdigest()
    known = {
        order_id.hex: "(lpad(to_hex(1700000000000 + :citizen), 12, '0') || '70008000000000000000')::uuid",
        reference: "('RF00' || '000' || :citizen)",
        reference[4:]: "('000' || :citizen)",
        order_key: "md5(:citizen::text)",
        str(lock_number(f"{citizen} subscribe {load.key(citizen)}")): "hashint8extended(:citizen::bigint, 0)",
        str(citizen): ":citizen",
    }
    return Captured([filled(statement, params) for statement, params in asked], known)


PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")


def filled(statement: str, params: Any) -> str:
    """A statement with its values written into it."""
    given = iter(params) if not isinstance(params, dict) and params else iter(())

    def value(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        one = params[found[1]] if found[1] else next(given)
        return sql.Literal(one).as_string(connection.connection)

    return statement if params is None else PLACE.sub(value, statement)


TEXT = re.compile(r"'(?:[^']|'')*'")


def written(path: Path, order: Captured) -> Path:
    """A script of pgbench: the statements in one transaction, each time for the next citizen."""
    by_length = sorted(order.known, key=len, reverse=True)
    values = re.compile("|".join(map(re.escape, by_length)))

    def text(found: re.Match[str]) -> str:
        """A text, put together where it names the citizen; a colon would be pgbench's own sign."""
        whole = found[0][1:-1]
        parts, end = [], 0
        for one in values.finditer(whole):
            parts += [quoted(whole[end : one.start()]), f"({order.known[one[0]]})::text"]
            end = one.end()
        return quoted(whole) if not parts else "(" + " || ".join([*parts, quoted(whole[end:])]) + ")"

    def with_variables(statement: str) -> str:
        pieces, end = [], 0
        for found in TEXT.finditer(statement):
            pieces += [outside(statement[end : found.start()]), text(found)]
            end = found.end()
        return " ".join("".join([*pieces, outside(statement[end:])]).split())

    def outside(piece: str) -> str:
        return re.sub(r"-?\b\d{6,}\b", lambda number: order.known.get(number[0], number[0]), piece)

    lines = ["\\set n :n + 1", "\\set citizen :first + :client_id * :each + :n", "BEGIN;"]
    lines += [f"{with_variables(statement)};" for statement in order.statements]
    path.write_text("\n".join([*lines, "COMMIT;"]) + "\n")
    path.chmod(0o644)
    return path


def quoted(plain: str) -> str:
    return f"U&'{plain.replace('\\', '\\\\').replace(':', '\\003a')}'" if ":" in plain else f"'{plain}'"


def pgbench(place: Place, script: Path, *, first: int, transactions: int) -> float:
    """Transactions a second of 8 clients with prepared statements, each for a citizen of its own."""
    each = transactions // FEW
    command = [
        postgres.BINARIES / "pgbench", "--no-vacuum", "--client", FEW, "--jobs", "2", "--protocol", "prepared",
        "--transactions", each, "--file", script, "--define", "n=-1", "--define", f"each={each}",
        "--define", f"first={first}", "--host", place.postgres_sockets, "--username", LOGIN, DATABASE,
    ]  # fmt: skip
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+) \(without", ran.stdout)
    if ran.returncode or found is None or f"processed: {each * FEW}/" not in ran.stdout:
        raise RuntimeError(f"pgbench failed: {ran.stdout}{ran.stderr}")
    return float(found[1])


def check(*, orders: int) -> None:
    """Every order stands with all that belongs to it, and the books prove."""
    stage.use(DATABASE)
    counts = {}
    with connection.cursor() as cursor:
        for table, condition in (
            ("fund_subscription", "status = 'placed'"),
            ("fund_applicant", "true"),
            ("fund_expected", "received = 0"),
            ("fund_act", "verb = 'place'"),
            ("fund_note", "topic = 'subscription.placed'"),
            ("investors_acceptance", "agreement_id IN (SELECT id FROM investors_agreement WHERE kind = 'prospectus')"),
            ("portal_keptanswer", "status = 201"),
        ):
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}")
            (counts[table],) = cursor.fetchone()
    if set(counts.values()) != {orders}:
        raise RuntimeError(f"{orders} orders were placed, but there are {counts}")
    audit.seal(log=audit.AUDIT, now=timezone.now())
    audit.seal(log=ledger.LEDGER, now=timezone.now())
    if wrong := [one for one in prove.every_check() if not one.clean]:
        raise RuntimeError(f"not clean: {wrong}")
