/** Views for readers. @module */
import type { Names } from "../names.ts";

export const readers = ({ of }: Names): string =>
  `-- What readers want of bars, beside the view bars. All of it is views: a writer pays nothing for them.

-- The name series is for the view that says how far each reaches and how many bars it has.
ALTER TABLE ${of("series")} RENAME TO series_key;

CREATE VIEW ${of("latest_bars")} AS
SELECT s.tenant, s.provider, s.symbol, s.timeframe, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
  CASE b.status WHEN 'f' THEN 'final' WHEN 'p' THEN 'provisional' ELSE 'correction' END AS status,
  b.received_at, s.id AS series_id
FROM ${of("series_key")} s
CROSS JOIN LATERAL (SELECT * FROM ${of("bar")} WHERE bar.series_id = s.id ORDER BY bar.ts DESC LIMIT 1) b;

COMMENT ON VIEW ${of("latest_bars")} IS 'The newest bar of each series; one look into the index a series.';

CREATE VIEW ${of("data_freshness")} AS
SELECT tenant, provider, timeframe, count(*) AS series, max(ts) AS last_ts, min(ts) AS most_behind_ts,
  now() - max(ts) AS age, max(received_at) AS last_received_at
FROM ${of("latest_bars")}
GROUP BY tenant, provider, timeframe;

COMMENT ON VIEW ${
    of("data_freshness")
  } IS 'How far each provider has come, and where its series that is most behind ends.'`;
