"""Compensation of orders that were settled at a price which was corrected (D43, decision 18).

Who paid too much receives the units that the money buys at the right price. Who paid too little keeps what was bought;
the co-owners make it good to the other holders of the class. A piece of the book is one range of citizens, as it was
settled; where a piece ends is kept in its transaction, and an order and the version that corrects it are the key of a
transfer, so that a run killed anywhere goes on exactly where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pgtrigger
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.dealing.models import Allotment, Offering, SettlementChunk, Subscription
from fund.governance import audit, config, outbox
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.ledger import post
from fund.ledger.models import Event, Transfer
from fund.ledger.post import Line
from fund.money import Currency, Money, convert, value_of
from fund.nav import correct
from fund.nav.models import Nav
from fund.refusal import Refusal
from fund.units import UnitClass

CO_OWNERS = "SOV"

# Every settled order of an offering that bought something: what was paid, the units it has, and those it should have.
# ``had`` counts what earlier versions have compensated.
ORDERS = """
    SELECT s.order_id, s.holder_id, s.cost + s.rounding AS paid, s.units + coalesce(c.units, 0) AS had,
           (s.cost + s.rounding) * %(denominator)s::bigint / %(numerator)s::bigint AS entitled
      FROM fund_settlementbatch b
      JOIN fund_settlement s ON s.batch_id = b.id
      LEFT JOIN LATERAL (SELECT sum(t.amount)::bigint AS units FROM fund_transfer t
                          WHERE t.event_id = s.order_id AND t.event = %(event)s AND t.line < %(version)s) c ON true
     WHERE b.subject = %(offering)s AND s.holder_id BETWEEN %(first)s AND %(last)s AND s.cost + s.rounding > 0
"""
ALL = {"first": 1, "last": 2**63 - 1}


class Refused(Refusal):
    """The correction cannot be proposed or carried out as things stand."""

    code = "compensation"


class Compensation(models.Model):
    """What the orders of one offering are owed by one corrected NAV, as both nations approved it.

    ``orders`` were settled at ``price_before``; they lack ``units_owed`` of what ``price_after`` would have bought. Of
    those that have more, ``units_over`` were not made good before, worth ``made_good`` minor units of the class: the
    co-owners' part. The last three columns say how far it is.
    """

    id = models.BigAutoField(primary_key=True)
    nav = models.ForeignKey(Nav, on_delete=models.PROTECT, related_name="compensations")
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="compensations")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    event_id = models.UUIDField(db_default=UUID7(), unique=True, editable=False)
    price_before = models.DecimalField(max_digits=18, decimal_places=4)
    price_after = models.DecimalField(max_digits=18, decimal_places=4)
    error_percent = models.DecimalField(max_digits=12, decimal_places=4)
    orders = models.BigIntegerField()
    units_owed = models.BigIntegerField()
    units_over = models.BigIntegerField()
    made_good = models.BigIntegerField()
    done_to = models.BigIntegerField(default=0)
    units_posted = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nav", "offering"], name="compensation_once"),
            models.CheckConstraint(
                name="compensation_signs",
                condition=Q(orders__gte=0, units_owed__gte=0, units_over__gte=0, made_good__gte=0, done_to__gte=0),
            ),
            models.CheckConstraint(
                name="compensation_posts_what_is_owed",
                condition=Q(units_posted__gte=0, units_posted__lte=F("units_owed"), finished_at=None)
                | Q(units_posted=F("units_owed"), finished_at__isnull=False),
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.CORRECTION,
                when="TG_OP = 'INSERT'",
                subject="'correction'",
                facts=(
                    "jsonb_build_object('compensation', jsonb_build_array(jsonb_build_object("
                    "'day', (SELECT valuation_day::text FROM fund_nav WHERE id = NEW.nav_id), 'offering',"
                    " NEW.offering_id, 'price_before', NEW.price_before::text, 'price_after', NEW.price_after::text,"
                    " 'error_percent', NEW.error_percent::text, 'orders', NEW.orders::text, 'units_owed',"
                    " NEW.units_owed::text, 'units_over', NEW.units_over::text, 'made_good', NEW.made_good::text)))"
                ),
            ),
            pgtrigger.ReadOnly(name="compensation_stands", exclude=["done_to", "units_posted", "finished_at"]),
            pgtrigger.Protect(name="compensation_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} by {self.nav}"


@dataclass(frozen=True)
class Due:
    """What one offering's orders are owed by a version that is still a draft, in the terms of ``Compensation``."""

    nav: Nav
    offering: Offering
    error: correct.Error
    orders: int
    units_owed: int
    units_over: int
    made_good: Money

    @property
    def facts(self) -> dict[str, str]:
        """As officers sign it."""
        return {
            "day": self.nav.valuation_day.isoformat(),
            "offering": self.offering.pk,
            "price_before": f"{self.error.wrong:f}",
            "price_after": f"{self.error.right:f}",
            "error_percent": f"{self.error.percent:f}",
            "orders": str(self.orders),
            "units_owed": str(self.units_owed),
            "units_over": str(self.units_over),
            "made_good": str(self.made_good.amount),
        }


