"""A small fund in the middle of its life, built by the verbs of its rooms, for the tests of what people see."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP

from fund import holders, rates
from fund.dealing import allotment, offering, settlement, subscription
from fund.dealing.models import Offering
from fund.governance import approval
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Currency, Money
from fund.nav import strike
from fund.payments import receipts
from fund.payments.models import Expected
from fund.portfolio import valuation
from fund.portfolio.models import Facility, Investment
from investors import agreements, judging, onboarding, people
from investors.people import Investor
from portal.accounts import User
from tests.fund import building
from tests.investors.conftest import american, fill, japanese

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
DAYS = [date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 30)]
USD, JPY = "DEMO-USD-001", "DEMO-JPY-001"
INVESTMENTS = [
    ("PORT-1", "Puget Sound dry docks", "ピュージェット湾乾ドック", "ports", "WA", "construction", 30_000_000_000),
    ("GRID-1", "Gulf transmission line", "湾岸送電線", "power", "TX", "operating", 80_000_000_000),
    ("CHIP-1", "Desert foundry", "砂漠半導体工場", "semiconductors", "AZ", "construction", 60_000_000_000),
    ("DATA-1", "Columbia data centre", "コロンビア・データセンター", "data_centres", "OR", "operating", 40_000_000_000),
    ("SHIP-1", "Arctic yard", "北極造船所", "arctic", "AK", "committed", 25_000_000_000),
]


def dollars(whole: int) -> Money:
    return Money(whole * 100, Currency.USD)


def officers() -> tuple[Officer, Officer]:
    """One of each nation, with every duty."""
    made = []
    for nation, name in ((Nation.US, "Alice Warren"), (Nation.JP, "Haruko Mori")):
        user = User.objects.create_user(f"{nation.value.lower()}.officer@example.org")
        made.append(
            Officer.objects.create(
                user=user,
                person=name,
                nation=nation,
                name_en=name,
                name_ja=name,
                duties=list(Duty.values),
                in_office_from=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
    return made[0], made[1]


def existing_officers() -> tuple[Officer, Officer]:
    found = Officer.objects.exclude(person__startswith="books-")
    return found.get(nation="US"), found.get(nation="JP")


def new_version(kind: str, version: int) -> None:
    """A text that nobody has accepted yet."""
    for language, title in (("en", "New terms"), ("ja", "新しい規約")):
        agreements.Agreement.objects.create(
            kind=kind, version=version, language=language, title=title, text=f"# {title}", in_force_from=NOW
        )


def signed(proposal: approval.Proposal, second: Officer, now: datetime) -> approval.Proposal:
    """Turn the second key."""
    approval.sign(proposal=proposal, officer=second, digest=bytes(proposal.digest), now=now)
    return proposal


def open_fund() -> None:
    """Bank accounts, texts, rates, owners' money, investments and a loan; no NAV yet."""
    begun = datetime(2026, 8, 1, tzinfo=UTC)
    for code, currency, bank_en, bank_ja in (
        (USD, Currency.USD, "First Example Bank", "ファースト・エグザンプル銀行"),
        (JPY, Currency.JPY, "Example Bank Tokyo", "見本銀行"),
    ):
        receipts.open_account(
            code=code,
            currency=currency,
            name_en="Kakehashi Fund",
            name_ja="架け橋ファンド",
            bank_name_en=bank_en,
            bank_name_ja=bank_ja,
            number="0012345678",
            now=begun,
        )
    agreements.ship()
    for day, yen in zip(
        [date(2026, 8, 3), *DAYS, NOW.date()], ["155", "156.25", "157.50", "158", "157.25"], strict=True
    ):
        rates.record(day=day, usd_per_eur=Decimal(1), jpy_per_eur=Decimal(yen), source="test")
    for nation, name_en, name_ja in (
        (Nation.US, "US Treasury", "米国財務省"),
        (Nation.JP, "Ministry of Finance, Japan", "財務省"),
    ):
        holders.register(kind=Holder.Kind.SOVEREIGN, nation=nation, now=begun, name_en=name_en, name_ja=name_ja)
    building.contribute_both(dollars(100_000_000_000), day=begun.date(), now=begun)
    partner = holders.register(
        kind=Holder.Kind.LIMITED_PARTNER, nation=Nation.US, now=begun, name_en="Example Pension", name_ja="見本年金"
    )
    building.contribute(partner, dollars(12_000_000_000), day=begun.date(), now=begun)
    line = Facility.objects.create(
        code="LINE-1",
        name_en="Syndicated credit line",
        name_ja="協調融資枠",
        limit=150_000_000_000_00,
        covenant=Decimal(60),
    )
    building.borrow(
        facility=line,
        money=dollars(90_000_000_000),
        bank_account=USD,
        day=date(2026, 8, 5),
        now=NOW,
        event_id=uuid.uuid4(),
    )
    for code, name_en, name_ja, sector, state, stage, paid in INVESTMENTS:
        one = Investment.objects.create(
            code=code,
            name_en=name_en,
            name_ja=name_ja,
            description_en=f"{name_en}, held directly with local partners.",
            description_ja=f"{name_ja}に、現地の共同出資者とともに直接投資しています。",
            sector=sector,
            state=state,
            stage=stage,
            ownership_percent=Decimal("62.50"),
            committed=paid * 100,
            since=date(2026, 8, 10),
        )
        building.invest(
            investment=one,
            money=dollars(paid),
            bank_account=USD,
            day=date(2026, 8, 10),
            now=NOW,
            event_id=uuid.uuid4(),
        )


