"""Transfers between citizens from reception to the book: eligibility, cap, documents, estates, deletion (D32)."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.utils import timezone

from fund.conveyance import move, prove
from fund.conveyance.models import Estate, Refusing
from fund.distribution.models import Distribution
from fund.governance import config
from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.governance.officers import NotOnDuty, Officer
from fund.governance.outbox import Note
from fund.holders import Holder
from fund.ledger import balances
from fund.ledger import prove as ledger
from fund.money import Currency, Money
from fund.redemption import prove as redemption
from fund.redemption import request as redemptions
from fund.refusal import Refusal
from investors import bank_accounts, payees, plans, recipients, subscribing, transfer_papers, transfers
from investors.deletion import Deletion
from investors.people import Investor
from investors.plan_models import Plan
from investors.transfer_papers import Kind, TransferPaper
from portal import relay, tasks
from portal.notices.send import send
from portal.webhooks.events import KINDS
from tests.fund.redemption import redeeming
from tests.investors.conftest import japanese
from tests.portal.web import giving, stage
from tests.portal.web.giving import Giving, accepted, approved, offered, paper, recipient
from tests.portal.web.stage import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    cache.clear()


def refused(code: str) -> Any:
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


def units(investor: Investor, code: str = "JP") -> int:
    assert investor.holder_id
    return balances.balance(f"units:{code}", holder_id=investor.holder_id)


@pytest.fixture
def everything(db: None) -> Giving:
    return giving.begin()


@pytest.fixture
def to(everything: Giving) -> Investor:
    return everything.to


# ── a gift ──


def test_a_gift_passes_on_when_both_nations_have_approved_it(everything: Giving, to: Investor) -> None:
    before = units(everything.hanako)
    one = accepted(everything.hanako, to, 1_000)
    assert approved(one, everything.keys)
    one.refresh_from_db()
    assert (one.state, units(to), units(everything.hanako)) == ("moved", 1_000, before - 1_000)
    assert one.cost == 1_000, "bought at 1 yen each"
    for note in Note.objects.filter(topic__startswith="transfer.").order_by("id"):
        assert "notify" in relay.TASKS[note.topic] and send(note=note, now=NOW) == 2, "both hear of it"
    told = {message.topic: message.text for message in to.user.inbox.all()}
    assert set(told) == {"transfer.offered", "transfer.accepted", "transfer.moved"}
    assert (
        "If you do not expect a gift, decline it" in told["transfer.offered"] and "1,000 口" in told["transfer.moved"]
    )
    assert "transfer.moved" in KINDS


def test_the_books_prove_with_it(everything: Giving, to: Investor) -> None:
    approved(accepted(everything.hanako, to, 1_000), everything.keys)
    assert [check for check in (*prove.prove(), *ledger.prove(), *redemption.prove()) if not check.clean] == []


def test_a_citizen_of_japan_gives_by_a_signed_deed_alone(everything: Giving, to: Investor) -> None:
    one = offered(everything.hanako, to)
    transfers.accept(investor=to, transfer=one.pk, now=NOW)
    with refused("incomplete"):
        transfers.propose(case=one, officer=everything.keys[0], now=NOW)
    transfers.add_deed(investor=everything.hanako, transfer=one.pk, taken=paper(), now=NOW)
    assert transfers.propose(case=one, officer=everything.keys[0], now=NOW).facts["papers"].keys() == {"deed"}
    with refused("proposed"):
        transfers.add_deed(investor=everything.hanako, transfer=one.pk, taken=paper("red"), now=NOW)


def test_by_the_setting_no_deed_is_needed(everything: Giving, to: Investor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the test above: it is the setting that asks."""
    monkeypatch.setitem(
        config.DECLARED, "transfer.deed_required", replace(config.DECLARED["transfer.deed_required"], default=["US"])
    )
    one = offered(everything.hanako, to)
    transfers.accept(investor=to, transfer=one.pk, now=NOW)
    assert transfers.propose(case=one, officer=everything.keys[0], now=NOW)


def test_documents_that_change_after_the_keys_stop_it(everything: Giving, to: Investor) -> None:
    one = accepted(everything.hanako, to)
    proposal = transfers.propose(case=one, officer=everything.keys[0], now=NOW)
    TransferPaper.objects.filter(subject=one.pk).update(replaced_at=NOW)
    transfer_papers.add(investor=everything.hanako, case=one.pk, kind=Kind.DEED, taken=paper("red"), actor="x", now=NOW)
    stage.signed(proposal, everything.keys[1], NOW)
    with refused("papers_changed"), transaction.atomic():
        transfers.carry_out(proposal=proposal, now=NOW)
    assert units(to) == 0


