"""A year of tax: computed from the book, compared with its accounts, released under both keys (D4, D48)."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.distribution.models import Distribution
from fund.distribution.withholding import UsBasis
from fund.governance import approval, audit, config, officers, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, Money
from fund.payments.remittance import ACCOUNTS
from fund.redemption.models import RedemptionWindow
from fund.refusal import Refusal
from fund.tax import pfic
from fund.tax.forms import LINES, REDEEMED, WITHHELD
from fund.tax.models import Form, TaxStatement, TaxYear

State = TaxYear.State
RANGE = 20_000  # holders
RATES = {UsBasis.TREATY: "withholding.us_treaty", UsBasis.FOREIGN: "withholding.us_foreign"}


class Refused(Refusal):
    """The year cannot be prepared or released as things stand."""

    code = "tax_year"


Tell = Callable[[int, int], object]


def span(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


# ── computing it ──


@transaction.atomic
def begin(*, year: int, officer: Officer, now: datetime) -> TaxYear:
    """Open a version of a year that is over; the note has its statements computed (``prepare_next``).

    Raises Refused: not_over; open, while another version waits; unpaid, while a distribution of the year is not paid
    yet, or a redemption window not settled; NotOnDuty; and ``rates.Unknown``.
    """
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    first, last = span(year)
    if calendars.books_close(last) > now:
        raise Refused(_("The year is not over."), code="not_over")
    of_year = Distribution.objects.filter(pay_day__range=(first, last))
    if of_year.filter(state__in=[Distribution.State.DECLARED, Distribution.State.RECORDED]).exists():
        raise Refused(_("A distribution of this year is not paid yet."), code="unpaid")
    at_work = [RedemptionWindow.State.OPEN, RedemptionWindow.State.CLOSED, RedemptionWindow.State.DECIDED]
    if RedemptionWindow.objects.filter(dealing_day__lte=last, state__in=at_work).exists():
        raise Refused(_("A redemption window of this year is not settled yet."), code="unpaid")
    version = TaxYear.objects.filter(year=year, state=State.RELEASED).aggregate(last=Max("version", default=0))["last"]
    try:
        with transaction.atomic():
            one = TaxYear.objects.create(
                year=year, version=version + 1, basis=_basis(year, now), begun_by=officer.actor, begun_at=now
            )
    except IntegrityError:
        raise Refused(_("Another version of this year waits for its approval."), code="open") from None
    audit.record(actor=officer.actor, verb="tax_year.begun", subject=one.subject, now=now, year=year)
    outbox.leave(topic="tax.begun", subject=one.subject, now=now, tax_year=one.pk)
    return one


def _basis(year: int, now: datetime) -> dict[str, Any]:
    """The dated settings of the year, and the fund's own sums for it."""
    first, last = span(year)
    at_end = calendars.books_open(last)
    is_pfic = config.get("tax.pfic", at=at_end)
    rates = {
        str(one.pk): {
            str(basis.value): f"{Decimal(config.get(key, at=calendars.books_open(one.pay_day))):.2f}"
            for basis, key in RATES.items()
        }
        for one in Distribution.objects.filter(pay_day__range=(first, last))
    }
    earned = pfic.earnings(first, last) if is_pfic else pfic.Earnings(0, 0)
    return {
        "rates": rates,
        "pfic": is_pfic,
        # Dividends of a passive foreign investment company are never qualified: IRC §1(h)(11)(C)(iii).
        "qualified_percent": "0" if is_pfic else config.get("tax.qualified_percent", at=at_end),
        "ordinary": str(earned.ordinary),
        "gain": str(earned.gain),
    }


