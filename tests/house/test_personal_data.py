"""Planted identity numbers, names and birth dates stand nowhere in clear: database, WAL, Valkey, logs, pages.

They come in by the real ways, also where they do not belong: refused forms, broken requests, addresses, exceptions. The
negative control plants one number in every place in every form, and the same scan finds it each time.
"""

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import BadRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone
from stdnum.jp import in_
from stdnum.us import ssn as us_ssn

from fund.governance import outbox
from fund.governance.audit import Act
from fund.governance.officers import Duty
from investors import bank_accounts, judging, onboarding, vault
from investors.applications import Application
from investors.people import Investor
from investors.steps import Known, papers
from investors.vault import Purpose
from portal import access, relay, tasks
from portal import urls as portal_urls
from portal.api import limits
from portal.notices import mail as mails
from tests.house.traces import FORMS, Scanner, grouped, wide
from tests.investors.conftest import japanese, make_officer, specimen
from tests.portal.api.conftest import Api, token_of

PEOPLE = 1_000 if "NATION" in os.environ else 100
SEED = random.randrange(10**9)
KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノマミムメモ"


@access.public
def stumble(request: HttpRequest) -> HttpResponse:
    """A page with a mistake, whose exception carries what was typed."""
    raise ValueError(f"cannot read {request.POST.get('number')} of {request.GET.get('number')}")


@access.public
def object_to(request: HttpRequest) -> HttpResponse:
    raise BadRequest(f"not a number: {request.POST.get('number')}, {request.GET.get('number')}")


urlpatterns = [
    path("en/test/stumble", stumble, name="test-stumble"),
    path("en/test/object", object_to, name="test-object"),
    *portal_urls.urlpatterns,
]


class Planted:
    """One person who does not exist, with numbers that could."""

    def __init__(self, dice: random.Random, place: int) -> None:
        self.ssn = next(n for n in iter(lambda: f"{dice.randrange(10**8, 9 * 10**8):09}", "") if us_ssn.is_valid(n))
        start = f"{dice.randrange(10**10, 10**11)}"
        self.my_number = start + in_.calc_check_digit(start)
        self.family = "".join(dice.choices("BCDFGHJKLMNPQRSTVWXZ", k=12))
        self.kana = "".join(dice.choices(KANA, k=8))
        self.born = (date(1931, 1, 1) + timedelta(days=dice.randrange(15_000))).isoformat()
        self.email = f"person-{place}@example.org"

    @property
    def numbers(self) -> list[str]:
        return [self.ssn, self.my_number]

    @property
    def texts(self) -> list[str]:
        return [*self.numbers, self.family, self.kana, self.born]

    def answers(self) -> dict[str, dict[str, Any]]:
        told = japanese(
            citizenship={"nations": ["US", "JP"]},
            name={"family_latin": self.family, "family_kana": self.kana},
            birth={"birth_date": self.born},
            identity_document={"expires_on": f"{timezone.now().year + 4}-05-01"},
            tax={"us_person": "true", "backup_withholding": "false", "signature": self.family},
            bank_account={"holder": f"{self.kana} ショウタ"},
        )
        told["numbers"] = {"ssn": grouped(self.ssn), "my_number": wide(grouped(self.my_number))}
        for absent in ("treaty_claim", "foreign_status"):
            told["tax"].pop(absent)
        return told


class Town:
    """What is looked at: everything the people's data could have run into."""

    def __init__(self, log: Path) -> None:
        self.log, self.pages = log, []
        self.client, self.api = Client(raise_request_exception=False), Api()
        self.api.client = self.client  # one of each: a client reads every static file's name when it is made
        self.valkey = redis.Redis.from_url(settings.REDIS_URL)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")
            (self.first_wal,) = cursor.fetchone()
            cursor.execute("SHOW data_directory")
            self.data = Path(cursor.fetchone()[0])
            cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
            self.files = self.data / "base" / str(cursor.fetchone()[0])

    def keep(self, answer: Any) -> Any:
        """A page that says something went wrong; a form that is given back to be mended shows what was typed."""
        if answer.status_code in (400, 403, 404, 500):
            self.pages.append((answer.status_code, answer.content))
        return answer

    def places(self) -> dict[str, bytes]:
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
        run = self.data.parent
        wal = sorted(one for one in (self.data / "pg_wal").iterdir() if len(one.name) == 24)
        return {
            "dump": b"\n".join(self._dump()),
            "data files": b"".join(one.read_bytes() for one in self.files.iterdir() if one.is_file()),
            "WAL": b"".join(one.read_bytes() for one in wal if one.name >= self.first_wal),
            "keys of Valkey": b"\n".join(self._keys()),
            "files of Valkey": b"".join(one.read_bytes() for one in (run / "valkey").rglob("*") if one.is_file()),
            "logs of the services": b"".join(one.read_bytes() for one in run.glob("*.log")),
            "log of the site": self.log.read_bytes(),
            "files that were kept": b"".join(
                one.read_bytes() for one in Path(settings.MEDIA_ROOT).rglob("*") if one.is_file()
            ),
            "mail": "\n".join(f"{one.subject}\n{one.body}" for one in mail.outbox).encode(),
        }

    def _dump(self) -> Iterator[bytes]:
        """Every table: texts as text, binary columns as they are."""
        tables = {model._meta.db_table for model in apps.get_models()} | {"django_session", "django_migrations"}
        for table in sorted(tables):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT quote_ident(attname), atttypid = 'bytea'::regtype FROM pg_attribute"
                    " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
                    [f'"{table}"'],
                )
                columns = cursor.fetchall()
                for binary in (False, True):
                    if chosen := [name for name, is_binary in columns if is_binary == binary]:
                        yield from self._copy(cursor, f'SELECT {", ".join(chosen)} FROM "{table}"', binary)

    def _copy(self, cursor: Any, query: str, binary: bool) -> Iterator[bytes]:
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT {'binary' if binary else 'text'})") as copy:
            yield b"".join(bytes(piece) for piece in copy)

    def _keys(self) -> Iterator[bytes]:
        """Keys and values of every type."""
        read: dict[bytes, Callable[[bytes], Any]] = {
            b"none": lambda key: [],  # it has run out since it was listed
            b"string": lambda key: [self.valkey.get(key)],
            b"list": lambda key: self.valkey.lrange(key, 0, -1),
            b"set": self.valkey.smembers,
            b"zset": lambda key: self.valkey.zrange(key, 0, -1),
            b"hash": lambda key: [part for pair in self.valkey.hgetall(key).items() for part in pair],
        }
        for key in self.valkey.scan_iter(count=1_000):
            yield key
            yield from (part for part in read[self.valkey.type(key)](key) if part)


