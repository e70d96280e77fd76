"""A changed account is told everywhere and paid to after its hold; meanwhile nothing is paid to anybody (D17)."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.ledger import post
from fund.ledger.models import Event
from fund.payments import payouts
from fund.payments.payout_models import Obstacle, PayoutLine
from fund.payments.prove import prove
from investors import bank_accounts, payees
from investors.bank_accounts import BankAccount
from investors.people import Investor
from tests.fund.payments.conftest import _accounts, appoint
from tests.investors.conftest import NOW, american, approved, japanese

__all__ = ["_accounts"]

pytestmark = pytest.mark.django_db
HOLD = timedelta(hours=72)
SECOND = timedelta(seconds=1)
OTHER = {"holder": "タカサキ ショウタ", "deposit_number": "7654321"}


def other(**changes):
    return japanese()["bank_account"] | OTHER | changes


@pytest.fixture
def citizen(investor, officer) -> Investor:
    return approved(investor, japanese(), officer)


def goes_to(citizen: Investor, at) -> str | None:
    """The last digits of the account that money goes to at an instant."""
    account = bank_accounts.usable(investor=citizen, at=at)
    return account and bank_accounts.masked(account=account, actor="system", now=at)["ending"]


def test_a_change_is_paid_to_from_the_end_of_its_hold_and_not_a_second_earlier(citizen):
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    assert goes_to(citizen, NOW - SECOND) is None, "the first account was not there before"
    assert goes_to(citizen, NOW + HOLD - SECOND) is None
    assert goes_to(citizen, NOW + HOLD) == "321"


def test_the_first_account_has_no_hold(citizen):
    assert goes_to(citizen, NOW) == "567"


def test_the_hold_is_a_dated_setting(citizen, monkeypatch):
    monkeypatch.setitem(
        bank_accounts.config.DECLARED, "bank_change.hold_hours", bank_accounts.config.Declared("hold", 1)
    )
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    assert goes_to(citizen, NOW + timedelta(hours=1) - SECOND) is None
    assert goes_to(citizen, NOW + timedelta(hours=1)) == "321"


def test_an_account_in_another_name_is_refused_and_nothing_changes(citizen):
    with pytest.raises(ValidationError) as refused:
        bank_accounts.change(investor=citizen, answers=other(holder="ヤマダ ハナコ"), now=NOW)
    assert refused.value.error_dict["holder"][0].code == "other_name"
    assert goes_to(citizen, NOW) == "567" and not Note.objects.filter(topic="security.changed").exists()


def test_the_other_nation_s_account_is_checked_by_the_same_name(citizen):
    usd = american()["bank_account"] | {"holder": "SHOTA TAKASAKI"}
    assert bank_accounts.change(investor=citizen, answers=usd, now=NOW).nation == "US"
    with pytest.raises(ValidationError):
        bank_accounts.change(investor=citizen, answers=american()["bank_account"], now=NOW)


def test_the_same_account_again_starts_no_hold(citizen):
    with pytest.raises(bank_accounts.Refused):
        bank_accounts.change(investor=citizen, answers=japanese()["bank_account"], now=NOW)
    assert goes_to(citizen, NOW) == "567"


def test_it_is_told_and_recorded_without_any_detail(citizen):
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    note = Note.objects.get(topic="security.changed")
    until = (NOW + HOLD).isoformat()
    assert note.payload == {"user": citizen.user_id, "change": "bank_account_changed", "until": until}
    assert Act.objects.get(verb="bank_account.changed").detail == {"usable_from": until}


def test_a_change_taken_back_leaves_the_account_before(citizen):
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    bank_accounts.cancel(investor=citizen, now=NOW + HOLD - SECOND)
    assert goes_to(citizen, NOW + HOLD) == "567"
    with pytest.raises(bank_accounts.Refused):
        bank_accounts.cancel(investor=citizen, now=NOW + HOLD)
    assert [note.payload["change"] for note in Note.objects.filter(topic="security.changed").order_by("pk")] == [
        "bank_account_changed",
        "bank_account_kept",
    ]


def test_after_its_hold_a_change_is_not_taken_back(citizen):
    row = bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    with pytest.raises(bank_accounts.Refused):
        bank_accounts.cancel(investor=citizen, now=NOW + HOLD)
    with pytest.raises(DatabaseError), transaction.atomic():
        BankAccount.objects.filter(pk=row.pk).update(cancelled_at=NOW + HOLD)


def test_a_second_change_replaces_the_waiting_one_and_begins_a_hold_of_its_own(citizen):
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    later = NOW + timedelta(hours=10)
    bank_accounts.change(investor=citizen, answers=other(deposit_number="1111999"), now=later)
    assert goes_to(citizen, NOW + HOLD) is None
    assert goes_to(citizen, later + HOLD) == "999"
    bank_accounts.cancel(investor=citizen, now=later + SECOND)
    assert goes_to(citizen, later + HOLD) == "567", "what was replaced does not come back"


@pytest.mark.django_db(transaction=True)
def test_of_two_devices_at_once_one_is_second_and_one_change_waits(citizen):
    gate = threading.Barrier(2)

    def change(number: str, at) -> None:
        gate.wait(10)
        bank_accounts.change(investor=citizen, answers=other(deposit_number=number), now=at)
        connection.close()

    racers = [
        threading.Thread(target=change, args=[f"70000{place}0", NOW + place * SECOND / 1000]) for place in range(2)
    ]
    for one in racers:
        one.start()
    for one in racers:
        one.join()
    waiting = BankAccount.objects.filter(investor=citizen, cancelled_at=None, usable_from__gt=NOW)
    assert waiting.count() == 1
    assert Act.objects.filter(verb="bank_account.changed").count() == 2


# ── the hand-over to the vault ──


def payee(citizen, at):
    return payees.of(holder_ids=[citizen.holder_id], actor="system", now=at)[citizen.holder_id]


def test_a_payee_is_what_a_bank_file_needs_and_opening_many_is_one_act(citizen, person, officer):
    second = approved(person("us@example.org"), american(), officer)
    ids = [citizen.holder_id, second.holder_id, 10**6]
    before = Act.objects.filter(verb="open").count()
    found = payees.of(holder_ids=ids, actor="officer:7", now=NOW)
    assert set(found) == set(ids[:2])
    assert (found[ids[0]].bank, found[ids[0]].branch, found[ids[0]].account) == ("0001", "001", "1234567")
    assert (found[ids[1]].bank, found[ids[1]].account, found[ids[1]].kind) == ("111000025", "000123456789", "checking")
    (act,) = Act.objects.filter(verb="open")[before:]
    assert (act.actor, act.detail["purpose"], act.detail["number"]) == ("officer:7", "payout", 2)


def test_a_changed_account_is_handed_over_with_its_hold(citizen):
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    assert payee(citizen, NOW).hold_until == NOW + HOLD and payee(citizen, NOW).account == "7654321"
    bank_accounts.cancel(investor=citizen, now=NOW + SECOND)
    assert payee(citizen, NOW + SECOND).account == "1234567"


@pytest.fixture
def run(citizen, american_officer):
    post.post(
        event=Event.CORRECTION,
        event_id=uuid.uuid4(),
        lines=[post.Line("bank:DEMO-JPY-001", "refunds:JPY", 5_000, citizen.holder_id)],
        effective_at=NOW,
    )

    def gather(now):
        return payouts.gather(
            currency=payouts.Currency.JPY,
            payees=lambda ids: payees.of(holder_ids=ids, actor="system", now=now),
            officer=american_officer,
            now=now,
        )

    return gather


@pytest.fixture
def american_officer(db):
    return appoint("US", "payments")


def test_a_held_line_waits_and_is_part_of_the_next_run(citizen, run):
    bank_accounts.change(investor=citizen, answers=other(), now=NOW)
    first = run(NOW + HOLD - SECOND)
    line = PayoutLine.objects.get(run=first)
    assert first.state == "withdrawn" and line.obstacle == Obstacle.BANK_CHANGE and line.hold_until == NOW + HOLD
    second = run(NOW + HOLD)
    assert second.state == "ready" and (second.count, second.total) == (1, 5_000)
    assert [check for check in prove() if not check.clean] == []


def test_without_the_hold_a_thief_is_paid_at_once(citizen, run, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setitem(
        bank_accounts.config.DECLARED, "bank_change.hold_hours", bank_accounts.config.Declared("hold", 0)
    )
    bank_accounts.change(investor=citizen, answers=other(), now=NOW + SECOND)
    assert run(NOW + SECOND).count == 1
    assert payee(citizen, NOW + SECOND).account == "7654321"
