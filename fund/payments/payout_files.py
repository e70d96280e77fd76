"""The bank file of a payout run: made once, kept sealed, and given again as the same bytes (D33).

How a file is written is the business of the formats; here is decided who may have one, when, and of what.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund import calendars, envelope
from fund.governance import audit, fence
from fund.holders import Nation
from fund.money import Currency
from fund.payments.models import BankAccount
from fund.payments.payee import Payee
from fund.payments.payout_models import Format, PayoutFile, PayoutLine, PayoutRun
from fund.payments.payouts import PAYEE, PLACE, Refused

FITS = {
    Currency.USD: (Format.PAIN001, Format.NACHA),
    Currency.JPY: (Format.PAIN001, Format.ZENGIN),
}
NATION = {Currency.USD: Nation.US, Currency.JPY: Nation.JP}
FILE_PLACE = {"table": "fund_payoutfile", "column": "sealed"}


@dataclass(frozen=True)
class Payment:
    """One line in clear, for the moment in which the file is written; ``amount`` in minor units."""

    reference: str
    amount: int
    payee: Payee


@dataclass(frozen=True)
class Order:
    """What a writer needs: payments of one currency from one account on a banking day. ``reference`` is the run's."""

    reference: str
    currency: Currency
    account: BankAccount
    made_at: datetime
    pay_on: date
    payments: tuple[Payment, ...]


Writers = Mapping[Format, Callable[[Order], bytes]]


@dataclass(frozen=True)
class Made:
    """A file and its SHA-256. ``again`` when it was made before."""

    data: bytes
    digest: str
    again: bool


@transaction.atomic
def export(*, run: PayoutRun, format: Format, writers: Writers, actor: str, now: datetime) -> Made:
    """The file of an approved run. The first call makes it, every later one gives the same bytes.

    Raises Refused when the run is not approved, the format does not fit its currency, a payee cannot be written, or the
    file was made in another format before: a second file would pay twice. Raises Fenced on a copy that was restored.
    """
    fence.insist()
    held = PayoutRun.objects.select_for_update().get(pk=run.pk)
    _check_fits(held, format)
    kept = PayoutFile.objects.filter(run=held).first()
    made = kept or _make(held, format, writers[format], actor, now)
    if made.format != format:
        message = _("The file of this run was made in another format. A second file would pay twice.")
        raise Refused(message, code="other_format", format=made.format)
    audit.record(
        actor=actor,
        verb="payouts.exported",
        subject=f"payout_run:{held.pk}",
        now=now,
        digest=made.digest,
        again=kept is not None,
    )
    data = envelope.unseal(bytes(made.sealed), **FILE_PLACE, row=held.pk)
    if sha256(data).hexdigest() != made.digest:
        raise RuntimeError(f"the file of {held} is not the one that was made")
    return Made(data, made.digest, kept is not None)


def _check_fits(run: PayoutRun, format: Format) -> None:
    if run.state not in (PayoutRun.State.APPROVED, PayoutRun.State.EXPORTED, PayoutRun.State.CLOSED):
        raise Refused(_("This payout run is not approved by both nations."), code="not_approved")
    if format not in FITS[Currency(run.currency)]:
        raise Refused(_("This format does not carry the currency of the run."), code="format_does_not_fit")


def _make(run: PayoutRun, format: Format, write: Callable[[Order], bytes], actor: str, now: datetime) -> PayoutFile:
    try:
        data = write(order_of(run, now))
    except ValueError as unwritable:
        message = _("A payment of this run cannot be written in this format.")
        raise Refused(message, code="cannot_be_written", detail=str(unwritable)) from None
    if PayoutRun.objects.filter(pk=run.pk, state=PayoutRun.State.APPROVED).update(state=PayoutRun.State.EXPORTED) != 1:
        raise RuntimeError(f"{run} is {run.state} without a file")
    return PayoutFile.objects.create(
        run=run,
        format=format,
        digest=sha256(data).hexdigest(),
        size=len(data),
        sealed=envelope.seal(data, **FILE_PLACE, row=run.pk),
        made_at=now,
        made_by=actor,
    )


def order_of(run: PayoutRun, now: datetime) -> Order:
    """The payments of a run in clear. Raises RuntimeError when a payee is not the one that was approved."""
    currency = Currency(run.currency)
    account = run.account
    today = now.astimezone(ZoneInfo(account.time_zone)).date()
    return Order(
        reference=run.reference,
        currency=currency,
        account=account,
        made_at=now,
        pay_on=calendars.next_banking_day(NATION[currency], today),
        payments=tuple(_payments(run)),
    )


def _payments(run: PayoutRun) -> Iterator[Payment]:
    pending = PayoutLine.objects.filter(run=run, state=PayoutLine.State.PENDING).order_by("pk")
    for line in pending.iterator(chunk_size=2_000):
        words = envelope.unseal(bytes(line.sealed or b""), **PLACE, row=line.event_id)
        if envelope.blind_index(words.decode(), purpose=PAYEE) != bytes(line.payee_digest or b""):
            raise RuntimeError(f"the payee of {line} is not the one that was approved")
        yield Payment(line.reference, line.amount, Payee(**json.loads(words)))
