"""Two years of the invented fund: capital is called, borrowed and invested, marks are taken, a NAV is struck each month."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction

from fund import calendars, holders, rates
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import accounts
from fund.ledger.models import Transfer
from fund.money import Currency, Money
from fund.nav import correct, strike
from fund.nav.models import Nav
from fund.payments import receipts
from fund.payments.models import BankAccount
from fund.portfolio import debt, entries, fees, imports, valuation
from fund.portfolio.models import Accrual, Facility, ImportedFile, Investment
from fund.redemption import correction
from fund.register import calls
from fund.register.models import Call, Commitment
from portal.demonstration import desk
from portal.demonstration.portfolio import (
    BUILT,
    CO_OWNERS,
    HOLDINGS,
    LOANS,
    PARTNERS,
    REALISED,
    RUNNING,
    YIELD_BPS,
    Holding,
)

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


def list_portfolio(*, began: date, officers: dict[str, Officer], now: datetime) -> None:
    """Investments, facilities, running expenses and commitments, under both keys, without any money in them yet."""
    listed = set(Investment.objects.values_list("pk", flat=True))
    entries_of = [
        {
            "act": "investment", "event": str(event("list", one.code)), "code": one.code, "name_en": one.name_en,
            "name_ja": one.name_ja, "description_en": one.description_en, "description_ja": one.description_ja,
            "sector": one.sector, "state": one.state, "stage": "construction" if one.code in BUILT else one.stage,
            "ownership_percent": f"{Decimal(one.ownership_percent):.2f}", "committed": str(one.committed * MILLION),
            "currency": "USD", "since": (began + timedelta(days=30 * one.since)).isoformat(),
        }
        for one in HOLDINGS
        if one.code not in listed
    ]  # fmt: skip
    lines = set(Facility.objects.values_list("pk", flat=True))
    entries_of += [
        {
            "act": "facility", "event": str(event("list", loan.code)), "code": loan.code, "name_en": loan.name_en,
            "name_ja": loan.name_ja, "currency": "USD", "limit": str(loan.limit * MILLION), "covenant": loan.covenant,
            "rate_bps": str(loan.rate_bps), "day_count": str(loan.day_count),
        }
        for loan in LOANS
        if loan.code not in lines
    ]  # fmt: skip
    if not Accrual.objects.exists():
        entries_of += [
            {
                "act": "accrual", "event": str(event("accrue", code)), "code": code, "description_en": name_en,
                "description_ja": name_ja, "yearly": str(dollars * 100), "currency": "USD",
                "effective_on": began.isoformat(),
            }
            for code, name_en, name_ja, dollars in RUNNING
        ]  # fmt: skip
    enter(entries_of, reason="The first portfolio", officers=officers, now=now)
    commit(began=began, officers=officers, now=now)


def commit(*, began: date, officers: dict[str, Officer], now: datetime) -> None:
    """What the co-owners and the partners promise to pay in; a fifth of it is not called in the two years."""
    held = owners(now=now)
    if Commitment.objects.exists():
        return
    proposal = calls.propose_commitments(
        amounts={holder.pk: money(committed * 5 // 4) for holder, _class_code, committed in held},
        effective_on=began, officer=officers["US"], now=now, reason="As agreed between the two governments",
    )  # fmt: skip
    desk.second_key(proposal=proposal, officers=officers, now=now)
    calls.carry_out(proposal=proposal, now=now)


def enter(entries_of: list[entries.Entry], *, reason: str, officers: dict[str, Officer], now: datetime) -> None:
    """Entries of the portfolio, proposed by one nation, signed by the other, carried out."""
    if entries_of:
        proposal = entries.propose(entries=entries_of, officer=officers["JP"], now=now, reason=reason)
        desk.second_key(proposal=proposal, officers=officers, now=now)
        entries.carry_out(proposal=proposal, now=now)


def unpublished(*, today: date) -> Iterator[tuple[int, date, date]]:
    """The months that still have to be told: number, first and last dealing day."""
    done = set(Nav.objects.filter(state=Nav.State.PUBLISHED).values_list("valuation_day", flat=True))
    for number, (first, last) in enumerate(months(today)):
        if last not in done:
            yield number, first, last


def is_told(number: int) -> bool:
    """Whether the month's money has moved already; a run that was stopped goes on behind it."""
    drawn = [event("draw", holding.code, number) for holding in HOLDINGS]
    lent = [event("loan", loan.code, number) for loan in LOANS]
    return Transfer.objects.filter(event_id__in=[*drawn, *lent]).exists()


