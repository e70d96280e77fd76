"""Payouts as approved runs (D4, D17): gathered as a set, frozen, approved by both nations, written once as a bank file.

A run pays what stands on the holders' ``refunds``, what goes back from suspense to its payers, and the withheld taxes
that are due (``remittance``). Where a citizen's bank account comes from is not known here: whoever gathers passes it
in, and it is kept sealed on the line. Others are paid to the account that both nations entered (``payee_accounts``).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.governance import approval, audit, officers, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.ledger import post
from fund.ledger.models import Event, Phase, column
from fund.money import Currency
from fund.payments import matching, payee_accounts, remittance
from fund.payments.models import BankAccount
from fund.payments.payee import Payee, complete
from fund.payments.payout_models import Obstacle, PayoutLine, PayoutRun
from fund.refusal import Refusal

State = PayoutRun.State
PLACE = {"table": "fund_payoutline", "column": "sealed"}
# The account does not exist, is closed, blocked or another's: ISO 20022 status reasons, NACHA return reasons.
FAULTS_OF_ACCOUNTS = (
    "AC01", "AC02", "AC03", "AC04", "AC06", "AC13", "AC14", "BE01", "MD07", "RC01", "RC04",
    "R02", "R03", "R04", "R12", "R13", "R14", "R15", "R16", "R17", "R20",
)  # fmt: skip
PAYEE = "payout payee"  # the purpose of a payee's fingerprint


class Refused(Refusal):
    """The run stays as it is; the message says why."""

    code = "payouts"


Payees = Callable[[Sequence[int]], Mapping[int, Payee]]


def gather(*, currency: Currency, payees: Payees, officer: Officer, now: datetime, chunk: int = 1_000) -> PayoutRun:
    """Begin a run and fill it to the end; one that was broken off is continued. Raises Refused and NotOnDuty.

    ``payees`` gives the bank accounts of the holders with these ids, as many as it knows.
    """
    run = PayoutRun.objects.filter(currency=currency.value, state=State.GATHERING).first()
    run = run or begin(currency=currency, officer=officer, now=now)
    while address_next(run=run, payees=payees, now=now, chunk=chunk):
        pass
    run.refresh_from_db()
    return run


# Straight from the cards and in the order of their key: so the rows of a million holders come as they lie.
GATHER = """
    INSERT INTO fund_payoutline (run_id, holder_id, resolution_id, amount)
    (SELECT %(run)s::bigint, holder_id, NULL::uuid, {refunds} - coalesce(reserved_{refunds}, 0)
       FROM fund_card
      WHERE {refunds} > coalesce(reserved_{refunds}, 0)
      ORDER BY holder_id)
     UNION ALL
    (SELECT %(run)s, NULL, s.id, s.amount
       FROM fund_resolution s
      WHERE s.way = 'returned' AND s.currency = %(currency)s
        AND NOT EXISTS (SELECT FROM fund_payoutline l
                         WHERE l.resolution_id = s.id AND l.state IN ('new', 'ready', 'pending', 'paid'))
      ORDER BY s.id)
