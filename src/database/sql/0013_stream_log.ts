/** The keys of each committed batch, for streams. @module */
import type { Names } from "../names.ts";
import { grantWriters } from "./grant_writers.ts";

export const streamLog = ({ of, schema }: Names): string =>
  `-- Which keys a transaction has written. A reader that knows which transactions it has seen finds here what the others have
-- changed, in whatever order they committed. The rows themselves stay where they are. No unique key: numbers of transactions
-- that a dump brings along must not collide with those of this server.
CREATE TABLE ${of("stream_log")} (
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  kind text NOT NULL,
  series integer[] NOT NULL,
  times bigint[] NOT NULL,
  is_new boolean[],
  steps bigint[],
  counts integer[],
  places integer[]
);

CREATE INDEX stream_log_xid ON ${of("stream_log")} (xid);

COMMENT ON TABLE ${of("stream_log")} IS 'Keys of the rows that each transaction has written; /api/stream reads it.';
COMMENT ON COLUMN ${
    of("stream_log")
  }.times IS 'Microseconds since 1970 of each row, or of the first of a run, beside its series.';
COMMENT ON COLUMN ${
    of("stream_log")
  }.steps IS 'Microseconds between the rows of each run; null where there are no runs.';
COMMENT ON COLUMN ${of("stream_log")}.counts IS 'Rows of each run.';
COMMENT ON COLUMN ${of("stream_log")}.places IS 'Place of the first row of each run among all rows, from 1.';
COMMENT ON COLUMN ${of("stream_log")}.is_new IS 'Whether each row was not there before; null where none was.';

-- A cursor that is older than what was deleted would miss it.
CREATE TABLE ${of("stream_trim")} (
  trimmed xid8 NOT NULL DEFAULT '0',
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);

COMMENT ON TABLE ${of("stream_trim")} IS 'One row: the latest transaction that stream_log does not have any more.';

INSERT INTO ${of("stream_trim")} DEFAULT VALUES;

-- Who may write bars may log them.
${grantWriters(schema, ["stream_log", "stream_trim"])}`;
