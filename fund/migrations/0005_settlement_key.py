"""Settlements by holder: written in the order of their key, one index instead of two (decision 0013)."""

from pathlib import Path

from django.db import migrations, models

ROOMS = Path(__file__).parent.parent

KEY = """
    ALTER TABLE fund_settlement DROP CONSTRAINT fund_settlement_pkey, ADD PRIMARY KEY (holder_id, order_id);
    DROP INDEX settlement_holder;
"""
KEY_BEFORE = """
    ALTER TABLE fund_settlement DROP CONSTRAINT fund_settlement_pkey, ADD PRIMARY KEY (order_id);
    CREATE INDEX settlement_holder ON fund_settlement (holder_id);
"""


class Migration(migrations.Migration):
    dependencies = [("fund", "0004_settlement")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(KEY, KEY_BEFORE)],
            state_operations=[
                migrations.RemoveIndex("settlement", "settlement_holder"),
                migrations.AlterField("settlement", "order_id", models.UUIDField()),
                migrations.AddField(
                    "settlement",
                    "pk",
                    models.CompositePrimaryKey("holder_id", "order_id", blank=True, editable=False, serialize=False),
                ),
            ],
        ),
        # For a database whose 0004 was of the key before.
        migrations.RunSQL((ROOMS / "ledger/sql/transfers.sql").read_text(), migrations.RunSQL.noop),
        migrations.RunSQL((ROOMS / "dealing/sql/lines.sql").read_text(), migrations.RunSQL.noop),
    ]
