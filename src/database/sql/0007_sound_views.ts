/** Views that do not fail for any value of a bar. @module */
import { literal, type Names } from "../names.ts";

export const soundViews = ({ of, schema }: Names): string =>
  `-- One bar with an enormous value let every read of a roll-up fail for everybody: products and sums of doubles fail where
-- they overflow. From here on a volume that is no sum any more counts as infinite, and VWAPs that are out of all bounds do
-- not count. Views over continuous aggregates are left to the set-up of TimescaleDB.
DO $migration$
DECLARE
  length text;
  given text[];
BEGIN
  FOREACH length IN ARRAY ARRAY['5m', '15m', '1h', '1d'] LOOP
    IF to_regclass(format('%I.%I', ${literal(schema)}, 'bars_' || length)) IS NULL
      OR to_regclass(format('%I.%I', ${literal(schema)}, 'bar_' || length)) IS NOT NULL THEN
      CONTINUE;
    END IF;
    -- CREATE OR REPLACE VIEW drops the options of a view, such as security_invoker, which keeps readers to their tenants.
    SELECT c.reloptions INTO given FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(format('%I.%I', ${
    literal(schema)
  }, 'bars_' || length));
    EXECUTE format($view$
CREATE OR REPLACE VIEW %3$I.%1$I AS
SELECT s.tenant, s.provider, s.symbol, date_bin(INTERVAL %2$L, b.ts, TIMESTAMPTZ '2000-01-01 00:00:00+00') AS ts,
  (array_agg(b.open ORDER BY b.ts))[1] AS open, max(b.high) AS high, min(b.low) AS low,
  (array_agg(b.close ORDER BY b.ts DESC))[1] AS close,
  sum(CASE WHEN abs(b.volume) <= 1e290 THEN b.volume ELSE 'Infinity' END) AS volume,
  sum(b.vwap * b.volume) FILTER (WHERE (b.vwap = 0 OR abs(b.vwap) BETWEEN 1e-100 AND 1e100)
      AND (b.volume = 0 OR b.volume BETWEEN 1e-100 AND 1e100))
    / nullif(sum(b.volume) FILTER (WHERE (b.vwap = 0 OR abs(b.vwap) BETWEEN 1e-100 AND 1e100)
      AND (b.volume = 0 OR b.volume BETWEEN 1e-100 AND 1e100)), 0) AS vwap,
  sum(b.trades) AS trades, count(*) AS bars, b.series_id
FROM %3$I.bar b JOIN %3$I.series_key s ON s.id = b.series_id
WHERE s.timeframe = '1m'
GROUP BY s.tenant, s.provider, s.symbol, b.series_id,
  date_bin(INTERVAL %2$L, b.ts, TIMESTAMPTZ '2000-01-01 00:00:00+00')
$view$, 'bars_' || length, replace(replace(replace(length, 'm', ' minutes'), 'h', ' hour'), 'd', ' day'),
      ${literal(schema)});
    IF given IS NOT NULL THEN
      EXECUTE format('ALTER VIEW %I.%I SET (%s)', ${literal(schema)}, 'bars_' || length, array_to_string(given, ', '));
    END IF;
  END LOOP;
  -- Before PostgreSQL 17 the difference to an infinite time is an error.
  IF to_regclass(format('%I.latest_bars', ${literal(schema)})) IS NOT NULL THEN
    SELECT c.reloptions INTO given FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(format('%I.data_freshness', ${
    literal(schema)
  }));
    CREATE OR REPLACE VIEW ${of("data_freshness")} AS
    SELECT l.tenant, l.provider, l.timeframe, count(*) AS series, max(l.ts) AS last_ts, min(l.ts) AS most_behind_ts,
      CASE WHEN isfinite(max(l.ts)) THEN now() - max(l.ts) END AS age, max(l.received_at) AS last_received_at
    FROM ${of("latest_bars")} l
    GROUP BY l.tenant, l.provider, l.timeframe;
    IF given IS NOT NULL THEN
      EXECUTE format('ALTER VIEW %I.data_freshness SET (%s)', ${literal(schema)}, array_to_string(given, ', '));
    END IF;
  END IF;
END
$migration$`;
