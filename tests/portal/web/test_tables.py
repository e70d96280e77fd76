"""The public tables: the same figures as the pages, as they were on any day, and never a formula (D3)."""

import csv
import io
import re
from datetime import date

import pytest

from fund.portfolio import valuation
from fund.portfolio.models import Investment
from portal import spreadsheets
from portal.templatetags import figures
from portal.web import navs
from tests.fund import building
from tests.portal.web import stage
from tests.portal.web.reading import Reader
from tests.portal.web.stage import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _published(keys) -> None:
    stage.publish_navs(keys)


def rows(client, path: str) -> list[dict[str, str]]:
    answer = client.get(f"/en{path}")
    assert answer.status_code == 200 and answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_portfolio_as_on_the_page(client):
    page = client.get("/en/fund/portfolio").context["investments"]
    table = rows(client, "/fund/portfolio.csv")
    assert [(row["code"], row["value"], row["age_days"], row["source"]) for row in table] == [
        (one["code"], one["value"].value, str(one["age"]), "Independent appraisal") for one in page
    ]
    assert {row["day"] for row in table} == {"2026-10-30"}


def test_the_map_and_the_charts_carry_the_figures_of_their_tables(client):
    page = client.get("/en/fund/portfolio")
    shown = Reader(page.content.decode())
    tiles = re.findall(r'<a href="#state-[A-Z]{2}"><title>(.*?)</title>', page.content.decode())
    groups = page.context["states"]
    assert sorted(tiles) == sorted(
        f"{one['name']}: {figures.big(one['value'])}, {figures.percentage(one['percent'], 1)}" for one in groups
    )
    anchors = {attrs["href"] for attrs in shown.of("a") if attrs.get("href", "").startswith("#state-")}
    assert anchors == {f"#{attrs['id']}" for attrs in shown.of("tr") if "id" in attrs}
    prices = client.get("/en/fund/nav?class=SOV").context
    assert [(one["day"], one["label"]) for one in prices["points"]] == [
        (row["day"], figures.price(row["price"])) for row in reversed(prices["rows"])
    ]
    assert len(prices["points"]) == 3
    debts = client.get("/en/fund/leverage").context
    assert [(one["day"], one["label"]) for one in debts["points"]] == [
        (one.day, figures.ratio(one.ratio)) for one in reversed(debts["days"])
    ]


def test_a_range_ends_on_the_newest_day_and_cuts_chart_and_table_alike(client, monkeypatch):
    monkeypatch.setitem(navs.RANGES, "6m", 31)
    page = client.get("/en/fund/nav?class=SOV&range=6m").context
    days = [date(2026, 9, 30), date(2026, 10, 30)]
    assert [one["day"] for one in page["points"]] == days
    assert [row["day"] for row in page["rows"]] == days[::-1]
    assert client.get("/en/fund/nav?range=2w").status_code == 404


def test_an_old_value_is_marked_on_the_page(client):
    one = building.investment("OLD")
    building.invest(investment=one, money=stage.dollars(5), bank_account=stage.USD, day=date(2026, 7, 1), now=NOW)
    text = client.get("/en/fund/portfolio").content.decode()
    assert text.count("too old") == 1  # 121 days at the end of October


def test_ownership_as_on_the_page_now_and_then(client):
    page = client.get("/en/fund/ownership").context
    table = rows(client, "/fund/ownership.csv")
    assert [(row["class"], row["value_usd"], row["share_percent"]) for row in table] == [
        (row["unit_class"].pk, row["dollars"].value, f"{row['share']}") for row in page["rows"]
    ]
    before = client.get("/en/fund/ownership?at=2026-07-31")
    assert before.context["rows"] == [] and "No units had been issued by then." in before.content.decode()
    assert rows(client, "/fund/ownership.csv?at=2026-07-31") == []
    then = rows(client, "/fund/ownership.csv?at=2026-08-31")
    assert {row["day"] for row in then} == {"2026-08-31"} and len(then) == len(table)
    assert then[0]["value"] != table[0]["value"]  # at the prices of then


