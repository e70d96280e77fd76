"""The fence before the outbox: whether anything leaves the house, since when and why, and both ways (0027)."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance import fence
from fund.governance.approval import Kind, Proposal
from fund.governance.audit import Act
from fund.governance.fence import FenceEntry
from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note
from fund.payments.payout_models import PayoutRun
from portal.officers import changes, offices, shown, words
from portal.officers.fields import ReasonForm
from portal.officers.newest import Endless
from portal.officers.room import COUNT_AT_MOST, Group, Line, Queue, act, column, proposed
from portal.officers.site import site
from portal.officers.words import Payload, Words
from portal.webhooks.models import WebhookDelivery


@admin.register(FenceEntry, site=site)
class Fence(Endless):
    """Every officer sees it and can close it; who pays proposes and signs its release."""

    group = Group.HOUSE
    name = gettext_lazy("Fence")
    change_list_template = "officers/fence.html"
    list_display = (
        column("at", gettext_lazy("When"), lambda row: shown.moment(row.at)),
        column("act", gettext_lazy("What"), lambda row: capfirst(row.get_act_display())),
        column("why", gettext_lazy("Why"), lambda row: capfirst(row.get_why_display()) or "—"),
        column("by", gettext_lazy("By whom"), lambda row: offices.who(row.by) if row.by else "—"),
    )
    page_columns = (
        *list_display,
        column("reason", gettext_lazy("Reason"), lambda row: row.reason or "—"),
        column("generation", gettext_lazy("Generation of the database")),
    )
    list_select_related = ("by",)

    def title_of(self, row: FenceEntry) -> str:
        return _("Fence, %(moment)s") % {"moment": shown.moment(row.at)}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        found = fence.state()
        waiting = Proposal.objects.filter(kind=Kind.RELEASE, state=Proposal.State.OPEN).first()
        return {
            "is_open": found.is_open,
            "why": "" if found.is_open else found.why.label,
            "lines": _what_waits(found.closed),
            "open_proposal": waiting,
            "may_release": not found.is_open and waiting is None and officer.has(Duty.PAYMENTS),
            "propose_form": ReasonForm(),
            "close_form": ReasonForm(),
        }

    @act(duty=Duty.PAYMENTS, fresh=True, form=ReasonForm, on_row=False)
    def propose(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        return proposed(request, fence.propose_release(officer=officer, now=now, reason=form["reason"]))

    @act(fresh=True, form=ReasonForm, on_row=False)
    def close(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> str:
        fence.close(why=FenceEntry.Why.BY_HAND, officer=officer, now=now, reason=form["reason"])
        return _("The fence is closed. Nothing leaves the house until both nations release it.")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """An alarm, as long as it is closed: it stands on everybody's desk."""
        found = fence.state()
        if found.is_open:
            return []
        return [
            Queue(
                _("The outbox is fenced: nothing leaves the house"),
                1,
                found.closed.at if found.closed else None,
                self.address(),
            )
        ]


def _what_waits(closed: FenceEntry | None) -> list[Line]:
    """What a release lets go, counted to a thousand, and how far the database had come when it was closed."""
    mails = apps.get_model("portal", "Message").objects  # notices and the desk do not know each other
    rows = [
        (_("Notes not yet sent on"), Note.objects.filter(relayed_at=None)),
        (_("E-mails that are due"), mails.exclude(mail_due_at=None)),
        (_("Webhook events that are due"), WebhookDelivery.objects.filter(done_at=None, dead_at=None)),
        (_("Approved payout runs without a bank file"), PayoutRun.objects.filter(state=PayoutRun.State.APPROVED)),
    ]
    acts = Act.objects.filter(at__lt=closed.at) if closed else Act.objects.all()
    last = acts.order_by("-id").first()
    known = shown.instant(last.at) if last else "—"
    return [
        Line(_("Last act that this database knows"), known),
        *(Line(title, shown.whole(len(found.values_list("pk")[:COUNT_AT_MOST]))) for title, found in rows),
    ]


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.RELEASE)
def _release(proposal: Proposal, payload: Payload) -> Words:
    said = Words(_("The outbox of this very database is released: what waits is mailed, told and paid."))
    closed = FenceEntry.objects.filter(pk=payload.pop("closed")).first()
    said.lines = [Line(_("Generation of the database"), payload.pop("generation"))]
    if closed:
        said.lines += [
            Line(_("Fenced since"), shown.instant(closed.at), closed.get_why_display()),
            Line(_("Reason"), closed.reason or "—"),
        ]
    said.lines += _what_waits(closed) if proposal.state == Proposal.State.OPEN else []
    return said


@changes.compares(Kind.RELEASE)
def _database_now(payload: Payload, now: datetime) -> list[changes.Change]:
    return [changes.change(_("Generation of the database"), payload["generation"], fence.generation())]
