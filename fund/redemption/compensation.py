"""Compensation of redemptions that were settled at a price which was corrected (D43, decisions 18 and 37).

Whoever was paid too little receives the difference, out of the class that kept it. Whoever was paid too much keeps it;
the co-owners make it good to those who stayed in the class. A piece of the work is some holders in their order; where
it ends is kept in its transaction, and a line and the version that corrects it are the key of a transfer, so that a run
killed anywhere goes on exactly where it was.
"""

from collections.abc import Sequence
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

from fund.dealing import compensation
from fund.governance import audit, config, outbox
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Money
from fund.nav import correct
from fund.nav.models import Nav
from fund.redemption.models import RedemptionLine, RedemptionWindow
from fund.refusal import Refusal

AT_ONCE = 5_000  # lines of a piece

# Every settled line of a window that redeemed something: what it has brought its holder with what earlier versions made
# good, and what it should have. Rounded as the settlement rounds.
LINES = """
    SELECT l.id, l.request_id, l.holder_id, l.filled, l.gross - l.charge + coalesce(c.amount, 0) AS had,
           div(l.filled::numeric * %(price)s, %(price_per)s)::bigint
           - div(l.charged_units::numeric * %(price)s * %(rate)s, %(price_per)s::numeric * %(rate_per)s)::bigint
           AS entitled
      FROM fund_redemptionline l
      LEFT JOIN LATERAL (SELECT sum(t.amount)::bigint AS amount FROM fund_transfer t
                          WHERE t.event_id = l.id AND t.event = %(event)s AND t.line < %(version)s) c ON true
     WHERE l.window_id = %(window)s AND l.holder_id > %(after)s AND l.holder_id <= %(last)s
       AND l.settled_at IS NOT NULL AND l.filled > 0
"""
ALL = {"after": 0, "last": 2**63 - 1}


class Refused(Refusal):
    """The correction cannot be proposed or carried out as things stand."""

    code = "redemption_compensation"


