"""A correction from both keys to the citizen's inbox, and the same figures on page, chart, table, CSV and API (D43)."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail as outbox
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from fund.dealing import compensation
from fund.dealing.compensation import Compensation
from fund.dealing.models import Subscription
from fund.ledger import balances
from fund.ledger.models import Settlement
from fund.nav import correct, strike
from fund.nav.models import Nav
from fund.register import returns
from fund.units import UnitClass
from investors import people
from investors.people import Investor
from portal import archive
from portal.accounts import User
from portal.archive import Kind, Paper
from portal.notices import mail
from portal.notices.models import Message
from portal.templatetags import figures
from portal.web import charts
from tests.fund.dealing.conftest import _bank, allot, american, japanese, opened, second_key
from tests.fund.dealing.test_compensation import DEALING, THEN, WHOLE, propose, settled
from tests.portal.documents.test_papers import in_both, text_of
from tests.portal.test_forward_pricing import deliver

__all__ = ["_bank", "allot", "american", "deliver", "japanese", "opened", "second_key", "settled"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """What another test has read is not answered again."""
    cache.clear()


def investor(holder: int) -> Investor:
    one = people.register(user=User.objects.create_user(f"citizen{holder}@example.org", language="ja"), now=THEN)
    Investor.objects.filter(pk=one.pk).update(
        holder_id=holder, state="approved", nations=["JP"], verified_until=THEN + timedelta(days=700)
    )
    return one


@pytest.fixture
def corrected(settled, american, second_key, deliver):
    """Signed by both, carried out by the workers as the notes ask for it."""
    settled(15_75)
    investor(101), investor(1)  # holder 1 has no order at that price
    second_key(propose(american))
    return deliver(THEN)


def test_the_workers_publish_compensate_and_tell(corrected):
    assert corrected.count("compensate") == 1
    assert corrected.index("compensate") > max(at for at, task in enumerate(corrected) if task == "carry_out")
    assert {holder: balances.balance("units:JP", holder_id=holder) for holder in WHOLE} == WHOLE
    told = Message.objects.get(topic="orders.compensated")
    assert told.user.email == "citizen101@example.org" and told.facts["units"] == 299
    assert mail.send_due(now=THEN) >= 1
    letter = outbox.outbox[-1]
    assert "299口を追加しました" in letter.body and "+0.6000%" in letter.body


def test_the_contract_note_has_a_second_version_that_says_what_has_changed(corrected, deliver):
    """The first note, as the order was settled, and the one of what a corrected price has brought (decision 18)."""
    notes = Paper.objects.filter(kind=Kind.CONTRACT_NOTE, investor__holder=101)
    first, second = notes.order_by("version")
    assert (first.version, second.version, first.subject) == (1, 2, second.subject)
    units = Settlement.objects.get(holder=101).units
    jp = UnitClass.objects.get(pk="JP")
    wanted = {"Whathaschanged", "変わった点"} | in_both(figures.units, 299, jp)
    wanted |= in_both(figures.units, units, jp) | in_both(figures.units, units + 299, jp)
    for price in ("10060", "10000"):
        wanted |= in_both(figures.quoted, jp.price(Decimal(price)), jp)
    told = text_of(second)
    assert {text for text in wanted if text not in told} == set()
    assert "Whathaschanged" not in text_of(first)
    page = archive.given(digest=bytes(first.digest))
    assert page is not None and page.replaced
    assert deliver(THEN + timedelta(hours=1)) == [] and notes.count() == 2


def test_the_tasks_again_change_nothing(corrected, deliver):
    before = Nav.objects.count(), Message.objects.count(), Compensation.objects.get().finished_at
    assert deliver(THEN + timedelta(hours=1)) == []
    assert compensation.compensate_next(now=THEN) == 0
    assert (Nav.objects.count(), Message.objects.count(), Compensation.objects.get().finished_at) == before


def test_the_citizens_order_says_what_was_given(corrected):
    order = Subscription.objects.get(holder_id=101)
    client = Client()
    client.force_login(Investor.objects.get(holder_id=101).user)
    text = client.get(f"/en/account/orders/{order.reference}").content.decode()
    assert "Units given by a correction of the price" in text and "299 口" in text
    assert compensation.given(order=Subscription.objects.filter(holder_id=1).first()) == 0


def page(path: str) -> str:
    return Client().get(f"/en{path}").content.decode()


def table(path: str, **headers: str) -> list[dict[str, str]]:
    answer = Client().get(path, headers=headers)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


@pytest.mark.parametrize("code", ["JP", "SOV"])
def test_page_table_csv_and_api_show_every_version_with_its_error(corrected, code):
    navs = Client().get(f"/api/v1/navs?class={code}").json()["results"]
    assert [(one["version"], one["corrects_version"], one["error_percent"]) for one in navs] == [
        (2, 1, "0.6000"), (1, None, None)
    ]  # fmt: skip
    spread = table(f"/en/fund/nav/{code}.csv")
    assert [(row["version"], row["corrects_version"], row["error_percent"]) for row in spread] == [
        ("2", "1", "0.6000"), ("1", "", "")
    ]  # fmt: skip
    assert [float(row["price"]) for row in spread] == [float(one["price"]["value"]) for one in navs]
    asked = table(f"/api/v1/navs?class={code}", accept="text/csv")
    assert [row["price_value"] for row in asked] == [one["price"]["value"] for one in navs]
    text = page(f"/fund/nav?class={code}")
    for part in ("corrects version 1", "+0.6000%", "Corrections that were compensated", "JP-2026-2"):
        assert part in text, part
    for one in navs:
        assert f"{float(one['price']['value']):,.{0 if code == 'JP' else 4}f}" in text


def test_the_funds_own_figures_are_a_table_too(corrected):
    rows = table("/en/fund/nav/fund.csv")
    assert [(row["version"], row["corrects_version"], row["net"]) for row in rows] == [
        ("2", "1", "2625.00"), ("1", "", "2640.75")
    ]  # fmt: skip


def test_the_chart_draws_the_prices_that_hold(corrected, american, japanese):
    """Its points are those of the table, one a day: the newest version."""
    from tests.fund import building  # noqa: PLC0415

    day = DEALING + timedelta(days=1)
    building.rate(day, 150)
    later = THEN + timedelta(days=1)
    building.publish(strike.value(day=day, now=later), (american, japanese), now=later)
    held = [(one.nav.valuation_day, one.price) for one in strike.history(class_code="JP")]
    drawn = charts.line(held, least=Decimal(1))
    assert drawn is not None
    text = page("/fund/nav?class=JP")
    assert f'd="{drawn.line}"' in text
    newest = {row["valuation_day"]: row["price"] for row in reversed(table("/en/fund/nav/JP.csv"))}
    assert {str(one): float(price) for one, price in held} == {one: float(price) for one, price in newest.items()}


def test_returns_are_the_same_on_page_csv_and_api(corrected):
    told = Client().get("/api/v1/returns").json()
    classes, owners = table("/en/fund/returns/classes.csv"), table("/en/fund/returns/owners.csv")
    assert [one["time_weighted_percent"] for one in told["results"]] == [
        row["time_weighted_percent"] for row in classes
    ]
    assert [one["money_weighted_percent"] or "" for one in told["owners"]] == [
        row["money_weighted_percent"] for row in owners
    ]
    assert [one["paid_in"]["value"] for one in told["owners"]] == [row["paid_in"] for row in owners]
    text = page("/fund/returns")
    for one in returns.by_class():
        assert f"{abs(one.percent):.2f}%" in text
    for name in ("US Treasury", "Ministry of Finance, Japan", "Citizens of Japan"):
        assert name in text
    asked = table("/api/v1/returns", accept="text/csv")
    assert [row["unit_class"] for row in asked] == [one["unit_class"] for one in told["results"]]
    assert Client().get("/en/fund/returns/else.csv").status_code == 404


def test_the_command_lists_every_affected_order_and_saves_nothing(settled, capsys):
    from django.core.management import call_command  # noqa: PLC0415

    settled(15_75)
    call_command("correct_nav", DEALING.isoformat())
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert len(rows) == 4 and {row["offering"] for row in rows} == {"JP-2026-2"}
    assert re.search(r"JP: 10060.0000 instead of 10000.0000, error 0.6000 %", said.err)
    assert Nav.objects.count() == 1


def test_a_day_can_be_rehearsed_from_the_command_line(settled, capsys):
    from django.core.management import CommandError, call_command  # noqa: PLC0415

    settled(0)
    call_command("value_nav", "2026-09-25", "--dry-run")
    said = capsys.readouterr().out
    assert "Nothing was saved." in said and "needs a reason: The reference rate of 2026-09-25" in said
    assert Nav.objects.count() == 1
    call_command("value_nav", "2026-09-25")
    assert Nav.objects.count() == 2
    with pytest.raises(CommandError, match="published"):
        call_command("value_nav", DEALING.isoformat())


def test_the_clock_values_the_day(settled, monkeypatch):
    from portal import tasks  # noqa: PLC0415
    from tests.fund import building  # noqa: PLC0415

    settled(0)
    assert tasks.SCHEDULE["value_day"]["task"] == "portal.value_day"
    building.rate(DEALING + timedelta(days=1), 160)
    monkeypatch.setattr(timezone, "now", lambda: THEN)
    tasks.value_day()
    tasks.value_day()
    assert [str(one) for one in Nav.objects.order_by("pk")] == ["2026-09-24 v1", "2026-09-25 v1"]


def test_a_correction_waits_for_nobody_but_its_two_keys(settled, american):
    settled(15_75)
    proposal = propose(american)
    assert not Compensation.objects.exists() and correct.standing(day=DEALING)[0].version == 1
    assert proposal.state == "open"
