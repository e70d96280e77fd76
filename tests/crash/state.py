"""The state hash: everything that a settlement decides, and nothing that depends on when or in which order it ran.

Left out are instants, serial numbers, the ranges of a settlement and what is told of them (a run with other ranges must
end the same), and the audit log, which tells the way and not the end.
"""

STATE = """
    SELECT encode(sha256(convert_to(string_agg(line, chr(10) ORDER BY line), 'UTF8')), 'hex') FROM (
        SELECT concat_ws(' ', 'order', id, status, amount) AS line FROM fund_subscription
        UNION ALL SELECT 'line ' || to_jsonb(l)::text FROM fund_allotmentline l
        UNION ALL SELECT concat_ws(' ', 'balance', account_id, holder_id, amount, reserved)
          FROM fund_balance WHERE (amount, reserved) <> (0, 0)
        UNION ALL SELECT concat_ws(' ', 'transfer', event_id, event, line, debit_id, credit_id, holder_id, phase,
                                   amount)
          FROM fund_leg
        UNION ALL SELECT concat_ws(' ', 'offering', code, state, encode(seed, 'hex')) FROM fund_offering
        UNION ALL SELECT concat_ws(' ', 'allotment', offering_id, capacity_lots, level, cut, allotted_lots, price)
          FROM fund_allotment
        UNION ALL SELECT concat_ws(' ', 'note', topic, subject) FROM fund_note
          WHERE topic NOT IN ('orders.settled', 'distribution.booked')
        UNION ALL SELECT concat_ws(' ', 'distribution', id, state, declared, ex_price, price) FROM fund_distribution
        UNION ALL SELECT concat_ws(' ', 'entitlement', holder_id, distribution_id, reversal, units, gross, returned, us,
                                   national, local, paid, cost, rounding, bought, borne, us_basis, jp_basis)
          FROM fund_entitlement
        UNION ALL SELECT concat_ws(' ', 'told', n.topic, n.subject, m.user_id)
          FROM portal_message m JOIN fund_note n ON n.id = m.note_id
    ) lines
"""
