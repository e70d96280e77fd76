"""Redemptions at a price that was corrected: who was paid too little gets the rest, nobody pays anything back (D43)."""

import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund import calendars
from fund.dealing import prove as dealing
from fund.governance import approval, outbox
from fund.governance.approval import Proposal
from fund.governance.outbox import Note
from fund.ledger import balances, post
from fund.ledger import prove as ledger
from fund.ledger.models import Event, Transfer
from fund.ledger.post import Line
from fund.nav import correct
from fund.redemption import compensation, correction, prove, share, window
from fund.redemption.compensation import RedemptionCompensation
from fund.redemption.models import RedemptionLine, RedemptionWindow
from fund.refusal import Refusal
from fund.register import capital
from tests.fund import building
from tests.fund.redemption.conftest import AFTER, CLOSES, DEALING, Fund, ask

pytestmark = pytest.mark.django_db
THEN = datetime(2026, 4, 24, 9, tzinfo=UTC)
ASKED = [30_000, 20_000, 10_000]  # of citizens with ¥1,000,000 each, for whom one unit is one yen


@dataclass
class Case:
    fund: Fund
    window: RedemptionWindow
    holders: list[int]

    def propose(self, now: datetime = THEN) -> Proposal:
        drafts = correct.revalue(day=DEALING, now=now)
        proposal = correction.propose(drafts=drafts, officer=self.fund.keys[0], now=now, reason="It never came")
        return self.fund.signed(proposal, now)

    def corrected(self, now: datetime = THEN) -> None:
        proposal = self.propose(now)
        assert correction.carry_out(proposal=proposal, now=now)
        assert correction.carry_out(proposal=proposal, now=now) is None

    @property
    def paid(self) -> list[int]:
        return [balances.balance("refunds:JPY", holder_id=holder) for holder in self.holders]


def income(dollars: int) -> None:
    """Booked on the dealing day. On $130,000 of net assets, of which the class has ¥3,000,000."""
    debit, credit = f"bank:{building.USD}", "income:USD"
    line = Line(debit, credit, dollars * 100) if dollars > 0 else Line(credit, debit, -dollars * 100)
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=[line], effective_at=calendars.books_open(DEALING))


@pytest.fixture
def settled(fund):
    """Three requests that were settled at a price which was off by so many dollars of the net assets."""

    def make(dollars: int) -> Case:
        one = fund.opened()
        holders = [fund.citizen(1_000_000) for _ in ASKED]
        for holder, units in zip(holders, ASKED, strict=True):
            ask(holder, units)
        if dollars:
            income(dollars)
        fund.settled(one)
        if dollars:
            income(-dollars)
        return Case(fund, one, holders)

    return make


def compensate(most: int = 2) -> list[int]:
    return list(iter(lambda: compensation.compensate_next(now=THEN, most=most), 0))


def clean() -> bool:
    checks = [*prove.prove(), *dealing.prove(), *ledger.prove(), *capital.prove()]
    return [check for check in checks if not check.clean] == []


def wants(units: int, price: int = 10_000) -> int:
    """What the right price brings at 1 percent of charge, every unit being younger than a year."""
    gross = units * price // 10_000
    return gross - units * price // 1_000_000


RIGHT = [wants(units) for units in ASKED]


def test_who_was_paid_too_little_gets_the_rest_out_of_the_class(settled):
    one = settled(-1_300)  # 1 percent: 9,900 instead of 10,000 for 10,000 units
    assert one.paid == [wants(units, 9_900) for units in ASKED]
    before, had = balances.balance("capital:JP"), one.paid
    one.corrected()
    row = RedemptionCompensation.objects.get()
    owed = [right - had for right, had in zip(RIGHT, had, strict=True)]
    assert (row.lines, row.owed, row.over, str(row.error_percent)) == (3, sum(owed), 0, "-1.0000")
    assert compensate() == [2, 1, 1] and one.paid == RIGHT and clean()
    assert before - balances.balance("capital:JP") == sum(owed)
    posted = dict(Transfer.objects.filter(event=Event.CORRECTION).values_list("holder_id", "amount"))
    assert posted == dict(zip(one.holders, owed, strict=True)) and owed[0] == 297
    row.refresh_from_db()
    assert row.finished_at == THEN and compensate() == []
    assert Note.objects.get(topic="redemption.compensated").payload == {"compensation": row.pk}
    ranges = [note.payload for note in Note.objects.filter(topic="redemptions.made_good").order_by("id")]
    assert [(told["first_holder"], told["last_holder"]) for told in ranges] == [
        (1, one.holders[1]), (one.holders[1] + 1, one.holders[2])
    ]  # fmt: skip


def test_who_was_paid_too_much_keeps_it_and_the_co_owners_make_it_good(settled):
    one = settled(1_300)
    had = one.paid
    over = sum(had) - sum(RIGHT)
    one.corrected()
    row = RedemptionCompensation.objects.get()
    assert over > 0 and (row.owed, row.over) == (0, over)
    before = balances.balance("capital:JP"), balances.balance("capital:SOV")
    compensate()
    assert one.paid == had and clean()
    assert balances.balance("capital:JP") - before[0] == over
    assert before[1] - balances.balance("capital:SOV") == over  # a cent is a yen at 100


@pytest.mark.parametrize(("dollars", "listed"), [(-650, 0), (-664, 1), (650, 0), (664, 1)])
def test_only_above_half_a_percent(settled, dollars, listed):
    settled(dollars)
    drafts = correct.revalue(day=DEALING, now=THEN)
    assert len(correction.preview(drafts=drafts, now=THEN).redemptions) == listed


