-- Orders are rewritten when they are paid and when they are settled: room on the page keeps all of a page's rewrites on
-- it, and no index has to know.
ALTER TABLE fund_subscription SET (fillfactor = 45);

-- Every chunk is updated twice at most and read between: the same.
ALTER TABLE fund_settlementchunk SET (fillfactor = 60);
