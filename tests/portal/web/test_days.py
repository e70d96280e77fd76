"""The calendar page: the days of ``fund.calendars``, what comes next, and no guess."""

from datetime import date, timedelta

import pytest
from django.test import Client

from fund import calendars
from fund.dealing.models import Offering
from tests.portal.web import stage
from tests.portal.web.stage import NOW

pytestmark = pytest.mark.django_db


def test_a_month_is_told_as_the_fund_counts_it() -> None:
    page = Client().get("/en/calendar?month=2026-11")
    days = {one["day"]: one for one in page.context["days"]}
    assert len(days) == 21
    assert {day for day, one in days.items() if not one["dealing"]} == {date(2026, 11, day) for day in (3, 23, 26)}
    assert {day for day, one in days.items() if not one["us"]} == {date(2026, 11, 11), date(2026, 11, 26)}
    assert {day for day, one in days.items() if not one["japan"]} == {date(2026, 11, 3), date(2026, 11, 23)}
    assert "Tue, Nov 3" in page.content.decode()
    assert "11月3日(火)" in Client().get("/ja/calendar?month=2026-11").content.decode()


@pytest.mark.parametrize("asked", ["2028-01", "2014-12"])
def test_a_year_that_is_not_known_is_not_guessed(asked: str) -> None:
    text = Client().get(f"/en/calendar?month={asked}").content.decode()
    assert "We do not guess" in text and "k-calendar" not in text


@pytest.mark.parametrize("asked", ["2026-13", "2026-1", "２０２６-11", "", "x"])
def test_what_is_no_month_is_not_found(asked: str) -> None:
    assert Client().get("/en/calendar", {"month": asked}).status_code == 404


def test_what_comes_next_in_its_order(keys, current: Offering, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.publish_navs(keys)
    later = stage.announce("US-2026-2", opens=NOW + timedelta(days=1), closes=NOW + timedelta(days=20))
    page = Client().get("/en/calendar?month=2026-12")
    coming = [(one["code"], one["at"]) for one in page.context["coming"]]
    assert coming == [
        (later.pk, later.opens_at),
        (current.pk, current.closes_at),
        (current.pk, current.pay_by),
        (later.pk, later.closes_at),
        (later.pk, later.pay_by),
    ]
    deals = {one["day"]: [deal["code"] for deal in one["offerings"]] for one in page.context["days"]}
    assert deals[date(2026, 12, 10)] == ["JP-2026-2", "US-2026-2"]
    assert page.context["nav"]["day"] == date(2026, 11, 2) and page.context["nav"]["under_way"]
    monkeypatch.setattr(calendars, "KNOWN", range(2015, 2026))
    assert "not published yet" in Client().get("/en/calendar?month=2025-01").content.decode()
