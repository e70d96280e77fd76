"""A holder's own part in a distribution: cash or reinvestment (D47), and what reception tells of taxes (D12)."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from fund.distribution.models import Choice
from fund.governance import audit
from fund.units import UnitClass


@transaction.atomic
def choose(*, holder_id: int, unit_class: UnitClass, reinvest: bool, actor: str, now: datetime) -> Choice | None:
    """Have the distributions of a class reinvested from now on, or paid out; None when it is so already.

    What stands at the end of a record day counts for its distribution.
    """
    if chosen(holder_id=holder_id)[unit_class.pk] == reinvest:
        return None
    audit.record(
        actor=actor, verb="choose", subject=f"holder:{holder_id}", now=now,
        unit_class=unit_class.pk, distributions="reinvest" if reinvest else "cash",
    )  # fmt: skip
    return Choice.objects.create(holder_id=holder_id, unit_class=unit_class, reinvest=reinvest, chosen_at=now)


def chosen(*, holder_id: int) -> Mapping[str, bool]:
    """Whether a holder's distributions are reinvested, by class; without a choice they are not."""
    latest = Choice.objects.filter(holder_id=holder_id).order_by("unit_class", "-chosen_at", "-pk")
    found = dict(latest.distinct("unit_class").values_list("unit_class", "reinvest"))
    return {code: found.get(code, False) for code in UnitClass.Code.values}
