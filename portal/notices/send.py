"""Who hears of a note: one statement a topic writes everybody's inbox, however many they are. The e-mails follow.

A note is told to a person once: the second time the row is there already.
"""

import json
from datetime import datetime

from django.db import connection

from fund.governance.outbox import Note
from portal.notices.models import Message

# Each yields (user id, facts) for the payload of a note of its topic.
OWN_APPLICATION = """
    SELECT i.user_id, jsonb_build_object('outcome', a.status, 'occasion', a.occasion)
      FROM investors_application a JOIN investors_investor i ON i.id = a.investor_id
     WHERE a.id = (%(payload)s::jsonb ->> 'application')::bigint
"""
OWN_APPEAL = """
    SELECT i.user_id, jsonb_build_object('appeal', %(payload)s::jsonb ->> 'outcome')
      FROM investors_application a JOIN investors_investor i ON i.id = a.investor_id
     WHERE a.id = (%(payload)s::jsonb ->> 'application')::bigint
"""
TO_VERIFY = """
    SELECT i.user_id, jsonb_build_object('until', i.verified_until)
      FROM investors_application a JOIN investors_investor i ON i.id = a.investor_id
     WHERE a.occasion = 'reverification' AND a.opened_at = (%(payload)s::jsonb ->> 'opened_at')::timestamptz
"""
LAPSED = """
    SELECT i.user_id, '{}'::jsonb
      FROM investors_application a JOIN investors_investor i ON i.id = a.investor_id
     WHERE a.lapse_told_at = (%(payload)s::jsonb ->> 'told_at')::timestamptz
"""
OWN_ORDER = """
    SELECT i.user_id, jsonb_build_object('order', s.reference, 'numeric', s.numeric_reference, 'pay_by', o.pay_by,
                                         'offering', s.offering_id, 'amount', s.amount, 'currency', s.currency,
                                         'plan', starts_with(s.key, 'plan:'))
      FROM fund_subscription s
      JOIN fund_offering o ON o.code = s.offering_id
      JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE s.reference = %(payload)s::jsonb ->> 'order'
"""
TURN_OF_PLAN = """
    SELECT i.user_id, jsonb_build_object('plan', p.id, 'month', t.month, 'reason', t.reason, 'amount', p.amount,
                                         'currency', c.currency)
      FROM investors_planturn t
      JOIN investors_plan p ON p.id = t.plan_id
      JOIN fund_unitclass c ON c.code = p.unit_class_id
      JOIN investors_investor i ON i.id = p.investor_id
     WHERE t.id = (%(payload)s::jsonb ->> 'turn')::bigint
"""
PAID_ORDERS = """
    SELECT i.user_id, jsonb_build_object('orders', jsonb_agg(DISTINCT s.reference))
      FROM fund_bankentry e
      JOIN fund_expected x ON x.reference = e.expected_id
      JOIN fund_subscription s ON s.id = x.order_id AND s.funded_at IS NOT NULL
      JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE e.file_id = (%(payload)s::jsonb ->> 'file')::bigint AND e.held > 0
     GROUP BY i.user_id
"""
# Those of one chunk: a run ends many, all at one instant.
LAPSED_ORDERS = """
    SELECT i.user_id, jsonb_build_object('orders', jsonb_agg(s.reference ORDER BY s.reference))
      FROM fund_subscription s JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE s.ended_at = (%(payload)s::jsonb ->> 'ended_at')::timestamptz AND s.status IN ('lapsed', 'unallotted')
       AND s.id BETWEEN (%(payload)s::jsonb ->> 'first')::uuid AND (%(payload)s::jsonb ->> 'last')::uuid
     GROUP BY i.user_id
"""
EVERYBODY_IN_OFFERING = """
    SELECT DISTINCT i.user_id, jsonb_build_object('offering', s.offering_id)
      FROM fund_subscription s JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE s.offering_id = %(payload)s::jsonb ->> 'offering' AND s.status NOT IN ('withdrawn', 'lapsed')
"""
EXTENDED = """
    SELECT DISTINCT i.user_id, jsonb_build_object('offering', e.offering_id, 'closed_at', e.closed_at,
                                                  'closes_at', e.closes_at, 'pay_by', e.pay_by,
                                                  'cause_en', o.cause_en, 'cause_ja', o.cause_ja)
      FROM fund_extension e
      JOIN fund_outage o ON o.id = e.outage_id
      JOIN fund_subscription s ON s.offering_id = e.offering_id AND s.status NOT IN ('withdrawn', 'lapsed')
      JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE e.offering_id = %(payload)s::jsonb ->> 'offering'
       AND e.outage_id = (%(payload)s::jsonb ->> 'outage')::bigint
"""
EVERYBODY_WHO_ORDERED = """
    SELECT DISTINCT i.user_id, jsonb_build_object('offering', s.offering_id)
      FROM fund_subscription s JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE s.offering_id = %(payload)s::jsonb ->> 'offering' AND s.status <> 'withdrawn'
"""
PAID_OUT = """
    SELECT i.user_id, jsonb_build_object('payout', l.state, 'amount', l.amount, 'currency', r.currency)
      FROM fund_payoutline l
      JOIN fund_payoutrun r ON r.id = l.run_id
      JOIN investors_investor i ON i.holder_id = l.holder_id
     WHERE l.run_id = (%(payload)s::jsonb ->> 'run')::bigint
       AND l.ended_at = (%(payload)s::jsonb ->> 'ended_at')::timestamptz
       AND l.state IN ('paid', 'rejected', 'returned')
"""
COMPENSATED = """
    SELECT i.user_id, jsonb_build_object(
               'offering', c.offering_id, 'unit_class', o.unit_class_id, 'day', n.valuation_day,
               'error', c.error_percent::text, 'before', c.price_before::text, 'after', c.price_after::text,
               'orders', jsonb_agg(x.reference ORDER BY x.reference), 'units', coalesce(sum(t.amount), 0)::bigint)
      FROM fund_compensation c
      JOIN fund_nav n ON n.id = c.nav_id
      JOIN fund_offering o ON o.code = c.offering_id
      JOIN fund_settlementbatch b ON b.subject = c.offering_id
      JOIN fund_settlement s ON s.batch_id = b.id AND s.cost + s.rounding > 0
      JOIN fund_subscription x ON x.id = s.order_id
      JOIN investors_investor i ON i.holder_id = s.holder_id
      LEFT JOIN fund_transfer t ON t.event_id = s.order_id AND t.event = 15 AND t.line = n.version
     WHERE c.id = (%(payload)s::jsonb ->> 'compensation')::bigint
     GROUP BY i.user_id, c.id, n.id, o.code
"""
DISTRIBUTION_DECLARED = """
    SELECT i.user_id, jsonb_build_object('distributions', jsonb_agg(jsonb_build_object(
               'unit_class', d.unit_class_id, 'per_lot', d.per_lot::text, 'record_day', d.record_day,
               'pay_day', d.pay_day) ORDER BY d.unit_class_id))
      FROM fund_distribution d
      JOIN fund_account a ON a.code = 'units:' || d.unit_class_id
      JOIN fund_balance b ON b.account_id = a.id AND b.amount > 0
      JOIN investors_investor i ON i.holder_id = b.holder_id
     WHERE %(payload)s::jsonb -> 'distributions' @> to_jsonb(d.id)
     GROUP BY i.user_id
"""
# Of one that corrects another, also whose entry was only taken back, and those alone for whom something has changed.
DISTRIBUTION_PAID = """
    SELECT i.user_id, jsonb_build_object(
               'unit_class', d.unit_class_id, 'currency', c.currency, 'record_day', d.record_day,
               'gross', coalesce(n.gross, 0), 'returned', coalesce(n.returned, 0),
               'withheld', coalesce(n.us + n.national + n.local, 0),
               'amount', coalesce(n.gross - n.us - n.national - n.local, 0), 'paid', coalesce(n.paid, 0),
               'units', coalesce(n.bought, 0), 'corrected', d.corrects_id IS NOT NULL)
      FROM fund_distribution d
      JOIN fund_unitclass c ON c.code = d.unit_class_id
      JOIN LATERAL (SELECT * FROM fund_entitlement WHERE distribution_id IN (d.id, d.corrects_id) AND NOT reversal) e
           ON e.distribution_id = d.id OR NOT EXISTS (SELECT FROM fund_entitlement x WHERE NOT x.reversal
              AND (x.holder_id, x.distribution_id) = (e.holder_id, d.id))
      LEFT JOIN fund_entitlement n ON NOT n.reversal AND (n.holder_id, n.distribution_id) = (e.holder_id, d.id)
      LEFT JOIN fund_entitlement o ON NOT o.reversal AND (o.holder_id, o.distribution_id) = (e.holder_id, d.corrects_id)
      JOIN investors_investor i ON i.holder_id = e.holder_id
     WHERE d.id = (%(payload)s::jsonb ->> 'distribution')::bigint
       AND (o.gross, o.us, o.national, o.local) IS DISTINCT FROM (n.gross, n.us, n.national, n.local)
"""
OWN_REDEMPTION = """
    SELECT i.user_id, jsonb_build_object('redemption', r.id, 'window', w.code, 'unit_class', r.unit_class_id,
                                         'units', r.units - r.filled, 'closes_at', w.closes_at,
                                         'dealing_day', w.dealing_day)
      FROM fund_redemption r
      JOIN fund_redemptionwindow w ON w.code = r.window_id
      JOIN investors_investor i ON i.holder_id = r.holder_id
     WHERE r.id = (%(payload)s::jsonb ->> 'redemption')::uuid
"""
STANDING_IN_WINDOW = """
    SELECT i.user_id, jsonb_build_object('window', w.code)
      FROM fund_redemptionwindow w
      JOIN fund_redemption r ON r.unit_class_id = w.unit_class_id AND r.status = 'placed'
                            AND r.received_at < w.closes_at
      JOIN investors_investor i ON i.holder_id = r.holder_id
     WHERE w.code = %(payload)s::jsonb ->> 'window'
"""
SHARED_OUT = """
    SELECT i.user_id, jsonb_build_object('redemption', l.request_id, 'window', l.window_id, 'asked', l.asked,
                                         'units', l.filled, 'unit_class', w.unit_class_id, 'price', d.price::text)
      FROM fund_redemptionline l
      JOIN fund_redemptionwindow w ON w.code = l.window_id
      JOIN fund_redemptiondecision d ON d.window_id = l.window_id
      JOIN investors_investor i ON i.holder_id = l.holder_id
     WHERE l.window_id = %(payload)s::jsonb ->> 'window'
"""
REDEEMED = """
    SELECT i.user_id, jsonb_build_object('redemption', l.request_id, 'window', l.window_id, 'units', l.filled,
                                         'unit_class', w.unit_class_id, 'currency', c.currency, 'gross', l.gross,
                                         'charge', l.charge, 'amount', l.gross - l.charge)
      FROM fund_redemptionline l
      JOIN fund_redemptionwindow w ON w.code = l.window_id
      JOIN fund_unitclass c ON c.code = w.unit_class_id
      JOIN investors_investor i ON i.holder_id = l.holder_id
     WHERE l.window_id = %(payload)s::jsonb ->> 'window' AND l.gross > 0
"""
REDEMPTION_COMPENSATED = """
    SELECT i.user_id, jsonb_build_object(
               'redemption', l.request_id, 'window', c.window_id, 'unit_class', w.unit_class_id,
               'currency', u.currency, 'day', n.valuation_day, 'error', c.error_percent::text,
               'before', c.price_before::text, 'after', c.price_after::text, 'amount', coalesce(t.amount, 0))
      FROM fund_redemptioncompensation c
      JOIN fund_nav n ON n.id = c.nav_id
      JOIN fund_redemptionwindow w ON w.code = c.window_id
      JOIN fund_unitclass u ON u.code = w.unit_class_id
      JOIN fund_redemptionline l ON l.window_id = c.window_id AND l.filled > 0
      JOIN investors_investor i ON i.holder_id = l.holder_id
      LEFT JOIN fund_transfer t ON t.event_id = l.id AND t.event = 15 AND t.line = n.version
     WHERE c.id = (%(payload)s::jsonb ->> 'compensation')::bigint
"""
# Both sides of a gift; of an estate each heir, of what concerns that heir.
TRANSFER = """
    SELECT i.user_id, jsonb_build_object('transfer', c.id, 'units', c.units, 'unit_class', c.unit_class_id,
                                         'given', i.holder_id = c.holder_id, 'estate', c.estate_id IS NOT NULL,
                                         'reason', c.reason, 'worth', c.worth, 'currency', u.currency)
      FROM fund_conveyance c
      JOIN fund_unitclass u ON u.code = c.unit_class_id
      JOIN investors_investor i ON i.holder_id = c.recipient_id OR i.holder_id = c.holder_id AND c.estate_id IS NULL
     WHERE c.id = (%(payload)s::jsonb ->> 'transfer')::uuid
"""
# The account itself: who opened the case by mistake, or was deceived, is to hear of it from its owner.
ESTATE = """
    SELECT i.user_id, '{}'::jsonb
      FROM fund_estate e JOIN investors_investor i ON i.holder_id = e.holder_id
     WHERE e.id = (%(payload)s::jsonb ->> 'estate')::uuid
"""
# Everybody of whom a released version says something, with the forms.
TAX_PAPERS = """
    SELECT i.user_id, jsonb_build_object('year', y.year, 'forms', jsonb_agg(s.form ORDER BY s.form),
                                         'corrected', bool_or(s.version > 1))
      FROM fund_taxyear y
      JOIN fund_taxstatement s ON s.tax_year_id = y.id
      JOIN investors_investor i ON i.holder_id = s.holder_id
     WHERE y.id = (%(payload)s::jsonb ->> 'tax_year')::bigint
     GROUP BY i.user_id, y.year
"""
VALUATION_OFFICERS = """
    SELECT o.user_id, jsonb_build_object('day', l.valuation_day,
               'late', jsonb_agg(jsonb_build_object('code', l.code, 'name', l.name) ORDER BY l.id))
      FROM fund_lateinput l
      JOIN fund_officer o ON 'valuation' = ANY(o.duties)
           AND l.noticed_at BETWEEN o.in_office_from AND coalesce(o.in_office_until, 'infinity')
     WHERE l.noticed_at = (%(payload)s::jsonb ->> 'noticed_at')::timestamptz
     GROUP BY o.user_id, l.valuation_day
"""
EVERY_OFFICER = """
    SELECT o.user_id, jsonb_build_object('act', e.act, 'name_en', h.name_en, 'name_ja', h.name_ja, 'nation', h.nation,
                                         'duties', e.duties, 'until', e.until)
      FROM fund_officeentry e
      JOIN fund_officer h ON h.user_id = e.user_id
      JOIN fund_officer o ON o.id = h.id
           OR (e.at >= o.in_office_from AND (o.in_office_until IS NULL OR e.at < o.in_office_until))
     WHERE e.id = (%(payload)s::jsonb ->> 'entry')::bigint
"""
THE_USER = """
    SELECT u.id, jsonb_strip_nulls(jsonb_build_object('change', coalesce(%(payload)s::jsonb ->> 'change', ''),
                                                      'number', %(payload)s::jsonb ->> 'number',
                                                      'until', %(payload)s::jsonb ->> 'until'))
      FROM portal_user u WHERE u.id = (%(payload)s::jsonb ->> 'user')::bigint
"""

