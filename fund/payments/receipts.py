"""Receiving money: which payments are expected, and taking the bank's files (D27, D33–D35)."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from fund import envelope, rows
from fund.governance import audit, config, outbox
from fund.ledger import accounts
from fund.money import Currency, Money
from fund.payments import answers, matching, payout_results, reading, references
from fund.payments.answers import Answered
from fund.payments.formats.model import Statement
from fund.payments.formats.sound_xml import MAX_BYTES
from fund.payments.models import BankAccount, BankEntry, BankFile, BankStatement, Earmark, Expected, Fault, Postponement
from fund.payments.reading import Quarantined, Told
from fund.payments.suspense import Resolution

__all__ = [
    "Import",
    "Outcome",
    "Quarantined",
    "earmark",
    "expect",
    "forget",
    "forget_all",
    "funded_orders",
    "import_file",
    "open_account",
    "open_file",
    "open_payer",
    "payment_account",
    "returnable_until",
]

TIME_ZONES = {Currency.USD: "America/New_York", Currency.JPY: "Asia/Tokyo"}
JAPAN = ZoneInfo("Asia/Tokyo")
FAMILIES = (  # one account is read from one of them: nothing tells that two entries of two families are the same
    {BankFile.Kind.STATEMENT, BankFile.Kind.NOTIFICATION},
    {BankFile.Kind.ZENGIN_STATEMENT},
    {BankFile.Kind.ZENGIN_NOTICE},
)
FILE_PLACE = {"table": "fund_bankfile", "column": "sealed"}


@dataclass(frozen=True)
class Outcome:
    """What became of like entries of one file. Amounts are minor units of ``currency``; ``credit`` is money in."""

    account: str
    currency: str
    credit: bool
    outcome: BankEntry.Outcome
    reason: str
    entries: int
    amount: int
    held: int
    suspended: int


@dataclass(frozen=True)
class Import:
    """A file that was taken. ``posted`` entries, ``matched`` or ``suspense``, moved money; ``ignored`` ones did not.

    ``repeated`` entries were known from an earlier file, ``pending`` ones are not booked yet; neither is kept. A file
    of answers to payments of ours has ``answered`` instead. With ``replay`` the file itself was taken before and
    nothing was done.
    """

    file: BankFile
    replay: bool = False
    posted: int = 0
    matched: int = 0
    suspense: int = 0
    ignored: int = 0
    repeated: int = 0
    pending: int = 0
    lines: tuple[Outcome, ...] = ()
    answered: Answered | None = None


@transaction.atomic
def open_account(
    *,
    code: str,
    currency: Currency,
    name_en: str,
    name_ja: str,
    bank_name_en: str,
    bank_name_ja: str,
    number: str,
    now: datetime,
    branch_en: str = "",
    branch_ja: str = "",
    routing: str = "",
    time_zone: str = "",
    name_kana: str = "",
    customer_code: str = "",
    actor: str = "system",
) -> BankAccount:
    """Open a bank account of the fund and its account in the book. Raises IntegrityError when the code is taken."""
    currency = Currency(currency)
    accounts.open_bank(name=code, currency=currency)
    opened = BankAccount.objects.create(
        code=code,
        currency=currency.value,
        time_zone=time_zone or TIME_ZONES[currency],
        name_en=name_en,
        name_ja=name_ja,
        bank_name_en=bank_name_en,
        bank_name_ja=bank_name_ja,
        branch_en=branch_en,
        branch_ja=branch_ja,
        routing=routing,
        number=number,
        name_kana=name_kana,
        customer_code=customer_code,
        opened_at=now,
    )
    audit.record(
        actor=actor, verb="bank_account.opened", subject=f"bank_account:{code}", now=now, currency=currency.value
    )
    return opened


FIRST_OPENED = "ORDER BY opened_at, code"


def payment_account(*, currency: Currency) -> BankAccount:
    """The account that citizens pay to: the first opened in the currency. Raises BankAccount.DoesNotExist."""
    found = rows.first(BankAccount, f"WHERE t.currency = %s {FIRST_OPENED}", [currency.value])
    if found is None:
        raise BankAccount.DoesNotExist(f"no account in {currency}")
    return found


def expect(*, holder_id: int, amount: Money, pay_by: datetime, order_id: UUID, subject: str, now: datetime) -> Expected:
    """Expect a payment from a holder by the end of ``pay_by``'s day at the bank, under a new reference (D27).

    ``subject`` is the offering's code. Raises IntegrityError when the order is expected already.
    """
    while True:
        expected = expectation(
            holder_id=holder_id, amount=amount, pay_by=pay_by, order_id=order_id, subject=subject, now=now
        )
        if rows.insert(expected, unless="reference"):  # another order seldom has this one
            return expected


def expectation(
    *, holder_id: int, amount: Money, pay_by: datetime, order_id: UUID, subject: str, now: datetime
) -> Expected:
    """The row of ``expect``, not written yet: for a verb that writes it together with its order."""
    reference = references.create()
    return rows.new(
        Expected,
        reference=reference,
        numeric_reference=references.numeric(reference),
        holder_id=holder_id,
        currency=amount.currency.value,
        amount=amount.amount,
        pay_by=pay_by,
        order_id=order_id,
        offering_code=subject,
        expected_at=now,
    )


def postpone(*, subject: str, pay_by: datetime, now: datetime) -> None:
    """Move the deadline of everything that is expected for a subject (an offering), however many, with one row."""
    Postponement.objects.create(subject=subject, pay_by=pay_by, since=now)


def forget(*, order_id: UUID, now: datetime) -> Money:
    """Stop expecting (withdrawn or lapsed): later money for it goes to suspense. Returns what was received until now.

    That money is on the holder's ``held`` account and the caller's to refund. Waits for an import that is filling the
    same payment. Raises Expected.DoesNotExist when the order is not expected, or no longer.
    """
    if forget_all(order_ids=[order_id], now=now) != 1:
        raise Expected.DoesNotExist(f"order {order_id} is not expected")
    received, currency = Expected.objects.values_list("received", "currency").get(order_id=order_id)
    return Money(received, Currency(currency))


@transaction.atomic
def forget_all(*, order_ids: Iterable[UUID], now: datetime) -> int:
    """``forget`` for a set (a list, or a queryset of ids); returns how many were still expected. Locks in key order."""
    waiting = Expected.objects.filter(order_id__in=order_ids, forgotten_at=None)
    locked = list(waiting.order_by("reference").select_for_update().values_list("reference", flat=True))
    return Expected.objects.filter(reference__in=locked, forgotten_at=None).update(forgotten_at=now)


def import_file(*, data: bytes, name: str, actor: str, now: datetime) -> Import:
    """Take a bank's file whole, in one transaction of its own, or not at all (D34).

    The same file again is a replay that does nothing. Raises Quarantined for an unsound file: then its row, with the
    reason, is committed by itself and nothing else is. Raises RuntimeError inside another transaction, which could undo
    either.
    """
    digest = sha256(data).hexdigest()
    taken = BankFile.objects.filter(digest=digest, state=BankFile.State.POSTED).first()
    if taken:
        return Import(file=taken, replay=True)
    received = BankFile(digest=digest, name=_plain(name), size=len(data), received_at=now, received_by=actor)
    if len(data) <= MAX_BYTES:
        received.sealed = envelope.seal(zlib.compress(data, level=1), **FILE_PLACE, row=digest)
    try:
        told = reading.read(data, today=now.astimezone(JAPAN).date())
        received.kind = told.kind
        return _take(received, told.statements) if told.statements else _take_answers(received, told)
    except Quarantined as refused:
        received = _quarantine(received, refused)
        refused.facts["file"] = received.pk
        raise


@transaction.atomic(durable=True)
def _take(received: BankFile, statements: Sequence[Statement]) -> Import:
    """Locks, in this order: the file's bank accounts by code (one import at a time an account, so that what is known of
    it does not change meanwhile), the expected payments by reference (``matching.match``), the balances (the ledger).
    Should the first be missing, the unique digest and the unique identity of entries still refuse to post twice.
    """
    _lock_accounts(statements)
    _check_family(statements, received.kind)
    file = _admit(received)
    if file is None:
        return Import(file=BankFile.objects.get(digest=received.digest), replay=True)
    _keep_balances(file, statements)
    new, repeated = matching.news(statements)
    call_back = timedelta(days=config.get("payments.ach_return_days", at=file.received_at))
    matching.take_in(new, file=file, call_back=call_back)
    payout_results.recognise(file=file)
    matching.match(file=file)
    matching.post_entries(file=file)
    pending = sum(not entry.booked for statement in statements for entry in statement.entries)
    result = _result(file, repeated=repeated, pending=pending)
    _tell(result)
    return result


@transaction.atomic(durable=True)
def _take_answers(received: BankFile, told: Told) -> Import:
    """Payout lines end or reopen; the runs and lines are locked by ``payout_results.take``."""
    answers.check_ours(told)
    file = _admit(received)
    if file is None:
        return Import(file=BankFile.objects.get(digest=received.digest), replay=True)
    return Import(file=file, answered=answers.take(file=file, told=told))


def _lock_accounts(statements: Sequence[Statement]) -> None:
    codes = {statement.account for statement in statements}
    ours = {
        one.code: one for one in BankAccount.objects.select_for_update(no_key=True).filter(pk__in=codes).order_by("pk")
    }
    if codes - ours.keys():
        raise Quarantined(Fault.UNKNOWN_ACCOUNT)
    if any(statement.currency not in ("", ours[statement.account].currency) for statement in statements):
        raise Quarantined(Fault.ACCOUNT_CURRENCY)


def _check_family(statements: Sequence[Statement], kind: str) -> None:
    other = [one for family in FAMILIES if kind not in family for one in family]
    accounts = {statement.account for statement in statements}
    if BankEntry.objects.filter(account__in=accounts, file__kind__in=other).exists():
        raise Quarantined(Fault.OTHER_FORM)


def _admit(received: BankFile) -> BankFile | None:
    """The file's row as posted, new or from quarantine; None when it was posted meanwhile."""
    file, is_new = BankFile.objects.get_or_create(
        digest=received.digest, defaults={**_facts(received), "state": BankFile.State.POSTED}
    )
    if is_new:
        return file
    released = BankFile.objects.filter(pk=file.pk, state=BankFile.State.QUARANTINED).update(
        **_facts(received), state=BankFile.State.POSTED, reason="", detail=""
    )
    file.refresh_from_db()
    return file if released == 1 else None