@dataclass(frozen=True)
class Affected:
    """One order that was settled at a wrong price: smallest units it has and should have, ``paid`` for them."""

    reference: str
    paid: Money
    had: int
    entitled: int


def preview(*, drafts: Sequence[Nav], now: datetime) -> list[Due]:
    """What a correction owes, offering by offering, where the error is above the limit (``nav.correction_percent``).

    Raises Refused: being_settled, while an offering is still being settled at one of the wrong prices.
    """
    limit = Decimal(config.get("nav.correction_percent", at=now))
    found = []
    for draft in drafts:
        wrong = {one.unit_class.pk: one for one in correct.errors(nav=draft) if one.above(limit)}
        for offering in _priced_on(draft).filter(unit_class__in=wrong):
            if offering.state != Offering.State.SETTLED:
                message = _("Offering %(offering)s is still being settled. Propose the correction when it is done.")
                raise Refused(message % {"offering": offering}, code="being_settled")
            found.append(_due(draft, offering, wrong[offering.unit_class_id]))
    return [due for due in found if due.orders]


def _priced_on(nav: Nav) -> models.QuerySet[Offering]:
    """The offerings whose orders are settled at the price of a NAV's day."""
    rows = Offering.objects.filter(
        price_basis=Offering.Basis.FORWARD, dealing_day=nav.valuation_day, allotment__price__isnull=False
    )
    return rows.select_related("unit_class").order_by("code")


