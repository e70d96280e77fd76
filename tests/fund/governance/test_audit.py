"""The audit log: append-only, sealed behind the acts, and any change is named (decision 6)."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from fund.governance import audit
from fund.governance.audit import AUDIT, Act, Seal
from tests.fund.governance.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def record(number: int = 1) -> list[Act]:
    return [audit.record(actor="system", verb="test", subject=f"row:{n}", now=NOW, n=n) for n in range(number)]


def tamper(statement: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, params)
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.mark.parametrize("statement", ["UPDATE fund_act SET actor = 'x'", "DELETE FROM fund_act", "TRUNCATE fund_act"])
@pytest.mark.parametrize("table", ["fund_act", "fund_seal"])
def test_nobody_rewrites_the_log(statement, table):
    record()
    audit.seal(log=AUDIT, now=NOW)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            statement.replace("fund_act", table).replace("actor", "log" if table == "fund_seal" else "actor")
        )


def test_links_follow_each_other_and_prove_clean():
    record(3)
    first = audit.seal(log=AUDIT, now=NOW)
    record(2)
    second = audit.seal(log=AUDIT, now=NOW)
    assert (first.rows, second.rows) == (3, 2)
    assert bytes(second.previous) == bytes(first.hash)
    assert audit.seal(log=AUDIT, now=NOW) is None
    check = audit.prove(log=AUDIT)
    assert check.clean and check.rows == 5


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE fund_act SET subject = 'row:9' WHERE id = %s", "is not as it was sealed"),
        ("UPDATE fund_act SET detail = '{}' WHERE id = %s", "is not as it was sealed"),
        ("DELETE FROM fund_act WHERE id >= %s", "is gone"),
    ],
)
def test_a_changed_row_is_named(statement, told):
    acts = record(4)
    audit.seal(log=AUDIT, now=NOW)
    tamper(statement, acts[2].pk)
    check = audit.prove(log=AUDIT)
    assert check.differences == 1 and told in check.first
    assert str(acts[2].pk) in check.first or "gone" in check.first


def test_a_rewritten_seal_is_named():
    record(2)
    audit.seal(log=AUDIT, now=NOW)
    tamper("UPDATE fund_act SET subject = 'row:9'")
    tamper("UPDATE fund_seal SET digests = %s", b"x" * 16)
    assert "does not continue the chain" in audit.prove(log=AUDIT).first


def test_an_act_that_is_not_committed_yet_is_sealed_later_and_holds_nobody_up():
    """A writer that began before the seal and ends after it: its row is in the next link, none is lost."""
    written, seal_made = threading.Event(), threading.Event()

    def slow_writer() -> None:
        with transaction.atomic():
            record()
            written.set()
            assert seal_made.wait(10)
        connection.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert written.wait(10)
    record(2)
    sealed_before = audit.seal(log=AUDIT, now=NOW)
    seal_made.set()
    writer.join()
    audit.seal(log=AUDIT, now=NOW)
    assert sealed_before is None  # the later acts wait for the earlier writer's transaction, the writers for nobody
    assert sum(seal.rows for seal in Seal.objects.all()) == 3 == Act.objects.count()
    assert audit.prove(log=AUDIT).clean