@transaction.atomic(durable=True)
def _quarantine(received: BankFile, refused: Quarantined) -> BankFile:
    """Keep the file with the reason; one that is quarantined already gets the newest reason."""
    why = {"reason": refused.fault.value, "detail": refused.detail[:300], "state": BankFile.State.QUARANTINED}
    file, is_new = BankFile.objects.get_or_create(digest=received.digest, defaults={**_facts(received), **why})
    if not is_new:
        BankFile.objects.filter(pk=file.pk, state=BankFile.State.QUARANTINED).update(**_facts(received), **why)
    audit.record(
        actor=received.received_by,
        verb="statement.quarantined",
        subject=f"bank_file:{file.pk}",
        now=received.received_at,
        reason=refused.fault.value,
    )
    return file


def _facts(received: BankFile) -> dict[str, Any]:
    return {
        field: getattr(received, field) for field in ("kind", "name", "size", "received_at", "received_by", "sealed")
    }


def _plain(name: str) -> str:
    """A file's name without what cannot be shown."""
    return "".join(letter for letter in name if letter.isprintable())[:120]


def _keep_balances(file: BankFile, statements: Sequence[Statement]) -> None:
    """What the bank says the accounts held, for the reconciliation."""
    BankStatement.objects.bulk_create(
        BankStatement(
            file=file,
            account_id=statement.account,
            opening=statement.opening,
            closing=statement.closing,
            opened_on=statement.opened_on or statement.closed_on,
            closed_on=statement.closed_on,
            written_at=statement.created_at,
        )
        for statement in statements
        if statement.opening is not None and statement.closing is not None and statement.closed_on
    )