def _due(draft: Nav, offering: Offering, error: correct.Error) -> Due:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*), coalesce(sum(entitled - had) FILTER (WHERE entitled > had), 0)::bigint,
                   coalesce(sum(had - entitled) FILTER (WHERE had > entitled), 0)::bigint
              FROM ({ORDERS}) o
            """,
            {**_scalars(draft, offering, error.right), **ALL},
        )
        orders, owed, over = cursor.fetchone() or (0, 0, 0)
    made = offering.compensations.aggregate(units=models.Sum("units_over", default=0))["units"]
    over = max(0, over - made)
    return Due(draft, offering, error, orders, owed, over, value_of(over, offering.unit_class.price(error.right)))


def _scalars(nav: Nav, offering: Offering, price: Decimal) -> dict[str, Any]:
    per_unit: Fraction = offering.unit_class.price(price).minor_per_unit
    return {
        "offering": offering.pk,
        "numerator": per_unit.numerator,
        "denominator": per_unit.denominator,
        "version": nav.version,
        "event": Event.CORRECTION.value,
    }


def affected(*, due: Due, after: str = "", limit: int = 500) -> list[Affected]:
    """The orders of a due compensation by reference, a page at a time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT x.reference, o.paid, o.had, o.entitled
              FROM ({ORDERS}) o JOIN fund_subscription x ON x.id = o.order_id
             WHERE x.reference > %(after)s ORDER BY x.reference LIMIT %(limit)s
            """,
            {**_scalars(due.nav, due.offering, due.error.right), **ALL, "after": after, "limit": limit},
        )
        return [
            Affected(reference, due.offering.money(paid), had, entitled)
            for reference, paid, had, entitled in cursor.fetchall()
        ]


def given(*, order: Subscription) -> int:
    """The units that corrections have given to an order, beyond what its line says."""
    posted = Transfer.objects.filter(event_id=order.pk, event=Event.CORRECTION, holder=order.holder_id)
    return int(posted.aggregate(units=models.Sum("amount", default=0))["units"])


def hold_prices(*, drafts: Sequence[Nav]) -> None:
    """No settlement takes its price from these days until this transaction ends: then it takes the corrected one."""
    days = [draft.valuation_day for draft in drafts]
    waiting = Allotment.objects.filter(offering__price_basis=Offering.Basis.FORWARD, offering__dealing_day__in=days)
    list(waiting.select_for_update(of=("self",)).order_by("pk"))


def begin(*, owed: Sequence[Due], proposal: Proposal) -> None:
    """What both nations approved is compensated from now on (``compensate_next``)."""
    Compensation.objects.bulk_create(
        Compensation(
            nav=due.nav,
            offering=due.offering,
            proposal=proposal,
            price_before=due.error.wrong,
            price_after=due.error.right,
            error_percent=due.error.percent,
            orders=due.orders,
            units_owed=due.units_owed,
            units_over=due.units_over,
            made_good=due.made_good.amount,
        )
        for due in owed
    )


@transaction.atomic
def compensate_next(*, now: datetime) -> int:
    """Compensate the next range of citizens, in one transaction; how many orders it looked at, 0 when nothing is left.

    What another worker is at work on is passed over.
    """
    one = (
        Compensation.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("nav", "offering__unit_class")
        .filter(finished_at=None)
        .order_by("pk")
        .first()
    )
    if one is None:
        return 0
    chunks = SettlementChunk.objects.filter(offering_id=one.offering_id, first_holder__gt=one.done_to)
    chunk = chunks.order_by("first_holder").first()
    if chunk is None:
        _finish(one, now)
        return 1
    _compensate(one, chunk, now)
    return int(chunk.orders)


def _compensate(one: Compensation, chunk: SettlementChunk, now: datetime) -> None:
    params = {
        **_scalars(one.nav, one.offering, one.price_after),
        "first": chunk.first_holder,
        "last": chunk.last_holder,
        "issued": f"issued:{one.offering.unit_class_id}",
        "units": f"units:{one.offering.unit_class_id}",
        "now": now,
    }
    owed = f"SELECT * FROM ({ORDERS}) o WHERE entitled > had"
    rows, units = _counted(owed, params)
    posted = post.post_set(
        f"""
        SELECT o.order_id, %(event)s, %(version)s, issued.id, units.id, o.holder_id, o.entitled - o.had, %(now)s, 0,
               NULL::uuid
          FROM ({owed}) o
          JOIN fund_account issued ON issued.code = %(issued)s
          JOIN fund_account units ON units.code = %(units)s
        """,
        params,
    )
    moved = Compensation.objects.filter(pk=one.pk, done_to=one.done_to).update(
        done_to=chunk.last_holder, units_posted=F("units_posted") + units
    )
    if (posted, moved) != (rows, 1):
        raise RuntimeError(f"{posted} of {rows} orders of {one} were compensated")
    if posted:
        outbox.leave(
            topic="orders.made_good",
            subject=f"{one} {chunk.first_holder}",
            now=now,
            offering=one.offering_id,
            first_holder=chunk.first_holder,
            last_holder=chunk.last_holder,
        )


def _counted(owed: str, params: Mapping[str, Any]) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), coalesce(sum(entitled - had), 0)::bigint FROM ({owed}) o", params)
        rows, units = cursor.fetchone() or (0, 0)
    return int(rows), int(units)


def _finish(one: Compensation, now: datetime) -> None:
    """The end, which the database allows only when exactly what was approved is posted; everybody concerned is told."""
    if one.made_good:
        lines = by_co_owners(
            unit_class=one.offering.unit_class, money=one.offering.money(one.made_good), usd_jpy=one.nav.usd_jpy
        )
        post.post(event=Event.CORRECTION, event_id=one.event_id, lines=lines, effective_at=now)
    if Compensation.objects.filter(pk=one.pk, finished_at=None).update(finished_at=now) != 1:
        raise RuntimeError(f"{one} was finished before")
    audit.record(
        actor="system",
        verb="compensate",
        subject=f"offering:{one.offering_id}",
        now=now,
        nav=str(one.nav),
        units=str(one.units_owed),
        made_good=str(one.made_good),
    )
    outbox.leave(topic="orders.compensated", subject=str(one), now=now, compensation=one.pk)


def by_co_owners(*, unit_class: UnitClass, money: Money, usd_jpy: Decimal) -> list[Line]:
    """From the co-owners' capital to that of a class, at the rate of the corrected NAV: the net assets stay."""
    to = f"capital:{unit_class}"
    if money.currency == Currency.USD:
        return [Line(f"capital:{CO_OWNERS}", to, money.amount)]
    dollars = convert(money, to=Currency.USD, usd_jpy=usd_jpy)
    return [
        Line(f"capital:{CO_OWNERS}", "exchange:USD", max(dollars.amount, 1)),
        Line("exchange:JPY", to, money.amount),
    ]
