"""What else goes on while a book is allotted, so that every kind of task has something to do."""

from datetime import timedelta

from django.contrib.auth import get_user_model

from bench import stage
from fund.dealing import cancellation, offering, subscription
from fund.dealing.models import Offering
from fund.governance.officers import Officer
from fund.holders import Nation
from investors.people import Investor
from tests.fund.dealing import conftest as dealing

WAITING, CANCELLED = "JP-2026-2", "JP-2026-3"


def tell() -> None:
    """Citizens with accounts order in two more offerings: in one their bank's file waits to be marked, in the other
    they have paid and both nations have signed its cancellation. No task has heard of any of it yet.
    """
    dealing.BANK = stage.BANK
    waiting, cancelled = open_offering(WAITING), open_offering(CANCELLED)
    citizens = [register(number) for number in range(5)]
    ordered = [dealing.place(waiting, holder, 20_000) for holder in citizens]
    dealing.take(*((order, order.amount) for order in ordered[:4]))
    dealing.pay(*(dealing.place(cancelled, holder, 30_000) for holder in citizens))
    regretted = dealing.place(waiting, citizens[0], 10_000)
    subscription.withdraw(reference=regretted.reference, holder_id=regretted.holder_id, now=stage.DURING)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    stage.sign(cancellation.propose(offering=cancelled, officer=american, now=stage.DURING, reason="a rehearsal"))


def open_offering(code: str) -> Offering:
    announced = dealing.announce(code=code, capacity=1_000_000)
    american = Officer.objects.get(person=f"officer-{Nation.US}")
    proposal = offering.propose_opening(offering=announced, officer=american, now=stage.ANNOUNCED)
    offering.carry_out_opening(proposal=stage.sign(proposal), now=stage.OPENS)
    return Offering.objects.get(pk=code)


def register(number: int) -> int:
    holder = dealing.citizen()
    Investor.objects.create(
        user=get_user_model().objects.create_user(f"citizen{number}@example.org"),
        holder_id=holder,
        nations=[Nation.JP.value],
        state=Investor.State.APPROVED,
        registered_at=stage.ANNOUNCED,
        verified_until=stage.AFTER + timedelta(days=365),
    )
    return holder
