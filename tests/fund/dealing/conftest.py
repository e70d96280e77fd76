"""Officers, citizens, an offering in any state of its life, and a bank that pays orders."""

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from fund import holders
from fund.dealing import allotment, offering, settlement, subscription
from fund.dealing.models import Offering, Subscription
from fund.governance import approval
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.ledger import accounts
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, Statement, total
from fund.units import UnitClass

NOW = datetime(2026, 9, 1, 0, 0, tzinfo=UTC)
OPENS = NOW + timedelta(days=1)
DURING = OPENS + timedelta(days=1)
CLOSES = OPENS + timedelta(days=10)
PAY_BY = CLOSES + timedelta(days=5)
LAPSES = PAY_BY + timedelta(hours=24)  # the statements of the last day have arrived
AFTER = PAY_BY + timedelta(days=3)
BANK = "DEMO-JPY-001"
numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _bank(_shipped: None, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db"):
        receipts.open_account(
            code=BANK,
            currency=Currency.JPY,
            name_en="Kakehashi Fund",
            name_ja="架け橋ファンド",
            bank_name_en="Demonstration Bank",
            bank_name_ja="デモ銀行",
            number="0001234567",
            now=NOW,
        )


def make_officer(nation: Nation) -> Officer:
    number = next(numbers)
    return Officer.objects.create(
        user=get_user_model().objects.create_user(f"dealer{number}@example.org"),
        person=f"{nation}-{number}",
        nation=nation,
        name_en=f"Officer {number}",
        name_ja=f"担当官 {number}",
        duties=list(Duty.values),
        in_office_from=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def american(_bank: None) -> Officer:
    return make_officer(Nation.US)


@pytest.fixture
def japanese(_bank: None) -> Officer:
    return make_officer(Nation.JP)


def citizen() -> int:
    return holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk


def yen(amount: int) -> Money:
    return Money(amount, Currency.JPY)


def announce(**terms: Any) -> Offering:
    """Ten lots of ¥10,000, at ¥10,000 a 10,000 口, unless told otherwise."""
    plain: dict[str, Any] = {
        "code": "JP-2026-1",
        "class_code": UnitClass.Code.JP,
        "name_en": "First offering",
        "name_ja": "第1回募集",
        "summary_en": "Units for citizens of Japan",
        "summary_ja": "日本の市民のための受益権",
        "capacity": 100_000,
        "minimum": 10_000,
        "step": 10_000,
        "maximum": 10_000_000,
        "lot": 10_000,
        "fixed_price": Decimal(10_000),
        "dealing_day": date(2026, 9, 24),
        "opens_at": OPENS,
        "closes_at": CLOSES,
        "pay_by": PAY_BY,
        "agreements": ["prospectus:1"],
        "actor": "officer:1",
        "now": NOW,
    }
    return offering.announce(**plain | terms)


Keys = Callable[[Proposal], Proposal]


@pytest.fixture
def second_key(japanese: Officer) -> Keys:
    def turn(proposal: Proposal) -> Proposal:
        assert approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=NOW)
        return proposal

    return turn


@pytest.fixture
def opened(american: Officer, second_key: Keys) -> Callable[..., Offering]:
    def make(**terms: Any) -> Offering:
        announced = announce(**terms)
        proposal = offering.propose_opening(offering=announced, officer=american, now=NOW)
        offering.carry_out_opening(proposal=second_key(proposal), now=NOW)
        assert announced.code in offering.open_due(now=OPENS)
        announced.refresh_from_db()
        return announced

    return make


def place(one: Offering, holder_id: int, amount: int, **told: Any) -> Subscription:
    plain = {"key": f"key-{next(numbers)}", "now": DURING}
    with transaction.atomic():  # a refusal ends the whole transaction, and most tests are one
        return subscription.place(offering_code=one.code, holder_id=holder_id, amount=yen(amount), **plain | told)


def bank_file(paid: Iterable[tuple[str, int]], *, booked: date) -> bytes:
    """A statement in which these references receive these amounts of yen."""
    entries = tuple(
        Entry(
            amount=amount,
            currency="JPY",
            credit=True,
            reversal=False,
            booked=True,
            booking_date=booked,
            value_date=booked,
            bank_reference=f"BANK-{next(numbers)}",
            entry_reference="",
            end_to_end_id="",
            creditor_reference=reference,
            remittance=(),
            payer_name="",
            payer_account="",
            line=line,
            detail=0,
            detail_reference="",
        )
        for line, (reference, amount) in enumerate(paid, 1)
    )
    number = next(numbers)
    statement = Statement(
        kind=Kind.STATEMENT,
        message_id=f"MSG-{number}",
        statement_id=f"STMT-{number}",
        sequence=None,
        created_at=NOW,
        covers_from=None,
        covers_to=None,
        account=BANK,
        currency="JPY",
        opening=0,
        closing=total(entries),
        opened_on=booked,
        closed_on=booked,
        entries=entries,
    )
    return camt.write([statement])


def take(*paid: tuple[Subscription, int], now: datetime = DURING) -> int:
    """Import a bank file that pays these amounts; returns the file's id."""
    data = bank_file([(order.reference, amount) for order, amount in paid], booked=now.date())
    return receipts.import_file(data=data, name="statement.xml", actor="officer:1", now=now).file.pk


def pay(*orders: Subscription, now: datetime = DURING) -> int:
    """Pay these orders in full; returns how many became funded."""
    return subscription.fund(file_id=take(*((order, order.amount) for order in orders), now=now), now=now)


@pytest.fixture
def allot(american: Officer, second_key: Keys) -> Callable[[Offering], Proposal]:
    """Close the book and allot it under two keys."""

    def decide(one: Offering) -> Proposal:
        offering.close_due(now=CLOSES)
        subscription.lapse_due(now=LAPSES)
        proposal = allotment.propose(offering=one, officer=american, now=AFTER)
        assert allotment.carry_out(proposal=second_key(proposal), now=AFTER) is not None
        one.refresh_from_db()
        return proposal

    return decide


def settle(one: Offering, *, chunk: int = 2000, now: datetime = AFTER) -> list[int]:
    """Settle to the end; returns the orders of each chunk."""
    return list(iter(lambda: settlement.settle_next(offering_code=one.code, now=now, chunk=chunk), 0))


CITIZENS = """
    INSERT INTO fund_holder (id, kind, nation, name_en, name_ja, registered_at)
    SELECT DISTINCT holder_id, 'citizen', 'JP', '', '', %(at)s::timestamptz FROM (<asked>) a ON CONFLICT DO NOTHING
"""

PAID = """
    WITH asked AS MATERIALIZED (
        SELECT n, holder_id, uuidv7() AS id, lots * %(lot)s::bigint AS amount, (%(numbers)s::bigint + n)::text AS number
          FROM (<asked>) a ORDER BY n
    ), orders AS (
        INSERT INTO fund_subscription (id, reference, numeric_reference, offering_id, holder_id, amount, currency, key,
                                       status, received_at, funded_at)
        SELECT id, 'RF00' || number, number, %(offering)s, holder_id, amount, %(currency)s,
               %(offering)s || ' paid-' || n, 'funded', %(at)s, %(at)s
          FROM asked
    ), applicants AS (
        INSERT INTO fund_applicant (offering_id, holder_id) SELECT DISTINCT %(offering)s, holder_id FROM asked
    ), expected AS (
        INSERT INTO fund_expected (reference, numeric_reference, holder_id, currency, amount, received, pay_by,
                                   order_id, offering_code, expected_at)
        SELECT 'RF00' || number, number, holder_id, %(currency)s, amount, amount, %(at)s, id, %(offering)s, %(at)s
          FROM asked
    )
    INSERT INTO fund_transfer (event_id, event, line, debit_id, credit_id, holder_id, amount, effective_at, phase)
    SELECT uuidv7(), 1, 0, %(bank)s, %(held)s, holder_id, amount, %(at)s, 0 FROM asked
"""


def paid_orders(one: Offering, asked: str, **params: Any) -> None:
    """Paid orders written as sets, oldest first; ``asked`` is a SELECT of n, holder_id and lots."""
    bank, held = f"bank:DEMO-{one.currency}-001", f"held:{one.currency}"
    account = accounts.ids(bank, held)
    params |= {"lot": one.lot, "offering": one.code, "at": DURING}
    params |= {"currency": one.currency.value, "bank": account[bank], "held": account[held]}
    params |= {"numbers": {"USD": 2_000_000_000, "JPY": 1_000_000_000}[one.currency]}
    with connection.cursor() as cursor:
        for statement in (CITIZENS, PAID):  # a payment finds the citizen's card
            cursor.execute(statement.replace("<asked>", asked), params)
        sequence = "pg_get_serial_sequence('fund_holder', 'id')"
        cursor.execute(f"SELECT setval({sequence}, greatest(nextval({sequence}), 1000000))")


def paid_list(one: Offering, orders: list[tuple[int, int]]) -> None:
    """Paid orders from a list of (holder, lots)."""
    holders, lots = [holder for holder, _lots in orders], [lots for _holder, lots in orders]
    asked = "SELECT * FROM unnest(%(holders)s::bigint[], %(lots)s::bigint[]) WITH ORDINALITY u(holder_id, lots, n)"
    paid_orders(one, asked, holders=holders, lots=lots)


def crowd(one: Offering, *, citizens: int, lots: str) -> None:
    """A paid order for each of holders 1…n; ``lots`` is SQL over the holder's number ``g``."""
    paid_orders(one, f"SELECT g AS n, g AS holder_id, {lots} AS lots FROM generate_series(1, {citizens}) g")
