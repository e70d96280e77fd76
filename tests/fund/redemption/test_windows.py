"""Redemption windows from the announcement to the money, and what the database refuses (D31)."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from fund.governance.outbox import Note
from fund.ledger import balances
from fund.ledger import prove as ledger
from fund.ledger.models import Card
from fund.redemption import prove, request, settle, share, window
from fund.redemption.models import Redemption, RedemptionDecision, RedemptionLine, RedemptionWindow
from fund.refusal import Refusal
from fund.register import capital
from tests.fund import building
from tests.fund.redemption.conftest import AFTER, CLOSES, DEALING, DURING, FIRST, NOW, OPENS, ask

pytestmark = pytest.mark.django_db
LAST_YEAR = date(2025, 4, 22)


def clean() -> bool:
    return [check for check in (*prove.prove(), *ledger.prove(), *capital.prove()) if not check.clean] == []


def units(holder: int) -> int:
    return balances.balance("units:JP", holder_id=holder)


def refunds(holder: int) -> int:
    return balances.balance("refunds:JPY", holder_id=holder)


def refused(code: str):
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


# ── a window's life ──


def test_a_window_opens_under_both_keys_and_closes_by_the_clock(fund):
    one = fund.announced()
    assert (one.cap_percent, one.charge_percent) == (Decimal(5), Decimal(1))
    assert window.open_due(now=OPENS) == []  # nobody has approved it
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        RedemptionWindow.objects.filter(pk=one.pk).update(state="open")
    proposal = window.propose_opening(window=one, officer=fund.keys[0], now=NOW)
    fund.signed(proposal, NOW)
    window.carry_out_opening(proposal=proposal, now=NOW)
    assert window.open_due(now=OPENS) == [one.code] and window.close_due(now=CLOSES) == [one.code]


def test_only_one_window_of_a_class_is_at_work(fund):
    fund.opened()
    other = fund.announced()
    proposal = window.propose_opening(window=other, officer=fund.keys[0], now=NOW)
    window.carry_out_opening(proposal=fund.signed(proposal, NOW), now=NOW)
    assert window.open_due(now=OPENS) == []
    with pytest.raises(DatabaseError, match="one_at_a_time"), transaction.atomic():
        RedemptionWindow.objects.filter(pk=other.pk).update(state="open")


def test_terms_stand_from_the_announcement(fund):
    one = fund.announced()
    with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
        RedemptionWindow.objects.filter(pk=one.pk).update(cap_percent=50)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"dealing_day": date(2026, 4, 19)}, "not_a_dealing_day"),
        ({"closes_at": datetime(2026, 4, 12, 16, tzinfo=CLOSES.tzinfo)}, "notice_too_short"),  # the 13th in Tokyo
        ({"opens_at": CLOSES}, "unsound_terms"),
    ],
)
def test_unsound_terms_are_refused(fund, terms, code):
    with refused(code):
        fund.announced(**terms)


def test_a_cancelled_window_leaves_its_requests_in_the_queue(fund):
    one = fund.opened()
    asked = ask(fund.citizen(1_000), 400)
    proposal = window.propose_cancellation(window=one, officer=fund.keys[0], now=DURING, reason="No price is to come")
    window.carry_out_cancellation(proposal=fund.signed(proposal, DURING), now=DURING)
    asked.refresh_from_db()
    assert asked.status == "placed" and clean()
    later = fund.opened()
    fund.settled(later)
    asked.refresh_from_db()
    assert asked.filled > 0


# ── asking ──


def test_units_on_request_are_on_hold_and_cannot_be_asked_for_twice(fund):
    fund.opened()
    holder = fund.citizen(1_000)
    asked = ask(holder, 700)
    (found,) = request.redeemable(holder_id=holder, now=DURING)
    assert (found.units, found.on_request, found.free) == (1_000, 700, 300)
    with refused("standing"):
        ask(holder, 300)
    with pytest.raises(DatabaseError, match="not_below_zero"), transaction.atomic():
        building.post.post(
            event=building.Event.CORRECTION, event_id=building.uuid.uuid4(), effective_at=DURING,
            lines=[building.Line("units:JP", "issued:JP", 301, holder)],
        )  # fmt: skip
    assert ask(holder, 700, key=asked.key).pk == asked.pk
    with refused("key_reused"):
        ask(holder, 600, key=asked.key)
    assert Note.objects.filter(topic="redemption.placed").count() == 1 and clean()


def test_more_than_is_held_is_refused_and_leaves_nothing(fund):
    fund.opened()
    holder = fund.citizen(1_000)
    for asked, code in ((1_001, "more_than_held"), (0, "no_units")):
        with refused(code):
            ask(holder, asked)
    assert not Redemption.objects.exists() and clean()


def test_without_the_hold_more_than_is_held_can_be_asked_for(fund, monkeypatch):
    """Negative control of the test above."""
    fund.opened()
    holder = fund.citizen(1_000)
    monkeypatch.setattr(request, "_hold", lambda asked, now: None)
    assert ask(holder, 1_001).units == 1_001
    assert not clean()  # and it is named


def test_what_counts_is_when_a_request_reached_us(fund):
    one = fund.opened()
    early, late = fund.citizen(1_000), fund.citizen(1_000)
    window.close_due(now=CLOSES)
    second = timedelta(seconds=1)
    assert ask(early, 10, now=CLOSES + second, received_at=CLOSES - second).window_id == one.pk
    with refused("not_open"):
        ask(late, 10, now=CLOSES + second, received_at=CLOSES)
    with refused("not_open"):
        ask(late, 10, now=OPENS - second)


def test_a_request_is_withdrawn_freely_until_the_close(fund):
    one = fund.opened()
    holder, other = fund.citizen(1_000), fund.citizen(1_000)
    asked, left = ask(holder, 700), ask(other, 700)
    with refused("unknown_redemption"):
        request.withdraw(redemption=asked.pk, holder_id=other, now=DURING)
    for _again in range(2):
        assert request.withdraw(redemption=asked.pk, holder_id=holder, now=DURING).status == "withdrawn"
    assert Note.objects.filter(topic="redemption.withdrawn").count() == 1
    ask(holder, 1_000)  # all of them are free again
    window.close_due(now=CLOSES)
    with refused("too_late_to_withdraw"):
        request.withdraw(redemption=left.pk, holder_id=other, now=CLOSES)
    fund.settled(one)
    assert request.withdraw(redemption=left.pk, holder_id=other, now=AFTER).status == "withdrawn"  # what rests
    assert clean()


# ── deciding and settling ──


def test_below_the_cap_everybody_gets_everything_at_the_price_of_the_dealing_day(fund):
    fund.citizen(10_000_000)
    old, young = fund.citizen(2_000, day=LAST_YEAR), fund.citizen(2_000)
    fund.value(FIRST)
    one = fund.opened()
    ask(old, 1_500)
    ask(young, 1_500)
    before = balances.balance("capital:JP")
    fund.settled(one)
    assert (units(old), units(young)) == (500, 500)
    assert (refunds(old), refunds(young)) == (1_500, 1_485)  # one percent stays for those who stay
    assert balances.balance("capital:JP") == before - 2_985
    assert set(Redemption.objects.values_list("status", flat=True)) == {"filled"}
    assert (one.state, one.decision.settled_at) == ("settled", AFTER)
    assert Note.objects.filter(topic__in=["redemption.decided", "redemption.settled"]).count() == 2
    assert clean()


def test_above_the_cap_it_is_shared_and_the_rest_stands_in_the_queue(fund):
    many, few = fund.citizen(90_000), fund.citizen(10_000)
    fund.value(FIRST)
    one = fund.opened()
    most, least = ask(many, 60_000), ask(few, 3_000)
    told = window.demand(window=one, now=DURING)
    assert (told.requests, told.units, told.cap.amount, told.percent) == (2, 63_000, 5_000, Decimal("7.94"))
    fund.settled(one)
    for asked in (most, least):
        asked.refresh_from_db()
    assert (most.filled, least.filled) == (4_762, 238)  # 4,761.9 and 238.1 of 5,000
    assert (units(many), units(few)) == (90_000 - 4_762, 10_000 - 238)
    assert Card.objects.get(pk=many).reserved_units_jp == most.open == 60_000 - 4_762 and clean()
    ahead = {"opens_at": AFTER, "closes_at": AFTER + timedelta(days=2), "dealing_day": date(2026, 5, 8)}
    following = fund.opened(**ahead)
    fund.settled(following, now=datetime(2026, 5, 9, 9, tzinfo=AFTER.tzinfo))
    most.refresh_from_db()
    assert most.filled > 4_762 and most.lines.count() == 2 and clean()
    request.withdraw(redemption=most.pk, holder_id=many, now=datetime(2026, 5, 10, tzinfo=AFTER.tzinfo))
    assert clean() and Card.objects.get(pk=many).reserved_units_jp == 0


def test_without_both_keys_nothing_is_decided(fund):
    fund.citizen(100_000)
    one = fund.opened()
    ask(fund.citizen(1_000), 500)
    window.close_due(now=CLOSES)
    with refused("no_price"):
        share.propose(window=one, officer=fund.keys[0], now=AFTER)
    fund.value(DEALING)
    proposal = share.propose(window=one, officer=fund.keys[0], now=AFTER)
    with pytest.raises(Refusal, match="each nation must approve"):
        share.carry_out(proposal=proposal, now=AFTER)
    with pytest.raises(DatabaseError, match="no approved decision"), transaction.atomic():
        RedemptionWindow.objects.filter(pk=one.pk).update(state="decided")
    told = {"window": one, "proposal": proposal, "price": 1, "cap": 1, "requests": 1, "asked": 1, "filled": 1}
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        RedemptionDecision.objects.create(**told, book=b"", decided_at=AFTER)


def test_a_request_that_went_after_the_approval_has_it_proposed_again(fund):
    fund.citizen(100_000)
    one = fund.opened()
    holder = fund.citizen(1_000)
    asked = ask(holder, 500)
    window.close_due(now=CLOSES)
    fund.value(DEALING)
    proposal = fund.signed(share.propose(window=one, officer=fund.keys[0], now=AFTER), AFTER)
    before = CLOSES - timedelta(seconds=1)  # handled late: it reached us in time
    request.withdraw(redemption=asked.pk, holder_id=holder, now=AFTER, received_at=before)
    with refused("book_changed"):
        share.carry_out(proposal=proposal, now=AFTER)


def test_money_that_the_fund_does_not_have_is_not_promised(fund):
    fund.citizen(100_000)
    one = fund.opened()
    ask(fund.citizen(1_000), 500)
    fund.value(DEALING)
    window.close_due(now=CLOSES)
    spent = balances.balance(f"bank:{building.JPY}")
    building.post.post(
        event=building.Event.REVERSAL, event_id=building.uuid.uuid4(), effective_at=NOW,
        lines=[building.Line("expenses:JPY", f"bank:{building.JPY}", -spent - 100)],
    )  # fmt: skip
    with refused("over_cash"):
        share.propose(window=one, officer=fund.keys[0], now=AFTER)


def test_a_killed_run_leaves_its_lines_and_the_next_one_ends_the_same(fund, monkeypatch):
    fund.citizen(1_000_000)
    holders = [fund.citizen(1_000) for _ in range(5)]
    fund.value(FIRST)
    one = fund.opened()
    for holder in holders:
        ask(holder, 500)
    fund.decided(one)
    assert settle.settle_next(code=one.code, now=AFTER, chunk=2) == 2
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError), transaction.atomic():
        broken.setattr(settle.post, "post_set", lambda *given: 1 / 0)
        settle.settle_next(code=one.code, now=AFTER, chunk=2)
    assert RedemptionLine.objects.exclude(settled_at=None).count() == 2 and clean()
    while settle.settle_next(code=one.code, now=AFTER, chunk=2):
        pass
    assert [units(holder) for holder in holders] == [500] * 5 and clean()
    assert settle.settle_next(code=one.code, now=AFTER) == 0
    assert settle.progress(code=one.code) == settle.Progress(5, 5)


def test_a_line_is_settled_once(fund):
    fund.citizen(1_000_000)
    one = fund.opened()
    ask(fund.citizen(1_000), 500)
    fund.settled(one)
    line = RedemptionLine.objects.get()
    for change in ({"settled_at": None, "gross": None, "charge": None, "charged_units": None, "cost": None,
                    "long_units": None, "us_person": None, "jp_resident": None}, {"asked": 501}):  # fmt: skip
        with pytest.raises(DatabaseError, match="settled once"), transaction.atomic():
            RedemptionLine.objects.filter(pk=line.pk).update(**change)
    with pytest.raises(DatabaseError, match="fund_transfer_pkey"), transaction.atomic():
        building.post.post(
            event=building.Event.REDEMPTION, event_id=line.pk, effective_at=AFTER,
            lines=[building.Line("units:JP", "issued:JP", 1, line.holder_id)] * 2,
        )  # fmt: skip


def test_what_was_changed_is_named(fund):
    fund.citizen(1_000_000)
    one = fund.opened()
    ask(fund.citizen(1_000), 500)
    fund.settled(one)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_redemptionline SET charge = charge + 1")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    assert [check.name for check in prove.prove() if not check.clean] == ["redeemed units were paid at their price"]


# ── the charge and the cost ──


def test_the_charge_counts_first_in_first_out(fund):
    fund.citizen(10_000_000)
    holder = fund.citizen(1_000, day=LAST_YEAR)
    fund.buy(holder, 1_000, day=LAST_YEAR + timedelta(days=1))  # a day short of a year
    fund.value(FIRST)
    one = fund.opened()
    ask(holder, 600)
    fund.settled(one)
    assert RedemptionLine.objects.get().charged_units == 0
    ahead = {"opens_at": AFTER, "closes_at": AFTER + timedelta(days=1), "dealing_day": date(2026, 5, 8)}
    other = building.citizen(building.Nation.JP).pk
    fund.buy(other, 1_000, day=date(2026, 5, 1))
    following = fund.opened(**ahead)
    ask(other, 100, now=AFTER)
    ask(holder, 600, now=AFTER)
    fund.settled(following, now=datetime(2026, 5, 9, tzinfo=AFTER.tzinfo))
    charged = {line.holder_id: line.charged_units for line in following.lines.all()}
    assert charged == {holder: 0, other: 100}  # by the second dealing day a year is over for all of the first's
    assert clean()


def test_the_part_of_a_holding_that_is_young_is_charged(fund):
    fund.citizen(10_000_000)
    holder = fund.citizen(1_000, day=LAST_YEAR)
    fund.buy(holder, 1_000, day=LAST_YEAR + timedelta(days=1))
    fund.value(FIRST)
    one = fund.opened()
    ask(holder, 1_500)
    fund.settled(one)
    line = RedemptionLine.objects.get()
    assert (line.charged_units, line.gross, line.charge, line.paid) == (500, 1_500, 5, 1_495)


def test_the_same_part_of_the_cost_leaves_as_of_the_units(fund):
    fund.citizen(10_000_000)
    holder = fund.citizen(1_000, 2_001)
    fund.value(FIRST)
    one = fund.opened()
    ask(holder, 400)
    fund.settled(one)
    assert RedemptionLine.objects.get().cost == 800  # 800.4


def test_the_sites_own_role_may_do_all_of_it_and_no_more(fund):
    fund.citizen(1_000_000)
    holder, other = fund.citizen(1_000), fund.citizen(1_000)
    one = fund.opened()
    fund.value(DEALING)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE kakehashi_app")
        asked, taken_back = ask(holder, 500), ask(other, 500)
        request.withdraw(redemption=taken_back.pk, holder_id=other, now=DURING)
        window.close_due(now=CLOSES)
        fund.settled(one)
        asked.refresh_from_db()
        assert asked.status == "filled" and clean()
        for table in ("redemption", "redemptionwindow", "redemptiondecision", "redemptionline"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(f"DELETE FROM fund_{table}")
        cursor.execute("RESET ROLE")
