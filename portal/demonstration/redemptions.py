"""The demonstration's redemption windows: one of each class settled above its cap, one that is open now (D31)."""

from datetime import date, datetime, timedelta

from fund import calendars
from fund.governance.officers import Officer
from fund.redemption import request, settle, share, window
from fund.redemption.models import RedemptionLine, RedemptionWindow
from investors import tax_status
from investors.people import Investor
from portal.demonstration import citizens, desk, orders
from portal.documents import redemptions as papers

REDEEMED = 21  # the month, counted from 0, on whose last dealing day units are redeemed
State = RedemptionWindow.State


def take_requests(*, nation: str, last: date, officers: dict[str, Officer]) -> None:
    """The window that a month's end prices: opened, and asked for a half of what every third citizen has."""
    opens, closes = orders.evening(last - timedelta(days=24)), orders.evening(last - timedelta(days=14))
    one = _opened(
        f"{nation}-{last.year}-R1", nation=nation, opens=opens, closes=closes, dealing_day=last, officers=officers
    )
    if one.state == State.OPEN:
        _ask(nation=nation, place=0, key=one.code, now=opens + timedelta(hours=1))
        window.close_due(now=closes)


def finish(*, nation: str, last: date, officers: dict[str, Officer]) -> None:
    """Shared out under both keys at the price of the month's end, settled, and noted to those who can sign in."""
    one = RedemptionWindow.objects.filter(unit_class=nation, dealing_day=last).first()
    if one is None or one.state == State.SETTLED:
        return
    now = calendars.books_open(last + timedelta(days=4)) + timedelta(hours=3)
    if one.state == State.CLOSED:
        proposal = share.propose(window=one, officer=officers["JP"], now=now)
        desk.second_key(proposal=proposal, officers=officers, now=now)
        share.carry_out(proposal=proposal, now=now)
    while settle.settle_next(code=one.code, now=now, tell=lambda holders: tax_status.tell_of(holders=holders, now=now)):
        pass
    known = Investor.objects.filter(user__email__in=citizens.WITH_LOGIN.values())
    for line in RedemptionLine.objects.filter(window=one, holder_id__in=known.values("holder")):
        papers.contract_notes(window=one.code, first_holder=line.holder_id, last_holder=line.holder_id, now=now)


def open_now(*, officers: dict[str, Officer], now: datetime) -> None:
    """One window of each class that is open today; others than the first time have asked since it opened."""
    for nation in orders.BANK:
        if RedemptionWindow.objects.filter(unit_class=nation, code__endswith="-R2").exists():
            continue
        opens, closes = now - timedelta(days=4), orders.evening((now + timedelta(days=17)).date())
        dealing_day = calendars.next_dealing_day((closes + timedelta(days=13)).date())
        code = f"{nation}-{closes.year}-R2"
        _opened(code, nation=nation, opens=opens, closes=closes, dealing_day=dealing_day, officers=officers)
        _ask(nation=nation, place=2, key=code, now=now - timedelta(days=3))


def _opened(
    code: str, *, nation: str, opens: datetime, closes: datetime, dealing_day: date, officers: dict[str, Officer]
) -> RedemptionWindow:
    one = RedemptionWindow.objects.filter(pk=code).first() or window.announce(
        code=code, class_code=nation, opens_at=opens, closes_at=closes, dealing_day=dealing_day,
        actor=officers[nation].actor, now=opens - timedelta(days=20),
    )  # fmt: skip
    if one.state == State.ANNOUNCED:
        proposal = window.propose_opening(window=one, officer=officers["US"], now=opens)
        desk.second_key(proposal=proposal, officers=officers, now=opens)
        window.carry_out_opening(proposal=proposal, now=opens)
        one.refresh_from_db()
    return one


def _ask(*, nation: str, place: int, key: str, now: datetime) -> None:
    """Every third citizen of a nation who holds units asks for a half of those that are free."""
    numbers = [n for n in range(citizens.NUMBER) if citizens.nation_of(n) == nation][place::3]
    investors = {one.user.email: one for one in Investor.objects.select_related("user").exclude(holder=None)}
    for step, number in enumerate(numbers):
        holder_id = investors[citizens.email(number)].holder_id
        assert holder_id is not None
        at = now + timedelta(minutes=7 * step)
        for held in request.redeemable(holder_id=holder_id, now=at):
            if held.unit_class.pk == nation and held.free > 1:
                request.place(
                    class_code=nation, holder_id=holder_id, units=held.free // 2, key=f"demonstration {key}", now=at
                )
