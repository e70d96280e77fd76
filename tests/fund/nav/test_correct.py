"""A correction is a new version of the wrong day and of every later one; nothing published changes (D43)."""

import threading
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from fund import calendars
from fund.governance import approval
from fund.governance.outbox import Note
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import checks, correct, prices, prove, strike, value
from fund.nav.models import ClassNav, Nav
from fund.portfolio import fees
from fund.redemption import correction
from fund.register import capital
from tests.fund import building
from tests.fund.building import DAY, USD
from tests.fund.nav.test_publish import drop_trigger

pytestmark = pytest.mark.django_db
NEXT, LAST = date(2026, 4, 1), date(2026, 4, 2)
LATER = datetime(2026, 4, 3, 9, tzinfo=UTC)
THEN = datetime(2026, 4, 5, 9, tzinfo=UTC)


def income(cents: int, day: date = DAY) -> None:
    """Money that arrived, or for a negative amount was found never to have."""
    bank, account = f"bank:{USD}", "income:USD"
    debit, credit = (bank, account) if cents > 0 else (account, bank)
    line = Line(debit, credit, abs(cents))
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=[line], effective_at=calendars.books_open(day))


@pytest.fixture
def wrong(small_fund):
    """Three published days. On the first, $12 of income was booked that never came: 10.0600 instead of 10.0000."""
    income(12_00)
    for day in (DAY, NEXT, LAST):
        if day != DAY:
            building.rate(day, 160)
        building.publish(strike.value(day=day, now=LATER), small_fund, now=LATER)
    income(-12_00)
    return small_fund


@pytest.fixture
def drafts(wrong) -> list[Nav]:
    return correct.revalue(day=DAY, now=THEN)


def propose(drafts, keys) -> approval.Proposal:
    return correction.propose(drafts=drafts, officer=keys[0], now=THEN, reason="The income never came")


@pytest.fixture
def approved(drafts, wrong) -> approval.Proposal:
    proposal = propose(drafts, wrong)
    building.sign(proposal, wrong[1], THEN)
    return proposal


def carry_out(proposal) -> list[Nav] | None:
    return correction.carry_out(proposal=proposal, now=THEN)


def sov(nav: Nav) -> ClassNav:
    return nav.classes.get(unit_class="SOV")


def test_the_wrong_day_and_every_later_one_are_valued_again(drafts):
    assert [(one.valuation_day, one.version, one.corrects.version) for one in drafts] == [
        (DAY, 2, 1), (NEXT, 2, 1), (LAST, 2, 1)
    ]  # fmt: skip
    assert [one.previous_id for one in drafts] == [None, drafts[0].pk, drafts[1].pk]
    assert sov(drafts[0]).price == 10
    assert [one.percent for one in correct.errors(nav=drafts[0])] == [Decimal("0.6000")]


def test_the_fee_of_later_days_is_charged_on_the_corrected_nav(drafts):
    """20 basis points a year of $2,000.00 are 1.09… cents a day, of $2,012.00 1.10…; over two days 2 either way."""
    assert [one.accruals for one in drafts] == [0, 1, 2]
    assert [one.net for one in drafts] == [2_000_00, 1_999_99, 1_999_98]
    assert fees.FeeBasis.objects.filter(net=2_000_00).count() == 0, "asking has charged nothing"


def test_nothing_changes_before_both_keys(drafts, wrong):
    proposal = propose(drafts, wrong)
    with pytest.raises(approval.Refused, match="officer of each nation"):
        carry_out(proposal)
    assert prices.latest_price("SOV", THEN).value == Decimal("10.0599")


def test_it_is_published_with_its_error_and_all_versions_stay(approved):
    published = carry_out(approved)
    assert published is not None and {one.state for one in Nav.objects.all()} == {"published"}
    rows = [
        (one.nav.valuation_day, one.nav.version, one.price, one.corrects_version, one.wrong_price)
        for one in prices.versions(class_code="SOV")
    ]
    assert rows[-2:] == [(DAY, 2, Decimal(10), 1, Decimal("10.0600")), (DAY, 1, Decimal("10.0600"), None, None)]
    assert len(rows) == 6 and prices.latest_price("SOV", THEN).value == Decimal("9.9999")
    assert strike.latest() == published[-1] and strike.latest(at=LATER).version == 1
    assert [one.price for one in strike.history(class_code="SOV")] == [10, 10, Decimal("9.9999")]
    assert all(check.clean for check in [*prove.prove(), *capital.prove()])
    assert Note.objects.filter(topic="nav.corrected").count() == 1


def test_carried_out_again_it_does_nothing(approved):
    carry_out(approved)
    assert carry_out(approved) is None
    assert Nav.objects.count() == 6


def test_the_next_day_continues_the_corrected_one(approved, wrong):
    carry_out(approved)
    day = date(2026, 4, 7)
    building.rate(day, 160)
    later = calendars.books_close(day)
    nav = building.publish(strike.value(day=day, now=later), wrong, now=later)
    assert nav.previous == correct.standing(day=LAST)[0] and nav.previous.version == 2
    assert all(check.clean for check in prove.prove())


