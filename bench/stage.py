"""An offering with a simulated book, opened, closed and allotted by the fund's own verbs under two keys."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection

from fund.dealing import allotment, offering
from fund.dealing.models import Offering
from fund.governance import approval
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Nation
from fund.money import Currency
from fund.payments import receipts
from fund.payments.models import BankAccount
from fund.units import UnitClass
from portal import simulation
from portal.owner import connected_as_owner

ANNOUNCED = datetime(2026, 9, 1, tzinfo=UTC)
OPENS = ANNOUNCED + timedelta(days=1)
DURING = OPENS + timedelta(days=1)
CLOSES = OPENS + timedelta(days=10)
PAY_BY = CLOSES + timedelta(days=5)
AFTER = PAY_BY + timedelta(days=3)
BANK = "BENCH-JPY-001"
CODE = "JP-2026-1"
LOT = 10_000  # yen
PRICE = Decimal(10_123)  # so that nearly every order leaves a remainder
CAPACITY_SHARE = 3  # one lot for every third that is asked for, as a sought-after offering has


def use(database: str) -> None:
    """Let Django's connection talk to this database from now on."""
    connection.close()
    connection.settings_dict["NAME"] = database


def officer(nation: Nation) -> Officer:
    """The officer of a nation who turns its keys, appointed as the owner of the tables."""
    with connected_as_owner():
        return _officer(nation)


def _officer(nation: Nation) -> Officer:
    return Officer.objects.get_or_create(
        person=f"officer-{nation}",
        defaults={
            "user": lambda: get_user_model().objects.create_user(f"officer-{nation}@example.org"),
            "nation": nation,
            "name_en": f"Officer {nation}",
            "name_ja": f"担当官 {nation}",
            "duties": list(Duty.values),
            "in_office_from": datetime(2025, 1, 1, tzinfo=UTC),
        },
    )[0]


def sign(proposal: Proposal, now: datetime = ANNOUNCED) -> Proposal:
    japanese = Officer.objects.get(person=f"officer-{Nation.JP}")
    if not approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=now):
        raise RuntimeError(f"{proposal} has no second key")
    return proposal


def open_bank(*, now: datetime) -> None:
    receipts.open_account(
        code=BANK,
        currency=Currency.JPY,
        name_en="Kakehashi Fund",
        name_ja="架け橋ファンド",
        bank_name_en="Demonstration Bank",
        bank_name_ja="デモ銀行",
        number="0001234567",
        now=now,
    )


def open_offering(*, capacity: int, announced: datetime = ANNOUNCED, **terms: Any) -> Offering:
    """Ten days of subscriptions for ``capacity`` yen in lots of ¥10,000.

    They begin a day after ``announced``; ``terms`` replace those of the stage.
    """
    if not BankAccount.objects.filter(pk=BANK).exists():
        open_bank(now=announced)
    american, _japanese = officer(Nation.US), officer(Nation.JP)
    opens = announced + (OPENS - ANNOUNCED)
    plain: dict[str, Any] = {
        "code": CODE,
        "class_code": UnitClass.Code.JP,
        "name_en": "First offering",
        "name_ja": "第1回募集",
        "summary_en": "Units for citizens of Japan",
        "summary_ja": "日本の市民のための受益権",
        "capacity": capacity,
        "minimum": LOT,
        "step": LOT,
        "maximum": 100 * LOT,
        "lot": LOT,
        "fixed_price": PRICE,
        "dealing_day": date(2026, 9, 24),
        "opens_at": opens,
        "closes_at": opens + (CLOSES - OPENS),
        "pay_by": opens + (PAY_BY - OPENS),
        "agreements": ["prospectus:1"],
        "actor": "officer:1",
        "now": announced,
    }
    one = offering.announce(**plain | terms)
    proposal = offering.propose_opening(offering=one, officer=american, now=announced)
    offering.carry_out_opening(proposal=sign(proposal, announced), now=announced)
    offering.open_due(now=opens)
    return Offering.objects.get(pk=one.pk)


def paid_book(*, orders: int, seed: int, announced: datetime = ANNOUNCED, **terms: Any) -> None:
    """An open offering with as many paid orders, of four fifths as many citizens."""
    one = open_offering(capacity=orders * 25 // CAPACITY_SHARE * LOT, announced=announced, **terms)
    investors, now = max(1, orders * 4 // 5), announced + (DURING - ANNOUNCED)
    for _rows in simulation.simulate(investors=investors, orders=orders, offering_code=one.code, seed=seed, now=now):
        pass


def close_and_allot() -> None:
    """The book is closed and its allotment decided under two keys."""
    offering.close_due(now=CLOSES)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    proposal = allotment.propose(offering=Offering.objects.get(pk=CODE), officer=american, now=AFTER)
    if allotment.carry_out(proposal=sign(proposal), now=AFTER) is None:
        raise RuntimeError("the allotment was carried out before")
