-- The table that the other programs fill: keyed by names, as they have no series.
DROP TABLE IF EXISTS peer_bar;
CREATE TABLE peer_bar (
  symbol text NOT NULL,
  timeframe text NOT NULL,
  ts timestamptz NOT NULL,
  open double precision NOT NULL,
  high double precision NOT NULL,
  low double precision NOT NULL,
  close double precision NOT NULL,
  volume double precision NOT NULL,
  PRIMARY KEY (symbol, timeframe, ts)
);
