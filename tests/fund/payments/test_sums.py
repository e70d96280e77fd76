"""Whatever comes in, each entry is with a holder or in suspense, and no order receives more than it needs."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fund.ledger import balances
from fund.ledger.prove import prove as prove_ledger
from fund.payments.models import BankEntry, Expected
from fund.payments.prove import prove
from tests.fund.payments.bank_files import USD, entry, file

pytestmark = pytest.mark.django_db

TAKEN_BACK = {"credit": False, "reversal": True}
MOVEMENTS = st.lists(
    st.tuples(
        st.integers(0, 2),  # for the first order, the second, or none
        st.integers(0, 900),
        st.sampled_from([{}, {}, {}, {"reversal": True}, TAKEN_BACK, {"credit": False}]),
        st.integers(0, 1),  # in which of two files
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVEMENTS)
def test_all_entries_are_held_or_in_suspense(citizen, expect, take, movements):
    def money() -> tuple[int, int, int]:
        return (
            balances.balance("held:USD", holder_id=citizen),
            balances.balance("suspense:USD"),
            -balances.balance(f"bank:{USD}"),
        )

    before = money()
    orders = [expect(1_000), expect(500)]
    words = [{"creditor_reference": order.reference} for order in orders] + [{}]
    files = ([], [])
    for order, amount, told, which in movements:
        files[which].append(entry(amount, **words[order], **told))
    pks = [take(file(*entries)).file.pk for entries in files]

    rows = BankEntry.objects.filter(file__in=pks)
    moved = sum((row.amount if row.credit else -row.amount) for row in rows if row.outcome != "ignored")
    held, suspense, bank = (after - earlier for after, earlier in zip(money(), before, strict=True))
    assert held + suspense == bank == moved
    assert len(rows) == len(movements)
    for order, needed in zip(orders, (1_000, 500), strict=True):
        theirs = [(amount, told) for place, amount, told, _ in movements if orders[place : place + 1] == [order]]
        meant = sum(amount for amount, told in theirs if not told)
        received = Expected.objects.get(pk=order.pk).received
        taken_back = any(told == TAKEN_BACK for _amount, told in theirs)
        assert received <= min(meant, needed) if taken_back else received == min(meant, needed)
    assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []
