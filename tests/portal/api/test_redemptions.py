"""Redemptions through the API: after a fresh proof, once for a key, on hold, withdrawn (D31)."""

import pytest
from django.utils import timezone

from fund.redemption.models import Redemption
from investors import tax_status
from investors.tax_forms import TaxForm
from portal import step_up
from tests.fund.redemption import redeeming
from tests.portal.api.conftest import pointers, problem

pytestmark = pytest.mark.django_db
ASKED = {"unit_class": "JP", "units": "25000"}


@pytest.fixture
def _proved(monkeypatch):
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)


@pytest.fixture
def holder(citizen):
    """A citizen with 100,000 units, and a window that is open."""
    redeeming.opened()
    redeeming.give(citizen.user.investor.holder_id)
    return citizen


def test_without_a_fresh_proof_nothing_is_asked_for(holder):
    answer = holder.post("/redemptions", ASKED)
    assert answer.status_code == 403 and problem(answer)["code"] == "step_up_required"
    assert not Redemption.objects.exists()


@pytest.mark.usefixtures("_proved")
def test_units_are_asked_for_and_withdrawn(holder):
    placed = holder.post("/redemptions", ASKED, key="one")
    assert placed.status_code == 201, placed.content
    told = placed.json()
    assert (told["status"], told["units"], told["open"], told["can_be_withdrawn"]) == ("placed", "25000", "25000", True)
    assert holder.get(placed["Location"].removeprefix("/api/v1")).json() == told
    again = holder.post("/redemptions", ASKED, key="one")
    assert again.json() == told and again["Idempotency-Replayed"] == "true" and Redemption.objects.count() == 1
    listed = holder.get("/redemptions").json()
    assert [one["id"] for one in listed["results"]] == [told["id"]]
    (window,) = listed["windows"]
    assert (window["state"], window["cap_percent"], window["charge_percent"]) == ("open", "5", "1")
    assert window["asked"] == "25000" and window["fill_percent"] == "0.00"  # no NAV yet: nothing is promised
    (mine,) = listed["redeemable"]
    assert (mine["units"], mine["on_request"], mine["free"]) == ("100000", "25000", "75000")
    back = holder.post(f"/redemptions/{told['id']}/withdraw", {})
    assert back.status_code == 200 and back.json()["status"] == "withdrawn" and back.json()["open"] == "0"


@pytest.mark.usefixtures("_proved")
def test_what_cannot_be_asked_for_is_pointed_at(holder):
    for units, code in (("100001", "more_than_held"), ("0", "no_units")):
        answer = holder.post("/redemptions", ASKED | {"units": units})
        assert answer.status_code == 422 and problem(answer)["code"] == code and pointers(answer) == ["/units"]
    for units in ("2.5", "-1", "1e3", "９", "9" * 20):
        answer = holder.post("/redemptions", ASKED | {"units": units})
        assert answer.status_code == 400 and pointers(answer) == ["/units"]
    answer = holder.post("/redemptions", ASKED | {"unit_class": "US"})
    assert answer.status_code == 409 and problem(answer)["code"] == "not_open"


@pytest.fixture
def _uncertified(holder):
    """The newest form says that the IRS has asked for backup withholding."""
    TaxForm.objects.create(
        investor=holder.user.investor, form="w9", signed_at=timezone.now(), backup_withholding=True, treaty_claim=False
    )


@pytest.mark.usefixtures("_proved", "_uncertified")
def test_without_a_certified_number_a_us_person_redeems_nothing(holder):
    answer = holder.post("/redemptions", ASKED)
    assert answer.status_code == 422 and problem(answer)["code"] == "number_not_certified"
    assert not Redemption.objects.exists()


@pytest.mark.usefixtures("_proved", "_uncertified")
def test_unless_that_is_asked_the_whole_proceeds_would_be_paid(holder, monkeypatch):
    """Negative control: the vault itself does not ask, and withholds nothing from a sale."""
    monkeypatch.setattr(tax_status, "is_backup_withheld", lambda **_: False)
    assert holder.post("/redemptions", ASKED).status_code == 201


@pytest.mark.usefixtures("_proved")
def test_others_requests_count_in_the_estimate_and_are_not_shown(holder, other):
    redeeming.asked(other.user.investor.holder_id, 40_000)
    told = holder.get("/redemptions").json()
    assert told["results"] == [] and told["windows"][0]["asked"] == "40000"
