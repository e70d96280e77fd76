"""What everybody reads: the figures, the offering with its demand and its book, ETags, pages and tables."""

import csv
import hashlib
import hmac
import io
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from fund.dealing import allotment, offering
from fund.dealing.models import Offering, Subscription
from fund.governance import approval
from portal.api import offerings, overview, pages
from portal.spreadsheets import cell
from tests.fund import building
from tests.portal.api.conftest import CODE, Api, make_citizen, make_offering, make_officer, pointers

pytestmark = pytest.mark.django_db


def test_the_fund_in_figures(anonymous, priced):
    fund = anonymous.get("/fund").json()
    assert fund["nav"]["valuation_day"] == "2026-03-31"
    assert fund["nav"]["net"]["currency"] == "USD"
    assert fund["nav"]["usd_jpy"] == "150.0000"
    assert fund["nav"]["published_at"] == "2026-04-01T09:00:00Z"


def test_the_fund_before_its_first_nav(anonymous):
    assert anonymous.get("/fund").json()["nav"] is None
    assert anonymous.get("/leverage").json()["code"] == "nothing_published"


def test_the_classes_and_their_prices(anonymous, priced):
    classes = {one["code"]: one for one in anonymous.get("/classes").json()["results"]}
    assert classes.keys() == {"SOV", "LP", "US", "JP"}
    assert classes["JP"]["units"] == "1000000"
    assert classes["US"]["price"] == {"currency": "USD", "value": "10.0000", "per": "1.0000"}
    assert classes["US"]["priced_on"] is None
    assert classes["JP"]["price"]["per"] == "10000"
    assert "." not in classes["JP"]["price"]["value"]
    assert classes["JP"]["priced_on"] == "2026-03-31"


def test_the_prices_of_a_class_newest_first(anonymous, priced):
    navs = anonymous.get("/navs?class=JP").json()
    assert [one["valuation_day"] for one in navs["results"]] == ["2026-03-31", "2026-03-30"]
    assert navs["next"] is None


def test_the_same_prices_as_a_table(anonymous, priced):
    answer = anonymous.get("/navs?class=JP", Accept="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["valuation_day"] for row in rows] == ["2026-03-31", "2026-03-30"]
    assert rows[0]["price_currency"] == "JPY"
    assert rows[0]["value_currency"] == "JPY"


def test_pages_follow_each_other_without_gap_or_double(anonymous, priced, monkeypatch):
    monkeypatch.setattr(overview, "page", lambda *told, **named: pages.page(*told, **{**named, "size": 1}))
    seen, path = [], "/navs?class=JP"
    while path:
        answer = anonymous.get(path).json()
        seen += [one["valuation_day"] for one in answer["results"]]
        path = answer["next"] and "/navs?" + urlsplit(answer["next"]).query
    assert seen == ["2026-03-31", "2026-03-30"]


def test_a_cursor_serves_its_own_list_only(anonymous, citizen, opened, monkeypatch):
    monkeypatch.setattr(offerings, "page", lambda *told, **named: pages.page(*told, **{**named, "size": 1}))
    make_offering("JP-2026-2")
    following = urlsplit(anonymous.get("/offerings").json()["next"]).query
    assert anonymous.get(f"/offerings?{following}").status_code == 200
    answer = citizen.get(f"/subscriptions?{following}")
    assert answer.status_code == 400
    assert pointers(answer) == ["?cursor"]


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@sum", "\tx", "\rx"])
def test_a_cell_is_never_a_formula(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "-5.25", "12", "plain", "2026-03-31"])
def test_numbers_and_words_stay_as_they_are(text):
    """Negative control of the test above."""
    assert cell(text) == text


def test_what_the_fund_owns_in_both_languages(anonymous, priced):
    english = anonymous.get("/portfolio").json()
    japanese = anonymous.get("/portfolio", Accept_Language="ja").json()
    assert english["day"] == "2026-03-31"
    assert english["results"][0]["name"] == "Port of Tacoma dry dock"
    assert english["results"][0]["value"] == {"currency": "USD", "value": "500000.00"}
    assert japanese["results"][0]["name"] == "タコマ港ドック"


