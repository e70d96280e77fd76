"""Two years of the invented fund: capital is called, borrowed and invested, marks are taken, a NAV is struck each month."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction

from fund import calendars, holders, rates
from fund.dealing import compensation
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import accounts
from fund.ledger.models import Transfer
from fund.money import Currency, Money
from fund.nav import correct, strike
from fund.nav.models import Nav
from fund.payments import receipts
from fund.payments.models import BankAccount
from fund.portfolio import debt, valuation
from fund.portfolio.models import Facility, Investment
from fund.register import capital
from portal.demonstration import desk
from portal.demonstration.portfolio import CO_OWNERS, HOLDINGS, LOANS, PARTNERS, Holding

MONTHS = 24
CORRECTED = 21  # the month, counted from 0, whose NAV was published wrong first
CALLS = 20  # months over which commitments are called
BANK = "DEMO-USD-001"
MILLION = 100_000_000  # cents


def event(*parts: object) -> UUID:
    """The same event always has the same id, so that nothing is posted twice."""
    return uuid5(NAMESPACE_URL, "/".join(map(str, ("kakehashi:demonstration", *parts))))


def money(millions: int) -> Money:
    return Money(millions * MILLION, Currency.USD)


def at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def months(today: date) -> list[tuple[date, date]]:
    """The first and the last dealing day of each of the last months whose rates are known, oldest first."""
    newest = rates.ReferenceRate.objects.filter(day__lt=today).latest("day").day
    found: list[tuple[date, date]] = []
    first = calendars.next_dealing_day(newest + timedelta(days=1)).replace(day=1)
    while len(found) < MONTHS:
        after, first = first, (first - timedelta(days=1)).replace(day=1)
        found.append((calendars.next_dealing_day(first), calendars.previous_dealing_day(after)))
    return found[::-1]


def open_banks(*, now: datetime) -> None:
    """The fund's two bank accounts."""
    for code, currency, name_en, name_ja, bank_en, bank_ja, routing, number, kana, customer in (
        (BANK, Currency.USD, "Kakehashi Fund, US dollar account", "架け橋ファンド 米ドル口座", "Potomac Federal Bank",
         "ポトマック連邦銀行", "111000025", "4400120001", "", "1110000251"),
        ("DEMO-JPY-001", Currency.JPY, "Kakehashi Fund, yen account", "架け橋ファンド 円口座", "Sumida Bank", "すみだ銀行",
         "0990001", "7001234", "カケハシフアンド", "7001234000"),
    ):  # fmt: skip
        if not BankAccount.objects.filter(code=code).exists():
            receipts.open_account(
                code=code, currency=currency, name_en=name_en, name_ja=name_ja, bank_name_en=bank_en,
                bank_name_ja=bank_ja, branch_en="Head office", branch_ja="本店", routing=routing, number=number, now=now,
                name_kana=kana, customer_code=customer,
            )  # fmt: skip
    accounts.open_chart()


def owners(*, now: datetime) -> list[tuple[Holder, str, int]]:
    """The co-owners and the partners with their class and commitment in millions."""
    found = []
    for kind, class_code, listed in (
        (Holder.Kind.SOVEREIGN, "SOV", CO_OWNERS),
        (Holder.Kind.LIMITED_PARTNER, "LP", PARTNERS),
    ):
        for nation, name_en, name_ja, committed in listed:
            holder = Holder.objects.filter(kind=kind, name_en=name_en).first() or holders.register(
                kind=kind, nation=Nation(nation), now=now, name_en=name_en, name_ja=name_ja
            )
            found.append((holder, class_code, committed))
    return found


def list_portfolio(*, began: date) -> None:
    """Investments and facilities, without any money in them yet."""
    for one in HOLDINGS:
        Investment.objects.get_or_create(
            code=one.code,
            defaults={
                "name_en": one.name_en,
                "name_ja": one.name_ja,
                "description_en": one.description_en,
                "description_ja": one.description_ja,
                "sector": one.sector,
                "state": one.state,
                "stage": one.stage,
                "ownership_percent": one.ownership_percent,
                "committed": one.committed * MILLION,
                "since": began + timedelta(days=30 * one.since),
            },
        )
    for loan in LOANS:
        Facility.objects.get_or_create(
            code=loan.code,
            defaults={
                "name_en": loan.name_en,
                "name_ja": loan.name_ja,
                "limit": loan.limit * MILLION,
                "covenant": loan.covenant,
            },
        )


def unpublished(*, today: date) -> Iterator[tuple[int, date, date]]:
    """The months that still have to be told: number, first and last dealing day."""
    done = set(Nav.objects.filter(state=Nav.State.PUBLISHED).values_list("valuation_day", flat=True))
    for number, (first, last) in enumerate(months(today)):
        if last not in done:
            yield number, first, last


