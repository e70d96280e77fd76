"""The prices of published NAVs (D20). Before a class has one, its initial price stands."""

from datetime import datetime
from decimal import Decimal

from django.db.models import F, OuterRef, QuerySet, Subquery

from fund import rates
from fund.money import Price, percent
from fund.nav.models import ClassNav, Nav
from fund.units import UnitClass


def published(*, class_code: str, at: datetime | None = None) -> QuerySet[ClassNav]:
    """A class's published figures, newest day first, of a day the newest version first; ``at``: published by then."""
    rows = ClassNav.objects.filter(unit_class=class_code, nav__state=Nav.State.PUBLISHED)
    if at is not None:
        rows = rows.filter(nav__published_at__lte=at)
    return rows.select_related("nav", "unit_class").order_by("-nav__valuation_day", "-nav__version")


def versions(*, class_code: str) -> QuerySet[ClassNav]:
    """A class's published prices as ``published``, with what each version corrects (D43).

    ``corrects_version`` and ``wrong_price`` are of the version before it, None where this is the first. See ``error``.
    """
    wrong = ClassNav.objects.filter(nav=OuterRef("nav__corrects"), unit_class=OuterRef("unit_class"))
    return (
        published(class_code=class_code)
        .exclude(price=None)
        .annotate(corrects_version=F("nav__corrects__version"), wrong_price=Subquery(wrong.values("price")[:1]))
    )


def error(*, wrong: Decimal, right: Decimal) -> Decimal:
    """By how much a price was wrong, in percent of the right one, to four decimals: positive where it was too high."""
    exact = [int(price.scaleb(4)) for price in (wrong, right)]  # prices have four decimals at most
    return percent(exact[0] - exact[1], exact[1], decimals=4)


def latest_price(class_code: str, at: datetime) -> Price:
    """The newest price that was published by an instant, else the initial price. Raises UnitClass.DoesNotExist."""
    unit_class = UnitClass.objects.get(pk=class_code)
    newest = published(class_code=class_code, at=at).exclude(price=None).first()
    return unit_class.price(unit_class.initial_price if newest is None or newest.price is None else newest.price)


def latest_rate(at: datetime | None = None) -> Decimal | None:
    """Yen per dollar of the newest NAV published by an instant; before the first one the newest reference rate."""
    navs = Nav.objects.filter(state=Nav.State.PUBLISHED).order_by("-valuation_day", "-version")
    known = rates.ReferenceRate.objects.order_by("-day")
    if at is not None:
        navs, known = navs.filter(published_at__lte=at), known.filter(day__lte=at.date())
    newest = navs.first() or known.first()
    return newest.usd_jpy if newest else None


def price_before(one: ClassNav) -> Decimal:
    """The price of the same class in the NAV that was carried on, else the last one published, else the initial one."""
    carried = ClassNav.objects.filter(nav=one.nav.previous_id, unit_class=one.unit_class_id).first()
    if carried is not None and carried.price is not None:
        return carried.price
    earlier = published(class_code=one.unit_class_id).filter(nav__valuation_day__lt=one.nav.valuation_day)
    newest = earlier.exclude(price=None).first()
    return one.unit_class.initial_price if newest is None or newest.price is None else newest.price
