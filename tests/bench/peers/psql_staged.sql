BEGIN;
CREATE TEMP TABLE stage (LIKE peer_bar) ON COMMIT DROP;
\copy stage FROM pstdin (FORMAT csv, HEADER)
INSERT INTO peer_bar AS old SELECT DISTINCT ON (symbol, timeframe, ts) * FROM stage
ON CONFLICT (symbol, timeframe, ts) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume
WHERE (old.open, old.high, old.low, old.close, old.volume)
  IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume);
COMMIT;
