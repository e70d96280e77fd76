"""Who is told of what: kinds of events are topics of the outbox, and their audience is who was told in the inbox.

An event names its subject by addresses of the API, which only its owner can read; it holds nothing else of it. What
happens to an account's security is told to its owner alone and never to a program.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund.governance.outbox import Note
from portal.webhooks.models import Webhook, WebhookDelivery

API = "/api/v1"
MOST_READS = 50


@dataclass(frozen=True)
class Kind:
    """Its ``name`` for people, and at which ``path`` of the API the subject is read, followed by the ``fact`` of the
    message, if there is one.

    ``public``: everybody who wants to hear of it is told. Otherwise whose inbox was written to.
    """

    name: Any
    path: str
    fact: str = ""
    also: str = ""
    public: bool = False


KINDS = {
    "application.submitted": Kind(_("An application was handed in"), "/application"),
    "application.decided": Kind(_("An application was decided"), "/application"),
    "application.appealed": Kind(_("An appeal was handed in"), "/application"),
    "appeal.decided": Kind(_("An appeal was decided"), "/application"),
    "reverification.opened": Kind(_("Details have to be confirmed again"), "/application"),
    "reverification.lapsed": Kind(_("The time to confirm details has passed"), "/application"),
    "plan.waiting": Kind(_("A regular plan waits for you to accept documents"), "/plans/", "plan"),
    "plan.skipped": Kind(_("A month of a regular plan was skipped"), "/plans/", "plan"),
    "subscription.placed": Kind(_("An order was placed"), "/subscriptions/", "order"),
    "subscription.withdrawn": Kind(_("An order was withdrawn"), "/subscriptions/", "order"),
    "subscription.funded": Kind(_("Orders were paid"), "/subscriptions/", "orders"),
    "subscription.lapsed": Kind(_("Orders lapsed or were not allotted"), "/subscriptions/", "orders"),
    "allotment.published": Kind(_("An allotment was published"), "/offerings/", "offering", also="/subscriptions"),
    "offering.settled": Kind(_("An offering was settled"), "/offerings/", "offering", also="/subscriptions"),
    "offering.extended": Kind(_("The close of an offering was moved"), "/offerings/", "offering"),
    "offering.cancelled": Kind(_("An offering was cancelled"), "/offerings/", "offering", also="/subscriptions"),
    "orders.compensated": Kind(_("A corrected price was made good"), "/transactions", also="/holdings"),
    "distribution.declared": Kind(_("A distribution was declared"), "/distributions"),
    "distribution.paid": Kind(_("A distribution was paid or corrected"), "/distributions", also="/transactions"),
    "redemption.placed": Kind(_("A request to redeem was placed"), "/redemptions/", "redemption"),
    "redemption.withdrawn": Kind(_("A request to redeem was withdrawn"), "/redemptions/", "redemption"),
    "redemption.cancelled": Kind(_("A redemption window was cancelled"), "/redemptions"),
    "redemption.decided": Kind(_("A redemption window was decided"), "/redemptions/", "redemption"),
    "redemption.settled": Kind(_("Units were redeemed"), "/redemptions/", "redemption", also="/transactions"),
    "redemption.compensated": Kind(
        _("A corrected price of a redemption was made good"), "/redemptions/", "redemption", also="/transactions"
    ),
    "transfer.moved": Kind(_("Units passed between citizens"), "/transactions", also="/holdings"),
    "tax.released": Kind(_("Tax papers of a year were released"), "/documents"),
    "payouts.answered": Kind(_("A payment to you was made or came back"), "/transactions"),
    "nav.published": Kind(_("New prices were published"), "/fund", also="/classes", public=True),
    "nav.corrected": Kind(_("Published prices were corrected"), "/fund", also="/classes", public=True),
}
# Topics of the inbox that no program is told: an account's security, what concerns officers, and what is answered on
# the pages alone (D32).
WITHHELD = {
    "security.changed", "nav.late", "office.changed", "estate.opened", "estate.refused", "transfer.offered",
    "transfer.accepted", "transfer.declined", "transfer.withdrawn", "transfer.refused",
}  # fmt: skip


def announce(*, note: Note, now: datetime) -> int:
    """Write a delivery for every endpoint that wants to hear of a note, each once; returns how many are new.

    Of what is not public it tells those whose inbox the same note was written to, so that comes first.
    """
    kind = KINDS.get(note.topic)
    if kind is None:
        return 0
    audience = "" if kind.public else "JOIN portal_message m ON m.user_id = w.user_id AND m.note_id = %(note)s"
    facts = "'{}'::jsonb" if kind.public else "m.facts"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {WebhookDelivery._meta.db_table} (webhook_id, note_id, kind, reads, happened_at, due_at)
            SELECT w.id, %(note)s, %(kind)s, {_reads(kind, facts)} || %(also)s::varchar[], %(happened_at)s, %(now)s
              FROM {Webhook._meta.db_table} w {audience}
             WHERE %(kind)s = ANY(w.kinds) AND w.state IN ('active', 'disabled')
            ON CONFLICT (webhook_id, note_id) DO NOTHING
            """,
            {
                "note": note.pk,
                "kind": note.topic,
                "path": f"{API}{kind.path}",
                "fact": f"$.{kind.fact}[*]",
                "also": [f"{API}{kind.also}"] if kind.also else [],
                "most": MOST_READS,
                "happened_at": note.left_at,
                "now": now,
            },
        )
        return cursor.rowcount


def _reads(kind: Kind, facts: str) -> str:
    """SQL for the addresses: one, or one for each value of the fact, which may be a list."""
    if not kind.fact:
        return "ARRAY[%(path)s]::varchar[]"
    return f"""ARRAY(SELECT %(path)s || (found #>> '{{}}')
                       FROM jsonb_path_query({facts}, %(fact)s::jsonpath) found LIMIT %(most)s)::varchar[]"""
