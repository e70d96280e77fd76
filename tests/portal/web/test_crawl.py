"""Every address that is served, as everybody: who is let in, and that another's thing answers as a missing one.

The addresses come from the resolver. The API's operations and the desk's rooms have crawls of their own
(``portal/api/test_who.py``, ``portal/officers/test_pages.py``), which are generated as well; here is everything else.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from fund.money import Currency, Money
from fund.redemption import request
from investors import plans, transfers
from investors.evidence import Document
from portal import access, step_up
from portal.documents import orders as receipts
from portal.webhooks import endpoints
from portal.webhooks.models import Webhook
from tests.fund.redemption import redeeming
from tests.portal.web import giving, stage
from tests.portal.web.conftest import Stage
from tests.portal.web.stage import NOW
from tests.portal.web.test_security_pages import passkey_of

ELSEWHERE = ("api:", "admin:")  # crawled by tests of their own

# ── the declared rules ──
EVERYBODY = """
    home nav nav-csv portfolio portfolio-csv ownership ownership-csv leverage-csv stress-csv commitments-csv
    facilities-csv investment investment-csv leverage returns returns-csv offerings offering demand allotment calendar
    documents document help glossary status verify verify-document verify-holding check-holding-script
    health-live health-ready security-txt set_language
    government_id_begin government_id_callback recover recover-passkey recover-stop
    account_login account_logout account_signup account_signup_by_passkey account_inactive account_confirm_login_code
    account_email_verification_sent account_reset_password account_confirm_password_reset_code
    account_complete_password_reset account_password_reset_completed
    mfa_authenticate mfa_login_webauthn mfa_signup_webauthn
    socialaccount_connections socialaccount_login_cancelled socialaccount_login_error socialaccount_signup
    headless:app:config headless:app:account:current_session headless:app:account:login headless:app:account:signup
    headless:app:account:confirm_login_code headless:app:account:request_password_reset
    headless:app:account:reset_password headless:app:account:verify_email
    headless:app:account:resend_email_verification_code headless:app:account:reauthenticate
    headless:app:mfa:authenticate headless:app:mfa:authenticate_webauthn headless:app:mfa:login_webauthn
    headless:app:mfa:signup_webauthn headless:app:mfa:reauthenticate headless:app:mfa:reauthenticate_webauthn
    headless:app:socialaccount:provider_signup headless:app:socialaccount:provider_token
    headless:app:socialaccount:redirect_to_provider headless:app:tokens:refresh
"""
SIGNED_IN = """
    account profile inbox security end-session government_ids government_id_disconnect usersessions_list
    join join-submit join-documents join-document join-appeal join-again join-check join-step
    account_email account_change_password account_set_password account_reauthenticate
    mfa_index mfa_activate_totp mfa_deactivate_totp mfa_list_webauthn mfa_add_webauthn mfa_edit_webauthn
    mfa_remove_webauthn mfa_generate_recovery_codes mfa_view_recovery_codes mfa_download_recovery_codes
    mfa_reauthenticate mfa_reauthenticate_webauthn
    headless:app:account:change_password headless:app:account:manage_email
    headless:app:mfa:authenticators headless:app:mfa:manage_recovery_codes headless:app:mfa:manage_totp
    headless:app:mfa:manage_webauthn headless:app:socialaccount:manage_providers headless:app:usersessions:sessions
"""
CITIZENS = """
    orders order order-state withdraw subscribe holdings transactions transactions-csv distributions
    redemptions redemption-withdraw
    transfers transfer-code transfer-accept transfer-decline transfer-withdraw transfer-deed transfer-deed-page
    own-documents own-document proof proof-download bank-account bank-account-keep
    webhooks webhook-ping webhook-replay webhook-remove
    plans plan-change plan-accept plan-pause plan-go-on plan-end
"""
NOBODY = """
    metrics
    headless:app:account:manage_phone headless:app:account:verify_phone
    headless:app:account:resend_phone_verification_code
"""
WHO = ("anonymous", "applicant", "citizen", "other", "officer")
LET_IN = {
    **dict.fromkeys(EVERYBODY.split(), frozenset(WHO)),
    **dict.fromkeys(SIGNED_IN.split(), frozenset(WHO) - {"anonymous"}),
    **dict.fromkeys(CITIZENS.split(), frozenset({"citizen", "other"})),
    **dict.fromkeys(NOBODY.split(), frozenset()),
}


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    view: Callable[..., Any]
    places: tuple[str, ...]


def addresses(patterns: Iterable[Any] | None = None, space: str = "", route: str = "") -> Iterator[Address]:
    """Every address of the resolver, but for those that have a crawl of their own."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        here = route + str(one.pattern)
        if isinstance(one, URLResolver):
            inner = f"{space}{one.namespace}:" if one.namespace else space
            if not inner.startswith(ELSEWHERE):
                yield from addresses(one.url_patterns, inner, here)
        elif isinstance(one, URLPattern):
            places = re.findall(r"<(?:\w+:)?(\w+)>", here)
            yield Address(f"{space}{one.name or ''}", here, one.callback, tuple(places))


