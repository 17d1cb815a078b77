/** The identity of a destination, and series that keep their bars. @module */
import { literal, type Names } from "../names.ts";

export const destination = ({ of, schema }: Names): string =>
  `-- Names this database for good. Positions and checkpoints of readers belong to one destination: where the name, or the
-- server behind it, is another, they are in doubt.
CREATE TABLE ${of("barline_destination")} (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);

COMMENT ON TABLE ${
    of("barline_destination")
  } IS 'One row: the name of this database, which positions of readers refer to.';

INSERT INTO ${of("barline_destination")} DEFAULT VALUES;

-- Rows carry the number of their series without a foreign key. Without its series a row is in no view, and the number may
-- come to mean another series. Who deletes a series first waits for transactions that write rows, and keeps others from
-- writing until the deletion is committed: a writer looks for its series after it has locked its table.
CREATE FUNCTION ${of("barline_keep_series")}() RETURNS trigger LANGUAGE plpgsql AS $keep$
DECLARE
  holder name;
  has_rows boolean;
BEGIN
  FOR holder IN
    SELECT c.relname FROM pg_catalog.pg_class c
    WHERE c.relnamespace = (SELECT t.relnamespace FROM pg_catalog.pg_class t WHERE t.oid = TG_RELID)
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND 2 = (SELECT count(*) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname IN ('series_id', 'received_at'))
    ORDER BY c.relname
  LOOP
    IF TG_LEVEL = 'STATEMENT' THEN
      EXECUTE format('LOCK TABLE %I.%I IN SHARE MODE', TG_TABLE_SCHEMA, holder);
      CONTINUE;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I r WHERE r.series_id = $1)', TG_TABLE_SCHEMA, holder)
      INTO has_rows USING OLD.id;
    IF has_rows THEN
      RAISE EXCEPTION 'Cannot delete the series "%" of %: % has rows of it', OLD.symbol, OLD.provider, holder
        USING ERRCODE = 'foreign_key_violation', HINT = 'Delete those rows first, in the same transaction.';
    END IF;
  END LOOP;
  RETURN OLD;
END
$keep$;

CREATE TRIGGER barline_lock_rows BEFORE DELETE ON ${of("series_key")}
FOR EACH STATEMENT EXECUTE FUNCTION ${of("barline_keep_series")}();

CREATE TRIGGER barline_keep_series BEFORE DELETE ON ${of("series_key")}
FOR EACH ROW EXECUTE FUNCTION ${of("barline_keep_series")}();

-- A bar that history gave is final for readers, and orders its observations like a correction.
COMMENT ON COLUMN ${of("bar")}.status IS 'f final, h final from history, p provisional, c correction.';

-- CREATE OR REPLACE VIEW drops the options of a view, such as security_invoker, which keeps readers to their tenants.
DO $views$
DECLARE
  given text[];
BEGIN
  SELECT reloptions INTO given FROM pg_class WHERE oid = ${literal(of("bars"))}::regclass;
  CREATE OR REPLACE VIEW ${of("bars")} AS
  SELECT s.tenant, s.provider, s.symbol, s.timeframe, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
    CASE WHEN b.status IN ('f', 'h') THEN 'final' WHEN b.status = 'p' THEN 'provisional' ELSE 'correction' END AS status,
    b.received_at, b.series_id
  FROM ${of("bar")} b JOIN ${of("series_key")} s ON s.id = b.series_id;
  IF given IS NOT NULL THEN EXECUTE format('ALTER VIEW %I.bars SET (%s)', ${
    literal(schema)
  }, array_to_string(given, ', ')); END IF;

  SELECT reloptions INTO given FROM pg_class WHERE oid = ${literal(of("latest_bars"))}::regclass;
  CREATE OR REPLACE VIEW ${of("latest_bars")} AS
  SELECT s.tenant, s.provider, s.symbol, s.timeframe, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
    CASE WHEN b.status IN ('f', 'h') THEN 'final' WHEN b.status = 'p' THEN 'provisional' ELSE 'correction' END AS status,
    b.received_at, s.id AS series_id
  FROM ${of("series_key")} s
  CROSS JOIN LATERAL (SELECT * FROM ${of("bar")} WHERE bar.series_id = s.id ORDER BY bar.ts DESC LIMIT 1) b;
  IF given IS NOT NULL THEN EXECUTE format('ALTER VIEW %I.latest_bars SET (%s)', ${
    literal(schema)
  }, array_to_string(given, ', ')); END IF;
END
$views$`;
