/** Minutes without trades. @module */
import type { Names } from "../names.ts";

export const noTrade = ({ of }: Names): string =>
  `-- A feed sends no bar for a minute in which nothing was traded. Where the provider's history has none either, that is
-- remembered here, so that it is asked only once.
CREATE TABLE ${of("no_trade")} (
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  confirmed_at timestamptz NOT NULL DEFAULT now(),
  series_id integer NOT NULL,
  PRIMARY KEY (series_id, starts),
  CHECK (starts < ends)
);

COMMENT ON TABLE ${
    of("no_trade")
  } IS 'Ranges in which the market was open and the provider has no bars; series_id refers to series.';
COMMENT ON COLUMN ${of("no_trade")}.starts IS 'Start of the first bar that is not there.';
COMMENT ON COLUMN ${of("no_trade")}.ends IS 'End of the last one.'`;
