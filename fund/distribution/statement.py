"""What has been distributed, as its owner reads it: to one holder, and to each government (D3, D47)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from fund.distribution.models import Distribution
from fund.distribution.withholding import JpBasis, UsBasis
from fund.holders import Holder, Nation
from fund.ledger.models import Entitlement
from fund.money import Currency, Money


@dataclass(frozen=True)
class Given:
    """One distribution to one holder. ``corrected``: it was taken back since, and given anew by another entry."""

    distribution: Distribution
    entry: Entitlement
    corrected: bool

    @property
    def gross(self) -> Money:
        return self.distribution.money(self.entry.gross)

    @property
    def returned(self) -> Money:
        return self.distribution.money(self.entry.returned)

    @property
    def ordinary(self) -> Money:
        return self.gross - self.returned

    @property
    def us(self) -> Money:
        return self.distribution.money(self.entry.us)

    @property
    def national(self) -> Money:
        return self.distribution.money(self.entry.national)

    @property
    def local(self) -> Money:
        return self.distribution.money(self.entry.local)

    @property
    def net(self) -> Money:
        return self.gross - self.us - self.national - self.local

    @property
    def reinvested(self) -> bool:
        return self.entry.bought > 0

    @property
    def us_basis(self) -> UsBasis:
        return UsBasis(self.entry.us_basis)

    @property
    def jp_basis(self) -> JpBasis:
        return JpBasis(self.entry.jp_basis)


def entries(*, holder_id: int) -> QuerySet[Entitlement]:
    """The entries of a holder, each with ``corrected``."""
    back = Entitlement.objects.filter(
        holder_id=OuterRef("holder_id"), distribution_id=OuterRef("distribution_id"), reversal=True
    )
    own = Entitlement.objects.filter(holder_id=holder_id, reversal=False)
    return own.select_related("batch").annotate(corrected=Exists(back))


def of_holder(*, holder_id: int, limit: int = 100) -> list[Given]:
    """What a holder was given, the newest first."""
    return told(list(entries(holder_id=holder_id).order_by("-distribution_id")[:limit]))


def told(rows: Sequence[Entitlement]) -> list[Given]:
    """Rows of ``entries`` with their distributions."""
    known = Distribution.objects.select_related("unit_class").in_bulk([one.distribution_id for one in rows])
    return [Given(known[one.distribution_id], one, one.corrected) for one in rows]  # type: ignore[attr-defined]


def to_come(*, holder_id: int, classes: Sequence[str]) -> list[Distribution]:
    """Distributions of these classes that are declared or recorded and of which this holder has no entry yet."""
    waiting = Distribution.objects.filter(
        unit_class__in=classes, state__in=[Distribution.State.DECLARED, Distribution.State.RECORDED], corrects=None
    )
    rows = list(waiting.select_related("unit_class").order_by("record_day", "unit_class"))
    given = {one.distribution.pk for one in of_holder(holder_id=holder_id, limit=len(rows) + 10)} if rows else set()
    return [one for one in rows if one.pk not in given]


@dataclass(frozen=True)
class Received:
    """What one co-owner has been given by one distribution; governments are paid gross."""

    nation: Nation
    record_day: date
    paid_on: date
    per_lot: Decimal
    amount: Money


RECEIVED = """
    SELECT h.nation, d.record_day, (min(b.effective_at) AT TIME ZONE 'UTC')::date, d.per_lot, c.currency,
           sum(CASE WHEN e.reversal THEN e.borne - e.gross ELSE e.gross END)::bigint
      FROM fund_holder h
      JOIN fund_entitlement e ON e.holder_id = h.id
      JOIN fund_settlementbatch b ON b.id = e.batch_id
      JOIN fund_distribution d ON d.id = e.distribution_id
      JOIN fund_unitclass c ON c.code = d.unit_class_id
     WHERE h.kind = %(kind)s
     GROUP BY d.id, c.code, h.nation HAVING sum(CASE WHEN e.reversal THEN e.borne - e.gross ELSE e.gross END) > 0
     ORDER BY d.record_day DESC, h.nation DESC
"""


def received() -> Iterator[Received]:
    """What each government has received since the start, distribution by distribution, the newest first (D3)."""
    with connection.cursor() as cursor:
        cursor.execute(RECEIVED, {"kind": Holder.Kind.SOVEREIGN.value})
        rows = cursor.fetchall()
    return (
        Received(Nation(nation), record_day, paid_on, per_lot, Money(amount, Currency(currency)))
        for nation, record_day, paid_on, per_lot, currency, amount in rows
    )


def paid(*, limit: int = 100) -> list[Distribution]:
    """The distributions of all classes that have been paid, the newest first: public."""
    rows = Distribution.objects.filter(state=Distribution.State.PAID).select_related("unit_class")
    return list(rows.order_by("-record_day", "unit_class")[:limit])
