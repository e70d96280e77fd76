"""The offerings of the demonstration: one finished in each class, one open, with orders and the bank's notifications."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fund import calendars
from fund.dealing import allotment, offering, settlement, subscription
from fund.dealing.models import Offering, Status, Subscription
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.formats import camt_writing
from fund.payments.formats.model import Entry, Kind, Statement
from investors import plans, subscribing
from investors.people import Investor
from portal.demonstration import citizens, desk

State = Offering.State
ASKED = {"US": [500, 1_000, 2_500, 5_000, 10_000], "JP": [50_000, 100_000, 300_000, 500_000, 1_000_000]}  # major units
TERMS: dict[str, dict[str, Any]] = {
    "US": {"capacity": 17_930_000, "minimum": 50_000, "step": 10_000, "maximum": 2_500_000, "lot": 10_000},
    "JP": {"capacity": 27_770_000, "minimum": 10_000, "step": 10_000, "maximum": 3_000_000, "lot": 10_000},
}
BANK = {"US": "DEMO-USD-001", "JP": "DEMO-JPY-001"}
ZONE = {"US": ZoneInfo("America/New_York"), "JP": ZoneInfo("Asia/Tokyo")}
WORDS = {
    "US": ("US citizens' offering", "米国国民向け募集", "For citizens of the United States. Units are priced in dollars.",
           "米国国民を対象とする募集です。価格は米ドル建てです。"),
    "JP": ("Japanese citizens' offering", "日本国民向け募集", "For citizens of Japan. Units are priced in yen.",
           "日本国民を対象とする募集です。価格は円建てです。"),
}  # fmt: skip


def announce(
    *, code: str, nation: str, fixed: bool, dealing_day: date, opens_at: datetime, closes_at: datetime, actor: str,
    now: datetime,
) -> Offering:  # fmt: skip
    """An offering as it stands when it has just been announced, or the one with this code."""
    if found := Offering.objects.filter(pk=code).first():
        return found
    name_en, name_ja, summary_en, summary_ja = WORDS[nation]
    return offering.announce(
        code=code,
        class_code=nation,
        name_en=f"{name_en} {code.removeprefix(nation + '-')}",
        name_ja=f"{name_ja} {code.removeprefix(nation + '-')}",
        summary_en=summary_en,
        summary_ja=summary_ja,
        dealing_day=dealing_day,
        opens_at=opens_at,
        closes_at=closes_at,
        pay_by=closes_at + timedelta(days=7),
        fixed_price={"US": Decimal(10), "JP": Decimal(10_000)}[nation] if fixed else None,
        agreements=["pre_contract:1", "prospectus:1", "terms:1"],
        actor=actor,
        now=now,
        **TERMS[nation],
    )


def open_it(one: Offering, *, officers: dict[str, Officer], now: datetime) -> None:
    """Both nations' keys, then the clock."""
    if one.state == State.ANNOUNCED:
        proposal = offering.propose_opening(offering=one, officer=officers["US"], now=now)
        desk.second_key(proposal=proposal, officers=officers, now=now)
        offering.carry_out_opening(proposal=proposal, now=now)
        one.refresh_from_db()


def place(one: Offering, *, nation: str, every: int, now: datetime) -> None:
    """Every n-th citizen of the nation orders, each for another amount."""
    numbers = [n for n in range(citizens.NUMBER) if citizens.nation_of(n) == nation][::every]
    investors = {one.user.email: one for one in Investor.objects.select_related("user")}
    for place, number in enumerate(numbers):
        asked = ASKED[nation][(number * 3 + place) % len(ASKED[nation])]
        currency = Currency.JPY if nation == "JP" else Currency.USD
        subscribing.subscribe(
            investor=investors[citizens.email(number)],
            offering_code=one.code,
            amount=Money(asked * currency.minor_per_major, currency),
            accepts=one.agreements,
            key=f"demonstration:{one.code}",
            now=now + timedelta(minutes=7 * place),
        )


def pay(one: Offering, *, nation: str, of_ten: int, now: datetime) -> None:
    """The bank notifies that most orders (``of_ten`` in ten) were paid, each under its reference."""
    orders = list(Subscription.objects.filter(offering=one, status=Status.PLACED).order_by("id"))
    paid = [order for place, order in enumerate(orders) if place % 10 < of_ten]
    if not paid:
        return
    data = camt_writing.write([notification(paid, one, nation, now)])
    taken = receipts.import_file(data=data, name=f"{one.code}.xml", actor="system", now=now)
    subscription.fund(file_id=taken.file.pk, now=now)


def notification(orders: list[Subscription], one: Offering, nation: str, now: datetime) -> Statement:
    """A camt.054 as the fund's bank sends it."""
    day = now.astimezone(ZONE[nation]).date()
    return Statement(
        kind=Kind.NOTIFICATION,
        message_id=f"DEMO-{one.code}-{day:%Y%m%d}",
        statement_id=f"{one.code}-{day:%Y%m%d}",
        sequence=None,
        created_at=now.replace(microsecond=0),
        covers_from=None,
        covers_to=None,
        account=BANK[nation],
        currency=one.currency.value,
        opening=None,
        closing=None,
        opened_on=None,
        closed_on=None,
        entries=tuple(credit(order, line, nation, day) for line, order in enumerate(orders, 1)),
    )


def credit(order: Subscription, line: int, nation: str, day: date) -> Entry:
    """One incoming payment: by structured reference in the US, by the number before the name in Japan."""
    japanese = nation == "JP"
    return Entry(
        amount=order.amount,
        currency=order.currency,
        credit=True,
        reversal=False,
        booked=True,
        booking_date=day,
        value_date=day,
        bank_reference=f"{nation}{day:%y%m%d}{line:06d}",
        entry_reference="",
        end_to_end_id="",
        creditor_reference="" if japanese else order.reference,
        remittance=(f"{order.numeric_reference} ｶｹﾊｼ",) if japanese else (),
        payer_name="",
        payer_account="",
        line=line,
        detail=0,
        detail_reference="",
    )


def plan(*, nation: str, opens: datetime, now: datetime) -> None:
    """The first citizen of a nation has a regular plan: a month without an offering was skipped, the next has ordered."""
    number = next(n for n in range(citizens.NUMBER) if citizens.nation_of(n) == nation)
    currency = Currency.JPY if nation == "JP" else Currency.USD
    began = opens - timedelta(days=70)
    plans.begin(
        investor=Investor.objects.get(user__email=citizens.email(number)),
        class_code=nation,
        amount=Money(ASKED[nation][0] * currency.minor_per_major, currency),
        day=1,
        key="demonstration",
        now=began,
    )
    for at in (*(began + timedelta(days=days) for days in range(70)), now):
        plans.run_due(now=at)


def finish(one: Offering, *, officers: dict[str, Officer], now: datetime) -> None:
    """Close, allot under two keys, settle."""
    offering.close_due(now=now)
    one.refresh_from_db()
    if one.state == State.CLOSED:
        subscription.lapse_due(now=now)
        proposal = allotment.propose(offering=one, officer=officers["JP"], now=now)
        desk.second_key(proposal=proposal, officers=officers, now=now)
        allotment.carry_out(proposal=proposal, now=now)
    while settlement.settle_next(offering_code=one.code, now=now):
        pass


def is_over(code: str) -> bool:
    return Offering.objects.filter(pk=code, state=State.SETTLED).exists()


def evening(day: date) -> datetime:
    """17:00 in Tokyo, the hour at which offerings close."""
    return calendars.cut_off(day=day, at=datetime.min.time().replace(hour=17), nation=Nation.JP)
