"""Every movement of one holder's own money and units, read from the book."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from fund.ledger.balances import FINAL
from fund.ledger.models import Event, Leg
from fund.money import Currency, Money
from fund.units import UnitClass

ORDER = ("recorded_at", "event_id", "event", "line")  # unique together
OWN = frozenset({"held", "refunds", "units"})


@dataclass(frozen=True)
class Movement:
    """One movement: of ``amount``, or of ``units`` smallest units of ``unit_class``.

    ``moved_from`` and ``moved_to`` are the first words of the accounts; those in ``OWN`` are the holder's.
    """

    effective_at: datetime
    recorded_at: datetime
    event: Event
    moved_from: str
    moved_to: str
    amount: Money | None
    unit_class: UnitClass | None
    units: int | None

    @property
    def sign(self) -> int:
        """1 where something comes to the holder, -1 where it goes, 0 from one's own to one's own."""
        return (self.moved_to in OWN) - (self.moved_from in OWN)


def of_holder(holder_id: int) -> QuerySet[Leg]:
    """All of them, as rows for ``read``, in no order."""
    return Leg.objects.filter(FINAL, holder_id=holder_id).select_related("debit", "credit")


def read(one: Leg, classes: dict[str, UnitClass]) -> Movement:
    """A row as a movement; ``classes`` by their codes."""
    kind, _colon, code = one.credit.asset.rpartition(":")
    return Movement(
        effective_at=one.effective_at,
        recorded_at=one.recorded_at,
        event=Event(one.event),
        moved_from=one.debit.code.partition(":")[0],
        moved_to=one.credit.code.partition(":")[0],
        amount=None if kind else Money(one.amount, Currency(code)),
        unit_class=classes[code] if kind else None,
        units=one.amount if kind else None,
    )
