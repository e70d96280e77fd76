"""Commitments, calls and contributions; the two co-owners hold the same (D1, D4)."""

import uuid
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import IntegrityError

from fund.governance import approval
from fund.holders import Holder
from fund.ledger import balances, post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Money
from fund.register import calls, capital
from fund.register.models import Call, Commitment, Contribution
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars, yen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(keys) -> None:
    pass


def standing(holder: Holder, on: date = DAY) -> tuple[int, int, int]:
    (one,) = [row for row in calls.standings(on=on) if row.holder == holder]
    return one.committed.amount // 100, one.called.amount // 100, one.paid.amount // 100


def propose_call(amounts: dict[int, Money], **other) -> approval.Proposal:
    told = {
        "called_on": DAY, "due_on": DAY + timedelta(days=14), "bank_account": USD, "purpose_en": "Works",
        "purpose_ja": "工事", "officer": building.bookkeepers()[0], "now": NOW, "reason": "needed", **other,
    }  # fmt: skip
    return calls.propose_call(amounts=amounts, **told)


def propose_payment(call: Call, amounts: dict[uuid.UUID, Money], day: date = DAY) -> approval.Proposal:
    return calls.propose_contributions(
        call=call, amounts=amounts, day=day, officer=building.bookkeepers()[0], now=NOW, reason="came in"
    )


def carry_out(proposal: approval.Proposal) -> bool:
    return calls.carry_out(proposal=building.approved(proposal), now=NOW)


def the_call(proposal: approval.Proposal) -> Call:
    assert carry_out(proposal)
    return Call.objects.get(pk=proposal.facts["call"])


def test_committed_called_paid_and_the_units_issued_for_it():
    partner = building.partner()
    building.commit({partner.pk: dollars(1_000)})
    call = the_call(propose_call({partner.pk: dollars(600)}))
    ((line, left),) = calls.open_lines(call=call)
    assert (str(call), left, standing(partner)) == ("CALL-0001", 600_00, (1_000, 600, 0))
    carry_out(propose_payment(call, {line.pk: dollars(200)}))
    carry_out(propose_payment(call, {line.pk: dollars(400)}))
    assert (standing(partner), calls.open_lines(call=call)) == ((1_000, 600, 600), [(line, 0)])
    assert balances.balance("units:LP", holder_id=partner.pk) == 600_000
    assert [one.units for one in Contribution.objects.order_by("amount")] == [200_000, 400_000]
    assert all(check.clean for check in capital.prove())


def test_nothing_is_called_or_paid_before_the_second_key_and_then_once():
    partner = building.partner()
    building.commit({partner.pk: dollars(1_000)})
    proposal = propose_call({partner.pk: dollars(600)})
    with pytest.raises(approval.Refused):
        calls.carry_out(proposal=proposal, now=NOW)
    assert carry_out(proposal)
    assert not calls.carry_out(proposal=proposal, now=NOW)
    assert Call.objects.count() == 1


def test_a_call_that_is_late_is_named():
    partner = building.partner()
    building.commit({partner.pk: dollars(1_000)})
    call = the_call(propose_call({partner.pk: dollars(600)}))
    ((line, _left),) = calls.open_lines(call=call)
    assert list(calls.overdue(on=call.due_on)) == []
    assert list(calls.overdue(on=call.due_on + timedelta(days=1))) == [call]
    carry_out(propose_payment(call, {line.pk: dollars(600)}))
    assert list(calls.overdue(on=call.due_on + timedelta(days=1))) == []