"""


@transaction.atomic
def begin(*, currency: Currency, officer: Officer, now: datetime) -> PayoutRun:
    """Open a run with a line for everything that waits to be paid out in a currency, from its first account.

    A note is left: who is told of it gives the lines their payees (``address_next``).
    Raises Refused when nothing waits or another run is not approved yet, and NotOnDuty.
    """
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    account = BankAccount.objects.filter(currency=currency.value).earliest("opened_at", "code")
    try:
        with transaction.atomic():
            run = PayoutRun.objects.create(
                account=account, currency=currency.value, state=State.GATHERING, begun_by=officer.actor, begun_at=now
            )
    except IntegrityError:
        message = _("Another payout run in this currency waits for its approval.")
        raise Refused(message, code="another_run_open") from None
    with connection.cursor() as cursor:
        refunds = column(f"refunds:{currency.value}")
        cursor.execute(GATHER.format(refunds=refunds), {"run": run.pk, "currency": currency.value})
        waiting = cursor.rowcount
    taxes = [
        PayoutLine(run=run, authority=due.authority, period_to=due.to, amount=due.amount.amount)
        for due in remittance.due(currency=currency, now=now)
    ]
    if not waiting + len(PayoutLine.objects.bulk_create(taxes)):
        raise Refused(_("There is nothing to pay out."), code="nothing_to_pay")
    audit.record(actor=officer.actor, verb="payouts.begun", subject=f"payout_run:{run.pk}", now=now)
    outbox.leave(topic="payouts.begun", subject=f"payout_run:{run.pk}", now=now, run=run.pk)
    return run


@transaction.atomic
def address_next(*, run: PayoutRun, payees: Payees, now: datetime, chunk: int = 1_000) -> int:
    """Give the next lines their payees, in one transaction; returns how many. With none left the run is frozen.

    A line whose holder has no account, a changed one under its hold (D17), an incomplete one or one that a bank has
    refused is left out: its money waits for a later run.
    """
    held = PayoutRun.objects.select_for_update().get(pk=run.pk)
    if held.state != State.GATHERING:
        return 0
    lines = list(
        PayoutLine.objects.filter(run=held, state=PayoutLine.State.NEW)
        .select_related("resolution__entry")
        .order_by("pk")[:chunk]
    )
    if not lines:
        _freeze(held, now)
        return 0
    currency = Currency(held.currency)
    citizens = payees([line.holder_id for line in lines if line.holder_id])
    others = payee_accounts.newest(payees=map(_named, lines), currency=currency)
    for line in lines:
        payee = _payer(line) if line.resolution_id else others.get(_named(line)) or citizens.get(line.holder_id or 0)
        _address(line, payee, currency, now)
    _leave_out_refused(lines)
    PayoutLine.objects.bulk_update(lines, ["state", "obstacle", "hold_until", "sealed", "payee_digest"])
    return len(lines)


def _named(line: PayoutLine) -> str:
    """Who is paid by a line, as ``payee_accounts`` calls it."""
    return line.authority or payee_accounts.of_holder(line.holder_id or 0)


def _leave_out_refused(lines: Sequence[PayoutLine]) -> None:
    """Nothing is sent a second time to an account that its bank has refused, until the holder names another."""
    ready = {bytes(line.payee_digest or b"") for line in lines if line.state == PayoutLine.State.READY}
    failed = PayoutLine.objects.filter(
        payee_digest__in=ready,
        state__in=[PayoutLine.State.REJECTED, PayoutLine.State.RETURNED],
        bank_code__in=FAULTS_OF_ACCOUNTS,
    )
    refused = {bytes(line.payee_digest or b"") for line in failed.only("payee_digest")}
    for line in lines:
        if line.state == PayoutLine.State.READY and bytes(line.payee_digest or b"") in refused:
            line.state, line.obstacle = PayoutLine.State.LEFT_OUT, Obstacle.REFUSED


def _payer(line: PayoutLine) -> Payee | None:
    """Where suspense money came from, as the bank told it."""
    if line.resolution is None:
        return None
    told = matching.payer(line.resolution.entry)
    return Payee(name=told.name, bank=told.bank, branch=told.branch, account=told.account)


def _address(line: PayoutLine, payee: Payee | None, currency: Currency, now: datetime) -> None:
    obstacle = _obstacle(payee, currency, now)
    line.state = PayoutLine.State.LEFT_OUT if obstacle else PayoutLine.State.READY
    line.obstacle = obstacle or ""
    if payee is None:
        return
    line.hold_until = payee.hold_until
    words = _words(payee)
    line.sealed = envelope.seal(words, **PLACE, row=line.event_id)
    line.payee_digest = envelope.blind_index(words.decode(), purpose=PAYEE)


def _words(payee: Payee) -> bytes:
    return json.dumps(asdict(replace(payee, hold_until=None)), ensure_ascii=False, sort_keys=True).encode()


def _obstacle(payee: Payee | None, currency: Currency, now: datetime) -> Obstacle | None:
    if payee is None:
        return Obstacle.NO_ACCOUNT
    if payee.hold_until and now < payee.hold_until:
        return Obstacle.BANK_CHANGE
    return None if complete(payee, currency) else Obstacle.INCOMPLETE


def _freeze(run: PayoutRun, now: datetime) -> None:
    """Close a run: from now on its lines, sums and digest stand. One in which nothing is paid is withdrawn."""
    lines = PayoutLine.objects.filter(run=run)
    left_out = lines.filter(state=PayoutLine.State.LEFT_OUT).count()
    count, total, digest = digest_of(run)
    found = {"count": count, "total": total, "left_out": left_out, "digest": digest}
    after = State.READY if count else State.WITHDRAWN
    moved = PayoutRun.objects.filter(pk=run.pk, state=State.GATHERING).update(state=after, **found)
    if moved != 1:
        raise RuntimeError(f"{run} is no longer gathered")
    audit.record(
        actor=run.begun_by,
        verb=f"payouts.{after}",
        subject=f"payout_run:{run.pk}",
        now=now,
        count=count,
        total=str(total),
        left_out=left_out,
        digest=digest.hex(),
    )


def digest_of(run: PayoutRun) -> tuple[int, int, bytes]:
    """Count, total (minor units) and SHA-256 of the lines of a run that are, or were to be, paid."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), coalesce(sum(amount), 0)::bigint,
                   sha256(coalesce(string_agg(sha256(convert_to(jsonb_build_array(
                       id, event_id, holder_id, resolution_id, amount, encode(payee_digest, 'hex'))::text
                       || CASE authority WHEN '' THEN '' ELSE authority || period_to END, 'UTF8')),
                       ''::bytea ORDER BY id), ''::bytea))
              FROM fund_payoutline WHERE run_id = %s AND state NOT IN ('new', 'left_out')
            """,
            [run.pk],
        )
        count, total, digest = cursor.fetchone() or (0, 0, b"")
    return int(count), int(total), bytes(digest)


def propose(*, run: PayoutRun, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put a frozen run up for both keys (D4). Raises Refused when it is not ready, and NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    held = PayoutRun.objects.get(pk=run.pk)
    if held.state != State.READY or held.digest is None:
        raise Refused(_("This payout run is not ready for approval."), code="run_not_ready")
    payload = {
        "run": str(held.pk),
        "account": held.account_id,
        "currency": held.currency,
        "total": str(held.total),
        "count": str(held.count),
        "left_out": str(held.left_out),
        "lines": bytes(held.digest).hex(),
    }
    return approval.propose(
        kind=Kind.PAYOUT, subject=f"payout_run:{held.pk}", payload=payload, officer=officer, now=now, reason=reason
    )


RESERVE = f"""
    SELECT l.event_id, %(event)s, 0, source.id, bank.id, l.holder_id, l.amount, %(now)s, %(phase)s, NULL::uuid
      FROM fund_payoutline l
      JOIN fund_payoutrun r ON r.id = l.run_id
      JOIN fund_account bank ON bank.code = 'bank:' || r.account_id
      JOIN fund_account source
        ON source.code = CASE WHEN l.resolution_id IS NOT NULL THEN 'returns:'
                              WHEN l.holder_id IS NOT NULL THEN 'refunds:'
                              ELSE {remittance.ACCOUNT} END || r.currency
     WHERE l.run_id = %(run)s AND l.state = 'pending'
