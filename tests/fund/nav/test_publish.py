"""A NAV is published once, with both nations' keys, and never changes (D4, D43); the database insists on each."""

import threading
from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from fund import calendars
from fund.governance import approval
from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.nav import strike, value
from fund.nav.models import ClassNav, Nav
from fund.portfolio.models import FeeBasis
from fund.portfolio.valuation import Refused as PortfolioRefused
from fund.units import UnitClass
from tests.fund import building
from tests.fund.building import DAY, NOW

PER_HOLDER = ("balance", "card", "leg", "transfer", "settlement")
pytestmark = pytest.mark.django_db


@pytest.fixture
def nav(small_fund):
    return strike.value(day=DAY, now=NOW)


@pytest.fixture
def proposal(nav, small_fund):
    return strike.propose(nav=nav, officer=small_fund[0], now=NOW)


@pytest.fixture
def approved(proposal, small_fund):
    building.sign(proposal, small_fund[1])
    return proposal


def publish(proposal):
    return strike.publish(proposal=proposal, now=NOW)


def test_publishing_tells_everyone_who_needs_it(approved, nav):
    published = publish(approved)
    assert (published.pk, published.state, published.published_at) == (nav.pk, Nav.State.PUBLISHED, NOW)
    assert Note.objects.get(topic="nav.published").payload == {"nav": nav.pk}
    assert Act.objects.filter(verb="publish", subject=f"nav:{DAY} v1").count() == 1
    assert FeeBasis.objects.get().net == nav.net


def test_the_site_itself_may_do_all_of_it(approved, as_site):
    assert publish(approved).state == Nav.State.PUBLISHED


def test_publishing_again_does_nothing(approved):
    publish(approved)
    assert publish(approved) is None
    assert Note.objects.filter(topic="nav.published").count() == 1


def test_one_key_is_not_enough(proposal, nav):
    with pytest.raises(approval.Refused, match="officer of each nation"):
        publish(proposal)
    nav.refresh_from_db()
    assert nav.state == Nav.State.VALUED


PUBLISH = "UPDATE fund_nav SET state = 'published', proposal_id = %s, published_at = now() WHERE id = %s"


def publish_in_sql(proposal, nav) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PUBLISH, [proposal.pk, nav.pk])


def test_the_database_refuses_one_key(proposal, nav):
    with pytest.raises(DatabaseError, match="officer of each nation"):
        publish_in_sql(proposal, nav)


def test_the_database_accepts_both(approved, nav):
    publish_in_sql(approved, nav)
    nav.refresh_from_db()
    assert nav.state == Nav.State.PUBLISHED


def test_the_database_refuses_keys_for_other_figures(approved, nav, small_fund):
    """The keys were turned for version 1; they do not publish version 2, even with equal figures."""
    with pytest.raises(DatabaseError, match="officer of each nation"):
        publish_in_sql(approved, strike.value(day=DAY, now=NOW))


def test_without_the_trigger_one_key_would_do(proposal, nav):
    """Negative control of the tests above."""
    drop_trigger("fund_nav", "two_keys_nav")
    publish_in_sql(proposal, nav)
    nav.refresh_from_db()
    assert nav.state == Nav.State.PUBLISHED


def drop_trigger(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s",
            [table, f"pgtrigger_{name}%"],
        )
        ((trigger,),) = cursor.fetchall()
        cursor.execute(f'DROP TRIGGER "{trigger}" ON {table}')