def test_who_owns_how_much(anonymous, priced):
    table = anonymous.get("/capital").json()
    assert table["co_owners_equal"] is True
    assert {(row["unit_class"], row["nation"]) for row in table["results"]} == {
        ("SOV", "US"),
        ("SOV", "JP"),
        ("JP", "JP"),
    }
    shares = [row["share_percent"] for row in table["results"]]
    assert sum(round(float(share) * 100) for share in shares) == 10_000


def test_who_owned_how_much_at_the_end_of_a_day(anonymous, priced):
    now, then = anonymous.get("/capital").json(), anonymous.get("/capital?at=2026-03-30").json()
    assert (now["day"], then["day"]) == (None, "2026-03-30")
    assert [row["units"] for row in then["results"]] == [row["units"] for row in now["results"]]
    assert anonymous.get("/capital?at=2026-03-29").json()["results"] == []
    assert {one["paid"]["value"] for one in now["commitments"]} == {"1000000.00"}
    assert anonymous.get("/capital?at=2026-03-29").json()["commitments"] == []


@pytest.mark.parametrize("at", ["2999-01-01", "2026-02-30", "now", ""])
def test_a_day_that_is_none_or_still_to_come_is_refused(anonymous, priced, at):
    answer = anonymous.get(f"/capital?at={at}")
    assert answer.status_code == 400 and pointers(answer) == ["?at"]


@pytest.mark.parametrize("path", ["/portfolio", "/capital", "/leverage/history", "/returns"])
def test_the_same_figures_as_a_table(anonymous, priced, path):
    listed = anonymous.get(path).json()["results"]
    table = list(csv.DictReader(io.StringIO(anonymous.get(path, Accept="text/csv").content.decode())))
    assert len(table) == len(listed) > 0
    for row, one in zip(table, listed, strict=True):
        for name, value in one.items():
            if isinstance(value, dict):
                assert (row[f"{name}_currency"], row[f"{name}_value"]) == (value["currency"], value["value"])
            elif value is not None:
                assert row[name] == str(value)


def test_leverage_on_every_published_day(anonymous, priced):
    newest, oldest = anonymous.get("/leverage/history").json()["results"]
    assert (newest["day"], oldest["day"]) == ("2026-03-31", "2026-03-30")
    assert (newest["ratio"], newest["limit"], newest["within"]) == ("1.00", "2.50", True)
    assert newest["covenant_headroom"] == newest["gross"]  # nothing is borrowed


def test_the_age_of_a_value_is_public(anonymous, priced):
    (one,) = anonymous.get("/portfolio").json()["results"]
    assert (one["age_days"], one["stale"], one["valued_on"]) == (1, False, None)


def test_how_far_the_fund_is_leveraged(anonymous, priced):
    found = anonymous.get("/leverage").json()
    assert found["ratio"] == "1.00"
    assert found["within"] is True
    assert found["covenants"][0]["code"] == "LINE"
    assert {one["code"] for one in found["stress"]} >= {"assets-10", "yen+10"}


def test_what_the_classes_have_returned(anonymous, priced):
    rows = {one["unit_class"]: one for one in anonymous.get("/returns").json()["results"]}
    assert rows.keys() == {"SOV", "JP"}
    assert rows["JP"]["first_price"]["value"] == "10000"
    first, latest = (float(rows["JP"][name]["value"]) for name in ("first_price", "latest_price"))
    assert abs(float(rows["JP"]["time_weighted_percent"]) - (latest / first - 1) * 100) < 0.01