def test_a_correction_can_be_corrected(approved, wrong):
    carry_out(approved)
    income(4_00, NEXT)
    again = correct.revalue(day=NEXT, now=THEN.replace(hour=10))
    assert [(one.valuation_day, one.version, one.corrects.version) for one in again] == [(NEXT, 3, 2), (LAST, 3, 2)]
    proposal = propose(again, wrong)
    building.sign(proposal, wrong[1], THEN)
    assert correction.carry_out(proposal=proposal, now=THEN.replace(hour=12))
    assert all(check.clean for check in prove.prove())


def test_the_site_itself_may_do_all_of_it(wrong, as_site):
    proposal = propose(correct.revalue(day=DAY, now=THEN), wrong)
    building.sign(proposal, wrong[1], THEN)
    assert carry_out(proposal)


def refused(what, code: str) -> None:
    with pytest.raises((value.Refused, correction.Refused)) as refusal:
        what()
    assert refusal.value.code == code


def test_what_comes_out_the_same_is_no_correction(wrong):
    income(12_00)
    refused(lambda: correct.revalue(day=DAY, now=THEN), "unchanged")
    assert Nav.objects.count() == 3


def test_a_day_that_is_not_published_is_not_corrected(wrong):
    refused(lambda: correct.revalue(day=date(2026, 3, 30), now=THEN), "not_published")
    refused(lambda: correct.revalue(day=date(2026, 4, 7), now=THEN), "not_published")


def test_it_needs_a_reason(drafts, wrong):
    refused(lambda: correction.propose(drafts=drafts, officer=wrong[0], now=THEN, reason=" "), "reason_needed")


def test_figures_that_have_moved_since_block_it(drafts, wrong):
    income(1)
    assert {one.code for one in correct.findings(drafts=drafts)} == {"figures_changed"}
    refused(lambda: propose(drafts, wrong), "figures_changed")


def test_an_older_attempt_is_not_proposed(drafts, wrong):
    correct.revalue(day=DAY, now=THEN.replace(hour=11))
    refused(lambda: propose(drafts, wrong), "newer_version")


def test_a_day_that_was_published_meanwhile_overtakes_it(approved, wrong):
    day = date(2026, 4, 7)
    building.rate(day, 160)
    later = calendars.books_close(day)
    building.publish(strike.value(day=day, now=later), wrong, now=later)
    refused(lambda: carry_out(approved), "overtaken")
    approved.refresh_from_db()
    assert approved.state == approval.Proposal.State.OPEN


def test_a_nav_that_was_valued_on_the_wrong_one_is_overtaken(approved, wrong):
    day = date(2026, 4, 7)
    building.rate(day, 160)
    later = calendars.books_close(day)
    waiting = strike.propose(nav=strike.value(day=day, now=later), officer=wrong[0], now=later, reason="agreed")
    building.sign(waiting, wrong[1], later)
    carry_out(approved)
    refused(lambda: strike.publish(proposal=waiting, now=later), "overtaken")
    with pytest.raises(DatabaseError, match="corrected since"):
        in_sql(waiting, Nav.objects.get(valuation_day=day))
    drop_trigger("fund_nav", "figures_stand")
    in_sql(waiting, Nav.objects.get(valuation_day=day))  # negative control: without the trigger it would fork
    assert [check.name for check in prove.prove() if not check.clean] == ["published NAVs are one chain"]


def in_sql(proposal, nav) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE fund_nav SET state = 'published', proposal_id = %s, published_at = %s WHERE id = %s",
            [proposal.pk, calendars.books_close(nav.valuation_day), nav.pk],
        )


def test_the_database_refuses_a_correction_that_was_not_signed(drafts, wrong):
    """One key; then both, but for another correction's figures."""
    proposal = propose(drafts, wrong)
    with pytest.raises(DatabaseError, match="officer of each nation"):
        in_sql(proposal, drafts[0])
    building.sign(proposal, wrong[1], THEN)
    other = correct.revalue(day=DAY, now=THEN.replace(hour=11))
    with pytest.raises(DatabaseError, match="officer of each nation"):
        in_sql(proposal, other[0])
    in_sql(proposal, drafts[0])


def test_the_database_refuses_a_second_first_version_and_a_doubled_correction(approved, drafts, wrong):
    carry_out(approved)
    again = correct.revalue(day=DAY, now=THEN.replace(hour=11)) if income(1) is None else []
    with pytest.raises(DatabaseError, match="only a published NAV of the same day"), transaction.atomic():
        Nav.objects.create(
            valuation_day=NEXT, version=9, usd_jpy=1, gross=1, debt=0, accruals=0, net=1, snapshot="", valued_at=THEN,
            corrects=drafts[0],
        )  # fmt: skip
    proposal = propose(again, wrong)
    building.sign(proposal, wrong[1], THEN)
    carry_out(proposal)
    assert Nav.objects.filter(corrects=drafts[0], state="published").count() == 1


def test_stale_tolerance_and_imbalance_hold_for_corrections_too(drafts, monkeypatch):
    finding = checks.Finding("trial_balance", True, "The ledger does not balance.")
    monkeypatch.setattr(checks, "trial_balance", lambda: iter([finding]))
    assert correct.findings(drafts=drafts)[0].code == "trial_balance"


@pytest.mark.django_db(transaction=True)
def test_two_officers_at_once_correct_once(approved):
    results: list[object] = []
    gate = threading.Barrier(4)

    def run() -> None:
        gate.wait()
        try:
            results.append(carry_out(approved))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result is not None for result in results) == 1
    assert Nav.objects.filter(state="published").count() == 6
    assert Note.objects.filter(topic="nav.corrected").count() == 1
