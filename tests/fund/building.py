"""A small fund, built by the verbs of its rooms, for the tests of portfolio, NAV and register."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from fund import holders, rates
from fund.governance import approval, config
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Currency, Money
from fund.nav import strike
from fund.nav.models import Nav
from fund.payments import receipts
from fund.payments.models import BankAccount
from fund.portfolio import entries
from fund.portfolio.models import Deployment, Expense, Facility, FacilityBalance, Income, Investment
from fund.register import calls
from fund.register.models import Call

DAY = date(2026, 3, 31)
NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
USD, JPY = "TEST-USD", "TEST-JPY"


def dollars(amount: int) -> Money:
    return Money(amount * 100, Currency.USD)


def yen(amount: int) -> Money:
    return Money(amount, Currency.JPY)


def open_banks() -> None:
    for code, currency in ((USD, Currency.USD), (JPY, Currency.JPY)):
        if not BankAccount.objects.filter(code=code).exists():
            receipts.open_account(
                code=code, currency=currency, name_en=code, name_ja=code, bank_name_en="Bank", bank_name_ja="銀行",
                number="0012345678", now=NOW - timedelta(days=400),
            )  # fmt: skip


def rate(day: date, usd_jpy: int | str) -> None:
    """A rate that is easy to reckon with: one euro is one dollar."""
    rates.record(day=day, usd_per_eur=Decimal(1), jpy_per_eur=Decimal(usd_jpy), source="test")


def officer(nation: Nation, person: str, duty: Duty = Duty.VALUATION) -> Officer:
    user = get_user_model().objects.create(email=f"{person}@example.org")
    return Officer.objects.create(
        user=user,
        person=person,
        nation=nation,
        name_en=person,
        name_ja=person,
        duties=[duty],
        in_office_from=NOW - timedelta(days=900),
    )


def officers() -> tuple[Officer, Officer]:
    return officer(Nation.US, "alice"), officer(Nation.JP, "haruko")


def agree(key: str, value: Any, *, on: datetime) -> None:
    """Both nations' administrators change a setting."""
    us, jp = (
        officer(Nation.US, f"helen {key}", Duty.ADMINISTRATION),
        officer(Nation.JP, f"takumi {key}", Duty.ADMINISTRATION),
    )
    proposal = config.propose(key=key, value=value, effective_from=on, officer=us, now=NOW, reason="agreed")
    approval.sign(proposal=proposal, officer=jp, digest=bytes(proposal.digest), now=NOW)
    config.carry_out(proposal=proposal, now=NOW)


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


def bookkeepers() -> tuple[Officer, Officer]:
    """An officer of each nation whose keys make the entries of these tests."""
    people = ((Nation.US, "books-us"), (Nation.JP, "books-jp"))
    first, second = (Officer.objects.filter(person=name).first() or officer(nation, name) for nation, name in people)
    return first, second


def approved(proposal: approval.Proposal, now: datetime = NOW) -> approval.Proposal:
    sign(proposal, bookkeepers()[1], now)
    return proposal


def contribute(holder: Holder, money: Money, *, day: date = DAY, now: datetime = NOW) -> None:
    """Commit, call and pay in. The two co-owners pay together: use ``contribute_both``."""
    contribute_all({holder.pk: money}, day=day, now=now)


def contribute_both(money: Money, *, day: date = DAY, now: datetime = NOW) -> None:
    """Each of the two co-owners, registered where they are not yet, pays in so much."""
    owners = {nation: Holder.objects.filter(kind="sovereign", nation=nation).first() for nation in Nation}
    contribute_all({(one or co_owner(nation)).pk: money for nation, one in owners.items()}, day=day, now=now)


def bank() -> str:
    """The fund's dollar account, whatever the stage calls it."""
    return BankAccount.objects.filter(currency=Currency.USD).order_by("code").values_list("code", flat=True)[0]


