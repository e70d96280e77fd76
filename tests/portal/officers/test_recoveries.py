"""Recoveries at the desk: sealed until opened, the call by one officer, the decision by another, with fresh proofs."""

import pytest
from django.utils import timezone

from fund.governance.audit import Act
from investors import recovery
from investors.recovery import RecoveryCase, State, Statement
from tests.investors.conftest import NOW as JOINED
from tests.investors.conftest import approved, investor, japanese, person  # noqa: F401  # fixtures
from tests.investors.conftest import make_officer as old_officer
from tests.portal.officers.conftest import grow_stale, sign_in

PLANTED = ["翔太", "1990-04-30", "0257", "090-1234-5678"]


@pytest.fixture
def case(investor) -> RecoveryCase:  # noqa: F811
    approved(investor, japanese(), old_officer(email="once@example.org"), now=JOINED)
    said = Statement("髙﨑 翔太", "1990-04-30", "9999", "090-1234-5678", "平日の夜")
    return recovery.open_case(investor=investor, statement=said, now=timezone.now())


@pytest.fixture
def first(make_officer):
    return sign_in(make_officer("JP", duties=["onboarding"]).user)


@pytest.fixture
def second(make_officer):
    return sign_in(make_officer("US", duties=["onboarding"]).user)


def page(case: RecoveryCase) -> str:
    return f"/en/officers/investors/recoverycase/{case.pk}/"


def state(case: RecoveryCase) -> str:
    return RecoveryCase.objects.get(pk=case.pk).state


def test_the_citizen_stays_sealed_until_the_case_is_opened(first, case):
    text = first.get(page(case)).content.decode()
    assert [part for part in [*PLANTED, case.number] if part in text] == []
    answer = first.post(f"{page(case)}open/")
    text = answer.content.decode()
    assert [part for part in PLANTED if part not in text] == ["0257"]
    assert text.count("agrees with the record") == 2 and text.count("does NOT agree with the record") == 1
    assert "no-store" in answer["Cache-Control"]
    assert Act.objects.get(verb="open", subject=str(case)).detail["purpose"] == "recovery"


def test_one_officer_sees_the_citizen_and_another_approves(first, second, case):
    first.post(f"{page(case)}reprove/", {"shown": "passport, same face"})
    assert state(case) == State.REPROVED
    own = first.post(f"{page(case)}decide/", {"outcome": "approve", "reason": "I saw it"}, follow=True)
    assert "You have seen the citizen yourself" in own.content.decode() and state(case) == State.REPROVED
    assert "Recoveries that wait for a second officer" in second.get("/en/officers/").content.decode()
    assert "passport, same face" in second.post(f"{page(case)}open/").content.decode()
    second.post(f"{page(case)}decide/", {"outcome": "approve", "reason": "all agrees"})
    assert state(case) == State.APPROVED


def test_one_officer_alone_can_refuse(first, case):
    assert first.post(f"{page(case)}decide/", {"outcome": "refuse"}).status_code == 422
    first.post(f"{page(case)}decide/", {"outcome": "refuse", "reason": "another face"})
    assert state(case) == State.REFUSED


def test_what_counts_asks_for_a_fresh_proof(first, case):
    """The control is the test above: the same officer, freshly proved."""
    grow_stale(first)
    assert first.post(f"{page(case)}reprove/", {"shown": "passport"}).status_code == 302
    assert first.post(f"{page(case)}decide/", {"outcome": "refuse", "reason": "no"}).status_code == 302
    assert state(case) == State.OPEN


def test_an_officer_without_the_duty_is_kept_out(make_officer, case):
    stranger = sign_in(make_officer("US", duties=["dealing"]).user)
    assert stranger.get(page(case)).status_code == 403
    assert stranger.post(f"{page(case)}open/").status_code == 403
    assert not Act.objects.filter(verb="open", subject=str(case)).exists()
