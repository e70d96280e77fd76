"""The vault's tables with their triggers, and the database's own part of the two keys, the book and the fence."""

import datetime
from pathlib import Path

from django.conf import settings
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.functions
import django.contrib.postgres.indexes
import django.core.validators
from django.db import migrations, models
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.math
import django.db.models.functions.uuid
import django.db.models.lookups
from fund.migrations._tables import CreateTables
import fund.money
import fund.trace
import pgtrigger.compiler

ROOMS = Path(__file__).resolve().parent.parent
TABLES = [
    migrations.CreateModel(
        name='Officer',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('person', models.CharField(max_length=40)),
            ('nation', models.CharField(choices=[('US', 'United States'), ('JP', 'Japan')], max_length=2)),
            ('name_en', models.CharField(max_length=120)),
            ('name_ja', models.CharField(max_length=120)),
            ('duties', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('onboarding', 'onboarding'), ('dealing', 'dealing'), ('valuation', 'valuation'), ('payments', 'payments'), ('audit', 'audit'), ('administration', 'administration')], max_length=16))),
            ('in_office_from', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ('in_office_until', models.DateTimeField(blank=True, null=True)),
            ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='officer', to=settings.AUTH_USER_MODEL)),
            ('emergency_duties', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('onboarding', 'onboarding'), ('dealing', 'dealing'), ('valuation', 'valuation'), ('payments', 'payments'), ('audit', 'audit'), ('administration', 'administration')], max_length=16), db_default=[], default=list)),
            ('emergency_until', models.DateTimeField(blank=True, null=True)),
        ],
        options={
            'indexes': [
                models.Index(fields=['person'], name='officer_person'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('nation__in', ['US', 'JP'])), name='officer_nation'),
                models.CheckConstraint(condition=models.Q(('person', ''), _negated=True), name='officer_person_named'),
                models.CheckConstraint(condition=models.Q(('emergency_duties', []), ('emergency_until__isnull', False), _connector='XOR'), name='officer_emergency_ends'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Proposal',
        fields=[
            ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), primary_key=True, serialize=False)),
            ('kind', models.CharField(choices=[('config', 'change of a setting'), ('office', 'appointment or duties of an officer'), ('offering', 'opening of an offering'), ('cancellation', 'cancellation of an offering'), ('outage', 'outage that extends offerings'), ('allotment', 'allotment'), ('nav', 'net asset value'), ('correction', 'correction of net asset values'), ('payout', 'payout run'), ('distribution', 'distribution'), ('tax_year', 'year of tax'), ('payee', 'account of a payee'), ('entry', 'manual ledger entry'), ('portfolio', 'entries of the portfolio'), ('capital', 'capital of co-owners and partners'), ('release', 'release of the outbox')], max_length=16)),
            ('subject', models.CharField(max_length=120)),
            ('payload', models.TextField()),
            ('digest', models.BinaryField(max_length=32)),
            ('reason', models.TextField(blank=True)),
            ('state', models.CharField(choices=[('open', 'waiting for keys'), ('carried_out', 'carried out'), ('withdrawn', 'withdrawn')], default='open', max_length=12)),
            ('proposed_at', models.DateTimeField()),
            ('carried_out_at', models.DateTimeField(null=True)),
            ('proposed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='fund.officer')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['open', 'carried_out', 'withdrawn'])), name='proposal_state'),
                models.CheckConstraint(condition=models.Q(('state', 'carried_out'), ('carried_out_at__isnull', True), _connector='XOR'), name='proposal_carried_out_at'),
                models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('kind', 'subject'), name='proposal_one_open'),
                models.CheckConstraint(condition=models.Q(('kind__in', ['config', 'office', 'offering', 'cancellation', 'outage', 'allotment', 'nav', 'correction', 'payout', 'distribution', 'tax_year', 'payee', 'entry', 'portfolio', 'capital', 'release'])), name='proposal_kind'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='digest_of_payload', sql=pgtrigger.compiler.UpsertTriggerSql(func="NEW.digest := sha256(convert_to(NEW.payload, 'UTF8')); RETURN NEW;", hash='57aff46d7ab5909b6d3060c323634feb656764c5', operation='INSERT OR UPDATE', pgid='pgtrigger_digest_of_payload_2d8a6', table='fund_proposal', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='proposal_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'DELETE' OR OLD.state <> 'open'\n                   OR (NEW.id, NEW.kind, NEW.subject, NEW.proposed_by_id, NEW.proposed_at)\n                      IS DISTINCT FROM (OLD.id, OLD.kind, OLD.subject, OLD.proposed_by_id, OLD.proposed_at) THEN\n                    RAISE EXCEPTION 'a proposal is revised, carried out or withdrawn while it is open, nothing else'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF NEW.state = 'carried_out' AND NOT fund_two_keys(OLD.id, OLD.kind, OLD.subject, '{}') THEN\n                    RAISE EXCEPTION 'two keys are missing' USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='18f23d9dde96eec605c68e7462a557b0785aa502', operation='UPDATE OR DELETE', pgid='pgtrigger_proposal_moves_39a64', table='fund_proposal', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='UnitClass',
        fields=[
            ('code', models.CharField(choices=[('SOV', 'Co-owner units'), ('LP', 'Limited-partner units'), ('US', 'US citizen units'), ('JP', 'Japanese citizen units')], max_length=4, primary_key=True, serialize=False)),
            ('owner_kind', models.CharField(choices=[('sovereign', 'co-owner'), ('limited_partner', 'limited partner'), ('citizen', 'citizen')], max_length=16)),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('unit_decimals', models.PositiveSmallIntegerField()),
            ('lot', models.PositiveIntegerField()),
            ('price_decimals', models.PositiveSmallIntegerField()),
            ('initial_price', models.DecimalField(decimal_places=4, max_digits=18)),
        ],
        options={
            'verbose_name_plural': 'unit classes',
            'constraints': [
                models.CheckConstraint(condition=models.Q(('code__in', ['SOV', 'LP', 'US', 'JP'])), name='unit_class_code'),
                models.CheckConstraint(condition=models.Q(('lot__gt', 0)), name='unit_class_lot_positive'),
                models.CheckConstraint(condition=models.Q(('initial_price__gt', 0)), name='unit_class_initial_price_positive'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Offering',
        fields=[
            ('code', models.CharField(max_length=20, primary_key=True, serialize=False)),
            ('name_en', models.CharField(max_length=120)),
            ('name_ja', models.CharField(max_length=120)),
            ('summary_en', models.TextField()),
            ('summary_ja', models.TextField()),
            ('state', models.CharField(choices=[('announced', 'announced'), ('open', 'open'), ('closed', 'closed'), ('allotted', 'allotted'), ('settled', 'settled'), ('cancelled', 'cancelled')], default='announced', max_length=9)),
            ('capacity', models.BigIntegerField()),
            ('minimum', models.BigIntegerField()),
            ('step', models.BigIntegerField()),
            ('maximum', models.BigIntegerField()),
            ('lot', models.BigIntegerField()),
            ('price_basis', models.CharField(choices=[('fixed', 'fixed price'), ('forward', 'price of the dealing day')], max_length=7)),
            ('fixed_price', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
            ('dealing_day', models.DateField()),
            ('opens_at', models.DateTimeField()),
            ('closes_at', models.DateTimeField()),
            ('pay_by', models.DateTimeField()),
            ('agreements', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40))),
            ('seed_commitment', models.BinaryField(max_length=32)),
            ('sealed_seed', models.BinaryField()),
            ('seed', models.BinaryField(max_length=32, null=True)),
            ('terms_digest', models.BinaryField(max_length=32)),
            ('announced_at', models.DateTimeField()),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offerings', to='fund.unitclass')),
            ('extension', models.DurationField(default=datetime.timedelta(0))),
            ('hands_over', models.BooleanField(default=False)),
            ('issue', models.CharField(blank=True, default='', max_length=20)),
            ('order_maximum', models.BigIntegerField(null=True)),
            ('usd_jpy', models.DecimalField(decimal_places=4, max_digits=12, null=True)),
            ('usd_jpy_day', models.DateField(null=True)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('code__regex', '^[A-Z0-9][A-Z0-9-]{1,19}$')), name='offering_code'),
                models.CheckConstraint(condition=models.Q(('state__in', ['announced', 'open', 'closed', 'allotted', 'settled', 'cancelled'])), name='offering_state'),
                models.CheckConstraint(condition=models.Q(('capacity__gt', 0), ('lot__gt', 0), ('maximum__gte', models.F('minimum')), ('minimum__gt', 0), ('step__gt', 0)), name='offering_signs'),
                models.CheckConstraint(condition=models.Q(('capacity', django.db.models.expressions.CombinedExpression(models.F('capacity'), '-', django.db.models.functions.math.Mod('capacity', 'lot')))), name='offering_capacity_in_lots'),
                models.CheckConstraint(condition=models.Q(('minimum', django.db.models.expressions.CombinedExpression(models.F('minimum'), '-', django.db.models.functions.math.Mod('minimum', 'lot')))), name='offering_minimum_in_lots'),
                models.CheckConstraint(condition=models.Q(('step', django.db.models.expressions.CombinedExpression(models.F('step'), '-', django.db.models.functions.math.Mod('step', 'lot')))), name='offering_step_in_lots'),
                models.CheckConstraint(condition=models.Q(('closes_at__lte', models.F('pay_by')), ('opens_at__lt', models.F('closes_at'))), name='offering_instants'),
                models.CheckConstraint(condition=models.Q(models.Q(('fixed_price__gt', 0), ('price_basis', 'fixed')), models.Q(('fixed_price', None), ('price_basis', 'forward')), _connector='OR'), name='offering_price'),
                models.CheckConstraint(condition=models.Q(models.Q(('seed__isnull', False), ('seed_commitment', models.Func(models.F('seed'), function='sha256', output_field=models.BinaryField())), ('state__in', ['allotted', 'settled'])), models.Q(('seed', None), models.Q(('state__in', ['allotted', 'settled']), _negated=True)), _connector='OR'), name='offering_seed_revealed_with_the_allotment'),
                models.CheckConstraint(condition=models.Q(('order_maximum', None), models.Q(('order_maximum__gte', models.F('minimum')), ('order_maximum__lte', models.F('maximum'))), _connector='OR'), name='offering_order_maximum'),
                models.CheckConstraint(condition=models.Q(models.Q(('hands_over', False), ('issue', ''), ('usd_jpy', None), ('usd_jpy_day', None)), models.Q(models.Q(('issue', ''), _negated=True), ('usd_jpy__gt', 0), ('usd_jpy_day__isnull', False)), _connector='OR'), name='offering_of_an_issue_has_its_rate'),
                models.UniqueConstraint(condition=models.Q(('issue', ''), _negated=True), fields=('issue', 'unit_class'), name='offering_one_a_class_in_an_issue'),
                models.CheckConstraint(condition=models.Q(('extension__gte', datetime.timedelta(0))), name='offering_extension'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='two_keys_offering', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.state = 'open' AND OLD.state = 'announced') AND NOT fund_two_keys(NEW.proposal_id, 'offering', NEW.code, jsonb_build_object('offering', NEW.code, 'terms', encode(NEW.terms_digest, 'hex'))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='aec7899542504e71cef2ad6226c8bee72517ba96', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_offering_a8d29', table='fund_offering', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_cancellation', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.state = 'cancelled' AND OLD.state <> 'cancelled') AND NOT fund_two_keys(NEW.proposal_id, 'cancellation', NEW.code, jsonb_build_object('offering', NEW.code)) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='72ba4a065c4f7a28486c4c72d6bd67b0cf08d7f4', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_cancellation_72fbc', table='fund_offering', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='offering_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='dc89e9debeb60948148e7657659e65ebc7871591', operation='DELETE', pgid='pgtrigger_offering_stays_e2f8d', table='fund_offering', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='digest_of_terms', sql=pgtrigger.compiler.UpsertTriggerSql(func="NEW.terms_digest := sha256(convert_to(jsonb_build_array(\n    NEW.code, NEW.unit_class_id, NEW.name_en, NEW.name_ja, NEW.summary_en, NEW.summary_ja, NEW.capacity, NEW.minimum,\n    NEW.step, NEW.maximum, NEW.lot, NEW.price_basis, NEW.fixed_price, NEW.dealing_day, NEW.opens_at AT TIME ZONE 'UTC',\n    (NEW.closes_at - NEW.extension) AT TIME ZONE 'UTC', (NEW.pay_by - NEW.extension) AT TIME ZONE 'UTC',\n    to_jsonb(NEW.agreements), encode(NEW.seed_commitment, 'hex'))\n    || CASE WHEN NEW.order_maximum IS NULL THEN '[]' ELSE jsonb_build_array('order_maximum', NEW.order_maximum) END\n    || CASE WHEN NEW.issue = '' THEN '[]'\n            ELSE jsonb_build_array('issue', NEW.issue, NEW.hands_over, NEW.usd_jpy, NEW.usd_jpy_day) END::text, 'UTF8')); RETURN NEW;", hash='37ae02e5a05625d441d1e2e16e811eafb133132c', operation='INSERT OR UPDATE', pgid='pgtrigger_digest_of_terms_7c685', table='fund_offering', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='offering_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'INSERT' THEN\n                    IF NEW.state <> 'announced' OR NEW.extension <> '0' THEN\n                        RAISE EXCEPTION 'an offering begins announced' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF EXISTS (SELECT FROM fund_offering\n                                WHERE issue = NEW.issue AND issue <> ''\n                                  AND (usd_jpy, usd_jpy_day) IS DISTINCT FROM (NEW.usd_jpy, NEW.usd_jpy_day)) THEN\n                        RAISE EXCEPTION 'the tranches of % state one rate', NEW.issue\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                ELSIF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (\n                        ('announced', 'open'), ('open', 'closed'), ('closed', 'allotted'), ('allotted', 'settled'),\n                        ('announced', 'cancelled'), ('open', 'cancelled'), ('closed', 'cancelled'))\n                        AND NOT ((OLD.state, NEW.state) = ('closed', 'open') AND NEW.extension > OLD.extension)\n                   OR NEW.seed_commitment <> OLD.seed_commitment\n                   OR NEW.extension < OLD.extension\n                   OR NEW.extension > OLD.extension AND OLD.state NOT IN ('open', 'closed')\n                   OR OLD.state <> 'announced' AND NEW.terms_digest <> OLD.terms_digest THEN\n                    RAISE EXCEPTION 'offering % cannot change so after it was %', OLD.code, OLD.state\n                        USING ERRCODE = 'restrict_violation';\n                ELSIF OLD.state = 'closed' AND NEW.state = 'allotted'\n                  AND NOT EXISTS (SELECT FROM fund_allotment WHERE offering_id = NEW.code) THEN\n                    RAISE EXCEPTION 'offering % has no approved allotment', OLD.code\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='c63d202727572e50dd4d715707c791e564b78b83', operation='INSERT OR UPDATE', pgid='pgtrigger_offering_moves_c6562', table='fund_offering', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_outage', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n        IF (TG_OP = \'UPDATE\' AND NEW.extension <> OLD.extension) AND NOT fund_two_keys(NEW.proposal_id, \'outage\', \'outage\', jsonb_build_object(\'extensions\', jsonb_build_object(NEW.code, jsonb_build_object(\'closes_at\', to_char(NEW.closes_at AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'), \'pay_by\', to_char(NEW.pay_by AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'))))) THEN\n            RAISE EXCEPTION \'% needs an officer of each nation\', TG_TABLE_NAME USING ERRCODE = \'insufficient_privilege\';\n        END IF;\n        RETURN NEW;\n        ', hash='9098d0f75815469ce0286d2ac79e3e57e0269b85', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_outage_b4840', table='fund_offering', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='AllotmentLine',
        fields=[
            ('order_id', models.UUIDField(primary_key=True, serialize=False)),
            ('offering', models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='fund.offering')),
            ('holder_id', models.BigIntegerField()),
            ('allotted', models.BigIntegerField()),
            ('refund', models.BigIntegerField()),
            ('units', models.BigIntegerField(null=True)),
            ('cost', models.BigIntegerField(null=True)),
            ('rounding', models.BigIntegerField(null=True)),
            ('status', models.CharField(choices=[('placed', 'placed'), ('funded', 'paid'), ('withdrawn', 'withdrawn'), ('lapsed', 'lapsed'), ('allotted', 'allotted'), ('part_allotted', 'allotted in part'), ('unallotted', 'not allotted'), ('settled', 'settled')], max_length=13)),
            ('settled_at', models.DateTimeField(null=True)),
        ],
        options={
            'managed': False,
        },
    ),
    migrations.CreateModel(
        name='Applicant',
        fields=[
            ('pk', models.CompositePrimaryKey('offering_id', 'holder_id', blank=True, editable=False, primary_key=True, serialize=False)),
            ('offering_id', models.CharField(max_length=20)),
            ('holder_id', models.BigIntegerField()),
            ('ticket', models.UUIDField(db_default=django.contrib.postgres.functions.RandomUUID(), editable=False)),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('offering_id', 'ticket'), name='applicant_ticket'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='applicant_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='118e72fe8f3925bf64c44d520592de3ff166f3ab', operation='UPDATE OR DELETE', pgid='pgtrigger_applicant_stays_85799', table='fund_applicant', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Balance',
        fields=[
            ('pk', models.CompositePrimaryKey('account_id', 'holder_id', blank=True, editable=False, primary_key=True, serialize=False)),
            ('holder_id', models.BigIntegerField()),
            ('account_id', models.SmallIntegerField()),
            ('amount', models.BigIntegerField()),
            ('reserved', models.BigIntegerField()),
        ],
        options={
            'managed': False,
        },
    ),
    migrations.CreateModel(
        name='BankAccount',
        fields=[
            ('code', models.CharField(max_length=34, primary_key=True, serialize=False)),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('time_zone', models.CharField(max_length=40)),
            ('name_en', models.CharField(max_length=120)),
            ('name_ja', models.CharField(max_length=120)),
            ('bank_name_en', models.CharField(max_length=120)),
            ('bank_name_ja', models.CharField(max_length=120)),
            ('branch_en', models.CharField(blank=True, max_length=120)),
            ('branch_ja', models.CharField(blank=True, max_length=120)),
            ('routing', models.CharField(blank=True, max_length=20)),
            ('number', models.CharField(max_length=34)),
            ('name_kana', models.CharField(blank=True, max_length=40)),
            ('customer_code', models.CharField(blank=True, max_length=10)),
            ('opened_at', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('currency__in', [fund.money.Currency['USD'], fund.money.Currency['JPY']])), name='bank_account_currency'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='bank_account_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='79f955415da73b5fe2fc01311be49f6493cb3bf1', operation='UPDATE', pgid='pgtrigger_bank_account_facts_a9e6c', table='fund_bankaccount', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='bank_account_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='d66c890aaa035062f0f5cf7d7133ccdc5bbe29b7', operation='DELETE', pgid='pgtrigger_bank_account_stays_28d95', table='fund_bankaccount', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='BankFile',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('digest', models.CharField(max_length=64, unique=True)),
            ('kind', models.CharField(blank=True, choices=[('', 'unknown'), ('camt.053', 'statement (camt.053)'), ('camt.054', 'notification (camt.054)'), ('zengin.03', 'statement (Zengin 03)'), ('zengin.01', 'notice of transfers (Zengin 01)'), ('pain.002', 'answer to payments (pain.002)'), ('nacha.returns', 'returns and corrections (NACHA)')], max_length=16)),
            ('state', models.CharField(choices=[('posted', 'posted'), ('quarantined', 'quarantined')], max_length=12)),
            ('reason', models.CharField(blank=True, choices=[('too_large', 'The file is too large.'), ('encoding', 'The file is not in UTF-8.'), ('doctype', 'The file carries a document type definition, which is not accepted.'), ('xinclude', 'The file includes other documents, which is not accepted.'), ('malformed', 'The file is broken or cut off.'), ('unknown_message', 'The message in the file is not a bank statement that is read here.'), ('schema', 'The file does not follow the rules of its format.'), ('too_many_parts', 'The file has too many entries.'), ('part_too_large', 'One entry of the file is too large.'), ('amount', 'An amount in the file is not possible.'), ('date', 'A date in the file cannot be read.'), ('currency_mixed', 'One statement mixes several currencies.'), ('balance_missing', 'A statement does not carry its opening and closing balance.'), ('balance_mismatch', 'Opening balance and entries do not make the closing balance.'), ('count_mismatch', 'The entries are not as many as the file counts.'), ('sum_mismatch', 'The amounts do not add up to the totals of the file.'), ('duplicate_statement', 'The file carries the same statement twice.'), ('not_a_bank_file', 'This is not a bank file that we know.'), ('unknown_account', "The file is about an account that is not the fund's."), ('account_currency', "A statement is in another currency than the fund's account."), ('other_form', 'The account is read from files of another form; both would post everything twice.'), ('not_our_payments', "The file answers payments that are not the fund's.")], max_length=24)),
            ('detail', models.CharField(blank=True, max_length=300)),
            ('name', models.CharField(max_length=120)),
            ('size', models.PositiveBigIntegerField()),
            ('received_at', models.DateTimeField()),
            ('received_by', models.CharField(max_length=80)),
            ('sealed', models.BinaryField(null=True)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), ('state', 'posted'), models.Q(('kind', ''), _negated=True)), models.Q(('reason__in', ['too_large', 'encoding', 'doctype', 'xinclude', 'malformed', 'unknown_message', 'schema', 'too_many_parts', 'part_too_large', 'amount', 'date', 'currency_mixed', 'balance_missing', 'balance_mismatch', 'count_mismatch', 'sum_mismatch', 'duplicate_statement', 'not_a_bank_file', 'unknown_account', 'account_currency', 'other_form', 'not_our_payments']), ('state', 'quarantined')), _connector='OR'), name='bank_file_state'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='bank_file_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."size" IS DISTINCT FROM (NEW."size"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='07786b685a84f7a23e821b670f3efa2ac8ac417b', operation='UPDATE', pgid='pgtrigger_bank_file_facts_9b5ea', table='fund_bankfile', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='bank_file_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='60a50bc9576acbf52f296b433ff0e07efbf52db9', operation='DELETE', pgid='pgtrigger_bank_file_stays_5d7ef', table='fund_bankfile', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Holder',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('kind', models.CharField(choices=[('sovereign', 'co-owner'), ('limited_partner', 'limited partner'), ('citizen', 'citizen')], max_length=16)),
            ('nation', models.CharField(choices=[('US', 'United States'), ('JP', 'Japan')], max_length=2)),
            ('name_en', models.CharField(blank=True, max_length=120)),
            ('name_ja', models.CharField(blank=True, max_length=120)),
            ('registered_at', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('kind__in', ['sovereign', 'limited_partner', 'citizen'])), name='holder_kind'),
                models.CheckConstraint(condition=models.Q(('nation__in', ['US', 'JP'])), name='holder_nation'),
                models.CheckConstraint(condition=models.Q(models.Q(('kind', 'citizen'), ('name_en', ''), ('name_ja', '')), models.Q(models.Q(('kind', 'citizen'), _negated=True), models.Q(('name_en', ''), _negated=True), models.Q(('name_ja', ''), _negated=True)), _connector='OR'), name='holder_citizens_have_no_name_here'),
                models.UniqueConstraint(condition=models.Q(('kind', 'sovereign')), fields=('nation',), name='holder_one_co_owner_a_nation'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Expected',
        fields=[
            ('reference', models.CharField(max_length=14, primary_key=True, serialize=False)),
            ('numeric_reference', models.CharField(max_length=10, unique=True)),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('amount', models.BigIntegerField()),
            ('received', models.BigIntegerField(default=0)),
            ('pay_by', models.DateTimeField()),
            ('order_id', models.UUIDField(unique=True)),
            ('offering_code', models.CharField(max_length=120)),
            ('expected_at', models.DateTimeField()),
            ('forgotten_at', models.DateTimeField(null=True)),
            ('holder', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
        ],
        options={
            'verbose_name_plural': 'expected',
            'constraints': [
                models.CheckConstraint(condition=models.Q(('currency__in', [fund.money.Currency['USD'], fund.money.Currency['JPY']])), name='expected_currency'),
                models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='expected_positive'),
                models.CheckConstraint(condition=models.Q(('received__gte', 0), ('received__lte', models.F('amount'))), name='expected_never_exceeded'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='expected_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."holder_id" IS DISTINCT FROM (NEW."holder_id") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."amount" IS DISTINCT FROM (NEW."amount") OR OLD."pay_by" IS DISTINCT FROM (NEW."pay_by") OR OLD."order_id" IS DISTINCT FROM (NEW."order_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f4bbae4c1586e3f5edad4d9530a96155aeafb0c6', operation='UPDATE', pgid='pgtrigger_expected_facts_6debd', table='fund_expected', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='expected_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='07462c82f45e65b8d0cb130fbbc2f0ad35907c8d', operation='DELETE', pgid='pgtrigger_expected_stays_8f298', table='fund_expected', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='BankEntry',
        fields=[
            ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), primary_key=True, serialize=False)),
            ('number', models.PositiveIntegerField()),
            ('identity', models.CharField(max_length=64)),
            ('bank_entry', models.CharField(max_length=64)),
            ('amount', models.BigIntegerField()),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('credit', models.BooleanField()),
            ('reversal', models.BooleanField()),
            ('booking_date', models.DateField()),
            ('value_date', models.DateField(null=True)),
            ('reference', models.CharField(blank=True, max_length=14)),
            ('original', models.CharField(blank=True, max_length=64)),
            ('returnable_until', models.DateField(null=True)),
            ('outcome', models.CharField(choices=[('matched', 'matched'), ('suspense', 'suspense'), ('ignored', 'kept for reconciliation'), ('payout', 'a payout of ours, or its return')], max_length=8)),
            ('suspense_reason', models.CharField(blank=True, choices=[('unknown_reference', 'no reference that we know'), ('several_references', 'several references in one payment'), ('overpaid', 'more than the order needs'), ('duplicate', 'the order was paid in full before'), ('third_party', 'paid by somebody else'), ('late', 'paid after the deadline'), ('withdrawn', 'the order was withdrawn or has lapsed'), ('wrong_currency', "another currency than the order's"), ('reversed_by_bank', 'reversed by the bank'), ('reversed_too_late', 'reversed by the bank after the money was used'), ('unexpected_debit', 'outgoing money, kept for reconciliation'), ('no_amount', 'an entry of nothing')], max_length=20)),
            ('held', models.BigIntegerField(default=0)),
            ('suspended', models.BigIntegerField(default=0)),
            ('sealed', models.BinaryField()),
            ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.bankaccount')),
            ('reverses', models.OneToOneField(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.bankentry')),
            ('file', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='fund.bankfile')),
            ('expected', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='fund.expected')),
            ('payer_digest', models.BinaryField(max_length=32, null=True)),
        ],
        options={
            'verbose_name_plural': 'bank entries',
            'indexes': [
                models.Index(condition=models.Q(('suspended__gt', 0)), fields=['suspense_reason', 'booking_date'], name='bank_entry_suspense'),
                models.Index(condition=models.Q(('credit', False), ('reversal', True), ('reverses', None)), fields=['account', 'amount'], name='bank_entry_unpaired'),
                models.Index(condition=models.Q(('bank_entry', models.F('identity')), _negated=True), fields=['bank_entry'], name='bank_entry_batch'),
                models.Index(condition=models.Q(('expected__isnull', False)), fields=['expected'], name='bank_entry_expected'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('credit', True), ('expected__isnull', False), ('held__gt', 0), ('outcome', 'matched'), ('reversal', False), ('amount', django.db.models.expressions.CombinedExpression(models.F('held'), '+', models.F('suspended'))), models.Q(models.Q(('suspended', 0), ('suspense_reason', '')), models.Q(('suspended__gt', 0), ('suspense_reason', 'overpaid')), _connector='OR')), models.Q(('credit', False), ('held__gt', 0), ('outcome', 'matched'), ('reversal', True), ('reverses__isnull', False), ('amount', django.db.models.expressions.CombinedExpression(models.F('held'), '+', models.F('suspended'))), ('expected__isnull', False), models.Q(models.Q(('suspended', 0), ('suspense_reason', '')), models.Q(('suspended__gt', 0), ('suspense_reason__in', ['reversed_by_bank', 'reversed_too_late'])), _connector='OR')), models.Q(('held', 0), ('outcome', 'payout'), ('suspended', 0), ('suspense_reason', ''), models.Q(('reference', ''), _negated=True)), models.Q(('held', 0), ('outcome', 'suspense'), ('suspended', models.F('amount')), ('suspended__gt', 0), models.Q(('suspense_reason', ''), _negated=True)), models.Q(('amount__gte', 0), ('held', 0), ('outcome', 'ignored'), ('suspended', 0), models.Q(('suspense_reason', ''), _negated=True)), _connector='OR'), name='bank_entry_has_owner_or_reason'),
                models.UniqueConstraint(condition=models.Q(('outcome', 'payout')), fields=('reference', 'credit'), name='bank_entry_one_a_payout'),
                models.CheckConstraint(condition=models.Q(('suspense_reason__in', ['', 'unknown_reference', 'several_references', 'overpaid', 'duplicate', 'third_party', 'late', 'withdrawn', 'wrong_currency', 'reversed_by_bank', 'reversed_too_late', 'unexpected_debit', 'no_amount'])), name='bank_entry_reason'),
                models.UniqueConstraint(fields=('identity',), name='bank_entry_identity'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='bank_entry_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."file_id" IS DISTINCT FROM (NEW."file_id") OR OLD."account_id" IS DISTINCT FROM (NEW."account_id") OR OLD."identity" IS DISTINCT FROM (NEW."identity") OR OLD."amount" IS DISTINCT FROM (NEW."amount") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."credit" IS DISTINCT FROM (NEW."credit") OR OLD."reversal" IS DISTINCT FROM (NEW."reversal") OR OLD."booking_date" IS DISTINCT FROM (NEW."booking_date") OR OLD."original" IS DISTINCT FROM (NEW."original") OR OLD."returnable_until" IS DISTINCT FROM (NEW."returnable_until"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='a52219b0878b56136a450ccd2cbd23770395b50e', operation='UPDATE', pgid='pgtrigger_bank_entry_facts_8274b', table='fund_bankentry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='bank_entry_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6ac9dc97a72da016a814be7584ca54ac5145ba2b', operation='DELETE', pgid='pgtrigger_bank_entry_stays_96edb', table='fund_bankentry', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='BankStatement',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('opening', models.BigIntegerField()),
            ('closing', models.BigIntegerField()),
            ('opened_on', models.DateField()),
            ('closed_on', models.DateField()),
            ('written_at', models.DateTimeField()),
            ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='fund.bankaccount')),
            ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='fund.bankfile')),
        ],
        options={
            'indexes': [
                models.Index(fields=['account', 'closed_on'], name='bank_statement_day'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='c23edf11e26733437efe67684d399efb5e225567', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_afe9f', table='fund_bankstatement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='b236d40dd4fdc7fbb5b51d06241da4c621b6accb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_37b9c', table='fund_bankstatement', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Nav',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('valuation_day', models.DateField()),
            ('version', models.PositiveSmallIntegerField()),
            ('state', models.CharField(choices=[('valued', 'valued'), ('published', 'published')], default='valued', max_length=10)),
            ('usd_jpy', models.DecimalField(decimal_places=4, max_digits=12)),
            ('gross', models.BigIntegerField()),
            ('debt', models.BigIntegerField()),
            ('accruals', models.BigIntegerField()),
            ('net', models.BigIntegerField()),
            ('snapshot', models.TextField(editable=False)),
            ('xact', models.BigIntegerField(db_default=django.db.models.functions.comparison.Cast(django.db.models.functions.comparison.Cast(models.Func(function='pg_current_xact_id', output_field=models.TextField()), models.TextField()), models.BigIntegerField()), editable=False)),
            ('valued_at', models.DateTimeField()),
            ('published_at', models.DateTimeField(null=True)),
            ('previous', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='next', to='fund.nav')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('corrects', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrected_by', to='fund.nav')),
            ('earned', models.BigIntegerField(null=True)),
            ('yen', models.BigIntegerField(null=True)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['valued', 'published'])), name='nav_state'),
                models.CheckConstraint(condition=models.Q(('net', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('gross'), '-', models.F('debt')), '-', models.F('accruals'))), ('net__gt', 0)), name='nav_net'),
                models.CheckConstraint(condition=models.Q(models.Q(('proposal', None), ('published_at', None), ('state', 'valued')), models.Q(('proposal__isnull', False), ('published_at__isnull', False), ('state', 'published')), _connector='OR'), name='nav_published_with_its_proposal'),
                models.UniqueConstraint(fields=('valuation_day', 'version'), name='nav_one_a_version'),
                models.UniqueConstraint(condition=models.Q(('corrects', None), ('state', 'published')), fields=('previous',), name='nav_chain_does_not_fork', nulls_distinct=False),
                models.UniqueConstraint(condition=models.Q(('corrects', None), ('state', 'published')), fields=('valuation_day',), name='nav_first_of_its_day'),
                models.UniqueConstraint(condition=models.Q(('state', 'published')), fields=('corrects',), name='nav_corrected_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='figures_stay', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='3bd12dc8faafb0c4d12d3e60d7fef01e0e98d375', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_figures_stay_a50d5', table='fund_nav', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='figures_stand', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'DELETE' OR OLD.state <> 'valued' OR NEW.state <> 'published'\n                   OR to_jsonb(NEW) - '{state,proposal_id,published_at}'::text[]\n                      IS DISTINCT FROM to_jsonb(OLD) - '{state,proposal_id,published_at}'::text[] THEN\n                    RAISE EXCEPTION 'the figures of a NAV never change: it is published once, nothing else'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF (SELECT sum(value_base) FROM fund_classnav WHERE nav_id = NEW.id) IS DISTINCT FROM NEW.net THEN\n                    RAISE EXCEPTION 'the classes do not add up to the NAV' USING ERRCODE = 'check_violation';\n                END IF;\n                IF EXISTS (SELECT FROM fund_proposal WHERE id = NEW.proposal_id\n                           AND payload::jsonb -> 'findings' <> '[]' AND btrim(payload::jsonb ->> 'reason') = '') THEN\n                    RAISE EXCEPTION 'findings are overridden with a recorded reason, not without'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF EXISTS (SELECT FROM fund_nav WHERE corrects_id = NEW.previous_id AND state = 'published') THEN\n                    RAISE EXCEPTION 'the NAV that this one continues was corrected since'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='c46f22d79d0f05c7aaeabbb1ac2692962c3733fc', operation='UPDATE OR DELETE', pgid='pgtrigger_figures_stand_6325e', table='fund_nav', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='born_valued', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF NEW.state <> 'valued' THEN\n                    RAISE EXCEPTION 'a NAV is valued before it is published' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (\n                    SELECT FROM fund_nav WHERE id = NEW.corrects_id AND state = 'published'\n                       AND valuation_day = NEW.valuation_day AND version < NEW.version) THEN\n                    RAISE EXCEPTION 'only a published NAV of the same day is corrected'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='2f725e5af83c59f57446916a960b570ee464baf7', operation='INSERT', pgid='pgtrigger_born_valued_89824', table='fund_nav', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_nav', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.state = 'published' AND NEW.corrects_id IS NULL) AND NOT fund_two_keys(NEW.proposal_id, 'nav', NEW.valuation_day::text, jsonb_build_object(\n        'day', NEW.valuation_day::text, 'version', NEW.version, 'usd_jpy', NEW.usd_jpy::text,\n        'gross', NEW.gross::text, 'debt', NEW.debt::text, 'accruals', NEW.accruals::text, 'net', NEW.net::text,\n        'classes', (SELECT jsonb_object_agg(c.unit_class_id, jsonb_build_object(\n                        'units', c.units::text, 'value', c.value::text, 'price', c.price::text))\n                      FROM fund_classnav c WHERE c.nav_id = NEW.id))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='bcf9e8cd67f7d7b4469e0f3def9b6881a3c9baa0', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_nav_e78c1', table='fund_nav', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_correction', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.state = 'published' AND NEW.corrects_id IS NOT NULL) AND NOT fund_two_keys(NEW.proposal_id, 'correction', 'correction', jsonb_build_object('navs', jsonb_build_array(jsonb_build_object(\n        'day', NEW.valuation_day::text, 'version', NEW.version, 'usd_jpy', NEW.usd_jpy::text,\n        'gross', NEW.gross::text, 'debt', NEW.debt::text, 'accruals', NEW.accruals::text, 'net', NEW.net::text,\n        'classes', (SELECT jsonb_object_agg(c.unit_class_id, jsonb_build_object(\n                        'units', c.units::text, 'value', c.value::text, 'price', c.price::text))\n                      FROM fund_classnav c WHERE c.nav_id = NEW.id))\n    || jsonb_build_object('corrects', (SELECT version FROM fund_nav WHERE id = NEW.corrects_id))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='f6a0fb3926cbd05abaabc20f7570ac261ffa08ed', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_correction_9ea0d', table='fund_nav', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ClassNav',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('units', models.BigIntegerField()),
            ('capital', models.BigIntegerField()),
            ('value_base', models.BigIntegerField()),
            ('value', models.BigIntegerField()),
            ('price', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
            ('nav', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='classes', to='fund.nav')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('nav', 'unit_class'), name='class_nav_one_a_class'),
                models.CheckConstraint(condition=models.Q(models.Q(('price', None), ('units', 0), ('value', 0), ('value_base', 0)), models.Q(('price__gt', 0), ('units__gt', 0), ('value__gte', 0), ('value_base__gte', 0)), _connector='OR'), name='class_nav_priced_with_units'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7e7c1ccac624721e0c938cc368a509a2298cbf01', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_ea2cf', table='fund_classnav', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d70f491d18877ac474b12237b97a26b9a1f2ea5a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_f40dd', table='fund_classnav', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='class_nav_of_a_draft', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                PERFORM FROM fund_nav WHERE id = NEW.nav_id AND state = 'valued';\n                IF NOT FOUND THEN\n                    RAISE EXCEPTION 'a published NAV gains no figures' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='6827f7fde7087e2321d092aa89c064eb3f35aa86', operation='INSERT', pgid='pgtrigger_class_nav_of_a_draft_a3f99', table='fund_classnav', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Investment',
        fields=[
            ('code', models.CharField(max_length=20, primary_key=True, serialize=False)),
            ('name_en', models.CharField(max_length=120)),
            ('name_ja', models.CharField(max_length=120)),
            ('description_en', models.TextField(blank=True)),
            ('description_ja', models.TextField(blank=True)),
            ('sector', models.CharField(choices=[('data_centres', 'AI and data centres'), ('power', 'power and grid'), ('semiconductors', 'semiconductors'), ('transport', 'transport'), ('ports', 'ports and ship repair'), ('arctic', 'Arctic and icebreaker shipbuilding')], max_length=16)),
            ('state', models.CharField(max_length=2)),
            ('stage', models.CharField(choices=[('committed', 'committed'), ('construction', 'under construction'), ('operating', 'operating'), ('realised', 'realised')], max_length=16)),
            ('ownership_percent', models.DecimalField(decimal_places=2, max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
            ('committed', models.BigIntegerField()),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], default='USD', max_length=3)),
            ('since', models.DateField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('sector__in', ['data_centres', 'power', 'semiconductors', 'transport', 'ports', 'arctic'])), name='investment_sector'),
                models.CheckConstraint(condition=models.Q(('state__regex', '^[A-Z]{2}$')), name='investment_state'),
                models.CheckConstraint(condition=models.Q(('ownership_percent__gte', 0), ('ownership_percent__lte', 100)), name='investment_ownership'),
                models.CheckConstraint(condition=models.Q(('committed__gte', 0)), name='investment_committed'),
                models.CheckConstraint(condition=models.Q(('currency__in', ['USD', 'JPY'])), name='investment_currency'),
                models.CheckConstraint(condition=models.Q(('stage__in', ['committed', 'construction', 'operating', 'realised'])), name='investment_stage'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='976f3732ff451867a53710d649c72be1c14070f6', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_e3702', table='fund_investment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='aea973aabc6d42544f93c150023bb56d5308089b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_2fd07', table='fund_investment', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Deployment',
        fields=[
            ('event_id', models.UUIDField(primary_key=True, serialize=False)),
            ('day', models.DateField()),
            ('amount', models.BigIntegerField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('investment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='fund.investment')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('reverses', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.deployment')),
        ],
        options={
            'indexes': [
                models.Index(fields=['investment', 'day'], name='deployment_day'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('reverses', None)), models.Q(('amount__lt', 0), ('reverses__isnull', False)), _connector='OR'), name='deployment_signed'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a5ed7cdec42e3aeaab2c152a0a13291ecbf6c461', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_2f7b6', table='fund_deployment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='12b551200a685551c0d6d73c33e894d5b135ced8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_b432d', table='fund_deployment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.reverses_id IS NULL THEN 'drawdown' ELSE 'reversal' END, 'event', NEW.event_id::text, 'reverses', NEW.reverses_id::text, 'investment', NEW.investment_id, 'day', NEW.day::text, 'amount', abs(NEW.amount)::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='65d8a057767e6836d73fee2e35dbfcfb7e3d1633', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_b09d1', table='fund_deployment', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Earmark',
        fields=[
            ('subject', models.CharField(max_length=120, primary_key=True, serialize=False)),
            ('since', models.DateTimeField()),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a9092aa0f7a23299a8564a4306ee9bb3ecd2d01a', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_1ebf2', table='fund_earmark', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='fae81b2ff70747d6c7f6bf05623b9f6f32998cca', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_a5828', table='fund_earmark', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Expense',
        fields=[
            ('event_id', models.UUIDField(primary_key=True, serialize=False)),
            ('kind', models.CharField(choices=[('management_fee', 'management fee'), ('interest', 'interest'), ('operating', 'operating expense')], max_length=16)),
            ('day', models.DateField()),
            ('amount', models.BigIntegerField()),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('description_en', models.CharField(max_length=200)),
            ('description_ja', models.CharField(max_length=200)),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('against', models.CharField(blank=True, max_length=20)),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('reverses', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.expense')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('kind', 'management_fee'), _negated=True), ('currency', 'USD'), _connector='OR'), name='expense_fee_in_base'),
                models.CheckConstraint(condition=models.Q(models.Q(('against', ''), ('kind', 'management_fee')), models.Q(('kind', 'interest'), models.Q(('against', ''), _negated=True)), ('kind', 'operating'), _connector='OR'), name='expense_kind'),
                models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('reverses', None)), models.Q(('amount__lt', 0), ('reverses__isnull', False)), _connector='OR'), name='expense_signed'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='10073875b69f512866c056a4e36a68e09a4fcd45', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_8b242', table='fund_expense', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='636c2a70fd9e611ad5e5a584ed91afb9cee07343', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_22a95', table='fund_expense', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.reverses_id IS NULL THEN 'expense' ELSE 'reversal' END, 'event', NEW.event_id::text, 'reverses', NEW.reverses_id::text, 'kind', NEW.kind, 'against', NEW.against, 'day', NEW.day::text, 'amount', abs(NEW.amount)::text, 'currency', NEW.currency))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='93a7e8e4fc64a7b17078e99f6a47767ca8eb3560', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_a1a43', table='fund_expense', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Facility',
        fields=[
            ('code', models.CharField(max_length=20, primary_key=True, serialize=False)),
            ('name_en', models.CharField(max_length=120)),
            ('name_ja', models.CharField(max_length=120)),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], default='USD', max_length=3)),
            ('limit', models.BigIntegerField()),
            ('covenant', models.DecimalField(decimal_places=2, max_digits=5)),
            ('day_count', models.PositiveSmallIntegerField(db_default=365, default=365)),
            ('rate_bps', models.PositiveIntegerField(db_default=0, default=0)),
        ],
        options={
            'verbose_name_plural': 'facilities',
            'constraints': [
                models.CheckConstraint(condition=models.Q(('limit__gt', 0)), name='facility_limit'),
                models.CheckConstraint(condition=models.Q(('covenant__gt', 0), ('covenant__lte', 100)), name='facility_covenant'),
                models.CheckConstraint(condition=models.Q(('currency__in', ['USD', 'JPY'])), name='facility_currency'),
                models.CheckConstraint(condition=models.Q(('day_count__in', [360, 365])), name='facility_day_count'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='6ef2c6d79cc69f85de24f08c4d5f8fa27fc8f189', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_7db0d', table='fund_facility', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='911e932b6ac43b9b340abb6d8cfa5dc9f0f56691', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_47963', table='fund_facility', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='FacilityBalance',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('effective_on', models.DateField()),
            ('drawn', models.BigIntegerField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('facility', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='balances', to='fund.facility')),
            ('event_id', models.UUIDField(null=True, unique=True)),
            ('moved', models.BigIntegerField(null=True)),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'indexes': [
                models.Index(fields=['facility', '-effective_on', '-id'], name='facility_balance_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('drawn__gte', 0)), name='facility_drawn_not_negative'),
                models.CheckConstraint(condition=models.Q(models.Q(('event_id', None), ('moved', None), ('proposal', None)), models.Q(('event_id__isnull', False), ('moved__isnull', False), ('proposal__isnull', False), models.Q(('moved', 0), _negated=True)), _connector='OR'), name='facility_moved_by_an_entry'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='5eda948461f27dc8b380146cc9405a83e1432f40', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_d40b4', table='fund_facilitybalance', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='bbd7cb6fcf60dca53f09757a8e23ffec0e5154a5', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_ab020', table='fund_facilitybalance', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.event_id IS NOT NULL) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.moved > 0 THEN 'borrow' ELSE 'repay' END, 'event', NEW.event_id::text, 'facility', NEW.facility_id, 'day', NEW.effective_on::text, 'amount', abs(NEW.moved)::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='23d13f7fb3ed35b34edf0e4067b5509cbf3e298d', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_11ea3', table='fund_facilitybalance', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='FeeBasis',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('valuation_day', models.DateField()),
            ('net', models.BigIntegerField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
        ],
        options={
            'verbose_name_plural': 'fee bases',
            'indexes': [
                models.Index(fields=['valuation_day', 'id'], name='fee_basis_day'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('net__gte', 0)), name='fee_basis_not_negative'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='84cd40bf279ce171bd8b9e287e31a4d1d99f600e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_fdaa9', table='fund_feebasis', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='776eaa96df967fe522bec8acf5ce274ada6b3e7c', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_94242', table='fund_feebasis', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Note',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('topic', models.CharField(max_length=60)),
            ('subject', models.CharField(max_length=120)),
            ('payload', models.JSONField(default=dict)),
            ('left_at', models.DateTimeField()),
            ('relayed_at', models.DateTimeField(null=True)),
            ('trace', models.UUIDField(default=fund.trace.current, editable=False, null=True)),
            ('xact', models.BigIntegerField(db_default=django.db.models.functions.comparison.Cast(django.db.models.functions.comparison.Cast(models.Func(function='pg_current_xact_id', output_field=models.TextField()), models.TextField()), models.BigIntegerField()), editable=False, null=True)),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('relayed_at__isnull', True)), fields=['id'], name='note_waiting'),
                models.Index(condition=models.Q(('trace', None), _negated=True), fields=['trace'], name='note_trace'),
            ],
        },
    ),
    migrations.CreateModel(
        name='PayoutRun',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('state', models.CharField(choices=[('gathering', 'being gathered'), ('ready', 'ready for approval'), ('approved', 'approved'), ('exported', 'bank file made'), ('closed', 'closed'), ('withdrawn', 'withdrawn')], max_length=10)),
            ('count', models.PositiveIntegerField(default=0)),
            ('total', models.BigIntegerField(default=0)),
            ('left_out', models.PositiveIntegerField(default=0)),
            ('digest', models.BinaryField(max_length=32, null=True)),
            ('begun_by', models.CharField(max_length=80)),
            ('begun_at', models.DateTimeField()),
            ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.bankaccount')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('currency__in', [fund.money.Currency['USD'], fund.money.Currency['JPY']])), name='payout_run_currency'),
                models.CheckConstraint(condition=models.Q(models.Q(('digest', None), ('state', 'gathering')), ('state', 'withdrawn'), models.Q(('count__gt', 0), ('digest__isnull', False), ('state__in', ['ready', 'approved', 'exported', 'closed'])), _connector='OR'), name='payout_run_state'),
                models.UniqueConstraint(condition=models.Q(('state__in', ['gathering', 'ready'])), fields=('currency',), name='payout_run_one_open'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='two_keys_payout', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.state NOT IN ('gathering', 'ready', 'withdrawn')) AND NOT fund_two_keys(NEW.proposal_id, 'payout', 'payout_run:' || NEW.id, jsonb_build_object('run', NEW.id::text, 'account', NEW.account_id, 'currency', NEW.currency, 'total', NEW.total::text, 'count', NEW.count::text, 'lines', encode(NEW.digest, 'hex'))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='565fcee41e1fe285372eaea7dd5280c14d686b04', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_payout_e3a01', table='fund_payoutrun', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='payout_run_is_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'DELETE' OR OLD.state IN ('closed', 'withdrawn')\n                   OR (NEW.state = 'withdrawn' AND OLD.state NOT IN ('gathering', 'ready'))\n                   OR (NEW.id, NEW.account_id, NEW.currency, NEW.begun_at)\n                      IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.currency, OLD.begun_at)\n                   OR (OLD.state <> 'gathering' AND (NEW.count, NEW.total, NEW.left_out, NEW.digest)\n                       IS DISTINCT FROM (OLD.count, OLD.total, OLD.left_out, OLD.digest)) THEN\n                    RAISE EXCEPTION 'a payout run is frozen once it is gathered' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='cbfe86564aebf507533fe7c0698b3ce5aa3f8bfd', operation='UPDATE OR DELETE', pgid='pgtrigger_payout_run_is_frozen_fe723', table='fund_payoutrun', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='PayoutFile',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('format', models.CharField(choices=[('pain001', 'ISO 20022 pain.001'), ('zengin', 'Zengin general transfer'), ('nacha', 'NACHA PPD credits')], max_length=8)),
            ('digest', models.CharField(max_length=64)),
            ('size', models.PositiveBigIntegerField()),
            ('sealed', models.BinaryField()),
            ('made_at', models.DateTimeField()),
            ('made_by', models.CharField(max_length=80)),
            ('run', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='file', to='fund.payoutrun')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('format__in', ['pain001', 'zengin', 'nacha'])), name='payout_file_format'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='payout_file_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."run_id" IS DISTINCT FROM (NEW."run_id") OR OLD."format" IS DISTINCT FROM (NEW."format") OR OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='6cb568f251f72f779302e236c07d1bf5dc390e1b', operation='UPDATE', pgid='pgtrigger_payout_file_facts_acd2b', table='fund_payoutfile', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='payout_file_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='dabcdebab9438dc3d4ccdd28e75f984ac2797d55', operation='DELETE', pgid='pgtrigger_payout_file_stays_3fa3d', table='fund_payoutfile', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Resolution',
        fields=[
            ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), primary_key=True, serialize=False)),
            ('way', models.CharField(choices=[('applied', 'applied to an order'), ('refunded', 'refunded to the holder'), ('returned', 'returned to the payer'), ('written_off', 'written off'), ('rescinded', 'made up for by rescinding the purchase')], max_length=12)),
            ('amount', models.BigIntegerField()),
            ('currency', models.CharField(max_length=3)),
            ('applied', models.BigIntegerField(default=0)),
            ('refunded', models.BigIntegerField(default=0)),
            ('reason', models.TextField()),
            ('resolved_at', models.DateTimeField()),
            ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='resolution', to='fund.bankentry')),
            ('expected', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='resolutions', to='fund.expected')),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='resolution_positive'),
                models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='resolution_has_a_reason'),
                models.CheckConstraint(condition=models.Q(models.Q(('applied__gt', 0), ('expected__isnull', False), ('refunded__gte', 0), ('way', 'applied'), ('amount', django.db.models.expressions.CombinedExpression(models.F('applied'), '+', models.F('refunded')))), models.Q(('applied', 0), ('expected__isnull', False), ('refunded', models.F('amount')), ('way', 'refunded')), models.Q(('applied', 0), ('expected__isnull', False), ('refunded', 0), ('way', 'rescinded')), models.Q(('applied', 0), ('expected', None), ('refunded', 0), ('way__in', ['returned', 'written_off'])), _connector='OR'), name='resolution_way'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='dcfee490e8fe2f0dc3bd3dcce46a0933f3cecac0', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_5c2db', table='fund_resolution', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d732eacacffddf65684fdbae4044301ba5942cc6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_e1e21', table='fund_resolution', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_entry', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (\n        NEW.way IN ('written_off', 'rescinded') OR NEW.amount > coalesce(\n            (SELECT (value ->> NEW.currency)::bigint FROM fund_setting\n              WHERE key = 'payments.two_keys_above' AND effective_from <= NEW.resolved_at ORDER BY effective_from DESC LIMIT 1),\n            CASE NEW.currency WHEN 'USD' THEN 1000000 WHEN 'JPY' THEN 1500000 ELSE 0 END)\n    ) AND NOT fund_two_keys(NEW.proposal_id, 'entry', 'bank_entry:' || NEW.entry_id, jsonb_build_object('act', 'suspense', 'entry', NEW.entry_id::text, 'way', NEW.way, 'amount', NEW.amount::text, 'currency', NEW.currency, 'order', (SELECT order_id::text FROM fund_expected WHERE reference = NEW.expected_id))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='a168370df6eeb13e47544c62eddb6c67823be785', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_entry_3ce5e', table='fund_resolution', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='PayoutLine',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('event_id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), unique=True)),
            ('amount', models.BigIntegerField()),
            ('state', models.CharField(choices=[('new', 'payee not known yet'), ('left_out', 'left out'), ('ready', 'ready'), ('pending', 'approved, not yet paid'), ('paid', 'paid'), ('rejected', 'rejected by the bank'), ('returned', 'returned after payment')], db_default='new', max_length=8)),
            ('obstacle', models.CharField(blank=True, choices=[('no_account', 'no bank account for payouts is known'), ('bank_change', 'the bank account was changed a short while ago'), ('incomplete', 'the bank account lacks what a bank file needs'), ('refused', 'the payee’s bank has refused this account before'), ('withdrawn', 'the run was withdrawn')], db_default='', max_length=12)),
            ('hold_until', models.DateTimeField(null=True)),
            ('sealed', models.BinaryField(null=True)),
            ('payee_digest', models.BinaryField(max_length=32, null=True)),
            ('bank_code', models.CharField(blank=True, db_default='', max_length=8)),
            ('ended_at', models.DateTimeField(null=True)),
            ('holder', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
            ('run', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='fund.payoutrun')),
            ('resolution', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='fund.resolution')),
            ('authority', models.CharField(blank=True, choices=[('us_945', 'IRS, Form 945 (backup withholding)'), ('us_1042', 'IRS, Form 1042 (foreign persons)'), ('jp_national', 'Japan, income tax'), ('jp_local', 'Japan, local taxes')], db_default='', max_length=12)),
            ('period_to', models.DateField(null=True)),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('state__in', ['rejected', 'returned'])), fields=['payee_digest'], name='payout_line_failed'),
                models.Index(fields=['run', 'state', 'id'], name='payout_line_state'),
                models.Index(condition=models.Q(('resolution', None), _negated=True), fields=['resolution'], name='payout_line_return'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payout_line_positive'),
                models.CheckConstraint(condition=models.Q(models.Q(('obstacle', ''), ('sealed', None), ('state', 'new')), models.Q(('state', 'left_out'), models.Q(('obstacle', ''), _negated=True)), models.Q(('obstacle', ''), ('payee_digest__isnull', False), ('sealed__isnull', False), ('state__in', ['ready', 'pending', 'paid', 'rejected', 'returned'])), _connector='OR'), name='payout_line_state'),
                models.UniqueConstraint(fields=('run', 'holder'), name='payout_line_one_a_holder'),
                models.UniqueConstraint(condition=models.Q(('state__in', ['new', 'ready', 'pending', 'paid'])), fields=('resolution',), name='payout_line_one_a_return'),
                models.CheckConstraint(condition=models.Q(models.Q(('authority', ''), ('holder', None), ('period_to', None), ('resolution__isnull', False)), models.Q(('authority', ''), ('holder__isnull', False), ('period_to', None), ('resolution', None)), models.Q(('authority__in', ['us_945', 'us_1042', 'jp_national', 'jp_local']), ('holder', None), ('period_to__isnull', False), ('resolution', None)), _connector='OR'), name='payout_line_of_someone'),
                models.UniqueConstraint(condition=models.Q(('authority', ''), _negated=True), fields=('run', 'authority'), name='payout_line_one_an_authority'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='payout_line_joins', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                PERFORM FROM fund_payoutrun WHERE id IN (SELECT run_id FROM added) ORDER BY id FOR SHARE;\n                IF EXISTS (SELECT FROM added a LEFT JOIN fund_payoutrun r ON r.id = a.run_id\n                            WHERE a.state <> 'new' OR r.state IS DISTINCT FROM 'gathering') THEN\n                    RAISE EXCEPTION 'lines join a payout run while it is gathered' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NULL;\n                ", hash='bade7777ecb9474968baddeeedd7dfdab9241506', level='STATEMENT', operation='INSERT', pgid='pgtrigger_payout_line_joins_f1578', referencing='REFERENCING NEW TABLE AS added ', table='fund_payoutline', when='AFTER')),
                pgtrigger.compiler.Trigger(name='payout_line_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'DELETE' THEN\n                    RAISE EXCEPTION 'a payout line stays' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF (NEW.id, NEW.event_id, NEW.run_id, NEW.holder_id, NEW.resolution_id, NEW.amount, NEW.authority,\n                    NEW.period_to)\n                      IS DISTINCT FROM (OLD.id, OLD.event_id, OLD.run_id, OLD.holder_id, OLD.resolution_id, OLD.amount,\n                                        OLD.authority, OLD.period_to)\n                   OR (OLD.state <> 'new' AND NEW.payee_digest IS DISTINCT FROM OLD.payee_digest)\n                   OR (NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (\n                        ('new', 'ready'), ('new', 'left_out'), ('ready', 'pending'), ('ready', 'left_out'),\n                        ('pending', 'paid'), ('pending', 'rejected'), ('paid', 'returned'))) THEN\n                    RAISE EXCEPTION 'payout line % does not move from % to %', OLD.id, OLD.state, NEW.state\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='d96e1e133f7b8cac4c935ed375556cef2d461348', operation='UPDATE OR DELETE', pgid='pgtrigger_payout_line_moves_744aa', table='fund_payoutline', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ReferenceRate',
        fields=[
            ('day', models.DateField(primary_key=True, serialize=False)),
            ('usd_jpy', models.DecimalField(decimal_places=4, max_digits=12)),
            ('usd_per_eur', models.DecimalField(decimal_places=6, max_digits=12)),
            ('jpy_per_eur', models.DecimalField(decimal_places=6, max_digits=12)),
            ('source', models.CharField(max_length=120)),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('jpy_per_eur__gt', 0), ('usd_per_eur__gt', 0)), name='rate_positive'),
                models.CheckConstraint(condition=models.Q(('usd_jpy', django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(models.F('jpy_per_eur'), '/', models.F('usd_per_eur')), precision=4))), name='rate_is_the_cross'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='0daaa63552fa35ae1b05fbc8ccbeaec940fa1255', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_01edd', table='fund_referencerate', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='df749a7187fcd051f77636e48f7e8465aa85b728', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_865e4', table='fund_referencerate', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Seal',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('log', models.CharField(max_length=16)),
            ('from_xact', models.BigIntegerField()),
            ('to_xact', models.BigIntegerField()),
            ('rows', models.PositiveBigIntegerField()),
            ('digests', models.BinaryField()),
            ('previous', models.BinaryField(max_length=32)),
            ('hash', models.BinaryField(max_length=32)),
            ('sealed_at', models.DateTimeField()),
        ],
        options={
            'indexes': [
                models.Index(fields=['log', 'to_xact'], name='seal_head'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('log', 'previous'), name='seal_chain_does_not_fork'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='999c0b7d43d057dc247499d45baa288b710be1b1', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_8ae45', table='fund_seal', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='ec8a04d0688487732878d32bba212050946ff560', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_d74ef', table='fund_seal', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Setting',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('key', models.CharField(max_length=60)),
            ('value', models.JSONField()),
            ('effective_from', models.DateTimeField()),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('key', 'effective_from'), name='setting_one_a_key_and_instant'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='1eac9e1cb6d480756abc6a7b52410f8e5f62df34', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_53938', table='fund_setting', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a53be9ce4cb8a2c663c31472708eacc5e121c7a6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_28dde', table='fund_setting', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_config', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'config', NEW.key, jsonb_build_object('key', NEW.key, 'value', NEW.value)) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='d55b015f7d9484c0f5342850a86e04f9675eb7b3', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_config_2f847', table='fund_setting', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='SettlementChunk',
        fields=[
            ('pk', models.CompositePrimaryKey('offering_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
            ('offering_id', models.CharField(max_length=20)),
            ('number', models.IntegerField()),
            ('first_holder', models.BigIntegerField()),
            ('last_holder', models.BigIntegerField()),
            ('orders', models.BigIntegerField()),
            ('allotted_at', models.DateTimeField(null=True)),
            ('settled_at', models.DateTimeField(null=True)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('first_holder__lte', models.F('last_holder')), ('orders__gt', 0)), name='settlement_chunk_range'),
                models.CheckConstraint(condition=models.Q(('settled_at', None), ('allotted_at__isnull', False), _connector='OR'), name='settlement_chunk_allotted_first'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Signature',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('digest', models.BinaryField(max_length=32)),
            ('person', models.CharField(editable=False, max_length=40)),
            ('nation', models.CharField(editable=False, max_length=2)),
            ('signed_at', models.DateTimeField()),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='fund.officer')),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('proposal', 'digest', 'nation'), name='signature_one_a_nation'),
                models.UniqueConstraint(fields=('proposal', 'digest', 'person'), name='signature_one_a_person'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d022a38612fa08ac84a87b6d4748ce9054965120', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_dbd3b', table='fund_signature', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='4ebb5b0b7ba770d9c36677d85fd5ecda1b030512', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_5af01', table='fund_signature', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='signature_is_an_officers', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE duty text; held text[];', func="\n                SELECT person, nation,\n                       duties || CASE WHEN NEW.signed_at < emergency_until THEN emergency_duties ELSE '{}' END\n                  INTO STRICT NEW.person, NEW.nation, held FROM fund_officer\n                 WHERE id = NEW.officer_id AND in_office_from <= NEW.signed_at\n                   AND (in_office_until IS NULL OR NEW.signed_at < in_office_until);\n                SELECT CASE kind WHEN 'config' THEN 'administration' WHEN 'office' THEN 'administration' WHEN 'offering' THEN 'dealing' WHEN 'cancellation' THEN 'dealing' WHEN 'outage' THEN 'dealing' WHEN 'allotment' THEN 'dealing' WHEN 'nav' THEN 'valuation' WHEN 'correction' THEN 'valuation' WHEN 'portfolio' THEN 'valuation' WHEN 'capital' THEN 'valuation' WHEN 'payout' THEN 'payments' WHEN 'distribution' THEN 'payments' WHEN 'tax_year' THEN 'payments' WHEN 'payee' THEN 'payments' WHEN 'entry' THEN 'payments' WHEN 'release' THEN 'payments' END INTO duty FROM fund_proposal\n                 WHERE id = NEW.proposal_id AND state = 'open' AND digest = NEW.digest FOR UPDATE;\n                IF NOT FOUND THEN\n                    RAISE EXCEPTION 'the proposal is not open with this payload' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF duty <> ALL (held) THEN\n                    RAISE EXCEPTION 'this key needs the duty %', duty USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='d2399b62be990f5a818f685c44d31350e41ca978', operation='INSERT', pgid='pgtrigger_signature_is_an_officers_328d1', table='fund_signature', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Subscription',
        fields=[
            ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), primary_key=True, serialize=False)),
            ('reference', models.CharField(max_length=14, unique=True)),
            ('numeric_reference', models.CharField(max_length=10, unique=True)),
            ('holder_id', models.BigIntegerField()),
            ('amount', models.BigIntegerField()),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('key', models.CharField(max_length=255)),
            ('status', models.CharField(choices=[('placed', 'placed'), ('funded', 'paid'), ('withdrawn', 'withdrawn'), ('lapsed', 'lapsed'), ('allotted', 'allotted'), ('part_allotted', 'allotted in part'), ('unallotted', 'not allotted'), ('settled', 'settled')], default='placed', max_length=13)),
            ('received_at', models.DateTimeField()),
            ('placed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('funded_at', models.DateTimeField(null=True)),
            ('ended_at', models.DateTimeField(null=True)),
            ('offering', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.offering')),
        ],
        options={
            'indexes': [
                models.Index(fields=['offering', 'holder_id'], name='subscription_book'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='subscription_positive'),
                models.CheckConstraint(condition=models.Q(('currency__in', [fund.money.Currency['USD'], fund.money.Currency['JPY']])), name='subscription_currency'),
                models.CheckConstraint(condition=models.Q(('key', ''), _negated=True), name='subscription_key_given'),
                models.UniqueConstraint(fields=('holder_id', 'key'), name='subscription_one_a_key'),
                models.CheckConstraint(condition=models.Q(('status__in', ['placed', 'funded', 'withdrawn', 'lapsed', 'unallotted'])), name='subscription_status'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='subscription_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='8cdeb7ce72b7e615f388acfef8f7411eb051ad88', operation='DELETE', pgid='pgtrigger_subscription_stays_bfc80', table='fund_subscription', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='subscription_moves', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN ((OLD.status, NEW.status) NOT IN (('placed', 'funded'), ('placed', 'withdrawn'), ('placed', 'lapsed'), ('funded', 'placed'), ('funded', 'withdrawn'), ('funded', 'unallotted'))\n                    OR (OLD.id, OLD.reference, OLD.numeric_reference, OLD.offering_id, OLD.holder_id, OLD.amount,\n                        OLD.currency, OLD.key, OLD.received_at, OLD.placed_at)\n                    IS DISTINCT FROM (NEW.id, NEW.reference, NEW.numeric_reference, NEW.offering_id, NEW.holder_id,\n                        NEW.amount, NEW.currency, NEW.key, NEW.received_at, NEW.placed_at))", func="\n                RAISE EXCEPTION 'order % moves on by its status, and not from % to %', OLD.id, OLD.status, NEW.status\n                    USING ERRCODE = 'restrict_violation';\n                ", hash='8e673dae8bdeb8fb9bd4122b406f5daf321bedef', operation='UPDATE', pgid='pgtrigger_subscription_moves_f74f5', table='fund_subscription', when='AFTER')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Account',
        fields=[
            ('id', models.SmallAutoField(primary_key=True, serialize=False)),
            ('code', models.CharField(max_length=60, unique=True)),
            ('asset', models.CharField(max_length=12)),
            ('per_holder', models.BooleanField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('asset__regex', '^(USD|JPY|unit:[A-Z]{2,4})$')), name='account_asset'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Transfer',
        fields=[
            ('pk', models.CompositePrimaryKey('event_id', 'event', 'line', blank=True, editable=False, primary_key=True, serialize=False)),
            ('xact', models.BigIntegerField(db_default=django.db.models.functions.comparison.Cast(django.db.models.functions.comparison.Cast(models.Func(function='pg_current_xact_id', output_field=models.TextField()), models.TextField()), models.BigIntegerField()), editable=False)),
            ('event_id', models.UUIDField()),
            ('event', models.SmallIntegerField(choices=[(1, 'payment received'), (2, 'payment to suspense'), (3, 'settlement'), (4, 'refund'), (5, 'payout'), (6, 'contribution of a co-owner or partner'), (7, 'investment'), (8, 'borrowing'), (9, 'expense'), (10, 'reversal'), (11, 'money applied from suspense'), (12, 'distribution'), (13, 'redemption'), (14, 'income'), (15, 'correction')])),
            ('line', models.SmallIntegerField(default=0)),
            ('phase', models.SmallIntegerField(choices=[(0, 'final'), (1, 'pending'), (2, 'posted'), (3, 'voided')], default=0)),
            ('resolves', models.UUIDField(null=True)),
            ('amount', models.BigIntegerField()),
            ('effective_at', models.DateTimeField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('credit', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.account')),
            ('debit', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.account')),
            ('holder', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
        ],
        options={
            'indexes': [
                django.contrib.postgres.indexes.BrinIndex(fields=['xact'], name='transfer_xact'),
                models.Index(condition=models.Q(('holder', None), _negated=True), fields=['holder', 'recorded_at'], name='transfer_holder'),
                django.contrib.postgres.indexes.BrinIndex(fields=['effective_at'], name='transfer_effective'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='transfer_positive'),
                models.CheckConstraint(condition=models.Q(('debit', models.F('credit')), _negated=True), name='transfer_two_sides'),
                models.CheckConstraint(condition=models.Q(models.Q(('phase__in', [0, 1]), ('resolves', None)), models.Q(('phase__in', [2, 3]), models.Q(('resolves', None), _negated=True)), _connector='OR'), name='transfer_resolves'),
                models.UniqueConstraint(condition=models.Q(('resolves', None), _negated=True), fields=('resolves', 'line'), name='transfer_resolved_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='43d78cca77de5a5dcd5d5d3c1a65742e9da80410', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_2877c', table='fund_transfer', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='0a3960c381971c5fa5c4f7b19bff2f95ca982123', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_9fcd7', table='fund_transfer', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Valuation',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('effective_on', models.DateField()),
            ('amount', models.BigIntegerField()),
            ('source_en', models.CharField(max_length=200)),
            ('source_ja', models.CharField(max_length=200)),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('investment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='valuations', to='fund.investment')),
        ],
        options={
            'indexes': [
                models.Index(fields=['investment', '-effective_on', '-id'], name='valuation_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='valuation_not_negative'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='b35444897fd660f59fd01f436e3120e36dfeabbe', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_ea6f4', table='fund_valuation', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='65499551aec5f7f871197815a51e6b22a9c560a9', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_2e641', table='fund_valuation', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Act',
        fields=[
            ('xact', models.BigIntegerField(db_default=django.db.models.functions.comparison.Cast(django.db.models.functions.comparison.Cast(models.Func(function='pg_current_xact_id', output_field=models.TextField()), models.TextField()), models.BigIntegerField()), editable=False)),
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('at', models.DateTimeField()),
            ('actor', models.CharField(max_length=80)),
            ('verb', models.CharField(max_length=40)),
            ('subject', models.CharField(max_length=140)),
            ('detail', models.JSONField(default=dict)),
            ('trace', models.UUIDField(default=fund.trace.current, editable=False, null=True)),
        ],
        options={
            'indexes': [
                django.contrib.postgres.indexes.BrinIndex(fields=['xact'], name='act_xact'),
                models.Index(fields=['subject', 'id'], name='act_subject'),
                models.Index(fields=['actor', 'id'], name='act_actor'),
                models.Index(condition=models.Q(('trace', None), _negated=True), fields=['trace'], name='act_trace'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='c7713e0da544256471200e87e5adcaf07935be46', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_c46ed', table='fund_act', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='efde6253b60889180bdb36064c3195a03555a602', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_85ae9', table='fund_act', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Allotment',
        fields=[
            ('offering', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='allotment', serialize=False, to='fund.offering')),
            ('applicants', models.BigIntegerField()),
            ('orders', models.BigIntegerField()),
            ('requested_lots', models.BigIntegerField()),
            ('capacity_lots', models.BigIntegerField()),
            ('level', models.BigIntegerField()),
            ('ballot_lots', models.BigIntegerField()),
            ('allotted_lots', models.BigIntegerField()),
            ('book_digest', models.BinaryField(max_length=32)),
            ('cut', models.BinaryField(max_length=32, null=True)),
            ('price', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
            ('published_at', models.DateTimeField()),
            ('settled_at', models.DateTimeField(null=True)),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('given_lots', models.BigIntegerField(default=0)),
            ('received_lots', models.BigIntegerField(default=0)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('allotted_lots__lte', models.F('capacity_lots'))), name='allotment_within_capacity'),
                models.CheckConstraint(condition=models.Q(('allotted_lots__lte', models.F('requested_lots'))), name='allotment_within_requests'),
                models.CheckConstraint(condition=models.Q(('ballot_lots', 0), ('cut__isnull', False), _connector='XOR'), name='allotment_ballot_has_a_cut'),
                models.CheckConstraint(condition=models.Q(('applicants__gte', 0), ('ballot_lots__gte', 0), ('capacity_lots__gte', 0), ('level__gte', 0), ('orders__gte', models.F('applicants'))), name='allotment_signs'),
                models.CheckConstraint(condition=models.Q(models.Q(('given_lots__gte', 0), ('received_lots', 0)), models.Q(('given_lots', 0), ('received_lots__gte', 0)), _connector='OR'), name='allotment_receives_or_gives'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='allotment_price_stands', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.price IS NOT NULL AND NEW.price IS DISTINCT FROM OLD.price)', func="RAISE EXCEPTION 'the price of % stands', OLD.offering_id USING ERRCODE = 'restrict_violation';", hash='974e9064d5dafc728f6e65029ce7f7ffb03698cd', operation='UPDATE', pgid='pgtrigger_allotment_price_stands_c22a7', table='fund_allotment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='allotment_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='806cb4167e076ff2da704afad71952689dcef1bb', operation='DELETE', pgid='pgtrigger_allotment_stays_889f2', table='fund_allotment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_allotment', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'allotment', NEW.offering_id, jsonb_build_object('offering', NEW.offering_id, 'level', NEW.level::text, 'capacity_lots', NEW.capacity_lots::text, 'allotted_lots', NEW.allotted_lots::text, 'received_lots', NEW.received_lots::text, 'given_lots', NEW.given_lots::text, 'ballot_lots', NEW.ballot_lots::text, 'book', encode(NEW.book_digest, 'hex'))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='954dcc69c1dbeff65ed119c9995bfcaa29b64973', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_allotment_5193e', table='fund_allotment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='allotment_basis', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."offering_id" IS DISTINCT FROM (NEW."offering_id") OR OLD."proposal_id" IS DISTINCT FROM (NEW."proposal_id") OR OLD."applicants" IS DISTINCT FROM (NEW."applicants") OR OLD."orders" IS DISTINCT FROM (NEW."orders") OR OLD."requested_lots" IS DISTINCT FROM (NEW."requested_lots") OR OLD."capacity_lots" IS DISTINCT FROM (NEW."capacity_lots") OR OLD."received_lots" IS DISTINCT FROM (NEW."received_lots") OR OLD."given_lots" IS DISTINCT FROM (NEW."given_lots") OR OLD."level" IS DISTINCT FROM (NEW."level") OR OLD."ballot_lots" IS DISTINCT FROM (NEW."ballot_lots") OR OLD."allotted_lots" IS DISTINCT FROM (NEW."allotted_lots") OR OLD."book_digest" IS DISTINCT FROM (NEW."book_digest") OR OLD."cut" IS DISTINCT FROM (NEW."cut") OR OLD."published_at" IS DISTINCT FROM (NEW."published_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='6053645824b054773e42e4b065688d1da33c5908', operation='UPDATE', pgid='pgtrigger_allotment_basis_060b0', table='fund_allotment', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Outage',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('starts_at', models.DateTimeField()),
            ('ends_at', models.DateTimeField()),
            ('cause_en', models.CharField(max_length=200)),
            ('cause_ja', models.CharField(max_length=200)),
            ('declared_at', models.DateTimeField()),
            ('proposal', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('ends_at__lte', models.F('declared_at'))), name='outage_ends_before_it_is_declared'),
                django.contrib.postgres.constraints.ExclusionConstraint(expressions=[(models.Func('starts_at', 'ends_at', function='tstzrange', output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField()), '&&')], name='outage_counts_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='fe2ad8d9cd4645560f7870b197d29b0169eed2c1', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_fd6f5', table='fund_outage', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='4ff55eca1df0eed8bb28c502d213add40cc969a4', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_4ac15', table='fund_outage', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_outage', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, \'outage\', \'outage\', jsonb_build_object(\'starts_at\', to_char(NEW.starts_at AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'), \'ends_at\', to_char(NEW.ends_at AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'), \'cause_en\', NEW.cause_en, \'cause_ja\', NEW.cause_ja)) THEN\n            RAISE EXCEPTION \'% needs an officer of each nation\', TG_TABLE_NAME USING ERRCODE = \'insufficient_privilege\';\n        END IF;\n        RETURN NEW;\n        ', hash='be312c21bcd527a4577e344e32267b20ae59290f', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_outage_810cb', table='fund_outage', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Extension',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('closed_at', models.DateTimeField()),
            ('closes_at', models.DateTimeField()),
            ('paid_by', models.DateTimeField()),
            ('pay_by', models.DateTimeField()),
            ('offering', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='extensions', to='fund.offering')),
            ('outage', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='extensions', to='fund.outage')),
        ],
        options={
            'ordering': ('id',),
            'constraints': [
                models.UniqueConstraint(fields=('outage', 'offering'), name='extension_once_an_outage'),
                models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('closed_at')), ('pay_by', django.db.models.expressions.CombinedExpression(models.F('paid_by'), '+', django.db.models.expressions.CombinedExpression(models.F('closes_at'), '-', models.F('closed_at'))))), name='extension_moves_both_alike'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='878639eb1837c385f380e6b3bdec638df88c38fc', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_e36d4', table='fund_extension', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d4ccef438299b42a92e8926db77e89d934939af0', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_a631a', table='fund_extension', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='extension_is_the_offerings', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF NOT EXISTS (SELECT FROM fund_offering\n                                WHERE code = NEW.offering_id\n                                  AND (closes_at, pay_by) IS NOT DISTINCT FROM (NEW.closes_at, NEW.pay_by)) THEN\n                    RAISE EXCEPTION 'offering % does not stand so', NEW.offering_id\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='cc572dc58ba852bcd8927708b2b318b3877bda9c', operation='INSERT', pgid='pgtrigger_extension_is_the_offerings_fb422', table='fund_extension', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Postponement',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('subject', models.CharField(db_index=True, max_length=120)),
            ('pay_by', models.DateTimeField()),
            ('since', models.DateTimeField()),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='440a0a029859c9b86047517c068de1541c5dea8d', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_c5050', table='fund_postponement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d820a04910be16b4a88e9551e55e501dfb1d170f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_5e055', table='fund_postponement', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Leg',
        fields=[
            ('pk', models.CompositePrimaryKey('event_id', 'event', 'line', blank=True, editable=False, primary_key=True, serialize=False)),
            ('event_id', models.UUIDField()),
            ('event', models.SmallIntegerField(choices=[(1, 'payment received'), (2, 'payment to suspense'), (3, 'settlement'), (4, 'refund'), (5, 'payout'), (6, 'contribution of a co-owner or partner'), (7, 'investment'), (8, 'borrowing'), (9, 'expense'), (10, 'reversal'), (11, 'money applied from suspense'), (12, 'distribution'), (13, 'redemption'), (14, 'income'), (15, 'correction')])),
            ('line', models.SmallIntegerField()),
            ('debit', models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='fund.account')),
            ('credit', models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='fund.account')),
            ('holder', models.ForeignKey(null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='fund.holder')),
            ('phase', models.SmallIntegerField(choices=[(0, 'final'), (1, 'pending'), (2, 'posted'), (3, 'voided')])),
            ('resolves', models.UUIDField(null=True)),
            ('amount', models.BigIntegerField()),
            ('effective_at', models.DateTimeField()),
            ('recorded_at', models.DateTimeField()),
            ('xact', models.BigIntegerField()),
        ],
        options={
            'managed': False,
        },
    ),
    migrations.CreateModel(
        name='Card',
        fields=[
            ('holder', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='fund.holder')),
            ('held_usd', models.BigIntegerField(null=True)),
            ('held_jpy', models.BigIntegerField(null=True)),
            ('refunds_usd', models.BigIntegerField(null=True)),
            ('refunds_jpy', models.BigIntegerField(null=True)),
            ('units_sov', models.BigIntegerField(null=True)),
            ('units_lp', models.BigIntegerField(null=True)),
            ('units_us', models.BigIntegerField(null=True)),
            ('units_jp', models.BigIntegerField(null=True)),
            ('reserved_held_usd', models.BigIntegerField(null=True)),
            ('reserved_held_jpy', models.BigIntegerField(null=True)),
            ('reserved_refunds_usd', models.BigIntegerField(null=True)),
            ('reserved_refunds_jpy', models.BigIntegerField(null=True)),
            ('reserved_units_sov', models.BigIntegerField(null=True)),
            ('reserved_units_lp', models.BigIntegerField(null=True)),
            ('reserved_units_us', models.BigIntegerField(null=True)),
            ('reserved_units_jp', models.BigIntegerField(null=True)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('held_usd'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_held_usd'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('held_jpy'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_held_jpy'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('refunds_usd'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_refunds_usd'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('refunds_jpy'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_refunds_jpy'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('units_sov'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_units_sov'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('units_lp'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_units_lp'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('units_us'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_units_us'), models.Value(0))), django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.comparison.Coalesce(models.F('units_jp'), models.Value(0)), django.db.models.functions.comparison.Coalesce(models.F('reserved_units_jp'), models.Value(0)))), name='balance_of_a_holder_not_below_zero'),
                models.CheckConstraint(condition=models.Q(models.Q(('reserved_held_usd', None), ('reserved_held_usd__gte', 0), _connector='OR'), models.Q(('reserved_held_jpy', None), ('reserved_held_jpy__gte', 0), _connector='OR'), models.Q(('reserved_refunds_usd', None), ('reserved_refunds_usd__gte', 0), _connector='OR'), models.Q(('reserved_refunds_jpy', None), ('reserved_refunds_jpy__gte', 0), _connector='OR'), models.Q(('reserved_units_sov', None), ('reserved_units_sov__gte', 0), _connector='OR'), models.Q(('reserved_units_lp', None), ('reserved_units_lp__gte', 0), _connector='OR'), models.Q(('reserved_units_us', None), ('reserved_units_us__gte', 0), _connector='OR'), models.Q(('reserved_units_jp', None), ('reserved_units_jp__gte', 0), _connector='OR')), name='card_reserved_not_below_zero'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Control',
        fields=[
            ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='fund.account')),
            ('amount', models.BigIntegerField(default=0)),
            ('reserved', models.BigIntegerField(default=0)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('reserved__gte', 0)), name='control_reserved_not_below_zero'),
            ],
        },
    ),
    migrations.CreateModel(
        name='SettlementBatch',
        fields=[
            ('xact', models.BigIntegerField(db_default=django.db.models.functions.comparison.Cast(django.db.models.functions.comparison.Cast(models.Func(function='pg_current_xact_id', output_field=models.TextField()), models.TextField()), models.BigIntegerField()), editable=False)),
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('subject', models.CharField(max_length=20)),
            ('effective_at', models.DateTimeField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('unit_class', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass')),
        ],
        options={
            'indexes': [
                django.contrib.postgres.indexes.BrinIndex(fields=['xact'], name='settlementbatch_xact'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e51f6c6afc3f82c3f2b238b192e869f8e8d3a91b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_35adc', table='fund_settlementbatch', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e4079c7cbbcb3a58217f4e77e9bcbcbede6a889c', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_0d755', table='fund_settlementbatch', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Settlement',
        fields=[
            ('pk', models.CompositePrimaryKey('holder_id', 'order_id', blank=True, editable=False, primary_key=True, serialize=False)),
            ('order_id', models.UUIDField()),
            ('cost', models.BigIntegerField()),
            ('rounding', models.BigIntegerField()),
            ('units', models.BigIntegerField()),
            ('refund', models.BigIntegerField()),
            ('holder', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
            ('batch', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.settlementbatch')),
        ],
        options={
            'indexes': [
                django.contrib.postgres.indexes.BrinIndex(fields=['batch'], name='settlement_batch'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('cost__gte', 0), ('refund__gte', 0), ('rounding__gte', 0), ('units__gte', 0)), name='settlement_signs'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e90f6c01215b796dcb0cf0ff62eb8e7da9e3deac', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_7319a', table='fund_settlement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d475175b39a8ad790853f78ba697b38b3e0f55da', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_dcbc2', table='fund_settlement', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='WaitingLine',
        fields=[
            ('order_id', models.UUIDField(primary_key=True, serialize=False)),
            ('holder_id', models.BigIntegerField()),
            ('allotted', models.BigIntegerField()),
            ('refund', models.BigIntegerField()),
            ('offering', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.offering')),
        ],
        options={
            'indexes': [
                models.Index(fields=['offering', 'holder_id'], name='waiting_line_holder'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('allotted__gte', 0), ('refund__gte', 0)), name='waiting_line_signs'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='bd1fc85d804577618de450d1e932146c1021593c', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_00b41', table='fund_waitingline', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='8eb3f5a4d389401e5fc6fa285e8ef52314355b40', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_d1115', table='fund_waitingline', when='BEFORE')),
            ],
        },
    ),
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
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'indexes': [
                models.Index(fields=['code', 'effective_on', 'recorded_at'], name='accrual_from'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('yearly__gte', 0)), name='accrual_not_negative'),
                models.CheckConstraint(condition=models.Q(('currency__in', ['USD', 'JPY'])), name='accrual_currency'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='fb761f4bc6c8fc7d2d12a074b1f4a8055aa2976b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_e5a88', table='fund_accrual', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='6c5e064fb903e1760ec53594925d8a8b665c613a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_2fae6', table='fund_accrual', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', 'accrual', 'event', NEW.event_id::text, 'code', NEW.code, 'effective_on', NEW.effective_on::text, 'yearly', NEW.yearly::text, 'currency', NEW.currency))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='646f8918cc99e4d7309648fe79aadef4464a1c49', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_36818', table='fund_accrual', when='BEFORE')),
            ],
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
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('due_on__gte', models.F('called_on'))), name='call_due_after'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='b9e78c1bd1fccc814db26f3fa789260b6d45cd2f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_236d7', table='fund_call', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='639c62ebde4e23d4fa953235c28dc286ad4d73fb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_26f7e', table='fund_call', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'call', 'call', NEW.id::text, 'class', NEW.unit_class_id, 'called_on', NEW.called_on::text, 'due_on', NEW.due_on::text, 'bank_account', NEW.bank_account)) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='526de038bdf191a8a60af0fff426a7fe7d0f5b6c', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_eab1f', table='fund_call', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='CallLine',
        fields=[
            ('id', models.UUIDField(primary_key=True, serialize=False)),
            ('amount', models.BigIntegerField()),
            ('call', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='fund.call')),
            ('holder', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='call_line_positive'),
                models.UniqueConstraint(fields=('call', 'holder'), name='call_line_one_a_holder'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e859b696e4a0fa89570acaa753ab815dc07e60b2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_b9d42', table='fund_callline', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='70cf95aa06503ecaff7ae4fff47e270626a7dcb2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_b83c0', table='fund_callline', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'call', 'call', NEW.call_id::text, 'lines', jsonb_build_array(jsonb_build_object('line', NEW.id::text, 'holder', NEW.holder_id::text, 'amount', NEW.amount::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='9804f44f98e7bc5635aaa773766885f90ce02f3e', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_0d2e9', table='fund_callline', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Commitment',
        fields=[
            ('id', models.UUIDField(primary_key=True, serialize=False)),
            ('amount', models.BigIntegerField()),
            ('effective_on', models.DateField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('holder', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='fund.holder')),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass')),
        ],
        options={
            'indexes': [
                models.Index(fields=['holder', '-effective_on', '-recorded_at'], name='commitment_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='commitment_not_negative'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7d77839a841ddb2a62db30e647e742070699df5f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_c8231', table='fund_commitment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a85b0a62baa017afcaed14defb690830fa6219cb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_5e84d', table='fund_commitment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'commitment', 'effective_on', NEW.effective_on::text, 'commitments', jsonb_build_array(jsonb_build_object('id', NEW.id::text, 'holder', NEW.holder_id::text, 'class', NEW.unit_class_id, 'amount', NEW.amount::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='331b6547941de403e20e2656c39c33eb687c7c28', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_1fa94', table='fund_commitment', when='BEFORE')),
            ],
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
            ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contributions', to='fund.callline')),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'indexes': [
                models.Index(fields=['line'], name='contribution_line'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('units__gt', 0)), name='contribution_positive'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='fbda096355b4780e9c1bd01029df041ca1ce81e4', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_3fe75', table='fund_contribution', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a59b7d108128b97e6b42729e6f7bb1151c6af859', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_f1e7f', table='fund_contribution', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_capital', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'capital', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('act', 'contribution', 'day', NEW.day::text, 'parts', jsonb_build_array(jsonb_build_object('event', NEW.event_id::text, 'line', NEW.line_id::text, 'amount', NEW.amount::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='616c02444771486919a1e71c706a2c77191752e3', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_capital_b76d0', table='fund_contribution', when='BEFORE')),
            ],
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
            ('facility', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='fund.facility')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'verbose_name_plural': 'facility terms',
            'indexes': [
                models.Index(fields=['facility', '-effective_on', '-recorded_at'], name='facility_terms_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('limit__gt', 0)), name='facility_terms_limit'),
                models.CheckConstraint(condition=models.Q(('covenant__gt', 0), ('covenant__lte', 100)), name='facility_terms_covenant'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7592536ad00dc9a8578665e0e036c00cc91cf9d4', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_83de8', table='fund_facilityterms', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e3f43fbbbd7ba968ad9b9096402dc0d0a4a53792', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_40e6c', table='fund_facilityterms', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', 'facility_terms', 'event', NEW.event_id::text, 'facility', NEW.facility_id, 'effective_on', NEW.effective_on::text, 'limit', NEW.limit::text, 'covenant', NEW.covenant::text, 'rate_bps', NEW.rate_bps::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='dd7cec60d478439356eebeff61e93adc8ab961c7', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_92a57', table='fund_facilityterms', when='BEFORE')),
            ],
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
            ('officer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('kind__in', ['investments', 'movements', 'valuations', 'facilities', 'debt', 'expenses', 'accruals', 'rates', 'reversals'])), name='imported_file_kind'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='e594dcf75b167bcff799180487717d7fedce7eef', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_0980c', table='fund_importedfile', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d37fef90eab100023548e2e45a5396e921a274e8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_0c175', table='fund_importedfile', when='BEFORE')),
            ],
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
            ('investment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='income', to='fund.investment')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('reverses', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='fund.income')),
        ],
        options={
            'verbose_name_plural': 'income',
            'indexes': [
                models.Index(fields=['investment', 'day'], name='income_day'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('reverses', None)), models.Q(('amount__lt', 0), ('reverses__isnull', False)), _connector='OR'), name='income_signed'),
                models.CheckConstraint(condition=models.Q(models.Q(('cost', 0), ('kind', 'income')), models.Q(('amount__gt', 0), ('cost__gte', 0), ('kind', 'realisation')), models.Q(('amount__lt', 0), ('cost__lte', 0), ('kind', 'realisation')), _connector='OR'), name='income_kind'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='349f60291945eed00e1b103f9ae1da2a0ad95c2c', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_a466e', table='fund_income', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d7f56a664526bd37f6c1001147f4bb0188f79f53', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_faa25', table='fund_income', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', CASE WHEN NEW.reverses_id IS NULL THEN NEW.kind ELSE 'reversal' END, 'event', NEW.event_id::text, 'reverses', NEW.reverses_id::text, 'investment', NEW.investment_id, 'day', NEW.day::text, 'amount', abs(NEW.amount)::text, 'cost', abs(NEW.cost)::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='014e92d76a6f68612606d801e43292a5ec42b289', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_7b6ab', table='fund_income', when='BEFORE')),
            ],
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
            ('investment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='fund.investment')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'verbose_name_plural': 'investment terms',
            'indexes': [
                models.Index(fields=['investment', '-effective_on', '-recorded_at'], name='investment_terms_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('stage__in', ['committed', 'construction', 'operating', 'realised'])), name='investment_terms_stage'),
                models.CheckConstraint(condition=models.Q(('ownership_percent__gte', 0), ('ownership_percent__lte', 100)), name='investment_terms_ownership'),
                models.CheckConstraint(condition=models.Q(('committed__gte', 0)), name='investment_terms_committed'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='3e98116d3f88afe0b539de45b60a72be8e23bbdc', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_80cde', table='fund_investmentterms', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='8dc73daa7d88c924617770a68b49d9492f4d0afa', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_76383', table='fund_investmentterms', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_portfolio', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'portfolio', (SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id), jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('act', 'terms', 'event', NEW.event_id::text, 'investment', NEW.investment_id, 'effective_on', NEW.effective_on::text, 'stage', NEW.stage, 'ownership_percent', NEW.ownership_percent::text, 'committed', NEW.committed::text))))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='1043f74c3f68dc3a3cb589b77eaa49f7fc4a519c', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_portfolio_2c205', table='fund_investmentterms', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='BankAnswer',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('identity', models.CharField(max_length=64, unique=True)),
            ('what', models.CharField(choices=[('rejected', 'rejected by the bank'), ('returned', 'returned after payment'), ('changed', 'paid, with corrected bank details for the next time'), ('called_back', 'a collected payment is called back; the statement will take it'), ('not_ours', 'about a payment that is not ours, or of another amount')], max_length=12)),
            ('code', models.CharField(blank=True, max_length=8)),
            ('reference', models.CharField(blank=True, max_length=14)),
            ('sealed', models.BinaryField()),
            ('dealt_with_at', models.DateTimeField(null=True)),
            ('dealt_with_by', models.CharField(blank=True, max_length=80)),
            ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='fund.bankfile')),
            ('line', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='fund.payoutline')),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('dealt_with_at', None)), fields=['id'], name='bank_answer_waiting'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('line', None), ('what__in', ['called_back', 'not_ours'])), models.Q(('line__isnull', False), ('what__in', ['rejected', 'returned', 'changed'])), _connector='OR'), name='bank_answer_what'),
                models.CheckConstraint(condition=models.Q(models.Q(('dealt_with_at', None), ('dealt_with_by', '')), models.Q(('dealt_with_at__isnull', False), models.Q(('dealt_with_by', ''), _negated=True)), _connector='OR'), name='bank_answer_dealt_with_by_someone'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='bank_answer_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."file_id" IS DISTINCT FROM (NEW."file_id") OR OLD."identity" IS DISTINCT FROM (NEW."identity") OR OLD."what" IS DISTINCT FROM (NEW."what") OR OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."line_id" IS DISTINCT FROM (NEW."line_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='66c4a18f169e412e572aaa9f9610b0c930003d73', operation='UPDATE', pgid='pgtrigger_bank_answer_facts_144a1', table='fund_bankanswer', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='bank_answer_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='393a1fea532e098e5a31f361d10581defa47d20b', operation='DELETE', pgid='pgtrigger_bank_answer_stays_41e79', table='fund_bankanswer', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='KnownName',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('digest', models.BinaryField(max_length=32)),
            ('holder', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('holder', 'digest'), name='known_name_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='c33987b58e49a620203b36b1ff6d4823192d2590', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_cbb3f', table='fund_knownname', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='07d4b8648d2bf1c8234eca485d7f6fadf36aa431', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_05a91', table='fund_knownname', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Compensation',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('event_id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, unique=True)),
            ('price_before', models.DecimalField(decimal_places=4, max_digits=18)),
            ('price_after', models.DecimalField(decimal_places=4, max_digits=18)),
            ('error_percent', models.DecimalField(decimal_places=4, max_digits=12)),
            ('orders', models.BigIntegerField()),
            ('units_owed', models.BigIntegerField()),
            ('units_over', models.BigIntegerField()),
            ('made_good', models.BigIntegerField()),
            ('done_to', models.BigIntegerField(default=0)),
            ('units_posted', models.BigIntegerField(default=0)),
            ('finished_at', models.DateTimeField(null=True)),
            ('nav', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='compensations', to='fund.nav')),
            ('offering', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='compensations', to='fund.offering')),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('nav', 'offering'), name='compensation_once'),
                models.CheckConstraint(condition=models.Q(('done_to__gte', 0), ('made_good__gte', 0), ('orders__gte', 0), ('units_over__gte', 0), ('units_owed__gte', 0)), name='compensation_signs'),
                models.CheckConstraint(condition=models.Q(models.Q(('finished_at', None), ('units_posted__gte', 0), ('units_posted__lte', models.F('units_owed'))), models.Q(('finished_at__isnull', False), ('units_posted', models.F('units_owed'))), _connector='OR'), name='compensation_posts_what_is_owed'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='two_keys_correction', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TG_OP = 'INSERT') AND NOT fund_two_keys(NEW.proposal_id, 'correction', 'correction', jsonb_build_object('compensation', jsonb_build_array(jsonb_build_object('day', (SELECT valuation_day::text FROM fund_nav WHERE id = NEW.nav_id), 'offering', NEW.offering_id, 'price_before', NEW.price_before::text, 'price_after', NEW.price_after::text, 'error_percent', NEW.error_percent::text, 'orders', NEW.orders::text, 'units_owed', NEW.units_owed::text, 'units_over', NEW.units_over::text, 'made_good', NEW.made_good::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='842cda5797af80391ccb97bf434a01e26cd24ed3', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_correction_651dc', table='fund_compensation', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='compensation_stands', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."nav_id" IS DISTINCT FROM (NEW."nav_id") OR OLD."offering_id" IS DISTINCT FROM (NEW."offering_id") OR OLD."proposal_id" IS DISTINCT FROM (NEW."proposal_id") OR OLD."event_id" IS DISTINCT FROM (NEW."event_id") OR OLD."price_before" IS DISTINCT FROM (NEW."price_before") OR OLD."price_after" IS DISTINCT FROM (NEW."price_after") OR OLD."error_percent" IS DISTINCT FROM (NEW."error_percent") OR OLD."orders" IS DISTINCT FROM (NEW."orders") OR OLD."units_owed" IS DISTINCT FROM (NEW."units_owed") OR OLD."units_over" IS DISTINCT FROM (NEW."units_over") OR OLD."made_good" IS DISTINCT FROM (NEW."made_good"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='1e61570bd3a46165e3778b79dd50d05e49ea6c07', operation='UPDATE', pgid='pgtrigger_compensation_stands_68c5f', table='fund_compensation', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='compensation_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='dde58a9d5832b73978a91984a6ffa4f3f53b5d5c', operation='DELETE', pgid='pgtrigger_compensation_stays_49795', table='fund_compensation', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='LateInput',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('valuation_day', models.DateField()),
            ('code', models.CharField(max_length=40)),
            ('name', models.CharField(blank=True, max_length=200)),
            ('noticed_at', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('valuation_day', 'code', 'name'), name='late_input_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='06010dd3914a349f4094f0d1f34b27411d503a97', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_70133', table='fund_lateinput', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7a4946bd6a73c4adc140863af52debd3ec24092a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_7874e', table='fund_lateinput', when='BEFORE')),
            ],
        },
    ),
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
            ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'verbose_name_plural': 'office entries',
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('act__in', ['appointed', 'duties']), _negated=True), models.Q(models.Q(('duties__contains', ['administration']), ('duties__overlap', ['dealing', 'payments', 'valuation']), _negated=True), models.Q(('duties', ['audit']), models.Q(('duties__contains', ['audit']), _negated=True), _connector='OR')), _connector='OR'), name='office_entry_duties_apart'),
                models.CheckConstraint(condition=models.Q(models.Q(('act', 'emergency'), ('until__gt', models.F('at')), ('until__lte', django.db.models.expressions.CombinedExpression(models.F('at'), '+', models.Value(datetime.timedelta(days=1)))), models.Q(('duties__overlap', ['administration', 'audit']), _negated=True), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('act', 'emergency'), _negated=True), ('until', None)), _connector='OR'), name='office_entry_emergency'),
                models.CheckConstraint(condition=models.Q(models.Q(('act__in', ['appointed', 'duties']), ('by', None), ('proposal__isnull', False)), models.Q(('act__in', ['left', 'emergency', 'emergency_over']), ('by__isnull', False), ('proposal', None)), _connector='OR'), name='office_entry_by_keys_or_hand'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='f63879a941f9babbd00afc4ebd7ba2ca9ac069c2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_1e155', table='fund_officeentry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='5a969a033fd1f4c636ef873111ab944e604b6b6f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_35211', table='fund_officeentry', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='HoldingRoot',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('root', models.BinaryField()),
            ('total_units', models.BigIntegerField()),
            ('holders', models.BigIntegerField()),
            ('committed_at', models.DateTimeField()),
            ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ('nav', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holding_roots', to='fund.nav')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass')),
        ],
        options={
            'verbose_name': 'proof of holding',
            'verbose_name_plural': 'proofs of holding',
            'constraints': [
                models.UniqueConstraint(fields=('nav', 'unit_class'), name='holding_root_one_a_class'),
                models.CheckConstraint(condition=models.Q(('holders__gt', 0), ('total_units__gt', 0)), name='holding_root_of_somebody'),
                models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func('root', function='length', output_field=models.IntegerField()), 32), name='holding_root_is_a_sha256'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='79d3fe3d8291dc81f261dd9deae7f14092dbd43c', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_2ba61', table='fund_holdingroot', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='64286711520972d184feca587679453438d396cd', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_9306e', table='fund_holdingroot', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='of_a_published_nav', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                PERFORM FROM fund_nav n JOIN fund_classnav c ON c.nav_id = n.id\n                  WHERE n.id = NEW.nav_id AND n.state = 'published'\n                    AND c.unit_class_id = NEW.unit_class_id AND c.units = NEW.total_units;\n                IF NOT FOUND THEN\n                    RAISE EXCEPTION 'the units of the holders are not those of a published NAV'\n                        USING ERRCODE = 'check_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='fbefbd1584ff1cf021f6fc226fb1fa66e2feb037', operation='INSERT', pgid='pgtrigger_of_a_published_nav_26d6a', table='fund_holdingroot', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='HoldingBlock',
        fields=[
            ('pk', models.CompositePrimaryKey('holding_root_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
            ('number', models.PositiveIntegerField()),
            ('first', models.BinaryField()),
            ('node', models.BinaryField()),
            ('rows', models.BinaryField()),
            ('holding_root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='blocks', to='fund.holdingroot')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='2d151d359647626298dbab30c1ef58f091a9cffd', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_ec4a7', table='fund_holdingblock', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='26ceb06cbb4b8530edc706bec101c24dbf6b635b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_83128', table='fund_holdingblock', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Distribution',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('event_id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, unique=True)),
            ('per_lot', models.DecimalField(decimal_places=6, max_digits=18)),
            ('record_day', models.DateField()),
            ('pay_day', models.DateField()),
            ('expected', models.BigIntegerField()),
            ('income', models.BigIntegerField()),
            ('state', models.CharField(choices=[('declared', 'declared'), ('recorded', 'recorded, to be paid'), ('paid', 'paid'), ('replaced', 'corrected by another')], default='declared', max_length=10)),
            ('declared_at', models.DateTimeField()),
            ('snapshot', models.TextField(blank=True, editable=False)),
            ('xact', models.BigIntegerField(editable=False, null=True)),
            ('holders', models.BigIntegerField(null=True)),
            ('units', models.BigIntegerField(null=True)),
            ('declared', models.BigIntegerField(null=True)),
            ('cut', models.BigIntegerField(null=True)),
            ('cut_holder', models.BigIntegerField(null=True)),
            ('recorded_at', models.DateTimeField(null=True)),
            ('ex_price', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
            ('price', models.DecimalField(decimal_places=4, max_digits=18, null=True)),
            ('price_day', models.DateField(null=True)),
            ('paid_at', models.DateTimeField(null=True)),
            ('corrects', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrected_by', to='fund.distribution')),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='distributions', to='fund.unitclass')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['declared', 'recorded', 'paid', 'replaced'])), name='distribution_state'),
                models.CheckConstraint(condition=models.Q(('expected__gte', 0), ('per_lot__gt', 0)), name='distribution_positive'),
                models.CheckConstraint(condition=models.Q(('record_day__lt', models.F('pay_day'))), name='distribution_days'),
                models.CheckConstraint(condition=models.Q(('state', 'declared'), ('declared__isnull', False), _connector='XOR'), name='distribution_recorded'),
                models.CheckConstraint(condition=models.Q(('cut', None), ('cut_holder__isnull', False), _connector='XOR'), name='distribution_cut'),
                models.CheckConstraint(condition=models.Q(('state__in', ['paid', 'replaced']), ('paid_at__isnull', True), _connector='XOR'), name='distribution_paid'),
                models.UniqueConstraint(condition=models.Q(('state', 'replaced'), _negated=True), fields=('unit_class', 'record_day'), name='distribution_once_a_day'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='two_keys_distribution', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TG_OP = 'INSERT') AND NOT fund_two_keys(NEW.proposal_id, 'distribution', 'distribution', jsonb_build_object('record_day', NEW.record_day::text, 'pay_day', NEW.pay_day::text, 'corrects', NEW.corrects_id::text, 'classes', jsonb_build_array(jsonb_build_object('class', NEW.unit_class_id, 'per_lot', NEW.per_lot::text, 'expected', NEW.expected::text)))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='820ca4013a0aaf79cb23a9f79f23c5404c14c526', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_distribution_5091b', table='fund_distribution', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='distribution_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF (OLD.id, OLD.event_id, OLD.unit_class_id, OLD.per_lot, OLD.record_day, OLD.pay_day, OLD.expected,\n                    OLD.proposal_id, OLD.corrects_id, OLD.declared_at)\n                   IS DISTINCT FROM (NEW.id, NEW.event_id, NEW.unit_class_id, NEW.per_lot, NEW.record_day, NEW.pay_day,\n                    NEW.expected, NEW.proposal_id, NEW.corrects_id, NEW.declared_at)\n                   OR OLD.state <> 'declared' AND (OLD.snapshot, OLD.xact, OLD.holders, OLD.units, OLD.declared,\n                    OLD.cut, OLD.cut_holder, OLD.recorded_at, OLD.income)\n                   IS DISTINCT FROM (NEW.snapshot, NEW.xact, NEW.holders, NEW.units, NEW.declared,\n                    NEW.cut, NEW.cut_holder, NEW.recorded_at, NEW.income)\n                   OR OLD.ex_price <> NEW.ex_price OR OLD.price <> NEW.price OR OLD.price_day <> NEW.price_day\n                   OR OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN\n                      (('declared', 'recorded'), ('recorded', 'paid'), ('paid', 'replaced')) THEN\n                    RAISE EXCEPTION 'a distribution stands as it was declared and recorded'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='804ae8b108c5e7776821b94b50ab367931130c9a', operation='UPDATE', pgid='pgtrigger_distribution_moves_78b8a', table='fund_distribution', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='distribution_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='d500615fa70597630460f9e7d4277b04e8d773ac', operation='DELETE', pgid='pgtrigger_distribution_stays_64ece', table='fund_distribution', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='DistributionRange',
        fields=[
            ('pk', models.CompositePrimaryKey('distribution_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
            ('distribution_id', models.BigIntegerField()),
            ('number', models.IntegerField()),
            ('first_holder', models.BigIntegerField()),
            ('last_holder', models.BigIntegerField()),
            ('entries', models.BigIntegerField()),
            ('waiting', models.BigIntegerField(null=True)),
            ('paid_at', models.DateTimeField(null=True)),
            ('done_at', models.DateTimeField(null=True)),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('entries__gt', 0), ('first_holder__lte', models.F('last_holder'))), name='distribution_range'),
                models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('paid_at', None), ('waiting', None)), models.Q(('done_at', None), ('paid_at__isnull', False), ('waiting__gt', 0), ('waiting__gte', 0), ('waiting__lte', models.F('entries'))), models.Q(('done_at__isnull', False), ('paid_at__isnull', False), ('waiting__gte', 0)), _connector='OR'), name='distribution_range_in_order'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Entitlement',
        fields=[
            ('pk', models.CompositePrimaryKey('holder_id', 'distribution_id', 'reversal', blank=True, editable=False, primary_key=True, serialize=False)),
            ('distribution_id', models.BigIntegerField()),
            ('reversal', models.BooleanField(default=False)),
            ('units', models.BigIntegerField()),
            ('gross', models.BigIntegerField()),
            ('returned', models.BigIntegerField()),
            ('us', models.BigIntegerField()),
            ('national', models.BigIntegerField()),
            ('local', models.BigIntegerField()),
            ('paid', models.BigIntegerField()),
            ('cost', models.BigIntegerField()),
            ('rounding', models.BigIntegerField()),
            ('bought', models.BigIntegerField()),
            ('borne', models.BigIntegerField(default=0)),
            ('us_basis', models.SmallIntegerField()),
            ('jp_basis', models.SmallIntegerField()),
            ('batch', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.settlementbatch')),
            ('holder', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
        ],
        options={
            'indexes': [
                django.contrib.postgres.indexes.BrinIndex(fields=['batch'], name='entitlement_batch'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('bought__gte', 0), ('cost__gte', 0), ('gross', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('paid'), '+', models.F('us')), '+', models.F('national')), '+', models.F('local')), '+', models.F('cost')), '+', models.F('rounding'))), ('local__gte', 0), ('national__gte', 0), ('paid__gte', 0), ('returned__gte', 0), ('returned__lte', models.F('gross')), ('rounding__gte', 0), ('units__gt', 0), ('us__gte', 0)), name='entitlement_adds_up'),
                models.CheckConstraint(condition=models.Q(('borne', 0), models.Q(('borne__gt', 0), ('borne__lte', models.F('paid')), ('reversal', True)), _connector='OR'), name='entitlement_borne'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='5b9aabe39e4ad613bc2efe16a31ac06271de29f3', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_66f79', table='fund_entitlement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7fa6f360a3ce55346891b16beb75767820a04dcd', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_97088', table='fund_entitlement', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TaxStatus',
        fields=[
            ('holder', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='fund.holder')),
            ('us_person', models.BooleanField()),
            ('certified', models.BooleanField()),
            ('treaty_until', models.DateField(null=True)),
            ('residence', models.CharField(choices=[('US', 'United States'), ('JP', 'Japan')], max_length=2)),
            ('told_at', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('residence__in', ['US', 'JP'])), name='tax_status_residence'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Choice',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('reinvest', models.BooleanField()),
            ('chosen_at', models.DateTimeField()),
            ('holder', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
            ('unit_class', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.unitclass')),
        ],
        options={
            'indexes': [
                models.Index(fields=['unit_class', 'holder', 'chosen_at'], name='choice_latest'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='0d0ffc323a17dfa7d55763b7ffb5d29a1165ac97', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_8bc5e', table='fund_choice', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='64893378923b531ce10bb86ca9f2d041c4c3f0dc', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_cf13c', table='fund_choice', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='PayeeAccount',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('payee', models.CharField(max_length=40)),
            ('currency', models.CharField(choices=[('USD', 'USD'), ('JPY', 'JPY')], max_length=3)),
            ('name', models.CharField(max_length=120)),
            ('bank', models.CharField(max_length=9)),
            ('branch', models.CharField(blank=True, max_length=3)),
            ('account', models.CharField(max_length=17)),
            ('kind', models.CharField(blank=True, max_length=8)),
            ('entered_at', models.DateTimeField()),
            ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'indexes': [
                models.Index(fields=['payee', 'currency', '-id'], name='payee_account_newest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('currency__in', [fund.money.Currency['USD'], fund.money.Currency['JPY']])), name='payee_account_currency'),
                models.UniqueConstraint(fields=('proposal',), name='payee_account_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='2deeb3b27da69116c69f6f3f04802eb6bea72c8f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_f5ae7', table='fund_payeeaccount', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='cdeba9b3602e1af03b66a1d5f9db9720433167cf', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_c9093', table='fund_payeeaccount', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_payee', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (TRUE) AND NOT fund_two_keys(NEW.proposal_id, 'payee', NEW.payee || ' ' || NEW.currency, jsonb_build_object('payee', NEW.payee, 'currency', NEW.currency, 'name', NEW.name, 'bank', NEW.bank, 'branch', NEW.branch, 'account', NEW.account, 'kind', NEW.kind)) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='38df96625ba9331ecaaad5d825b77a3437567a41', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_payee_8eaea', table='fund_payeeaccount', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TaxYear',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('year', models.PositiveSmallIntegerField()),
            ('version', models.PositiveSmallIntegerField()),
            ('state', models.CharField(choices=[('preparing', 'being computed'), ('prepared', 'ready for approval'), ('released', 'released'), ('withdrawn', 'withdrawn')], default='preparing', max_length=10)),
            ('basis', models.JSONField()),
            ('done_to', models.BigIntegerField(default=0)),
            ('count', models.BigIntegerField(null=True)),
            ('digest', models.BinaryField(max_length=32, null=True)),
            ('begun_by', models.CharField(max_length=80)),
            ('begun_at', models.DateTimeField()),
            ('released_at', models.DateTimeField(null=True)),
            ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.proposal')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(models.Q(('digest', None), ('proposal', None), ('released_at', None), ('state', 'preparing')), models.Q(('count__gte', 0), ('digest__isnull', False), ('proposal', None), ('released_at', None), ('state', 'prepared')), models.Q(('digest__isnull', False), ('proposal__isnull', False), ('released_at__isnull', False), ('state', 'released')), models.Q(('proposal', None), ('released_at', None), ('state', 'withdrawn')), _connector='OR'), name='tax_year_state'),
                models.UniqueConstraint(condition=models.Q(('state', 'withdrawn'), _negated=True), fields=('year', 'version'), name='tax_year_one_a_version'),
                models.UniqueConstraint(condition=models.Q(('state__in', ['preparing', 'prepared'])), fields=('year',), name='tax_year_one_open'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='two_keys_tax_year', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.state = 'released') AND NOT fund_two_keys(NEW.proposal_id, 'tax_year', 'tax_year:' || NEW.id, jsonb_build_object('year', NEW.year::text, 'version', NEW.version::text, 'count', NEW.count::text, 'statements', encode(NEW.digest, 'hex'))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='0f5c44d8d3fb9ec2ba2b1c7cc23502283225071b', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_tax_year_a2622', table='fund_taxyear', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='tax_year_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'DELETE' OR OLD.state IN ('released', 'withdrawn')\n                   OR (NEW.id, NEW.year, NEW.version, NEW.basis, NEW.begun_by, NEW.begun_at)\n                      IS DISTINCT FROM (OLD.id, OLD.year, OLD.version, OLD.basis, OLD.begun_by, OLD.begun_at)\n                   OR OLD.state = 'prepared' AND (NEW.count, NEW.digest, NEW.done_to)\n                      IS DISTINCT FROM (OLD.count, OLD.digest, OLD.done_to)\n                   OR NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('preparing', 'prepared'),\n                      ('preparing', 'withdrawn'), ('prepared', 'released'), ('prepared', 'withdrawn')) THEN\n                    RAISE EXCEPTION 'a year of tax stands as it was computed' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='5ac94aa06eab7143f3abcbffb284ace02f4c61c3', operation='UPDATE OR DELETE', pgid='pgtrigger_tax_year_moves_aee70', table='fund_taxyear', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TaxStatement',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('form', models.CharField(choices=[('1099-div', 'Form 1099-DIV'), ('1042-s', 'Form 1042-S'), ('annual-report', 'Annual transaction report'), ('pfic', 'PFIC annual information statement')], max_length=16)),
            ('version', models.PositiveSmallIntegerField()),
            ('lines', models.JSONField()),
            ('holder', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder')),
            ('tax_year', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='fund.taxyear')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('form__in', ['1099-div', '1042-s', 'annual-report', 'pfic'])), name='tax_statement_form'),
                models.UniqueConstraint(fields=('tax_year', 'form', 'holder'), name='tax_statement_one_a_form'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='db321f458dc7c8ec06f5b27c5855e750abffeb68', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_0994c', table='fund_taxstatement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='f9e1cc43cd61c0121033210138ed263c93fd7470', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_3bd47', table='fund_taxstatement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='tax_statement_of_an_open_year', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF EXISTS (SELECT FROM (SELECT DISTINCT tax_year_id FROM added) a\n                             JOIN fund_taxyear y ON y.id = a.tax_year_id WHERE y.state <> 'preparing') THEN\n                    RAISE EXCEPTION 'statements join a year while it is computed'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NULL;\n                ", hash='ef26d33a03bbbdb084c14ffa750504098af7e5a6', level='STATEMENT', operation='INSERT', pgid='pgtrigger_tax_statement_of_an_open_year_00c94', referencing='REFERENCING NEW TABLE AS added ', table='fund_taxstatement', when='AFTER')),
            ],
        },
    ),
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
            'constraints': [
                models.CheckConstraint(condition=models.Q(('act__in', ['opened', 'closed', 'released'])), name='fence_act'),
                models.CheckConstraint(condition=models.Q(models.Q(('act', 'closed'), ('why__in', ['restored', 'went_back', 'by_hand'])), models.Q(models.Q(('act', 'closed'), _negated=True), ('why', '')), _connector='OR'), name='fence_closed_for_a_reason'),
                models.CheckConstraint(condition=models.Q(('act', 'released'), ('proposal__isnull', True), _connector='XOR'), name='fence_released_by_keys'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='59b083db877ce7c563f44fd78e37317ce189b585', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_820ee', table='fund_fenceentry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='09ffda999f699345938b480b622fdd4336905549', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_1c707', table='fund_fenceentry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='two_keys_release', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        IF (NEW.act = 'released') AND NOT fund_two_keys(NEW.proposal_id, 'release', 'release', jsonb_build_object('generation', NEW.generation, 'closed', (SELECT max(id)::text FROM fund_fenceentry WHERE act = 'closed'))) THEN\n            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';\n        END IF;\n        RETURN NEW;\n        ", hash='716a9c31c78566e5dcae9a3a0506b8497af1e838', operation='INSERT OR UPDATE', pgid='pgtrigger_two_keys_release_95368', table='fund_fenceentry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='fence_of_this_database', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF NEW.act <> 'closed' AND NEW.generation <> fund_generation() THEN\n                    RAISE EXCEPTION 'what is released is another database' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF NEW.act = 'opened' AND (EXISTS (SELECT FROM fund_note) OR EXISTS (SELECT FROM fund_fenceentry)) THEN\n                    RAISE EXCEPTION 'this database is not new: both nations release it'\n                        USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='4594d4d674d1e5edc218561b12f92bd9a69dfce5', operation='INSERT', pgid='pgtrigger_fence_of_this_database_2b483', table='fund_fenceentry', when='BEFORE')),
            ],
        },
    ),
]


def sql(path: str) -> migrations.RunSQL:
    return migrations.RunSQL((ROOMS / path).read_text())


OF_THE_DATABASE = [
    sql("governance/sql/two_keys.sql"),
    sql("governance/sql/office.sql"),
    sql("governance/sql/fence.sql"),
    sql("ledger/sql/transfers.sql"),
    sql("ledger/sql/book.sql"),
    sql("ledger/sql/entitlements.sql"),
    sql("distribution/sql/recorded.sql"),
    sql("dealing/sql/orders.sql"),
    sql("dealing/sql/lines.sql"),
    sql("register/sql/keys.sql"),
    # Expected payments are rewritten as they are paid: room on the page keeps the rewrites on it.
    migrations.RunSQL("ALTER TABLE fund_expected SET (fillfactor = 50)"),
    # What is hashed does not compress; trying to would cost more than the hashing.
    migrations.RunSQL("ALTER TABLE fund_holdingblock ALTER rows SET STORAGE EXTERNAL"),
]


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("fund", "0001_initial"), ("fund", "0002_functions"), ("fund", "0003_dealing"), ("fund", "0004_settlement"),
        ("fund", "0005_settlement_key"), ("fund", "0006_portfolio_and_capital"), ("fund", "0007_payments"),
        ("fund", "0008_nav"), ("fund", "0009_office"), ("fund", "0010_proof_of_holding"),
        ("fund", "0011_distribution"), ("fund", "0012_payout_lines"), ("fund", "0013_tax_papers"),
        ("fund", "0014_fence"), ("fund", "0015_trace"),
    ]
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [CreateTables(TABLES), *OF_THE_DATABASE]
