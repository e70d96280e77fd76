"""Every address of the officers' site, as everybody: who reads it, that reading changes nothing, both languages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver
from django.utils import timezone

from fund.governance import audit, config, outbox
from fund.governance.audit import Act
from fund.governance.officers import Duty
from portal.officers.room import COUNT_AT_MOST, Room
from portal.officers.rooms import site
from portal.relay import Delivery
from tests.portal.officers.conftest import make_user, sign_in
from tests.portal.web.reading import SENTENCE, Reader

WHO_LOOKS = {
    "note": {Duty.ADMINISTRATION, Duty.AUDIT},
    "delivery": {Duty.ADMINISTRATION, Duty.AUDIT},
    "webhookdelivery": {Duty.ADMINISTRATION, Duty.AUDIT},
    "officer": set(Duty),
    "fenceentry": set(Duty),
    "bankfile": {Duty.PAYMENTS, Duty.AUDIT},
    "payoutrun": {Duty.PAYMENTS, Duty.AUDIT},
    "payeeaccount": {Duty.PAYMENTS, Duty.AUDIT},
    "taxyear": {Duty.PAYMENTS, Duty.AUDIT},
    "bankentry": {Duty.PAYMENTS, Duty.AUDIT},
    "bankanswer": {Duty.PAYMENTS, Duty.AUDIT},
    "bankaccount": {Duty.PAYMENTS, Duty.AUDIT},
    "application": {Duty.ONBOARDING},
    "hit": {Duty.ONBOARDING},
    "recoverycase": {Duty.ONBOARDING},
    "duplicatecase": {Duty.ONBOARDING},
    "conveyance": {Duty.ONBOARDING},
    "estate": {Duty.ONBOARDING},
    "investor": {Duty.ONBOARDING, Duty.PAYMENTS, Duty.AUDIT},
    "subscription": {Duty.ONBOARDING, Duty.DEALING, Duty.PAYMENTS, Duty.AUDIT},
    "proposal": set(Duty),
    "setting": set(Duty),
    "act": set(Duty),
    "offering": set(Duty),
    "redemptionwindow": set(Duty),
    "outage": set(Duty),
    "nav": set(Duty),
    "distribution": set(Duty),
    "holdingroot": set(Duty),
    "investment": set(Duty),
    "facility": set(Duty),
    "call": set(Duty),
    "importedfile": {Duty.VALUATION, Duty.AUDIT},
}

ROOMS = [room for room in site._registry.values() if isinstance(room, Room)]


@pytest.fixture
def rows(american) -> dict[str, str]:
    """One row of the rooms that stand without further ado, by the model's name."""
    now = timezone.now()
    proposal = config.propose(
        key="reverification.months",
        value=12,
        effective_from=now + timedelta(days=1),
        officer=american,
        now=now,
        reason="x",
    )
    return {
        "proposal": str(proposal.pk),
        "setting": "cap.citizen",
        "act": str(audit.record(actor="system", verb="x", subject="y", now=now).pk),
        "note": str(outbox.leave(topic="a.b", subject="c", now=now).pk),
        "officer": str(american.pk),
    }