@pytest.mark.parametrize("asked", ["2026-13-01", "yesterday", "2026-11-21"])
def test_what_is_no_day_shows_now_and_says_so(client, asked):
    answer = client.get(f"/en/fund/ownership?at={asked}")
    assert answer.status_code == 200 and "not a day up to today" in answer.content.decode()
    assert answer.context["rows"]


def test_commitments_stand_beside_the_owners(client):
    standings = client.get("/en/fund/ownership").context["standings"]
    assert [(one["name"], one["paid"]) for one in standings] == [
        ("Ministry of Finance, Japan", stage.dollars(100_000_000_000)),
        ("US Treasury", stage.dollars(100_000_000_000)),
        ("Example Pension", stage.dollars(12_000_000_000)),
    ]


def test_leverage_over_time_and_stress_as_on_the_page(client):
    page = client.get("/en/fund/leverage").context
    table = rows(client, "/fund/leverage.csv")
    assert [(row["day"], row["ratio"], row["headroom"]) for row in table] == [
        (one.day.isoformat(), str(one.ratio), one.headroom.value) for one in page["days"]
    ]
    assert [row["day"] for row in table] == ["2026-10-30", "2026-09-30", "2026-08-31"]
    assert table[0]["ratio"] == str(page["leverage"].ratio)
    stress = rows(client, "/fund/stress.csv")
    assert [(row["case"], row["loss_per_100_usd"], row["loss_per_10000_jpy"]) for row in stress] == [
        (one.code, one.loss_usd.value, one.loss_jpy.value) for one in page["leverage"].stress
    ]
    assert {row["case"][0] for row in stress} == {"a", "y"}


def test_loans_commitments_and_one_investment_as_on_the_page(client):
    page = client.get("/en/fund/leverage").context["facilities"]
    assert [(row["name"], row["drawn"], row["interest"]) for row in rows(client, "/fund/facilities.csv")] == [
        (one["name"], one["drawn"].value, one["interest"].value) for one in page
    ]
    standings = client.get("/en/fund/ownership").context["standings"]
    assert [(row["name"], row["paid"]) for row in rows(client, "/fund/commitments.csv")] == [
        (one["name"], one["paid"].value) for one in standings
    ]
    marks = client.get("/en/fund/portfolio/PORT-1").context["valuations"]
    table = rows(client, "/fund/portfolio/PORT-1.csv")
    assert [row["amount"] for row in table if row["what"] == "valuation"] == [one["value"].value for one in marks]
    assert [row["what"] for row in table][-1] == "paid_in"
    assert client.get("/en/fund/portfolio/NOWHERE.csv").status_code == 404


def plant(names) -> None:
    for one in Investment.objects.all():
        valuation.record_valuation(
            investment=one, effective_on=date(2026, 10, 30), money=stage.dollars(1), source_en=names, source_ja=names,
            now=NOW,
        )  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(1)"])
def test_a_text_is_never_a_formula(client, text):
    plant(text)
    assert {row["source"] for row in rows(client, "/fund/portfolio.csv")} == {f"'{text}"}


def test_without_the_apostrophe_it_would_be(client, monkeypatch):
    """Negative control of the test above."""
    plant("=1+1")
    monkeypatch.setattr(spreadsheets, "cell", lambda value: value)
    assert {row["source"] for row in rows(client, "/fund/portfolio.csv")} == {"=1+1"}


def test_an_investment_tells_its_whole_history(client):
    one = Investment.objects.get(pk="PORT-1")
    building.receive(investment=one, money=stage.dollars(7), bank_account=stage.USD, day=NOW.date(), now=NOW)
    building.enter(
        "terms", investment="PORT-1", effective_on="2026-11-01", stage="operating", ownership_percent="62.50",
        committed=one.committed, now=NOW,
    )  # fmt: skip
    page = client.get("/en/fund/portfolio/PORT-1")
    assert page.context["stage"] == "operating"
    assert [str(what) for _day, what, _amount in page.context["moved"]] == ["income", "paid in"]
    text = page.content.decode()
    assert "How it has changed" in text and "Under construction" in text and "Age of the valuation" in text
