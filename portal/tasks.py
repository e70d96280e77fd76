"""Every Celery task. A task hears of a note and makes one call into the domain, or it is run by the clock.

Tasks of notes receive the delivery's number and nothing else; what they need they read from the database.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial, wraps
from typing import Any
from uuid import UUID

import structlog
from celery import Task, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from fund import trace
from fund.dealing import (
    allotment,
    called_back,
    cancellation,
    compensation,
    offering,
    outage,
    settlement,
    subscription,
)
from fund.dealing.models import Offering
from fund.distribution import correct, declare, pay
from fund.governance import audit, config, fence, office
from fund.governance.approval import Kind, Proposal
from fund.governance.outbox import Note
from fund.ledger import prove as ledger
from fund.nav import strike
from fund.payments import payee_accounts, payouts
from fund.payments.payout_models import PayoutRun
from fund.portfolio import entries
from fund.redemption import compensation as redemption_compensation
from fund.redemption import correction, share, window
from fund.redemption import settle as redemptions
from fund.register import calls, proof
from fund.tax import year as tax_year
from fund.tax.models import TaxYear
from investors import (
    deletion,
    judging,
    payees,
    plans,
    reverification,
    tax_files,
    tax_status,
    transfer_papers,
    transfers,
)
from investors.screening import rescreen
from portal import relay, witness
from portal.api import idempotency
from portal.celery import app
from portal.documents import capital as capital_papers
from portal.documents import distributions as distribution_papers
from portal.documents import orders as order_papers
from portal.documents import redemptions as redemption_papers
from portal.documents import statements
from portal.documents import taxes as tax_papers
from portal.notices import mail
from portal.notices.send import send as tell
from portal.schedule import SCHEDULE
from portal.watch import beats, rounds
from portal.webhooks import delivering, endpoints, events

log = structlog.get_logger(__name__)

app.conf.beat_schedule = SCHEDULE


def consumer(work: Callable[[Note, datetime], Any]) -> "Task[[int], None]":
    """A task that is run for a note, through the relay; its name is the function's, its trace the note's."""

    def traced(note: Note, now: datetime) -> Any:
        with trace.following(note.trace):
            return work(note, now)

    @shared_task(name=f"portal.{work.__name__}")
    def run(delivery_id: int) -> None:
        if not fence.is_open():
            return
        try:
            relay.perform(delivery_id=delivery_id, work=traced, clock=timezone.now)
        finally:
            beats.at_work(now=timezone.now())

    return run


def behind_the_fence(work: Callable[[], None]) -> Callable[[], None]:
    """What the clock asks for is left undone on a restored copy until both nations release it (decision 27)."""

    @wraps(work)
    def run() -> None:
        if witness.is_open(now=timezone.now()):
            work()

    return run


# ── what follows from a note ──


@consumer
def carry_out(note: Note, now: datetime) -> None:
    """Both keys were turned: the room of the act carries it out."""
    proposal = Proposal.objects.get(pk=note.subject)
    CARRY_OUT[Kind(proposal.kind)](proposal=proposal, now=now)


CARRY_OUT: dict[Kind, Callable[..., Any]] = {
    Kind.CONFIG: config.carry_out,
    Kind.OFFICE: office.carry_out,
    Kind.OFFERING: offering.carry_out_opening,
    Kind.CANCELLATION: cancellation.carry_out,
    Kind.OUTAGE: outage.carry_out,
    Kind.ALLOTMENT: allotment.carry_out,
    Kind.NAV: strike.publish,
    Kind.CORRECTION: correction.carry_out,
    Kind.PAYOUT: payouts.carry_out,
    Kind.DISTRIBUTION: correct.carry_out,
    Kind.TAX_YEAR: tax_year.carry_out,
    Kind.PAYEE: payee_accounts.carry_out,
    Kind.ENTRY: called_back.carry_out,
    Kind.PORTFOLIO: entries.carry_out,
    Kind.CAPITAL: calls.carry_out,
    Kind.RELEASE: fence.carry_out,
    Kind.WINDOW: window.carry_out_opening,
    Kind.WINDOW_CANCEL: window.carry_out_cancellation,
    Kind.REDEMPTION: share.carry_out,
    Kind.TRANSFER: transfers.carry_out,
}


@consumer
def assess_application(note: Note, now: datetime) -> None:
    """An application was submitted: the rules judge it and it comes before an officer."""
    judging.assess(application_id=note.payload["application"], now=now)


@consumer
def fund_orders(note: Note, now: datetime) -> None:
    """A bank file was posted: the orders it pays in full are funded."""
    subscription.fund(file_id=note.payload["file"], now=now)


@consumer
def unfund_order(note: Note, now: datetime) -> None:
    """The bank took a payment back: the order waits for its payment again."""
    subscription.unfund(order_id=UUID(note.payload["order"]), now=now)


@consumer
def settle(note: Note, now: datetime) -> int:
    """An allotment was published: one range of citizens after the other is settled."""
    return settlement.settle_next(offering_code=note.payload["offering"], now=now)


@consumer
def settle_waiting(note: Note, now: datetime) -> int:
    """A NAV was published: allotted orders that waited for its price are settled."""
    allotted = Offering.objects.filter(state=Offering.State.ALLOTTED).order_by("code")
    return sum(settlement.settle_next(offering_code=one.code, now=now) for one in allotted)


@consumer
def settle_redemptions(note: Note, now: datetime) -> int:
    """A redemption window was decided: some of its requests after the others are settled (D31); reception tells how
    their holders are taxed in the same transaction."""
    return redemptions.settle_next(
        code=note.payload["window"], now=now, tell=lambda holders: tax_status.tell_of(holders=holders, now=now)
    )


@consumer
def compensate(note: Note, now: datetime) -> int:
    """Published NAVs were corrected: one range of citizens after the other is compensated (D43)."""
    return compensation.compensate_next(now=now)


@consumer
def compensate_redemptions(note: Note, now: datetime) -> int:
    """Published NAVs were corrected: redemptions that were paid too little are made good, some at a time (D43)."""
    return redemption_compensation.compensate_next(now=now)


@consumer
def commit_holdings(note: Note, now: datetime) -> bool:
    """A NAV was published or corrected: the holdings of one class after the other are committed to (D50)."""
    return proof.commit_next(now=now)


@consumer
def write_receipt(note: Note, now: datetime) -> None:
    """An order was placed: its receipt is written (D26)."""
    order_papers.receipts(reference=note.payload["order"], now=now)


@consumer
def write_contract_notes(note: Note, now: datetime) -> int:
    """A range of citizens was settled, or compensated: their contract notes are written, some at a time (D48)."""
    told = note.payload
    return order_papers.contract_notes(
        offering_code=told["offering"], first_holder=told["first_holder"], last_holder=told["last_holder"], now=now
    )


@consumer
def write_redemption_notes(note: Note, now: datetime) -> int:
    """Some of a window were paid: their contract notes are written, some at a time (D48)."""
    told = note.payload
    return redemption_papers.contract_notes(
        window=told["window"], first_holder=told["first_holder"], last_holder=told["last_holder"], now=now
    )


@consumer
def write_distribution_notices(note: Note, now: datetime) -> int:
    """A range of holders was paid a distribution: their notices are written, some at a time (D48)."""
    told = note.payload
    return distribution_papers.notices(
        distribution_id=told["distribution"],
        first_holder=told["first_holder"],
        last_holder=told["last_holder"],
        now=now,
    )


@consumer
def prepare_tax_year(note: Note, now: datetime) -> bool:
    """A year of tax was begun: one range of holders after the other is computed; reception tells how they are taxed."""
    one = TaxYear.objects.get(pk=note.payload["tax_year"])
    return tax_year.prepare_next(
        tax_year=one, now=now, tell=lambda first, last: tax_status.tell(first=first, last=last, now=now)
    )


@consumer
def write_tax_papers(note: Note, now: datetime) -> int:
    """A year of tax was released: its papers are written, some at a time (D48)."""
    return tax_papers.write_next(tax_year_id=note.payload["tax_year"], now=now)


@consumer
def write_tax_files(note: Note, now: datetime) -> int:
    """A year of tax was released: the authorities' files are written, a part at a time (D48)."""
    return tax_files.write_next(tax_year=TaxYear.objects.get(pk=note.payload["tax_year"]), now=now)


