from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

ROOMS = Path(__file__).resolve().parent.parent


class Migration(migrations.Migration):

    dependencies = [
        ('fund', '0011_distribution'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='payoutline',
            name='payout_line_moves',
        ),
        migrations.RemoveIndex(
            model_name='payoutline',
            name='payout_line_state',
        ),
        migrations.AlterField(
            model_name='payoutline',
            name='holder',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fund.holder'),
        ),
        migrations.AlterField(
            model_name='payoutline',
            name='resolution',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='fund.resolution'),
        ),
        migrations.AlterField(
            model_name='payoutline',
            name='run',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='fund.payoutrun'),
        ),
        migrations.AddIndex(
            model_name='payoutline',
            index=models.Index(fields=['run', 'state', 'id'], name='payout_line_state'),
        ),
        migrations.AddIndex(
            model_name='payoutline',
            index=models.Index(condition=models.Q(('resolution', None), _negated=True), fields=['resolution'], name='payout_line_return'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutline',
            trigger=pgtrigger.compiler.Trigger(name='payout_line_joins', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                PERFORM FROM fund_payoutrun WHERE id IN (SELECT run_id FROM added) ORDER BY id FOR SHARE;\n                IF EXISTS (SELECT FROM added a LEFT JOIN fund_payoutrun r ON r.id = a.run_id\n                            WHERE a.state <> 'new' OR r.state IS DISTINCT FROM 'gathering') THEN\n                    RAISE EXCEPTION 'lines join a payout run while it is gathered' USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NULL;\n                ", hash='bade7777ecb9474968baddeeedd7dfdab9241506', level='STATEMENT', operation='INSERT', pgid='pgtrigger_payout_line_joins_f1578', referencing='REFERENCING NEW TABLE AS added ', table='fund_payoutline', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='payoutline',
            trigger=pgtrigger.compiler.Trigger(name='payout_line_moves', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                IF TG_OP = 'DELETE' THEN\n                    RAISE EXCEPTION 'a payout line stays' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF (NEW.id, NEW.event_id, NEW.run_id, NEW.holder_id, NEW.resolution_id, NEW.amount)\n                      IS DISTINCT FROM (OLD.id, OLD.event_id, OLD.run_id, OLD.holder_id, OLD.resolution_id, OLD.amount)\n                   OR (OLD.state <> 'new' AND NEW.payee_digest IS DISTINCT FROM OLD.payee_digest)\n                   OR (NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (\n                        ('new', 'ready'), ('new', 'left_out'), ('ready', 'pending'), ('ready', 'left_out'),\n                        ('pending', 'paid'), ('pending', 'rejected'), ('paid', 'returned'))) THEN\n                    RAISE EXCEPTION 'payout line % does not move from % to %', OLD.id, OLD.state, NEW.state\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n                ", hash='b97fe9b74ff914956bd01bc8222c4fec8505ebb5', operation='UPDATE OR DELETE', pgid='pgtrigger_payout_line_moves_744aa', table='fund_payoutline', when='BEFORE')),
        ),
        migrations.RunSQL((ROOMS / 'ledger/sql/entitlements.sql').read_text(), migrations.RunSQL.noop),
    ]