def test_a_wrong_code_answers_as_that_of_somebody_who_cannot_receive(everything: Giving, to: Investor) -> None:
    code = giving.code(to)
    assert recipients.find(code=f" {code.lower()} ", now=NOW) == to
    said = []
    for spoil in ("ABCDABCDABCD", code):
        if spoil == code:
            Investor.objects.filter(pk=to.pk).update(verified_until=NOW)
        with pytest.raises(recipients.NoSuchRecipient) as wrong:
            recipients.find(code=spoil, now=NOW)
        said.append((str(wrong.value), wrong.value.code, wrong.value.facts))
    assert said[0] == said[1]


def test_a_new_code_takes_the_place_of_the_old(everything: Giving, to: Investor) -> None:
    old, new = giving.code(to), str(recipients.draw(investor=to, now=NOW))
    assert recipients.find(code=new, now=NOW) == to
    with refused("no_such_recipient"):
        recipients.find(code=old, now=NOW)


@pytest.mark.parametrize("why", ["lapsed", "cap", "estate"])
def test_who_may_not_have_the_units_is_asked_when_they_pass_on(everything: Giving, to: Investor, why: str) -> None:
    one = accepted(everything.hanako, to, 1_000)
    proposal = transfers.propose(case=one, officer=everything.keys[0], now=NOW)
    stage.signed(proposal, everything.keys[1], NOW)
    assert to.holder_id
    if why == "lapsed":
        Investor.objects.filter(pk=to.pk).update(verified_until=NOW)
    elif why == "cap":  # $100,000 are some 15 million units at 150 yen
        giving.units_of(to, 15_800_000)
    else:
        Holder.objects.filter(pk=to.holder_id).update(estate_since=NOW)
    transfers.carry_out(proposal=proposal, now=NOW)
    one.refresh_from_db()
    assert one.state == "refused"
    assert one.reason == ("over_the_cap" if why == "cap" else "not_eligible")
    assert redemptions.redeemable(holder_id=one.holder_id, now=NOW)[0].on_request == 0, "the giver has them again"