@pytest.fixture
def town(transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Everything is logged at DEBUG, the statements of the database too, in the site's own format."""
    cache.clear()
    settings.ROOT_URLCONF = __name__
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CITIZEN_MFA_REQUIRED = False
    for name in ("CLIENT", "ADDRESS"):
        monkeypatch.setattr(limits, name, limits.Policy(name, 1_000_000))
    handler = logging.FileHandler(tmp_path / "site.log")
    handler.setFormatter(DictConfigurator({}).configure_formatter(dict(settings.LOGGING["formatters"]["line"])))
    loggers = [logging.getLogger(name) for name in ("", "django", "django.db.backends", "django.request")]
    levels = [(one, one.level) for one in loggers]
    for one in loggers:
        one.setLevel(logging.DEBUG)
    others = [(one, one.level) for one in loggers[0].handlers]
    for one, _level in others:
        one.setLevel(logging.CRITICAL)  # nobody reads it on the console of the tests
    loggers[0].addHandler(handler)
    connection.force_debug_cursor = True
    yield Town(tmp_path / "site.log")
    connection.force_debug_cursor = False
    loggers[0].removeHandler(handler)
    for one, level in [*levels, *others]:
        one.setLevel(level)
    handler.close()
    cache.clear()


BROWSERS, MISTAKEN = 10, 12  # so many use the site, so many get everything wrong that can be; the others use the API


def come_in(town: Town, one: Planted, place: int) -> None:
    """Every way that a citizen's data takes into the house, and those that it should not take."""
    user = get_user_model().objects.create_user(one.email)
    client, api = town.client, town.api
    api.headers["X-Session-Token"] = token_of(user)
    answers = one.answers()
    mistyped = one.my_number[:-1] + str((int(one.my_number[-1]) + 1) % 10)
    if place < BROWSERS:
        client.force_login(user)
    if place % 2 or place >= BROWSERS:
        both = {"answers": answers | {"birth": {"birth_date": "tomorrow"}}}
        if place < MISTAKEN:
            assert town.keep(api.ask("PATCH", "/application", both)).status_code == 400
        town.keep(api.ask("PATCH", "/application", {"answers": {"numbers": {"ssn": one.ssn, "no": one.my_number}}}))
        town.keep(api.ask("PATCH", "/application", json.dumps({"answers": one.numbers}).encode() + b"}"))
        answer = api.ask("PATCH", "/application", {"answers": answers})
        assert answer.status_code == 200, answer.content
    else:
        for code, given in answers.items():
            if code == "numbers":
                assert client.post(f"/en/join/{code}", {"ssn": one.ssn, "my_number": mistyped}).status_code == 422
            if place < 4:
                town.keep(client.post(f"/en/join/{code}", {"csrf": one.ssn, "postcode": one.my_number}))
            answer = client.post(f"/ja/join/{code}", given)
            assert answer.status_code == 302, (code, answer.context["form"].errors)
    if place >= MISTAKEN:
        return
    number = one.numbers[place % 2]
    for typed in (number, grouped(number), wide(number)):
        for page in ("/en/test/stumble", "/en/test/object"):
            assert town.keep(client.post(f"{page}?number={typed}", {"number": typed})).status_code in (400, 500)
        assert town.keep(client.get(f"/en/join/{typed}")).status_code == 404
        town.keep(client.get("/en/join/numbers", {"my_number": typed}))
        town.keep(client.post("/en/account/login/", {"login": f"{typed}@example.org", "password": typed}))
        town.keep(client.post("/en/account/login/", {"login": typed, "password": typed}))
        town.keep(api.ask("GET", f"/application?my_number={typed}"))
        town.keep(api.ask("GET", f"/subscriptions/{typed}"))
        town.keep(api.post("/subscriptions", {"offering": typed, "amount": typed}, key=None))
        town.keep(api.post("/subscriptions", {"offering": typed, "amount": typed}))
        town.keep(client.post("/en/join/numbers", {"ssn": typed}, headers={"host": f"x{number}.example"}))


def work(town: Town, people: list[Planted]) -> None:
    """What the house does with it: rules, officers, notices, mails, messages to the workers, reading the numbers."""
    officer = make_officer(Duty.ONBOARDING, email="reader@example.org")
    now = timezone.now()
    for place, one in enumerate(people[:6]):
        investor = Investor.objects.get(user__email=one.email)
        for kind in papers.needed(Known(now, one.answers())):
            onboarding.add_document(investor=investor, kind=kind, taken=specimen(f"{place} {kind}"), now=now)
        application = onboarding.submit(investor=investor, now=now)
        judging.review(application_id=application.pk, officer=officer, now=now)
        if place < 2:
            judging.assess(application_id=application.pk, now=now)
            outcome = ["approved", "refused"][place]
            judging.decide(
                application_id=application.pk, officer=officer, outcome=outcome, reasons=["contradiction"], now=now
            )
        for row in (investor.my_number, investor.taxpayer_number):
            vault.read(row, "number", purpose=Purpose.TAX_REPORT, actor=officer.actor, now=now)
    approved = Investor.objects.get(user__email=people[0].email)
    other = japanese()["bank_account"] | {"holder": f"{people[0].kana} ショウタ", "deposit_number": "7654321"}
    bank_accounts.change(investor=approved, answers=other, now=now)
    sent: list[tuple[str, int]] = []
    while relay.sweep(now=timezone.now(), send=lambda task, number: sent.append((task, number))):
        pass
    for task, number in sent:
        tasks.send(task, number)
        tasks.app.tasks[f"portal.{task}"].run(number)
    mails.send_due(now=timezone.now())
    assert len(sent) > 6 and mail.outbox


def test_nothing_personal_stands_anywhere(town: Town) -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    people = [Planted(dice, place) for place in range(PEOPLE)]
    for place, one in enumerate(people):
        connection.force_debug_cursor = place < MISTAKEN  # statements are logged for a few: it takes its time
        come_in(town, one, place)
    connection.force_debug_cursor = True
    work(town, people)
    kinds = ("SSN", "My Number", "name", "kana", "birth date")
    names = {text: kind for one in people for kind, text in zip(kinds, one.texts, strict=True)}
    scanner = Scanner(names)
    places = town.places()
    print({name: len(data) for name, data in places.items()}, len(town.pages), "pages")
    found = {name: {(names[text], form) for text, form in scanner.hits(data)} for name, data in places.items()}
    assert {name: forms for name, forms in found.items() if forms} == {}
    numbers = Scanner(number for one in people for number in one.numbers)
    shown = {(status, form) for status, page in town.pages for _text, form in numbers.hits(page)}
    assert shown == set()
    assert {status for status, _page in town.pages} >= {400, 404, 500}
    assert all(data for name, data in places.items() if name != "files that were kept"), "every place was looked at"


def test_the_scan_finds_what_is_planted(town: Town) -> None:
    """Negative control of the test above: one number in clear in each place, in each form, is found in all of them."""
    control = "217984356"
    written = {form: write(control).decode("latin-1") for form, write in FORMS.items()}
    now = timezone.now()
    Path(settings.MEDIA_ROOT).mkdir()
    for place, (form, text) in enumerate(written.items()):
        shown = FORMS[form](control).decode("utf-8").replace("\0", "")
        Act.objects.create(at=now, actor="control", verb="control", subject="control", detail={"of": shown})
        Application.objects.create(
            investor=Investor.objects.create(user_id=_user(place), registered_at=now, name=FORMS[form](control)),
            opened_at=now,
        )
        outbox.leave(topic="control", subject=shown, now=now)
        town.valkey.set(f"control:{place}", FORMS[form](control))
        town.valkey.lpush("control:list", FORMS[form](control))
        with town.log.open("ab") as log:
            log.write(FORMS[form](control) + b"\n")
        (Path(settings.MEDIA_ROOT) / str(place)).write_bytes(text.encode("latin-1"))
    connection.force_debug_cursor = False
    mail.EmailMessage("control", "\n".join(FORMS[form](control).decode() for form in FORMS), to=["a@b.example"]).send()
    tasks.send("control", control)  # type: ignore[arg-type]
    scanner = Scanner([control])
    found = {name: {form for _text, form in scanner.hits(data)} for name, data in town.places().items()}
    found.pop("logs of the services")  # PostgreSQL and Valkey have written no line about it
    missed = {name: sorted(set(FORMS) - forms) for name, forms in found.items() if set(FORMS) - forms}
    assert missed == {}


def _user(place: int) -> int:
    return get_user_model().objects.create_user(f"control-{place}@example.org").pk
