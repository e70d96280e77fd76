"""The fund's two accounts, citizens, and payments they are asked for."""

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from fund import holders
from fund.governance import approval
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.models import BankAccount, Expected
from fund.payments.receipts import Import
from tests.fund.payments.bank_files import JPY, NOW, USD

PAY_BY = datetime(2027, 1, 20, 14, 59, tzinfo=UTC)  # late on 20 January in Tokyo, the morning of that day in New York


COMPANY = "1210428820"  # what the banks call the fund


def open_account(code: str, currency: Currency) -> BankAccount:
    return receipts.open_account(
        code=code,
        currency=currency,
        name_en="Kakehashi Fund",
        name_ja="架け橋ファンド",
        bank_name_en="Demonstration Bank",
        bank_name_ja="デモ銀行",
        number="0001234567",
        routing={"USD": "121042882", "JPY": "0001001"}[currency],
        customer_code=COMPANY,
        now=NOW,
    )


@pytest.fixture(autouse=True)
def _accounts(_shipped: None, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db"):
        open_account(USD, Currency.USD)
        open_account(JPY, Currency.JPY)


@pytest.fixture
def citizen() -> int:
    return holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk


@pytest.fixture
def expect(citizen: int) -> Callable[..., Expected]:
    def expect_one(amount: int = 50_000, currency: Currency = Currency.USD, **told: Any) -> Expected:
        plain = {"holder_id": citizen, "pay_by": PAY_BY, "order_id": uuid.uuid4(), "subject": "US-2027-1", "now": NOW}
        return receipts.expect(amount=Money(amount, currency), **plain | told)

    return expect_one


@pytest.fixture
def take() -> Callable[[bytes], Import]:
    def take_one(data: bytes) -> Import:
        return receipts.import_file(data=data, name="statement.xml", actor="officer:1", now=NOW)

    return take_one


numbers = itertools.count(1)


def appoint(nation: Nation, *duties: Duty) -> Officer:
    number = next(numbers)
    return Officer.objects.create(
        user=get_user_model().objects.create_user(f"{nation}{number}@example.org"),
        person=f"{nation}-{number}",
        nation=nation,
        name_en=f"Officer {number}",
        name_ja=f"担当官 {number}",
        duties=list(duties),
        in_office_from=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def american(db: None) -> Officer:
    return appoint(Nation.US, Duty.PAYMENTS)


@pytest.fixture
def japanese(db: None) -> Officer:
    return appoint(Nation.JP, Duty.PAYMENTS)


def turn_second_key(proposal: Proposal, officer: Officer) -> None:
    proposal.refresh_from_db()
    assert approval.sign(proposal=proposal, officer=officer, digest=bytes(proposal.digest), now=NOW)


@pytest.fixture
def unproved() -> None:
    """The test leaves the books wrong on purpose: nothing is proved behind it."""
