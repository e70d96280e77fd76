"""Subscribing: eligible, agreements accepted, within the cap, then placed (D14, D18)."""

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from fund.dealing import allotment, offering, settlement, subscription
from fund.dealing.models import Offering, Subscription
from fund.dealing.subscription import Refused
from fund.governance import approval, config
from fund.governance.officers import Duty
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.models import Expected
from fund.rates import ReferenceRate, Unknown
from investors import subscribing
from investors.agreements import Acceptance
from investors.people import Investor
from tests.investors.conftest import NOW, american, approved, japanese, make_officer
from tests.investors.test_agreements import new_version

pytestmark = pytest.mark.django_db

DURING = NOW + timedelta(days=2)
CLOSES = NOW + timedelta(days=10)
CAP = 15_000_000
keys = itertools.count(1)


def yen(amount: int) -> Money:
    return Money(amount, Currency.JPY)


def dollars(amount: int) -> Money:
    return Money(amount * 100, Currency.USD)


def open_offering(unit_class: str = "JP", **terms: Any) -> Offering:
    """Large enough that only the citizen's own cap binds; ¥10,000 or $100 is the smallest order and the step."""
    one = 10_000
    announced = offering.announce(
        **{
            "code": f"{unit_class}-2026-1",
            "class_code": unit_class,
            "name_en": "First offering",
            "name_ja": "第1回募集",
            "summary_en": "Units for citizens",
            "summary_ja": "市民のための受益権",
            "capacity": one * 1_000_000,
            "minimum": one,
            "step": one,
            "maximum": one * 100_000,
            "lot": one,
            "fixed_price": Decimal(10_000 if unit_class == "JP" else 10),
            "dealing_day": date(2026, 12, 10),
            "opens_at": NOW + timedelta(days=1),
            "closes_at": CLOSES,
            "pay_by": CLOSES + timedelta(days=3),
            "agreements": ["prospectus:1", "terms:1"],
            "actor": "officer:1",
            "now": NOW,
        }
        | terms
    )
    officers = [make_officer(Duty.DEALING, nation, f"{nation}-{announced}@example.org") for nation in ("US", "JP")]
    proposal = offering.propose_opening(offering=announced, officer=officers[0], now=NOW)
    approval.sign(proposal=proposal, officer=officers[1], digest=bytes(proposal.digest), now=NOW)
    offering.carry_out_opening(proposal=proposal, now=NOW)
    offering.open_due(now=DURING)
    return announced


@pytest.fixture(autouse=True)
def _banks(_shipped: None) -> None:
    for currency in Currency:
        receipts.open_account(
            code=f"DEMO-{currency}-001",
            currency=currency,
            name_en="Kakehashi Fund",
            name_ja="架け橋ファンド",
            bank_name_en="Demonstration Bank",
            bank_name_ja="デモ銀行",
            number="0001234567",
            now=NOW,
        )


@pytest.fixture
def citizen(investor, officer) -> Investor:
    return approved(investor, japanese(), officer)


def order(citizen: Investor, amount: Money, *, code: str = "JP-2026-1", key: str = "", **told: Any) -> Subscription:
    plain: dict[str, Any] = {"accepts": [], "now": DURING}
    with transaction.atomic():  # a refusal ends the whole transaction, and most tests are one
        return subscribing.subscribe(
            investor=citizen, offering_code=code, amount=amount, key=key or f"key-{next(keys)}", **plain | told
        )


def hold(citizen: Investor, unit_class: str, units: int) -> None:
    line = post.Line(f"issued:{unit_class}", f"units:{unit_class}", units, citizen.holder_id)
    post.post(event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=[line], effective_at=NOW)


def rate(day: date) -> None:
    """The example of D23."""
    ReferenceRate.objects.create(
        day=day,
        usd_jpy=Decimal("159.4973"),
        usd_per_eur=Decimal("1.1498"),
        jpy_per_eur=Decimal("183.39"),
        source="test",
    )


def test_an_approved_citizen_places_an_order(citizen):
    open_offering()
    placed = order(citizen, yen(100_000))
    assert (placed.holder_id, placed.amount, placed.status) == (citizen.holder_id, 100_000, "placed")


def test_an_applicant_does_not(investor):
    open_offering()
    with pytest.raises(subscribing.NotEligible) as refused:
        order(investor, yen(100_000))
    assert refused.value.code == "not_eligible"


def test_a_lapsed_verification_does_not(citizen):
    open_offering()
    Investor.objects.filter(pk=citizen.pk).update(verified_until=DURING)
    with pytest.raises(subscribing.NotEligible):
        order(citizen, yen(100_000))
    order(citizen, yen(100_000), now=DURING - timedelta(seconds=1))


