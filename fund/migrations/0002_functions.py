"""The database's own part of the two keys and of the book."""

from pathlib import Path

from django.db import migrations

ROOMS = Path(__file__).resolve().parent.parent


class Migration(migrations.Migration):
    dependencies = [("fund", "0001_initial")]
    operations = [
        migrations.RunSQL((ROOMS / "governance/sql/two_keys.sql").read_text(), migrations.RunSQL.noop),
        migrations.RunSQL((Path(__file__).parent / "sql/0002_keep_balances.sql").read_text(), migrations.RunSQL.noop),
        migrations.RunSQL((ROOMS / "dealing/sql/orders.sql").read_text(), migrations.RunSQL.noop),
    ]
