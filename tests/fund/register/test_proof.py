"""What is committed at a NAV is the register and the ledger, comes out the same again, and proves each holder (D50)."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund import calendars
from fund.holders import Nation
from fund.ledger import balances, post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import strike
from fund.nav.models import ClassNav
from fund.register import proof, tree
from fund.register.proof_models import HoldingBlock, HoldingRoot
from tests.fund import building
from tests.fund.building import DAY, NOW
from tests.fund.nav.test_publish import drop_trigger

pytestmark = pytest.mark.django_db
NEXT = date(2026, 4, 1)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def held(keys) -> dict[int, int]:
    """Seven Japanese citizens with units at the end of DAY, and two co-owners."""
    building.contribute_both(building.dollars(1_000))
    citizens = [building.citizen(Nation.JP).pk for _number in range(7)]
    return {one: give(one, 1_000 * place) for place, one in enumerate(citizens, 1)}


def give(holder: int, units: int, *, at=None) -> int:
    lines = [Line("bank:TEST-JPY", "capital:JP", units), Line("issued:JP", "units:JP", units, holder)]
    at = at or calendars.books_open(DAY)
    post.post(event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=lines, effective_at=at)
    return units


@pytest.fixture
def published(held, keys):
    return building.publish(strike.value(day=DAY, now=NOW), keys)


@pytest.fixture
def committed(published) -> HoldingRoot:
    commit_all()
    return HoldingRoot.objects.get(unit_class="JP")


def commit_all() -> None:
    while proof.commit_next(now=NOW):
        pass


def sound() -> bool:
    return all(check.clean for check in proof.prove())


def proves(holder: int, **asked) -> tree.Proof:
    read = tree.read(proof.of_holder(holder_id=holder, class_code="JP", **asked))
    tree.check(read)
    assert proof.is_published(read)
    return read


def test_the_total_is_the_register_and_the_ledger(published, held, as_site):
    commit_all()
    committed = HoldingRoot.objects.get(unit_class="JP")
    assert (committed.total_units, committed.holders) == (sum(held.values()), 7)
    assert committed.total_units == balances.total("units:JP") == ClassNav.objects.get(unit_class="JP").units
    assert set(HoldingRoot.objects.values_list("unit_class", flat=True)) == {"JP", "SOV"}
    assert sound()


def test_everybody_can_prove_their_units(committed, held, as_site):
    assert {one: proves(one).units for one in held} == held
    with pytest.raises(proof.Unproved) as refused:
        proof.of_holder(holder_id=max(held) + 1, class_code="JP")
    assert refused.value.code == "no_units"
    with pytest.raises(proof.Unproved):
        proof.of_holder(holder_id=next(iter(held)), class_code="US")


@pytest.mark.parametrize("processors", [1, 3])
def test_ranges_and_blocks_of_few_holders_prove_the_same(processors, published, held, monkeypatch):
    monkeypatch.setattr("os.process_cpu_count", lambda: processors)
    monkeypatch.setattr(proof, "RANGE", 3)
    monkeypatch.setattr(tree, "SHARE", 1)
    monkeypatch.setattr(tree, "BLOCK", 2)
    monkeypatch.setattr(tree.Tree.__init__, "__kwdefaults__", {"size": 2})
    commit_all()
    assert HoldingBlock.objects.filter(holding_root__unit_class="JP").count() == 4
    assert {one: proves(one).units for one in held} == held
    assert sound()


def test_less_than_no_units_are_not_committed(published, held, monkeypatch):
    """Not even where the sum is right."""
    one, other = sorted(held)[:2]
    shifted = f"coalesce(c.{{units}}, 0) + CASE c.holder_id WHEN {one} THEN -9000 WHEN {other} THEN 9000 ELSE 0 END -"
    wrong = proof.IN_ROWS.replace("coalesce(c.{units}, 0) -", shifted)
    assert wrong != proof.IN_ROWS
    monkeypatch.setattr(proof, "IN_ROWS", wrong)
    with pytest.raises(tree.TooMany):
        commit_all()
    assert not HoldingRoot.objects.filter(unit_class="JP").exists()


def test_what_moves_later_is_not_in_it_whenever_it_is_committed(published, held):
    first = next(iter(held))
    with transaction.atomic():
        commit_all()
        before = bytes(HoldingRoot.objects.get(unit_class="JP").root)
        transaction.set_rollback(True)
    give(first, 50, at=calendars.books_open(NEXT))  # of the next day
    commit_all()
    assert bytes(HoldingRoot.objects.get(unit_class="JP").root) == before
    assert proves(first).units == held[first]
    assert sound()


def test_a_later_nav_has_another_root_and_the_earlier_proof_stays(committed, held, keys):
    first = next(iter(held))
    give(first, 50, at=calendars.books_open(NEXT))
    building.rate(NEXT, 160)
    building.publish(strike.value(day=NEXT, now=LATER), keys, now=LATER)
    commit_all()
    assert proves(first).units == held[first] + 50
    assert proves(first, day=DAY).units == held[first]
    assert proves(first).salt != proves(first, day=DAY).salt
    assert sound()


def test_units_that_were_not_priced_are_not_committed(published, monkeypatch):
    nobody = proof.IN_ROWS.replace("c.holder_id, coalesce", "c.holder_id, 1 + coalesce")
    assert nobody != proof.IN_ROWS
    monkeypatch.setattr(proof, "IN_ROWS", nobody)
    with pytest.raises(proof.Differs):
        proof.commit_next(now=NOW)
    assert not HoldingRoot.objects.exists()


def test_the_database_refuses_another_total_and_any_change(committed):
    facts = {"nav": committed.nav, "unit_class_id": "US", "root": bytes(32), "holders": 1, "committed_at": NOW}
    with pytest.raises(DatabaseError, match="not those of a published NAV"), transaction.atomic():
        HoldingRoot.objects.create(total_units=1, **facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        HoldingRoot.objects.create(**facts | {"unit_class_id": "JP"}, total_units=committed.total_units)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        HoldingRoot.objects.update(holders=8)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        HoldingBlock.objects.all().delete()


TAMPERED = {
    "a root": "UPDATE fund_holdingroot SET root = sha256(root) WHERE unit_class_id = 'JP'",
    "a total": "UPDATE fund_holdingroot SET total_units = total_units + 1 WHERE unit_class_id = 'JP'",
    "the number of holders": "UPDATE fund_holdingroot SET holders = holders + 1 WHERE unit_class_id = 'JP'",
    "a leaf": "UPDATE fund_holdingblock SET rows = set_byte(rows, 7, 99) FROM fund_holdingroot r"
    " WHERE r.id = holding_root_id AND r.unit_class_id = 'JP'",
    "a block": "UPDATE fund_holdingblock SET node = set_byte(node, 39, 99)",
    "a block left out": "DELETE FROM fund_holdingblock",
    "a commitment left out": "DELETE FROM fund_holdingblock b USING fund_holdingroot r WHERE r.id = b.holding_root_id"
    " AND r.id = (SELECT min(id) FROM fund_holdingroot); DELETE FROM fund_holdingroot"
    " WHERE id = (SELECT min(id) FROM fund_holdingroot)",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_prove_names_what_was_changed(what, committed, keys):
    building.rate(NEXT, 160)
    building.publish(strike.value(day=NEXT, now=LATER), keys, now=LATER)
    assert sound()  # what was just published may still wait
    commit_all()
    assert sound()
    for table in ("fund_holdingroot", "fund_holdingblock"):
        drop_trigger(table, "append_only_rows")
    with connection.cursor() as cursor:
        cursor.execute(TAMPERED[what])
    differs = [check for check in proof.prove() if not check.clean]
    assert differs and all(check.first for check in differs)