AUDIENCES = {
    "application.submitted": OWN_APPLICATION,
    "application.decided": OWN_APPLICATION,
    "application.appealed": OWN_APPLICATION,
    "appeal.decided": OWN_APPEAL,
    "reverification.opened": TO_VERIFY,
    "reverification.lapsed": LAPSED,
    "plan.waiting": TURN_OF_PLAN,
    "plan.skipped": TURN_OF_PLAN,
    "subscription.placed": OWN_ORDER,
    "subscription.withdrawn": OWN_ORDER,
    "subscription.funded": PAID_ORDERS,
    "subscription.lapsed": LAPSED_ORDERS,
    "allotment.published": EVERYBODY_IN_OFFERING,
    "offering.settled": EVERYBODY_IN_OFFERING,
    "offering.extended": EXTENDED,
    "offering.cancelled": EVERYBODY_WHO_ORDERED,
    "payouts.answered": PAID_OUT,
    "orders.compensated": COMPENSATED,
    "distribution.declared": DISTRIBUTION_DECLARED,
    "distribution.paid": DISTRIBUTION_PAID,
    "redemption.placed": OWN_REDEMPTION,
    "redemption.withdrawn": OWN_REDEMPTION,
    "redemption.cancelled": STANDING_IN_WINDOW,
    "redemption.decided": SHARED_OUT,
    "redemption.settled": REDEEMED,
    "redemption.compensated": REDEMPTION_COMPENSATED,
    "transfer.offered": TRANSFER,
    "transfer.accepted": TRANSFER,
    "transfer.declined": TRANSFER,
    "transfer.withdrawn": TRANSFER,
    "transfer.refused": TRANSFER,
    "transfer.moved": TRANSFER,
    "estate.opened": ESTATE,
    "estate.refused": ESTATE,
    "tax.released": TAX_PAPERS,
    "nav.late": VALUATION_OFFICERS,
    "security.changed": THE_USER,
    "office.changed": EVERY_OFFICER,
}


def send(*, note: Note, now: datetime) -> int:
    """Write the inbox of everybody whom a note concerns, each once, with an e-mail to follow; returns how many are new.

    Raises KeyError for a topic that concerns nobody in particular.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Message._meta.db_table} (user_id, note_id, topic, facts, created_at, mail_due_at)
            SELECT audience.user_id, %(note)s, %(topic)s, audience.facts, %(now)s, %(now)s
              FROM ({AUDIENCES[note.topic]}) AS audience(user_id, facts)
            ON CONFLICT (note_id, user_id) DO NOTHING
            """,
            {"note": note.pk, "topic": note.topic, "now": now, "payload": json.dumps(note.payload)},
        )
        return cursor.rowcount
