"""What one tranche leaves unsold passes to the other, and nothing is sold twice (D24)."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fund import rates
from fund.dealing import allotment, cancellation, handover, offering, prove, subscription
from fund.dealing.models import AllotmentLine, Offering
from fund.ledger import balances
from fund.ledger import prove as ledger
from fund.money import Currency
from fund.payments import receipts
from fund.refusal import Refusal
from tests.fund.dealing import reference
from tests.fund.dealing.conftest import (
    AFTER,
    CLOSES,
    DURING,
    LAPSES,
    NOW,
    OPENS,
    PAY_BY,
    announce,
    citizen,
    paid_list,
    pay,
    place,
    settle,
)
from tests.fund.dealing.test_allotment import rerun, tickets

pytestmark = pytest.mark.django_db
RATE = Decimal("159.4973")  # of 2026-03-31 (D23)
US_LOT, JP_LOT = 10_000, 10_000  # $100 and ¥10,000, in minor units
US_BANK = "DEMO-USD-001"


@pytest.fixture(autouse=True)
def _rate(_bank: None) -> None:
    rates.record(day=date(2026, 3, 31), usd_per_eur=Decimal("1.1498"), jpy_per_eur=Decimal("183.39"), source="ECB")
    receipts.open_account(
        code=US_BANK,
        currency=Currency.USD,
        name_en="Kakehashi Fund",
        name_ja="架け橋ファンド",
        bank_name_en="Demonstration Bank",
        bank_name_ja="デモ銀行",
        number="0001234567",
        now=NOW,
    )


def tranche(nation: str, *, lots: int, **terms) -> Offering:
    lot = {"US": US_LOT, "JP": JP_LOT}[nation]
    plain = {"lot": lot, "minimum": lot, "step": lot, "maximum": 10_000 * lot, "capacity": lots * lot}
    plain |= {"fixed_price": {"US": Decimal(10), "JP": Decimal(10_000)}[nation]}
    plain |= {"code": f"{nation}-2026-9", "class_code": nation, "issue": "2026-9", "hands_over": True}
    return announce(**plain | terms)


@pytest.fixture
def issue(american, second_key):
    """Both tranches of an issue, open: (lots of the US tranche, lots of the JP tranche)."""

    def make(us: int, jp: int, *, hands_over: tuple[bool, bool] = (True, True)) -> tuple[Offering, Offering]:
        both = tranche("US", lots=us, hands_over=hands_over[0]), tranche("JP", lots=jp, hands_over=hands_over[1])
        for one in both:
            proposal = offering.propose_opening(offering=one, officer=american, now=NOW)
            offering.carry_out_opening(proposal=second_key(proposal), now=NOW)
        offering.open_due(now=OPENS)
        for one in both:
            one.refresh_from_db()
        return both

    return make


@pytest.fixture
def close(american, second_key):
    """Close both and allot them in this order."""

    def decide(*tranches: Offering) -> None:
        offering.close_due(now=CLOSES)
        subscription.lapse_due(now=LAPSES)
        for one in tranches:
            proposal = allotment.propose(offering=one, officer=american, now=AFTER)
            assert allotment.carry_out(proposal=second_key(proposal), now=AFTER) is not None
            one.refresh_from_db()

    return decide


def everything_is_clean() -> bool:
    return [check for check in (*prove.prove(), *ledger.prove()) if not check.clean] == []


def test_unsold_dollars_become_yen_lots_at_the_stated_rate(issue, close):
    us, jp = issue(10, 10)
    assert (us.usd_jpy, us.usd_jpy_day) == (RATE, date(2026, 3, 31)) == (jp.usd_jpy, jp.usd_jpy_day)
    paid_list(us, [(1, 7)])
    paid_list(jp, [(2, 8), (3, 9)])
    close(us, jp)
    # $300 are left: ¥47,849.19, which is four lots of ¥10,000; giving them away takes ¥40,000, which is three of $100
    assert (us.allotment.capacity_lots, us.allotment.given_lots, us.allotment.allotted_lots) == (7, 3, 7)
    assert (jp.allotment.capacity_lots, jp.allotment.received_lots, jp.allotment.allotted_lots) == (14, 4, 14)
    assert settle(us) == [1] and settle(jp) == [2]
    assert balances.total("refunds:JPY") == 3 * JP_LOT and everything_is_clean()


def test_no_more_passes_than_the_other_lacks(issue, close):
    us, jp = issue(1_000, 10)
    paid_list(us, [(1, 7)])
    paid_list(jp, [(2, 12)])
    close(jp, us)
    assert (jp.allotment.received_lots, us.allotment.given_lots) == (2, 2)  # ¥20,000 are $125.39


@pytest.mark.parametrize(
    ("hands_over", "us_lots", "jp_lots"),
    [((False, True), 7, 20), ((True, True), 12, 20), ((True, True), 7, 9), ((False, False), 7, 20)],
)
def test_nothing_passes_where_the_terms_do_not_say_so_or_nobody_lacks_or_has_left(
    issue, close, hands_over, us_lots, jp_lots
):
    us, jp = issue(10, 10, hands_over=hands_over)
    paid_list(us, [(1, us_lots)])
    paid_list(jp, [(2, jp_lots)])
    close(us, jp)
    for one in (us, jp):
        assert (one.allotment.received_lots, one.allotment.given_lots, one.allotment.capacity_lots) == (0, 0, 10)
    assert everything_is_clean()


BOOK = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 12)), min_size=0, max_size=12)
holders = count(1)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BOOK, BOOK, st.integers(1, 60), st.integers(1, 60), st.booleans(), st.booleans())
@example([(1, 1)], [(1, 12), (2, 12)], 60, 1, True, True)
@example([(1, 12), (2, 12)], [(1, 1)], 1, 60, True, True)
def test_both_tranches_give_what_the_reference_gives_and_never_more_than_there_is(
    issue, close, us_book, jp_book, us_lots, jp_lots, us_gives, us_first
):
    with transaction.atomic():
        us, jp = issue(us_lots, jp_lots, hands_over=(us_gives, True))
        books = {us.code: us_book, jp.code: [(holder + 100, lots) for holder, lots in jp_book]}
        for one in (us, jp):
            paid_list(one, books[one.code])
        close(*((us, jp) if us_first else (jp, us)))
        extra = expected_lots(us_book, us_lots, jp_book, jp_lots, us_gives)
        for one, more in zip((us, jp), extra, strict=True):
            settle(one, chunk=3)
            citizens = {holder: reference.Citizen(ticket, []) for holder, ticket in tickets(one).items()}
            for holder, lots in books[one.code]:
                citizens[holder].orders.append(lots)
            reference.allot(list(citizens.values()), one.capacity_lots + more, bytes(one.seed))
            got = AllotmentLine.objects.filter(offering=one).order_by("order_id")
            for holder, who in citizens.items():
                mine = [line.allotted // one.lot for line in got if line.holder_id == holder]
                assert mine == who.per_order()
            paid = sum(lots for _holder, lots in books[one.code]) * one.lot
            assert sum(line.allotted + line.refund for line in got) == paid
        worth = [Fraction(RATE) / 100 * one.lot * one.allotment.allotted_lots for one in (us,)]
        had = Fraction(RATE) / 100 * us.capacity + jp.capacity
        assert sum(worth) + jp.allotment.allotted_lots * jp.lot <= had
        assert balances.total("held:JPY") == balances.total("held:USD") == 0 and everything_is_clean()
        transaction.set_rollback(True)


def expected_lots(us_book, us_lots, jp_book, jp_lots, us_gives) -> tuple[int, int]:
    """Plainly: lots that the US and the JP tranche receive. A lot of $100 is worth ¥15,949.73."""
    us_asked, jp_asked = (sum(lots for _holder, lots in book) for book in (us_book, jp_book))
    if us_asked > us_lots and jp_asked < jp_lots:
        return min(us_asked - us_lots, (jp_lots - jp_asked) * 10_000 * 100 // 1_594_973), 0
    if jp_asked > jp_lots and us_asked < us_lots and us_gives:
        return 0, min(jp_asked - jp_lots, (us_lots - us_asked) * 1_594_973 // 1_000_000)
    return 0, 0


def refusal(act, **named) -> str:
    with pytest.raises(Refusal) as refused, transaction.atomic():
        act(**named)
    return refused.value.code


def test_a_tranche_waits_until_the_other_is_closed_and_paid(issue, american, second_key):
    us, jp = issue(10, 10)
    pay(place(jp, citizen(), 100_000))
    waiting = place(jp, citizen(), 50_000)
    Offering.objects.filter(pk=us.pk).update(state="closed")
    assert refusal(allotment.propose, offering=us, officer=american, now=AFTER) == "other_tranche_open"
    offering.close_due(now=CLOSES)
    assert refusal(allotment.propose, offering=us, officer=american, now=PAY_BY - timedelta(1)) == "not_paid_yet"
    assert refusal(allotment.propose, offering=us, officer=american, now=AFTER) == "orders_waiting"
    subscription.withdraw(reference=waiting.reference, holder_id=waiting.holder_id, now=CLOSES, received_at=DURING)
    assert allotment.propose(offering=us, officer=american, now=AFTER)


def test_a_cancelled_tranche_hands_over_nothing_and_is_not_waited_for(issue, american, second_key):
    us, jp = issue(10, 10)
    paid_list(jp, [(2, 20)])
    proposal = cancellation.propose(offering=us, officer=american, now=DURING, reason="a rehearsal")
    cancellation.carry_out(proposal=second_key(proposal), now=DURING)
    offering.close_due(now=CLOSES)
    allotment.carry_out(proposal=second_key(allotment.propose(offering=jp, officer=american, now=AFTER)), now=AFTER)
    jp.refresh_from_db()
    assert (jp.allotment.received_lots, jp.allotment.capacity_lots) == (0, 10) and everything_is_clean()


def test_a_book_of_the_other_that_changed_after_the_approval_is_not_allotted(issue, american, second_key):
    us, jp = issue(10, 10)
    paid_list(us, [(1, 7)])
    paid_list(jp, [(2, 20)])
    offering.close_due(now=CLOSES)
    proposal = second_key(allotment.propose(offering=jp, officer=american, now=AFTER))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_subscription SET amount = amount + 10000 WHERE holder_id = 1")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert refusal(allotment.carry_out, proposal=proposal, now=AFTER) == "book_changed"


def test_without_the_terms_of_both_nothing_opens(american):
    us = tranche("US", lots=10)
    assert refusal(offering.propose_opening, offering=us, officer=american, now=NOW) == "tranche_missing"
    assert refusal(tranche, nation="US", lots=10, code="US-2") == "unsound_terms"
    assert refusal(tranche, nation="JP", lots=10, issue="", hands_over=True) == "unsound_terms"


def test_a_tranche_does_not_join_an_issue_that_has_opened(issue):
    us, jp = issue(10, 10)
    assert refusal(tranche, nation="US", lots=10, code="US-2") == "issue_running"
    for change in ({"hands_over": False}, {"usd_jpy": Decimal(1)}, {"issue": "OTHER"}):
        with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
            Offering.objects.filter(pk=jp.pk).update(**change)
    assert us.terms_digest != jp.terms_digest


def test_the_terms_of_the_hand_over_are_part_of_what_is_signed():
    digests = set()
    for hands_over in (True, False):
        with transaction.atomic():
            digests.add(offering.terms(tranche("JP", lots=10, hands_over=hands_over, code="JP-X")))
            transaction.set_rollback(True)
    assert len(digests) == 2


def test_prove_names_a_tranche_that_received_what_nobody_gave(issue, close):
    us, jp = issue(10, 10)
    paid_list(us, [(1, 7)])
    paid_list(jp, [(2, 20)])
    close(us, jp)
    assert everything_is_clean()
    for tampered in (
        "UPDATE fund_allotment SET received_lots = received_lots + 1 WHERE offering_id = 'JP-2026-9'",
        "UPDATE fund_allotment SET given_lots = 0, capacity_lots = 10 WHERE offering_id = 'US-2026-9'",
        "UPDATE fund_offering SET hands_over = false WHERE code = 'US-2026-9'",
    ):
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(tampered)
            check = prove.tranches()
            assert (check.differences and "JP-2026-9" in check.first) or "US-2026-9" in check.first
            transaction.set_rollback(True)


def test_anyone_can_recompute_the_hand_over_from_both_books(issue, close, tmp_path):
    us, jp = issue(10, 10)
    paid_list(us, [(1, 7)])
    paid_list(jp, [(2, 8), (3, 9), (4, 1)])
    close(us, jp)
    pages = [as_json(allotment.book(offering=one)) for one in (us, jp)]
    good = rerun(tmp_path, pages)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "US-2026-9: 1 applicants, exactly as published" in good.stdout
    assert "JP-2026-9: 3 applicants, exactly as published" in good.stdout and "hand-over" in good.stdout
    pages[1] |= {"received_lots": 5, "capacity_lots": 15}
    bad = rerun(tmp_path, pages)
    assert bad.returncode == 1 and "received 5 lots, and should have 4" in bad.stdout
    alone = rerun(tmp_path, [as_json(allotment.book(offering=jp))])
    assert alone.returncode == 0 and "give the book of US-2026-9" in alone.stdout


def as_json(page: allotment.Page) -> dict[str, object]:
    written = {**asdict(page), "lot": {"currency": page.lot.currency, "value": page.lot.value}}
    return json.loads(json.dumps(written))


def test_the_other_tranche_is_found_only_in_its_own_issue(issue):
    us, jp = issue(10, 10)
    alone = announce()
    assert handover.other(us) == jp and handover.other(alone) is None
    assert datetime.now(UTC) and handover.passing(offering=alone, requested_lots=99) == handover.Passing()