class RedemptionCompensation(models.Model):
    """What the redemptions of one window are owed by one corrected NAV, as both nations approved it; minor units.

    ``lines`` were settled at ``price_before``; they lack ``owed`` of what ``price_after`` would have brought. Of those
    that brought more, ``over`` was not made good before: the co-owners' part. The last three columns say how far it is.
    """

    id = models.BigAutoField(primary_key=True)
    nav = models.ForeignKey(Nav, on_delete=models.PROTECT, related_name="redemption_compensations")
    window = models.ForeignKey(RedemptionWindow, on_delete=models.PROTECT, related_name="compensations")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    event_id = models.UUIDField(db_default=UUID7(), unique=True, editable=False)
    price_before = models.DecimalField(max_digits=18, decimal_places=4)
    price_after = models.DecimalField(max_digits=18, decimal_places=4)
    error_percent = models.DecimalField(max_digits=12, decimal_places=4)
    lines = models.BigIntegerField()
    owed = models.BigIntegerField()
    over = models.BigIntegerField()
    done_to = models.BigIntegerField(default=0)
    posted = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nav", "window"], name="redemption_compensation_once"),
            models.CheckConstraint(
                name="redemption_compensation_signs",
                condition=Q(lines__gte=0, owed__gte=0, over__gte=0, done_to__gte=0),
            ),
            models.CheckConstraint(
                name="redemption_compensation_posts_what_is_owed",
                condition=Q(posted__gte=0, posted__lte=F("owed"), finished_at=None)
                | Q(posted=F("owed"), finished_at__isnull=False),
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.CORRECTION,
                when="TG_OP = 'INSERT'",
                subject="'correction'",
                facts=(
                    "jsonb_build_object('redemptions', jsonb_build_array(jsonb_build_object("
                    "'day', (SELECT valuation_day::text FROM fund_nav WHERE id = NEW.nav_id), 'window', NEW.window_id,"
                    " 'price_before', NEW.price_before::text, 'price_after', NEW.price_after::text,"
                    " 'error_percent', NEW.error_percent::text, 'lines', NEW.lines::text, 'owed', NEW.owed::text,"
                    " 'over', NEW.over::text)))"
                ),
            ),
            pgtrigger.ReadOnly(name="redemption_compensation_stands", exclude=["done_to", "posted", "finished_at"]),
            pgtrigger.Protect(name="redemption_compensation_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.window_id} by {self.nav}"


@dataclass(frozen=True)
class Due:
    """What one window's redemptions are owed by a version that is still a draft, as in ``RedemptionCompensation``."""

    nav: Nav
    window: RedemptionWindow
    error: correct.Error
    lines: int
    owed: Money
    over: Money

    @property
    def facts(self) -> dict[str, str]:
        """As officers sign it."""
        return {
            "day": self.nav.valuation_day.isoformat(),
            "window": self.window.pk,
            "price_before": f"{self.error.wrong:f}",
            "price_after": f"{self.error.right:f}",
            "error_percent": f"{self.error.percent:f}",
            "lines": str(self.lines),
            "owed": str(self.owed.amount),
            "over": str(self.over.amount),
        }


@dataclass(frozen=True)
class Affected:
    """One redemption at a wrong price: smallest units, what it has brought its holder, and what it should have."""

    request: str
    units: int
    had: Money
    entitled: Money


def preview(*, drafts: Sequence[Nav], now: datetime) -> list[Due]:
    """What a correction owes, window by window, where the error is above the limit (``nav.correction_percent``).

    Raises Refused: being_settled, while a window is still being settled at one of the wrong prices.
    """
    limit = Decimal(config.get("nav.correction_percent", at=now))
    found = []
    for draft in drafts:
        wrong = {one.unit_class.pk: one for one in correct.errors(nav=draft) if one.above(limit)}
        for window in _priced_on(draft).filter(unit_class__in=wrong):
            if window.state != RedemptionWindow.State.SETTLED:
                message = _(
                    "Redemption window %(window)s is still being settled. Propose the correction when it is done."
                )
                raise Refused(message % {"window": window}, code="being_settled")
            found.append(_due(draft, window, wrong[window.unit_class_id]))
    return [due for due in found if due.lines]


def _priced_on(nav: Nav) -> models.QuerySet[RedemptionWindow]:
    """The windows that were decided at the price of a NAV's day."""
    rows = RedemptionWindow.objects.filter(dealing_day=nav.valuation_day, decision__isnull=False)
    return rows.select_related("unit_class").order_by("code")


def _due(draft: Nav, window: RedemptionWindow, error: correct.Error) -> Due:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*), coalesce(sum(entitled - had) FILTER (WHERE entitled > had), 0)::bigint,
                   coalesce(sum(had - entitled) FILTER (WHERE had > entitled), 0)::bigint
              FROM ({LINES}) l
            """,
            {**_scalars(draft, window, error.right), **ALL},
        )
        lines, owed, over = cursor.fetchone() or (0, 0, 0)
    made = window.compensations.aggregate(sum=models.Sum("over", default=0))["sum"]
    return Due(draft, window, error, lines, window.money(owed), window.money(max(0, over - made)))


def _scalars(nav: Nav, window: RedemptionWindow, price: Decimal) -> dict[str, Any]:
    per_unit: Fraction = window.unit_class.price(price).minor_per_unit
    rate = Fraction(window.charge_percent) / 100
    return {
        "window": window.pk,
        "price": per_unit.numerator,
        "price_per": per_unit.denominator,
        "rate": rate.numerator,
        "rate_per": rate.denominator,
        "version": nav.version,
        "event": Event.CORRECTION.value,
    }


def affected(*, due: Due, after: int = 0, limit: int = 500) -> list[tuple[int, Affected]]:
    """The redemptions of a due compensation by holder, a page at a time, each after its holder's number."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT holder_id, request_id, filled, had, entitled FROM ({LINES}) l ORDER BY holder_id LIMIT %(limit)s",
            {**_scalars(due.nav, due.window, due.error.right), **ALL, "after": after, "limit": limit},
        )
        money = due.window.money
        return [
            (holder, Affected(str(request), units, money(had), money(entitled)))
            for holder, request, units, had, entitled in cursor.fetchall()
        ]


