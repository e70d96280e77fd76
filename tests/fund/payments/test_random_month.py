"""A month of payments with every error that payers and banks make: after each step every cent has an owner or a reason.

The seed changes with every run and is in the message of a failure; ``MONTH_SEED`` repeats one.
"""

import os
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from fund import holders
from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import balances, post
from fund.ledger.models import Event
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency, Money
from fund.payments import payout_files, payout_results, payouts, receipts, reconciliation, suspense
from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, total
from fund.payments.models import BankAccount, BankEntry, Expected
from fund.payments.payout_models import Format, PayoutLine, PayoutRun
from fund.payments.payout_results import Answer, Result
from fund.payments.prove import prove
from tests.fund.payments.bank_files import TODAY, USD, entry, statement
from tests.fund.payments.conftest import turn_second_key
from tests.fund.payments.test_payouts import PAYEE, WRITERS

pytestmark = pytest.mark.django_db
STEPS = 60


class Month:
    """The fund, its citizens and their bank, which tells the truth but not always once or in order."""

    def __init__(self, dice: random.Random, american: Officer, japanese: Officer) -> None:
        self.dice, self.keys = dice, (american, japanese)
        self.day, self.bank = TODAY, 0
        self.sent: list[Entry] = []  # every payment the bank booked, for reversals and repetitions
        self.files: list[bytes] = []
        self.holders = [holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.US, now=self.now).pk for _ in range(4)]

    @property
    def now(self) -> datetime:
        return datetime.combine(self.day, time(20), UTC)

    def step(self) -> str:
        work: Callable[[], Any] = self.dice.choice(
            [
                *[self.statement] * 4,
                *[self.order, self.way_out] * 2,
                *[self.withdraw, self.settle, self.repeat, self.pay_out, self.answer, self.earmark],
            ]
        )
        work()
        return work.__name__

    # ── what citizens do ──

    def order(self) -> None:
        receipts.expect(
            holder_id=self.dice.choice(self.holders),
            amount=Money(self.dice.choice([50, 100, 2_000_000]), Currency.USD),
            pay_by=self.now + timedelta(days=self.dice.randrange(1, 20)),
            order_id=uuid.uuid4(),
            subject=f"US-{self.dice.randrange(3)}",
            now=self.now,
        )

    def _open_order(self) -> Expected | None:
        return self._any(Expected.objects.filter(forgotten_at=None))

    def _any(self, rows: Any) -> Any:
        found = list(rows)
        return self.dice.choice(found) if found else None

    def withdraw(self) -> None:
        """As dealing does: what was received goes to refunds."""
        if (asked := self._open_order()) and not self._used(asked):
            received = receipts.forget(order_id=asked.order_id, now=self.now)
            if received:
                self._use(asked, Event.REFUND, "refunds:USD", received.amount)

    def settle(self) -> None:
        asked = self._any(one for one in Expected.objects.all() if one.received == one.amount)
        if asked and not self._used(asked):
            self._use(asked, Event.SETTLEMENT, "capital:US", asked.amount)

    def _used(self, asked: Expected) -> bool:
        return post.Transfer.objects.filter(event_id=asked.order_id).exists()

    def _use(self, asked: Expected, event: Event, account: str, amount: int) -> None:
        line = post.Line("held:USD", account, amount, asked.holder_id)
        post.post(event=event, event_id=asked.order_id, lines=[line], effective_at=self.now)

    # ── what the bank tells ──

    def statement(self) -> None:
        """One more day, with the day's payments; sometimes a notification tells of some of them first."""
        self.day += timedelta(days=1)
        entries = [one for _ in range(self.dice.randrange(5)) if (one := self._entry())]
        if entries and self.dice.random() < 0.3:
            self._import(camt.write([statement(*entries[:2], kind=Kind.NOTIFICATION, account=USD, currency="USD")]))
        closing = self.bank + total(entries)
        told = {"opening": self.bank, "closing": closing, "opened_on": self.day, "closed_on": self.day}
        self.bank = closing
        self._import(camt.write([statement(*entries, **told)]))

    def _entry(self) -> Entry | None:
        kind = self.dice.choice(["pays", "pays", "pays", "unknown", "reversed", "payout", "returned", "fee"])
        told: dict[str, Any] = {"booking_date": self.day, "value_date": self.day}
        match kind:
            case "pays" if asked := self._any(Expected.objects.all()):
                amount = self.dice.choice([asked.amount, asked.amount, asked.amount // 2, asked.amount + 7])
                told |= {"creditor_reference": asked.reference}
            case "reversed" if original := self._any(self.sent):
                told |= {"credit": False, "reversal": True, "creditor_reference": original.creditor_reference}
                if self.dice.random() < 0.5:  # under its own reference a bank reverses a payment once
                    told |= {"bank_reference": original.bank_reference}
                    self.sent.remove(original)
                return entry(original.amount, **told)
            case "payout" if line := self._any(PayoutLine.objects.filter(state__in=["pending", "paid"])):
                return entry(line.amount, credit=False, end_to_end_id=line.reference, **told)
            case "returned" if line := self._any(PayoutLine.objects.filter(state="paid")):
                return entry(line.amount, end_to_end_id=line.reference, reversal=True, **told)
            case "fee":
                return entry(3, credit=False, **told)
            case _:
                amount = self.dice.choice([50, 100, 777])
        paid = entry(amount, payer_account="5551", **told)
        self.sent.append(paid)
        return paid

    def repeat(self) -> None:
        if self.files:
            self._import(self.dice.choice(self.files))

    def _import(self, data: bytes) -> None:
        self.files.append(data)
        receipts.import_file(data=data, name="bank.xml", actor="system", now=self.now)

    # ── what officers do ──

    def way_out(self) -> None:
        found: Any = None
        with suppress(suspense.Refused):
            told = {"officer": self.keys[0], "reason": "looked at", "now": self.now}
            if one := self._any(suspense.waiting()):
                asked = self._any(suspense.suggestions(entry=one)) or self._open_order()
                ways = [lambda: suspense.refund(entry=one, **told), lambda: suspense.return_to_payer(entry=one, **told)]
                if asked:
                    ways.append(lambda: suspense.apply(entry=one, order_id=asked.order_id, **told))
                found = self.dice.choice(ways)()
            elif one := self._any(suspense.missing()):
                found = suspense.write_off(entry=one, **told)
        if isinstance(found, Proposal):
            turn_second_key(found, self.keys[1])
            suspense.carry_out(proposal=found, now=self.now)

    def pay_out(self) -> None:
        with suppress(payouts.Refused):
            run = payouts.gather(currency=Currency.USD, payees=self._payees, officer=self.keys[0], now=self.now)
            proposal = payouts.propose(run=run, officer=self.keys[0], now=self.now)
            turn_second_key(proposal, self.keys[1])
            payouts.carry_out(proposal=proposal, now=self.now)
            payout_files.export(run=run, format=Format.NACHA, writers=WRITERS, actor="system", now=self.now)

    def _payees(self, ids: Any) -> dict[int, payouts.Payee]:
        return {holder: PAYEE for holder in ids if self.dice.random() < 0.8}

    def answer(self) -> None:
        if run := self._any(PayoutRun.objects.filter(state__in=["exported", "closed"])):
            results = [Result(line.reference, self.dice.choice(list(Answer))) for line in run.lines.all()]
            payout_results.take(results=results, actor="system", now=self.now)

    def earmark(self) -> None:
        if self.dice.random() < 0.2:
            receipts.earmark(subject=f"US-{self.dice.randrange(3)}", now=self.now)


def check(month: Month, said: str) -> None:
    faults = [one for one in [*prove(), *prove_ledger()] if not one.clean]
    assert faults == [], said
    of_holders = sum(balances.total(f"{name}:USD") for name in ("held", "refunds"))
    of_nobody = sum(balances.balance(f"{name}:USD") for name in ("suspense", "returns", "expenses"))
    used = balances.balance("capital:US")
    assert -balances.balance(f"bank:{USD}") == of_holders + of_nobody + used, said
    assert not BankEntry.objects.filter(suspended__gt=0, suspense_reason="").exists(), said
    if last := reconciliation.latest_day(account=BankAccount.objects.get(pk=USD)):
        assert unexplained(last) == 0, said


def unexplained(day: date) -> int:
    return reconciliation.day(account=BankAccount.objects.get(pk=USD), day=day).unexplained


@pytest.mark.parametrize("round_", range(3))
def test_every_cent_has_an_owner_or_a_reason_after_every_step(american, japanese, round_):
    seed = int(os.environ.get("MONTH_SEED", random.randrange(2**32)))
    month = Month(random.Random(seed), american, japanese)
    steps: list[str] = []
    for _ in range(STEPS):
        steps.append(month.step())
        check(month, f"MONTH_SEED={seed}, after {len(steps)} steps: {steps[-3:]}")
    for day in range((month.day - TODAY).days):  # and every day of it is reconciled, also looking back
        assert unexplained(TODAY + timedelta(days=day + 1)) == 0, f"MONTH_SEED={seed}, day {day}"