def undeclared(found: Iterable[Address]) -> set[str]:
    """Addresses that no rule is declared for; a nameless one must be closed to everybody."""
    return {
        f"{one.name} {one.route}"
        for one in found
        if one.name not in LET_IN and (one.name or access.rule_of(one.view, one.name) is not None)
    }


def test_every_address_has_a_declared_rule():
    found = list(addresses())
    assert undeclared(found) == set()
    assert {one.name for one in found if one.name} == set(LET_IN), "a rule without an address"
    new = [path("new", lambda request: HttpResponse("x"), name="new")]
    assert undeclared([*found, *addresses(new)]) == {"new new"}, "negative control"
    bare = [path("bare", access.public(lambda request: HttpResponse("x")))]
    assert undeclared([*found, *addresses(bare)]) == {" bare"}, "negative control: an open one without a name"


# ── the people, and things of theirs ──
@dataclass
class Things:
    """What addresses lead to. ``own``: a citizen's, by the address's name and its places; ``shared``: everybody's."""

    own: dict[str, dict[str, Any]]
    shared: dict[str, dict[str, Any]]


MISSING = {
    "reference": "RF000000000000", "key": UUID(int=1), "webhook": UUID(int=2), "plan": UUID(int=3), "number": 1,
    "pk": 999_999_999,
}  # fmt: skip


@pytest.fixture
def things(everything: Stage, monkeypatch: pytest.MonkeyPatch) -> Things:
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.get_credentials", lambda user: [])
    hanako, order = everything.hanako, everything.order
    RecoveryCodes.activate(hanako.user)
    receipts.receipts(reference=order.reference, now=NOW)
    webhook = endpoints.register(
        user=hanako.user, url="https://app.example.com/", kinds=["subscription.funded"], now=NOW
    )
    session = UserSession.objects.create(user=hanako.user, session_key="x" * 32, ip="127.0.0.1", user_agent="Phone")
    document = Document.objects.filter(application__investor=hanako, replaced_at=None).first()
    assert document is not None
    assert hanako.holder_id
    redeeming.opened()
    asked = request.place(class_code="JP", holder_id=hanako.holder_id, units=1, key="crawl", now=NOW)
    given = giving.offered(hanako, giving.recipient(), 1)
    deed = transfers.add_deed(investor=hanako, transfer=given.pk, taken=giving.paper(), now=NOW)
    giver = giving.recipient()
    giving.units_of(giver, 10)
    received = giving.offered(giver, hanako, 1)
    passkey, reference = {"pk": passkey_of(hanako.user)}, {"reference": order.reference}
    hook = {"webhook": webhook.pk}
    amount = Money(100_000, Currency.JPY)
    plan = {"plan": plans.begin(investor=hanako, class_code="JP", amount=amount, day=25, key="one", now=NOW).pk}
    offered, none = {"code": everything.current.pk}, {"code": "no"}
    shared = {
        "offering": offered,
        "demand": offered,
        "allotment": offered,
        "subscribe": offered,
        "nav-csv": {"code": "JP"},
        "investment": none,
        "investment-csv": none,
        "document": {"kind": "terms", "version": 1},
        "returns-csv": {"table": "owners"},
        "join-step": {"code": "name"},
        "join-check": {"code": "name", "name": "family"},
        "proof-download": {"code": "JP", "day": "2026-10-30"},
        "government_id_begin": none,
        "government_id_callback": none,
        "government_id_disconnect": none,
    }
    own = {
        "order": reference,
        "order-state": reference,
        "withdraw": reference,
        "redemption-withdraw": {"key": asked.pk},
        "transfer-accept": {"key": received.pk},
        "transfer-decline": {"key": received.pk},
        "transfer-withdraw": {"key": given.pk},
        "transfer-deed": {"key": given.pk},
        "transfer-deed-page": {"key": deed.pk, "number": 1},
        "own-document": {"key": hanako.papers.get().pk},
        "webhook-ping": hook,
        "webhook-replay": hook,
        "webhook-remove": hook,
        "plan-change": plan,
        "plan-accept": plan,
        "plan-pause": plan,
        "plan-go-on": plan,
        "plan-end": plan,
        "end-session": {"number": session.pk},
        "join-document": {"key": document.pk, "number": 1},
        "mfa_edit_webauthn": passkey,
        "mfa_remove_webauthn": passkey,
    }
    return Things(own, shared)


@pytest.fixture
def people(everything: Stage, signed_in: Any) -> dict[str, Client]:
    other = stage.approved(stage.person("other@example.org"), everything.keys[1], nation="US")
    clients = {
        "anonymous": Client(),
        "applicant": signed_in(everything.neu),
        "citizen": signed_in(everything.hanako),
        "other": signed_in(other),
        "officer": Client(),
    }
    clients["officer"].force_login(everything.keys[0].user)
    accounts = {"citizen": everything.hanako.user, "other": other.user}
    for who, user in accounts.items():  # who has proved a moment ago that it is them, and is not asked again
        session = clients[who].session
        record_authentication(SimpleNamespace(session=session), user, "password", reauthenticated=True)
        session.save()
    return clients