def contribute_all(amounts: dict[int, Money], *, day: date = DAY, now: datetime = NOW) -> None:
    commit(amounts, day=day, now=now)
    call = make_call(amounts, day=day, now=now)
    paid = {line.pk: amounts[line.holder_id] for line, _left in calls.open_lines(call=call)}
    proposal = calls.propose_contributions(
        call=call, amounts=paid, day=day, officer=bookkeepers()[0], now=now, reason="paid"
    )
    calls.carry_out(proposal=approved(proposal, now), now=now)


def commit(amounts: dict[int, Money], *, day: date = DAY, now: datetime = NOW) -> None:
    """So much more than before."""
    before = {one.holder.pk: one.committed for one in calls.standings(on=day)}
    proposal = calls.propose_commitments(
        amounts={
            pk: money + before[pk] if pk in before and before[pk].currency == money.currency else money
            for pk, money in amounts.items()
        },
        effective_on=day,
        officer=bookkeepers()[0],
        now=now,
        reason="promised",
    )
    calls.carry_out(proposal=approved(proposal, now), now=now)


def make_call(amounts: dict[int, Money], *, day: date = DAY, now: datetime = NOW) -> Call:
    proposal = calls.propose_call(
        amounts=amounts, called_on=day, due_on=day, bank_account=bank(), purpose_en="Works", purpose_ja="工事",
        officer=bookkeepers()[0], now=now, reason="needed",
    )  # fmt: skip
    calls.carry_out(proposal=approved(proposal, now), now=now)
    return Call.objects.get(pk=proposal.facts["call"])


def enter(act: str, *, event_id: uuid.UUID | None = None, now: datetime = NOW, **values: object) -> uuid.UUID:
    """One entry of the portfolio under both keys; its event."""
    event = event_id or uuid.uuid4()
    texts = {name: str(value) for name, value in values.items()}
    proposal = entries.propose(
        entries=[{"act": act, "event": str(event), **texts}], officer=bookkeepers()[0], now=now, reason="agreed"
    )
    entries.carry_out(proposal=approved(proposal, now), now=now)
    return event


def _moved(money: Money, bank_account: str, day: date) -> dict[str, object]:
    return {"amount": money.amount, "currency": money.currency.value, "bank_account": bank_account, "day": day}


def invest(
    *, investment: Investment, money: Money, bank_account: str = USD, day: date = DAY, now: datetime = NOW,
    event_id: uuid.UUID | None = None,
) -> Deployment:  # fmt: skip
    told = _moved(money, bank_account, day)
    event = enter("drawdown", event_id=event_id, now=now, investment=investment.pk, **told)
    return Deployment.objects.get(pk=event)


def receive(
    *, investment: Investment, money: Money, cost: Money | None = None, bank_account: str = USD, day: date = DAY,
    now: datetime = NOW,
) -> Income:  # fmt: skip
    act, given = ("income", 0) if cost is None else ("realisation", cost.amount)
    event = enter(act, now=now, investment=investment.pk, cost=given, **_moved(money, bank_account, day))
    return Income.objects.get(pk=event)


def borrow(
    *, facility: Facility, money: Money, bank_account: str = USD, day: date = DAY, now: datetime = NOW,
    event_id: uuid.UUID | None = None, act: str = "borrow",
) -> FacilityBalance:  # fmt: skip
    event = enter(act, event_id=event_id, now=now, facility=facility.pk, **_moved(money, bank_account, day))
    return FacilityBalance.objects.get(event_id=event)


def repay(**told: object) -> FacilityBalance:
    return borrow(act="repay", **told)


def pay(
    *, kind: Expense.Kind, money: Money, bank_account: str = USD, day: date = DAY, description_en: str = "Audit",
    description_ja: str = "監査", now: datetime = NOW, event_id: uuid.UUID | None = None, against: str = "",
) -> Expense:  # fmt: skip
    event = enter(
        "expense", event_id=event_id, now=now, kind=kind.value, against=against, description_en=description_en,
        description_ja=description_ja, **_moved(money, bank_account, day),
    )  # fmt: skip
    return Expense.objects.get(pk=event)


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
