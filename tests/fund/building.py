"""A small fund, built by the verbs of its rooms, for the tests of portfolio, NAV and register."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model

from fund import holders, rates
from fund.governance import approval
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.ledger import accounts, post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Currency, Money
from fund.nav import strike
from fund.nav.models import Nav
from fund.portfolio.models import Facility, Investment
from fund.register import capital

DAY = date(2026, 3, 31)
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
USD, JPY = "TEST-USD", "TEST-JPY"


def dollars(amount: int) -> Money:
    return Money(amount * 100, Currency.USD)


def yen(amount: int) -> Money:
    return Money(amount, Currency.JPY)


def open_banks() -> None:
    accounts.open_bank(name=USD, currency=Currency.USD)
    accounts.open_bank(name=JPY, currency=Currency.JPY)


def rate(day: date, usd_jpy: int | str) -> None:
    """A rate that is easy to reckon with: one euro is one dollar."""
    rates.record(day=day, usd_per_eur=Decimal(1), jpy_per_eur=Decimal(usd_jpy), source="test")


def officer(nation: Nation, person: str) -> Officer:
    user = get_user_model().objects.create(email=f"{person}@example.org")
    return Officer.objects.create(
        user=user,
        person=person,
        nation=nation,
        name_en=person,
        name_ja=person,
        duties=[Duty.VALUATION],
        in_office_from=NOW - timedelta(days=900),
    )


def officers() -> tuple[Officer, Officer]:
    return officer(Nation.US, "alice"), officer(Nation.JP, "haruko")


def co_owner(nation: Nation) -> Holder:
    return holders.register(
        kind=Holder.Kind.SOVEREIGN, nation=nation, now=NOW, name_en=f"Treasury {nation}", name_ja="財務省"
    )


def co_owner_of(nation: str) -> Holder:
    return Holder.objects.get(kind=Holder.Kind.SOVEREIGN, nation=nation)


def partner() -> Holder:
    return holders.register(
        kind=Holder.Kind.LIMITED_PARTNER, nation=Nation.US, now=NOW, name_en="Partner", name_ja="組合員"
    )


def citizen(nation: Nation) -> Holder:
    return holders.register(kind=Holder.Kind.CITIZEN, nation=nation, now=NOW)


def contribute(holder: Holder, money: Money, *, day: date = DAY, now: datetime = NOW, class_code: str = "") -> None:
    capital.contribute(
        holder_id=holder.pk,
        class_code=class_code or {"sovereign": "SOV", "limited_partner": "LP"}[holder.kind],
        money=money,
        bank_account=USD,
        day=day,
        now=now,
        event_id=uuid.uuid4(),
    )


def settle(holder: Holder, class_code: str, money: Money, units: int, *, at: datetime) -> uuid.UUID:
    """A citizen's money becomes units, as the settlement of an offering posts it."""
    event_id = uuid.uuid4()
    bank = USD if money.currency == Currency.USD else JPY
    lines = [
        Line(f"bank:{bank}", f"capital:{class_code}", money.amount),
        Line(f"issued:{class_code}", f"units:{class_code}", units, holder.pk),
    ]
    post.post(event=Event.SETTLEMENT, event_id=event_id, lines=lines, effective_at=at)
    return event_id


def investment(code: str = "PORT", *, committed: int = 10_000_000, currency: Currency = Currency.USD) -> Investment:
    return Investment.objects.create(
        code=code,
        name_en="Port of Tacoma dry dock",
        name_ja="タコマ港ドック",
        sector=Investment.Sector.PORTS,
        state="WA",
        stage=Investment.Stage.CONSTRUCTION,
        ownership_percent=Decimal("49.00"),
        committed=committed * 100,
        currency=currency,
        since=date(2026, 1, 5),
    )


def facility(code: str = "LINE", *, limit: int = 1_000_000, covenant: str = "60") -> Facility:
    return Facility.objects.create(
        code=code, name_en="Credit line", name_ja="融資枠", limit=limit * 100, covenant=Decimal(covenant)
    )


def sign(proposal: approval.Proposal, signer: Officer, now: datetime = NOW) -> None:
    approval.sign(proposal=proposal, officer=signer, digest=bytes(proposal.digest), now=now)


def publish(nav: Nav, keys: tuple[Officer, Officer], *, now: datetime = NOW, reason: str = "agreed") -> Nav:
    """Propose, sign and publish a NAV."""
    first, second = keys
    proposal = strike.propose(nav=nav, officer=first, now=now, reason=reason)
    sign(proposal, second, now)
    published = strike.publish(proposal=proposal, now=now)
    assert published is not None
    return published