def test_what_is_owed_is_listed_before_anybody_signs_and_nothing_else_is_posted(settled):
    one = settled(-1_300)
    drafts = correct.revalue(day=DEALING, now=THEN)
    (due,) = correction.preview(drafts=drafts, now=THEN).redemptions
    found = compensation.affected(due=due)
    assert [holder for holder, _ in found] == one.holders
    assert (found[0][1].had.amount, found[0][1].entitled.amount, found[0][1].units) == (29_403, 29_700, 30_000)
    assert compensation.affected(due=due, after=one.holders[0], limit=1) == found[1:2]
    proposal = one.propose()
    (told,) = proposal.facts["redemptions"]
    assert told == due.facts and told["owed"] == "594" and told["window"] == one.window.code
    values = {"nav": correct.proposed(proposal=proposal)[0], "window": one.window, "proposal": proposal,
              "price_before": 1, "price_after": 1, "error_percent": 1, "lines": 1, "owed": 999, "over": 0}  # fmt: skip
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        RedemptionCompensation.objects.create(**values)


def test_it_waits_while_a_window_is_being_settled(settled):
    settled(-1_300)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_redemptionwindow SET state = 'decided'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    drafts = correct.revalue(day=DEALING, now=THEN)
    with pytest.raises(Refusal, check=lambda refusal: refusal.code == "being_settled"):
        correction.preview(drafts=drafts, now=THEN)


def test_what_has_changed_since_it_was_signed_is_refused(settled, monkeypatch):
    one = settled(-1_300)
    proposal = one.propose()
    whole = compensation._due
    with monkeypatch.context() as changed:
        changed.setattr(compensation, "_due", lambda *told: whole(*told).__class__(
            **whole(*told).__dict__ | {"lines": 2}))  # fmt: skip
        with pytest.raises(Refusal, check=lambda refusal: refusal.code == "changed"), transaction.atomic():
            correction.carry_out(proposal=proposal, now=THEN)
    assert not RedemptionCompensation.objects.exists() and correction.carry_out(proposal=proposal, now=THEN)


def test_a_window_that_is_not_decided_takes_the_corrected_price(fund):
    one = fund.opened()
    holder = fund.citizen(1_000_000)
    ask(holder, 10_000)
    window.close_due(now=CLOSES)
    income(-1_100)
    fund.value(DEALING)
    wrong = fund.signed(share.propose(window=one, officer=fund.keys[0], now=AFTER), AFTER)
    income(1_100)
    case = Case(fund, one, [holder])
    case.corrected()
    assert not RedemptionCompensation.objects.exists()
    with pytest.raises(Refusal, check=lambda refusal: refusal.code == "book_changed"), transaction.atomic():
        share.carry_out(proposal=wrong, now=THEN)
    approval.withdraw(proposal=wrong, officer=fund.keys[0], now=THEN)
    fund.settled(one, now=THEN)
    assert one.decision.price == 10_000 and case.paid == [wants(10_000)] and clean()


def test_a_second_correction_counts_what_the_first_has_paid(settled):
    one = settled(-1_300)
    one.corrected()
    compensate()
    income(1_300)  # and it is 10,100
    one.corrected(THEN.replace(hour=12))
    compensate()
    assert one.paid == [wants(units, 10_100) for units in ASKED] and clean()


def test_killed_anywhere_it_ends_the_same(settled, monkeypatch):
    one = settled(-1_300)
    one.corrected()

    def killed_after(work):
        def run(*args, **named):
            work(*args, **named)
            raise KeyboardInterrupt

        return run

    for place, name in ((post, "post_set"), (outbox, "leave")):
        whole = getattr(place, name)
        monkeypatch.setattr(place, name, killed_after(whole))
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            compensation.compensate_next(now=THEN, most=2)
        monkeypatch.setattr(place, name, whole)
        assert compensation.compensate_next(now=THEN, most=2)
    compensate()
    assert one.paid == RIGHT and clean() and Note.objects.filter(topic="redemption.compensated").count() == 1


def go_back() -> None:
    """As if the mark of the work were lost."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_redemptioncompensation SET done_to = 0, posted = 0, finished_at = NULL")
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_done_twice_the_ledger_refuses_it(settled):
    one = settled(-1_300)
    one.corrected()
    compensate()
    go_back()
    with pytest.raises(IntegrityError, match="fund_transfer_pkey"), transaction.atomic():
        compensate()
    assert one.paid == RIGHT


def test_without_mark_and_key_it_would_be_paid_twice(settled):
    """Negative control of the two tests above; ``prove`` names the requests."""
    one = settled(-1_300)
    one.corrected()
    compensate()
    go_back()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_transfer DROP CONSTRAINT fund_transfer_pkey")
    compensate()
    assert one.paid[0] == RIGHT[0] + 297
    assert [check.name for check in prove.prove() if not check.clean] == [
        "redemptions at a corrected price were made good"
    ]


def test_what_was_not_made_good_is_found(settled):
    one = settled(-1_300)
    one.corrected()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_redemptioncompensation SET posted = owed, finished_at = now()")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert [check.differences for check in prove.prove() if not check.clean] == [RedemptionLine.objects.count()]


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_make_good_once(settled):
    one = settled(-1_300)
    one.corrected()
    gate = threading.Barrier(2)

    def run() -> None:
        gate.wait()
        try:
            compensate()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    compensate()
    assert one.paid == RIGHT and clean()


def test_the_site_itself_may_do_all_of_it(settled, request):
    one = settled(-1_300)
    request.getfixturevalue("as_site")
    one.corrected()
    assert compensate() == [2, 1, 1] and one.paid == RIGHT
