"""The bank account through the API: masked, changed after a fresh proof, on hold, taken back (D17)."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from investors import bank_accounts, people
from investors.people import Investor
from portal import step_up
from tests.investors.conftest import approved, japanese, make_officer
from tests.portal.api.conftest import Api, pointers, problem

pytestmark = pytest.mark.django_db
OTHER = japanese()["bank_account"] | {"holder": "タカサキ ショウタ", "deposit_number": "7654321"}


@pytest.fixture
def api(db, settings) -> Api:
    settings.CITIZEN_MFA_REQUIRED = False
    now = timezone.now()
    answers = japanese(identity_document={"expires_on": f"{now.year + 4}-05-01"})
    user = get_user_model().objects.create_user("bank@example.org", "a long password of theirs")
    return Api(approved(people.register(user=user, now=now), answers, make_officer(), now=now).user)


@pytest.fixture
def _proved(monkeypatch):
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)


def test_it_is_shown_by_its_last_digits(api):
    told = api.get("/bank-account").json()
    assert told["account"]["ending"] == "567" and told["account"]["bank_code"] == "0001"
    assert told["waiting"] is None and told["hold_hours"] == 72
    assert "1234567" not in api.get("/bank-account").content.decode()


@pytest.mark.usefixtures("_proved")
def test_a_change_is_on_hold_and_taken_back(api):
    told = api.ask("PUT", "/bank-account", OTHER)
    assert told.status_code == 200, told.content
    assert told.json()["waiting"]["ending"] == "321" and told.json()["account"]["ending"] == "567"
    assert problem(api.ask("PUT", "/bank-account", OTHER))["code"] == "same_account"
    assert api.post("/bank-account/keep", {}).json()["waiting"] is None
    assert problem(api.post("/bank-account/keep", {}))["code"] == "nothing_waits"


@pytest.mark.usefixtures("_proved")
def test_what_is_wrong_is_pointed_at(api):
    answer = api.ask("PUT", "/bank-account", OTHER | {"holder": "ヤマダ ハナコ"})
    assert answer.status_code == 400 and pointers(answer) == ["/holder"]
    answer = api.ask("PUT", "/bank-account", OTHER | {"branch_code": "999"})
    assert answer.status_code == 400 and pointers(answer) == ["/branch_code"]


def test_without_a_fresh_proof_nothing_is_changed(api):
    assert problem(api.ask("PUT", "/bank-account", OTHER))["code"] == "step_up_required"
    assert problem(api.post("/bank-account/keep", {}))["code"] == "step_up_required"
    investor = Investor.objects.get(user=api.user)
    assert bank_accounts.history(investor=investor).count() == 1