@consumer
def write_call_notices(note: Note, now: datetime) -> None:
    """Capital was called: its notices are written (D48)."""
    capital_papers.notices(call_id=UUID(note.payload["call"]), now=now)


@consumer
def refund_orders(note: Note, now: datetime) -> int:
    """An offering was cancelled: all its money goes to refunds."""
    return subscription.refund_next(offering_code=note.payload["offering"], now=now)


@consumer
def address_payouts(note: Note, now: datetime) -> int:
    """A payout run was begun: one piece of its lines after the other is given its bank accounts (D17)."""
    run = PayoutRun.objects.get(pk=note.payload["run"])
    return payouts.address_next(run=run, payees=partial(payees.of, actor="system", now=now), now=now)


@consumer
def rescreen_everybody(note: Note, now: datetime) -> int:
    """A sanctions list was loaded: one chunk of citizens after the other is screened against it."""
    return rescreen.screen_next(version_id=note.payload["version"], now=now)


@consumer
def notify(note: Note, now: datetime) -> None:
    """Something happened that concerns citizens: it is written into their inbox, and their apps are to be told.

    The e-mails and the deliveries follow by the clock.
    """
    tell(note=note, now=now)
    events.announce(note=note, now=now)


@consumer
def announce(note: Note, now: datetime) -> None:
    """Something happened that concerns everybody: the apps that want to hear of it are to be told."""
    events.announce(note=note, now=now)


# ── what the clock asks for ──


