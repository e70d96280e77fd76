"""Deleting by schedule (D16): identity numbers and answers go when their time is over, and a record of it stays.

Individual Numbers are to be deleted as soon as the purpose and the periods for keeping records are over (Act on the
Use of Numbers to Identify a Specific Individual, art. 20). The default is seven years after somebody last held
anything; an SSN or ITIN follows the same. All periods are dated settings.

A draft is never thrown away (D10): from one that nobody goes on with, the identity numbers alone are deleted, and its
step is asked again. Of a refused application the answers, the documents and what officers noted go as well, after the
time in which it can be appealed. With their numbers the regular plans of those who held something end.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import audit, config
from investors import plans
from investors.people import Investor

CHUNK = 1_000


class What(models.TextChoices):
    """What is deleted; the values name the tables' rows, never what stood in them."""

    MY_NUMBER = "my_number", _("My Number")
    TAXPAYER_NUMBER = "taxpayer_number", _("Social Security number or ITIN")
    ANSWERS = "answers", _("answers of the application")
    DOCUMENTS = "documents", _("documents of the application")
    TRANSFER_PAPERS = "transfer_papers", _("documents of a transfer between citizens")


class Why(models.TextChoices):
    """The rule that a deletion follows."""

    REFUSED = "refused", _("the application was refused")
    ABANDONED = "abandoned", _("the application was not gone on with")
    FORMER_HOLDER = "former_holder", _("nothing has been held for the statutory period")
    TRANSFER_OVER = "transfer_over", _("the transfer has been over for the statutory period")


class Deletion(AppendOnly):
    """That something was deleted: what, of whom, by which rule, and since when it was due. Never what it was."""

    id = models.BigAutoField(primary_key=True)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="deletions")
    what = ArrayField(models.CharField(max_length=16, choices=What))
    why = models.CharField(max_length=16, choices=Why)
    due_at = models.DateTimeField()
    deleted_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="deletion_why", condition=Q(why__in=Why.values)),
            models.CheckConstraint(name="deletion_of_something", condition=Q(what__len__gt=0)),
            models.CheckConstraint(
                name="deletion_not_before_it_was_due", condition=Q(deleted_at__gte=models.F("due_at"))
            ),
        ]
        indexes = [models.Index(fields=["investor", "id"], name="deletion_of_whom")]

    def __str__(self) -> str:
        return f"deletion {self.pk} of investor {self.investor_id}"


@dataclass(frozen=True)
class Due:
    """When what is deleted, and why."""

    what: tuple[What, ...]
    why: Why
    due_at: datetime


# Each rule yields (investor, why, due_at) for those who have something to delete. Who holds units or money, has an open
# order, or may invest, is not a former holder.
HAS_NUMBER = """(EXISTS (SELECT FROM investors_mynumber m WHERE m.investor_id = i.id)
              OR EXISTS (SELECT FROM investors_taxpayernumber t WHERE t.investor_id = i.id))"""
NEWEST = "NOT EXISTS (SELECT FROM investors_application n WHERE n.investor_id = i.id AND n.id > a.id)"
SCHEDULE = f"""
    SELECT i.id AS investor_id, 'refused' AS why,
           (SELECT max(d.decided_at) FROM investors_decision d WHERE d.application_id = a.id)
           + make_interval(days => %(refused)s) AS due_at
      FROM investors_application a JOIN investors_investor i ON i.id = a.investor_id
     WHERE a.status = 'refused' AND i.holder_id IS NULL AND {NEWEST}
       AND ({HAS_NUMBER} OR EXISTS (SELECT FROM investors_answer w WHERE w.application_id = a.id)
            OR EXISTS (SELECT FROM investors_document d WHERE d.application_id = a.id))
     UNION ALL
    SELECT i.id, 'abandoned',
           greatest(a.opened_at, (SELECT max(w.saved_at) FROM investors_answer w WHERE w.application_id = a.id),
                    (SELECT max(d.decided_at) FROM investors_decision d WHERE d.application_id = a.id))
           + make_interval(days => %(abandoned)s)
      FROM investors_application a JOIN investors_investor i ON i.id = a.investor_id
     WHERE a.status IN ('draft', 'more_information') AND i.holder_id IS NULL AND {NEWEST} AND {HAS_NUMBER}
     UNION ALL
    SELECT i.id, 'former_holder',
           greatest(i.verified_until,
                    (SELECT max(t.effective_at) FROM fund_leg t WHERE t.holder_id = i.holder_id))
           + make_interval(years => %(years)s)
      FROM investors_investor i
     WHERE i.holder_id IS NOT NULL AND i.verified_until < %(now)s AND {HAS_NUMBER}
       AND NOT EXISTS (SELECT FROM fund_balance b WHERE b.holder_id = i.holder_id AND b.amount <> 0)
       AND NOT EXISTS (SELECT FROM fund_subscription s WHERE s.holder_id = i.holder_id
                          AND coalesce((SELECT l.status FROM fund_allotmentline l
                                         WHERE (l.holder_id, l.order_id) = (s.holder_id, s.id)), s.status)
                              IN ('placed', 'funded', 'allotted', 'part_allotted'))
"""


