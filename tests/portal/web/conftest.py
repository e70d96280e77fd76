"""The stage for the tests of pages: a fund in the middle of its life, and people at every point of their way."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from fund import holders
from fund.dealing import subscription
from fund.dealing.models import Offering, Subscription
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.money import Currency, Money
from investors.people import Investor
from tests.portal.web import stage
from tests.portal.web.stage import NOW


@dataclass(frozen=True)
class Stage:
    """``hanako`` is approved and has orders; ``neu`` has an account only."""

    keys: tuple[Officer, Officer]
    hanako: Investor
    neu: Investor
    current: Offering
    settled: Offering
    order: Subscription
    old_order: Subscription


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """No page of another test is shown again, and no limit of another test has been reached."""
    cache.clear()


@pytest.fixture
def keys(db: None) -> tuple[Officer, Officer]:
    stage.open_fund()
    return stage.officers()


@pytest.fixture
def hanako(keys: tuple[Officer, Officer]) -> Investor:
    return stage.approved(stage.person("hanako@example.org", language="ja"), keys[1])


@pytest.fixture
def current(keys: tuple[Officer, Officer]) -> Offering:
    """An offering for citizens of Japan that is open for nine more days."""
    one = stage.announce("JP-2026-2", opens=NOW - timedelta(days=2), closes=NOW + timedelta(days=9))
    return stage.opened(one, keys)


@pytest.fixture
def everything(keys: tuple[Officer, Officer], hanako: Investor, current: Offering) -> Stage:
    past = stage.announce("JP-2026-1", opens=NOW - timedelta(days=10), closes=NOW - timedelta(days=1), capacity=900_000)
    past = stage.opened(past, keys)
    before = NOW - timedelta(days=2)
    for lots in (1, 5, 20, 50):
        other = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW)
        stage.paid(order(past, other.pk, lots, before))
        stage.citizen_units(other.pk, "JP", Money(50_000_000, Currency.JPY), 50_000_000)
    assert hanako.holder_id
    old = order(past, hanako.holder_id, 60, before)
    stage.paid(old)
    stage.publish_navs(keys)
    stage.allot_and_settle(past, keys, NOW)
    return Stage(
        keys=keys,
        hanako=hanako,
        neu=stage.person("neu@example.org"),
        current=current,
        settled=Offering.objects.get(pk=past.pk),
        order=order(current, hanako.holder_id, 30, NOW),
        old_order=Subscription.objects.get(pk=old.pk),
    )


def order(one: Offering, holder_id: int, lots: int, at: object) -> Subscription:
    amount = one.money(one.lot * lots)
    return subscription.place(offering_code=one.pk, holder_id=holder_id, amount=amount, key=f"k{lots}", now=at)


@pytest.fixture
def signed_in():
    def sign_in(investor: Investor) -> Client:
        client = Client()
        client.force_login(investor.user)
        return client

    return sign_in
