"""Kept answers are sealed. Those of before cannot be sealed by the database; they are forgotten early."""

import django.db.models
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("portal", "0003_sign_in")]

    operations = [
        migrations.RunSQL("DELETE FROM portal_keptanswer", reverse_sql="DELETE FROM portal_keptanswer"),
        migrations.RemoveField(model_name="keptanswer", name="body"),
        migrations.AddField(
            model_name="keptanswer", name="sealed", field=django.db.models.BinaryField(), preserve_default=False
        ),
    ]
