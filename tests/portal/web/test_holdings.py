"""What a citizen holds: the figures of the page, its chart's table, the movements, and the same for a spreadsheet."""

import csv
import io
import uuid
from datetime import UTC, datetime

import pytest
from django.test import Client

from fund.ledger import post
from fund.ledger.models import Event, Leg
from fund.ledger.post import Line
from fund.money import Currency, Money
from portal.templatetags import figures
from portal.web import holdings
from tests.portal.web import stage
from tests.portal.web.conftest import Stage
from tests.portal.web.test_pages import faults, pages


@pytest.fixture
def client(everything: Stage, signed_in) -> Client:
    return signed_in(everything.hanako)


def bought_in_august(holder_id: int) -> None:
    """¥100,000 for 100,000 口, before the first valuation day."""
    at, order = datetime(2026, 8, 15, tzinfo=UTC), uuid.uuid4()
    paid = [Line(f"bank:{stage.JPY}", "held:JPY", 100_000, holder_id)]
    post.post(event=Event.RECEIPT, event_id=uuid.uuid4(), lines=paid, effective_at=at)
    lines = [Line("held:JPY", "capital:JP", 100_000, holder_id), Line("issued:JP", "units:JP", 100_000, holder_id)]
    post.post(event=Event.SETTLEMENT, event_id=order, lines=lines, effective_at=at)


def test_the_parts_of_the_gain_add_up_to_it_and_the_chart_has_the_figures_of_its_table(client, everything) -> None:
    bought_in_august(everything.hanako.holder_id)
    answer = client.get("/en/account/holdings")
    (one,) = answer.context["holdings"]
    assert sum((part["money"] for part in one["split"]), Money(0, Currency.JPY)) == one["own"].gain
    assert all(part["money"] for part in one["split"])
    assert [(point.day, point.units) for point in one["points"]] == [(day, 100_000) for day in reversed(stage.DAYS)]
    for point in one["points"]:
        assert point.value.amount == int(point.units * point.price.minor_per_unit)
        assert figures.money(point.value) in answer.content.decode()
    assert one["chart"].line.count("L") == len(one["points"]) - 1
    assert faults(pages(client, ["/account/holdings"])) == []


def test_every_movement_is_in_words_with_its_sign(client, everything: Stage) -> None:
    page = client.get("/en/account/transactions")
    rows = page.context["rows"]
    assert len(rows) == Leg.objects.filter(holder_id=everything.hanako.holder_id).count()
    told = [(str(row["name"]), row["money"], row["units"]) for row in rows]
    assert ("Your payment arrived", "+¥600,000", "") in told
    assert any(name == "Units received" and units.startswith("+") for name, _money, units in told)
    assert any(name == "Paid for units" and money.startswith("−¥") for name, money, _units in told)
    unknown = [row for row in rows if row["name"] not in holdings.MOVEMENTS.values()]
    assert unknown == [], "each kind of movement has words of its own"


def test_the_table_has_the_columns_and_rows_of_the_api_and_no_formula(client, everything: Stage) -> None:
    answer = client.get("/en/account/transactions.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == Leg.objects.filter(holder_id=everything.hanako.holder_id).count()
    assert list(rows[0]) == [
        "effective_at", "recorded_at", "event", "moved_from", "moved_to", "amount_currency", "amount_value",
        "unit_class", "units",
    ]  # fmt: skip
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert sum(row["event"] == "receipt" for row in rows) == 1


def test_pages_of_movements_hold_all_of_them_once(client, monkeypatch) -> None:
    whole = [row["name"] for row in client.get("/en/account/transactions").context["rows"]]
    monkeypatch.setattr(holdings, "LINES", 2)
    found, page = [], client.get("/en/account/transactions").context["page"]
    while True:
        found += [row["name"] for row in client.get(f"/en/account/transactions?page={page.number}").context["rows"]]
        if not page.has_next():
            break
        page = client.get(f"/en/account/transactions?page={page.next_page_number()}").context["page"]
    assert found == whole
    assert client.get("/en/account/transactions?page=wrong").status_code == 200


def test_somebody_who_has_nothing_yet(hanako, signed_in) -> None:
    client = signed_in(hanako)
    assert "Nothing has moved yet." in client.get("/en/account/transactions").content.decode()
    assert "You do not hold any units yet." in client.get("/en/account/holdings").content.decode()
    assert client.get("/en/account/transactions.csv").content.decode().count("\n") == 1


def test_the_order_says_when_something_has_changed(everything: Stage, client) -> None:
    address = f"/en/account/orders/{everything.order.reference}"
    page = client.get(address)
    here = f"{address}/state?is={page.context['state']}"
    assert "HX-Refresh" not in client.get(here)
    stage.paid(everything.order)
    assert client.get(here)["HX-Refresh"] == "true"
    old = client.get(f"/en/account/orders/{everything.old_order.reference}").content.decode()
    assert "order-state" not in old and "hx-get" not in old, "what has ended is not asked for again"
