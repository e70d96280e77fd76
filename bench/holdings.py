"""P5: a citizen's holdings, as a page and by the API, in a fund of many holders beside one of few (D44).

The databases are those of P3 after its NAVs. Each reader has paid for the units by an order: nothing is left out.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.utils import timezone

from bench import nav, stage
from fund import calendars
from fund.holders import Holder
from fund.ledger import post
from fund.ledger.models import Event
from investors.people import Investor
from portal.accounts import User
from portal.local import valkey
from portal.local.place import Place

READERS = 40  # of all holders, spread over them; each looks once in a round


@dataclass(frozen=True)
class Round:
    """Seconds until all readers had seen the page, and had the API's answer."""

    page: float
    api: float


@contextmanager
def beside(place: Place) -> Iterator[None]:
    """Valkey, which counts the requests of programs; this process speaks to it from now on."""
    settings.REDIS_URL = place.redis_url
    valkey.start(place)
    try:
        yield
    finally:
        valkey.stop(place)


def prepare(database: str) -> list[str]:
    """Sign in readers; returns their session tokens."""
    stage.use(database)
    at, now = calendars.books_open(nav.FIRST), timezone.now()
    holders = list(Holder.objects.filter(kind=Holder.Kind.CITIZEN).order_by("pk").values_list("pk", flat=True))
    tokens = []
    for number, holder_id in enumerate(holders[:: len(holders) // READERS][:READERS]):
        user = User.objects.create_user(f"reader{number}@example.org")
        Investor.objects.create(
            user=user, holder_id=holder_id, nations=["JP"], state="approved", registered_at=now,
            verified_until=now + timedelta(days=365),
        )  # fmt: skip
        paid = [post.Line(f"bank:{nav.YEN_BANK}", "held:JPY", nav.UNITS, holder_id)]
        post.post(event=Event.RECEIPT, event_id=uuid.uuid4(), lines=paid, effective_at=at)
        used = [post.Line("held:JPY", "capital:JP", nav.UNITS, holder_id)]
        post.post(event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=used, effective_at=at)
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        tokens.append(str(session.session_key))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()
    return tokens


def run(database: str, tokens: list[str]) -> Round:
    """Every reader looks at the page, then asks the API. Raises RuntimeError when one is not shown what is held."""
    stage.use(database)
    client = Client(SERVER_NAME="localhost")
    client.get("/health/live")  # a client looks for all files when it is asked first
    began = time.monotonic()
    for token in tokens:
        client.cookies[settings.SESSION_COOKIE_NAME] = token
        answer = client.get("/ja/account/holdings")
        if answer.status_code != 200 or "10,000口" not in answer.content.decode():
            raise RuntimeError(f"no holdings on the page: {answer.status_code}")
    between = time.monotonic()
    for token in tokens:
        answer = client.get("/api/v1/holdings", headers={"X-Session-Token": token})
        if answer.status_code != 200 or not answer.json()["results"][0]["paid_in"]:
            raise RuntimeError(f"no holdings by the API: {answer.content!r}")
    ended = time.monotonic()
    connection.close()
    return Round(between - began, ended - between)
