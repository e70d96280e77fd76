"""Tables whose rows are written once: refused by triggers for everyone, by grants for the app's role (decision 6)."""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Cast

REFUSED = "RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';"


class AppendOnly(models.Model):
    """Rows are inserted and read, never changed. Children inherit ``AppendOnly.Meta`` and with it the triggers."""

    app_may: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")  # what the app's database role is granted

    class Meta:
        abstract = True
        triggers = [
            pgtrigger.Trigger(
                name="append_only_rows",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=REFUSED,
            ),
            pgtrigger.Trigger(
                name="append_only_table",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func=REFUSED,
            ),
        ]


def current_transaction() -> Cast:
    """The writing transaction's 64-bit id, stamped by the database."""
    xid8 = models.Func(function="pg_current_xact_id", output_field=models.TextField())
    return Cast(Cast(xid8, models.TextField()), models.BigIntegerField())


class Sealable(AppendOnly):
    """An append-only log whose rows are sealed into a hash chain behind the writers (``governance.audit``).

    ``xact`` lets the sealer take exactly the rows of transactions that have ended, without any writer waiting for it.
    """

    xact = models.BigIntegerField(db_default=current_transaction(), editable=False)

    class Meta(AppendOnly.Meta):
        abstract = True
        indexes = [BrinIndex(fields=["xact"], name="%(class)s_xact")]
