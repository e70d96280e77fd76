"""Regular plans through the API (D30): begun once a key, changed, paused and ended, and what came of each month."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from fund import calendars
from fund.holders import Nation
from investors import plans
from investors.people import Investor
from investors.plan_models import Plan
from portal.api import pages
from tests.portal.api.conftest import Api, make_offering, pointers, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def today() -> int:
    """The day of the month in Tokyo."""
    return calendars.local_time(timezone.now(), Nation.JP).day


def asked(value: str = "30000", day: Any = 25, **changes: Any) -> dict[str, Any]:
    return {"unit_class": "JP", "amount": {"currency": "JPY", "value": value}, "day": day, **changes}


def test_a_plan_is_begun_once_a_key(citizen):
    first, again = (citizen.post("/plans", asked(), key="one") for _twice in range(2))
    assert first.status_code == again.status_code == 201 and first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    told = first.json()
    assert first["Location"] == f"/api/v1/plans/{told['id']}"
    assert (told["state"], told["unit_class"], told["day"]) == ("active", "JP", 25)
    assert told["amount"] == {"currency": "JPY", "value": "30000"}
    assert told["next_on"].endswith("-25") and [one["state"] for one in told["turns"]] == ["waiting"]
    assert citizen.get("/plans").json()["results"] == [told] == [citizen.get(f"/plans/{told['id']}").json()]
    assert problem(citizen.post("/plans", asked(), key=None))["code"] == "idempotency_key_missing"
    assert problem(citizen.post("/plans", asked("40000"), key="one"))["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (asked(day="25"), "/day", "invalid"),
        (asked(day=True), "/day", "invalid"),
        (asked(day=25.0), "/day", "invalid"),
        (asked(day=0), "/day", "min_value"),
        (asked(day=32), "/day", "max_value"),
        (asked("1e5"), "/amount/value", None),
        (asked(unit_class="SOV"), "/unit_class", "invalid_choice"),
        (asked(every="week"), "/every", "unknown_field"),
        ({"unit_class": "JP"}, "/amount", "required"),
    ],
)
def test_a_body_is_read_strictly(citizen, body, pointer, code):
    answer = citizen.post("/plans", body)
    assert answer.status_code == 400 and pointer in pointers(answer)
    assert code is None or code in {one["code"] for one in answer.json()["errors"]}
    assert not Plan.objects.exists()


def test_what_is_refused_is_pointed_at(citizen):
    dollars = citizen.post("/plans", asked(amount={"currency": "USD", "value": "100.00"}))
    assert problem(dollars)["code"] == "wrong_currency" and pointers(dollars) == ["/amount/currency"]
    make_offering()
    steps = citizen.post("/plans", asked("15000"))
    assert steps.status_code == 422 and problem(steps)["code"] == "not_in_steps" and pointers(steps) == ["/amount"]


def test_it_is_changed_paused_gone_on_with_and_ended(citizen):
    own = f"/plans/{citizen.post('/plans', asked()).json()['id']}"
    told = citizen.ask("PATCH", own, {"amount": {"currency": "JPY", "value": "50000"}, "day": 31}).json()
    assert (told["amount"]["value"], told["day"], told["state"]) == ("50000", 31, "active")
    paused = citizen.ask("PATCH", own, {"state": "paused"}).json()
    assert (paused["state"], paused["next_on"], paused["turns"]) == ("paused", None, [])
    assert citizen.ask("PATCH", own, {"state": "active"}).json() == told
    ended = citizen.ask("PATCH", own, {"state": "ended"}).json()
    assert ended["state"] == "ended" and ended["ended_at"]
    assert [one["reason"] for one in ended["turns"]] == ["plan_ended"]
    assert citizen.ask("PATCH", own, {"state": "ended"}).json() == ended
    for change in ({"state": "active"}, {"day": 3}):
        answer = citizen.ask("PATCH", own, change)
        assert answer.status_code == 409 and problem(answer)["code"] == "plan_ended"
    assert problem(citizen.ask("PATCH", own, {"state": "gone"}))["status"] == 400
    assert problem(citizen.ask("PATCH", own, {"unit_class": "US"}))["status"] == 400


def test_a_change_is_made_whole_or_not_at_all(citizen):
    own = f"/plans/{citizen.post('/plans', asked()).json()['id']}"
    before = citizen.get(own).json()
    answer = citizen.ask("PATCH", own, {"day": 3, "accepts": ["terms:9"]})
    assert problem(answer)["code"] == "agreement_not_in_force" and pointers(answer) == ["/accepts"]
    assert citizen.get(own).json() == before


def test_the_eleventh_is_refused(citizen):
    for _each in range(plans.MOST):
        assert citizen.post("/plans", asked()).status_code == 201
    answer = citizen.post("/plans", asked())
    assert answer.status_code == 409 and problem(answer)["code"] == "too_many_plans"


def test_what_waits_for_agreements_names_them_and_orders_when_they_are_accepted(citizen, today):
    make_offering()
    own = f"/plans/{citizen.post('/plans', asked(day=today)).json()['id']}"
    plans.run_due(now=timezone.now())
    told = citizen.get(own).json()
    assert told["to_accept"] == ["prospectus:1", "terms:1"]
    assert [(one["state"], one["reason"]) for one in told["turns"]] == [("waiting", "agreements_missing")]
    told = citizen.ask("PATCH", own, {"accepts": ["prospectus:1", "terms:1"]}).json()
    assert told["to_accept"] == []
    plans.run_due(now=timezone.now())
    told = citizen.get(own).json()
    assert [one["state"] for one in told["turns"]] == ["waiting", "ordered"]
    order = citizen.get(f"/subscriptions/{told['turns'][1]['subscription']}").json()
    assert (order["status"], order["amount"]["value"]) == ("placed", "30000")
    assert order["payment"]["reference"] == order["reference"]


def test_a_skip_says_why(citizen, today):
    own = f"/plans/{citizen.post('/plans', asked(day=today)).json()['id']}"
    make_offering(minimum=50_000, agreements=[])
    plans.run_due(now=timezone.now())
    (_next, skipped) = citizen.get(own).json()["turns"]
    assert (skipped["state"], skipped["reason"]) == ("skipped", "below_minimum")
    assert skipped["subscription"] is None and skipped["ended_at"]


def test_a_lapsed_citizen_begins_nothing(citizen):
    Investor.objects.filter(pk=citizen.user.investor.pk).update(verified_until=timezone.now() - timedelta(days=1))
    api = Api(citizen.user)
    assert problem(api.post("/plans", asked()))["code"] == "not_eligible"
    assert api.get("/plans").status_code == 200


def test_the_list_holds_the_own_alone_by_pages(citizen, other, monkeypatch):
    mine = [citizen.post("/plans", asked()).json()["id"] for _each in range(3)]
    other.post("/plans", asked())
    monkeypatch.setitem(pages.page.__kwdefaults__, "size", 2)
    first = citizen.get("/plans").json()
    rest = citizen.get(first["next"].partition("/api/v1")[2]).json()
    assert [one["id"] for one in (*first["results"], *rest["results"])] == mine[::-1]
    assert rest["next"] is None


def test_reading_them_costs_the_same_for_one_or_ten(citizen, django_assert_max_num_queries):
    for _each in range(plans.MOST):
        citizen.post("/plans", asked())
    with django_assert_max_num_queries(40):
        assert len(citizen.get("/plans").json()["results"]) == plans.MOST