# Only what is not what the released versions before say: of somebody of whom nothing is left there is an empty one.
STATEMENTS = """
    INSERT INTO fund_taxstatement (tax_year_id, form, holder_id, version, lines)
    SELECT %(tax_year)s, %(form)s, holder_id, coalesce(b.version, 0) + 1, coalesce(n.lines, '[]')
      FROM (SELECT holder_id, jsonb_agg(line ORDER BY place) AS lines FROM ({lines}) l GROUP BY 1) n
      FULL JOIN (SELECT DISTINCT ON (s.holder_id) s.holder_id, s.version, s.lines
                   FROM fund_taxstatement s
                   JOIN fund_taxyear y ON y.id = s.tax_year_id AND y.state = 'released' AND y.year = %(year)s
                  WHERE s.form = %(form)s AND s.holder_id BETWEEN %(first)s AND %(last)s
                  ORDER BY s.holder_id, s.version DESC) b USING (holder_id)
     WHERE coalesce(n.lines, '[]') IS DISTINCT FROM coalesce(b.lines, '[]')
     ORDER BY holder_id
"""
NEXT = """
    SELECT min(id), max(id) FROM (SELECT id FROM fund_holder WHERE id > %s ORDER BY id LIMIT %s) h
"""


@transaction.atomic
def prepare_next(*, tax_year: TaxYear, now: datetime, tell: Tell = lambda first, last: None, size: int = RANGE) -> bool:
    """Compute the statements of the next range of holders; False when all are there and the version is frozen.

    ``tell`` has the tax status of the holders between two numbers brought up to date before.
    """
    one = TaxYear.objects.select_for_update(of=("self",)).get(pk=tax_year.pk)
    if one.state != State.PREPARING:
        return False
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [one.done_to, size])
        first, last = cursor.fetchone() or (None, None)
    if last is None:
        _freeze(one, now)
        return False
    assert first is not None
    tell(first, last)
    params = _params(one) | {"first": first, "last": last}
    with connection.cursor() as cursor:
        for form in Form:
            cursor.execute(STATEMENTS.format(lines=LINES[form]), params | {"form": form.value})
    if TaxYear.objects.filter(pk=one.pk, state=State.PREPARING, done_to=one.done_to).update(done_to=last) != 1:
        raise RuntimeError(f"{one} went on beside this")
    return True


def _params(one: TaxYear) -> dict[str, Any]:
    first, last = span(one.year)
    qualified = Fraction(one.basis["qualified_percent"]) / 100
    return {
        "tax_year": one.pk,
        "year": one.year,
        "from": first,
        "to": last,
        "rates": json.dumps(one.basis["rates"]),
        "pfic": one.basis["pfic"],
        "qualified_n": qualified.numerator,
        "qualified_d": qualified.denominator,
        "ordinary": int(one.basis["ordinary"]),
        "gain": int(one.basis["gain"]),
        "factors": json.dumps(pfic.factors(first, last) if one.basis["pfic"] else []),
    }


def _freeze(one: TaxYear, now: datetime) -> None:
    count, digest = digest_of(one)
    if TaxYear.objects.filter(pk=one.pk, state=State.PREPARING).update(
        state=State.PREPARED, count=count, digest=digest
    ) != 1:  # fmt: skip
        raise RuntimeError(f"{one} was frozen before")
    audit.record(
        actor=one.begun_by, verb="tax_year.prepared", subject=one.subject, now=now, count=count, digest=digest.hex()
    )


def digest_of(one: TaxYear) -> tuple[int, bytes]:
    """Count and SHA-256 of the statements of a version."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), sha256(coalesce(string_agg(sha256(convert_to(
                       jsonb_build_array(form, holder_id, version, lines)::text, 'UTF8')), ''::bytea
                       ORDER BY form, holder_id), ''::bytea))
              FROM fund_taxstatement WHERE tax_year_id = %s
            """,
            [one.pk],
        )
        count, digest = cursor.fetchone() or (0, b"")
    return int(count), bytes(digest)


# ── comparing it with the accounts ──


@dataclass(frozen=True)
class Compared:
    """An account of withheld taxes, or what was redeemed: what the statements of the year say, and what the ledger."""

    account: str
    told: Money
    booked: Money

    @property
    def agrees(self) -> bool:
        return self.told == self.booked


