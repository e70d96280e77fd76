"""Many at once: units offered from two devices, answered and taken back, two workers that let it pass on."""

from functools import partial

import pytest
from django.db import transaction

from fund.conveyance import give, move
from fund.conveyance.models import Conveyance
from fund.ledger import balances
from fund.ledger.models import Transfer
from tests.fund import building
from tests.fund.conveyance.conftest import DURING, accepted, clean, offered, signed
from tests.fund.dealing.test_races import at_once
from tests.fund.redemption.conftest import ask

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(*answers: object) -> list[str]:
    return sorted(type(answer).__name__ for answer in answers)


def test_units_cannot_be_given_from_two_devices_nor_be_redeemed_beside(fund):
    fund.opened()
    recipient = building.citizen(building.Nation.JP).pk
    for _round in range(2):
        giver = fund.citizen(1_000)
        assert kinds(*at_once(*[partial(offered, giver, recipient, 700)] * 2)) == ["Conveyance", "Refused"]
        other = fund.citizen(1_000)
        assert "Refused" in kinds(*at_once(partial(offered, other, recipient, 700), partial(ask, other, 700)))
    assert clean()


def test_without_the_hold_more_is_offered_than_there_is(fund, monkeypatch):
    """Negative control of the test above."""
    recipient = building.citizen(building.Nation.JP).pk
    monkeypatch.setattr(give, "hold", lambda line, now: None)
    giver = fund.citizen(1_000)
    assert kinds(*at_once(*[lambda: offered(giver, recipient, 700)] * 2)) == ["Conveyance", "Conveyance"]
    assert not clean()


def test_one_key_from_eight_threads_is_one_offer(fund):
    giver, recipient = fund.citizen(1_000), building.citizen(building.Nation.JP).pk
    answers = at_once(*[lambda: offered(giver, recipient, 100, key="k").pk] * 8)
    assert len(set(answers)) == 1 and Conveyance.objects.count() == 1 and clean()


def test_two_workers_let_it_pass_on_once_and_a_withdrawal_beside_them_is_one_or_the_other(fund):
    recipient = building.citizen(building.Nation.JP).pk
    for _round in range(2):
        giver = fund.citizen(1_000)
        one = accepted(giver, recipient, 700)
        proposal = signed(fund, [one])

        @transaction.atomic
        def work(proposal=proposal) -> int:
            lines = move.approve(proposal=proposal, now=DURING)
            if lines:
                move.move(lines=lines, now=DURING)
            return len(lines)

        answers = at_once(work, work, partial(give.withdraw, transfer=one.pk, holder_id=giver, now=DURING))
        one.refresh_from_db()
        done = sum(answer for answer in answers if isinstance(answer, int))
        assert (one.state, done) in (("moved", 1), ("withdrawn", 0)), answers
        assert balances.balance("units:JP", holder_id=giver) == (300 if done else 1_000)
        assert Transfer.objects.filter(event_id=one.pk, event=16).count() == 2 * done
    assert clean()


def test_accepted_and_declined_at_once_it_is_one_of_them(fund):
    giver, recipient = fund.citizen(1_000), building.citizen(building.Nation.JP).pk
    one = offered(giver, recipient, 700)
    at_once(
        lambda: give.withdraw(transfer=one.pk, holder_id=giver, now=DURING),
        lambda: give.decline(transfer=one.pk, recipient_id=recipient, now=DURING),
    )
    one.refresh_from_db()
    assert one.state in ("declined", "withdrawn") and clean()
