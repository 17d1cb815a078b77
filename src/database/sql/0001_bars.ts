/** Series and their bars. @module */
import type { Names } from "../names.ts";

export const bars = ({ of }: Names): string =>
  `-- A series is what a bar belongs to. Bars carry its number instead of its names: half the index, twice the speed.
CREATE TABLE ${of("series")} (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL DEFAULT 'default',
  provider text NOT NULL,
  symbol text NOT NULL,
  timeframe text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant, provider, symbol, timeframe)
);

COMMENT ON TABLE ${of("series")} IS 'Who delivered which symbol at which timeframe; bar.series_id refers to it.';

-- No foreign key to series: its check would cost as much as the insert, and the writer makes the series first.
-- Eight-byte columns first, so that no byte is lost to alignment.
CREATE TABLE ${of("bar")} (
  ts timestamptz NOT NULL,
  open double precision NOT NULL,
  high double precision NOT NULL,
  low double precision NOT NULL,
  close double precision NOT NULL,
  volume double precision NOT NULL,
  received_at timestamptz NOT NULL,
  vwap double precision,
  series_id integer NOT NULL,
  trades integer,
  status "char" NOT NULL DEFAULT 'f',
  PRIMARY KEY (series_id, ts)
);

COMMENT ON TABLE ${of("bar")} IS 'OHLCV bars; read them through the view bars.';
COMMENT ON COLUMN ${of("bar")}.ts IS 'Start of the bar.';
COMMENT ON COLUMN ${of("bar")}.volume IS 'Traded amount, fractional for crypto and fractional shares.';
COMMENT ON COLUMN ${
    of("bar")
  }.received_at IS 'When the observation that the row holds was received; a newer one is never overwritten by an older.';
COMMENT ON COLUMN ${of("bar")}.status IS 'f final, p provisional, c correction.';

CREATE VIEW ${of("bars")} AS
SELECT s.tenant, s.provider, s.symbol, s.timeframe, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
  CASE b.status WHEN 'f' THEN 'final' WHEN 'p' THEN 'provisional' ELSE 'correction' END AS status,
  b.received_at, b.series_id
FROM ${of("bar")} b JOIN ${of("series")} s ON s.id = b.series_id;

COMMENT ON VIEW ${of("bars")} IS 'Bars with the names of their series.'`;