# The statements that stand once this version is released: of each form of a holder the newest.
STANDING = """
    SELECT DISTINCT ON (s.form, s.holder_id) s.form, s.holder_id, s.lines
      FROM fund_taxstatement s
      JOIN fund_taxyear y ON y.id = s.tax_year_id AND y.year = %(year)s AND y.version <= %(version)s
                         AND (y.state = 'released' OR y.id = %(tax_year)s)
     ORDER BY s.form, s.holder_id, y.version DESC
"""
TOLD = f"""
    SELECT form, line ->> 'currency', key, sum(value::numeric)::bigint
      FROM ({STANDING}) s
     CROSS JOIN LATERAL jsonb_array_elements(s.lines) AS one(line)
     CROSS JOIN LATERAL jsonb_each_text(one.line) AS field(key, value)
     WHERE value ~ '^-?[0-9]+$' AND key NOT IN ('1', '3a', '13f', 'window')
     GROUP BY 1, 2, 3
"""
# What stands on the account and was remitted of it, less what other years have brought there.
BOOKED = """
    SELECT a.code, (k.amount + coalesce((SELECT sum(l.amount) FROM fund_payoutline l
                                           JOIN fund_payoutrun r ON r.id = l.run_id
                                          WHERE l.state = 'paid' AND l.authority = ANY(%(authorities)s)
                                            AND r.currency = %(currency)s), 0)
           - coalesce((SELECT sum(CASE WHEN e.reversal THEN -1 ELSE 1 END * e.{column})
                         FROM fund_distribution d
                         JOIN fund_unitclass c ON c.code = d.unit_class_id AND c.currency = %(currency)s
                         JOIN fund_entitlement e ON e.distribution_id = d.id
                        WHERE d.pay_day NOT BETWEEN %(from)s AND %(to)s), 0))::bigint
      FROM fund_account a JOIN fund_control k ON k.account_id = a.id WHERE a.code = %(account)s
"""
# What redemptions of the year have paid and made good, as the ledger has it.
REDEEMED_BOOKED = """
    SELECT coalesce(sum(t.amount), 0)::bigint
      FROM fund_redemptionline l
      JOIN fund_redemptionwindow w ON w.code = l.window_id
      JOIN fund_unitclass c ON c.code = w.unit_class_id AND c.currency = %(currency)s
      JOIN fund_account a ON a.code = 'refunds:' || c.currency
      JOIN fund_transfer t ON t.event_id = l.id AND t.event IN (13, 15) AND t.phase = 0 AND t.credit_id = a.id
     WHERE {whose}
"""
WHOSE = {
    "redeemed_us": "l.us_person AND w.dealing_day BETWEEN %(from)s AND %(to)s",
    "redeemed_jp": ("l.jp_resident AND (l.settled_at AT TIME ZONE 'Asia/Tokyo')::date BETWEEN %(from)s AND %(to)s"),
}
COLUMN = {"withheld_us": "us", "withheld_national": "national", "withheld_local": "local"}


type Told = dict[tuple[Form, str, str], int]


def sums(*, tax_year: TaxYear) -> Told:
    """What the standing statements come to, by form, currency and field."""
    with connection.cursor() as cursor:
        cursor.execute(TOLD, {"year": tax_year.year, "version": tax_year.version, "tax_year": tax_year.pk})
        return {(Form(form), currency, key): amount for form, currency, key, amount in cursor.fetchall()}


def compared(*, tax_year: TaxYear) -> list[Compared]:
    """All withheld taxes, and all that was redeemed, beside the statements; a year is released when all agree."""
    told = sums(tax_year=tax_year)
    first, last = span(tax_year.year)
    found = []
    for name, fields in WITHHELD.items():
        for currency in Currency:
            params = {
                "account": f"{name}:{currency}",
                "currency": currency.value,
                "from": first,
                "to": last,
                "authorities": [one for one, account in ACCOUNTS.items() if account == name],
            }
            with connection.cursor() as cursor:
                cursor.execute(BOOKED.format(column=COLUMN[name]), params)
                code, booked = cursor.fetchone() or ("", 0)
            found.append(Compared(code, _told(told, fields, currency), Money(booked, currency)))
    for name, fields in REDEEMED.items():
        for currency in Currency:
            with connection.cursor() as cursor:
                cursor.execute(
                    REDEEMED_BOOKED.format(whose=WHOSE[name]), {"currency": currency.value, "from": first, "to": last}
                )
                (booked,) = cursor.fetchone() or (0,)
            found.append(Compared(f"{name}:{currency}", _told(told, fields, currency), Money(booked, currency)))
    return found


