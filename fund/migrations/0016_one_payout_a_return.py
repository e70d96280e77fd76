"""Puts back the index that keeps a return from being paid twice, and takes away two functions that nothing calls.

When 0012 took the plain index off ``resolution``, Django dropped the unique one of its constraint along with it, so a
database of before has neither; a new one has it from the beginning.
"""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    accepts = {"ban-drop-function": "of a table that became a view in 0004: no trigger calls them"}
    dependencies = [("fund", "0001_squashed_0015_trace")]
    operations = [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payout_line_one_a_return ON fund_payoutline (resolution_id)"
            " WHERE state IN ('new', 'ready', 'pending', 'paid')",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "DROP FUNCTION IF EXISTS pgtrigger_allotment_line_is_priced_once_f2db6, pgtrigger_allotment_line_stays_83b73",
            migrations.RunSQL.noop,
        ),
    ]