def hold_windows(*, drafts: Sequence[Nav]) -> None:
    """No window is decided at a price of these days until this transaction ends: then it takes the corrected one."""
    days = [draft.valuation_day for draft in drafts]
    list(RedemptionWindow.objects.filter(dealing_day__in=days).select_for_update(of=("self",)).order_by("pk"))


def begin(*, owed: Sequence[Due], proposal: Proposal) -> None:
    """What both nations approved is to be made good from now on (``compensate_next``)."""
    RedemptionCompensation.objects.bulk_create(
        RedemptionCompensation(
            nav=due.nav,
            window=due.window,
            proposal=proposal,
            price_before=due.error.wrong,
            price_after=due.error.right,
            error_percent=due.error.percent,
            lines=due.lines,
            owed=due.owed.amount,
            over=due.over.amount,
        )
        for due in owed
    )


@transaction.atomic
def compensate_next(*, now: datetime, most: int = AT_ONCE) -> int:
    """Make good the next lines, in one transaction; how many it looked at, 0 when nothing is left.

    What another worker is at work on is passed over.
    """
    one = (
        RedemptionCompensation.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("nav", "window__unit_class")
        .filter(finished_at=None)
        .order_by("pk")
        .first()
    )
    if one is None:
        return 0
    left = RedemptionLine.objects.filter(window=one.window_id, holder_id__gt=one.done_to, filled__gt=0)
    found = list(left.order_by("holder_id").values_list("holder_id", flat=True)[:most])
    if not found:
        _finish(one, now)
        return 1
    _compensate(one, found[-1], now)
    return len(found)


def _compensate(one: RedemptionCompensation, last: int, now: datetime) -> None:
    params = {
        **_scalars(one.nav, one.window, one.price_after),
        "after": one.done_to,
        "last": last,
        "capital": f"capital:{one.window.unit_class_id}",
        "refunds": f"refunds:{one.window.currency}",
        "now": now,
    }
    owed = f"SELECT * FROM ({LINES}) l WHERE entitled > had"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), coalesce(sum(entitled - had), 0)::bigint FROM ({owed}) o", params)
        rows, amount = cursor.fetchone() or (0, 0)
    posted = post.post_set(
        f"""
        SELECT o.id, %(event)s, %(version)s, capital.id, refunds.id, o.holder_id, o.entitled - o.had, %(now)s, 0,
               NULL::uuid
          FROM ({owed}) o
          JOIN fund_account capital ON capital.code = %(capital)s
          JOIN fund_account refunds ON refunds.code = %(refunds)s
        """,
        params,
    )
    moved = RedemptionCompensation.objects.filter(pk=one.pk, done_to=one.done_to).update(
        done_to=last, posted=F("posted") + amount
    )
    if (posted, moved) != (rows, 1):
        raise RuntimeError(f"{posted} of {rows} redemptions of {one} were made good")
    if posted:
        outbox.leave(
            topic="redemptions.made_good",
            subject=f"{one} {last}",
            now=now,
            window=one.window_id,
            first_holder=one.done_to + 1,
            last_holder=last,
        )


def _finish(one: RedemptionCompensation, now: datetime) -> None:
    """The end, which the database allows only when exactly what was approved is posted; everybody concerned is told."""
    if one.over:
        lines = compensation.by_co_owners(
            unit_class=one.window.unit_class, money=one.window.money(one.over), usd_jpy=one.nav.usd_jpy
        )
        post.post(event=Event.CORRECTION, event_id=one.event_id, lines=lines, effective_at=now)
    if RedemptionCompensation.objects.filter(pk=one.pk, finished_at=None).update(finished_at=now) != 1:
        raise RuntimeError(f"{one} was finished before")
    audit.record(
        actor="system",
        verb="compensate",
        subject=f"redemption_window:{one.window_id}",
        now=now,
        nav=str(one.nav),
        owed=str(one.owed),
        made_good=str(one.over),
    )
    outbox.leave(topic="redemption.compensated", subject=str(one), now=now, compensation=one.pk)
