"""What the demonstration tells, and that telling it again changes nothing."""

import json

import pytest

from tests.journeys.house import House

TOLD = {
    "co-owners": ("SELECT count(*) FROM fund_holder WHERE kind = 'sovereign'", 2),
    "partners": ("SELECT count(*) FROM fund_holder WHERE kind = 'limited_partner'", 3),
    "investments": ("SELECT count(*) FROM fund_investment", 10),
    "terms that changed": ("SELECT count(*) FROM fund_investmentterms", 5),
    "income": ("SELECT count(*) FROM fund_income WHERE kind = 'income'", 10),
    "a realisation": ("SELECT count(*) FROM fund_income WHERE kind = 'realisation'", 1),
    "interest and expenses": ("SELECT count(DISTINCT kind) FROM fund_expense", 3),
    "capital calls": ("SELECT count(*) FROM fund_call", 41),
    "a call that is not paid yet": (
        "SELECT count(*) FROM fund_callline l WHERE NOT EXISTS (SELECT FROM fund_contribution WHERE line_id = l.id)",
        3,
    ),
    "a table just brought": ("SELECT count(*) FROM fund_importedfile", 1),
    "published NAVs": ("SELECT count(*) FROM fund_nav WHERE state = 'published'", 24),
    "corrected NAVs": ("SELECT count(*) FROM fund_nav WHERE state = 'published' AND corrects_id IS NOT NULL", 1),
    "finished offerings": ("SELECT count(DISTINCT unit_class_id) FROM fund_offering WHERE state = 'settled'", 2),
    "open offerings": ("SELECT count(DISTINCT unit_class_id) FROM fund_offering WHERE state = 'open'", 2),
    "redemptions above the cap, of which a part rests": (
        "SELECT count(DISTINCT w.unit_class_id) FROM fund_redemptionline l JOIN fund_redemptionwindow w"
        " ON w.code = l.window_id JOIN fund_redemption r ON r.id = l.request_id"
        " WHERE w.state = 'settled' AND l.filled BETWEEN 1 AND l.asked - 1 AND r.status = 'placed'",
        2,
    ),
    "open redemption windows": (
        "SELECT count(DISTINCT unit_class_id) FROM fund_redemptionwindow WHERE state = 'open'",
        2,
    ),
    "contract notes of redemptions": ("SELECT count(*) FROM portal_paper WHERE kind = 'redemption_note'", 1),
    "plans with an order and a skip": (
        "SELECT count(*) FROM (SELECT FROM investors_planturn GROUP BY plan_id"
        " HAVING bool_or(state = 'ordered') AND bool_or(state = 'skipped')) p",
        2,
    ),
    "nations with officers": ("SELECT count(DISTINCT nation) FROM fund_officer", 2),
}


@pytest.mark.parametrize("name", TOLD)
def test_it_tells_of(real: House, name: str) -> None:
    statement, number = TOLD[name]
    assert real.row(statement)[0] >= number


def test_two_hundred_citizens_of_both_nations_have_names_in_both_scripts(real: House) -> None:
    assert real.row("SELECT count(*) FROM fund_holder WHERE kind = 'citizen' AND nation = 'US'")[0] >= 100
    assert real.row("SELECT count(*) FROM fund_holder WHERE kind = 'citizen' AND nation = 'JP'")[0] >= 100
    assert real.row("SELECT count(*) FROM investors_investor WHERE cardinality(nations) = 2")[0] == 5


def test_telling_it_again_changes_nothing(real: House) -> None:
    counted = "SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {}), (SELECT count(*) FROM {})".format(
        "fund_transfer", "fund_subscription", "portal_user"
    )
    before = real.row(counted)
    again = real.manage("seed_demo")
    assert again.returncode == 0, again.stderr
    assert real.row(counted) == before
    assert "alice.morgan@treasury.example" in again.stdout


def test_an_officers_one_time_code_can_be_had_on_ones_own_machine_only(real: House) -> None:
    code = real.manage("one_time_code", "alice.morgan@treasury.example").stdout.strip()
    assert len(code) == 6 and code.isdigit()
    unknown = real.manage("one_time_code", "emily.brown@example.com")
    assert unknown.returncode == 1 and "no such login" in unknown.stderr


def test_a_file_that_is_not_the_ecbs_adds_nothing(real: House) -> None:
    refused = real.manage("load_rates", "README.md")
    assert refused.returncode == 1 and "Nothing was added" in refused.stderr


# Every NAV that was valued after its books had closed, from the books, marks and rates as they stand; then once more
# with one old mark a million dollars higher, which must be noticed (and is taken back).
RECOMPUTE = """
import json, sys
from django.db import transaction
from django.utils import timezone
from fund import calendars
from fund.money import Money
from fund.nav import checks, correct, value
from fund.portfolio.models import Valuation

navs = [one for one in correct.standing(day=calendars.date(2000, 1, 1))
        if one.valued_at >= calendars.books_close(one.valuation_day)]

def recomputed():
    found = []
    for nav in navs:
        struck = value.figures(day=nav.valuation_day, previous=nav.previous)
        prices = {one.unit_class.pk: one.price and f"{one.price:f}" for one in struck.shares}
        found.append([str(nav.valuation_day), checks.stands(nav, struck), prices])
    return found

told = recomputed()
with transaction.atomic():
    old = Valuation.objects.order_by("effective_on", "id").first()
    Valuation.objects.create(investment=old.investment, effective_on=old.effective_on, amount=old.amount + 100_000_000,
                             source_en="test", source_ja="test")
    noticed = [day for day, stands, _prices in recomputed() if not stands]
    transaction.set_rollback(True)
sys.stdout.write(json.dumps({"navs": told, "noticed": noticed}))
"""


def test_two_years_of_navs_follow_from_the_history_of_the_portfolio(real: House) -> None:
    ran = real.manage("shell", "--no-imports", "-c", RECOMPUTE)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    navs = {day: prices for day, _stands, prices in told["navs"]}
    assert len(navs) >= 24 and [day for day, stands, _prices in told["navs"] if not stands] == []
    assert told["noticed"], "a mark that moves is noticed"
    for code in ("SOV", "LP", "US", "JP"):
        public = {one["valuation_day"]: one for one in real.ask("GET", f"/api/v1/navs?class={code}")["results"][::-1]}
        shared = [day for day in navs if day in public]
        assert shared and all(float(navs[day][code]) == float(public[day]["price"]["value"]) for day in shared), code
