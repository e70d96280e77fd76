"""The house itself: the notes on their way out, and what they set off."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance import audit
from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note
from portal import relay
from portal.officers import shown, traces, words
from portal.officers.newest import Endless
from portal.officers.room import Group, Queue, act, column, titled
from portal.officers.site import site
from portal.relay import Delivery
from portal.webhooks.models import WebhookDelivery


@admin.register(Note, site=site)
class Notes(Endless):
    """The outbox: what has happened and whether the news went out."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    name = gettext_lazy("Outbox")
    list_display = (
        column("topic", gettext_lazy("Topic")),
        column("subject", gettext_lazy("Subject")),
        column("left_at", gettext_lazy("Noted"), lambda row: shown.moment(row.left_at)),
        column("relayed_at", gettext_lazy("Sent on"), lambda row: shown.moment(row.relayed_at)),
    )
    page_columns = (
        *list_display,
        column("payload", gettext_lazy("Payload"), lambda row: words.plain(row.payload)),
        column("trace", gettext_lazy("Trace"), lambda row: traces.link(row.trace)),
    )
    list_filter = (("relayed_at", titled(gettext_lazy("sent on (empty: not yet)"), admin.EmptyFieldListFilter)),)
    search_fields = ("topic__exact", "subject__exact")
    search_help_text = gettext_lazy("A whole topic or a whole subject")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = Note.objects.filter(relayed_at=None)
        return [
            self.waiting(
                _("Notes not yet sent on"),
                rows,
                "left_at",
                query="?relayed_at__isempty=1",
            )
        ]


@admin.register(Delivery, site=site)
class Deliveries(Endless):
    """What the notes set off: one task each, tried again when it fails, dead after too many failures."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    name = gettext_lazy("Deliveries")
    page_template = "officers/delivery.html"
    list_display = (
        column("task", gettext_lazy("Task")),
        column("note", gettext_lazy("Note"), lambda row: str(row.note)),
        column("due_at", gettext_lazy("Due"), lambda row: shown.moment(row.due_at)),
        column("failures", gettext_lazy("Failures")),
        column("done_at", gettext_lazy("Done"), lambda row: shown.moment(row.done_at)),
        column("dead_at", gettext_lazy("Given up"), lambda row: shown.moment(row.dead_at)),
    )
    page_columns = (
        *list_display,
        column("error", gettext_lazy("Kind of error")),
        column("trace", gettext_lazy("Trace"), lambda row: traces.link(row.note.trace)),
    )
    list_filter = (
        ("done_at", titled(gettext_lazy("done (empty: not yet)"), admin.EmptyFieldListFilter)),
        ("dead_at", titled(gettext_lazy("given up (empty: no)"), admin.EmptyFieldListFilter)),
    )
    list_select_related = ("note",)

    def page(self, *, row: Delivery, officer: Officer, now: datetime) -> dict[str, Any]:
        may = row.dead_at is not None and officer.has(Duty.ADMINISTRATION)
        return {**super().page(row=row, officer=officer, now=now), "may_revive": may}

    @act(duty=Duty.ADMINISTRATION)
    def revive(self, request: HttpRequest, *, row: Delivery, officer: Officer, now: datetime) -> str:
        with transaction.atomic():
            relay.revive(delivery_id=row.pk, now=now)
            audit.record(actor=officer.actor, verb="revive", subject=f"delivery:{row.pk}", now=now)
        return _("It is tried again.")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = Delivery.objects.filter(done_at=None).exclude(dead_at=None)
        return [self.waiting(_("Deliveries given up"), rows, "dead_at", query="?dead_at__isempty=0")]


@admin.register(WebhookDelivery, site=site)
class WebhookDeliveries(Endless):
    """What citizens' own apps are told and whether it arrived. Their addresses are the citizens' own and not shown."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    name = gettext_lazy("Webhook deliveries")
    list_display = (
        column("kind", gettext_lazy("Topic")),
        column("webhook_id", gettext_lazy("Webhook")),
        column("happened_at", gettext_lazy("Noted"), lambda row: shown.moment(row.happened_at)),
        column("due_at", gettext_lazy("Due"), lambda row: shown.moment(row.due_at)),
        column("attempts", gettext_lazy("Attempts")),
        column("done_at", gettext_lazy("Done"), lambda row: shown.moment(row.done_at)),
        column("dead_at", gettext_lazy("Given up"), lambda row: shown.moment(row.dead_at)),
    )
    page_columns = (
        *list_display,
        column("status", gettext_lazy("Status of the answer")),
        column("error", gettext_lazy("Kind of error")),
        column("state", gettext_lazy("The webhook"), lambda row: row.webhook.get_state_display()),
    )
    list_filter = (
        ("done_at", titled(gettext_lazy("done (empty: not yet)"), admin.EmptyFieldListFilter)),
        ("dead_at", titled(gettext_lazy("given up (empty: no)"), admin.EmptyFieldListFilter)),
    )
    list_select_related = ("webhook",)

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = WebhookDelivery.objects.exclude(dead_at=None)
        return [self.waiting(_("Webhook deliveries given up"), rows, "dead_at", query="?dead_at__isempty=0")]