def is_told(number: int) -> bool:
    """Whether the month's money has moved already; a run that was stopped goes on behind it."""
    moved = [
        *(event("call", name, number) for _nation, name, *_rest in CO_OWNERS),
        *(event("draw", holding.code, number) for holding in HOLDINGS),
    ]
    return Transfer.objects.filter(event_id__in=moved).exists()


@transaction.atomic
def call_and_invest(*, number: int, first: date, now: datetime) -> None:
    """The month's capital calls, loans and payments into investments, on its first dealing day."""
    for holder, class_code, committed in owners(now=now):
        if number < CALLS:
            capital.contribute(
                holder_id=holder.pk, class_code=class_code, money=money(part(committed, CALLS, number)),
                bank_account=BANK, day=first, now=now, event_id=event("call", holder.name_en, number),
            )  # fmt: skip
    for loan in LOANS:
        if number < loan.drawn_over:
            debt.borrow(
                facility=Facility.objects.get(code=loan.code), money=money(part(loan.drawn, loan.drawn_over, number)),
                bank_account=BANK, day=first, now=now, event_id=event("loan", loan.code, number),
            )  # fmt: skip
    for holding in HOLDINGS:
        if 0 <= number - holding.since < holding.drawn_over:
            valuation.invest(
                investment=Investment.objects.get(code=holding.code),
                money=money(part(holding.cost, holding.drawn_over, number - holding.since)),
                bank_account=BANK, day=first, now=now, event_id=event("draw", holding.code, number),
            )  # fmt: skip


def part(whole: int, parts: int, number: int) -> int:
    """The n-th of equal whole parts that add up to the whole."""
    return whole * (number + 1) // parts - whole * number // parts


def take_marks(*, number: int, last: date, now: datetime) -> None:
    """Each investment is valued every third month, so that marks of different age stand side by side."""
    for place, holding in enumerate(HOLDINGS):
        if number > holding.since and (number - place) % 3 == 0:
            valuation.record_valuation(
                investment=Investment.objects.get(code=holding.code),
                effective_on=last,
                money=mark(holding, number),
                source_en="Independent valuer, discounted cash flow",
                source_ja="独立評価機関(割引現在価値法)",
                now=now,
            )


def mark(holding: Holding, number: int) -> Money:
    """What was paid in, each part grown by the yearly drift since, give or take two percent. Whole dollars."""
    paid_in = [
        (part(holding.cost, holding.drawn_over, step), number - holding.since - step)
        for step in range(holding.drawn_over)
        if step <= number - holding.since
    ]
    grown = sum(amount * MILLION * (1200 + holding.drift * age) // 1200 for amount, age in paid_in)
    noise = sha256(f"{holding.code}{number}".encode()).digest()[0] % 41 - 20
    return Money(grown * (1000 + noise) // 1000 // 100 * 100, Currency.USD)


@transaction.atomic
def strike_and_correct(*, last: date, number: int, officers: dict[str, Officer]) -> None:
    """A month whose largest mark was typed three percent too high: published, found out, corrected as version 2."""
    holding = HOLDINGS[0]
    right = mark(holding, number)
    for money, day in ((Money(right.amount * 103 // 100, right.currency), 1), (right, 20)):
        now = at(last + timedelta(days=day), 4)
        valuation.record_valuation(
            investment=Investment.objects.get(code=holding.code),
            effective_on=last,
            money=money,
            source_en="Independent valuer, discounted cash flow",
            source_ja="独立評価機関(割引現在価値法)",
            now=now,
        )
        if day == 1:
            strike_nav(last=last, number=number, officers=officers)
    drafts = correct.revalue(day=last, now=now)
    proposal = compensation.propose(
        drafts=drafts, officer=officers["JP"], now=now, reason="The valuer’s figure was entered three percent too high"
    )
    desk.second_key(proposal=proposal, officers=officers, now=now)
    compensation.carry_out(proposal=proposal, now=now + timedelta(hours=1))


def strike_nav(*, last: date, number: int, officers: dict[str, Officer]) -> None:
    """Value the day, propose by one nation, sign by the other, publish."""
    now = at(last + timedelta(days=2), 6)
    nav = strike.value(day=last, now=now)
    reason = "First valuations after construction milestones" if number else ""
    proposal = strike.propose(nav=nav, officer=officers["US" if number % 2 else "JP"], now=now, reason=reason)
    desk.second_key(proposal=proposal, officers=officers, now=now + timedelta(hours=1))
    strike.publish(proposal=proposal, now=now + timedelta(hours=1))