def check_foreign_keys_now() -> None:
    """Foreign keys are checked at the commit, and a table with checks to come can be neither altered nor truncated."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


REWRITES = [
    "UPDATE fund_nav SET net = net + 1, gross = gross + 1",
    "UPDATE fund_nav SET usd_jpy = 1",
    "UPDATE fund_nav SET state = 'valued', proposal_id = NULL, published_at = NULL",
    "UPDATE fund_nav SET published_at = now()",
    "DELETE FROM fund_nav",
    "TRUNCATE fund_nav CASCADE",
    "UPDATE fund_classnav SET price = 11 WHERE units > 0",
    "DELETE FROM fund_classnav",
    "TRUNCATE fund_classnav",
]


@pytest.mark.parametrize("statement", REWRITES)
def test_a_published_nav_never_changes(approved, statement):
    publish(approved)
    check_foreign_keys_now()
    with (
        pytest.raises(DatabaseError, match="never change|append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement", [one for one in REWRITES if "TRUNCATE" not in one and one != "DELETE FROM fund_nav"]
)
def test_without_the_triggers_it_could(approved, statement):
    """Negative control of the test above."""
    publish(approved)
    with connection.cursor() as cursor:
        for table in ("fund_nav", "fund_classnav"):
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'pgtrigger%%'", [table]
            )
            for (trigger,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{trigger}" ON {table}')
        cursor.execute(statement)
        assert cursor.rowcount >= 1


@pytest.mark.parametrize("statement", ["UPDATE fund_nav SET net = net + 1, gross = gross + 1", "DELETE FROM fund_nav"])
def test_the_figures_of_a_valued_nav_never_change_either(nav, statement):
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_published_nav_gains_no_figures(approved, nav):
    publish(approved)
    with pytest.raises(DatabaseError, match="gains no figures"), transaction.atomic():
        ClassNav.objects.create(
            nav=nav, unit_class=UnitClass.objects.first(), units=0, capital=0, value_base=0, value=0
        )


def test_a_nav_is_not_born_published(approved, nav):
    with pytest.raises(DatabaseError, match="valued before"), transaction.atomic():
        Nav.objects.create(
            valuation_day=DAY, version=9, state=Nav.State.PUBLISHED, usd_jpy=1, gross=1, debt=0, accruals=0, net=1,
            snapshot="", valued_at=NOW, published_at=NOW, proposal=approved,
        )  # fmt: skip


def test_classes_that_do_not_add_up_are_not_published(approved, nav):
    check_foreign_keys_now()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_classnav DISABLE TRIGGER USER")
        cursor.execute("UPDATE fund_classnav SET value_base = value_base - 1 WHERE units > 0")
    with pytest.raises(DatabaseError, match="do not add up"):
        publish_in_sql(approved, nav)


def test_a_published_day_is_not_valued_again(approved):
    publish(approved)
    for day in (DAY, date(2026, 3, 30)):
        with pytest.raises(value.Refused) as refusal:
            strike.value(day=day, now=NOW)
        assert refusal.value.code == "already_published"


def test_a_day_to_come_is_not_valued(small_fund):
    with pytest.raises(PortfolioRefused) as refusal:
        strike.value(day=date(2026, 4, 2), now=NOW)
    assert refusal.value.code == "day_to_come"


def two_approved(keys) -> list[approval.Proposal]:
    """Two days valued side by side and approved by both: they continue the same NAV, so one can be published."""
    both = []
    for day in (DAY, date(2026, 4, 1)):
        nav = strike.value(day=day, now=NOW)
        both.append(strike.propose(nav=nav, officer=keys[0], now=NOW, reason="agreed"))
        building.sign(both[-1], keys[1])
    return both


def test_a_nav_that_was_overtaken_is_not_published(small_fund):
    one, other = two_approved(small_fund)
    publish(one)
    with pytest.raises(value.Refused) as refusal:
        publish(other)
    assert refusal.value.code == "overtaken"
    other.refresh_from_db()
    assert other.state == approval.Proposal.State.OPEN


def test_the_database_refuses_a_second_chain(small_fund):
    one, other = two_approved(small_fund)
    publish(one)
    with pytest.raises(IntegrityError, match="nav_chain_does_not_fork"):
        publish_in_sql(other, Nav.objects.get(valuation_day=date(2026, 4, 1)))


def test_without_the_constraint_the_chain_would_fork(small_fund):
    """Negative control of the test above."""
    one, other = two_approved(small_fund)
    publish(one)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX nav_chain_does_not_fork")
    publish_in_sql(other, Nav.objects.get(valuation_day=date(2026, 4, 1)))
    assert Nav.objects.filter(state=Nav.State.PUBLISHED, previous=None).count() == 2


def at_once(proposals) -> list[object]:
    """Publish each proposal in a thread of its own, all let go together; what each returned or raised."""
    results: list[object] = []
    gate = threading.Barrier(len(proposals))

    def run(proposal) -> None:
        gate.wait()
        try:
            results.append(publish(proposal))
        except value.Refused as refused:
            results.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[proposal]) for proposal in proposals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_publishers_publish_one_nav(approved):
    results = at_once([approved] * 4)
    assert sorted(results, key=str)[1:] == [None] * 3
    assert Note.objects.filter(topic="nav.published").count() == FeeBasis.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_navs_at_once_are_one(small_fund):
    results = at_once(two_approved(small_fund))
    assert sum(result == "overtaken" for result in results) == 1
    assert Nav.objects.filter(state=Nav.State.PUBLISHED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_on_the_proposal_both_carry_out(approved, monkeypatch):
    """Negative control of ``test_two_publishers_publish_one_nav``: both go on, and only the chain stops the second."""
    both_have_read = threading.Barrier(2)

    def carry_out_without_lock(*, proposal, now) -> bool:
        still_open = approval.Proposal.objects.get(pk=proposal.pk).state == approval.Proposal.State.OPEN
        both_have_read.wait()
        return still_open

    monkeypatch.setattr(approval, "carry_out", carry_out_without_lock)
    assert "overtaken" in at_once([approved] * 2)


def test_publishing_costs_the_same_for_any_number_of_holders(small_fund):
    """The statements do not grow with the holders, and none of them reads balances or transfers of holders (D44)."""
    counts = []
    for day, holders in ((DAY, 1), (date(2026, 4, 1), 50)):
        for _ in range(holders):
            building.settle(building.citizen("US"), "US", building.dollars(10), 10_000, at=calendars.books_open(day))
        nav = strike.value(day=day, now=NOW)
        proposal = strike.propose(nav=nav, officer=small_fund[0], now=NOW, reason="agreed")
        building.sign(proposal, small_fund[1])
        with CaptureQueriesContext(connection) as queries:
            publish(proposal)
        counts.append(len(queries))
        assert not [one for one in queries if any(f"fund_{table}" in one["sql"] for table in PER_HOLDER)]
    assert counts[0] == counts[1]