def test_what_is_refused_before_it_is_proposed():
    partner, citizen = building.partner(), building.citizen("US")
    building.commit({partner.pk: dollars(1_000)})
    both = building.co_owner("US"), building.co_owner("JP")
    building.commit({one.pk: dollars(1_000) for one in both})
    call = the_call(propose_call({partner.pk: dollars(600)}))
    ((line, _left),) = calls.open_lines(call=call)
    refusals = {
        "over_commitment": lambda: propose_call({partner.pk: dollars(401)}),
        "one_class": lambda: propose_call({partner.pk: dollars(1), both[0].pk: dollars(1)}),
        "wrong_currency": lambda: propose_call({partner.pk: yen(1)}),
        "no_amount": lambda: propose_call({partner.pk: dollars(0)}),
        "citizen": lambda: propose_call({citizen.pk: dollars(1)}),
        "unknown_holder": lambda: propose_call({10**9: dollars(1)}),
        "unknown_bank": lambda: propose_call({partner.pk: dollars(1)}, bank_account="ELSEWHERE"),
        "due_before_called": lambda: propose_call({partner.pk: dollars(1)}, due_on=DAY - timedelta(days=1)),
        "reason_missing": lambda: propose_call({partner.pk: dollars(1)}, reason=" "),
        "co_owners_unequal": lambda: propose_call({both[0].pk: dollars(1)}),
        "over_called": lambda: propose_payment(call, {line.pk: dollars(601)}),
        "unknown_line": lambda: propose_payment(call, {uuid.uuid4(): dollars(1)}),
        "day_to_come": lambda: propose_payment(call, {line.pk: dollars(1)}, NOW.date() + timedelta(days=1)),
        "below_called": lambda: calls.propose_commitments(
            amounts={partner.pk: dollars(599)}, effective_on=DAY, officer=building.bookkeepers()[0], now=NOW, reason="x"
        ),
    }
    for code, attempt in refusals.items():
        with pytest.raises(calls.Refusal) as refusal:
            attempt()
        assert refusal.value.code == code
    assert approval.Proposal.objects.filter(kind="capital", state="open").count() == 0


def test_commitments_hold_from_their_day_on():
    partner = building.partner()
    building.commit({partner.pk: dollars(1_000)})
    building.commit({partner.pk: dollars(500)}, day=DAY + timedelta(days=10))
    assert standing(partner)[0] == 1_000
    assert standing(partner, DAY + timedelta(days=10))[0] == 1_500
    assert Commitment.objects.count() == 2


# ── the co-owners ─────────────────────────────────────────────────────────────────────────────────────────────────────
def commit_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def may_differ() -> None:
    building.agree("co_owners.equal", False, on=NOW)


def issue_to_one() -> None:
    """Units to one co-owner alone, past every verb."""
    lines = [Line("issued:SOV", "units:SOV", 5, building.co_owner_of("US").pk)]
    post.post(event=Event.CORRECTION, event_id=uuid.uuid4(), lines=lines, effective_at=NOW)
    commit_now()


def test_the_co_owners_pay_in_together():
    building.contribute_both(dollars(600))
    commit_now()
    table = capital.table()
    assert table.co_owners == {"US": 600_000, "JP": 600_000} and table.co_owners_equal


def test_one_alone_is_refused_by_the_database():
    building.contribute_both(dollars(600))
    with pytest.raises(IntegrityError, match="co-owners hold the same"), transaction.atomic():
        issue_to_one()


def test_unless_both_nations_have_agreed():
    """Negative control of the test above: the setting under two keys takes the rule away, and so does its trigger."""
    building.contribute_both(dollars(600))
    may_differ()
    issue_to_one()
    building.commit({building.co_owner_of("JP").pk: dollars(100)})
    assert the_call(propose_call({building.co_owner_of("JP").pk: dollars(100)}))
    table = capital.table()
    assert table.co_owners == {"US": 600_005, "JP": 600_000} and not table.co_owners_equal


def test_without_the_trigger_they_would_differ():
    building.contribute_both(dollars(600))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_card DISABLE TRIGGER co_owners_equal")
    issue_to_one()
    assert not capital.table().co_owners_equal


# ── the database refuses ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_contribution_that_was_not_approved_is_refused():
    partner = building.partner()
    building.commit({partner.pk: dollars(1_000)})
    call = the_call(propose_call({partner.pk: dollars(600)}))
    ((line, _left),) = calls.open_lines(call=call)
    proposal = building.approved(propose_payment(call, {line.pk: dollars(200)}))
    (part,) = proposal.facts["parts"]
    row = {"event_id": part["event"], "line": line, "proposal": proposal, "day": DAY, "units": 1}
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        Contribution.objects.create(**row, amount=200_01)
    assert Contribution.objects.create(**row, amount=200_00).pk  # the control: the very part is taken


def test_the_table_of_any_day(keys):
    building.contribute_both(dollars(600), day=date(2026, 3, 1), now=datetime.combine(DAY, NOW.timetz()))
    building.contribute(building.partner(), dollars(300))
    before = capital.table(at=capital.end_of(date(2026, 3, 30)))
    assert [(row.unit_class.pk, row.units) for row in before.rows] == [("SOV", 600_000), ("SOV", 600_000)]
    assert len(capital.table(at=capital.end_of(DAY)).rows) == 3
    assert capital.table(at=capital.end_of(date(2026, 2, 28))).rows == []
