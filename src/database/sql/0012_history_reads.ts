/** Reads of history that are in flight. @module */
import type { Names } from "../names.ts";
import { grantWriters } from "./grant_writers.ts";

export const historyReads = ({ of, schema }: Names): string =>
  `-- A read is noted before history is asked, and removed when its bars are stored. Rows that another reader finds unchanged
-- meanwhile take its time of receipt, so that the bars of the earlier read do not replace them.
CREATE TABLE ${of("history_read")} (
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  reader uuid NOT NULL,
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  provider text NOT NULL,
  timeframe text NOT NULL,
  symbols text[] NOT NULL
);

COMMENT ON TABLE ${of("history_read")} IS 'Reads of old bars from a vendor''s history whose bars are not stored yet.';
COMMENT ON COLUMN ${of("history_read")}.starts IS 'Start of the earliest bar that is asked for.';
COMMENT ON COLUMN ${of("history_read")}.ends IS 'Bars that are asked for start before it.';
COMMENT ON COLUMN ${of("history_read")}.reader IS 'Process that reads.';

-- Who may write bars may note reads.
${grantWriters(schema, ["history_read"])}`;
