/** Loads of files, so that each can be undone. @module */
import type { Names } from "../names.ts";
import { grantWriters } from "./grant_writers.ts";

export const loads = ({ of, schema }: Names): string =>
  `-- A load is what one run has stored from files. Its rows are those of its series whose time of receipt lies in the times that
-- it has reserved: nobody else gives such times. All that can be claimed is claimed before a row is written.
CREATE TABLE ${of("load")} (
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  undo_began_at timestamptz,
  undone_at timestamptz,
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  command text NOT NULL,
  files jsonb NOT NULL,
  ledger jsonb
);

COMMENT ON TABLE ${of("load")} IS 'Loads of files; see them with barline loads.';
COMMENT ON COLUMN ${of("load")}.ended_at IS 'Null while it runs, and where it was interrupted.';
COMMENT ON COLUMN ${of("load")}.undo_began_at IS 'From then on nothing more of the load is stored.';
COMMENT ON COLUMN ${of("load")}.files IS 'Path, size in bytes and SHA-256 of each.';
COMMENT ON COLUMN ${of("load")}.ledger IS 'The counts of its end.';

CREATE TABLE ${of("load_time")} (
  starts timestamptz PRIMARY KEY,
  ends timestamptz NOT NULL,
  load_id integer NOT NULL,
  CHECK (starts < ends)
);

CREATE INDEX load_time_load ON ${of("load_time")} (load_id);

COMMENT ON TABLE ${of("load_time")} IS 'Times of receipt that loads have reserved; no two overlap.';

CREATE TABLE ${of("load_series")} (
  first timestamptz NOT NULL,
  last timestamptz NOT NULL,
  load_id integer NOT NULL,
  series_id integer NOT NULL,
  kind text NOT NULL,
  PRIMARY KEY (load_id, series_id, kind)
);

COMMENT ON TABLE ${
    of("load_series")
  } IS 'Series that a load writes, and the times between which all of its records lie.';

CREATE TABLE ${of("load_replaced")} (
  ts timestamptz NOT NULL,
  row_received_at timestamptz NOT NULL,
  load_id integer NOT NULL,
  series_id integer NOT NULL,
  kind text NOT NULL,
  key text NOT NULL,
  record json NOT NULL,
  PRIMARY KEY (load_id, series_id, ts, kind, key)
);

COMMENT ON TABLE ${of("load_replaced")} IS 'Rows as they were before a load replaced them.';
COMMENT ON COLUMN ${of("load_replaced")}.key IS 'What stands in the key of the row after series_id and ts.';
COMMENT ON COLUMN ${of("load_replaced")}.record IS 'Values of the columns that are not in the key.';

-- Keeps a row that is about to be replaced, and is true. A load may replace a row again that another writer has written since.
DO $migration$
BEGIN
  EXECUTE $sql$
    CREATE FUNCTION ${
    of("keep_replaced")
  }(a_load integer, a_kind text, a_series integer, a_ts timestamptz, a_key text, a_received timestamptz, a_record json)
    RETURNS boolean LANGUAGE plpgsql AS
    $body$ BEGIN
      INSERT INTO ${of("load_replaced")} (load_id, kind, series_id, ts, key, row_received_at, record)
      VALUES (a_load, a_kind, a_series, a_ts, a_key, a_received, a_record)
      ON CONFLICT (load_id, series_id, ts, kind, key)
      DO UPDATE SET row_received_at = excluded.row_received_at, record = excluded.record;
      RETURN true;
    END $body$
  $sql$;
END $migration$;

-- Who may write bars may record loads.
${grantWriters(schema, ["load", "load_time", "load_series", "load_replaced"])}`;
