"""An API with people before it: two citizens, an applicant, an officer, and an offering that is open."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from allauth.headless.internal.sessionkit import new_session
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from fund import calendars, holders
from fund.dealing import offering
from fund.dealing.models import Offering
from fund.governance import approval
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.money import Currency
from fund.nav import strike
from fund.payments import receipts
from investors import agreements, people
from investors.people import Investor
from portal.accounts import User
from portal.api import examples, limits
from tests.fund import building
from tests.portal.api import harvest
from tests.portal.web.stage import SECRET

BASE = "/api/v1"
CODE = "JP-2026-1"
numbers = itertools.count(1)


class Api:
    """A client of the API: paths under /api/v1, JSON in and out, signed in when it has a token."""

    def __init__(self, user: User | None = None, **headers: str) -> None:
        self.user = user
        token = {"X-Session-Token": token_of(user)} if user else {}
        self.headers = {"Accept": "application/json", **token, **headers}
        self.client = Client(raise_request_exception=False)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponseBase:
        """``body``: bytes as they are, or data for JSON. Header names with _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            sent: dict[str, Any] = {}
        else:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"data": data, "content_type": given.pop("Content-Type", "application/json")}
        address = f"{BASE}{path}"

        def send(language: str = "") -> HttpResponseBase:
            spoken = {"Accept-Language": language} if language else {}
            return self.client.generic(method, address, headers={**self.headers, **given, **spoken}, **sent)

        spoken = {"Accept-Language"} & {*given, *self.headers}
        return harvest.in_both_languages(method, address, send) if harvest.WRITING and not spoken else send()

    def get(self, path: str, **headers: str) -> HttpResponseBase:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, key: str | None = "", **headers: str) -> HttpResponseBase:
        """With a new Idempotency-Key, or the given one, or with None without."""
        if key is not None:
            headers["Idempotency_Key"] = key or f"key-{next(numbers)}"
        return self.ask("POST", path, body, **headers)

    def give(self, data: bytes, key: str | None = "", **fields: str) -> HttpResponseBase:
        """A document of the application, as a form."""
        form = {"kind": "passport_page", **fields, "file": SimpleUploadedFile("IMG_0001.JPG", data)}
        body = encode_multipart(BOUNDARY, form)
        return self.post("/application/documents", body, key=key, Content_Type=MULTIPART_CONTENT)

    def subscribe(self, value: str = "100000", key: str | None = "", **changes: Any) -> HttpResponseBase:
        return self.post("/subscriptions", order(value, **changes), key=key)


def order(value: str = "100000", **changes: Any) -> dict[str, Any]:
    amount = {"currency": "JPY", "value": value}
    return {"offering": CODE, "amount": amount, "accepts": ["prospectus:1", "terms:1"], **changes}


def token_of(user: User) -> str:
    """A session of the headless app client, as signing in makes it."""
    session = new_session()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    session.save()
    UserSession.objects.create(user=user, session_key=session.session_key, ip="127.0.0.1", user_agent="app")
    return str(session.session_key)


def make_user(name: str = "person", *, second_factor: bool = True) -> User:
    """Somebody with an account, and an authenticator app."""
    user = User.objects.create_user(f"{name}{next(numbers)}@example.org")
    if second_factor:
        TOTP.activate(user, SECRET)
    return user


def make_citizen(nation: Nation = Nation.JP) -> Investor:
    now = timezone.now()
    investor = people.register(user=make_user("citizen"), now=now)
    investor.holder = holders.register(kind=Holder.Kind.CITIZEN, nation=nation, now=now)
    investor.nations = [nation.value]
    investor.state = Investor.State.APPROVED
    investor.verified_until = now + timedelta(days=365)
    investor.save()
    return investor


def make_officer(nation: Nation) -> Officer:
    user = make_user("officer")
    return Officer.objects.create(
        user=user,
        person=user.email,
        nation=nation,
        name_en="Officer",
        name_ja="担当官",
        duties=list(Duty.values),
        in_office_from=datetime(2020, 1, 1, tzinfo=UTC),
    )


def pytest_sessionfinish() -> None:
    if harvest.WRITING:
        harvest.write()


