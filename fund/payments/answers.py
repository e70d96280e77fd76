"""What banks answer to our payments in files of their own: pain.002, NACHA returns and notifications of change (D33).

What a file says of a payout ends or reopens its line at once (``payout_results``). What an officer has to know of is
kept besides, sealed: a payment that failed, details that the bank corrects, a collected payment that is called back. A
called-back payment moves no money here: the statement will, and it is told of twice otherwise.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.governance import audit, officers
from fund.governance.officers import Duty, Officer
from fund.payments import payout_results, references
from fund.payments.formats import nacha
from fund.payments.formats.pain import StatusReport
from fund.payments.models import BankAccount, BankFile, Fault
from fund.payments.payout_models import BankAnswer, PayoutLine, PayoutRun
from fund.payments.payout_results import Result, line_number
from fund.payments.reading import Quarantined, Told
from fund.refusal import Refusal

What = BankAnswer.What
PLACE = {"table": "fund_bankanswer", "column": "sealed"}
ENDS = {  # ISO 20022 external code set, payment transaction status; any other is still under way
    "ACSC": payout_results.Answer.PAID,
    "ACCC": payout_results.Answer.PAID,
    "RJCT": payout_results.Answer.REJECTED,
}
TOLD_AS = {payout_results.Answer.REJECTED: What.REJECTED, payout_results.Answer.RETURNED: What.RETURNED}


class Refused(Refusal):
    """The answer stays as it is; the message says why."""

    code = "bank_answer"


@dataclass(frozen=True)
class Answered:
    """How many payout lines a file ended; ``unchanged`` were known, ``notices`` are new for the officers."""

    paid: int
    rejected: int
    returned: int
    unchanged: int
    notices: int


@dataclass(frozen=True)
class _Said:
    """One answer as the file has it; ``result`` where it ends a line of ours. Personal until it is sealed."""

    what: What | None
    reference: str
    code: str
    key: str
    words: dict[str, str]
    result: Result | None = None


def check_ours(told: Told) -> None:
    """Raises Quarantined when a file of answers is about another company's payments, or about a run of none of ours."""
    if told.report is not None and _run_of(told.report) is None:
        raise Quarantined(Fault.NOT_OUR_PAYMENTS)
    if told.returns is not None:
        ours = set(BankAccount.objects.exclude(customer_code="").values_list("customer_code", flat=True))
        if any(batch.company_id not in ours for batch in told.returns.batches):
            raise Quarantined(Fault.NOT_OUR_PAYMENTS)


def take(*, file: BankFile, told: Told) -> Answered:
    """Let a file's answers have their effect, within the transaction that takes the file."""
    said = list(_of_report(told.report) if told.report else _of_returns(told.returns))
    taken = payout_results.take(
        results=[one.result for one in said if one.result], actor=file.received_by, now=file.received_at
    )
    known = set(taken.unchanged)
    new = [one for one in said if one.what and not (one.result and one.reference in known)]
    BankAnswer.objects.bulk_create((_row(one, file) for one in new), batch_size=1_000, ignore_conflicts=True)
    return Answered(
        paid=taken.paid,
        rejected=taken.rejected,
        returned=taken.returned,
        unchanged=len(taken.unchanged),
        notices=BankAnswer.objects.filter(file=file).count(),
    )


def _row(said: _Said, file: BankFile) -> BankAnswer:
    assert said.what is not None
    identity = sha256(json.dumps([said.what, said.key, said.code]).encode()).hexdigest()
    bound = said.what in (What.REJECTED, What.RETURNED, What.CHANGED)
    return BankAnswer(
        file=file,
        identity=identity,
        what=said.what,
        code=said.code,
        reference=said.reference,
        line_id=line_number(said.reference) if bound else None,
        sealed=envelope.seal(json.dumps(said.words, ensure_ascii=False).encode(), **PLACE, row=identity),
    )


# ── pain.002 ──


def _run_of(report: StatusReport) -> PayoutRun | None:
    """The run whose message is answered: a run is one message of one block, both under the run's reference."""
    digits = report.original_message_id.removeprefix("KR")
    sent = PayoutRun.objects.filter(state__in=[PayoutRun.State.EXPORTED, PayoutRun.State.CLOSED])
    if len(digits) != 12 or not digits.isdecimal() or report.original_message_id == digits:
        return None
    return sent.filter(pk=int(digits)).first()