def publish_navs(keys: tuple[Officer, Officer]) -> None:
    """Three month-ends, the portfolio gaining a little each time."""
    for place, day in enumerate(DAYS):
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=2)
        for code, *_, paid in INVESTMENTS:
            valuation.record_valuation(
                investment=Investment.objects.get(pk=code),
                effective_on=day,
                money=dollars(paid + paid * (place * 12 - 5) // 1000),
                source_en="Independent appraisal",
                source_ja="独立した鑑定評価",
                now=at,
            )
        nav = strike.value(day=day, now=at)
        proposal = strike.propose(nav=nav, officer=keys[0], now=at, reason="as checked")
        assert strike.publish(proposal=signed(proposal, keys[1], at), now=at)


def citizen_units(holder_id: int, class_code: str, money: Money, units: int) -> None:
    """Units of an earlier settlement."""
    bank = USD if money.currency == Currency.USD else JPY
    lines = [
        Line(f"bank:{bank}", f"capital:{class_code}", money.amount),
        Line(f"issued:{class_code}", f"units:{class_code}", units, holder_id),
    ]
    post.post(
        event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=lines, effective_at=datetime(2026, 8, 15, tzinfo=UTC)
    )


def announce(
    code: str,
    *,
    opens: datetime,
    closes: datetime,
    capacity: int = 0,
    texts: list[str] | None = None,
    **more: Any,
) -> Offering:
    japan = code.startswith("JP")
    unit = 1 if japan else 100
    return offering.announce(
        code=code,
        class_code="JP" if japan else "US",
        name_en=f"{'Japanese' if japan else 'American'} tranche, {code[3:]}",
        name_ja=f"{'日本' if japan else '米国'}向け募集 {code[3:]}",
        summary_en="Units of the fund for citizens. The money goes into the portfolio as it stands.",
        summary_ja="国民の皆さまに向けた受益権の募集です。資金は現在の投資先に充てられます。",
        capacity=(capacity or (500_000_000 if japan else 5_000_000)) * unit,
        minimum=(10_000 if japan else 100) * unit,
        step=(10_000 if japan else 100) * unit,
        maximum=(2_000_000 if japan else 20_000) * unit,
        lot=(10_000 if japan else 100) * unit,
        dealing_day=date(2026, 12, 10),
        opens_at=opens,
        closes_at=closes,
        pay_by=closes + timedelta(days=5),
        agreements=texts or ["prospectus:1", "terms:1"],
        actor="officer:1",
        now=opens - timedelta(days=7),
        fixed_price=Decimal(10_000) if japan else Decimal(10),
        **more,
    )


def opened(one: Offering, keys: tuple[Officer, Officer]) -> Offering:
    at = one.opens_at
    proposal = offering.propose_opening(offering=one, officer=keys[0], now=at)
    done = offering.carry_out_opening(proposal=signed(proposal, keys[1], at), now=at)
    assert done
    assert done.state == Offering.State.OPEN
    return done


def person(
    email: str, *, language: str = "en", password: str = "a long enough passphrase", second_factor: bool = True
) -> Investor:
    """Somebody with an account whose address is confirmed, and an authenticator app."""
    user = User.objects.create_user(email, password, language=language)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    if second_factor:
        TOTP.activate(user, SECRET)
    return people.register(user=user, now=NOW)


def approved(investor: Investor, officer: Officer, *, nation: str = "JP") -> Investor:
    """The whole way of an application."""
    pk = submitted(investor, nation=nation)
    judging.decide(application_id=pk, officer=officer, outcome="approved", now=NOW)
    investor.refresh_from_db()
    return investor


def submitted(investor: Investor, *, nation: str = "US") -> int:
    """An application before an officer; its key."""
    fill(investor, japanese() if nation == "JP" else american(), now=NOW)
    application = onboarding.submit(investor=investor, now=NOW)
    judging.assess(application_id=application.pk, now=NOW)
    return application.pk


def paid(order: subscription.Subscription) -> None:
    """As if a statement had paid for the order."""
    bank = USD if order.currency == "USD" else JPY
    post.post(
        event=Event.RECEIPT,
        event_id=uuid.uuid4(),
        lines=[Line(f"bank:{bank}", f"held:{order.currency}", order.amount, order.holder_id)],
        effective_at=NOW,
    )
    Expected.objects.filter(order_id=order.pk).update(received=order.amount)
    type(order).objects.filter(pk=order.pk).update(status="funded", funded_at=NOW)


def allot_and_settle(one: Offering, keys: tuple[Officer, Officer], now: datetime) -> None:
    offering.close_due(now=now)
    proposal = allotment.propose(offering=Offering.objects.get(pk=one.pk), officer=keys[0], now=now)
    assert allotment.carry_out(proposal=signed(proposal, keys[1], now), now=now)
    while settlement.settle_next(offering_code=one.pk, now=now):
        pass
