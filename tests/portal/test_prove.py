"""`manage.py prove`: clean on a sound book, exit 1 and the row's name on any difference."""

import json
from datetime import UTC, datetime
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection

from fund import holders
from fund.holders import Holder, Nation
from fund.ledger import accounts, post
from fund.ledger.models import Event
from fund.money import Currency

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def citizen() -> int:
    accounts.open_bank(name="TEST", currency=Currency.JPY)
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk
    line = post.Line("bank:TEST", "refunds:JPY", 700, holder)
    post.post(event=Event.CORRECTION, event_id=uuid4(), lines=[line], effective_at=NOW)
    return holder


def prove() -> dict:
    out = StringIO()
    call_command("prove", "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_sound_book_is_clean(citizen):
    told = prove()
    assert told["clean"]
    assert {"name", "rows", "differences", "first"} == set(told["checks"][0])


def test_a_changed_balance_is_named_and_the_command_fails(citizen):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_card SET refunds_jpy = refunds_jpy + 1 WHERE holder_id = %s", [citizen])
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("prove", "--json", stdout=out)
    assert ended.value.code == 1
    told = json.loads(out.getvalue())
    assert not told["clean"]
    assert any(f"refunds:JPY of holder {citizen}: kept 701" in check["first"] for check in told["checks"])
