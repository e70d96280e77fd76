"""Orders and citizens: found by an index, paged by key, and nothing personal among them."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fund.dealing.models import Subscription
from fund.governance.outbox import Note
from fund.payments import references
from investors import judging
from investors.applications import Application
from investors.people import Investor
from portal.officers import newest
from portal.officers.room import COUNT_AT_MOST, Room
from tests.investors.conftest import NOW, japanese, person, submitted  # noqa: F401  # a fixture
from tests.portal.officers.conftest import sign_in

ORDERS = "/en/officers/fund/subscription/"
CITIZENS = "/en/officers/investors/investor/"


@pytest.fixture
def browser(make_officer):
    return sign_in(make_officer("JP", duties=["onboarding"]).user)


@pytest.fixture
def approved(person, make_officer) -> Investor:  # noqa: F811
    key = submitted(person("shota@example.org"), japanese())
    judging.decide(application_id=key, officer=make_officer(duties=["onboarding"]), outcome="approved", now=NOW)
    return Application.objects.get(pk=key).investor


@pytest.fixture
def order(approved) -> Subscription:
    told = references.create()
    return Subscription.objects.create(
        reference=told, numeric_reference=references.numeric(told), offering_id="JP-1",
        holder_id=approved.holder_id, amount=30_000, currency="JPY", key="k", received_at=NOW,
    )  # fmt: skip


def rows(answer) -> list:
    return list(answer.context["cl"].result_list)


@pytest.mark.parametrize("how", ["reference", "with spaces and small letters", "ten digits"])
def test_an_order_is_found_by_either_reference(browser, order, how):
    asked = {
        "reference": order.reference,
        "with spaces and small letters": f" {order.reference[:4]} {order.reference[4:]} ".lower(),
        "ten digits": order.numeric_reference,
    }[how]
    assert rows(browser.get(ORDERS, {"q": asked})) == [order]
    assert rows(browser.get(ORDERS, {"q": asked.strip()[:-1]})) == []


@pytest.mark.parametrize("how", ["address", "number", "order", "nobody", "no number"])
def test_a_citizen_is_found(browser, approved, order, how):
    asked = {
        "address": "Shota@Example.org", "number": str(approved.pk), "order": order.reference,
        "nobody": "nobody@example.org", "no number": "x" * 40,
    }[how]  # fmt: skip
    assert rows(browser.get(CITIZENS, {"q": asked})) == ([approved] if how in ("address", "number", "order") else [])


def test_a_citizens_page_leads_to_the_case_the_orders_and_the_acts(browser, approved, order):
    text = browser.get(f"{CITIZENS}{approved.pk}/").content.decode()
    assert order.reference in text and "¥30,000" in text and f"actor=investor:{approved.pk}" in text
    assert "/officers/investors/application/" in text
    for personal in ("髙﨑", "TAKASAKI", "1990-04-30", "shota@example.org"):
        assert personal not in text


def test_an_orders_page_leads_to_its_citizen(browser, approved, order):
    text = browser.get(f"{ORDERS}{order.pk}/").content.decode()
    assert f"/officers/investors/investor/{approved.pk}/" in text and "¥30,000" in text and "placed" in text


# ── pages by key ──
@pytest.fixture
def notes(db) -> list[int]:
    made = Note.objects.bulk_create(Note(topic=f"a.{n % 2}", subject="x", left_at=NOW) for n in range(120))
    return [one.pk for one in made][::-1]


def test_older_pages_go_on_where_the_newer_ended_whatever_comes_meanwhile(make_officer, notes):
    browser = sign_in(make_officer(duties=["audit"]).user)
    page, seen = "/en/officers/fund/note/", []
    while True:
        answer = browser.get(page)
        seen += [one.pk for one in rows(answer)]
        Note.objects.create(topic="a.new", subject="x", left_at=NOW)
        older = answer.context["cl"].older
        if older is None:
            break
        assert f"before={older}" in answer.content.decode()
        page = f"/en/officers/fund/note/?before={older}"
    assert [one for one in seen if one in notes] == notes


def test_a_search_is_paged_as_well_and_a_filter_begins_anew(make_officer, notes):
    browser = sign_in(make_officer(duties=["audit"]).user)
    answer = browser.get("/en/officers/fund/note/", {"q": "a.1"})
    assert len(rows(answer)) == 50
    older = answer.context["cl"].older
    answer = browser.get("/en/officers/fund/note/", {"q": "a.1", "before": older})
    assert len(rows(answer)) == 10 and answer.context["cl"].older is None
    assert "before" not in answer.context["cl"].get_query_string({"relayed_at__isempty": 1})


def test_nonsense_for_a_key_shows_nothing(make_officer, notes):
    browser = sign_in(make_officer(duties=["audit"]).user)
    answer = browser.get("/en/officers/fund/note/", {"before": "nonsense"})
    assert answer.status_code == 200 and rows(answer) == []


def longest_read(browser, page: str) -> int:
    """The most rows that the list's own statements ask for; each of them has a bound."""
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(page).status_code == 200
    own = [one["sql"] for one in asked if re.search(r'FROM "(fund_subscription|investors_investor)"', one["sql"])]
    lists = [sql for sql in own if "ORDER BY" in sql or "COUNT(" in sql.upper() or "OFFSET" in sql]
    assert lists and not any("OFFSET" in sql or "COUNT(" in sql.upper() for sql in lists)
    return max(int(bound) for sql in own for bound in re.findall(r"LIMIT (\d+)", sql)[-1:])


@pytest.mark.parametrize("page", [ORDERS, CITIZENS, f"{CITIZENS}?q=nobody@example.org"])
def test_no_list_of_many_is_counted_or_skipped_through(browser, order, page):
    assert longest_read(browser, page) == newest.Endless.list_per_page + 1


def test_another_list_would_be_counted_to_a_thousand(browser, order, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(newest.Endless, "get_changelist", Room.get_changelist)
    assert longest_read(browser, ORDERS) == COUNT_AT_MOST