def _result(file: BankFile, *, repeated: int, pending: int) -> Import:
    lines = outcomes(file=file)
    of = {outcome: sum(line.entries for line in lines if line.outcome == outcome) for outcome in BankEntry.Outcome}
    return Import(
        file=file,
        posted=of[BankEntry.Outcome.MATCHED] + of[BankEntry.Outcome.SUSPENSE],
        matched=of[BankEntry.Outcome.MATCHED],
        suspense=of[BankEntry.Outcome.SUSPENSE],
        ignored=of[BankEntry.Outcome.IGNORED],
        repeated=repeated,
        pending=pending,
        lines=lines,
    )


def outcomes(*, file: BankFile) -> tuple[Outcome, ...]:
    """What became of a file's entries, summed by account, direction, outcome and reason."""
    kinds = ("account_id", "currency", "credit", "outcome", "suspense_reason")
    sums = (
        BankEntry.objects.filter(file=file)
        .values_list(*kinds)
        .order_by("account_id", "outcome", "suspense_reason", "credit")
        .annotate(Count("id"), Sum("amount"), Sum("held"), Sum("suspended"))
    )
    return tuple(
        Outcome(account, currency, credit, BankEntry.Outcome(outcome), reason, entries, *map(int, amounts))
        for account, currency, credit, outcome, reason, entries, *amounts in sums
    )