def test_the_offerings_agreements_are_accepted_first(citizen):
    new_version("terms")
    open_offering(agreements=["prospectus:1", "terms:2"])
    with pytest.raises(subscribing.AgreementsMissing) as refused:
        order(citizen, yen(100_000), accepts=["terms:1"])
    assert refused.value.facts["missing"] == ["terms:2"]
    assert not Subscription.objects.exists()
    order(citizen, yen(100_000), accepts=["terms:2"])
    kept = Acceptance.objects.get(investor=citizen, agreement__version=2)
    assert (kept.accepted_at, kept.agreement.language) == (DURING, "ja")
    order(citizen, yen(100_000))


def test_a_repeated_key_gives_the_same_order_also_at_the_cap(citizen):
    open_offering()
    first = order(citizen, yen(CAP), key="same")
    assert order(citizen, yen(CAP), key="same").pk == first.pk
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize(("amount", "code"), [(yen(1), "below_minimum"), (dollars(100), "wrong_currency")])
def test_what_dealing_refuses_is_refused(citizen, amount, code):
    open_offering()
    with pytest.raises(Refused) as refused:
        order(citizen, amount)
    assert refused.value.code == code


def test_an_offering_that_does_not_exist_or_is_not_open(citizen):
    with pytest.raises(Refused) as refused:
        order(citizen, yen(100_000))
    assert refused.value.code == "unknown_offering"
    open_offering()
    with pytest.raises(Refused) as refused:
        order(citizen, yen(100_000), now=CLOSES)
    assert refused.value.code == "not_open"


def test_the_cap_binds_the_sum_of_orders_to_the_yen(citizen):
    open_offering()
    order(citizen, yen(CAP - 20_000))
    order(citizen, yen(10_000))
    with pytest.raises(subscribing.OverTheCap) as refused:
        order(citizen, yen(20_000))
    assert refused.value.code == "over_the_cap"
    assert refused.value.amounts["room"] == yen(10_000)
    assert subscribing.room(holder=citizen.holder, now=DURING) == yen(10_000)
    order(citizen, yen(10_000))
    assert subscription.on_order(holder_id=citizen.holder_id) == {Currency.JPY: CAP}


def test_a_refused_order_leaves_nothing(citizen):
    open_offering()
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, yen(CAP + 10_000))
    assert not Subscription.objects.exists()
    assert subscription.on_order(holder_id=citizen.holder_id) == {}


def test_a_withdrawn_order_frees_the_cap(citizen):
    open_offering()
    first = order(citizen, yen(CAP))
    subscription.withdraw(reference=first.reference, holder_id=citizen.holder_id, now=DURING)
    order(citizen, yen(CAP))


def test_units_count_at_the_latest_price(citizen):
    open_offering()
    hold(citizen, "JP", CAP - 30_000)  # at ¥10,000 for 10,000 口
    assert subscribing.held_value(holder=citizen.holder, currency=Currency.JPY, now=DURING) == yen(CAP - 30_000)
    order(citizen, yen(20_000))
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, yen(20_000))


def test_units_of_the_other_class_count_at_the_rate(citizen):
    open_offering()
    hold(citizen, "US", 1_000 * 10_000)  # 1,000 units at $10
    with pytest.raises(Unknown):
        order(citizen, yen(10_000))
    rate(DURING.date())
    held = subscribing.held_value(holder=citizen.holder, currency=Currency.JPY, now=DURING)
    assert held == yen(1_594_973)
    assert subscribing.room(holder=citizen.holder, now=DURING) == yen(CAP - 1_594_973)
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, yen(13_410_000))
    order(citizen, yen(13_400_000))


def test_a_dual_national_has_one_cap_over_both_classes(investor, officer):
    both = american(
        citizenship={"nations": ["US", "JP"]}, name=japanese()["name"], bank_account={"holder": "SHOTA TAKASAKI"}
    )
    citizen = approved(investor, both, officer)
    open_offering("US")
    open_offering("JP")
    rate(DURING.date())
    order(citizen, dollars(90_000), code="US-2026-1")
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, yen(1_600_000))
    order(citizen, yen(1_590_000))
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, dollars(100), code="US-2026-1")


def at_once(calls: list[Callable[[], Any]]) -> list[str]:
    """Run the calls on connections of their own, released together; how each ended."""
    gate, ended = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        gate.wait()
        try:
            call()
            ended.append("placed")
        except subscribing.OverTheCap:
            ended.append("over_the_cap")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ended)


def race(citizen: Investor) -> list[str]:
    return at_once(
        [lambda code=code: order(citizen, yen(9_000_000), code=code) for code in ("JP-2026-1", "JP-2026-2")] * 3
    )


