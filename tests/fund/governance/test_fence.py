"""The fence: closed on every copy by itself, opened by both nations for this very database, closed by one hand."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from fund.governance import approval, fence
from fund.governance.audit import Act
from fund.governance.fence import Fenced, FenceEntry, NotFenced
from fund.governance.officers import Officer
from fund.governance.outbox import leave
from fund.money import Currency
from fund.payments import payout_files
from fund.payments.payout_models import Format, PayoutRun
from tests.fund.governance.conftest import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def restore() -> str:
    """From now on, and until the test ends, the database answers as a copy of itself would."""
    another = fence.generation() + "1"
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION fund_generation() RETURNS text LANGUAGE sql AS %s", [f"SELECT '{another}'"]
        )
    return another


def released(american: Officer, japanese: Officer) -> approval.Proposal:
    """A proposal with both keys."""
    proposal = fence.propose_release(officer=american, now=NOW, reason="Compared with both banks.")
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=NOW)
    return proposal


def test_a_new_database_is_open_and_a_copy_of_it_is_not():
    assert fence.is_open()
    restore()
    assert not fence.is_open() and fence.state().why == FenceEntry.Why.RESTORED
    with pytest.raises(Fenced):
        fence.insist()


def test_no_bank_file_leaves_a_copy(american):
    run = PayoutRun(pk=1, currency=Currency.JPY.value)
    restore()
    with pytest.raises(Fenced):
        payout_files.export(run=run, format=Format.ZENGIN, writers={}, actor="x", now=NOW)


def test_both_nations_release_it_once(american, japanese, as_site):
    restore_as_owner()
    proposal = fence.propose_release(officer=american, now=NOW, reason="Compared with both banks.")
    assert not fence.carry_out_signed(now=NOW), "one key is not enough"
    with pytest.raises(approval.Refused, match="each nation"):
        fence.carry_out(proposal=proposal, now=NOW)
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=NOW)
    assert fence.carry_out_signed(now=LATER) and fence.is_open()
    assert fence.carry_out(proposal=proposal, now=LATER) is None, "the note of the second key comes later"
    assert list(Act.objects.filter(verb__startswith="fence.").values_list("verb", flat=True).order_by("id")) == [
        "fence.closed",
        "fence.released",
    ]


def restore_as_owner() -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        restore()
        cursor.execute("SET ROLE kakehashi_app")


def test_keys_turned_for_one_copy_open_no_other(american, japanese):
    restore()
    proposal = released(american, japanese)
    restore()  # again, from a backup that holds the signed proposal
    assert not fence.carry_out_signed(now=LATER)
    with pytest.raises(DatabaseError, match="each nation|another database"), transaction.atomic():
        fence.carry_out(proposal=proposal, now=LATER)
    assert not fence.is_open()


def test_keys_turned_before_it_was_closed_anew_do_not_open_it(american, japanese):
    fence.close(why=FenceEntry.Why.BY_HAND, now=NOW, officer=american, reason="A file looks wrong.")
    proposal = released(american, japanese)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fund_fenceentry (act, why, generation, at, reason)"
            " VALUES ('closed', 'by_hand', fund_generation(), now(), 'and another one')"
        )
    assert not fence.carry_out_signed(now=LATER)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        fence.carry_out(proposal=proposal, now=LATER)


def test_one_hand_closes_it_and_what_is_open_is_not_released(american):
    with pytest.raises(NotFenced):
        fence.propose_release(officer=american, now=NOW, reason="x")
    first = fence.close(why=FenceEntry.Why.BY_HAND, now=NOW, officer=american, reason="A file looks wrong.")
    assert fence.close(why=FenceEntry.Why.WENT_BACK, now=LATER) == first
    assert not fence.is_open() and fence.state().why == FenceEntry.Why.BY_HAND


@pytest.mark.parametrize("act", ["opened", "released"])
def test_the_database_lets_nobody_open_a_copy_past_the_keys(act, as_site):
    leave(topic="thing.happened", subject="1", now=NOW)
    restore_as_owner()
    with pytest.raises(DatabaseError, match="both nations|each nation"), transaction.atomic():
        FenceEntry.objects.create(act=act, generation=fence.generation(), at=NOW)
    with pytest.raises(DatabaseError, match="permission denied|append-only"), transaction.atomic():
        FenceEntry.objects.update(generation=fence.generation())


def test_without_the_trigger_one_row_would_open_it():
    """Negative control."""
    leave(topic="thing.happened", subject="1", now=NOW)
    restore()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    FenceEntry.objects.create(act="opened", generation=fence.generation(), at=NOW)
    assert fence.is_open()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