def _tell(result: Import) -> None:
    """One act and one note for the whole file."""
    file = result.file
    counts = {name: getattr(result, name) for name in ("matched", "suspense", "ignored", "repeated", "pending")}
    audit.record(
        actor=file.received_by, verb="statement.posted", subject=f"bank_file:{file.pk}", now=file.received_at, **counts
    )
    outbox.leave(topic="statement.posted", subject=f"bank_file:{file.pk}", now=file.received_at, file=file.pk)
    for order in matching.reversed_orders(file=file):
        outbox.leave(topic="payment.reversed", subject=str(order), now=file.received_at, order=str(order))


def funded_orders(*, file_id: int) -> QuerySet[Expected, UUID]:
    """The ids of orders that are now fully paid and got money from this file, at once or by an officer's hand."""
    paid_into = BankEntry.objects.filter(file_id=file_id, held__gt=0, credit=True).values("expected_id")
    applied = Resolution.objects.filter(entry__file_id=file_id, applied__gt=0).values("expected_id")
    paid = Q(pk__in=paid_into) | Q(pk__in=applied)
    return Expected.objects.filter(paid, received=F("amount")).values_list("order_id", flat=True)


@transaction.atomic
def earmark(*, subject: str, now: datetime) -> list[UUID]:
    """Let the money received for a subject (an offering) stay as it is from now on, because it is being allotted.

    Waits for imports under way; a reversal that comes later is missing in suspense instead of in an order. Returns the
    orders that the bank has taken money back from and that are not fully paid: they must not be allotted. Again: the
    same.
    """
    list(BankAccount.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    Earmark.objects.get_or_create(subject=subject, defaults={"since": now})
    short = Expected.objects.filter(offering_code=subject, forgotten_at=None, received__lt=F("amount"))
    undone = BankEntry.objects.filter(expected=OuterRef("pk"), credit=False, held__gt=0)
    return list(short.filter(Exists(undone)).order_by("order_id").values_list("order_id", flat=True))


def returnable_until(*, order_id: UUID) -> date | None:
    """Until when the payments of an order can be called back at the bank (D36); None when none can."""
    paid = BankEntry.objects.filter(Q(expected__order_id=order_id) | Q(resolution__expected__order_id=order_id))
    found: date | None = paid.aggregate(last=Max("returnable_until"))["last"]
    return found


@transaction.atomic
def open_payer(*, entry: BankEntry, actor: str, purpose: str, now: datetime) -> matching.Payer:
    """What the payer of an entry wrote, for an officer; the opening is recorded with its purpose."""
    audit.record(actor=actor, verb="payer.opened", subject=f"bank_entry:{entry.pk}", now=now, purpose=purpose)
    return matching.payer(entry)


@transaction.atomic
def open_file(*, file: BankFile, actor: str, purpose: str, now: datetime) -> bytes | None:
    """The file as it came, or None where it was too large to keep; the opening is recorded with its purpose."""
    audit.record(actor=actor, verb="bank_file.opened", subject=f"bank_file:{file.pk}", now=now, purpose=purpose)
    if file.sealed is None:
        return None
    return zlib.decompress(envelope.unseal(bytes(file.sealed), **FILE_PLACE, row=file.digest))