@pytest.fixture(autouse=True)
def _fresh_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is remembered from the test before, and no test but those of the limits meets a limit."""
    cache.clear()
    monkeypatch.setattr(limits, "CLIENT", limits.Policy("client", 100_000))
    monkeypatch.setattr(limits, "ADDRESS", limits.Policy("address", 100_000))
    yield
    cache.clear()


@pytest.fixture
def anonymous(db: None) -> Api:
    return Api()


@pytest.fixture
def citizen(db: None) -> Api:
    return Api(make_citizen().user)


@pytest.fixture
def other(db: None) -> Api:
    return Api(make_citizen().user)


@pytest.fixture
def applicant(db: None) -> Api:
    return Api(make_user("applicant"))


@pytest.fixture
def officer(db: None) -> Api:
    return Api(make_officer(Nation.JP).user)


def dealing_day(after: datetime) -> date:
    day = after.date() + timedelta(days=1)
    while not calendars.is_dealing_day(day):
        day += timedelta(days=1)
    return day


def make_offering(code: str = CODE, **terms: Any) -> Offering:
    """An open offering of ¥1,000,000 in lots of ¥10,000, and the account to pay to."""
    now = timezone.now()
    agreements.ship()
    if not receipts.BankAccount.objects.exists():
        receipts.open_account(
            code="DEMO-JPY-001",
            currency=Currency.JPY,
            name_en="Kakehashi Fund",
            name_ja="架け橋ファンド",
            bank_name_en="Demonstration Bank",
            bank_name_ja="デモ銀行",
            number="0001234567",
            now=now,
        )
    closes = now + timedelta(days=10)
    plain: dict[str, Any] = {
        "code": code,
        "class_code": "JP",
        "name_en": "First offering",
        "name_ja": "第1回募集",
        "summary_en": "Units for citizens of Japan",
        "summary_ja": "日本の市民のための受益権",
        "capacity": 1_000_000,
        "minimum": 10_000,
        "step": 10_000,
        "maximum": 500_000,
        "lot": 10_000,
        "fixed_price": Decimal(10_000),
        "dealing_day": dealing_day(closes + timedelta(days=5)),
        "opens_at": now - timedelta(days=1),
        "closes_at": closes,
        "pay_by": closes + timedelta(days=5),
        "agreements": ["prospectus:1", "terms:1"],
        "actor": "officer:1",
        "now": now - timedelta(days=2),
    }
    announced = offering.announce(**plain | terms)
    american, japanese = make_officer(Nation.US), make_officer(Nation.JP)
    proposal = offering.propose_opening(offering=announced, officer=american, now=now)
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=now)
    carry_out(offering.carry_out_opening, proposal, now)
    announced.refresh_from_db()
    assert announced.state == Offering.State.OPEN
    return announced


def carry_out(verb: Callable[..., Any], proposal: approval.Proposal, now: datetime) -> Any:
    return verb(proposal=proposal, now=now)


@pytest.fixture
def opened(db: None) -> Offering:
    return make_offering()


def price_the_fund() -> None:
    """A small fund with two published NAVs."""
    days = [date(2026, 3, 30), date(2026, 3, 31)]
    building.open_banks()
    for day in days:
        building.rate(day, 150)
    building.contribute_both(building.dollars(1_000_000), day=days[0])
    citizen = building.citizen(building.Nation.JP)
    building.settle(citizen, "JP", building.yen(1_000_000), 1_000_000, at=building.NOW.replace(month=3, day=30))
    held = building.investment()
    building.invest(
        investment=held,
        money=building.dollars(500_000),
        bank_account=building.USD,
        day=days[0],
        now=building.NOW,
        event_id=building.uuid.uuid4(),
    )
    building.facility()
    keys = building.officers()
    for day in days:
        building.publish(strike.value(day=day, now=building.NOW), keys)


@pytest.fixture
def priced(db: None) -> None:
    price_the_fund()


def problem(answer: HttpResponseBase) -> dict[str, Any]:
    """The problem document of an answer, whose form is checked."""
    assert answer["Content-Type"] == "application/problem+json", answer
    document = json.loads(answer.content)  # type: ignore[attr-defined]
    assert document.keys() == {"type", "status", "code", "title", "detail", "errors"}
    assert document["status"] == answer.status_code
    known = harvest.WRITING or document["code"] in examples.kept()["problems"]
    assert known, f"no example of {document['code']}: EXAMPLES=write pytest tests/portal/api"
    assert all(error.keys() == {"pointer", "code", "detail"} for error in document["errors"])
    return document


def pointers(answer: HttpResponseBase) -> list[str]:
    return sorted(error["pointer"] for error in problem(answer)["errors"])
