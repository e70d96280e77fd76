"""The book refuses what is not a sound movement, keeps its balances, and is never rewritten (D38, D39)."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund import holders
from fund.governance import audit
from fund.holders import Holder, Nation
from fund.ledger import accounts, balances, post, prove
from fund.ledger.models import Event, Phase, Transfer
from fund.ledger.post import Line
from fund.money import Currency

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def citizen() -> int:
    accounts.open_bank(name="TEST-JPY", currency=Currency.JPY)
    return holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk


def receive(holder_id: int, amount: int, event_id: uuid.UUID | None = None) -> uuid.UUID:
    event_id = event_id or uuid.uuid4()
    post.post(
        event=Event.RECEIPT,
        event_id=event_id,
        lines=[Line("bank:TEST-JPY", "held:JPY", amount, holder_id)],
        effective_at=NOW,
    )
    return event_id


def test_a_receipt_raises_what_is_held_and_what_the_bank_has(citizen):
    receive(citizen, 300_000)
    assert balances.balance("held:JPY", holder_id=citizen) == 300_000
    assert balances.balance("bank:TEST-JPY") == -300_000
    assert all(check.clean for check in prove.prove())


def test_the_same_event_posts_once(citizen):
    event_id = receive(citizen, 1_000)
    with pytest.raises(IntegrityError), transaction.atomic():
        receive(citizen, 1_000, event_id)
    assert balances.balance("held:JPY", holder_id=citizen) == 1_000


def test_held_money_never_goes_below_zero(citizen):
    receive(citizen, 999)
    with pytest.raises(IntegrityError, match="below_zero"), transaction.atomic():
        post.post(
            event=Event.REFUND,
            event_id=uuid.uuid4(),
            lines=[Line("held:JPY", "refunds:JPY", 1_000, citizen)],
            effective_at=NOW,
        )
    assert balances.balance("held:JPY", holder_id=citizen) == 999


def test_without_the_balance_constraint_it_would(citizen):
    """Negative control of the test above."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_card DROP CONSTRAINT balance_of_a_holder_not_below_zero"
        )
    post.post(
        event=Event.REFUND,
        event_id=uuid.uuid4(),
        lines=[Line("held:JPY", "refunds:JPY", 1_000, citizen)],
        effective_at=NOW,
    )
    assert balances.balance("held:JPY", holder_id=citizen) == -1_000


@pytest.mark.parametrize(
    ("line", "names_holder"),
    [
        (("held:JPY", "refunds:USD"), True),
        (("bank:TEST-JPY", "units:JP"), True),
        (("bank:TEST-JPY", "held:JPY"), False),
        (("bank:TEST-JPY", "suspense:JPY"), True),
    ],
)
def test_unsound_lines_are_refused(citizen, line, names_holder):
    with pytest.raises(IntegrityError, match="one asset"), transaction.atomic():
        post.post(
            event=Event.RECEIPT,
            event_id=uuid.uuid4(),
            lines=[Line(*line, 5, citizen if names_holder else None)],
            effective_at=NOW,
        )


@pytest.mark.parametrize("amount", [0, -1])
def test_only_positive_amounts_move(citizen, amount):
    with pytest.raises(IntegrityError, match="transfer_positive"), transaction.atomic():
        receive(citizen, amount)


def test_a_pending_payout_reserves_and_is_posted_once(citizen):
    receive(citizen, 500)
    pending = uuid.uuid4()
    line = [Line("held:JPY", "bank:TEST-JPY", 400, citizen)]
    post.post(event=Event.PAYOUT, event_id=pending, lines=line, effective_at=NOW, phase=Phase.PENDING)
    assert balances.balance("held:JPY", holder_id=citizen) == 500
    with pytest.raises(IntegrityError, match="below_zero"), transaction.atomic():
        post.post(event=Event.PAYOUT, event_id=uuid.uuid4(), lines=line, effective_at=NOW)
    done = {"event": Event.PAYOUT, "pending": pending, "phase": Phase.POSTED, "effective_at": NOW}
    post.resolve(event_id=uuid.uuid4(), **done)
    assert balances.balance("held:JPY", holder_id=citizen) == 100
    with pytest.raises(IntegrityError), transaction.atomic():
        post.resolve(event_id=uuid.uuid4(), **done)
    assert all(check.clean for check in prove.prove())


