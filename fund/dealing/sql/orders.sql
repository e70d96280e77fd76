-- Orders are rewritten when they are paid and when they are settled: room on the page keeps the rewrite on it.
ALTER TABLE fund_subscription SET (fillfactor = 60);

-- Every chunk is updated twice at most and read between: the same.
ALTER TABLE fund_settlementchunk SET (fillfactor = 60);
