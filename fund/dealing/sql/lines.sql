-- What each order got: settled, as the ledger has it; else, while its offering waits for a price, as it was allotted.
CREATE OR REPLACE VIEW fund_allotmentline AS
    SELECT s.order_id, b.subject AS offering_id, s.holder_id, s.cost + s.rounding AS allotted, s.refund, s.units, s.cost,
           s.rounding, 'settled' AS status, b.effective_at AS settled_at
      FROM fund_settlement s JOIN fund_settlementbatch b ON b.id = s.batch_id
     UNION ALL
    SELECT w.order_id, w.offering_id, w.holder_id, w.allotted, w.refund, NULL, NULL, NULL,
           CASE WHEN w.allotted = 0 THEN 'unallotted' WHEN w.refund = 0 THEN 'allotted' ELSE 'part_allotted' END, NULL
      FROM fund_waitingline w
     WHERE NOT EXISTS (SELECT FROM fund_settlement s WHERE (s.holder_id, s.order_id) = (w.holder_id, w.order_id));
