"""The reception's tables with their triggers."""

import uuid

from django.conf import settings
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models
import django.db.models.deletion
from fund.migrations._tables import CreateTables
import investors.vault
import pgtrigger.compiler

TABLES = [
    migrations.CreateModel(
        name='Investor',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('nations', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('US', 'United States'), ('JP', 'Japan')], max_length=2), default=list)),
            ('state', models.CharField(choices=[('applicant', 'applicant'), ('approved', 'approved')], default='applicant', max_length=12)),
            ('registered_at', models.DateTimeField()),
            ('verified_until', models.DateTimeField(null=True)),
            ('likeness', django.contrib.postgres.fields.ArrayField(base_field=models.BinaryField(max_length=32), default=list)),
            ('name', investors.vault.SealedField(null=True)),
            ('birth_date', investors.vault.SealedField(null=True)),
            ('residence', investors.vault.SealedField(null=True)),
            ('holder', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='investor', to='fund.holder')),
            ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='investor', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'indexes': [
                django.contrib.postgres.indexes.GinIndex(fields=['likeness'], name='investor_likeness'),
                models.Index(condition=models.Q(('state', 'approved')), fields=['verified_until'], name='investor_verified_until'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['applicant', 'approved'])), name='investor_state'),
                models.CheckConstraint(condition=models.Q(('nations__contained_by', ['US', 'JP']), models.Q(('state', 'applicant'), ('nations__len__gt', 0), _connector='OR')), name='investor_nations'),
                models.CheckConstraint(condition=models.Q(models.Q(('holder', None), ('state', 'applicant'), ('verified_until', None)), models.Q(('state', 'approved'), models.Q(('holder', None), _negated=True), models.Q(('verified_until', None), _negated=True)), _connector='OR'), name='investor_approved_is_a_holder'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='one_person_one_holder', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF NEW.state = 'approved' AND (OLD.state <> 'approved' OR OLD.likeness IS DISTINCT FROM NEW.likeness) THEN\n        PERFORM pg_advisory_xact_lock(key) FROM (\n            SELECT DISTINCT hashtextextended(encode(one, 'hex'), 0) AS key FROM unnest(NEW.likeness) one ORDER BY 1\n        ) AS keys;\n        IF EXISTS (SELECT FROM investors_pair WHERE state = 'open' AND NEW.id IN (first_id, second_id)) THEN\n            RAISE EXCEPTION 'a case of a possible duplicate is open' USING ERRCODE = 'unique_violation';\n        END IF;\n        IF EXISTS (\n            SELECT FROM investors_investor o\n             WHERE o.state = 'approved' AND o.id <> NEW.id AND o.likeness && NEW.likeness AND NOT EXISTS (\n                SELECT FROM investors_pair p WHERE p.state = 'different'\n                   AND p.first_id = least(o.id, NEW.id) AND p.second_id = greatest(o.id, NEW.id))\n        ) THEN\n            RAISE EXCEPTION 'another holder is alike' USING ERRCODE = 'unique_violation';\n        END IF;\n    END IF;\n    RETURN NEW;\n", hash='ce0be2ae34da1a1ceb8c9b58e9f1033356da2b30', operation='UPDATE', pgid='pgtrigger_one_person_one_holder_47d07', table='investors_investor', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Application',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('status', models.CharField(choices=[('draft', 'draft'), ('submitted', 'submitted'), ('in_review', 'in review'), ('more_information', 'more information needed'), ('approved', 'approved'), ('refused', 'refused'), ('appealed', 'appealed')], default='draft', max_length=16)),
            ('opened_at', models.DateTimeField()),
            ('first_submitted_at', models.DateTimeField(editable=False, null=True)),
            ('submitted_at', models.DateTimeField(editable=False, null=True)),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='investors.investor')),
            ('changed', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list)),
            ('cycle', models.DateTimeField(null=True)),
            ('lapse_told_at', models.DateTimeField(null=True)),
            ('occasion', models.CharField(choices=[('joining', 'joining'), ('reverification', 're-verification')], default='joining', max_length=16)),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('status__in', ['submitted', 'in_review'])), fields=['submitted_at'], name='application_waiting'),
                models.Index(condition=models.Q(('occasion', 'reverification')), fields=['opened_at'], name='reverification_opened'),
                models.Index(condition=models.Q(('status', 'appealed')), fields=['submitted_at'], name='application_appealed'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('status', 'draft'), models.Q(('first_submitted_at__isnull', False), ('submitted_at__isnull', False)), _connector='OR'), name='application_submitted_at'),
                models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'submitted', 'in_review', 'more_information', 'approved', 'refused', 'appealed'])), name='application_status'),
                models.CheckConstraint(condition=models.Q(('occasion__in', ['joining', 'reverification'])), name='application_occasion'),
                models.UniqueConstraint(condition=models.Q(('occasion', 'joining'), models.Q(('status', 'refused'), _negated=True)), fields=('investor',), name='application_one_a_person'),
                models.UniqueConstraint(condition=models.Q(('occasion', 'reverification'), models.Q(('status__in', ['approved', 'refused']), _negated=True)), fields=('investor',), name='application_one_reverification'),
                models.UniqueConstraint(fields=('investor', 'cycle'), name='application_once_a_cycle'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='application_never_thrown_away', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='bdfa12ae63bf4bdb096346c1abadb8754308601b', operation='DELETE', pgid='pgtrigger_application_never_thrown_away_3fb97', table='investors_application', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='application_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                NEW.first_submitted_at := OLD.first_submitted_at;\n                NEW.submitted_at := OLD.submitted_at;\n                NEW.occasion := OLD.occasion;\n                NEW.cycle := OLD.cycle;\n                IF NEW.status <> OLD.status THEN\n                    IF (OLD.status, NEW.status) NOT IN (('draft', 'submitted'), ('submitted', 'in_review'), ('submitted', 'approved'), ('in_review', 'approved'), ('in_review', 'refused'), ('in_review', 'more_information'), ('more_information', 'submitted'), ('more_information', 'refused'), ('refused', 'appealed'), ('appealed', 'refused'), ('appealed', 'in_review')) THEN\n                        RAISE EXCEPTION 'an application does not move from % to %', OLD.status, NEW.status\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF OLD.status = 'submitted' AND NEW.status = 'approved' AND (\n                        OLD.occasion <> 'reverification' OR NEW.changed <> '{}' OR NOT coalesce((\n                            SELECT passed FROM investors_assessment\n                             WHERE application_id = OLD.id ORDER BY id DESC LIMIT 1), false)\n                    ) THEN\n                        RAISE EXCEPTION 'only an officer approves this application'\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF 'appealed' IN (OLD.status, NEW.status) AND (\n                        SELECT coalesce(o.outcome, 'pending') FROM investors_appeal a\n                          LEFT JOIN investors_appealdecision o ON o.appeal_id = a.id\n                         WHERE a.decision_id = (SELECT max(id) FROM investors_decision WHERE application_id = OLD.id)\n                    ) IS DISTINCT FROM (\n                        CASE NEW.status WHEN 'appealed' THEN 'pending' WHEN 'refused' THEN 'upheld' ELSE 'reopened' END\n                    ) THEN\n                        RAISE EXCEPTION 'no appeal moves this application from % to %', OLD.status, NEW.status\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF NEW.status = 'submitted' THEN\n                        NEW.submitted_at := statement_timestamp();\n                        NEW.first_submitted_at := coalesce(OLD.first_submitted_at, NEW.submitted_at);\n                    END IF;\n                END IF;\n                RETURN NEW;\n                ", hash='8b04f2dd20419f0d2801cdbf23b71646633776d8', operation='UPDATE', pgid='pgtrigger_application_moves_94ca9', table='investors_application', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Answer',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('step', models.CharField(max_length=20)),
            ('content', investors.vault.SealedField()),
            ('version', models.PositiveIntegerField(default=1)),
            ('stale', models.BooleanField(default=False)),
            ('saved_at', models.DateTimeField()),
            ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='investors.application')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('application', 'step'), name='answer_one_a_step'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Assessment',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('rules', models.CharField(max_length=20)),
            ('facts', models.JSONField()),
            ('outcomes', models.JSONField()),
            ('passed', models.BooleanField()),
            ('answers_digest', models.BinaryField(max_length=32)),
            ('assessed_at', models.DateTimeField()),
            ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assessments', to='investors.application')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='b9791eb54304b1c1434b24d227c576bd04a75304', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_233ab', table='investors_assessment', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='13715f586e64c897ce389706d04cfdf3156f74c5', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_42acc', table='investors_assessment', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='BankAccount',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('nation', models.CharField(choices=[('US', 'United States'), ('JP', 'Japan')], max_length=2)),
            ('details', investors.vault.SealedField()),
            ('usable_from', models.DateTimeField()),
            ('recorded_at', models.DateTimeField()),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bank_accounts', to='investors.investor')),
            ('cancelled_at', models.DateTimeField(null=True)),
        ],
        options={
            'indexes': [
                models.Index(fields=['investor', 'usable_from'], name='bank_account_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('nation__in', ['US', 'JP'])), name='bank_account_nation'),
                models.CheckConstraint(condition=models.Q(('cancelled_at', None), ('cancelled_at__lt', models.F('usable_from')), _connector='OR'), name='bank_account_cancelled_in_its_hold'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='bank_account_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."investor_id" IS DISTINCT FROM (NEW."investor_id") OR OLD."nation" IS DISTINCT FROM (NEW."nation") OR OLD."usable_from" IS DISTINCT FROM (NEW."usable_from") OR OLD."recorded_at" IS DISTINCT FROM (NEW."recorded_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='bb9cabbc9a51d488ba9c605406bba813c8cc10e9', operation='UPDATE', pgid='pgtrigger_bank_account_stays_a2e62', table='investors_bankaccount', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='bank_account_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='23b5e7bb4b248c9f8f5105725dbd41a51b526299', operation='DELETE', pgid='pgtrigger_bank_account_is_kept_ef372', table='investors_bankaccount', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='bank_account_cancelled_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.cancelled_at IS NOT NULL AND NEW.cancelled_at IS DISTINCT FROM OLD.cancelled_at)', func="RAISE EXCEPTION 'a change is taken back once' USING ERRCODE = 'restrict_violation';", hash='2c3dcf9bf9e75b0a5b9f7fa3fad80813e90ed5ee', operation='UPDATE', pgid='pgtrigger_bank_account_cancelled_once_cd9f6', table='investors_bankaccount', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Decision',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('outcome', models.CharField(choices=[('approved', 'approved'), ('refused', 'refused'), ('more_information', 'more information needed')], max_length=16)),
            ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('citizenship', 'Citizenship of the United States or Japan was not shown.'), ('adult', 'Not yet an adult by the law of the place of residence.'), ('residence', 'The country of residence is not accepted.'), ('identity_document', 'The identity document is not valid or not readable.'), ('number_valid', 'A tax number is missing or not valid.'), ('no_duplicate', 'This person is already registered.'), ('sanctions_clear', 'The comparison with the sanctions lists has not been settled.'), ('tax_forms', 'The tax self-certification is not complete.'), ('suitability', 'The fund does not suit what you told us about your aims and means.'), ('comprehension', 'The questions on the risks are not all answered rightly.'), ('agreements', 'An agreement has not been accepted.'), ('contradiction', 'Answers contradict each other or the document.')], max_length=24), default=list)),
            ('decided_at', models.DateTimeField()),
            ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='investors.application')),
            ('assessment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='investors.assessment')),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('outcome__in', ['approved', 'refused', 'more_information'])), name='decision_outcome'),
                models.CheckConstraint(condition=models.Q(('outcome', 'approved'), ('reasons__len__gt', 0), _connector='OR'), name='decision_says_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='15abe4ce279790781fc6e39352baaa2003385e89', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_631dd', table='investors_decision', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7f59bc46d59cbeeed1ad7ffe6d88c3c1b8a8041f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_dc186', table='investors_decision', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='after_appeal_by_another', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF EXISTS (\n                    SELECT FROM investors_appeal a JOIN investors_decision d ON d.id = a.decision_id\n                     WHERE d.application_id = NEW.application_id AND \n    (SELECT person FROM fund_officer WHERE id = d.officer_id)\n        = (SELECT person FROM fund_officer WHERE id = NEW.officer_id)\n\n                ) THEN\n                    RAISE EXCEPTION 'after an appeal another officer decides' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='b1b3802e83d5530c72a0e9a02f2529713db25574', operation='INSERT', pgid='pgtrigger_after_appeal_by_another_63c54', table='investors_decision', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ListVersion',
        fields=[
            ('files', models.ManyToManyField(related_name='+', to='investors.listfile')),
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('source', models.CharField(choices=[('ofac', 'OFAC Specially Designated Nationals'), ('un', 'United Nations Security Council consolidated list'), ('mof', 'Ministry of Finance of Japan, asset freeze list')], max_length=4)),
            ('digest', models.BinaryField(max_length=32)),
            ('entries', models.PositiveIntegerField()),
            ('added', models.PositiveIntegerField()),
            ('changed', models.PositiveIntegerField()),
            ('removed', models.PositiveIntegerField()),
            ('loaded_at', models.DateTimeField()),
            ('loaded_by', models.CharField(max_length=80)),
        ],
        options={
            'indexes': [
                models.Index(fields=['source', '-id'], name='list_version_newest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('source__in', ['ofac', 'un', 'mof'])), name='list_version_source'),
                models.UniqueConstraint(fields=('source', 'digest'), name='list_version_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7eff95aceed82df22a03200f9e29578efcddd82b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_04d4e', table='investors_listversion', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='a5373c68cda2582045544e361e788fa606a335e0', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_f9122', table='investors_listversion', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Entry',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('source', models.CharField(choices=[('ofac', 'OFAC Specially Designated Nationals'), ('un', 'United Nations Security Council consolidated list'), ('mof', 'Ministry of Finance of Japan, asset freeze list')], max_length=4)),
            ('number', models.CharField(max_length=60)),
            ('kind', models.CharField(choices=[('individual', 'individual'), ('entity', 'entity')], max_length=12)),
            ('names', django.contrib.postgres.fields.ArrayField(base_field=models.TextField())),
            ('weak', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list)),
            ('births', models.JSONField(default=list)),
            ('countries', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list)),
            ('remarks', models.TextField(blank=True)),
            ('digest', models.BinaryField(max_length=32)),
            ('since', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='begun', to='investors.listversion')),
            ('until', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='ended', to='investors.listversion')),
        ],
        options={
            'verbose_name_plural': 'entries',
            'constraints': [
                models.CheckConstraint(condition=models.Q(('source__in', ['ofac', 'un', 'mof'])), name='entry_source'),
                models.CheckConstraint(condition=models.Q(('kind__in', ['individual', 'entity'])), name='entry_kind'),
                models.UniqueConstraint(condition=models.Q(('until', None)), fields=('source', 'number'), name='entry_in_force_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='entry_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."source" IS DISTINCT FROM (NEW."source") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."names" IS DISTINCT FROM (NEW."names") OR OLD."weak" IS DISTINCT FROM (NEW."weak") OR OLD."births" IS DISTINCT FROM (NEW."births") OR OLD."countries" IS DISTINCT FROM (NEW."countries") OR OLD."remarks" IS DISTINCT FROM (NEW."remarks") OR OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."since_id" IS DISTINCT FROM (NEW."since_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8507e25f6cffcd3b75dd514f5f5153070ab4adcc', operation='UPDATE', pgid='pgtrigger_entry_stays_625e2', table='investors_entry', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='entry_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='f622310a61ca9382d91a0f8db9ea2f864d5d5bf7', operation='DELETE', pgid='pgtrigger_entry_is_kept_a9197', table='investors_entry', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Hit',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('state', models.CharField(choices=[('open', 'open: to be reviewed'), ('cleared', 'cleared: another person'), ('confirmed', 'confirmed: the listed person'), ('lapsed', 'lapsed: no longer listed so')], default='open', max_length=10)),
            ('score', models.PositiveSmallIntegerField()),
            ('seen', models.BinaryField(max_length=32)),
            ('evidence', investors.vault.SealedField()),
            ('opened_at', models.DateTimeField()),
            ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hits', to='investors.entry')),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hits', to='investors.investor')),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('state', 'open')), fields=['opened_at'], name='hit_waiting'),
                models.Index(condition=models.Q(('state__in', ['open', 'confirmed'])), fields=['investor'], name='hit_standing'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['open', 'cleared', 'confirmed', 'lapsed'])), name='hit_state'),
                models.CheckConstraint(condition=models.Q(('score__lte', 100)), name='hit_score'),
                models.UniqueConstraint(fields=('investor', 'entry', 'seen'), name='hit_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='hit_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."investor_id" IS DISTINCT FROM (NEW."investor_id") OR OLD."entry_id" IS DISTINCT FROM (NEW."entry_id") OR OLD."score" IS DISTINCT FROM (NEW."score") OR OLD."seen" IS DISTINCT FROM (NEW."seen") OR OLD."opened_at" IS DISTINCT FROM (NEW."opened_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='584fca472fd5427c4fe851eadba65224549e0e08', operation='UPDATE', pgid='pgtrigger_hit_stays_22c1c', table='investors_hit', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='hit_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='a13ba1e905a35bac01807eea48e4bcc4d3535764', operation='DELETE', pgid='pgtrigger_hit_is_kept_b6fdc', table='investors_hit', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='HitDecision',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('outcome', models.CharField(choices=[('cleared', 'cleared: another person'), ('confirmed', 'confirmed: the listed person')], max_length=10)),
            ('reason', investors.vault.SealedField()),
            ('decided_at', models.DateTimeField()),
            ('hit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='investors.hit')),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('outcome__in', ['cleared', 'confirmed'])), name='hit_decision_outcome'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='hit_decision_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."hit_id" IS DISTINCT FROM (NEW."hit_id") OR OLD."outcome" IS DISTINCT FROM (NEW."outcome") OR OLD."officer_id" IS DISTINCT FROM (NEW."officer_id") OR OLD."decided_at" IS DISTINCT FROM (NEW."decided_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='9e1118659293b9ba6054cdd707644b1269d9d14f', operation='UPDATE', pgid='pgtrigger_hit_decision_stays_f2f20', table='investors_hitdecision', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='hit_decision_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='2755f17a67a8319b6ada5d765ee480ef23c66399', operation='DELETE', pgid='pgtrigger_hit_decision_is_kept_dfdfb', table='investors_hitdecision', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='ListFile',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('digest', models.BinaryField(max_length=32, unique=True)),
            ('part', models.CharField(max_length=8)),
            ('content', models.BinaryField()),
            ('received_at', models.DateTimeField()),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='7c4115636c455435605d76ffc4483dabf2b490e7', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_8f2c4', table='investors_listfile', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='20f0b33d95b187153c69e38d4510f7b564849707', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_1430e', table='investors_listfile', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Rescreening',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('total', models.PositiveBigIntegerField()),
            ('screened', models.PositiveBigIntegerField(default=0)),
            ('opened', models.PositiveIntegerField(default=0)),
            ('last_investor', models.BigIntegerField(default=0)),
            ('begun_at', models.DateTimeField()),
            ('ended_at', models.DateTimeField(null=True)),
            ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rescreenings', to='investors.listversion')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('version',), name='rescreening_one_at_a_time'),
            ],
        },
    ),
    migrations.CreateModel(
        name='StatusChange',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('old', models.CharField(choices=[('draft', 'draft'), ('submitted', 'submitted'), ('in_review', 'in review'), ('more_information', 'more information needed'), ('approved', 'approved'), ('refused', 'refused'), ('appealed', 'appealed')], max_length=16)),
            ('new', models.CharField(choices=[('draft', 'draft'), ('submitted', 'submitted'), ('in_review', 'in review'), ('more_information', 'more information needed'), ('approved', 'approved'), ('refused', 'refused'), ('appealed', 'appealed')], max_length=16)),
            ('actor', models.CharField(max_length=80)),
            ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=24), default=list)),
            ('at', models.DateTimeField()),
            ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='history', to='investors.application')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='24261ff774618f962d9b9d3d25b14351662d2043', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_1b474', table='investors_statuschange', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='2cf6071ba0334c8c336ff68b79c10571d7e93fd4', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_41fee', table='investors_statuschange', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TaxForm',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('form', models.CharField(choices=[('w9', 'Form W-9'), ('w8ben', 'Form W-8BEN'), ('crs', 'CRS and FATCA self-certification')], max_length=8)),
            ('signed_at', models.DateTimeField()),
            ('lapses_on', models.DateField(null=True)),
            ('backup_withholding', models.BooleanField()),
            ('treaty_claim', models.BooleanField()),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tax_forms', to='investors.investor')),
            ('residence', models.CharField(blank=True, max_length=2)),
        ],
        options={
            'indexes': [
                models.Index(fields=['investor', 'form', 'signed_at'], name='tax_form_latest'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('form__in', ['w9', 'w8ben', 'crs'])), name='tax_form_kind'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='afe898e601086e307884e51bb5153edcf55cbee6', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_e7815', table='investors_taxform', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='1300c830867e9eaf374522c917b8da859b8c99a6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_4a24f', table='investors_taxform', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Agreement',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('kind', models.CharField(choices=[('pre_contract', 'Pre-contract document'), ('prospectus', 'Prospectus'), ('terms', 'Terms'), ('privacy', 'Privacy notice')], max_length=16)),
            ('version', models.PositiveSmallIntegerField()),
            ('language', models.CharField(choices=[('en', 'English'), ('ja', '日本語')], max_length=2)),
            ('title', models.CharField(max_length=120)),
            ('text', models.TextField()),
            ('sha256', models.CharField(editable=False, max_length=64)),
            ('in_force_from', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('kind__in', ['pre_contract', 'prospectus', 'terms', 'privacy'])), name='agreement_kind'),
                models.CheckConstraint(condition=models.Q(('language__in', ['en', 'ja'])), name='agreement_language'),
                models.UniqueConstraint(fields=('kind', 'version', 'language'), name='agreement_one_text'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='b1b949344bdd9f76d09b99c1b1461a39babe4fea', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_11d2f', table='investors_agreement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='3138c858e5a2cc4774d3870413b7f9677c9df413', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_70c35', table='investors_agreement', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='digest_of_text', sql=pgtrigger.compiler.UpsertTriggerSql(func="NEW.sha256 := encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex'); RETURN NEW;", hash='e3e5b907ace769515f57bbcb9ec75892f73328b3', operation='INSERT', pgid='pgtrigger_digest_of_text_b2b9d', table='investors_agreement', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Acceptance',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('sha256', models.CharField(max_length=64)),
            ('accepted_at', models.DateTimeField()),
            ('agreement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='investors.agreement')),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acceptances', to='investors.investor')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('investor', 'agreement'), name='acceptance_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='60d9ceafdc56bf6fc39d008fa6d93afd30900ba9', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_93972', table='investors_acceptance', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='c7c7f656d25c7ad2dd52b1a2b3e1466caf0bb49d', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_6ca58', table='investors_acceptance', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='MyNumber',
        fields=[
            ('investor', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='my_number', serialize=False, to='investors.investor')),
            ('number', investors.vault.SealedField(opened_for=('tax_report', 'correction'))),
            ('index', models.BinaryField(db_index=True, max_length=32)),
            ('registered', models.BooleanField(default=False)),
            ('kept_at', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(condition=models.Q(('registered', True)), fields=('index',), name='my_number_of_one_holder'),
            ],
        },
    ),
    migrations.CreateModel(
        name='TaxpayerNumber',
        fields=[
            ('investor', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='taxpayer_number', serialize=False, to='investors.investor')),
            ('kind', models.CharField(choices=[('ssn', 'Social Security number'), ('itin', 'individual taxpayer identification number')], max_length=4)),
            ('number', investors.vault.SealedField(opened_for=('tax_report', 'correction'))),
            ('index', models.BinaryField(db_index=True, max_length=32)),
            ('registered', models.BooleanField(default=False)),
            ('kept_at', models.DateTimeField()),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('kind__in', ['ssn', 'itin'])), name='taxpayer_number_kind'),
                models.UniqueConstraint(condition=models.Q(('registered', True)), fields=('index',), name='taxpayer_number_of_one_holder'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Document',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('kind', models.CharField(choices=[('passport_page', 'Photo page of the passport'), ('card_front', 'Front of the passport card'), ('card_back', 'Back of the passport card'), ('family_register', 'Certificate of the family register (koseki)'), ('my_number_card', 'Front of the My Number Card'), ('residence_proof', 'Proof of residence')], max_length=20)),
            ('version', models.PositiveIntegerField()),
            ('digest', models.BinaryField(db_index=True, max_length=32)),
            ('pages', models.PositiveSmallIntegerField()),
            ('size', models.PositiveIntegerField()),
            ('added_at', models.DateTimeField()),
            ('replaced_at', models.DateTimeField(null=True)),
            ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='investors.application')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('kind__in', ['passport_page', 'card_front', 'card_back', 'family_register', 'my_number_card', 'residence_proof'])), name='document_kind'),
                models.CheckConstraint(condition=models.Q(('pages__gte', 1), ('pages__lte', 8)), name='document_pages'),
                models.CheckConstraint(condition=models.Q(('replaced_at', None), ('replaced_at__gte', models.F('added_at')), _connector='OR'), name='document_replaced_later'),
                models.UniqueConstraint(fields=('application', 'kind', 'version'), name='document_version'),
                models.UniqueConstraint(condition=models.Q(('replaced_at', None)), fields=('application', 'kind'), name='document_one_current'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='document_as_given', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."application_id" IS DISTINCT FROM (NEW."application_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."version" IS DISTINCT FROM (NEW."version") OR OLD."digest" IS DISTINCT FROM (NEW."digest") OR OLD."pages" IS DISTINCT FROM (NEW."pages") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."added_at" IS DISTINCT FROM (NEW."added_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='6455d1544e75fd906b3f95b0ae8d6aac9ab60b70', operation='UPDATE', pgid='pgtrigger_document_as_given_853a7', table='investors_document', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='document_of_a_draft', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE stands text;', func="\n                SELECT status INTO stands FROM investors_application WHERE id = NEW.application_id;\n                IF stands NOT IN ('draft', 'more_information') THEN\n                    RAISE EXCEPTION 'documents of an application that is % do not change', stands\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='78f334805c1306c5adef1649937c411a305aab14', operation='INSERT OR UPDATE', pgid='pgtrigger_document_of_a_draft_c22e7', table='investors_document', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='document_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF NOT EXISTS (\n        SELECT FROM investors_document d JOIN investors_application a ON a.id = d.application_id\n         WHERE d.id = OLD.id\n           AND (a.status = 'refused'\n                OR d.replaced_at IS NOT NULL AND a.status IN ('approved', 'refused'))\n    ) THEN\n        RAISE EXCEPTION 'what was replaced is deleted once the application is decided, the rest after a refusal'\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN OLD;\n", hash='ecffe021df1c563f65134ec81d53e7daa4b4f76f', operation='DELETE', pgid='pgtrigger_document_kept_8e076', table='investors_document', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='DocumentPage',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('number', models.PositiveSmallIntegerField()),
            ('picture', investors.vault.SealedField(opened_for=('draft', 'review'))),
            ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sheets', to='investors.document')),
        ],
        options={
            'constraints': [
                models.UniqueConstraint(fields=('document', 'number'), name='document_page_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='document_page_as_given', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."document_id" IS DISTINCT FROM (NEW."document_id") OR OLD."number" IS DISTINCT FROM (NEW."number"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='21c418412a4d8ff48d131f16c5c58fde9d5f93bf', operation='UPDATE', pgid='pgtrigger_document_page_as_given_c71fd', table='investors_documentpage', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='document_page_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF NOT EXISTS (\n        SELECT FROM investors_document d JOIN investors_application a ON a.id = d.application_id\n         WHERE d.id = OLD.document_id\n           AND (a.status = 'refused'\n                OR d.replaced_at IS NOT NULL AND a.status IN ('approved', 'refused'))\n    ) THEN\n        RAISE EXCEPTION 'what was replaced is deleted once the application is decided, the rest after a refusal'\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN OLD;\n", hash='d5e4790df3c8634c8a40c330892d7747a45d58a4', operation='DELETE', pgid='pgtrigger_document_page_kept_cc050', table='investors_documentpage', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='RecoveryCase',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('number', models.CharField(max_length=12, unique=True)),
            ('state', models.CharField(choices=[('open', 'waiting for the video call'), ('reproved', 'identity shown, waiting for a second officer'), ('approved', 'approved, not used yet'), ('used', 'used'), ('refused', 'refused'), ('stopped', 'stopped by the citizen'), ('lapsed', 'lapsed')], default='open', max_length=10)),
            ('statement', investors.vault.SealedField()),
            ('opened_at', models.DateTimeField()),
            ('lapses_at', models.DateTimeField()),
            ('reproof', investors.vault.SealedField(null=True)),
            ('reproved_person', models.CharField(blank=True, max_length=40)),
            ('reproved_at', models.DateTimeField(null=True)),
            ('reason', investors.vault.SealedField(null=True)),
            ('decided_person', models.CharField(blank=True, max_length=40)),
            ('decided_at', models.DateTimeField(null=True)),
            ('ended_at', models.DateTimeField(null=True)),
            ('hold_until', models.DateTimeField(null=True)),
            ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recovery_cases', to='investors.investor')),
            ('reproved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('state__in', ['open', 'reproved'])), fields=['opened_at'], name='recovery_waiting'),
                models.Index(fields=['investor', 'hold_until'], name='recovery_hold'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['open', 'reproved', 'approved', 'used', 'refused', 'stopped', 'lapsed'])), name='recovery_state'),
                models.UniqueConstraint(condition=models.Q(('state__in', ('open', 'reproved', 'approved'))), fields=('investor',), name='recovery_one_living_a_person'),
                models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['reproved', 'approved', 'used']), _negated=True), models.Q(('reproof__isnull', False), ('reproved_at__isnull', False), ('reproved_by__isnull', False), models.Q(('reproved_person', ''), _negated=True)), _connector='OR'), name='recovery_reproved_by_somebody'),
                models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['approved', 'used']), _negated=True), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('reason__isnull', False), models.Q(('decided_person', ''), _negated=True), models.Q(('decided_person', models.F('reproved_person')), _negated=True)), _connector='OR'), name='recovery_decided_by_another_person'),
                models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('hold_until__isnull', False), ('state', 'used')), models.Q(models.Q(('state', 'used'), _negated=True), ('hold_until', None)), _connector='OR'), name='recovery_used_holds'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='recovery_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('open', 'reproved'), ('open', 'refused'), ('open', 'stopped'), ('open', 'lapsed'), ('reproved', 'approved'), ('reproved', 'refused'), ('reproved', 'stopped'), ('reproved', 'lapsed'), ('approved', 'used'), ('approved', 'stopped'), ('approved', 'lapsed')) THEN\n                    RAISE EXCEPTION 'a recovery case does not move from % to %', OLD.state, NEW.state\n                        USING ERRCODE = 'check_violation';\n                END IF;\n                IF EXISTS (SELECT FROM investors_investor i\n                             JOIN fund_officer own ON own.user_id = i.user_id\n                             JOIN fund_officer acting ON acting.person = own.person\n                            WHERE i.id = NEW.investor_id AND acting.id IN (NEW.reproved_by_id, NEW.decided_by_id)) THEN\n                    RAISE EXCEPTION 'nobody decides on an account of his own' USING ERRCODE = 'check_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='bcce63b4552b0ef58f7d21f7c98403812f747d80', operation='UPDATE', pgid='pgtrigger_recovery_moves_4e744', table='investors_recoverycase', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='recovery_case_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."investor_id" IS DISTINCT FROM (NEW."investor_id") OR OLD."opened_at" IS DISTINCT FROM (NEW."opened_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='03c41cdce31c0cc8a4f3e4be3722112991f20ab0', operation='UPDATE', pgid='pgtrigger_recovery_case_stays_40853', table='investors_recoverycase', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='recovery_case_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='965ac1c7431837cea829a57e2fbc2a01eb8fa5e9', operation='DELETE', pgid='pgtrigger_recovery_case_is_kept_13975', table='investors_recoverycase', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Appeal',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('words', investors.vault.SealedField()),
            ('filed_at', models.DateTimeField()),
            ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='appeal', to='investors.decision')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='d093be98abf4932e6dce3a319f9cf9ae46d759a2', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_661c0', table='investors_appeal', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='38fcb3a4a2c23b2f789061ccdcaa0f94ea3d6616', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_c5fa3', table='investors_appeal', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='AppealDecision',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('outcome', models.CharField(choices=[('upheld', 'the refusal stands'), ('reopened', 'the application is reviewed again')], max_length=12)),
            ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('citizenship', 'Citizenship of the United States or Japan was not shown.'), ('adult', 'Not yet an adult by the law of the place of residence.'), ('residence', 'The country of residence is not accepted.'), ('identity_document', 'The identity document is not valid or not readable.'), ('number_valid', 'A tax number is missing or not valid.'), ('no_duplicate', 'This person is already registered.'), ('sanctions_clear', 'The comparison with the sanctions lists has not been settled.'), ('tax_forms', 'The tax self-certification is not complete.'), ('suitability', 'The fund does not suit what you told us about your aims and means.'), ('comprehension', 'The questions on the risks are not all answered rightly.'), ('agreements', 'An agreement has not been accepted.'), ('contradiction', 'Answers contradict each other or the document.')], max_length=24), default=list)),
            ('answer', investors.vault.SealedField()),
            ('decided_at', models.DateTimeField()),
            ('appeal', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='outcome', to='investors.appeal')),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('outcome__in', ['upheld', 'reopened'])), name='appeal_outcome'),
                models.CheckConstraint(condition=models.Q(('outcome', 'reopened'), ('reasons__len__gt', 0), _connector='OR'), name='appeal_says_why'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='90fc0ca0dee577029dd0a6b5de9e6844a576ae8f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_266fc', table='investors_appealdecision', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='dc19a4bda7c971f300d1edf72ffe807cc592adcc', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_e200d', table='investors_appealdecision', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='appeal_before_another', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF EXISTS (\n                    SELECT FROM investors_appeal a JOIN investors_decision d ON d.id = a.decision_id\n                     WHERE a.id = NEW.appeal_id AND \n    (SELECT person FROM fund_officer WHERE id = d.officer_id)\n        = (SELECT person FROM fund_officer WHERE id = NEW.officer_id)\n\n                ) THEN\n                    RAISE EXCEPTION 'an appeal is decided by another officer' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='1ae88e6aa3830829cfe7cbc576ac4c5798a943f5', operation='INSERT', pgid='pgtrigger_appeal_before_another_7d344', table='investors_appealdecision', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='DuplicateCase',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('opened_at', models.DateTimeField()),
            ('closed_at', models.DateTimeField(null=True)),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('closed_at', None)), fields=['opened_at'], name='duplicate_case_open'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Pair',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('evidence', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ssn', 'Social Security number'), ('itin', 'individual taxpayer identification number'), ('my_number', 'My Number'), ('document', 'number of the identity document'), ('latin', 'birth date and name in Latin letters'), ('kanji', 'birth date and name in Japanese writing'), ('kana', 'birth date and name in kana')], max_length=12))),
            ('state', models.CharField(choices=[('open', 'open'), ('same', 'one person'), ('different', 'different people'), ('lapsed', 'no longer alike')], default='open', max_length=10)),
            ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pairs', to='investors.duplicatecase')),
            ('first', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='investors.investor')),
            ('second', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='investors.investor')),
        ],
        options={
            'indexes': [
                models.Index(condition=models.Q(('state', 'open')), fields=['first'], name='pair_open_first'),
                models.Index(condition=models.Q(('state', 'open')), fields=['second'], name='pair_open_second'),
            ],
            'constraints': [
                models.UniqueConstraint(fields=('first', 'second'), name='pair_once'),
                models.CheckConstraint(condition=models.Q(('first__lt', models.F('second'))), name='pair_in_order'),
                models.CheckConstraint(condition=models.Q(('state__in', ['open', 'same', 'different', 'lapsed'])), name='pair_state'),
            ],
        },
    ),
    migrations.CreateModel(
        name='Finding',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('outcome', models.CharField(choices=[('open', 'open'), ('same', 'one person'), ('different', 'different people'), ('lapsed', 'no longer alike')], max_length=10)),
            ('reason', investors.vault.SealedField()),
            ('decided_at', models.DateTimeField()),
            ('kept', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='investors.investor')),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
            ('pair', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='investors.pair')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('outcome__in', ['same', 'different'])), name='finding_outcome'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='ae74cc648010ac0d222fa20f708903df4ce6d456', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_fba88', table='investors_finding', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='84b6372d9a3107bfb046bf6876d4ffb35ce41c72', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_768df', table='investors_finding', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Deletion',
        fields=[
            ('id', models.BigAutoField(primary_key=True, serialize=False)),
            ('what', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('my_number', 'My Number'), ('taxpayer_number', 'Social Security number or ITIN'), ('answers', 'answers of the application'), ('documents', 'documents of the application')], max_length=16))),
            ('why', models.CharField(choices=[('refused', 'the application was refused'), ('abandoned', 'the application was not gone on with'), ('former_holder', 'nothing has been held for the statutory period')], max_length=16)),
            ('due_at', models.DateTimeField()),
            ('deleted_at', models.DateTimeField()),
            ('investor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deletions', to='investors.investor')),
        ],
        options={
            'indexes': [
                models.Index(fields=['investor', 'id'], name='deletion_of_whom'),
            ],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('why__in', ['refused', 'abandoned', 'former_holder'])), name='deletion_why'),
                models.CheckConstraint(condition=models.Q(('what__len__gt', 0)), name='deletion_of_something'),
                models.CheckConstraint(condition=models.Q(('deleted_at__gte', models.F('due_at'))), name='deletion_not_before_it_was_due'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='append_only_rows', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='026547f6e869f2692f38130a9af9a4e5a64bb578', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_rows_c91e8', table='investors_deletion', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='append_only_table', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';", hash='c666b09bea824088e0c6e2363fd45888eda27a3f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_append_only_table_f45cd', table='investors_deletion', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='Assignment',
        fields=[
            ('application', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='assignment', serialize=False, to='investors.application')),
            ('taken_at', models.DateTimeField()),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
    ),
    migrations.CreateModel(
        name='CaseNote',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('words', investors.vault.SealedField()),
            ('written_at', models.DateTimeField()),
            ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notes', to='investors.application')),
            ('officer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.officer')),
        ],
        options={
            'triggers': [
                pgtrigger.compiler.Trigger(name='case_note_facts', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f973397e1d0f5d32cac543661e1ab948672de054', operation='UPDATE', pgid='pgtrigger_case_note_facts_73a58', table='investors_casenote', when='BEFORE')),
            ],
        },
    ),
    migrations.CreateModel(
        name='TaxFilePart',
        fields=[
            ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ('form', models.CharField(choices=[('1099-div', 'Form 1099-DIV'), ('1042-s', 'Form 1042-S'), ('annual-report', 'Annual transaction report'), ('pfic', 'PFIC annual information statement')], max_length=16)),
            ('number', models.PositiveIntegerField()),
            ('up_to', models.BigIntegerField()),
            ('rows', models.PositiveIntegerField()),
            ('sealed', investors.vault.SealedField(opened_for=('tax_report',))),
            ('made_at', models.DateTimeField()),
            ('tax_year', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.taxyear')),
        ],
        options={
            'constraints': [
                models.CheckConstraint(condition=models.Q(('form__in', ['1099-div', '1042-s', 'annual-report'])), name='tax_file_part_form'),
                models.UniqueConstraint(fields=('tax_year', 'form', 'number'), name='tax_file_part_once'),
            ],
            'triggers': [
                pgtrigger.compiler.Trigger(name='tax_file_part_stands', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."tax_year_id" IS DISTINCT FROM (NEW."tax_year_id") OR OLD."form" IS DISTINCT FROM (NEW."form") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."up_to" IS DISTINCT FROM (NEW."up_to") OR OLD."rows" IS DISTINCT FROM (NEW."rows") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='ac93cf8d2f115a99f6a793cbbfbbf6a0935ed50e', operation='UPDATE', pgid='pgtrigger_tax_file_part_stands_7e90d', table='investors_taxfilepart', when='BEFORE')),
                pgtrigger.compiler.Trigger(name='tax_file_part_stays', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c2924be6addabf711bb2709798c43bf69b92bd37', operation='DELETE', pgid='pgtrigger_tax_file_part_stays_6c4f6', table='investors_taxfilepart', when='BEFORE')),
            ],
        },
    ),
]


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("investors", "0001_initial"), ("investors", "0002_documents"), ("investors", "0003_recovery"),
        ("investors", "0004_lifecycle"), ("investors", "0005_vault"), ("investors", "0006_documents_of_the_refused"),
        ("investors", "0007_casework"), ("investors", "0008_appealed"), ("investors", "0009_tax_residence"),
        ("investors", "0010_tax_papers"),
    ]
    dependencies = [("fund", "0001_squashed_0015_trace"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [CreateTables(TABLES)]
