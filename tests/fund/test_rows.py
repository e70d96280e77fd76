"""Rows written by one statement, each only if the one before it was (``fund/rows.py``)."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from fund import rows
from fund.dealing.models import Applicant, Offering, Status, Subscription
from fund.governance import audit, outbox
from fund.governance.audit import Act
from fund.governance.outbox import Note

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def applicant() -> Applicant:
    return Applicant(offering_id="JP-2026-1", holder_id=7)


def act() -> Act:
    return audit.act(actor="system", verb="test", subject="row:1", now=NOW, figures=[1, None, "三"])


def note() -> Note:
    return outbox.note(topic="row.written", subject="1", now=NOW, row=1)


def test_what_the_database_fills_in_is_read_back():
    one, done, left = applicant(), act(), note()
    assert rows.insert(one, done, left) == 3
    assert Applicant.objects.get().ticket == one.ticket
    assert (Act.objects.get().pk, Act.objects.get().xact) == (done.pk, done.xact)
    assert Act.objects.get().detail == done.detail
    assert Note.objects.get() == left and not left._state.adding


def test_the_chain_ends_at_a_row_whose_key_is_taken():
    rows.insert(applicant())
    assert rows.insert(note(), applicant(), act(), unless="") == 1
    assert Note.objects.count() == 1 and not Act.objects.exists()


def test_without_a_word_about_it_a_taken_key_is_an_error_and_nothing_is_written():
    rows.insert(applicant())
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(note(), applicant())
    assert not Note.objects.exists()


def test_columns_are_read_in_the_models_order():
    rows.insert(applicant(), act())
    assert rows.first(Act, "WHERE t.subject = %s", ["row:1"]) == Act.objects.get()
    assert rows.first(Act, "WHERE t.subject = %s", ["row:2"]) is None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {rows.columns(Applicant, 'a')} FROM fund_applicant a")
        values = cursor.fetchone()
    assert len(values) == rows.width(Applicant)
    assert rows.read(Applicant, values).holder_id == 7


def prepared() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return {statement for (statement,) in cursor.fetchall()}


def test_the_server_keeps_the_plans_of_its_statements_and_of_no_others():
    for number in range(8):
        rows.ask("SELECT holder_id FROM fund_applicant WHERE holder_id = %s", [number])
        with connection.cursor() as cursor:
            cursor.execute("SELECT ticket FROM fund_applicant WHERE holder_id = %s", [number])
    kept = " ".join(prepared())
    assert "SELECT holder_id FROM fund_applicant" in kept
    assert "SELECT ticket FROM fund_applicant" not in kept


def test_its_statements_are_seen_by_who_counts_queries(django_assert_num_queries):
    with django_assert_num_queries(1):
        rows.ask("SELECT 1", [])


def test_a_new_row_is_what_the_model_would_make():
    given = {"offering_id": "JP-2026-1", "holder_id": 7, "amount": 1, "currency": "JPY", "key": "k", "received_at": NOW}
    made, models = rows.new(Subscription, **given), Subscription(**given)
    columns = [field.attname for field in Subscription._meta.concrete_fields]
    assert {name: made.__dict__[name] for name in columns} == {name: models.__dict__[name] for name in columns}
    assert made._state.adding and made._state.db is None
    assert rows.new(Act).detail is not rows.new(Act).detail, "a default that can change is nobody's but the row's"
    with pytest.raises(TypeError, match="colour"):
        rows.new(Act, colour="red")


def test_a_row_is_read_and_written_as_django_does(django_assert_num_queries):
    offering = Subscription(
        **{"offering_id": "JP-2026-1", "holder_id": 7, "amount": 5, "currency": "JPY", "key": "k", "received_at": NOW},
        **{"reference": "RF361234567894", "numeric_reference": "1234567894", "status": Status.PLACED},
    )
    rows.insert(offering)
    read, django = rows.first(Subscription, "WHERE t.holder_id = %s", [7]), Subscription.objects.get()
    assert read is not None and read._state.db == django._state.db and not read._state.adding
    columns = [field.attname for field in Subscription._meta.concrete_fields]
    assert [read.__dict__[name] for name in columns] == [django.__dict__[name] for name in columns]
    with django_assert_num_queries(0):
        assert str(read) == str(django) and read == django and hash(read) == hash(django)


def test_a_statement_keeps_its_cursor_and_each_answer_stays_its_own(django_assert_num_queries):
    statement = "SELECT n FROM generate_series(1, %s::int) n"
    with django_assert_num_queries(2):
        first, second = rows.ask(statement, [2]), rows.ask(statement, [3])
    assert (first, second) == ([(1,), (2,)], [(1,), (2,), (3,)])
    with connection.cursor() as cursor:  # whatever may have been asked in between
        cursor.execute("SELECT 1")
    assert rows.ask(statement, [1]) == [(1,)]


def test_a_transaction_that_is_broken_is_not_asked_further():
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            rows.ask("SELECT 1 WHERE %s", [True])


def test_whoever_stands_around_statements_stands_around_these(monkeypatch):
    seen = []

    def note(execute, statement, params, many, context):
        seen.append(statement)
        return execute(statement, params, many, context)

    with connection.execute_wrapper(note):
        rows.ask("SELECT 1 WHERE %s", [True])
        rows.insert(act())
    assert len(seen) == 2


def test_a_statement_is_written_as_psycopg_would():
    """Names as often as they stand, signs doubled, nothing where there is nothing; times are UTC."""
    told = rows.ask(
        "SELECT %(b)s::int, %(a)s || '%%', %(b)s::int + 1, %(c)s::timestamptz", {"a": "x", "b": 2, "c": NOW}
    )
    assert told == [(2, "x%", 3, NOW)] and told[0][3].utcoffset() == NOW.utcoffset()
    one = "SELECT %s::bigint IS NULL"
    assert [rows.ask(one, [value]) for value in (None, 1, None)] == [[(True,)], [(False,)], [(True,)]]
    with pytest.raises(DataError), transaction.atomic():
        rows.ask("SELECT 1 / %s::int", [0])
    assert rows.ask("SELECT 1 / %s::int", [1]) == [(1,)], "a fault leaves the statement as it was"


def test_behind_a_pooler_the_server_keeps_nothing(monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    assert rows.ask("SELECT %s::int + 17", [1]) == [(18,)]
    assert not any("+ 17" in statement for statement in prepared())


@rows.together
def refused() -> None:
    rows.insert(act())
    raise RuntimeError


def test_a_verb_that_is_refused_ends_its_callers_transaction():
    with transaction.atomic():
        with pytest.raises(RuntimeError):
            refused()
        with pytest.raises(transaction.TransactionManagementError):
            rows.ask("SELECT 1", [])
        transaction.set_rollback(True)
    assert not Act.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_alone_a_verb_has_a_transaction_of_its_own():
    with pytest.raises(RuntimeError):
        refused()
    assert not Act.objects.exists()
    rows.together(lambda: rows.insert(act()))()
    assert Act.objects.count() == 1


def test_rows_that_are_joined_are_not_read(django_assert_num_queries):
    order = rows.new(Subscription, offering_id="JP-2026-1")
    with django_assert_num_queries(0):
        assert rows.join(order, offering=Offering(code="JP-2026-1")).offering.code == "JP-2026-1"