def _told(told: Told, fields: Sequence[tuple[Form, str]], currency: Currency) -> Money:
    return Money(sum(told.get((form, currency.value, key), 0) for form, key in fields), currency)


# ── both keys ──


@transaction.atomic
def propose(*, tax_year: TaxYear, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put a prepared version up for both keys. Raises Refused: not_ready, sums_differ; and NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    one = TaxYear.objects.get(pk=tax_year.pk)
    payload = _payload(one)
    return approval.propose(
        kind=Kind.TAX_YEAR, subject=one.subject, payload=payload, officer=officer, now=now, reason=reason
    )


def _payload(one: TaxYear) -> dict[str, Any]:
    if one.state != State.PREPARED or one.digest is None:
        raise Refused(_("This version is not ready for approval."), code="not_ready")
    accounts = compared(tax_year=one)
    if wrong := [account for account in accounts if not account.agrees]:
        message = _("The statements say %(told)s for %(account)s, the ledger %(booked)s.")
        told = {"told": wrong[0].told, "account": wrong[0].account, "booked": wrong[0].booked}
        raise Refused(message % told, code="sums_differ")
    return {
        "year": str(one.year),
        "version": str(one.version),
        "count": str(one.count),
        "statements": bytes(one.digest).hex(),
        "withheld": _amounts(accounts, WITHHELD),
        **({"redeemed": redeemed} if (redeemed := _amounts(accounts, REDEEMED)) else {}),
    }


def _amounts(accounts: Sequence[Compared], names: Collection[str]) -> dict[str, str]:
    return {
        one.account: str(one.told.amount)
        for one in accounts
        if one.told.amount and one.account.partition(":")[0] in names
    }


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> TaxYear | None:
    """Release what both nations approved: papers and files follow. None when this was done before.

    Raises Refused like ``propose``, and changed, when the statements or the book are not what was approved.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    one = TaxYear.objects.select_for_update(of=("self",)).get(pk=int(proposal.subject.partition(":")[2]))
    if _payload(one) != proposal.facts or digest_of(one) != (one.count, bytes(one.digest or b"")):
        raise Refused(_("The statements are not the ones that were approved."), code="changed")
    if TaxYear.objects.filter(pk=one.pk, state=State.PREPARED).update(
        state=State.RELEASED, proposal=proposal, released_at=now
    ) != 1:  # fmt: skip
        raise RuntimeError(f"{one} was released before")
    outbox.leave(topic="tax.released", subject=one.subject, now=now, tax_year=one.pk)
    one.refresh_from_db()
    return one


@transaction.atomic
def withdraw(*, tax_year: TaxYear, officer: Officer, now: datetime) -> None:
    """Give up a version that is not released, with its open proposal. Raises Refused: not_ready; NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    for proposal in Proposal.objects.filter(
        kind=Kind.TAX_YEAR, subject=tax_year.subject, state=Proposal.State.OPEN
    ):  # fmt: skip
        approval.withdraw(proposal=proposal, officer=officer, now=now)
    open_ones = TaxYear.objects.filter(pk=tax_year.pk, state__in=[State.PREPARING, State.PREPARED])
    if open_ones.update(state=State.WITHDRAWN) != 1:
        raise Refused(_("This version can no longer be withdrawn."), code="not_ready")
    audit.record(actor=officer.actor, verb="tax_year.withdrawn", subject=tax_year.subject, now=now)


# ── reading it ──


def before(*, statement: TaxStatement) -> TaxStatement | None:
    """The statement that this one takes the place of."""
    rows = TaxStatement.objects.filter(
        form=statement.form,
        holder_id=statement.holder_id,
        version=statement.version - 1,
        tax_year__year=statement.tax_year.year,
        tax_year__state=State.RELEASED,
    )
    return rows.select_related("tax_year").first()
