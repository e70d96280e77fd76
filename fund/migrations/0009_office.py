from pathlib import Path

import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


OFFICE = Path(__file__).resolve().parent.parent / "governance/sql/office.sql"


class Migration(migrations.Migration):

    dependencies = [
        ('fund', '0008_nav'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OfficeEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('act', models.CharField(choices=[('appointed', 'appointed'), ('duties', 'other duties'), ('left', 'has left office'), ('emergency', 'duties for an emergency'), ('emergency_over', 'emergency over')], max_length=16)),
                ('person', models.CharField(blank=True, max_length=40)),
                ('nation', models.CharField(blank=True, choices=[('US', 'United States'), ('JP', 'Japan')], max_length=2)),
                ('name_en', models.CharField(blank=True, max_length=120)),
                ('name_ja', models.CharField(blank=True, max_length=120)),
                ('duties', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('onboarding', 'onboarding'), ('dealing', 'dealing'), ('valuation', 'valuation'), ('payments', 'payments'), ('audit', 'audit'), ('administration', 'administration')], max_length=16), default=list)),
                ('at', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('reason', models.TextField(blank=True)),
            ],
            options={
                'verbose_name_plural': 'office entries',
                'abstract': False,
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='signature',
            name='signature_is_an_officers',
        ),
        migrations.RemoveConstraint(
            model_name='proposal',
            name='proposal_kind',
        ),
        migrations.AddField(
            model_name='officer',
            name='emergency_duties',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('onboarding', 'onboarding'), ('dealing', 'dealing'), ('valuation', 'valuation'), ('payments', 'payments'), ('audit', 'audit'), ('administration', 'administration')], max_length=16), db_default=[], default=list),
        ),
        migrations.AddField(
            model_name='officer',
            name='emergency_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='proposal',
            name='kind',
            field=models.CharField(choices=[('config', 'change of a setting'), ('office', 'appointment or duties of an officer'), ('offering', 'opening of an offering'), ('cancellation', 'cancellation of an offering'), ('outage', 'outage that extends offerings'), ('allotment', 'allotment'), ('nav', 'net asset value'), ('correction', 'correction of net asset values'), ('payout', 'payout run'), ('distribution', 'distribution'), ('entry', 'manual ledger entry'), ('portfolio', 'entries of the portfolio'), ('capital', 'capital of co-owners and partners')], max_length=16),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='signature',
            trigger=pgtrigger.compiler.Trigger(name='signature_is_an_officers', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE duty text; held text[];', func="\n                SELECT person, nation,\n                       duties || CASE WHEN NEW.signed_at < emergency_until THEN emergency_duties ELSE '{}' END\n                  INTO STRICT NEW.person, NEW.nation, held FROM fund_officer\n                 WHERE id = NEW.officer_id AND in_office_from <= NEW.signed_at\n                   AND (in_office_until IS NULL OR NEW.signed_at < in_office_until);\n                SELECT CASE kind WHEN 'config' THEN 'administration' WHEN 'office' THEN 'administration' WHEN 'offering' THEN 'dealing' WHEN 'cancellation' THEN 'dealing' WHEN 'outage' THEN 'dealing' WHEN 'allotment' THEN 'dealing' WHEN 'nav' THEN 'valuation' WHEN 'correction' THEN 'valuation' WHEN 'portfolio' THEN 'valuation' WHEN 'capital' THEN 'valuation' WHEN 'payout' THEN 'payments' WHEN 'distribution' THEN 'payments' WHEN 'entry' THEN 'payments' END INTO duty FROM fund_proposal\n                 WHERE id = NEW.proposal_id AND state = 'open' AND digest = NEW.digest FOR UPDATE;\n                IF NOT FOUND THEN\n                    RAISE EXCEPTION 'the proposal is not open with this payload' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF duty <> ALL (held) THEN\n                    RAISE EXCEPTION 'this key needs the duty %', duty USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='cefe3ae92c4f886eaea4be14a41cff7097987271', operation='INSERT', pgid='pgtrigger_signature_is_an_officers_328d1', table='fund_signature', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='officer',
            constraint=models.CheckConstraint(condition=models.Q(('emergency_duties', []), ('emergency_until__isnull', False), _connector='XOR'), name='officer_emergency_ends'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['config', 'office', 'offering', 'cancellation', 'outage', 'allotment', 'nav', 'correction', 'payout', 'distribution', 'entry', 'portfolio', 'capital'])), name='proposal_kind'),
        ),
        migrations.AddField(
            model_name='officeentry',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer'),
        ),
        migrations.AddField(
            model_name='officeentry',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='officeentry',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='officeentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('act__in', ['appointed', 'duties']), _negated=True), models.Q(models.Q(('duties__contains', ['administration']), ('duties__overlap', ['dealing', 'payments', 'valuation']), _negated=True), models.Q(('duties', ['audit']), models.Q(('duties__contains', ['audit']), _negated=True), _connector='OR')), _connector='OR'), name='office_entry_duties_apart'),
        ),
        migrations.AddConstraint(
            model_name='officeentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('act', 'emergency'), ('until__gt', models.F('at')), ('until__lte', django.db.models.expressions.CombinedExpression(models.F('at'), '+', models.Value(datetime.timedelta(days=1)))), models.Q(('duties__overlap', ['administration', 'audit']), _negated=True), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('act', 'emergency'), _negated=True), ('until', None)), _connector='OR'), name='office_entry_emergency'),
        ),
        migrations.AddConstraint(
            model_name='officeentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('act__in', ['appointed', 'duties']), ('by', None), ('proposal__isnull', False)), models.Q(('act__in', ['left', 'emergency', 'emergency_over']), ('by__isnull', False), ('proposal', None)), _connector='OR'), name='office_entry_by_keys_or_hand'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='officeentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='f63879a941f9babbd00afc4ebd7ba2ca9ac069c2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_1e155', table='fund_officeentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='officeentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='5a969a033fd1f4c636ef873111ab944e604b6b6f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_35211', table='fund_officeentry', when='BEFORE')),
        ),
        migrations.RunSQL(OFFICE.read_text(), migrations.RunSQL.noop),
    ]
