"""A month of payments with every error that payers and banks make, and then day 59 of what was collected.

After each step every yen and cent has an owner or a suspense reason, and the banks' balances are the book's.

The seed changes with every run and is in the message of a failure; ``MONTH_SEED`` repeats one.
"""

import os
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from fund import holders
from fund.dealing import called_back
from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import balances, post
from fund.ledger.models import Event, Leg
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency, Money
from fund.payments import payer_names, payout_files, payouts, receipts, reconciliation, suspense
from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, total
from fund.payments.models import BankAccount, BankEntry, Expected
from fund.payments.payee import Payee
from fund.payments.payout_models import Format, PayoutLine, PayoutRun
from fund.payments.prove import prove
from tests.fund.payments.bank_files import JPY, TODAY, USD, entry, statement
from tests.fund.payments.conftest import turn_second_key
from tests.fund.payments.test_answers import report, returns, status
from tests.fund.payments.test_export_command import JAPANESE
from tests.fund.payments.test_payouts import PAYEE, WRITERS

pytestmark = pytest.mark.django_db
STEPS = 60
NAMES = ["Hanako Yamada", "Taro Suzuki", "Jane Doe", "José Núñez"]


class Month:
    """The fund, its citizens and their bank, which tells the truth but not always once or in order."""

    def __init__(self, dice: random.Random, currency: Currency, american: Officer, japanese: Officer) -> None:
        self.dice, self.keys, self.currency = dice, (american, japanese), currency
        self.account, self.class_code = {"USD": (USD, "US"), "JPY": (JPY, "JP")}[currency]
        self.day, self.bank = TODAY, 0
        self.sent: list[Entry] = []  # every payment the bank booked, for reversals and repetitions
        self.files: list[bytes] = []
        self.holders = [holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.US, now=self.now).pk for _ in range(4)]
        for number, holder in enumerate(self.holders):
            payer_names.know(holder_id=holder, names=[NAMES[number]])

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
            amount=Money(self.dice.choice([50, 100, 2_000_000]), self.currency),
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
                self._use(asked, Event.REFUND, f"refunds:{self.currency}", received.amount)

    def settle(self) -> None:
        asked = self._any(one for one in Expected.objects.all() if one.received == one.amount)
        if asked and not self._used(asked):
            self._settle(asked)

    def _settle(self, asked: Expected) -> None:
        """As dealing does: a part of it buys units, the rest is a refund."""
        refund = self.dice.choice([0, asked.amount // 2])
        spent = {"cost": asked.amount - refund - 1, "units": (asked.amount - refund) * 10, "refund": refund}
        post.settle_set(
            "SELECT %(batch)s, %(order)s::uuid, %(holder)s, %(cost)s, 1, %(units)s, %(refund)s",
            {"order": asked.order_id, "holder": asked.holder_id, **spent},
            subject=asked.offering_code,
            class_code=self.class_code,
            effective_at=self.now,
        )

    def _used(self, asked: Expected) -> bool:
        return Leg.objects.filter(event_id=asked.order_id).exists()

    def _use(self, asked: Expected, event: Event, account: str, amount: int) -> None:
        line = post.Line(f"held:{self.currency}", account, amount, asked.holder_id)
        post.post(event=event, event_id=asked.order_id, lines=[line], effective_at=self.now)

    # ── what the bank tells ──

    def statement(self) -> None:
        """One more day, with the day's payments; sometimes a notification tells of some of them first."""
        self.day += timedelta(days=1)
        entries = [one for _ in range(self.dice.randrange(5)) if (one := self._entry())]
        if entries and self.dice.random() < 0.3:
            self._import(
                camt.write(
                    [
                        statement(
                            *entries[:2], kind=Kind.NOTIFICATION, account=self.account, currency=self.currency.value
                        )
                    ]
                )
            )
        self._state(entries)

    def _state(self, entries: list[Entry]) -> None:
        closing = self.bank + total(entries)
        told = {"opening": self.bank, "closing": closing, "opened_on": self.day, "closed_on": self.day}
        self.bank = closing
        self._import(camt.write([statement(*entries, account=self.account, currency=self.currency.value, **told)]))

    def _entry(self) -> Entry | None:
        kind = self.dice.choice(["pays", "pays", "pays", "unknown", "reversed", "payout", "returned", "fee"])
        told: dict[str, Any] = {
            "booking_date": self.day,
            "value_date": self.day,
            "currency": self.currency.value,
        }
        match kind:
            case "pays" if asked := self._any(Expected.objects.all()):
                amount = self.dice.choice([asked.amount, asked.amount, asked.amount // 2, asked.amount + 7])
                told |= {"creditor_reference": asked.reference, "direct_debit": self.dice.random() < 0.5}
                own = NAMES[self.holders.index(asked.holder_id)]
                told |= {"payer_name": self.dice.choice([own, own, own.upper(), "", "JOHN STRANGER"])}
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
                hint = self._any(suspense.suggestions(entry=one))
                asked = hint.expected if hint else self._open_order()
                ways = [lambda: suspense.refund(entry=one, **told), lambda: suspense.return_to_payer(entry=one, **told)]
                if asked:
                    ways.append(lambda: suspense.apply(entry=one, order_id=asked.order_id, **told))
                found = self.dice.choice(ways)()
            elif one := self._any(suspense.missing()):
                found = self._make_up_for(one)
        if isinstance(found, Proposal):
            self._carry_out(found)

    def _make_up_for(self, one: BankEntry) -> Any:
        """What a bank took back of a purchase is undone; the rest is the fund's loss."""
        told = {"entry": one, "officer": self.keys[0], "reason": "taken back", "now": self.now}
        return called_back.propose(**told) if called_back.can_rescind(entry=one) else suspense.write_off(**told)

    def _carry_out(self, proposal: Proposal) -> None:
        turn_second_key(proposal, self.keys[1])
        called_back.carry_out(proposal=proposal, now=self.now)

    def day_59(self) -> None:
        """Everything collected that can still be called back comes back on the last day but one, in one statement."""
        collected = [one for one in self.sent if one.direct_debit]
        self.day = max([self.day, *(one.booking_date for one in collected)]) + timedelta(days=59)
        told = {"credit": False, "reversal": True, "direct_debit": False, "booking_date": self.day}
        self._state([replace(one, value_date=self.day, **told) for one in collected])

    def make_up_for_everything(self) -> None:
        for one in suspense.missing():
            self._carry_out(self._make_up_for(one))

    def pay_out(self) -> None:
        with suppress(payouts.Refused):
            run = payouts.gather(currency=self.currency, payees=self._payees, officer=self.keys[0], now=self.now)
            proposal = payouts.propose(run=run, officer=self.keys[0], now=self.now)
            turn_second_key(proposal, self.keys[1])
            payouts.carry_out(proposal=proposal, now=self.now)
            payout_files.export(run=run, format=Format.PAIN001, writers=WRITERS, actor="system", now=self.now)

    def _payees(self, ids: Any) -> dict[int, Payee]:
        """Of five accounts, so that one that was refused is seldom the next one's."""
        payee = PAYEE if self.currency is Currency.USD else JAPANESE
        return {h: replace(payee, account=str(self.dice.randrange(1, 6))) for h in ids if self.dice.random() < 0.8}

    def answer(self) -> None:
        """By the bank's own files: a status report, or returns; now and then of another amount."""
        run = self._any(PayoutRun.objects.filter(state__in=["exported", "closed"], currency=self.currency))
        if run is None:
            return
        lines = list(run.lines.exclude(state="left_out"))
        amounts = [line.amount + self.dice.choice([0, 0, 0, 1]) for line in lines]
        if self.currency is Currency.USD and self.dice.random() < 0.5:
            reasons = [self.dice.choice(["R01", "R03", "C01"]) for _ in lines]
            told = [
                ("21", reason, line.reference, 0 if reason == "C01" else amount)
                for line, reason, amount in zip(lines, reasons, amounts, strict=True)
            ]
            self._import(returns(*told))
        else:
            codes = [self.dice.choice(["ACSC", "ACSP", "RJCT"]) for _ in lines]
            statuses = [
                status(line, code, "AC04" if code == "RJCT" else "", amount=amount, currency=self.currency.value)
                for line, code, amount in zip(lines, codes, amounts, strict=True)
            ]
            self._import(report(run, *statuses, message_id=f"BANK-{len(self.files)}"))

    def earmark(self) -> None:
        if self.dice.random() < 0.2:
            receipts.earmark(subject=f"US-{self.dice.randrange(3)}", now=self.now)


def check(month: Month, said: str) -> None:
    faults = [one for one in [*prove(), *prove_ledger()] if not one.clean]
    assert faults == [], said
    currency = month.currency
    of_holders = sum(balances.total(f"{name}:{currency}") for name in ("held", "refunds"))
    of_nobody = sum(balances.balance(f"{name}:{currency}") for name in ("suspense", "returns", "expenses", "rounding"))
    used = balances.balance(f"capital:{month.class_code}")
    assert -balances.balance(f"bank:{month.account}") == of_holders + of_nobody + used, said
    assert not BankEntry.objects.filter(suspended__gt=0, suspense_reason="").exists(), said
    if last := reconciliation.latest_day(account=BankAccount.objects.get(pk=month.account)):
        assert unexplained(month, last) == 0, said


def unexplained(month: Month, day: date) -> int:
    return reconciliation.day(account=BankAccount.objects.get(pk=month.account), day=day).unexplained


@pytest.mark.parametrize("currency", [Currency.USD, Currency.JPY])
def test_every_yen_and_cent_has_an_owner_or_a_reason_after_every_step(american, japanese, currency):
    seed = int(os.environ.get("MONTH_SEED", random.randrange(2**32)))
    month = Month(random.Random(seed), currency, american, japanese)
    steps: list[str] = []
    for _ in range(STEPS):
        steps.append(month.step())
        check(month, f"MONTH_SEED={seed}, after {len(steps)} steps: {steps[-3:]}")
    ended = month.day
    for last in (month.day_59, month.make_up_for_everything):
        last()
        check(month, f"MONTH_SEED={seed}, {last.__name__}")
    assert not suspense.missing().exists(), f"MONTH_SEED={seed}"
    for day in range((ended - TODAY).days):  # and every day of it is reconciled, also looking back
        assert unexplained(month, TODAY + timedelta(days=day + 1)) == 0, f"MONTH_SEED={seed}, day {day}"


def test_money_that_leaves_its_owner_by_another_way_is_seen(unproved, american, japanese):
    """Negative control: one cent that no verb has moved."""
    month = Month(random.Random(1), Currency.USD, american, japanese)
    check(month, "")
    line = post.Line(f"bank:{USD}", "suspense:USD", 1)
    post.post(event=Event.CORRECTION, event_id=uuid.uuid4(), lines=[line], effective_at=month.now)
    with pytest.raises(AssertionError):
        check(month, "")