def test_an_unchanged_answer_is_not_sent_again(anonymous, opened):
    first = anonymous.get(f"/offerings/{CODE}")
    again = anonymous.get(f"/offerings/{CODE}", If_None_Match=first["ETag"])
    assert again.status_code == 304
    assert again.content == b""
    assert first["Cache-Control"] == "public, max-age=10"
    changed = anonymous.get(f"/offerings/{CODE}", If_None_Match='"other"')
    assert changed.status_code == 200


def test_another_language_has_another_tag(anonymous, opened):
    english = anonymous.get(f"/offerings/{CODE}")
    japanese = anonymous.get(f"/offerings/{CODE}", Accept_Language="ja", If_None_Match=english["ETag"])
    assert japanese.status_code == 200
    assert japanese.json()["name"] == "第1回募集"
    assert "Accept-Language" in japanese["Vary"]


def test_the_terms_of_an_offering(anonymous, opened):
    found = anonymous.get(f"/offerings/{CODE}").json()
    assert found["state"] == "open"
    assert found["lot"] == {"currency": "JPY", "value": "10000"}
    assert found["fixed_price"] == {"currency": "JPY", "value": "10000", "per": "10000"}
    assert len(found["seed_commitment"]) == 64
    assert found["seed"] is None


def test_the_demand_counts_citizens_and_money(anonymous, citizen, other, opened):
    citizen.subscribe("100000")
    citizen.subscribe("50000")
    other.subscribe("30000")
    found = anonymous.get(f"/offerings/{CODE}/demand").json()
    assert found["applicants"] == 2
    assert found["requested"]["value"] == "180000"
    assert found["funded"]["value"] == "0"


def allot(one: Offering, requests: list[int]) -> None:
    """Orders that are paid, a close, and an allotment under two keys."""
    now = timezone.now()
    for lots in requests:
        api = Api(make_citizen().user)
        assert api.subscribe(str(lots * 10_000)).status_code == 201
    Subscription.objects.update(status="funded", funded_at=now)
    assert offering.close_due(now=one.closes_at) == [CODE]
    one.refresh_from_db()
    american, japanese = (make_officer(nation) for nation in building.Nation)
    proposal = allotment.propose(offering=one, officer=american, now=now)
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=now)
    allotment.carry_out(proposal=proposal, now=now)


def test_the_book_can_be_run_again_by_anybody(anonymous, monkeypatch):
    """From the published book alone (interfaces.md, "The book")."""
    monkeypatch.setattr(offerings, "BOOK_SIZE", 3)
    requests = [1, 2, 4, 8, 8, 9, 9]
    allot(make_offering(capacity=300_000), requests)
    book, applicants, path = {}, [], f"/offerings/{CODE}/book"
    while path:
        book = anonymous.get(path).json()
        applicants += book["applicants"]
        path = book["next"] and f"/offerings/{CODE}/book?" + urlsplit(book["next"]).query
    seed = bytes.fromhex(book["seed"])
    assert hashlib.sha256(seed).hexdigest() == book["seed_commitment"]
    assert sorted(one["requested_lots"] for one in applicants) == requests
    assert sorted(one["ticket"] for one in applicants) == [one["ticket"] for one in applicants]
    expected = {one["ticket"]: min(one["requested_lots"], book["level"]) for one in applicants}
    left = book["capacity_lots"] - sum(expected.values())
    wanting = [one["ticket"] for one in applicants if one["requested_lots"] > book["level"]]
    for ticket in sorted(wanting, key=lambda text: hmac.digest(seed, text.encode("ascii"), "sha256"))[:left]:
        expected[ticket] += 1
    assert {one["ticket"]: one["allotted_lots"] for one in applicants} == expected
    assert sum(expected.values()) == 30


def test_the_book_names_nobody(anonymous):
    allot(make_offering(), [1, 2])
    text = anonymous.get(f"/offerings/{CODE}/book").content.decode()
    for order in Subscription.objects.all():
        assert order.reference not in text
        assert str(order.pk) not in text
        assert f'"{order.holder_id}"' not in text
