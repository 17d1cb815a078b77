-- A feed sends no bar for a minute in which nothing was traded. Where the provider's history has none either, that is
-- remembered here, so that it is asked only once.
CREATE TABLE no_trade (
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  confirmed_at timestamptz NOT NULL DEFAULT now(),
  series_id integer NOT NULL,
  PRIMARY KEY (series_id, starts),
  CHECK (starts < ends)
);

COMMENT ON TABLE no_trade IS 'Ranges in which the market was open and the provider has no bars; series_id refers to series.';
COMMENT ON COLUMN no_trade.starts IS 'Start of the first bar that is not there.';
COMMENT ON COLUMN no_trade.ends IS 'End of the last one.';