"""


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> PayoutRun | None:
    """Approve a run: all its lines are pending in the book, so that their money goes nowhere else.

    None when it was carried out before. Raises Refused when the run was withdrawn, or is not what the keys were turned
    for; the database refuses it without both keys.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    run = PayoutRun.objects.select_for_update().get(pk=int(proposal.facts["run"]))
    if digest_of(run) != (run.count, run.total, bytes(run.digest or b"")):
        raise Refused(_("The lines of this run are not the ones that were approved."), code="run_changed")
    if PayoutRun.objects.filter(pk=run.pk, state=State.READY).update(state=State.APPROVED, proposal=proposal) != 1:
        raise Refused(_("This payout run is not ready for approval."), code="run_not_ready")
    pending = run.lines.filter(state=PayoutLine.State.READY).update(state=PayoutLine.State.PENDING)
    told = {"run": run.pk, "event": Event.PAYOUT.value, "phase": Phase.PENDING.value, "now": now}
    if not pending == post.post_set(RESERVE, told) == run.count:
        raise RuntimeError(f"{run} has {pending} lines instead of {run.count}")
    outbox.leave(topic="payouts.approved", subject=f"payout_run:{run.pk}", now=now, run=run.pk)
    run.refresh_from_db()
    return run


@transaction.atomic
def withdraw(*, run: PayoutRun, officer: Officer, now: datetime) -> None:
    """Give up a run that is not approved yet, with its open proposal; its money waits. Raises Refused, NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    for proposal in Proposal.objects.filter(
        kind=Kind.PAYOUT, subject=f"payout_run:{run.pk}", state=Proposal.State.OPEN
    ):
        approval.withdraw(proposal=proposal, officer=officer, now=now)
    unapproved = PayoutRun.objects.filter(pk=run.pk, state__in=[State.GATHERING, State.READY])
    if unapproved.update(state=State.WITHDRAWN) != 1:
        raise Refused(_("This payout run can no longer be withdrawn."), code="run_not_ready")
    unpaid = run.lines.filter(state__in=[PayoutLine.State.NEW, PayoutLine.State.READY])
    unpaid.update(state=PayoutLine.State.LEFT_OUT, obstacle=Obstacle.WITHDRAWN)
    audit.record(actor=officer.actor, verb="payouts.withdrawn", subject=f"payout_run:{run.pk}", now=now)
