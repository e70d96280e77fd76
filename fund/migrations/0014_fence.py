from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


FENCE = Path(__file__).resolve().parent.parent / "governance/sql/fence.sql"


class Migration(migrations.Migration):

    accepts = {"constraint-missing-not-valid": "fund_proposal has a row for each act of officers: thousands"}

    dependencies = [
        ('fund', '0013_tax_papers'),
    ]

    operations = [
        migrations.RunSQL(FENCE.read_text(), "DROP FUNCTION fund_generation()"),
        migrations.CreateModel(
            name='FenceEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('act', models.CharField(choices=[('opened', 'opened with the new database'), ('closed', 'fenced'), ('released', 'released by both nations')], max_length=8)),
                ('why', models.CharField(blank=True, choices=[('restored', 'this database is a restored copy'), ('went_back', 'the database has gone back in time'), ('by_hand', 'closed by an officer or the operator')], max_length=9)),
                ('generation', models.CharField(max_length=120)),
                ('at', models.DateTimeField()),
                ('reason', models.TextField(blank=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
                ('proposal', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ],
            options={
                'verbose_name_plural': 'fence entries',
                'abstract': False,
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('act__in', ['opened', 'closed', 'released'])), name='fence_act'),
                    models.CheckConstraint(condition=models.Q(models.Q(('act', 'closed'), ('why__in', ['restored', 'went_back', 'by_hand'])), models.Q(models.Q(('act', 'closed'), _negated=True), ('why', '')), _connector='OR'), name='fence_closed_for_a_reason'),
                    models.CheckConstraint(condition=models.Q(('act', 'released'), ('proposal__isnull', True), _connector='XOR'), name='fence_released_by_keys'),
                ],
            },
        ),
        migrations.AlterField(
            model_name='proposal',
            name='kind',
            field=models.CharField(choices=[('config', 'change of a setting'), ('office', 'appointment or duties of an officer'), ('offering', 'opening of an offering'), ('cancellation', 'cancellation of an offering'), ('outage', 'outage that extends offerings'), ('allotment', 'allotment'), ('nav', 'net asset value'), ('correction', 'correction of net asset values'), ('payout', 'payout run'), ('distribution', 'distribution'), ('tax_year', 'year of tax'), ('payee', 'account of a payee'), ('entry', 'manual ledger entry'), ('portfolio', 'entries of the portfolio'), ('capital', 'capital of co-owners and partners'), ('release', 'release of the outbox')], max_length=16),
        ),
        # What others may wait for comes last, one right after the other.
        pgtrigger.migrations.AddTrigger(
            model_name='fenceentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='59b083db877ce7c563f44fd78e37317ce189b585', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_820ee', table='fund_fenceentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='fenceentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='09ffda999f699345938b480b622fdd4336905549', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_1c707', table='fund_fenceentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='fenceentry',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_release', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.act = 'released') AND NOT fund_two_keys(NEW.proposal_id, 'release', 'release', jsonb_build_object('generation', NEW.generation, 'closed', (SELECT max(id)::text FROM fund_fenceentry WHERE act = 'closed'))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='716a9c31c78566e5dcae9a3a0506b8497af1e838', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_release_95368', table='fund_fenceentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='fenceentry',
            trigger=pgtrigger.compiler.Trigger(name='fence_of_this_database', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF NEW.act <> 'closed' AND NEW.generation <> fund_generation() THEN\n                    RAISE EXCEPTION 'what is released is another database' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF NEW.act = 'opened' AND (EXISTS (SELECT FROM fund_note) OR EXISTS (SELECT FROM fund_fenceentry)) THEN\n                    RAISE EXCEPTION 'this database is not new: both nations release it'\n                        USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='4594d4d674d1e5edc218561b12f92bd9a69dfce5', operation='INSERT', pgid='pgtrigger_fence_of_this_database_2b483', table='fund_fenceentry', when='BEFORE')),
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='signature',
            name='signature_is_an_officers',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='signature',
            trigger=pgtrigger.compiler.Trigger(name='signature_is_an_officers', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE duty text; held text[];', func="\n                SELECT person, nation,\n                       duties || CASE WHEN NEW.signed_at < emergency_until THEN emergency_duties ELSE '{}' END\n                  INTO STRICT NEW.person, NEW.nation, held FROM fund_officer\n                 WHERE id = NEW.officer_id AND in_office_from <= NEW.signed_at\n                   AND (in_office_until IS NULL OR NEW.signed_at < in_office_until);\n                SELECT CASE kind WHEN 'config' THEN 'administration' WHEN 'office' THEN 'administration' WHEN 'offering' THEN 'dealing' WHEN 'cancellation' THEN 'dealing' WHEN 'outage' THEN 'dealing' WHEN 'allotment' THEN 'dealing' WHEN 'nav' THEN 'valuation' WHEN 'correction' THEN 'valuation' WHEN 'portfolio' THEN 'valuation' WHEN 'capital' THEN 'valuation' WHEN 'payout' THEN 'payments' WHEN 'distribution' THEN 'payments' WHEN 'tax_year' THEN 'payments' WHEN 'payee' THEN 'payments' WHEN 'entry' THEN 'payments' WHEN 'release' THEN 'payments' END INTO duty FROM fund_proposal\n                 WHERE id = NEW.proposal_id AND state = 'open' AND digest = NEW.digest FOR UPDATE;\n                IF NOT FOUND THEN\n                    RAISE EXCEPTION 'the proposal is not open with this payload' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF duty <> ALL (held) THEN\n                    RAISE EXCEPTION 'this key needs the duty %', duty USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='d2399b62be990f5a818f685c44d31350e41ca978', operation='INSERT', pgid='pgtrigger_signature_is_an_officers_328d1', table='fund_signature', when='BEFORE')),
        ),
        migrations.RemoveConstraint(
            model_name='proposal',
            name='proposal_kind',
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['config', 'office', 'offering', 'cancellation', 'outage', 'allotment', 'nav', 'correction', 'payout', 'distribution', 'tax_year', 'payee', 'entry', 'portfolio', 'capital', 'release'])), name='proposal_kind'),
        ),
    ]
