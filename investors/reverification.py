"""Verifying approved citizens again (D10): opened by the clock as a set, prefilled from what was told the last time.

The citizen confirms or corrects a few steps. Where nothing of weight has changed and every rule passes, it is extended
at once; anything else goes before an officer. Whoever lets it lapse cannot subscribe but keeps units and payouts.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction

from fund.governance import config, outbox
from investors import evidence, vault
from investors.applications import EDITABLE, Answer, Application, Occasion, Status
from investors.cases import as_text, copied, lock, opened
from investors.people import Investor
from investors.steps import STEPS, Answers
from investors.vault import Purpose

CONFIRMED = ("citizenship", "residence", "identity_document", "tax", "suitability", "agreements")
NOT_ASKED = ("bank_account",)  # it has a way of its own, with a hold on payouts (D17)
WEIGHTY = ("citizenship", "name", "birth", "numbers", "identity_document")
BATCH = 10_000

OPEN_DUE = """
    INSERT INTO investors_application (investor_id, status, occasion, cycle, opened_at, changed)
    SELECT i.id, 'draft', 'reverification', i.verified_until, %(now)s, '{}'
      FROM investors_investor i
     WHERE i.state = 'approved' AND i.verified_until <= %(until)s
       AND NOT EXISTS (SELECT FROM investors_application a
                        WHERE a.investor_id = i.id AND a.occasion = 'reverification'
                          AND (a.cycle = i.verified_until OR a.status NOT IN ('approved', 'refused')))
       AND (SELECT a.status FROM investors_application a WHERE a.investor_id = i.id ORDER BY a.id DESC LIMIT 1)
           IS DISTINCT FROM 'refused'
     ORDER BY i.verified_until, i.id
     LIMIT %(most)s
    ON CONFLICT DO NOTHING
"""


@transaction.atomic
def open_due(*, now: datetime, most: int = BATCH) -> int:
    """Open a re-verification for everybody whose verification ends soon, once a cycle; how many, at most ``most``.

    Soon: within ``config reverification.notice_days``. One note tells them all. Nobody's data is opened for it.
    """
    until = now + timedelta(days=config.get("reverification.notice_days", at=now))
    with connection.cursor() as cursor:
        cursor.execute(OPEN_DUE, {"now": now, "until": until, "most": most})
        number: int = cursor.rowcount
    if number:
        outbox.leave(topic="reverification.opened", subject="reverification", now=now, opened_at=now.isoformat())
    return number


@transaction.atomic
def tell_lapsed(*, now: datetime) -> int:
    """Tell everybody whose verification has ended and who has not handed in the new one, once; how many."""
    late = Application.objects.filter(
        occasion=Occasion.REVERIFICATION, status__in=EDITABLE, cycle__lte=now, lapse_told_at=None
    )
    number = late.update(lapse_told_at=now)
    if number:
        outbox.leave(topic="reverification.lapsed", subject="reverification", now=now, told_at=now.isoformat())
    return number


@transaction.atomic
def open_for(*, investor: Investor, nations: Iterable[str], now: datetime) -> Application | None:
    """Ask a holder to be verified again out of turn, with these citizenships to confirm; None while one is under way.

    For a person who had registered once with each nation: the second is added to the one registration.
    """
    lock(investor)
    running = Application.objects.filter(investor=investor, occasion=Occasion.REVERIFICATION)
    if running.exclude(status__in=[Status.APPROVED, Status.REFUSED]).exists():
        return None
    application = Application.objects.create(investor=investor, occasion=Occasion.REVERIFICATION, opened_at=now)
    prefill(application=application, now=now)
    row = application.answers.filter(step="citizenship").first()
    if row is not None:
        vault.seal(row, "content", as_text({"nations": [one for one in ("US", "JP") if one in set(nations)]}))
        row.save(update_fields=["content"])
    outbox.leave(topic="reverification.opened", subject="reverification", now=now, opened_at=now.isoformat())
    return application


@transaction.atomic
def prefill(*, application: Application, now: datetime) -> None:
    """Take over what was told the last time, when the citizen first looks. Version 0: still to be confirmed."""
    lock(application.investor)
    source = _last(application)
    if source is None or application.answers.exists():
        return
    rows = copied(source=source, target=application, actor=application.investor.actor, now=now)
    for row in rows:
        row.version = 0 if row.step in CONFIRMED else 1
    Answer.objects.bulk_create(row for row in rows if row.step not in NOT_ASKED)
    evidence.take_over(source=source, target=application, actor=application.investor.actor, now=now)


def asked(application: Application | None) -> list[str]:
    """The steps of an application in their order."""
    again = application is not None and application.occasion == Occasion.REVERIFICATION
    return [code for code in STEPS if not (again and code in NOT_ASKED)]


def changed(*, application: Application, answers: Mapping[str, Answers], now: datetime) -> list[str]:
    """The steps in which something of weight differs from the last approved application.

    Of the residence it is the country; a move within it changes nothing for the rules that they would not find.
    """
    source = _last(application)
    if source is None:
        return list(WEIGHTY)
    before = opened(source, purpose=Purpose.REVIEW, actor="system", now=now)
    found = [step for step in WEIGHTY if _plain(before.get(step)) != _plain(answers.get(step))]
    if before["residence"]["country"] != answers["residence"]["country"]:
        found.append("residence")
    return [step for step in STEPS if step in found]


def _last(application: Application) -> Application | None:
    """The newest approved application before this one."""
    approved = Application.objects.filter(investor=application.investor_id, status=Status.APPROVED)
    return approved.filter(pk__lt=application.pk).select_related("investor").order_by("-pk").first()


def _plain(answers: Answers | None) -> str:
    """Answers without what was left empty."""
    return json.dumps({key: value for key, value in sorted((answers or {}).items()) if value not in ("", None, [])})
