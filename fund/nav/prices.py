"""The prices of published NAVs (D20). Before a class has one, its initial price stands."""

from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from fund import rates
from fund.money import Price
from fund.nav.models import ClassNav, Nav
from fund.units import UnitClass


def published(*, class_code: str, at: datetime | None = None) -> QuerySet[ClassNav]:
    """A class's published figures, newest day first, of a day the newest version first; ``at``: published by then."""
    rows = ClassNav.objects.filter(unit_class=class_code, nav__state=Nav.State.PUBLISHED)
    if at is not None:
        rows = rows.filter(nav__published_at__lte=at)
    return rows.select_related("nav", "unit_class").order_by("-nav__valuation_day", "-nav__version")


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
    """The published price of the same class for the last day before, else its initial price."""
    earlier = published(class_code=one.unit_class_id).filter(nav__valuation_day__lt=one.nav.valuation_day)
    newest = earlier.exclude(price=None).first()
    return one.unit_class.initial_price if newest is None or newest.price is None else newest.price
