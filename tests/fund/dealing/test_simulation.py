"""The synthetic population is a lawful book: sound references, money for each order, `prove` clean, one book a seed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Max, Sum
from django.utils import timezone

from fund.dealing.models import Applicant, Offering, Subscription
from fund.holders import Holder
from fund.ledger import balances
from fund.payments import matching, references
from fund.payments.models import BankEntry, Expected
from portal import simulation
from portal.management.commands.prove import every_check
from tests.fund.dealing.conftest import AFTER, CLOSES, DURING, citizen, pay, place, settle

pytestmark = pytest.mark.django_db


def simulate(one: Offering, *, investors: int = 40, orders: int = 100, seed: int = 7, now=DURING) -> int:
    return sum(simulation.simulate(investors=investors, orders=orders, offering_code=one.code, seed=seed, now=now))


@pytest.fixture
def in_steps(monkeypatch) -> None:
    """Small steps, so that several make the book."""
    monkeypatch.setattr(simulation, "STEP", 30)


def differences() -> list[str]:
    return [check.name for check in every_check() if not check.clean]


@pytest.mark.django_db(transaction=True)
def test_a_simulated_book_proves_clean_and_settles_like_any_other(opened, allot, in_steps):
    one = opened(capacity=30_000_000)
    assert simulate(one) == 140
    assert Subscription.objects.count() == 100 == BankEntry.objects.count() == Expected.objects.count()
    assert Holder.objects.count() == 40 == Applicant.objects.count()
    assert differences() == []
    allot(one)
    settle(one, chunk=7)
    assert balances.total("held:JPY") == 0 and balances.balance("capital:JP") > 0 and differences() == []


def test_orders_obey_the_terms_and_differ_in_size(opened, in_steps):
    one = opened(maximum=300_000, order_maximum=70_000)
    simulate(one)
    amounts = set(Subscription.objects.values_list("amount", flat=True))
    assert len(amounts) > 3 and all(amount >= one.minimum and amount % one.lot == 0 for amount in amounts)
    assert max(amounts) <= 70_000
    of_each = Subscription.objects.values("holder_id").annotate(sum=Sum("amount")).aggregate(most=Max("sum"))
    assert of_each["most"] <= one.maximum


def test_every_reference_is_sound_in_both_forms(opened, in_steps):
    simulate(opened(), orders=300)
    for reference, numeric in Subscription.objects.values_list("reference", "numeric_reference"):
        assert references.is_reference(reference) and references.numeric(reference) == numeric


def test_what_the_payers_wrote_opens_in_its_place(opened, in_steps):
    simulate(opened())
    assert {matching.payer(entry).name for entry in BankEntry.objects.all()} == {""}


def test_a_reference_that_is_taken_is_passed_over(opened, in_steps, monkeypatch):
    one = opened()
    simulate(one, orders=5)
    (taken,) = Subscription.objects.order_by("id")[:1]
    other = opened(code="JP-2026-2")
    digest = simulation._digest
    monkeypatch.setattr(simulation, "_digest", lambda offering, seed: digest(one, 7)[:3] + digest(offering, seed)[3:])
    simulate(other, orders=5)
    assert not set(Subscription.objects.filter(offering=other).values_list("reference", flat=True)) & {taken.reference}


def book() -> list[tuple]:
    return list(Subscription.objects.order_by("id").values_list("id", "reference", "amount", "received_at"))


def test_the_same_seed_makes_the_same_book_and_another_seed_another(opened, in_steps):
    one = opened()
    books = []
    for seed in (7, 7, 8):
        with transaction.atomic():
            simulate(one, seed=seed)
            books.append((book(), sorted(Applicant.objects.values_list("ticket", flat=True))))
            transaction.set_rollback(True)
    assert books[0] == books[1] and books[0][0] != books[2][0] and books[0][1] != books[2][1]


def test_real_orders_beside_it_are_untouched(opened, in_steps):
    one, holder = opened(), citizen()
    order = place(one, holder, 30_000)
    pay(order)
    simulate(one)
    order.refresh_from_db()
    assert order.holder_id == holder and balances.balance("held:JPY", holder_id=holder) == 30_000


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"investors": 0}, "numbers"),
        ({"orders": 0}, "numbers"),
        ({"now": CLOSES}, "not_open"),
        ({"investors": 1, "orders": 2_000}, "above_maximum"),
    ],
)
def test_what_cannot_be_simulated_is_refused(opened, told, code):
    with pytest.raises(simulation.Refused) as refused:
        simulate(opened(), **told)
    assert refused.value.code == code and Subscription.objects.count() == 0


def test_the_same_seed_twice_is_refused(opened, in_steps):
    one = opened()
    simulate(one)
    with pytest.raises(simulation.Refused) as refused:
        simulate(one)
    assert refused.value.code == "again" and Subscription.objects.count() == 100


def test_the_command_shows_a_bar_and_refuses_a_closed_offering(opened, monkeypatch):
    one = opened()
    said, bar = StringIO(), StringIO()
    monkeypatch.setattr(timezone, "now", lambda: DURING)
    given = ["simulate", "--investors", "20", "--orders", "30", "--offering", one.code, "--seed", "1"]
    call_command(*given, stdout=said, stderr=bar)
    assert "20 citizens placed 30 paid orders" in said.getvalue() and "50" in bar.getvalue()
    monkeypatch.setattr(timezone, "now", lambda: AFTER)
    with pytest.raises(CommandError, match="not_open"):
        call_command(*given)
    with pytest.raises(CommandError, match="unknown_offering"):
        call_command(*[part.replace(one.code, "NONE") for part in given])


def test_the_sites_own_role_may_simulate(opened, in_steps, as_site):
    assert simulate(opened()) == 140
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("kakehashi_app",)