def next_for(*, investor: Investor, now: datetime) -> Due | None:
    """What will be deleted next of a person as things stand; None while they take part."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT why, due_at FROM ({SCHEDULE}) due WHERE investor_id = %(investor)s",
            {**_periods(now), "now": now, "investor": investor.pk},
        )
        row = cursor.fetchone()
    return Due(_what(Why(row[0])), Why(row[0]), row[1]) if row else None


def delete_due(*, now: datetime, chunk: int = CHUNK) -> int:
    """Delete what is due of the next people, in one transaction with its records; returns of how many. Call it until 0.

    Their rows are locked first and what is due is then asked again: who saved a step a moment ago keeps everything.
    People whose rows are held by somebody are left to the next call.
    """
    asked = {**_periods(now), "now": now, "chunk": chunk}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT investor_id FROM ({SCHEDULE}) due WHERE due_at <= %(now)s LIMIT %(chunk)s", asked
        )
        candidates = [pk for (pk,) in cursor.fetchall()]
        free = Investor.objects.select_for_update(skip_locked=True).filter(pk__in=candidates).order_by("pk")
        asked["held"] = list(free.values_list("pk", flat=True))
        cursor.execute(DELETE_PAGES, asked)
        cursor.execute(DELETE, asked)
        deleted = cursor.fetchall()
        if deleted:
            plans.end_of(investors=[pk for pk, _why, _what in deleted], actor="system", now=now)
            _record(deleted, now)
    return len(deleted)


DUE = f"""
    SELECT DISTINCT ON (investor_id) * FROM ({SCHEDULE}) due
     WHERE due_at <= %(now)s AND investor_id = ANY(%(held)s) ORDER BY investor_id, due_at
"""
# Before their documents, of which the trigger of pages asks.
DELETE_PAGES = f"""
    DELETE FROM investors_documentpage p USING investors_document d, investors_application a, ({DUE}) due
     WHERE d.id = p.document_id AND a.id = d.application_id AND a.investor_id = due.investor_id
       AND a.status = 'refused' AND due.why = 'refused'
"""

# The refused and the abandoned lose their place among the likenesses with the answers; a holder's stays for D5.
DELETE = f"""
    WITH due AS MATERIALIZED ({DUE}), my_numbers AS (
        DELETE FROM investors_mynumber m USING due WHERE m.investor_id = due.investor_id RETURNING m.investor_id
    ), taxpayer_numbers AS (
        DELETE FROM investors_taxpayernumber t USING due WHERE t.investor_id = due.investor_id RETURNING t.investor_id
    ), answers AS (
        DELETE FROM investors_answer w USING investors_application a, due
         WHERE a.id = w.application_id AND a.investor_id = due.investor_id
           AND (due.why = 'refused' OR due.why = 'abandoned' AND w.step = 'numbers')
        RETURNING a.investor_id, due.why
    ), notes AS (
        DELETE FROM investors_casenote n USING investors_application a, due
         WHERE a.id = n.application_id AND a.investor_id = due.investor_id AND due.why = 'refused'
    ), documents AS (
        DELETE FROM investors_document d USING investors_application a, due
         WHERE a.id = d.application_id AND a.investor_id = due.investor_id
           AND a.status = 'refused' AND due.why = 'refused'
        RETURNING a.investor_id
    ), unlike AS (
        UPDATE investors_investor i SET likeness = '{{}}' FROM due WHERE i.id = due.investor_id AND due.why = 'refused'
    ), told AS (
        SELECT due.*, array_remove(ARRAY[
                   CASE WHEN due.investor_id IN (SELECT investor_id FROM my_numbers) THEN 'my_number' END,
                   CASE WHEN due.investor_id IN (SELECT investor_id FROM taxpayer_numbers) THEN 'taxpayer_number' END,
                   CASE WHEN due.investor_id IN (SELECT investor_id FROM answers WHERE why = 'refused')
                        THEN 'answers' END,
                   CASE WHEN due.investor_id IN (SELECT investor_id FROM documents) THEN 'documents' END], NULL) AS what
          FROM due
    )
    INSERT INTO investors_deletion (investor_id, what, why, due_at, deleted_at)
    SELECT investor_id, what, why, due_at, %(now)s FROM told WHERE cardinality(what) > 0
    RETURNING investor_id, why, what
"""


def _record(deleted: list[Any], now: datetime) -> None:
    """One act over the set: of how many, by which rules, between which ids."""
    people = [pk for pk, _why, _what in deleted]
    audit.record(
        actor="system",
        verb="deleted",
        subject="investors_deletion",
        now=now,
        investors=[min(people), max(people)],
        number=len(people),
        why=sorted({why for _pk, why, _what in deleted}),
        what=sorted({one for _pk, _why, what in deleted for one in what}),
    )


def _periods(now: datetime) -> dict[str, Any]:
    days: dict[str, int] = config.get("deletion.days", at=now)
    return {**days, "years": config.get("deletion.former_holder_years", at=now)}


def _what(why: Why) -> tuple[What, ...]:
    numbers = (What.MY_NUMBER, What.TAXPAYER_NUMBER)
    return (*numbers, What.ANSWERS, What.DOCUMENTS) if why is Why.REFUSED else numbers
