"""The street front's tables; the accounts stand since the first migration, which the others need."""

import uuid

from django.conf import settings
import django.contrib.postgres.fields
from django.db import migrations, models
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
from fund.migrations._tables import CreateTables
import investors.vault
import pgtrigger.compiler

TABLES = [
    migrations.CreateModel(
        name='Delivery',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('task', models.CharField(max_length=40)),
            ('due_at', models.DateTimeField()),
            ('claimed_until', models.DateTimeField(null=True)),
            ('failures', models.PositiveSmallIntegerField(default=0)),
            ('error', models.CharField(blank=True, max_length=200)),
            ('done_at', models.DateTimeField(null=True)),
            ('dead_at', models.DateTimeField(null=True)),
            ('note', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='fund.note')),
        ],
        options={
            'verbose_name_plural': 'deliveries',
            'indexes': [
                models.Index(condition=models.Q(('dead_at', None), ('done_at', None)), fields=['due_at'], name='delivery_due'),
                models.Index(condition=models.Q(('dead_at', None), _negated=True), fields=['id'], name='delivery_dead'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('note', 'task'), name='delivery_one_a_note_and_task'),
            ],
        },
    ),
    migrations.CreateModel(
        name='KeptAnswer',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('operation', models.CharField(max_length=40)),
            ('key', models.CharField(max_length=128)),
            ('request_digest', models.BinaryField(max_length=32)),
            ('status', models.PositiveSmallIntegerField()),
            ('location', models.CharField(blank=True, max_length=200)),
            ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('sealed', models.BinaryField()),
        ],
        options={
            'indexes': [
                models.Index(fields=['created_at'], name='kept_answer_age'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('user', 'operation', 'key'), name='kept_answer_one_a_key'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Message',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('note_id', models.BigIntegerField()),
            ('topic', models.CharField(max_length=60)),
            ('facts', models.JSONField(default=dict)),
            ('created_at', models.DateTimeField()),
            ('read_at', models.DateTimeField(null=True)),
            ('mail_due_at', models.DateTimeField(null=True)),
            ('mailed_at', models.DateTimeField(null=True)),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='inbox', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'indexes': [
                models.Index(fields=['user', '-id'], name='message_inbox'),
                models.Index(condition=models.Q(('mail_due_at', None), _negated=True), fields=['mail_due_at'], name='message_mail_due'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('note_id', 'user'), name='message_once_a_note'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Device',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('fingerprint', models.BinaryField(max_length=32)),
            ('first_at', models.DateTimeField()),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='devices', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('user', 'fingerprint'), name='device_once_an_account'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Webhook',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
            ('place', models.PositiveSmallIntegerField(null=True)),
            ('url', models.BinaryField(null=True)),
            ('fingerprint', models.BinaryField(max_length=32, null=True)),
            ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60))),
            ('state', models.CharField(choices=[('unconfirmed', 'Not confirmed yet'), ('active', 'Active'), ('disabled', 'Disabled after failures'), ('removed', 'Removed')], default='unconfirmed', max_length=12)),
            ('registered_at', models.DateTimeField()),
            ('changed_at', models.DateTimeField()),
            ('failures', models.PositiveIntegerField(default=0)),
            ('rests_until', models.DateTimeField(null=True)),
            ('claimed_until', models.DateTimeField(null=True)),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('user', 'place'), name='webhook_one_a_place'),
                models.UniqueConstraint(fields=('user', 'fingerprint'), name='webhook_one_an_address'),
                models.CheckConstraint(condition=models.Q(('place', None), ('place__range', (1, 5)), _connector='OR'), name='webhook_not_too_many'),
                models.CheckConstraint(condition=models.Q(models.Q(('fingerprint', None), ('place', None), ('state', 'removed'), ('url', None)), models.Q(models.Q(('state', 'removed'), _negated=True), models.Q(('place', None), _negated=True), models.Q(('url', None), _negated=True), models.Q(('fingerprint', None), _negated=True)), _connector='OR'), name='webhook_removed_keeps_no_address'),
            ],
        },
    ),
    migrations.CreateModel(
        name='WebhookDelivery',
        fields=[
            ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
            ('note_id', models.BigIntegerField(null=True)),
            ('kind', models.CharField(max_length=60)),
            ('reads', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), default=list)),
            ('happened_at', models.DateTimeField()),
            ('due_at', models.DateTimeField()),
            ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0)),
            ('tried_at', models.DateTimeField(null=True)),
            ('status', models.PositiveSmallIntegerField(null=True)),
            ('error', models.CharField(blank=True, db_default='', default='', max_length=40)),
            ('done_at', models.DateTimeField(null=True)),
            ('dead_at', models.DateTimeField(null=True)),
            ('webhook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='portal.webhook')),
        ],
        options={
            'verbose_name_plural': 'webhook deliveries',
            'indexes': [
                models.Index(condition=models.Q(('dead_at', None), ('done_at', None)), fields=['webhook', 'due_at'], name='webhook_due'),
                models.Index(condition=models.Q(('dead_at', None), _negated=True), fields=['id'], name='webhook_dead'),
                models.Index(models.F('happened_at'), name='webhook_delivery_age'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('webhook', 'note_id'), name='webhook_delivery_once_a_note'),
                models.CheckConstraint(condition=models.Q(('done_at', None), ('dead_at', None), _connector='OR'), name='webhook_delivery_one_end'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Paper',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('kind', models.CharField(choices=[('receipt', 'Receipt of an order'), ('contract_note', 'Contract note'), ('statement', 'Quarterly statement'), ('distribution', 'Distribution notice'), ('capital_call', 'Capital call notice'), ('1099-div', 'Form 1099-DIV'), ('1042-s', 'Form 1042-S'), ('annual-report', 'Annual transaction report'), ('pfic', 'PFIC annual information statement')], max_length=20)),
            ('subject', models.CharField(max_length=40)),
            ('version', models.PositiveSmallIntegerField()),
            ('digest', models.BinaryField(max_length=32)),
            ('facts', models.BinaryField(max_length=32)),
            ('size', models.PositiveIntegerField()),
            ('sealed', investors.vault.SealedField()),
            ('made_at', models.DateTimeField()),
            ('investor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='papers', to='investors.investor')),
            ('holder', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
        ],
        options={
            'indexes': [
                models.Index(fields=['investor', '-made_at', '-id'], name='paper_newest'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('investor', 'kind', 'subject', 'version'), name='paper_version'),
                models.UniqueConstraint(fields=('digest',), name='paper_digest'),
                models.CheckConstraint(condition=models.Q(('kind__in', ['receipt', 'contract_note', 'statement', 'distribution', 'capital_call', '1099-div', '1042-s', 'annual-report', 'pfic'])), name='paper_kind'),
                models.CheckConstraint(condition=models.Q(models.Q(('holder__isnull', False), ('investor', None)), ('investor__isnull', False), _connector='XOR'), name='paper_of_someone'),
                models.UniqueConstraint(fields=('holder', 'kind', 'subject', 'version'), name='paper_version_of_a_holder'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='paper_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9a46509e9150c6a751bab0db6ebe8fec74a1bc3a', operation='DELETE', pgid='pgtrigger_paper_stays_30ea1', table='portal_paper', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='paper_as_given', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."investor_id" IS DISTINCT FROM (NEW."investor_id") OR OLD."holder_id" IS DISTINCT FROM (NEW."holder_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."subject" IS DISTINCT FROM (NEW."subject") OR OLD."version" IS DISTINCT FROM (NEW."version") OR OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."facts" IS DISTINCT FROM (NEW."facts") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='88b664583501cfd9fa8f2e5bded8f63feb39fb3c', operation='UPDATE', pgid='pgtrigger_paper_as_given_5f1f0', table='portal_paper', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Beat',
        fields=[
            ('job', models.CharField(max_length=40, primary_key=True, serialize=False)),
            ('known_at', models.DateTimeField()),
            ('ran_at', models.DateTimeField(null=True)),
            ('failed_at', models.DateTimeField(null=True)),
            ('error', models.CharField(blank=True, db_default='', default='', max_length=80)),
        ],
    ),
    migrations.CreateModel(
        name='Observation',
        fields=[
            ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
            ('at', models.DateTimeField()),
            ('took', models.PositiveIntegerField(default=0)),
            ('faults', models.PositiveIntegerField(default=0)),
            ('first', models.CharField(blank=True, max_length=200)),
            ('place', models.JSONField(default=dict)),
            ('whole_since', models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name='Traffic',
        fields=[
            ('pk', models.CompositePrimaryKey('room', 'status', 'bucket', blank=True, editable=False, primary_key=True, serialize=False)),
            ('room', models.CharField(max_length=12)),
            ('status', models.CharField(max_length=3)),
            ('bucket', models.PositiveIntegerField()),
            ('count', models.BigIntegerField()),
            ('seconds', models.FloatField()),
        ],
    ),
]


class Migration(migrations.Migration):
    replaces = [
        ("portal", "0002_rooms"), ("portal", "0003_sign_in"), ("portal", "0004_sealed_answers"),
        ("portal", "0005_webhooks"), ("portal", "0006_papers"), ("portal", "0007_tax_papers"),
        ("portal", "0008_watch"),
    ]
    dependencies = [("portal", "0001_initial"), ("investors", "0001_squashed_0010_tax_papers")]
    operations = [CreateTables(TABLES)]
