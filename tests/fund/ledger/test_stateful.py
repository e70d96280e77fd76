"""Random sequences of postings against a plain model of the book: after each step the truths of D38 and D39 hold."""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from fund import holders, units
from fund.holders import Holder, Nation
from fund.ledger import accounts, post, prove
from fund.ledger.models import Event, Phase
from fund.ledger.post import Line
from fund.money import Currency

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
PER_HOLDER = {"held:JPY", "refunds:JPY", "units:JP"}
MOVES = [
    ("bank:TEST", "held:JPY"),
    ("held:JPY", "capital:JP"),
    ("held:JPY", "refunds:JPY"),
    ("refunds:JPY", "bank:TEST"),
    ("issued:JP", "units:JP"),
    ("units:JP", "issued:JP"),
]
SEQUENCES = int(os.environ.get("LEDGER_SEQUENCES", "100"))  # a release runs 2,000
STEPS = 100
whichever = st.integers(0, 2)
quantity = st.integers(1, 50)


@contextmanager
def planned_once() -> Iterator[None]:
    """The database keeps the plans of the recomputations, which are asked word for word the same after each step."""
    names: dict[str, str] = {}

    def ask(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if params or not sql.startswith("SELECT"):
            return execute(sql, params, many, context)
        if sql not in names:
            names[sql] = f"asked_{len(names)}"
            execute(f"PREPARE {names[sql]} AS {sql}", None, many, context)
        return execute(f"EXECUTE {names[sql]}", None, many, context)

    with connection.execute_wrapper(ask):
        yield


class Book(RuleBasedStateMachine):
    """What the database must agree with: balances and reservations by account and holder."""

    played = 0

    def __init__(self) -> None:
        super().__init__()
        self.sequence = transaction.atomic()
        self.sequence.__enter__()
        units.open_classes()
        accounts.open_chart()
        accounts.open_bank(name="TEST", currency=Currency.JPY)
        self.holders = [holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk for _ in range(3)]
        self.balances: dict[tuple[str, int], int] = defaultdict(int)
        self.reserved: dict[tuple[str, int], int] = defaultdict(int)
        self.pending: dict[uuid.UUID, tuple[str, str, int, int]] = {}
        self.events: list[uuid.UUID] = []

    def teardown(self) -> None:
        """Each sequence is a transaction of its own that is rolled back."""
        transaction.set_rollback(True)
        self.sequence.__exit__(None, None, None)
        Book.played += 1
        if Book.played % 10 == 0:  # a thousand steps leave dead rows behind that every recomputation would walk over
            with connection.cursor() as cursor:
                cursor.execute("VACUUM fund_transfer, fund_card, fund_control")

    def key(self, code: str, holder: int) -> tuple[str, int]:
        return code, holder if code in PER_HOLDER else 0

    def would_overdraw(self, debit: str, holder: int, amount: int) -> bool:
        key = self.key(debit, holder)
        return debit in PER_HOLDER and self.balances[key] - self.reserved[key] < amount

    def move(self, debit: str, credit: str, holder: int, amount: int) -> None:
        self.balances[self.key(debit, holder)] -= amount
        self.balances[self.key(credit, holder)] += amount

    def try_post(self, expected: bool, **posting) -> None:
        try:
            with transaction.atomic():
                post.post(effective_at=NOW, **posting)
        except IntegrityError:
            assert not expected, "a sound posting was refused"
        else:
            assert expected, "an unsound posting went through"

    @rule(move=st.sampled_from(MOVES), who=whichever, amount=quantity, pending=st.booleans())
    def post_one(self, move, who, amount, pending):
        debit, credit = move
        holder = self.holders[who]
        event_id = uuid.uuid4()
        allowed = not self.would_overdraw(debit, holder, amount)
        self.try_post(
            allowed,
            event=Event.RECEIPT,
            event_id=event_id,
            lines=[Line(debit, credit, amount, holder)],
            phase=Phase.PENDING if pending else Phase.FINAL,
        )
        if not allowed:
            return
        self.events.append(event_id)
        if pending:
            self.pending[event_id] = (debit, credit, holder, amount)
            self.reserved[self.key(debit, holder)] += amount
        else:
            self.move(debit, credit, holder, amount)

    @rule(which=st.integers(0, 100), posted=st.booleans())
    def end_a_pending_one(self, which, posted):
        if not self.pending:
            return
        pending = list(self.pending)[which % len(self.pending)]
        debit, credit, holder, amount = self.pending.pop(pending)
        phase = Phase.POSTED if posted else Phase.VOIDED
        post.resolve(event_id=uuid.uuid4(), event=Event.RECEIPT, pending=pending, phase=phase, effective_at=NOW)
        self.reserved[self.key(debit, holder)] -= amount
        if posted:
            self.move(debit, credit, holder, amount)

    @rule(which=st.integers(0, 100), who=whichever)
    def post_an_event_again(self, which, who):
        if self.events:
            event_id = self.events[which % len(self.events)]
            line = [Line("bank:TEST", "held:JPY", 1, self.holders[who])]
            self.try_post(False, event=Event.RECEIPT, event_id=event_id, lines=line)

    @rule(who=whichever, amount=quantity)
    def post_two_lines_of_which_one_overdraws(self, who, amount):
        holder = self.holders[who]
        too_much = self.balances[self.key("units:JP", holder)] + 1
        lines = [Line("bank:TEST", "held:JPY", amount, holder), Line("units:JP", "issued:JP", too_much, holder)]
        self.try_post(False, event=Event.RECEIPT, event_id=uuid.uuid4(), lines=lines)

    @invariant()
    def the_book_agrees(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.code, b.holder_id, b.amount, b.reserved"
                " FROM fund_balance b JOIN fund_account a ON a.id = b.account_id"
            )
            kept = {(code, holder): (amount, reserved) for code, holder, amount, reserved in cursor.fetchall()}
        for key in self.balances.keys() | self.reserved.keys() | kept.keys():
            assert kept.get(key, (0, 0)) == (self.balances[key], self.reserved[key]), key
        differing = [check for check in (prove.balances(), prove.assets(), prove.chart()) if not check.clean]
        assert not differing, differing


@pytest.mark.django_db(transaction=True)
def test_the_book_keeps_its_promises_under_any_sequence():
    with planned_once():
        run_state_machine_as_test(
            Book, settings=settings(max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None)
        )


@pytest.mark.django_db(transaction=True)
def test_without_the_trigger_the_sequences_find_it():
    """Negative control: with the keeping of balances switched off, the same sequences fail at once."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_transfer DISABLE TRIGGER keep_balances")
    try:
        with planned_once(), pytest.raises(AssertionError):
            run_state_machine_as_test(
                Book, settings=settings(max_examples=5, deadline=None, database=None, report_multiple_bugs=False)
            )
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE fund_transfer ENABLE TRIGGER keep_balances")