def by_the_clock(job: str) -> "Callable[[Callable[[], None]], Task[[], None]]":
    """A task that the clock runs under this name: it leaves a beat, and all it does is one trace."""

    def made(work: Callable[[], None]) -> "Task[[], None]":
        @shared_task(name=f"portal.{job}")
        @wraps(work)
        def run() -> None:
            with trace.following(), beats.beating(job):
                work()

        return run

    return made


def send(task: str, delivery_id: int) -> None:
    """Hand a message to the broker; without the broker the delivery is simply due again later."""
    try:
        app.send_task(f"portal.{task}", args=[delivery_id])
    except OperationalError as error:
        log.warning("broker unreachable", error=type(error).__qualname__)


@by_the_clock("relay")
def relay_notes() -> None:
    """Turn notes into tasks and send again what was lost; release the fence when both nations have said so."""
    if not witness.is_open(now=timezone.now()) and not fence.carry_out_signed(now=timezone.now()):
        return
    while relay.sweep(now=timezone.now(), send=send) == relay.BATCH:
        pass


@by_the_clock("mail")
@behind_the_fence
def send_mail() -> None:
    """Send the e-mails that are due."""
    mail.send_due(now=timezone.now())


@by_the_clock("webhooks")
@behind_the_fence
def deliver_to_webhooks() -> None:
    """Send the events that are due, for a while."""
    delivering.deliver_due(clock=timezone.now)


@by_the_clock("seal")
def seal_logs() -> None:
    """Seal what was written since the last time into the hash chains; a restored copy goes on with its own."""
    for one in (audit.AUDIT, ledger.LEDGER, ledger.SETTLEMENTS):
        audit.seal(log=one, now=timezone.now())


@by_the_clock("forget")
@behind_the_fence
def forget_answers() -> None:
    """Delete the API's kept answers, and what webhooks were told, when their time is over."""
    while idempotency.forget(now=timezone.now()) == idempotency.FORGOTTEN_AT_ONCE:
        pass
    while endpoints.forget(now=timezone.now()) == endpoints.FORGOTTEN_AT_ONCE:
        pass


@by_the_clock("delete_due")
@behind_the_fence
def delete_personal_data() -> None:
    """Delete personal data whose time is over, and leave the record of it (D16)."""
    while deletion.delete_due(now=timezone.now()):
        pass
    while transfer_papers.delete_due(now=timezone.now()):
        pass


@by_the_clock("write_statements")
@behind_the_fence
def write_statements() -> None:
    """Statements of the last quarter, for as long as a task may take."""
    until = timezone.now() + relay.STINT
    while timezone.now() < until and statements.write_next(now=timezone.now()):
        pass


@by_the_clock("open_and_close")
@behind_the_fence
def open_and_close_offerings() -> None:
    """Offerings and redemption windows open and close when their time has come."""
    now = timezone.now()
    offering.open_due(now=now)
    offering.close_due(now=now)
    window.open_due(now=now)
    window.close_due(now=now)


@by_the_clock("reverify")
@behind_the_fence
def reverify() -> None:
    """Citizens whose verification ends soon are asked to confirm their details; those who are late are told so."""
    now = timezone.now()
    while reverification.open_due(now=now) == reverification.BATCH:
        now = timezone.now()
    reverification.tell_lapsed(now=timezone.now())


@by_the_clock("value_day")
@behind_the_fence
def value_day() -> None:
    """The dealing day whose books have closed is valued, once; what is late for it is named (D42).

    Before it, the distributions whose record day it was are recorded, so that its NAV is without them (D45).
    """
    declare.record_due(now=timezone.now())
    strike.value_due(now=timezone.now())


@by_the_clock("pay_distributions")
@behind_the_fence
def pay_distributions() -> None:
    """Distributions whose pay day has come are paid, one range of holders after the other (D45)."""
    while pay_range(now=timezone.now()):
        pass


def pay_range(*, now: datetime) -> int:
    """Pay the next range; reception tells how its holders are taxed in the same transaction."""
    return pay.pay_next(now=now, tell=lambda first, last: tax_status.tell(first=first, last=last, now=now))


@by_the_clock("lapse")
@behind_the_fence
def lapse_orders() -> None:
    """Orders that were not paid in time lapse."""
    subscription.lapse_due(now=timezone.now())


@by_the_clock("plans")
@behind_the_fence
def take_turns_of_plans() -> None:
    """Regular plans make their orders of the month, for as long as a task may take (D30)."""
    until = timezone.now() + relay.STINT
    while timezone.now() < until and plans.run_due(now=timezone.now()):
        pass


@by_the_clock("convey")
@behind_the_fence
def pass_on_units() -> None:
    """Approved transfers between citizens that had to wait for a distribution pass on (D32)."""
    transfers.pass_on_due(now=timezone.now())


@by_the_clock("watch")
def watch() -> None:
    """Look whether the book sums to zero and the chains hold."""
    rounds.watch(clock=timezone.now)
