"""Settings: shown with what is in force, and changed by proposal only."""

from datetime import timedelta

import pytest
from django.utils import timezone

from fund.governance import config
from fund.governance.approval import Proposal
from tests.portal.officers.conftest import grow_stale, sign_in

SETTINGS = "/en/officers/fund/setting/"


def typed(value: str, *, days: int = 30, reason: str = "By law.") -> dict[str, str]:
    day = timezone.now() + timedelta(days=days)
    return {"value": value, "effective_from": f"{day:%Y-%m-%dT%H:%M}", "reason": reason}


@pytest.fixture
def browser(american):
    return sign_in(american.user)


def test_every_setting_is_listed_with_its_value(browser):
    text = browser.get(SETTINGS).content.decode()
    assert [key for key in config.DECLARED if key not in text] == []
    assert "$100,000.00" in text  # ten million cents are shown as money


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("reverification.months", "12", 12),
        ("leverage.limit", "2.75", "2.75"),
        ("residence.accepted", '["US", "JP", "CA"]', ["US", "JP", "CA"]),
        ("cap.citizen", '{"USD": 5000000, "JPY": 7500000}', {"USD": 5_000_000, "JPY": 7_500_000}),
    ],
)
def test_a_change_is_proposed_in_the_settings_own_form(browser, key, text, value):
    answer = browser.post(f"{SETTINGS}{key}/propose/", typed(text), follow=True)
    proposal = Proposal.objects.get(kind="config", subject=key)
    assert (proposal.facts["value"], proposal.reason) == (value, "By law.")
    assert answer.redirect_chain[-1][0] == f"/en/officers/fund/proposal/{proposal.pk}/"
    assert config.get(key, at=timezone.now()) == config.DECLARED[key].default  # nothing has changed yet


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("reverification.months", "twelve"),
        ("reverification.months", "1.5"),
        ("leverage.limit", "NaN"),
        ("leverage.limit", "two"),
        ("cap.citizen", "{"),
        ("cap.citizen", "[]"),
        ("residence.accepted", '"US"'),
        ("reverification.months", ""),
    ],
)
def test_what_is_no_value_of_the_setting_is_refused(browser, key, text):
    browser.post(f"{SETTINGS}{key}/propose/", typed(text))
    assert not Proposal.objects.exists()


def test_the_past_is_refused(browser):
    answer = browser.post(f"{SETTINGS}reverification.months/propose/", typed("12", days=-1), follow=True)
    assert "cannot change in the past" in answer.content.decode()
    assert not Proposal.objects.exists()


def test_a_form_that_is_refused_keeps_what_was_typed(browser):
    answer = browser.post(f"{SETTINGS}reverification.months/propose/", typed("12", reason=""))
    assert answer.status_code == 422
    assert 'value="12"' in answer.content.decode()


def test_only_administration_proposes(make_officer):
    client = sign_in(make_officer(duties=["audit"]).user)
    assert "Propose a change" not in client.get(f"{SETTINGS}reverification.months/").content.decode()
    assert client.post(f"{SETTINGS}reverification.months/propose/", typed("12")).status_code == 403
    assert not Proposal.objects.exists()


def test_a_proposal_is_a_key_and_so_asks_again(browser):
    grow_stale(browser)
    assert browser.post(f"{SETTINGS}reverification.months/propose/", typed("12")).status_code == 302
    assert not Proposal.objects.exists()


def test_a_setting_that_is_not_declared_is_not_found(browser):
    assert browser.get(f"{SETTINGS}no.such/").status_code == 404
