"""Citizens of Japan with units, gifts and estates in any state of their life, signed by two officers."""

import itertools
from datetime import date, datetime
from typing import Any

import pytest
from django.db import transaction

from fund.conveyance import estate, give, move, prove
from fund.conveyance.models import Conveyance, Estate
from fund.ledger import prove as ledger
from fund.redemption import prove as redemption
from tests.fund import building
from tests.fund.redemption.conftest import DURING, NOW, Fund, fund

__all__ = ["DURING", "NOW", "Fund", "fund"]
numbers = itertools.count(1)
OLD, YOUNG = date(2024, 5, 20), date(2026, 3, 31)


def clean() -> bool:
    return [one for one in (*prove.prove(), *ledger.prove(), *redemption.prove()) if not one.clean] == []


def offered(giver: int, recipient: int, units: int, *, now: datetime = DURING, **told: Any) -> Conveyance:
    plain = {"class_code": "JP", "key": f"key-{next(numbers)}"}
    with transaction.atomic():
        return give.offer(holder_id=giver, recipient_id=recipient, units=units, now=now, **plain | told)


def accepted(giver: int, recipient: int, units: int, *, now: datetime = DURING) -> Conveyance:
    one = offered(giver, recipient, units, now=now)
    return give.accept(transfer=one.pk, recipient_id=recipient, now=now)


def signed(fund: Fund, lines: list[Conveyance], *, now: datetime = DURING) -> Any:
    proposal = move.propose(lines=lines, papers={}, officer=fund.keys[0], now=now)
    building.sign(proposal, fund.keys[1], now)
    return proposal


@transaction.atomic
def pass_on(fund: Fund, lines: list[Conveyance], *, now: datetime = DURING) -> None:
    """Both keys, and at once."""
    move.move(lines=move.approve(proposal=signed(fund, lines, now=now), now=now), now=now)
    for one in lines:
        one.refresh_from_db()


def given(fund: Fund, giver: int, recipient: int, units: int, *, now: datetime = DURING) -> Conveyance:
    one = accepted(giver, recipient, units, now=now)
    pass_on(fund, [one], now=now)
    return one


def opened(holder: int, *, now: datetime = DURING) -> Estate:
    return estate.open_case(holder_id=holder, actor="officer:1", now=now)


@pytest.fixture
def recipient() -> int:
    return building.citizen(building.Nation.JP).pk
