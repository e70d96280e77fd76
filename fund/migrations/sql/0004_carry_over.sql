-- What there is becomes cards, controls, settlements and waiting lines. Settled orders were booked as transfers before;
-- each becomes one entry in a batch of its transaction, and the ledger is sealed from its beginning again.
DROP TRIGGER keep_balances ON fund_transfer;
DROP FUNCTION fund_keep_balances, fund_carry, fund_move;
DROP TYPE fund_movement;

INSERT INTO fund_card (holder_id, held_usd, held_jpy, refunds_usd, refunds_jpy, units_sov, units_lp, units_us, units_jp,
                       reserved_held_usd, reserved_held_jpy, reserved_refunds_usd, reserved_refunds_jpy,
                       reserved_units_sov, reserved_units_lp, reserved_units_us, reserved_units_jp)
SELECT h.id, max(b.amount) FILTER (WHERE a.code = 'held:USD'), max(b.amount) FILTER (WHERE a.code = 'held:JPY'),
       max(b.amount) FILTER (WHERE a.code = 'refunds:USD'), max(b.amount) FILTER (WHERE a.code = 'refunds:JPY'),
       max(b.amount) FILTER (WHERE a.code = 'units:SOV'), max(b.amount) FILTER (WHERE a.code = 'units:LP'),
       max(b.amount) FILTER (WHERE a.code = 'units:US'), max(b.amount) FILTER (WHERE a.code = 'units:JP'),
       max(b.reserved) FILTER (WHERE a.code = 'held:USD'), max(b.reserved) FILTER (WHERE a.code = 'held:JPY'),
       max(b.reserved) FILTER (WHERE a.code = 'refunds:USD'), max(b.reserved) FILTER (WHERE a.code = 'refunds:JPY'),
       max(b.reserved) FILTER (WHERE a.code = 'units:SOV'), max(b.reserved) FILTER (WHERE a.code = 'units:LP'),
       max(b.reserved) FILTER (WHERE a.code = 'units:US'), max(b.reserved) FILTER (WHERE a.code = 'units:JP')
  FROM fund_holder h
  LEFT JOIN fund_balance b ON b.holder_id = h.id
  LEFT JOIN fund_account a ON a.id = b.account_id
 GROUP BY h.id ORDER BY h.id;

INSERT INTO fund_control (account_id, amount, reserved)
SELECT a.id, coalesce(b.amount, 0), coalesce(b.reserved, 0)
  FROM fund_account a LEFT JOIN fund_balance b ON b.account_id = a.id AND b.holder_id = 0
 WHERE NOT a.per_holder;

INSERT INTO fund_settlementbatch (subject, unit_class_id, effective_at, recorded_at, xact)
SELECT l.offering_id, o.unit_class_id, min(t.effective_at), min(t.recorded_at), t.xact
  FROM fund_allotmentline l
  JOIN fund_offering o ON o.code = l.offering_id
  JOIN fund_transfer t ON t.event_id = l.order_id AND t.event = 3
 WHERE l.units IS NOT NULL GROUP BY l.offering_id, o.unit_class_id, t.xact ORDER BY t.xact;

INSERT INTO fund_settlement (order_id, holder_id, batch_id, cost, rounding, units, refund)
SELECT l.order_id, l.holder_id, b.id, l.cost, l.rounding, l.units, l.refund
  FROM fund_allotmentline l
  JOIN (SELECT event_id, min(xact) AS xact FROM fund_transfer WHERE event = 3 GROUP BY event_id) t
    ON t.event_id = l.order_id
  JOIN fund_settlementbatch b ON b.subject = l.offering_id AND b.xact = t.xact
 WHERE l.units IS NOT NULL ORDER BY b.id, l.holder_id, l.order_id;

INSERT INTO fund_waitingline (order_id, offering_id, holder_id, allotted, refund)
SELECT order_id, offering_id, holder_id, allotted, refund FROM fund_allotmentline WHERE units IS NULL
 ORDER BY offering_id, holder_id;

ALTER TABLE fund_seal DISABLE TRIGGER USER;
DELETE FROM fund_seal WHERE log = 'ledger' AND EXISTS (SELECT FROM fund_settlement);
ALTER TABLE fund_seal ENABLE TRIGGER USER;

ALTER TABLE fund_transfer DISABLE TRIGGER USER;
DELETE FROM fund_transfer t USING fund_settlement s WHERE t.event_id = s.order_id AND t.event = 3;
ALTER TABLE fund_transfer ENABLE TRIGGER USER;

ALTER TABLE fund_subscription DISABLE TRIGGER USER;
UPDATE fund_subscription s SET status = 'funded', ended_at = NULL FROM fund_allotmentline l WHERE l.order_id = s.id;
ALTER TABLE fund_subscription ENABLE TRIGGER USER;

DROP TABLE fund_allotmentline;
DROP TABLE fund_balance;