def addresses(rows: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(model, kind, address): kind is list, page, missing or act."""
    for room in ROOMS:
        model = room.opts.model_name
        base = f"/en/officers/{room.opts.app_label}/{model}/"
        yield model, "list", base
        yield model, "missing", f"{base}999999999/"
        if row := rows.get(model):
            yield model, "page", f"{base}{row}/"
        for name, rule in room.acts().items():
            yield model, "act", f"{base}{rows.get(model, '999999999')}/{name}/" if rule.on_row else f"{base}{name}/"


def test_every_room_is_known_to_these_tests():
    assert {room.opts.model_name for room in ROOMS} <= set(WHO_LOOKS)


def test_there_are_no_addresses_but_these():
    """The desk, and in each room the list, the page and the acts: no add, change, delete, password form or lookup."""
    names = []
    for one in site.get_urls():
        names += [inner.name for inner in one.url_patterns] if isinstance(one, URLResolver) else [one.name]
    expected = ["index"]
    for room in ROOMS:
        stem = f"{room.opts.app_label}_{room.opts.model_name}"
        expected += [f"{stem}_changelist", *(f"{stem}_{name}" for name in room.acts()), f"{stem}_change"]
    assert sorted(names) == sorted(expected)


@pytest.mark.parametrize("duty", list(Duty))
def test_a_duty_opens_its_rooms_and_no_others(make_officer, rows, duty):
    client = sign_in(make_officer(duties=[duty.value]).user)
    wrong = []
    for model, kind, url in addresses(rows):
        inside = duty in WHO_LOOKS[model]
        expected = {"list": 200, "page": 200, "missing": 404, "act": 405}[kind] if inside or kind == "act" else 403
        if (found := client.get(url).status_code) != expected:
            wrong.append((url, found, expected))
    assert wrong == []


@pytest.mark.parametrize("who", ["anonymous", "citizen", "former officer"])
def test_others_enter_nowhere(make_officer, rows, who):
    client = {
        "anonymous": Client,
        "citizen": lambda: sign_in(make_user("citizen@example.org")),
        "former officer": lambda: sign_in(make_officer(until=timezone.now()).user),
    }[who]()
    refused = 302 if who == "anonymous" else 403
    for _model, _kind, url in addresses(rows):
        assert client.get(url).status_code == refused, url
        assert client.post(url).status_code == refused, url


def everything() -> str:
    """A fingerprint of every table of the three houses, but for sign-ins."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^(fund|investors|portal)_'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        prints = []
        for table in sorted(tables):
            cursor.execute(f"SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {table} t")
            prints.append(f"{table} {cursor.fetchone()[0]}")
    return "\n".join(prints)


def test_reading_changes_nothing(american, rows):
    client = sign_in(american.user)
    before = everything()
    for _model, _kind, url in addresses(rows):
        client.get(url)
        client.get(f"{url}?o=1&q=x&before=5")
        client.head(url)
    assert everything() == before


def test_a_post_would_be_noticed(american, rows):
    """Negative control: the fingerprint does see an act."""
    client = sign_in(american.user)
    before = everything()
    client.post(f"/en/officers/fund/proposal/{rows['proposal']}/withdraw/")
    assert everything() != before


def test_a_list_is_not_posted_to(american, rows):
    client = sign_in(american.user)
    assert {client.post(url).status_code for _model, kind, url in addresses(rows) if kind in ("list", "page")} == {405}


MADE_UP = [
    "q=%00",
    "o=99.-99",
    "p=-1",
    "p=x",
    "e=1",
    "nonsense=1",
    "nonsense=1&e=1",
    "state__exact=%00",
    "status__exact=x",
]


def test_addresses_made_up_by_hand_break_nothing(american, rows):
    client = sign_in(american.user)
    for _model, kind, url in addresses(rows):
        if kind == "list":
            for query in MADE_UP:
                assert client.get(f"{url}?{query}", follow=True).status_code in (200, 400), (url, query)
            for odd in ("%00", "_00", "..%2F", "9" * 40, "a b"):
                assert client.get(f"{url}{odd}/").status_code == 404, (url, odd)


def test_lists_count_no_further_than_a_thousand(american, rows):
    client = sign_in(american.user)
    for _model, kind, url in addresses(rows):
        if kind == "list":
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            counted = [one["sql"] for one in queries if 'COUNT(*) AS "__count"' in one["sql"]]
            assert counted == [], url


def test_a_dead_delivery_is_tried_again_by_administration_and_recorded(make_officer):
    now = timezone.now()
    dead = Delivery.objects.create(
        note=outbox.leave(topic="a.b", subject="c", now=now), task="settle", due_at=now, failures=20, dead_at=now
    )
    auditor, administrator = make_officer(duties=["audit"]), make_officer(duties=["administration"])
    url = f"/en/officers/portal/delivery/{dead.pk}/"
    assert sign_in(auditor.user).post(f"{url}revive/").status_code == 403
    client = sign_in(administrator.user)
    assert "Deliveries given up" in client.get("/en/officers/").content.decode().split("Empty:")[0]
    client.post(f"{url}revive/")
    dead.refresh_from_db()
    assert (dead.dead_at, dead.failures) == (None, 0)
    assert Act.objects.get(verb="revive").actor == administrator.actor


def test_a_long_list_says_that_it_goes_on(american):
    now = timezone.now()
    outbox.Note.objects.bulk_create(
        outbox.Note(topic="a.b", subject=str(number), left_at=now) for number in range(COUNT_AT_MOST + 200)
    )
    client = sign_in(american.user)
    assert 'rel="next">Older' in client.get("/en/officers/fund/note/").content.decode()
    assert client.get("/en/officers/fund/note/?q=1150").context["cl"].result_count == 1
    assert "1,000+" in client.get("/en/officers/").content.decode()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_stands_in_both_languages(american, rows, language):
    client = sign_in(american.user)
    for _model, kind, url in addresses(rows):
        if kind in ("list", "page"):
            answer = client.get(url.replace("/en/", f"/{language}/"))
            assert f'<html lang="{language}">' in answer.content.decode(), url


def test_the_switch_keeps_the_page(american, rows):
    client = sign_in(american.user)
    url = f"/en/officers/fund/proposal/{rows['proposal']}/"
    answer = client.post("/i18n/setlang/", {"language": "ja", "next": url})
    assert answer.url == url.replace("/en/", "/ja/")


def test_no_sentence_of_ours_is_left_in_english(american, rows):
    client = sign_in(american.user)
    client.get("/en/officers/")  # reads the greeting of the sign-in, which was in English
    left = []
    for _model, kind, url in addresses(rows):
        if kind in ("list", "page"):
            page = Reader(client.get(url.replace("/en/", "/ja/")).content.decode())
            left += [f"{url}: {text}" for text in page.texts if SENTENCE.search(text)]
    assert left == []


def test_an_english_page_would_be_noticed(american, rows):
    """Negative control."""
    page = Reader(sign_in(american.user).get("/en/officers/fund/setting/").content.decode())
    assert [text for text in page.texts if SENTENCE.search(text)] != []