def test_without_the_question_it_would_pass_on(
    everything: Giving, to: Investor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    one = accepted(everything.hanako, to, 1_000)
    proposal = transfers.propose(case=one, officer=everything.keys[0], now=NOW)
    stage.signed(proposal, everything.keys[1], NOW)
    Investor.objects.filter(pk=to.pk).update(verified_until=NOW)
    monkeypatch.setattr(transfers, "_obstacle", lambda *_: None)
    transfers.carry_out(proposal=proposal, now=NOW)
    assert units(to) == 1_000


def test_who_would_exceed_the_cap_cannot_accept(everything: Giving, to: Investor) -> None:
    assert to.holder_id
    one = offered(everything.hanako, to, 1_000)
    giving.units_of(to, 15_800_000)
    with refused("over_the_cap"), transaction.atomic():
        transfers.accept(investor=to, transfer=one.pk, now=NOW)
    one.refresh_from_db()
    assert one.state == "offered"


def test_what_is_taken_back_is_not_signed_any_more(everything: Giving, to: Investor) -> None:
    for end in (transfers.withdraw, transfers.decline):
        one = accepted(everything.hanako, to)
        proposal = transfers.propose(case=one, officer=everything.keys[0], now=NOW)
        end(investor=everything.hanako if end is transfers.withdraw else to, transfer=one.pk, now=NOW)
        proposal.refresh_from_db()
        assert proposal.state == Proposal.State.WITHDRAWN
        with pytest.raises(Refusal, match="no longer open"):
            stage.signed(proposal, everything.keys[1], NOW)


def test_a_refusal_gives_its_reason_to_both(everything: Giving, to: Investor) -> None:
    one = accepted(everything.hanako, to)
    transfers.refuse(case=one, reason=Refusing.DOUBTS, officer=everything.keys[0], now=NOW)
    assert send(note=Note.objects.get(topic="transfer.refused"), now=NOW) == 2
    assert "There are doubts" in to.user.inbox.get().text


def test_only_an_officer_on_duty_decides(everything: Giving, to: Investor) -> None:
    one, officer = accepted(everything.hanako, to), everything.keys[0]
    Officer.objects.filter(pk=officer.pk).update(duties=["payments"])
    officer.refresh_from_db()
    for act in (
        lambda: transfers.propose(case=one, officer=officer, now=NOW),
        lambda: transfers.refuse(case=one, reason=Refusing.DOUBTS, officer=officer, now=NOW),
        lambda: transfers.look(case=one, officer=officer, now=NOW),
        lambda: transfers.open_estate(investor=everything.hanako, officer=officer, now=NOW),
    ):
        with pytest.raises(NotOnDuty):
            act()


def test_nobody_decides_on_a_transfer_of_his_own(everything: Giving, to: Investor) -> None:
    one = accepted(everything.hanako, to)
    first, second = everything.keys
    Officer.objects.filter(pk=first.pk).update(user=to.user_id)
    first.refresh_from_db()
    with refused("own_transfer"):
        transfers.propose(case=one, officer=first, now=NOW)
    proposal = transfers.propose(case=one, officer=second, now=NOW)
    stage.signed(proposal, first, NOW)
    with refused("own_transfer"), transaction.atomic():
        transfers.carry_out(proposal=proposal, now=NOW)
    assert units(to) == 0


def test_a_giver_is_not_told_that_the_recipient_has_died(everything: Giving, to: Investor) -> None:
    one = accepted(everything.hanako, to)
    transfers.open_estate(investor=to, officer=everything.keys[0], now=NOW)
    one.refresh_from_db()
    assert (one.state, one.reason) == ("refused", "not_eligible")


# ── waiting for a distribution ──


def test_what_has_to_wait_passes_on_by_the_clock(
    everything: Giving, to: Investor, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = accepted(everything.hanako, to, 1_000)
    with monkeypatch.context() as waiting:
        waiting.setattr(move, "waits_for", lambda **_: Distribution())
        approved(one, everything.keys)
        one.refresh_from_db()
        assert one.state == "approved" and units(to) == 0 and transfers.pass_on_due(now=NOW) == 0
    tasks.pass_on_units()
    one.refresh_from_db()
    assert one.state == "moved" and units(to) == 1_000 and transfers.pass_on_due(now=NOW) == 0


# ── an estate ──


def estate_of(everything: Giving) -> Estate:
    return transfers.open_estate(investor=everything.hanako, officer=everything.keys[0], now=NOW)


def with_papers(everything: Giving, estate: Estate) -> Estate:
    for kind, colour in ((Kind.DEATH, "black"), (Kind.FAMILY, "white")):
        transfers.add_paper(case=estate, kind=kind, taken=paper(colour), officer=everything.keys[0], now=NOW)
    return estate


def test_an_open_estate_closes_the_account(everything: Giving, to: Investor) -> None:
    hanako, now = everything.hanako, NOW
    assert hanako.holder_id
    amount = Money(100_000, Currency.JPY)
    plan = plans.begin(investor=hanako, class_code="JP", amount=amount, day=25, key="one", now=now)
    redeeming.opened(now=NOW)
    asked = redemptions.place(class_code="JP", holder_id=hanako.holder_id, units=10, key="k", now=now)
    gift = accepted(hanako, to)
    proposal = transfers.propose(case=gift, officer=everything.keys[0], now=NOW)
    bank_accounts.change(investor=hanako, answers=japanese()["bank_account"], now=NOW)
    assert payees.of([hanako.holder_id], actor="x", now=NOW)
    estate = estate_of(everything)
    for row in (asked, gift, proposal, plan):
        row.refresh_from_db()
    assert (asked.status, gift.state, gift.reason, proposal.state) == ("withdrawn", "refused", "estate", "withdrawn")
    assert plan.state == Plan.State.ENDED
    assert payees.of([hanako.holder_id], actor="x", now=NOW) == {}, "nothing is paid out"
    with refused("not_eligible"), transaction.atomic():
        subscribing.subscribe(investor=hanako, offering_code="JP-1", amount=amount, accepts=[], key="dead", now=now)
    with refused("not_eligible"), transaction.atomic():
        plans.begin(investor=hanako, class_code="JP", amount=amount, day=25, key="two", now=now)
    with refused("in_estate"), transaction.atomic():
        redemptions.place(class_code="JP", holder_id=hanako.holder_id, units=10, key="l", now=now)
    with refused("not_eligible"), transaction.atomic():
        offered(Investor.objects.get(pk=hanako.pk), to)
    assert send(note=Note.objects.get(topic="estate.opened"), now=NOW) == 1
    assert "write to us at once" in hanako.user.inbox.get(topic="estate.opened").text
    transfers.refuse(case=estate, reason=Refusing.MISTAKEN, officer=everything.keys[0], now=NOW)
    assert payees.of([hanako.holder_id], actor="x", now=NOW), "negative control: it was the estate"
    assert offered(Investor.objects.get(pk=hanako.pk), to)
    assert send(note=Note.objects.get(topic="estate.refused"), now=NOW) == 1


def test_the_heirs_receive_all_units_when_both_nations_have_approved(everything: Giving, to: Investor) -> None:
    hanako, other = everything.hanako, recipient()
    estate, before = estate_of(everything), units(everything.hanako)
    with refused("incomplete"):
        transfers.propose(case=estate, officer=everything.keys[0], now=NOW)
    with_papers(everything, estate)
    heirs = [(giving.code(to), Fraction(2, 3)), (str(other.pk), Fraction(1, 3))]
    transfers.name_heirs(estate=estate, heirs=heirs, officer=everything.keys[0], now=NOW)
    assert len(approved(estate, everything.keys)) == 2
    estate.refresh_from_db()
    assert estate.state == "settled" and units(hanako) == 0
    assert (units(to), units(other)) == (66_667, 33_333), before
    for note in Note.objects.filter(topic="transfer.moved"):
        assert send(note=note, now=NOW) == 1, "the heir alone"
    assert to.user.inbox.get(topic="transfer.moved").title == "You have inherited units"
    gone = Holder.objects.get(pk=hanako.holder_id)
    assert gone.estate_settled_at, "what is left is paid out again"
    with refused("not_eligible"), transaction.atomic():
        offered(Investor.objects.get(pk=hanako.pk), to)


def test_heirs_are_asked_for_as_any_recipient(everything: Giving, to: Investor) -> None:
    estate, officer = estate_of(everything), everything.keys[0]
    for heirs, code in (
        ([("999999", Fraction(1))], "no_such_recipient"),
        ([("ABCDABCDABCD", Fraction(1))], "no_such_recipient"),
        ([(str(to.pk), Fraction(1, 2)), (giving.code(to), Fraction(1, 2))], "named_twice"),
        ([(str(to.pk), Fraction(1, 2))], "shares_unsound"),
        ([(str(to.pk), Fraction(1))] * 51, "too_many_heirs"),
    ):
        with refused(code), transaction.atomic():
            transfers.name_heirs(estate=estate, heirs=heirs, officer=officer, now=NOW)


def test_an_heir_over_the_cap_needs_the_setting(
    everything: Giving, to: Investor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert to.holder_id
    estate, officer = with_papers(everything, estate_of(everything)), everything.keys[0]
    transfers.name_heirs(estate=estate, heirs=[(str(to.pk), Fraction(1))], officer=officer, now=NOW)
    giving.units_of(to, 15_800_000)
    with refused("cannot_receive"):
        transfers.propose(case=estate, officer=officer, now=NOW)
    key = "transfer.heirs_over_the_cap"
    monkeypatch.setitem(config.DECLARED, key, replace(config.DECLARED[key], default=True))
    assert transfers.propose(case=estate, officer=officer, now=NOW)


def test_an_heir_who_may_not_have_them_leaves_the_estate_open(everything: Giving, to: Investor) -> None:
    estate = with_papers(everything, estate_of(everything))
    transfers.name_heirs(estate=estate, heirs=[(str(to.pk), Fraction(1))], officer=everything.keys[0], now=NOW)
    proposal = transfers.propose(case=estate, officer=everything.keys[0], now=NOW)
    stage.signed(proposal, everything.keys[1], NOW)
    Investor.objects.filter(pk=to.pk).update(verified_until=NOW)
    transfers.carry_out(proposal=proposal, now=NOW)
    estate.refresh_from_db()
    assert estate.state == "open" and units(to) == 0 and transfers.lines_of(estate) == []
    other = recipient()
    transfers.name_heirs(estate=estate, heirs=[(str(other.pk), Fraction(1))], officer=everything.keys[0], now=NOW)
    assert approved(estate, everything.keys) and units(other) > 0


# ── documents ──


def test_names_and_documents_are_opened_for_deciding_and_it_is_recorded(everything: Giving, to: Investor) -> None:
    one = accepted(everything.hanako, to)
    people, papers = transfers.look(case=one, officer=everything.keys[0], now=NOW)
    assert [person.investor.pk for person in people] == [everything.hanako.pk, to.pk]
    assert people[0].name["family_latin"] == "TAKASAKI" and people[0].born
    ((row, pages),) = papers
    assert row.kind == "deed" and pages[0].startswith(b"\xff\xd8")
    acts = list(Act.objects.filter(subject=f"transfer:{one.pk}").values_list("verb", flat=True))
    assert {"document.add", "look", "document.inspect"} <= set(acts)
    assert Act.objects.filter(verb="open", subject__startswith="investors_transferpaperpage").exists()
    assert b"\xff\xd8" not in bytes(row.sheets.get().picture), "sealed"


def test_documents_are_kept_while_the_case_stands_and_deleted_by_schedule(everything: Giving, to: Investor) -> None:
    kept, gone = accepted(everything.hanako, to), accepted(everything.hanako, to)
    with pytest.raises(DatabaseError, match="when their transfer is over"), transaction.atomic():
        TransferPaper.objects.filter(subject=kept.pk).delete()
    approved(kept, everything.keys)
    transfers.withdraw(investor=everything.hanako, transfer=gone.pk, now=NOW)
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        TransferPaper.objects.filter(subject=kept.pk).update(replaced_at=NOW)
    assert transfer_papers.delete_due(now=NOW + timedelta(days=179)) == 0
    assert transfer_papers.delete_due(now=NOW + timedelta(days=181)) == 1
    assert not TransferPaper.objects.filter(subject=gone.pk).exists()
    assert transfer_papers.delete_due(now=years(9)) == 0 and transfer_papers.delete_due(now=years(10)) == 1
    assert not TransferPaper.objects.exists()
    assert list(Deletion.objects.values_list("why", "investor")) == [("transfer_over", everything.hanako.pk)] * 2


def years(number: int) -> datetime:
    return NOW.replace(year=NOW.year + number) + timedelta(days=1)


def test_the_same_file_again_changes_nothing_another_takes_its_place(everything: Giving, to: Investor) -> None:
    one = offered(everything.hanako, to)
    first = transfers.add_deed(investor=everything.hanako, transfer=one.pk, taken=paper(), now=NOW)
    again = transfers.add_deed(investor=everything.hanako, transfer=one.pk, taken=paper(), now=NOW)
    other = transfers.add_deed(investor=everything.hanako, transfer=one.pk, taken=paper("red"), now=NOW)
    assert first == again != other and transfer_papers.current(one.pk) == {"deed": other}
    with refused("unknown_transfer"):
        transfers.add_deed(investor=to, transfer=one.pk, taken=paper(), now=NOW)


def test_the_sites_own_role_may_do_all_of_it(everything: Giving, to: Investor, as_site: None) -> None:
    other = recipient()
    assert approved(accepted(everything.hanako, to, 1_000), everything.keys)
    estate = with_papers(everything, estate_of(everything))
    transfers.name_heirs(estate=estate, heirs=[(giving.code(other), Fraction(1))], officer=everything.keys[0], now=NOW)
    assert approved(estate, everything.keys) and units(other) == 99_000
    assert transfer_papers.delete_due(now=years(10)) == 3


def test_a_fault_in_one_case_stops_no_other(everything: Giving, to: Investor, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [accepted(everything.hanako, to, 10) for _ in range(2)]
    with monkeypatch.context() as waiting:
        waiting.setattr(move, "waits_for", lambda **_: Distribution())
        for one in cases:
            approved(one, everything.keys)
    real = transfers._pass_on_one

    def faulty(subject: str, now: datetime) -> bool:
        if subject == str(min(cases, key=lambda one: one.pk).pk):
            raise RuntimeError("no rate")
        return real(subject, now)

    monkeypatch.setattr(transfers, "_pass_on_one", faulty)
    with pytest.raises(ExceptionGroup, match="1 transfers"):
        transfers.pass_on_due(now=NOW)
    assert units(to) == 10