def _of_report(report: StatusReport) -> Iterator[_Said]:
    """What it says of each line of its run, by name or with all others; and payments that are not in the run."""
    run = _run_of(report)
    assert run is not None
    named = {one.end_to_end_id: one for block in report.blocks for one in block.payments if one.end_to_end_id}
    rest = report.status_of(run.reference, "-")
    lines = PayoutLine.objects.filter(run=run).exclude(state=PayoutLine.State.LEFT_OUT).order_by("pk")
    for line in lines.iterator(chunk_size=2_000):
        one = named.pop(line.reference, None)
        status, reasons = (one.status, one.reasons) if one and one.status else rest
        answer = ENDS.get(status)
        if one and one.amount is not None and (one.amount, one.currency) != (line.amount, run.currency):
            yield _Said(What.NOT_OURS, line.reference, status[:8], line.reference, {"status": status})
        elif answer:
            code = (reasons[0].code or reasons[0].proprietary)[:8] if reasons else ""
            words = {"text": "\n".join(text for reason in reasons for text in (reason.proprietary, *reason.text))}
            result = Result(line.reference, answer, code)
            yield _Said(TOLD_AS.get(answer), line.reference, code, line.reference, words, result)
    for name, one in named.items():
        yield _Said(What.NOT_OURS, "", one.status[:8], f"{run.reference} {name}", {"reference": name})


# ── NACHA ──


def _of_returns(file: nacha.AchFile | None) -> Iterator[_Said]:
    told = nacha.answers(file) if file else ()
    numbers = [number for one in told if (number := line_number(one.identification))]
    lines = {
        line.reference: line.amount
        for line in PayoutLine.objects.filter(pk__in=numbers, run__state__in=["exported", "closed"])
    }
    for one in told:
        yield _said(one, lines.get(one.identification))


def _said(one: nacha.Return | nacha.Change, sent: int | None) -> _Said:
    """``sent``: what our line of this name pays, None when we have no such line."""
    words = {"name": one.name, "account": f"{one.routing} {one.account}", "reference": one.identification}
    if isinstance(one, nacha.Change):
        what = What.NOT_OURS if sent is None else What.CHANGED
        reference = "" if sent is None else one.identification
        return _Said(what, reference, one.reason, one.original_trace, words | {"corrected": one.corrected})
    words["text"] = one.information
    if one.is_credit and sent == one.amount:
        result = Result(one.identification, payout_results.Answer.RETURNED, one.reason)
        return _Said(What.RETURNED, one.identification, one.reason, one.identification, words, result)
    reference = one.identification if references.is_reference(one.identification) else ""
    what = What.CALLED_BACK if reference and not one.is_credit else What.NOT_OURS
    return _Said(what, reference, one.reason, f"{one.original_trace} {one.amount}", words)


# ── at the desk ──


def waiting() -> QuerySet[BankAnswer]:
    """Answers that no officer has seen to yet, the oldest first."""
    return BankAnswer.objects.filter(dealt_with_at=None).order_by("id")


@transaction.atomic
def deal_with(*, answer: BankAnswer, officer: Officer, now: datetime) -> None:
    """Note that an officer has seen to an answer. Raises Refused when somebody has before, and NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    mine = {"dealt_with_at": now, "dealt_with_by": officer.actor}
    if BankAnswer.objects.filter(pk=answer.pk, dealt_with_at=None).update(**mine) != 1:
        raise Refused(_("Somebody has seen to this already."), code="dealt_with")
    audit.record(actor=officer.actor, verb="bank_answer.dealt_with", subject=f"bank_answer:{answer.pk}", now=now)


@transaction.atomic
def open_words(*, answer: BankAnswer, actor: str, purpose: str, now: datetime) -> dict[str, str]:
    """The bank's own words, for an officer; the opening is recorded with its purpose."""
    audit.record(actor=actor, verb="bank_answer.opened", subject=f"bank_answer:{answer.pk}", now=now, purpose=purpose)
    words: dict[str, str] = json.loads(envelope.unseal(bytes(answer.sealed), **PLACE, row=answer.identity))
    return words
