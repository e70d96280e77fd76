"""Two more citizens who can take part, and gifts between them: for the tests of transfers."""

import itertools
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fund import holders
from fund.conveyance.models import Conveyance
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from investors import recipients, transfers, vault
from investors.evidence import Taken, take
from investors.people import Investor
from tests.fund import building
from tests.fund.redemption import redeeming
from tests.investors import files
from tests.investors.conftest import japanese
from tests.portal.web import stage
from tests.portal.web.stage import NOW

numbers = itertools.count(1)


@dataclass(frozen=True)
class Giving:
    """``hanako`` holds 100,000 units, bought for ¥1 each two months ago; ``keys`` are an officer of each nation."""

    keys: tuple[Officer, Officer]
    hanako: Investor
    to: Investor


def begin() -> Giving:
    """Two citizens and two officers, without applications, offerings or prices."""
    building.open_banks()
    hanako = recipient(nation=Nation.JP, language="ja")
    vault.seal(hanako, "name", json.dumps(japanese()["name"]))
    vault.seal(hanako, "birth_date", "1990-04-30")
    hanako.save(update_fields=["name", "birth_date"])
    assert hanako.holder_id
    building.settle(hanako.holder, "JP", building.yen(100_000), 100_000, at=NOW - timedelta(days=60))
    building.rate((NOW - timedelta(days=1)).date(), 150)
    return Giving(redeeming.keys(), hanako, recipient())


def recipient(*, nation: Nation = Nation.US, language: str = "en") -> Investor:
    """A citizen who has been approved, told shortly: without an application."""
    one = stage.person(f"recipient{next(numbers)}@example.org", language=language)
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=nation, now=NOW)
    until = NOW.replace(year=NOW.year + 20)  # the desk's tests go by the clock of the day
    Investor.objects.filter(pk=one.pk).update(
        state="approved", holder=holder, nations=[nation.value], verified_until=until
    )
    return Investor.objects.select_related("holder", "user").get(pk=one.pk)


def paper(colour: str = "teal") -> Taken:
    return take(files.picture(colour=colour))


def units_of(investor: Investor, units: int) -> None:
    """Units more, at a yen each."""
    building.open_banks()
    building.settle(investor.holder, "JP", building.yen(units), units, at=NOW - timedelta(days=60))


def offered(giver: Investor, to: Investor, units: int = 1_000, **told: Any) -> Conveyance:
    plain = {"class_code": "JP", "key": f"key {next(numbers)}", "now": NOW}
    return transfers.offer(investor=giver, recipient=to, units=units, **plain | told)


def accepted(giver: Investor, to: Investor, units: int = 1_000) -> Conveyance:
    """Accepted, and the deed is there."""
    one = offered(giver, to, units)
    transfers.add_deed(investor=giver, transfer=one.pk, taken=paper(), now=NOW)
    return transfers.accept(investor=to, transfer=one.pk, now=NOW)


def approved(one: Any, keys: tuple[Officer, Officer]) -> list[Conveyance]:
    """Both keys are turned and what follows is done."""
    proposal = transfers.propose(case=one, officer=keys[0], now=NOW)
    return transfers.carry_out(proposal=stage.signed(proposal, keys[1], NOW), now=NOW)


def code(investor: Investor) -> str:
    return str(recipients.of(investor) or recipients.draw(investor=investor, now=NOW))