def test_a_voided_payout_frees_what_it_reserved(citizen):
    receive(citizen, 500)
    pending = uuid.uuid4()
    line = [Line("held:JPY", "bank:TEST-JPY", 400, citizen)]
    post.post(event=Event.PAYOUT, event_id=pending, lines=line, effective_at=NOW, phase=Phase.PENDING)
    post.resolve(event_id=uuid.uuid4(), event=Event.PAYOUT, pending=pending, phase=Phase.VOIDED, effective_at=NOW)
    post.post(event=Event.PAYOUT, event_id=uuid.uuid4(), lines=line, effective_at=NOW)
    assert balances.balance("held:JPY", holder_id=citizen) == 100


def test_a_reversal_restores_the_balance_and_leaves_both_rows(citizen):
    event_id = receive(citizen, 700)
    post.reverse(event_id=uuid.uuid4(), reversed_id=event_id, reversed_event=Event.RECEIPT, effective_at=NOW)
    assert balances.balance("held:JPY", holder_id=citizen) == 0
    assert Transfer.objects.filter(holder_id=citizen).count() == 2


def test_a_balance_can_be_asked_for_as_of_any_instant(citizen):
    receive(citizen, 700)
    assert balances.balance_at("held:JPY", holder_id=citizen, effective=NOW) == 700
    assert balances.balance_at("held:JPY", holder_id=citizen, effective=NOW.replace(hour=8)) == 0
    before_it_was_recorded = datetime(2026, 3, 1, tzinfo=UTC)
    assert balances.balance_at("held:JPY", holder_id=citizen, effective=NOW, recorded=before_it_was_recorded) == 0


REWRITES = [
    "UPDATE fund_transfer SET amount = amount + 1",
    "DELETE FROM fund_transfer",
    "TRUNCATE fund_transfer",
]


@pytest.mark.parametrize("statement", REWRITES)
@pytest.mark.parametrize("role", ["owner", "app"])
def test_nobody_rewrites_the_book(citizen, statement, role):
    receive(citizen, 700)
    with pytest.raises(DatabaseError, match="append-only|permission denied"), transaction.atomic():
        with connection.cursor() as cursor:
            if role == "app":
                cursor.execute("SET LOCAL ROLE kakehashi_app")
            cursor.execute(statement)


def test_the_apps_role_cannot_write_balances(citizen):
    receive(citizen, 700)
    for statement in (
        "UPDATE fund_card SET held_jpy = 9",
        "UPDATE fund_control SET amount = 9",
        "DELETE FROM fund_card",
    ):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL ROLE kakehashi_app")
                cursor.execute(statement)


@pytest.mark.parametrize("statement", REWRITES[:2])
def test_without_the_triggers_the_owner_could(citizen, statement):
    """Negative control of ``test_nobody_rewrites_the_book``."""
    receive(citizen, 700)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_transfer DISABLE TRIGGER USER")
        cursor.execute(statement)
        assert cursor.rowcount == 1


@pytest.mark.django_db(transaction=True)
def test_a_flipped_figure_is_named_by_prove(citizen):
    receive(citizen, 1)
    flipped = receive(citizen, 700)
    receive(citizen, 2)
    assert audit.seal(log=prove.LEDGER, now=NOW).rows == 3
    assert all(check.clean for check in prove.prove())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_transfer DISABLE TRIGGER USER")
        cursor.execute("UPDATE fund_transfer SET effective_at = effective_at + interval '1 day' WHERE amount = 700")
        cursor.execute("ALTER TABLE fund_transfer ENABLE TRIGGER USER")
    (chain,) = [check for check in prove.prove() if not check.clean]
    assert chain.name == "ledger chain" and str(flipped) in chain.first
