"""A gift from the offer to the units, with what goes with them, and what the database refuses (D32)."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from fund import calendars, holders
from fund.conveyance import give, move, prove
from fund.conveyance.models import Conveyance, ConveyedLot, Refusing
from fund.distribution import average_cost
from fund.governance.outbox import Note
from fund.ledger import balances, post
from fund.ledger.models import Event, Transfer
from fund.ledger.post import Line
from fund.redemption import ages, request
from fund.redemption.models import RedemptionLine
from fund.refusal import Refusal
from fund.units import UnitClass
from tests.fund import building
from tests.fund.conveyance.conftest import DURING, OLD, YOUNG, accepted, clean, given, offered, signed
from tests.fund.redemption.conftest import ask

pytestmark = pytest.mark.django_db


def units(holder: int) -> int:
    return balances.balance("units:JP", holder_id=holder)


def cost(holder: int) -> int:
    money, _snapshot = average_cost.of_holder(holder_id=holder, unit_class=UnitClass.objects.get(pk="JP"))
    return money.amount


def refused(code: str):
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


def by_day(holder: int) -> dict:
    return {lot.bought_at.date(): lot.units for lot in ages.lots(holder_id=holder, class_code="JP")}


def test_units_pass_on_with_their_cost_and_the_days_on_which_they_were_bought(fund, recipient):
    giver = fund.citizen(1_000, 900, day=OLD)
    fund.buy(giver, 500, 700, day=YOUNG)
    one = given(fund, giver, recipient, 1_200)
    assert (units(giver), units(recipient)) == (300, 1_200)
    assert (one.state, one.cost, one.worth) == ("moved", 1_600 * 1_200 // 1_500, 1_200)
    assert (cost(giver), cost(recipient)) == (320, 1_280)
    assert by_day(recipient) == {OLD: 1_000, YOUNG: 200} and by_day(giver) == {YOUNG: 300}
    assert [(leg.line, leg.holder_id) for leg in Transfer.objects.filter(event_id=one.pk).order_by("line")] == [
        (0, giver), (1, recipient)
    ]  # fmt: skip
    assert clean() and prove.costs().rows == 1


def test_what_was_received_is_given_on_with_the_same_days(fund, recipient):
    third = building.citizen(building.Nation.JP).pk
    given(fund, fund.citizen(1_000, 1_234, day=OLD), recipient, 1_000)
    fund.buy(recipient, 500, 600, day=YOUNG)
    one = given(fund, recipient, third, 1_100, now=DURING + timedelta(hours=1))
    assert by_day(third) == {OLD: 1_000, YOUNG: 100} and one.cost == 1_834 * 1_100 // 1_500
    assert cost(recipient) + cost(third) == 1_834 and clean()


def test_the_early_exit_charge_counts_from_the_day_of_the_first_purchase(fund, recipient):
    """And of units that were given the oldest are gone; without the lots the recipient would be charged for all."""
    fund.citizen(1_000_000)
    giver = fund.citizen(1_000, day=OLD)
    fund.buy(giver, 1_000, day=YOUNG)
    given(fund, giver, recipient, 1_000)
    one = fund.opened()
    ask(recipient, 1_000)
    ask(giver, 1_000)
    fund.settled(one)
    charged = dict(RedemptionLine.objects.values_list("holder_id", "charged_units"))
    assert charged == {recipient: 0, giver: 1_000} and clean()


def test_units_that_come_old_after_young_ones_were_redeemed_are_not_charged_for(fund, recipient):
    """What was redeemed before they came took none of them."""
    fund.citizen(1_000_000)
    giver = fund.citizen(500, day=OLD)
    fund.buy(recipient, 500, day=YOUNG)
    one = fund.opened()
    ask(recipient, 500)
    fund.settled(one)
    later = one.closes_at + timedelta(days=20)
    given(fund, giver, recipient, 500, now=later)
    assert by_day(recipient) == {OLD: 500}
    assert _old(recipient, on=later) == 500


def _old(holder: int, *, on: datetime) -> int:
    (account,) = building.post.ids("units:JP").values()
    told = {"class": "JP", "units": account, "first": holder, "last": holder, **ages.EVENTS}
    with connection.cursor() as cursor:
        cursor.execute(ages.older(old="year_ago"), {**told, "year_ago": on - timedelta(days=365)})
        return int(cursor.fetchone()[1])


# ── what is on hold ──


def test_units_on_offer_are_neither_given_twice_nor_redeemed(fund, recipient):
    fund.opened()
    giver = fund.citizen(1_000)
    one = offered(giver, recipient, 700)
    (found,) = request.redeemable(holder_id=giver, now=DURING)
    assert (found.on_request, found.free) == (700, 300) and clean()
    with refused("more_than_held"):
        offered(giver, recipient, 301)
    with refused("more_than_held"):
        ask(giver, 301)
    assert offered(giver, recipient, 700, key=one.key).pk == one.pk
    with refused("key_reused"):
        offered(giver, recipient, 600, key=one.key)
    assert Note.objects.filter(topic="transfer.offered").count() == 1 and clean()


@pytest.mark.parametrize("end", ["declined", "withdrawn", "refused"])
def test_what_does_not_pass_on_is_the_givers_again(fund, recipient, end):
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 700)
    for _again in range(2):  # the second time changes nothing
        match end:
            case "declined":
                give.decline(transfer=one.pk, recipient_id=recipient, now=DURING)
            case "withdrawn":
                give.withdraw(transfer=one.pk, holder_id=giver, now=DURING)
            case _:
                lines = move.locked([one.pk])
                if lines[0].standing:
                    give.refuse(lines=lines, reason=Refusing.PAPERS, actor="officer:1", now=DURING)
    one.refresh_from_db()
    assert one.state == end and Note.objects.filter(topic=f"transfer.{end}").count() == 1
    assert offered(giver, recipient, 1_000).units == 1_000 and clean()


def test_who_stands_outside_can_do_nothing_with_it(fund, recipient):
    giver = fund.citizen(1_000)
    one = offered(giver, recipient, 700)
    for outside in (giver, 10**9):
        with refused("unknown_transfer"):
            give.accept(transfer=one.pk, recipient_id=outside, now=DURING)
        with refused("unknown_transfer"):
            give.decline(transfer=one.pk, recipient_id=outside, now=DURING)
    for outside in (recipient, 10**9):
        with refused("unknown_transfer"):
            give.withdraw(transfer=one.pk, holder_id=outside, now=DURING)
    assert list(give.of_holder(holder_id=10**9)) == []


def test_nobody_gives_to_himself_also_not_past_the_verb(fund):
    giver = fund.citizen(1_000)
    with refused("to_oneself"):
        offered(giver, giver, 1)
    with pytest.raises(DatabaseError, match="conveyance_to_another"), transaction.atomic():
        Conveyance.objects.create(
            holder_id=giver, recipient_id=giver, unit_class_id="JP", units=1, key="k", offered_at=DURING
        )


def test_nothing_or_an_unknown_class_is_not_given(fund, recipient):
    giver = fund.citizen(1_000)
    with refused("no_units"):
        offered(giver, recipient, 0)
    with refused("unknown_class"):
        offered(giver, recipient, 1, class_code="SOV")


def test_a_closed_account_gives_nothing_and_redeems_nothing(fund, recipient):
    fund.opened()
    giver = fund.citizen(1_000)
    holders.Holder.objects.filter(pk=giver).update(estate_since=DURING)
    with refused("in_estate"):
        offered(giver, recipient, 1)
    with refused("in_estate"):
        ask(giver, 1)


# ── two keys ──


def test_without_both_keys_nothing_passes_on(fund, recipient):
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 700)
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        Conveyance.objects.filter(pk=one.pk).update(state="approved")
    with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
        Conveyance.objects.filter(pk=one.pk).update(state="moved", cost=0, worth=0, ended_at=DURING)
    with refused("not_approved"):
        move.move(lines=move.locked([one.pk]), now=DURING)
    half = move.propose(lines=[one], papers={}, officer=fund.keys[0], now=DURING)
    with pytest.raises(Refusal, match="officer of each nation"):
        move.approve(proposal=half, now=DURING)
    assert units(recipient) == 0 and clean()


def test_keys_of_another_gift_open_nothing(fund, recipient):
    giver = fund.citizen(1_000)
    one, other = accepted(giver, recipient, 100), accepted(giver, recipient, 200)
    proposal = signed(fund, [one])
    for changed in ({"pk": other.pk}, {"pk": one.pk}):
        row = Conveyance.objects.filter(**changed)
        with pytest.raises(DatabaseError, match="needs an officer"), transaction.atomic():
            row.update(state="approved", proposal_id=proposal.pk if changed["pk"] == other.pk else None)
    with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
        Conveyance.objects.filter(pk=one.pk).update(units=101)


def test_an_entry_without_an_approved_line_is_refused_at_the_commit(fund, recipient):
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 700)
    lines = [Line("units:JP", "issued:JP", 100, giver), Line("issued:JP", "units:JP", 100, recipient)]
    with pytest.raises(DatabaseError, match="not approved by an officer"), transaction.atomic():
        post.post(event=Event.CONVEYANCE, event_id=one.pk, lines=lines, effective_at=DURING)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_without_that_trigger_units_would_pass_on_and_prove_would_find_it(fund, recipient):
    """Negative control of the test above, and of the proof."""
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 100)
    lines = [Line("units:JP", "issued:JP", 100, giver), Line("issued:JP", "units:JP", 100, recipient)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE fund_transfer DISABLE TRIGGER conveyance_is_approved")
    post.post(event=Event.CONVEYANCE, event_id=one.pk, lines=lines, effective_at=DURING)
    assert units(recipient) == 100 and not prove.entries().clean


def test_what_was_taken_back_before_the_second_key_does_not_pass_on(fund, recipient):
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 700)
    proposal = signed(fund, [one])
    give.withdraw(transfer=one.pk, holder_id=giver, now=DURING)
    with refused("lines_changed"), transaction.atomic():
        move.approve(proposal=proposal, now=DURING)
    assert units(recipient) == 0 and clean()


def test_approved_twice_it_passes_on_once(fund, recipient):
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 700)
    proposal = signed(fund, [one])
    lines = move.approve(proposal=proposal, now=DURING)
    move.move(lines=lines, now=DURING)
    assert move.approve(proposal=proposal, now=DURING) == []
    with refused("not_approved"):
        move.move(lines=move.locked([one.pk]), now=DURING)
    with pytest.raises(DatabaseError), transaction.atomic():
        move.move(lines=lines, now=DURING)  # with rows that were read before: the event is the key
    with refused("not_standing"):
        give.withdraw(transfer=one.pk, holder_id=giver, now=DURING)
    assert units(recipient) == 700 and clean()


# ── the proof ──


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (prove.costs, "UPDATE fund_conveyance SET cost = cost + 1"),
        (prove.entries, "UPDATE fund_conveyance SET units = units - 1"),
        (prove.entries, "UPDATE fund_conveyance SET recipient_id = recipient_id + 1000"),
        (prove.entries, "UPDATE fund_conveyance SET proposal_id = NULL"),
        (prove.lots, "UPDATE fund_conveyedlot SET units = units + 1"),
        (prove.lots, "DELETE FROM fund_conveyedlot"),
        (prove.lots, "UPDATE fund_conveyedlot SET bought_at = bought_at + interval '9 years'"),
        (prove.estates, "UPDATE fund_holder SET estate_since = now() WHERE id = (SELECT max(id) FROM fund_holder)"),
    ],
)
def test_a_planted_difference_is_found(fund, recipient, check, planted):
    given(fund, fund.citizen(1_000, 900, day=OLD), recipient, 300)
    assert check().clean and clean()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(planted)
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert not check().clean


def test_a_hold_without_its_line_is_found(fund, recipient):
    giver = fund.citizen(1_000)
    offered(giver, recipient, 300)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM fund_conveyance")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert not clean()


def test_lines_and_lots_are_kept(fund, recipient):
    given(fund, fund.citizen(1_000), recipient, 300)
    for row in (Conveyance.objects.all(), ConveyedLot.objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            row.delete()


def test_a_distribution_between_its_days_is_waited_for(fund, recipient):
    from fund.distribution.models import Distribution  # noqa: PLC0415

    of = UnitClass.objects.get(pk="JP")
    day = DURING.date() - timedelta(days=2)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO fund_distribution (unit_class_id, per_lot, record_day, pay_day, expected, income, state,"
            " proposal_id, declared_at, snapshot)"
            " VALUES ('JP', 100, %s, %s, 1, 1, 'declared', '01a2170e-3015-7600-acc9-a314e1e07957', now(), '')",
            [day, day + timedelta(days=10)],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    one = Distribution.objects.get()
    assert move.waits_for(unit_class=of, now=DURING) == one
    assert move.waits_for(unit_class=of, now=calendars.books_close(day) - timedelta(seconds=1)) is None


def test_half_of_an_act_leaves_nothing(fund, recipient, monkeypatch):
    """A worker that dies between the entry and what stands beside it."""
    giver = fund.citizen(1_000)
    one = accepted(giver, recipient, 700)
    proposal = signed(fund, [one])

    def dies(*_told: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(move, "_beside", dies)
        with pytest.raises(RuntimeError, match="killed"), transaction.atomic():
            move.move(lines=move.approve(proposal=proposal, now=DURING), now=DURING)
    assert units(recipient) == 0 and clean()
    move.move(lines=move.approve(proposal=proposal, now=DURING), now=DURING)
    assert units(recipient) == 700 and clean()


def test_what_both_have_earned_counts_the_worth_on_the_day(fund, recipient):
    """The giver has not lost what was given, and the recipient has not won it."""
    from fund.register import earned, holding  # noqa: PLC0415

    of = UnitClass.objects.get(pk="JP")
    giver = fund.citizen(1_000, 400, day=OLD)
    given(fund, giver, recipient, 1_000)
    own = earned.of_holder(holder_id=recipient, unit_class=of, now=DURING)
    assert own and (own.paid_in.amount, own.received.amount, own.worth.amount) == (1_000, 0, 1_000)
    further = given(fund, recipient, giver, 600, now=DURING + timedelta(hours=1))
    own = earned.of_holder(holder_id=recipient, unit_class=of, now=DURING + timedelta(days=1))
    assert own and (own.paid_in.amount, own.received.amount, own.worth.amount) == (1_000, further.worth, 400)
    assert [(day.units, day.paid) for day in holding.moved(holder_id=recipient, unit_class=of)] == [(400, 1_000)]


def test_the_sites_own_role_may_do_all_of_it_and_no_more(fund, recipient, as_site):
    giver = fund.citizen(1_000, 900, day=OLD)
    one = given(fund, giver, recipient, 400)
    assert units(recipient) == 400 and clean()
    for refused_ in ("DELETE FROM fund_conveyance", "UPDATE fund_conveyedlot SET units = 1", "DELETE FROM fund_estate"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(refused_)
    assert one.cost == 360