@pytest.mark.django_db(transaction=True)
def test_the_cap_holds_on_many_devices_at_once(citizen):
    """In two offerings, so that dealing's own lock on one citizen in one offering does not help."""
    open_offering()
    open_offering(code="JP-2026-2")
    assert race(citizen) == ["over_the_cap"] * 5 + ["placed"]


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_on_the_investor_it_would_not(citizen, monkeypatch):
    """Negative control of the test above: nobody waits, and more than one order passes the check."""
    open_offering()
    open_offering(code="JP-2026-2")
    monkeypatch.setattr(subscribing, "LOCK", "")
    together = threading.Barrier(2, timeout=60)  # both have placed; then both are judged, before one is committed
    check = subscribing._check_cap

    def check_together(*args: Any) -> None:
        together.wait()
        check(*args)
        together.wait()

    monkeypatch.setattr(subscribing, "_check_cap", check_together)
    orders = [lambda code=code: order(citizen, yen(9_000_000), code=code) for code in ("JP-2026-1", "JP-2026-2")]
    assert at_once(orders) == ["placed", "placed"]
    assert subscription.on_order(holder_id=citizen.holder_id)[Currency.JPY] > CAP


RACE = NOW + timedelta(days=8)


@pytest.fixture
def settle(citizen) -> Callable[[], None]:
    """¥9,000,000 of the citizen are allotted; calling this settles them, on a connection of its own."""
    one = open_offering(closes_at=NOW + timedelta(days=4), pay_by=NOW + timedelta(days=5))
    pay_in(order(citizen, yen(9_000_000)))
    offering.close_due(now=one.closes_at)
    officers = [make_officer(Duty.DEALING, nation, f"{nation}-allots@example.org") for nation in ("US", "JP")]
    proposal = allotment.propose(offering=Offering.objects.get(pk=one.pk), officer=officers[0], now=RACE)
    approval.sign(proposal=proposal, officer=officers[1], digest=bytes(proposal.digest), now=RACE)
    allotment.carry_out(proposal=proposal, now=RACE)

    def to_the_end() -> None:
        try:
            while settlement.settle_next(offering_code=one.code, now=RACE):
                pass
        finally:
            connection.close()

    def run() -> None:
        worker = threading.Thread(target=to_the_end)
        worker.start()
        worker.join()

    return run


def pay_in(placed: Subscription) -> None:
    line = post.Line("bank:DEMO-JPY-001", "held:JPY", placed.amount, placed.holder_id)
    post.post(event=Event.RECEIPT, event_id=uuid.uuid4(), lines=[line], effective_at=DURING)
    Expected.objects.filter(order_id=placed.pk).update(received=placed.amount)
    Subscription.objects.filter(pk=placed.pk).update(status="funded", funded_at=DURING)


@pytest.mark.django_db(transaction=True)
def test_a_settlement_at_the_same_moment_hides_nothing_from_the_cap(citizen, settle, monkeypatch):
    """All that the cap counts is read by one statement, of one instant."""
    open_offering(code="JP-2026-2")
    standing = subscribing._standing

    def settle_before(*told: Any) -> subscribing.Standing:
        settle()
        return standing(*told)

    monkeypatch.setattr(subscribing, "_standing", settle_before)
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, yen(9_000_000), code="JP-2026-2", now=RACE)
    assert Offering.objects.get(pk="JP-2026-1").state == "settled"


@pytest.mark.django_db(transaction=True)
def test_read_by_two_statements_the_cap_would_be_passed(citizen, settle, monkeypatch):
    """Negative control of the test above: the units first, then what is on order."""
    open_offering(code="JP-2026-2")
    standing = subscribing._standing

    def units_first(*told: Any) -> subscribing.Standing:
        early = standing(*told)
        settle()
        return replace(standing(*told), units=early.units)

    monkeypatch.setattr(subscribing, "_standing", units_first)
    assert order(citizen, yen(9_000_000), code="JP-2026-2", now=RACE)
    held = subscribing.held_value(holder=citizen.holder, currency=Currency.JPY, now=RACE)
    assert held.amount + 9_000_000 > CAP


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lowered", [9_000_000, 8_990_000])
def test_the_cap_holds_from_two_devices_while_officers_lower_it(citizen, lowered):
    open_offering()
    open_offering(code="JP-2026-2")
    officers = [make_officer(Duty.ADMINISTRATION, nation, f"{nation}-caps@example.org") for nation in ("US", "JP")]
    proposal = config.propose(
        key="cap.citizen", value={"USD": 10_000_000, "JPY": lowered}, effective_from=DURING, officer=officers[0],
        now=NOW, reason="a rehearsal",
    )  # fmt: skip
    approval.sign(proposal=proposal, officer=officers[1], digest=bytes(proposal.digest), now=NOW)

    def lower() -> None:
        config.carry_out(proposal=proposal, now=NOW)

    devices = [lambda code=code: order(citizen, yen(9_000_000), code=code) for code in ("JP-2026-1", "JP-2026-2")]
    ended = at_once([*devices, lower])
    assert ended.count("placed") - 1 <= 1, "one of them is the officers' own act"
    assert subscription.on_order(holder_id=citizen.holder_id).get(Currency.JPY, 0) in (0, 9_000_000)
    with pytest.raises(subscribing.OverTheCap):
        order(citizen, yen(9_000_000))
