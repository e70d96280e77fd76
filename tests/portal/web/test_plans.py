"""The page of regular plans (D30): begun, changed, paused, ended by plain forms; what came of each month, in words."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client

from fund.dealing.models import Offering, Subscription
from fund.governance.outbox import Note
from fund.money import Currency, Money
from investors import plans
from investors.people import Investor
from investors.plan_models import Plan
from portal.notices import mail
from portal.notices.send import send
from portal.webhooks import endpoints, events
from tests.portal.web import stage
from tests.portal.web.conftest import Stage
from tests.portal.web.stage import NOW
from tests.portal.web.test_bank_account import text

PAGE = "/en/account/plans"
MONTH = timedelta(days=31)


def begin(investor: Investor, amount: int = 100_000, day: int = 20) -> Plan:
    """It is the 20th."""
    key = str(uuid.uuid4())
    money = Money(amount, Currency.JPY)
    return plans.begin(investor=investor, class_code="JP", amount=money, day=day, key=key, now=NOW)


@pytest.fixture
def plans_of_all_kinds(everything: Stage) -> None:
    """One that has ordered and was skipped, one that is to come, one that is paused, one that has ended, and one for
    which an offering asks for new terms."""
    hanako = everything.hanako
    begin(hanako)
    plans.run_due(now=NOW)
    plans.run_due(now=NOW + 2 * MONTH)  # the offering is closed by then
    begin(hanako, 50_000, day=31)
    plans.pause(plan=begin(hanako, 30_000), now=NOW)
    plans.end(plan=begin(hanako, 200_000, day=1), now=NOW)
    stage.new_version("terms", 2)
    asking = stage.announce(
        "JP-2026-3", opens=NOW - timedelta(days=1), closes=NOW + timedelta(days=8), texts=["prospectus:1", "terms:2"]
    )
    stage.opened(asking, everything.keys)
    begin(hanako, 10_000)
    plans.run_due(now=NOW)


def test_every_kind_says_how_it_stands(plans_of_all_kinds: None, hanako: Investor, signed_in: Any) -> None:
    page = text(signed_in(hanako).get(PAGE))
    assert "You pay each order yourself by bank transfer" in page
    order = Subscription.objects.get(key__startswith="plan:")
    assert f"November 2026 Waiting for your payment {order.reference} ¥100,000" in page
    assert "December 2026 Skipped No offering of these units was open." in page
    assert "Nov 30" in page or "November 30, 2026" in page
    assert "None while the plan is paused" in page
    assert "Waiting since November 20, 2026 for you to accept the documents above" in page
    assert "Plans that have ended" in page and "The plan was ended." in page
    japanese = text(signed_in(hanako).get(PAGE.replace("/en/", "/ja/")))
    assert "この受益権の募集がありませんでした。" in japanese and "2026年12月" in japanese


@pytest.fixture
def client(hanako: Investor, current: Offering, signed_in: Any) -> Client:
    answer: Client = signed_in(hanako)
    return answer


def filled(page: Any, **typed: str) -> dict[str, str]:
    """The form as a browser sends it."""
    key = re.search(r'name="key" value="([0-9a-f-]+)"', page.content.decode())
    assert key
    return {"unit_class": "JP", "amount": "10万円", "day": "25", "key": key[1], **typed}


def test_begun_twice_by_a_double_click_it_is_one(client: Client, hanako: Investor) -> None:
    form = filled(client.get(PAGE))
    assert [client.post(PAGE, form).status_code for _twice in range(2)] == [302, 302]
    plan = hanako.plans.get()
    assert (plan.amount, plan.day, plan.state) == (100_000, 25, "active")
    page = text(client.get(PAGE))
    assert "¥100,000 a month, JP citizen units" in page or "¥100,000 a month, Japanese citizen units" in page
    assert "November 25, 2026" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "a lot"}, "Enter an amount in figures"),
        ({"amount": "15,000"}, "Orders go up in steps of ¥10,000"),
        ({"amount": "0"}, "Order more than nothing."),
        ({"day": "32"}, "Select a valid choice"),
        ({"unit_class": "US"}, "Select a valid choice"),
        ({"unit_class": "SOV"}, "Select a valid choice"),
        ({"key": "x"}, "Enter a valid UUID"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_begins(
    client: Client, hanako: Investor, typed: dict[str, str], said: str
) -> None:
    answer = client.post(PAGE, filled(client.get(PAGE), **typed))
    assert answer.status_code == 422 and (said in text(answer) or "key" in typed)
    assert not hanako.plans.exists()


def test_changed_paused_gone_on_with_and_ended_by_forms(client: Client, hanako: Investor) -> None:
    plan = begin(hanako, day=28)
    own = f"{PAGE}/{plan.pk}"
    assert client.post(f"{own}/change", {"amount": "20万", "day": "27"}).status_code == 302
    for act, state in (("pause", "paused"), ("go-on", "active"), ("end", "ended")):
        assert client.post(f"{own}/{act}").status_code == 302
        plan.refresh_from_db()
        assert (plan.state, plan.amount, plan.day) == (state, 200_000, 27)
    assert "This plan has ended." in text(client.post(f"{own}/pause", follow=True))
    assert client.get(f"{own}/pause").status_code == 405


def test_a_change_that_does_not_fit_is_said_on_the_page(client: Client, hanako: Investor) -> None:
    plan = begin(hanako, day=28)
    answer = client.post(f"{PAGE}/{plan.pk}/change", {"amount": "12,345", "day": "28"})
    assert answer.status_code == 422 and "Orders go up in steps of ¥10,000" in text(answer)
    assert "12,345" in answer.content.decode(), "what was typed stays"
    plan.refresh_from_db()
    assert plan.amount == 100_000


def test_the_documents_are_accepted_on_the_page_and_the_plan_orders(
    plans_of_all_kinds: None, hanako: Investor, signed_in: Any
) -> None:
    client, plan = signed_in(hanako), hanako.plans.get(amount=10_000)
    own = f"{PAGE}/{plan.pk}/accept"
    assert "Please read and accept every document." in text(client.post(own))
    assert client.post(own, {"accepts": "prospectus:1"}).status_code == 422, "nothing else is accepted here"
    assert client.post(own, {"accepts": "terms:2"}).status_code == 302
    plans.run_due(now=NOW)
    assert plan.turns.get(state="ordered").order_reference
    assert "Documents to accept" not in text(client.get(PAGE))


def test_a_lapsed_verification_is_said_clearly(client: Client, hanako: Investor) -> None:
    plan = begin(hanako)
    Investor.objects.filter(pk=hanako.pk).update(verified_until=NOW)
    assert "Your verification has ended. Until you confirm your details, plans order nothing" in text(client.get(PAGE))
    answer = client.post(PAGE, filled(client.get(PAGE)))
    assert answer.status_code == 422 and "Your verification has ended" in text(answer)
    plans.run_due(now=NOW)
    assert plan.turns.get(state="skipped").reason == "not_eligible"
    assert "Your verification had ended" in text(client.get(PAGE))


def test_it_is_in_the_navigation_of_citizens_alone(client: Client, everything: Stage, signed_in: Any) -> None:
    assert f'href="{PAGE}"' in client.get("/en/account/").content.decode()
    assert f'href="{PAGE}"' not in signed_in(everything.neu).get("/en/account/").content.decode()


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────
def told(topic: str) -> str:
    note = Note.objects.filter(topic=topic).latest("id")
    assert send(note=note, now=NOW) == 1
    outbox.outbox.clear()
    mail.send_due(now=NOW)
    (letter,) = outbox.outbox
    return f"{letter.subject}\n{letter.body}"


def test_the_order_is_told_of_once_with_how_to_pay(hanako: Investor, current: Offering) -> None:
    begin(hanako)
    plans.run_due(now=NOW)
    order = Subscription.objects.get(holder_id=hanako.holder_id)
    written = told("subscription.placed")
    assert "積立によるお申し込みです。" in written and order.reference in written and order.numeric_reference in written
    assert not Note.objects.filter(topic__startswith="plan.").exists()


def test_an_order_by_hand_says_nothing_of_a_plan(everything: Stage) -> None:
    assert "積立" not in told("subscription.placed")


def test_a_skip_is_told_with_its_reason(hanako: Investor) -> None:
    begin(hanako)
    plans.run_due(now=NOW + MONTH)
    written = told("plan.skipped")
    assert "2026年11月の積立を見送りました" in written and "この受益権の募集がありませんでした。" in written


def test_what_waits_for_the_citizen_is_told(plans_of_all_kinds: None) -> None:
    assert "積立が同意を待っています" in told("plan.waiting")


def test_an_app_is_told_where_to_read_of_it(hanako: Investor) -> None:
    plan = begin(hanako)
    hook = endpoints.register(
        user=hanako.user, url="https://app.example.com/", kinds=["plan.skipped", "plan.waiting"], now=NOW
    )
    type(hook).objects.update(state="active")
    plans.run_due(now=NOW + MONTH)
    note = Note.objects.get(topic="plan.skipped")
    send(note=note, now=NOW)
    assert events.announce(note=note, now=NOW) == 1
    assert hook.deliveries.get(kind="plan.skipped").reads == [f"/api/v1/plans/{plan.pk}"]