@transaction.atomic
def call_and_invest(*, number: int, first: date, officers: dict[str, Officer], now: datetime) -> None:
    """The month's capital calls, loans, payments into investments and what they pay, on its first dealing day."""
    if number < CALLS:
        for class_code in ("SOV", "LP"):
            call_capital(class_code=class_code, number=number, first=first, officers=officers, now=now)
    months_entries = [*borrowed(number, first), *drawn_down(number, first), *paid_back(number, first)]
    enter(months_entries, reason="The payments of the month", officers=officers, now=now)
    enter(built(number, first), reason="Construction has ended", officers=officers, now=now)


def call_capital(*, class_code: str, number: int, first: date, officers: dict[str, Officer], now: datetime) -> None:
    """One part of the commitments is called and paid in on the same day."""
    amounts = {
        holder.pk: money(part(committed, CALLS, number))
        for holder, owned, committed in owners(now=now)
        if owned == class_code
    }
    proposal = calls.propose_call(
        amounts=amounts, called_on=first, due_on=first + timedelta(days=10), bank_account=BANK,
        purpose_en="Payments into investments", purpose_ja="投資先への払込み", officer=officers["US"], now=now,
        reason="The investments of this month",
    )  # fmt: skip
    desk.second_key(proposal=proposal, officers=officers, now=now)
    calls.carry_out(proposal=proposal, now=now)
    call = Call.objects.get(pk=proposal.facts["call"])
    paid = calls.propose_contributions(
        call=call, amounts={line.pk: amounts[line.holder_id] for line, _left in calls.open_lines(call=call)},
        day=first, officer=officers["JP"], now=now, reason="Booked by the bank",
    )  # fmt: skip
    desk.second_key(proposal=paid, officers=officers, now=now)
    calls.carry_out(proposal=paid, now=now)


