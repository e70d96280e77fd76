"""Acts and notes keep their trace. Nothing is rewritten and nothing waits: old rows have none, and the indexes are made beside."""

import fund.trace
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from fund.append_only import current_transaction


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('fund', '0014_fence'),
    ]

    operations = [
        migrations.AddField(
            model_name='act',
            name='trace',
            field=models.UUIDField(default=fund.trace.current, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='note',
            name='trace',
            field=models.UUIDField(default=fund.trace.current, editable=False, null=True),
        ),
        # In two steps, because a column that comes with a default of each row's own rewrites the table.
        migrations.AddField(
            model_name='note',
            name='xact',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='note',
            name='xact',
            field=models.BigIntegerField(db_default=current_transaction(), editable=False, null=True),
        ),
        AddIndexConcurrently(
            model_name='act',
            index=models.Index(condition=models.Q(('trace', None), _negated=True), fields=['trace'], name='act_trace'),
        ),
        AddIndexConcurrently(
            model_name='note',
            index=models.Index(condition=models.Q(('trace', None), _negated=True), fields=['trace'], name='note_trace'),
        ),
    ]
