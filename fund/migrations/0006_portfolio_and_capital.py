"""What the portfolio and the capital keep: histories instead of edits, entries that carry both keys."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


ROOMS = Path(__file__).resolve().parent.parent


class Migration(migrations.Migration):

    dependencies = [
        ('fund', '0005_settlement_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='Accrual',
            fields=[
                ('event_id', models.UUIDField(primary_key=True, serialize=False)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('code', models.CharField(max_length=20)),
                ('description_en', models.CharField(max_length=200)),
                ('description_ja', models.CharField(max_length=200)),
                ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
                ('yearly', models.BigIntegerField()),
                ('effective_on', models.DateField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Call',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField(unique=True)),
                ('called_on', models.DateField()),
                ('due_on', models.DateField()),
                ('bank_account', models.CharField(max_length=40)),
                ('purpose_en', models.CharField(max_length=200)),
                ('purpose_ja', models.CharField(max_length=200)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='CallLine',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('amount', models.BigIntegerField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Commitment',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('amount', models.BigIntegerField()),
                ('effective_on', models.DateField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Contribution',
            fields=[
                ('event_id', models.UUIDField(primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('amount', models.BigIntegerField()),
                ('units', models.BigIntegerField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='FacilityTerms',
            fields=[
                ('event_id', models.UUIDField(primary_key=True, serialize=False)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('effective_on', models.DateField()),
                ('limit', models.BigIntegerField()),
                ('covenant', models.DecimalField(decimal_places=2, max_digits=5)),
                ('rate_bps', models.PositiveIntegerField()),
            ],
            options={
                'verbose_name_plural': 'facility terms',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ImportedFile',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('investments', 'investments and their terms'), ('movements', 'money paid into and received from investments'), ('valuations', 'valuations'), ('facilities', 'credit facilities and their terms'), ('debt', 'movements of debt'), ('expenses', 'fees and expenses paid'), ('accruals', 'running expenses'), ('rates', 'reference rates of the ECB'), ('reversals', 'reversals of money that was entered by mistake')], max_length=12)),
                ('name', models.CharField(max_length=120)),
                ('content', models.TextField()),
                ('digest', models.BinaryField(max_length=32)),
                ('received_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Income',
            fields=[
                ('event_id', models.UUIDField(primary_key=True, serialize=False)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('day', models.DateField()),
                ('amount', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('income', 'income'), ('realisation', 'realisation')], max_length=12)),
                ('cost', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name_plural': 'income',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='InvestmentTerms',
            fields=[
                ('event_id', models.UUIDField(primary_key=True, serialize=False)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('effective_on', models.DateField()),
                ('stage', models.CharField(choices=[('committed', 'committed'), ('construction', 'under construction'), ('operating', 'operating'), ('realised', 'realised')], max_length=16)),
                ('ownership_percent', models.DecimalField(decimal_places=2, max_digits=5)),
                ('committed', models.BigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'investment terms',
                'abstract': False,
            },
        ),
        migrations.RemoveConstraint(
            model_name='deployment',
            name='deployment_positive',
        ),
        migrations.RemoveConstraint(
            model_name='expense',
            name='expense_kind',
        ),
        migrations.RemoveConstraint(
            model_name='expense',
            name='expense_positive',
        ),
        migrations.RemoveConstraint(
            model_name='investment',
            name='investment_stage',
        ),
        migrations.RemoveConstraint(
            model_name='proposal',
            name='proposal_kind',
        ),
        migrations.AddField(
            model_name='deployment',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='deployment',
            name='reverses',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.deployment'),
        ),
        migrations.AddField(
            model_name='expense',
            name='against',
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name='expense',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='expense',
            name='reverses',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.expense'),
        ),
        migrations.AddField(
            model_name='facility',
            name='day_count',
            field=models.PositiveSmallIntegerField(db_default=365, default=365),
        ),
        migrations.AddField(
            model_name='facility',
            name='rate_bps',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='facilitybalance',
            name='event_id',
            field=models.UUIDField(null=True, unique=True),
        ),
        migrations.AddField(
            model_name='facilitybalance',
            name='moved',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='facilitybalance',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AlterField(
            model_name='expense',
            name='kind',
            field=models.CharField(choices=[('management_fee', 'management fee'), ('interest', 'interest'), ('operating', 'operating expense')], max_length=16),
        ),
        migrations.AlterField(
            model_name='investment',
            name='stage',
            field=models.CharField(choices=[('committed', 'committed'), ('construction', 'under construction'), ('operating', 'operating'), ('realised', 'realised')], max_length=16),
        ),
        migrations.AlterField(
            model_name='proposal',
            name='kind',
            field=models.CharField(choices=[('config', 'change of a setting'), ('offering', 'opening of an offering'), ('cancellation', 'cancellation of an offering'), ('outage', 'outage that extends offerings'), ('allotment', 'allotment'), ('nav', 'net asset value'), ('payout', 'payout run'), ('distribution', 'distribution'), ('entry', 'manual ledger entry'), ('portfolio', 'entries of the portfolio'), ('capital', 'capital of co-owners and partners')], max_length=16),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='deployment',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.reverses_id IS NULL THEN 'drawdown' ELSE 'reversal' END, 'event', NEW.event_id::text, 'reverses', NEW.reverses_id::text, 'investment', NEW.investment_id, 'day', NEW.day::text, 'amount', abs(NEW.amount)::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='65d8a057767e6836d73fee2e35dbfcfb7e3d1633', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_b09d1', table='fund_deployment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='expense',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.reverses_id IS NULL THEN 'expense' ELSE 'reversal' END, 'event', NEW.event_id::text, 'reverses', NEW.reverses_id::text, 'kind', NEW.kind, 'against', NEW.against, 'day', NEW.day::text, 'amount', abs(NEW.amount)::text, 'currency', NEW.currency))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='93a7e8e4fc64a7b17078e99f6a47767ca8eb3560', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_a1a43', table='fund_expense', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='facility',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='6ef2c6d79cc69f85de24f08c4d5f8fa27fc8f189', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_7db0d', table='fund_facility', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='facility',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='911e932b6ac43b9b340abb6d8cfa5dc9f0f56691', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_47963', table='fund_facility', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='facilitybalance',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.event_id IS NOT NULL) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.moved > 0 THEN 'borrow' ELSE 'repay' END, 'event', NEW.event_id::text, 'facility', NEW.facility_id, 'day', NEW.effective_on::text, 'amount', abs(NEW.moved)::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='23d13f7fb3ed35b34edf0e4067b5509cbf3e298d', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_11ea3', table='fund_facilitybalance', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='investment',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='976f3732ff451867a53710d649c72be1c14070f6', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_e3702', table='fund_investment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='investment',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='aea973aabc6d42544f93c150023bb56d5308089b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_2fd07', table='fund_investment', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='deployment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('reverses', None)), models.Q(('amount__lt', 0), ('reverses__isnull', False)), _connector='OR'), name='deployment_signed'),
        ),
        migrations.AddConstraint(
            model_name='expense',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('against', ''), ('kind', 'management_fee')), models.Q(('kind', 'interest'), models.Q(('against', ''), _negated=True)), ('kind', 'operating'), _connector='OR'), name='expense_kind'),
        ),
        migrations.AddConstraint(
            model_name='expense',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('reverses', None)), models.Q(('amount__lt', 0), ('reverses__isnull', False)), _connector='OR'), name='expense_signed'),
        ),
        migrations.AddConstraint(
            model_name='facility',
            constraint=models.CheckConstraint(condition=models.Q(('day_count__in', [360, 365])), name='facility_day_count'),
        ),
        migrations.AddConstraint(
            model_name='facilitybalance',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('event_id', None), ('moved', None), ('proposal', None)), models.Q(('event_id__isnull', False), ('moved__isnull', False), ('proposal__isnull', False), models.Q(('moved', 0), _negated=True)), _connector='OR'), name='facility_moved_by_an_entry'),
        ),
        migrations.AddConstraint(
            model_name='investment',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['committed', 'construction', 'operating', 'realised'])), name='investment_stage'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['config', 'offering', 'cancellation', 'outage', 'allotment', 'nav', 'payout', 'distribution', 'entry', 'portfolio', 'capital'])), name='proposal_kind'),
        ),
        migrations.AddField(
            model_name='accrual',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='call',
            name='proposal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='call',
            name='unit_class',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass'),
        ),
        migrations.AddField(
            model_name='callline',
            name='call',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='fund.call'),
        ),
        migrations.AddField(
            model_name='callline',
            name='holder',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder'),
        ),
        migrations.AddField(
            model_name='callline',
            name='proposal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='commitment',
            name='holder',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='fund.holder'),
        ),
        migrations.AddField(
            model_name='commitment',
            name='proposal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='commitment',
            name='unit_class',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass'),
        ),
        migrations.AddField(
            model_name='contribution',
            name='line',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contributions', to='fund.callline'),
        ),
        migrations.AddField(
            model_name='contribution',
            name='proposal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='facilityterms',
            name='facility',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='fund.facility'),
        ),
        migrations.AddField(
            model_name='facilityterms',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='importedfile',
            name='officer',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer'),
        ),
        migrations.AddField(
            model_name='income',
            name='investment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='income', to='fund.investment'),
        ),
        migrations.AddField(
            model_name='income',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddField(
            model_name='income',
            name='reverses',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.income'),
        ),
        migrations.AddField(
            model_name='investmentterms',
            name='investment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='fund.investment'),
        ),
        migrations.AddField(
            model_name='investmentterms',
            name='proposal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal'),
        ),
        migrations.AddIndex(
            model_name='accrual',
            index=models.Index(fields=['code', 'effective_on', 'recorded_at'], name='accrual_from'),
        ),
        migrations.AddConstraint(
            model_name='accrual',
            constraint=models.CheckConstraint(condition=models.Q(('yearly__gte', 0)), name='accrual_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='accrual',
            constraint=models.CheckConstraint(condition=models.Q(('currency__in', ['USD', 'JPY'])), name='accrual_currency'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='accrual',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='fb761f4bc6c8fc7d2d12a074b1f4a8055aa2976b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_e5a88', table='fund_accrual', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='accrual',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='6c5e064fb903e1760ec53594925d8a8b665c613a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_2fae6', table='fund_accrual', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='accrual',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', 'accrual', 'event', NEW.event_id::text, 'code', NEW.code, 'effective_on', NEW.effective_on::text, 'yearly', NEW.yearly::text, 'currency', NEW.currency))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='646f8918cc99e4d7309648fe79aadef4464a1c49', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_36818', table='fund_accrual', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='call',
            constraint=models.CheckConstraint(condition=models.Q(('due_on__gte', models.F('called_on'))), name='call_due_after'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='call',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='b9e78c1bd1fccc814db26f3fa789260b6d45cd2f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_236d7', table='fund_call', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='call',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='639c62ebde4e23d4fa953235c28dc286ad4d73fb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_26f7e', table='fund_call', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='call',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'call', 'call', NEW.id::text, 'class', NEW.unit_class_id, 'called_on', NEW.called_on::text, 'due_on', NEW.due_on::text, 'bank_account', NEW.bank_account)) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='526de038bdf191a8a60af0fff426a7fe7d0f5b6c', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_eab1f', table='fund_call', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='callline',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='call_line_positive'),
        ),
        migrations.AddConstraint(
            model_name='callline',
            constraint=models.UniqueConstraint(fields=('call', 'holder'), name='call_line_one_a_holder'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='callline',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e859b696e4a0fa89570acaa753ab815dc07e60b2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_b9d42', table='fund_callline', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='callline',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='70cf95aa06503ecaff7ae4fff47e270626a7dcb2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_b83c0', table='fund_callline', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='callline',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'call', 'call', NEW.call_id::text, 'lines', jsonb_build_array(jsonb_build_object('line', NEW.id::text, 'holder', NEW.holder_id::text, 'amount', NEW.amount::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='9804f44f98e7bc5635aaa773766885f90ce02f3e', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_0d2e9', table='fund_callline', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='commitment',
            index=models.Index(fields=['holder', '-effective_on', '-recorded_at'], name='commitment_latest'),
        ),
        migrations.AddConstraint(
            model_name='commitment',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='commitment_not_negative'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='commitment',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7d77839a841ddb2a62db30e647e742070699df5f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_c8231', table='fund_commitment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='commitment',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a85b0a62baa017afcaed14defb690830fa6219cb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_5e84d', table='fund_commitment', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='commitment',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'commitment', 'effective_on', NEW.effective_on::text, 'commitments', jsonb_build_array(jsonb_build_object('id', NEW.id::text, 'holder', NEW.holder_id::text, 'class', NEW.unit_class_id, 'amount', NEW.amount::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='331b6547941de403e20e2656c39c33eb687c7c28', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_1fa94', table='fund_commitment', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='contribution',
            index=models.Index(fields=['line'], name='contribution_line'),
        ),
        migrations.AddConstraint(
            model_name='contribution',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('units__gt', 0)), name='contribution_positive'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contribution',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='fbda096355b4780e9c1bd01029df041ca1ce81e4', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_3fe75', table='fund_contribution', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contribution',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a59b7d108128b97e6b42729e6f7bb1151c6af859', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_f1e7f', table='fund_contribution', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contribution',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'contribution', 'day', NEW.day::text, 'parts', jsonb_build_array(jsonb_build_object('event', NEW.event_id::text, 'line', NEW.line_id::text, 'amount', NEW.amount::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='616c02444771486919a1e71c706a2c77191752e3', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_b76d0', table='fund_contribution', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='facilityterms',
            index=models.Index(fields=['facility', '-effective_on', '-recorded_at'], name='facility_terms_latest'),
        ),
        migrations.AddConstraint(
            model_name='facilityterms',
            constraint=models.CheckConstraint(condition=models.Q(('limit__gt', 0)), name='facility_terms_limit'),
        ),
        migrations.AddConstraint(
            model_name='facilityterms',
            constraint=models.CheckConstraint(condition=models.Q(('covenant__gt', 0), ('covenant__lte', 100)), name='facility_terms_covenant'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='facilityterms',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7592536ad00dc9a8578665e0e036c00cc91cf9d4', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_83de8', table='fund_facilityterms', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='facilityterms',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e3f43fbbbd7ba968ad9b9096402dc0d0a4a53792', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_40e6c', table='fund_facilityterms', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='facilityterms',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', 'facility_terms', 'event', NEW.event_id::text, 'facility', NEW.facility_id, 'effective_on', NEW.effective_on::text, 'limit', NEW.limit::text, 'covenant', NEW.covenant::text, 'rate_bps', NEW.rate_bps::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='dd7cec60d478439356eebeff61e93adc8ab961c7', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_92a57', table='fund_facilityterms', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='importedfile',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['investments', 'movements', 'valuations', 'facilities', 'debt', 'expenses', 'accruals', 'rates', 'reversals'])), name='imported_file_kind'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='importedfile',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e594dcf75b167bcff799180487717d7fedce7eef', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_0980c', table='fund_importedfile', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='importedfile',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d37fef90eab100023548e2e45a5396e921a274e8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_0c175', table='fund_importedfile', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='income',
            index=models.Index(fields=['investment', 'day'], name='income_day'),
        ),
        migrations.AddConstraint(
            model_name='income',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('reverses', None)), models.Q(('amount__lt', 0), ('reverses__isnull', False)), _connector='OR'), name='income_signed'),
        ),
        migrations.AddConstraint(
            model_name='income',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cost', 0), ('kind', 'income')), models.Q(('amount__gt', 0), ('cost__gte', 0), ('kind', 'realisation')), models.Q(('amount__lt', 0), ('cost__lte', 0), ('kind', 'realisation')), _connector='OR'), name='income_kind'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='income',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='349f60291945eed00e1b103f9ae1da2a0ad95c2c', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_a466e', table='fund_income', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='income',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d7f56a664526bd37f6c1001147f4bb0188f79f53', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_faa25', table='fund_income', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='income',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.reverses_id IS NULL THEN NEW.kind ELSE 'reversal' END, 'event', NEW.event_id::text, 'reverses', NEW.reverses_id::text, 'investment', NEW.investment_id, 'day', NEW.day::text, 'amount', abs(NEW.amount)::text, 'cost', abs(NEW.cost)::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='014e92d76a6f68612606d801e43292a5ec42b289', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_7b6ab', table='fund_income', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='investmentterms',
            index=models.Index(fields=['investment', '-effective_on', '-recorded_at'], name='investment_terms_latest'),
        ),
        migrations.AddConstraint(
            model_name='investmentterms',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['committed', 'construction', 'operating', 'realised'])), name='investment_terms_stage'),
        ),
        migrations.AddConstraint(
            model_name='investmentterms',
            constraint=models.CheckConstraint(condition=models.Q(('ownership_percent__gte', 0), ('ownership_percent__lte', 100)), name='investment_terms_ownership'),
        ),
        migrations.AddConstraint(
            model_name='investmentterms',
            constraint=models.CheckConstraint(condition=models.Q(('committed__gte', 0)), name='investment_terms_committed'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='investmentterms',
            trigger=pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='3e98116d3f88afe0b539de45b60a72be8e23bbdc', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_80cde', table='fund_investmentterms', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='investmentterms',
            trigger=pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='8dc73daa7d88c924617770a68b49d9492f4d0afa', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_76383', table='fund_investmentterms', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='investmentterms',
            trigger=pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', 'terms', 'event', NEW.event_id::text, 'investment', NEW.investment_id, 'effective_on', NEW.effective_on::text, 'stage', NEW.stage, 'ownership_percent', NEW.ownership_percent::text, 'committed', NEW.committed::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='1043f74c3f68dc3a3cb589b77eaa49f7fc4a519c', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_2c205', table='fund_investmentterms', when='BEFORE')),
        ),
        migrations.RunSQL((ROOMS / "register/sql/keys.sql").read_text(), migrations.RunSQL.noop),
    ]