def where(one: Address, things: Things, *, missing: bool = False) -> str:
    """The address with something in its places. Fails for a new address whose places nothing is known of."""
    if not one.places:
        given: dict[str, Any] = {}
    elif one.name in things.own:
        given = things.own[one.name] | ({p: MISSING[p] for p in one.places if p in MISSING} if missing else {})
    else:
        given = things.shared[one.name]
    return reverse(one.name, kwargs=given)


def let_in(answer: Any) -> bool:
    return 200 <= answer.status_code < 300


def ask(client: Client, method: str, url: str) -> Any:
    """Nothing of it stays."""
    point = transaction.savepoint_create()
    try:
        session = client.cookies.get(settings.SESSION_COOKIE_NAME)
        token = {"X-Session-Token": session.value} if session else {}
        form = ("days=7", "application/x-www-form-urlencoded") if method == "POST" else ()
        return client.generic(method, url, *form, headers={"Accept": "*/*", **token})
    finally:
        transaction.savepoint_rollback(point)


def wrongly_let_in(people: dict[str, Client], things: Things, names: Iterable[str] | None = None) -> list[str]:
    wrong = []
    for one in addresses():
        if one.name and (names is None or one.name in names):
            url = where(one, things)
            for who in set(WHO) - LET_IN[one.name]:
                for method in ("GET", "POST"):
                    if let_in(ask(people[who], method, url)):
                        wrong.append(f"{who} {method} {url}")
    return wrong


def test_nobody_is_let_in_who_may_not(people, things, monkeypatch):
    assert wrongly_let_in(people, things) == []
    # Negative controls: the addresses lead somewhere; a citizens' page that opens to whoever has signed in is found.
    closed = [one for one in addresses() if one.name and "citizen" in LET_IN[one.name] < set(WHO)]
    told = {one.name: ask(people["citizen"], "GET", where(one, things)) for one in closed}
    assert sorted(name for name, answer in told.items() if answer.status_code in (401, 403, 404)) == [
        "proof-download"  # of a day on which she had no units
    ]
    assert len([name for name, answer in told.items() if let_in(answer)]) >= 40
    page = next(one for one in closed if one.name == "webhooks")
    monkeypatch.setattr(page.view, "access", access.signed_in)
    found = wrongly_let_in(people, things, ["webhooks"])
    assert sorted(found) == [f"{who} GET {where(page, things)}" for who in ("applicant", "officer")]


# ── another's thing ──
CHANGING = re.compile(rb'(name="csrfmiddlewaretoken" value|nonce|"csrf_token")="?[^"\s>]*')


def plain(answer: Any, one: Address, things: Things) -> tuple[int, bytes, str]:
    """An answer without the ids that were asked for, and without what changes from one answer to the next."""
    content = CHANGING.sub(b"", answer.content)
    for each in (*things.own[one.name].values(), *MISSING.values()):
        content = content.replace(str(each).encode(), b"")
    return answer.status_code, content, re.sub(r"[0-9a-f-]{30,}|RF\d+|\d{2,}", "", answer.headers.get("Location", ""))


def told_apart(client: Client, things: Things) -> list[str]:
    """Addresses where another's thing answers otherwise than one that does not exist, or is shown."""
    apart = []
    for one in addresses():
        if one.name in things.own:
            for method in ("GET", "POST"):
                foreign, missing = (
                    plain(ask(client, method, where(one, things, missing=absent)), one, things)
                    for absent in (False, True)
                )
                if foreign != missing or foreign[0] not in (302, 404, 405):
                    apart.append(f"{method} {one.name} {foreign[0]} {missing[0]}")
    return apart


def test_anothers_thing_answers_exactly_as_a_missing_one(people, things, everything, monkeypatch):
    assert told_apart(people["other"], things) == []
    # Negative controls: each of them is there for its owner, who is told apart.
    seen = {
        one.name: {ask(people["citizen"], method, where(one, things)).status_code for method in ("GET", "POST")}
        for one in addresses()
        if one.name in things.own
    }
    assert {name: told for name, told in seen.items() if not told & {200, 204, 302, 422}} == {}
    assert {told.split()[1] for told in told_apart(people["citizen"], things)} == set(things.own)
    # A view that forgets to say whose is held by the wall; without the wall it would not be.
    monkeypatch.setattr(endpoints, "of", lambda user: Webhook.objects.exclude(state=Webhook.State.REMOVED))
    assert told_apart(people["other"], things) == []
    monkeypatch.setattr(access, "on_behalf_of", lambda account: None)
    assert "POST webhook-remove 302 404" in told_apart(people["other"], things)