def leave_work(*, officers: dict[str, Officer], now: datetime) -> None:
    """What lies on the desk today: a call that is due soon, a payment that waits for a key, a table just brought."""
    if ImportedFile.objects.exists():
        return
    partners = {holder.pk: money(committed // 20) for holder, code, committed in owners(now=now) if code == "LP"}
    call = calls.propose_call(
        amounts=partners, called_on=now.date(), due_on=now.date() + timedelta(days=14), bank_account=BANK,
        purpose_en="Small reactors, second unit", purpose_ja="小型炉2号機", officer=officers["US"], now=now,
        reason="The second unit begins",
    )  # fmt: skip
    desk.second_key(proposal=call, officers=officers, now=now)
    calls.carry_out(proposal=call, now=now)
    waiting = moved(
        "drawdown", event_id=event("waiting"), day=now.date(), amount=250 * MILLION, investment="CUMBERLAND-SMR"
    )
    entries.propose(entries=[waiting], officer=officers["JP"], now=now, reason="Invoice of the reactor's builder")
    lines = [
        f"{mark.investment.pk},{now.date()},{mark.amount.value},USD,Quarterly review of the valuers,評価機関による四半期見直し"
        for mark in valuation.marks(on=now.date())[:3]
    ]
    heading = "investment,day,amount,currency,source_en,source_ja"
    imports.bring(
        kind=ImportedFile.Kind.VALUATIONS, name="valuations.csv", content="\n".join([heading, *lines, ""]),
        officer=officers["US"], now=now,
    )  # fmt: skip


def moved(act: str, *, event_id: UUID, day: date, amount: int, **told: str) -> entries.Entry:
    """An entry that moves money over the fund's dollar account; ``amount`` in cents."""
    return {
        "act": act, "event": str(event_id), "day": day.isoformat(), "amount": str(amount), "currency": "USD",
        "bank_account": BANK, **told,
    }  # fmt: skip


def borrowed(number: int, first: date) -> Iterator[entries.Entry]:
    for loan in LOANS:
        if number < loan.drawn_over:
            amount = part(loan.drawn, loan.drawn_over, number) * MILLION
            yield moved(
                "borrow", event_id=event("loan", loan.code, number), day=first, amount=amount, facility=loan.code
            )


def drawn_down(number: int, first: date) -> Iterator[entries.Entry]:
    for holding in HOLDINGS:
        step = number - holding.since
        if 0 <= step < holding.drawn_over:
            amount = part(holding.cost, holding.drawn_over, step) * MILLION
            yield moved(
                "drawdown", event_id=event("draw", holding.code, number), day=first, amount=amount,
                investment=holding.code,
            )  # fmt: skip


def paid_back(number: int, first: date) -> Iterator[entries.Entry]:
    """Each quarter income of what operates, the interest and the expenses that have accrued; once a realisation."""
    code, month, received, cost = REALISED
    if number == month:
        yield moved(
            "realisation", event_id=event("realise", code), day=first, amount=received * MILLION, investment=code,
            cost=str(cost * MILLION),
        )  # fmt: skip
    if number % 3 or not number:
        return
    for holding in HOLDINGS:
        if BUILT.get(holding.code, MONTHS) < number:
            paid_in = sum(part(holding.cost, holding.drawn_over, step) for step in range(number - holding.since))
            yield moved(
                "income", event_id=event("income", holding.code, number), day=first,
                amount=paid_in * MILLION * YIELD_BPS // 10_000, investment=holding.code, cost="0",
            )  # fmt: skip
    owed = [
        *(("interest", code, amount) for code, amount in debt.interest(on=first).items()),
        *(("operating", code, amount) for code, amount in fees.running(on=first).items()),
        ("management_fee", "", fees.accrued(on=first)),
    ]
    for kind, against, amount in owed:
        if amount.amount > 0:
            yield moved(
                "expense", event_id=event(kind, against, number), day=first, amount=amount.amount, kind=kind,
                against=against, description_en="For the quarter that ended", description_ja="前四半期分",
            )  # fmt: skip


def built(number: int, first: date) -> list[entries.Entry]:
    """The investments that begin to operate this month."""
    return [
        {
            "act": "terms", "event": str(event("built", one.code)), "investment": one.code,
            "effective_on": first.isoformat(), "stage": "operating",
            "ownership_percent": f"{Decimal(one.ownership_percent):.2f}", "committed": str(one.committed * MILLION),
        }
        for one in HOLDINGS
        if BUILT.get(one.code) == number
    ]  # fmt: skip


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
    """What was paid in and not realised, each part grown by the yearly drift, give or take two percent. Whole dollars."""
    paid_in = [
        (part(holding.cost, holding.drawn_over, step), number - holding.since - step)
        for step in range(holding.drawn_over)
        if step <= number - holding.since
    ]
    grown = sum(amount * MILLION * (1200 + holding.drift * age) // 1200 for amount, age in paid_in)
    code, month, received, _cost = REALISED
    if holding.code == code and number >= month:
        grown -= received * MILLION
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
    proposal = correction.propose(
        drafts=drafts, officer=officers["JP"], now=now, reason="The valuer’s figure was entered three percent too high"
    )
    desk.second_key(proposal=proposal, officers=officers, now=now)
    correction.carry_out(proposal=proposal, now=now + timedelta(hours=1))


def strike_nav(*, last: date, number: int, officers: dict[str, Officer]) -> None:
    """Value the day, propose by one nation, sign by the other, publish."""
    now = at(last + timedelta(days=2), 6)
    nav = strike.value(day=last, now=now)
    reason = "First valuations after construction milestones" if number else ""
    proposal = strike.propose(nav=nav, officer=officers["US" if number % 2 else "JP"], now=now, reason=reason)
    desk.second_key(proposal=proposal, officers=officers, now=now + timedelta(hours=1))
    strike.publish(proposal=proposal, now=now + timedelta(hours=1))
