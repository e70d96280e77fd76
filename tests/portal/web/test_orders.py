"""Subscribing in two pages, the order's own page, and withdrawing; all by plain forms."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from fund.dealing.models import Offering, Status, Subscription
from investors.people import Investor
from tests.portal.web import stage
from tests.portal.web.conftest import Stage

ACCEPTS = ["prospectus:1", "terms:1"]


def orders(investor: Investor) -> list[Subscription]:
    return list(Subscription.objects.filter(holder_id=investor.holder_id))


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no hidden field {name}"
    return found[1]


def test_the_whole_way(hanako: Investor, current: Offering, signed_in: Any) -> None:
    client: Client = signed_in(hanako)
    documents = client.post("/ja/account/subscribe/JP-2026-2", {"amount": "１０万円"})
    html = documents.content.decode()
    assert "¥100,000" in html
    read = {"amount": hidden(html, "amount"), "documents": "1", "accepts": ACCEPTS}
    html = client.post("/ja/account/subscribe/JP-2026-2", read).content.decode()
    assert "10,000口当たり¥10,000" in html
    assert orders(hanako) == [], "nothing is ordered before the review"
    sent = {"amount": hidden(html, "amount"), "key": hidden(html, "key"), "accepts": ACCEPTS}
    done = client.post("/ja/account/subscribe/JP-2026-2", sent)
    (order,) = orders(hanako)
    assert done["Location"] == f"/ja/account/orders/{order.reference}"
    page = client.get(done["Location"]).content.decode()
    assert "お申込みを受け付けました。" in page
    assert order.reference in page
    assert order.numeric_reference in page
    assert "0012345678" in page, "the account to pay to"
    assert "(東京)" in page.replace('<span class="k-clocks__place">', "(").replace("</span></time>", ")")


def test_sending_the_review_twice_orders_once(hanako: Investor, current: Offering, signed_in: Any) -> None:
    client: Client = signed_in(hanako)
    sent = {"amount": "100000", "key": str(uuid.uuid4()), "accepts": ACCEPTS}
    places = {client.post("/en/account/subscribe/JP-2026-2", sent)["Location"] for _ in range(2)}
    assert len(places) == 1
    assert len(orders(hanako)) == 1


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("", "This field is required."),
        ("a lot", "Enter an amount in figures, such as 100,000."),
        ("100.50", "Yen have no decimals. Enter whole yen."),
        ("5,000", "The smallest order is ¥10,000."),
        ("15,000", "Orders go up in steps of ¥10,000."),
        ("3,000,000", "All your orders in this offering together may reach ¥2,000,000."),
    ],
)
def test_an_unsound_amount_is_refused_beside_the_field(
    hanako: Investor, current: Offering, signed_in: Any, amount: str, words: str
) -> None:
    answer = signed_in(hanako).post("/en/account/subscribe/JP-2026-2", {"amount": amount})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert f'<span class="usa-error-message">{words}</span>' in html
    assert f'value="{amount}"' in html


def test_agreements_must_be_accepted(hanako: Investor, current: Offering, signed_in: Any) -> None:
    """Those that were accepted with the application are not asked again; a later version is."""
    stage.new_version("terms", 2)
    later = stage.announce("JP-2026-3", opens=current.opens_at, closes=current.closes_at, texts=["terms:2"])
    stage.opened(later, stage.existing_officers())
    client: Client = signed_in(hanako)
    sent: dict[str, Any] = {"amount": "100000", "key": str(uuid.uuid4())}
    refused = client.post("/en/account/subscribe/JP-2026-3", sent)
    assert refused.status_code == 422
    assert "Please read and accept every document." in refused.content.decode()
    assert "<strong>Added:</strong> <ins>New terms</ins>" in refused.content.decode()
    assert orders(hanako) == []
    assert client.post("/en/account/subscribe/JP-2026-3", sent | {"accepts": ["terms:2"]}).status_code == 302


def test_what_the_rooms_refuse_is_said_on_the_review(hanako: Investor, current: Offering, signed_in: Any) -> None:
    client: Client = signed_in(hanako)
    first = {"amount": "2000000", "key": str(uuid.uuid4()), "accepts": ACCEPTS}
    assert client.post("/en/account/subscribe/JP-2026-2", first).status_code == 302
    again = client.post("/en/account/subscribe/JP-2026-2", first | {"key": str(uuid.uuid4())})
    assert again.status_code == 422
    assert "All your orders in this offering together may reach ¥2,000,000." in again.content.decode()


def test_withdrawing(everything: Stage, signed_in: Any) -> None:
    client: Client = signed_in(everything.hanako)
    address = f"/en/account/orders/{everything.order.reference}"
    assert "Withdraw the order" in client.get(address).content.decode()
    answer = client.post(f"{address}/withdraw", follow=True)
    assert "Your order has been withdrawn." in answer.content.decode()
    everything.order.refresh_from_db()
    assert everything.order.status == Status.WITHDRAWN
    assert "Withdraw the order" not in client.get(address).content.decode()


def test_a_settled_order_cannot_be_withdrawn(everything: Stage, signed_in: Any) -> None:
    client: Client = signed_in(everything.hanako)
    address = f"/en/account/orders/{everything.old_order.reference}"
    page = client.get(address).content.decode()
    assert "Your ticket in the book" in page
    assert "Withdraw the order" not in page
    answer = client.post(f"{address}/withdraw", follow=True)
    assert "This order can no longer be withdrawn." in answer.content.decode()


def test_somebody_elses_order_answers_as_a_missing_one(everything: Stage, signed_in: Any) -> None:
    other = stage.approved(stage.person("john@example.org"), everything.keys[0], nation="US")
    client: Client = signed_in(other)
    foreign = client.get(f"/en/account/orders/{everything.order.reference}")
    missing = client.get("/en/account/orders/RF00000000000")
    assert foreign.status_code == missing.status_code == 404
    assert client.post(f"/en/account/orders/{everything.order.reference}/withdraw").status_code == 404


def test_holdings_in_both_currencies(everything: Stage, signed_in: Any) -> None:
    """300,000 yen or more were settled at ¥10,000 for 10,000 口; the price has moved since."""
    html = signed_in(everything.hanako).get("/en/account/holdings").content.decode()
    assert re.search(r"\d{3},000 口", html)
    assert re.search(r"¥\d{3},\d{3}", html)
    assert re.search(r"\$\d,\d{3}\.\d\d", html)


def test_signed_out_means_asked_to_sign_in(everything: Stage) -> None:
    for path in ("/en/account/", "/en/account/orders", "/en/account/holdings", "/en/join/", "/en/account/inbox"):
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/en/account/login/"), path


def test_the_live_demand_is_a_piece_of_the_page(everything: Stage) -> None:
    piece = Client().get("/en/offerings/JP-2026-2/demand").content.decode()
    assert "<html" not in piece
    assert "¥300,000" in piece


def test_anybody_can_run_the_allotment_again(everything: Stage) -> None:
    """The recipe that the page prints, run over the book that the page shows."""
    html = Client().get("/en/offerings/JP-2026-1/allotment").content.decode()
    recipe = re.search(r'<pre lang="en" tabindex="0"><code>(.*?)</code></pre>', html, re.DOTALL)
    assert recipe
    lines = re.findall(
        r'class="k-code">([0-9a-f-]{36})</th><td class="k-num">(\d+)</td><td class="k-num">(\d+)</td>', html
    )
    assert len(lines) == 5
    seed, commitment = re.findall(r'<dd class="k-code">([0-9a-f]{64})</dd>', html)
    allotment = everything.settled.allotment
    book = {
        "seed": seed,
        "seed_commitment": commitment,
        "level": allotment.level,
        "capacity_lots": allotment.capacity_lots,
        "applicants": [{"ticket": t, "requested_lots": int(r), "allotted_lots": int(a)} for t, r, a in lines],
    }
    shipped: dict[str, Any] = {}
    exec(_unescaped(recipe[1]), shipped)
    shipped["again"](book)
    book["applicants"][0]["allotted_lots"] += 1
    with pytest.raises(AssertionError):
        shipped["again"](book)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
