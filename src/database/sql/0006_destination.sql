-- Names this database for good. Positions and checkpoints of readers belong to one destination: where the name, or the
-- server behind it, is another, they are in doubt.
CREATE TABLE barline_destination (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);

COMMENT ON TABLE barline_destination IS 'One row: the name of this database, which positions of readers refer to.';

INSERT INTO barline_destination DEFAULT VALUES;

-- Rows carry the number of their series without a foreign key. Without its series a row is in no view, and the number may
-- come to mean another series. Who deletes a series first waits for transactions that write rows, and keeps others from
-- writing until the deletion is committed: a writer looks for its series after it has locked its table.
CREATE FUNCTION barline_keep_series() RETURNS trigger LANGUAGE plpgsql AS $keep$
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

CREATE TRIGGER barline_lock_rows BEFORE DELETE ON series_key
FOR EACH STATEMENT EXECUTE FUNCTION barline_keep_series();

CREATE TRIGGER barline_keep_series BEFORE DELETE ON series_key
FOR EACH ROW EXECUTE FUNCTION barline_keep_series();

-- A bar that history gave is final for readers, and orders its observations like a correction.
COMMENT ON COLUMN bar.status IS 'f final, h final from history, p provisional, c correction.';

-- CREATE OR REPLACE VIEW drops the options of a view, such as security_invoker, which keeps readers to their tenants.
DO $views$
DECLARE
  options text[];
BEGIN
  SELECT reloptions INTO options FROM pg_class WHERE oid = 'bars'::regclass;
  CREATE OR REPLACE VIEW bars AS
  SELECT s.tenant, s.provider, s.symbol, s.timeframe, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
    CASE WHEN b.status IN ('f', 'h') THEN 'final' WHEN b.status = 'p' THEN 'provisional' ELSE 'correction' END AS status,
    b.received_at, b.series_id
  FROM bar b JOIN series_key s ON s.id = b.series_id;
  IF options IS NOT NULL THEN EXECUTE format('ALTER VIEW bars SET (%s)', array_to_string(options, ', ')); END IF;

  SELECT reloptions INTO options FROM pg_class WHERE oid = 'latest_bars'::regclass;
  CREATE OR REPLACE VIEW latest_bars AS
  SELECT s.tenant, s.provider, s.symbol, s.timeframe, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades,
    CASE WHEN b.status IN ('f', 'h') THEN 'final' WHEN b.status = 'p' THEN 'provisional' ELSE 'correction' END AS status,
    b.received_at, s.id AS series_id
  FROM series_key s
  CROSS JOIN LATERAL (SELECT * FROM bar WHERE bar.series_id = s.id ORDER BY bar.ts DESC LIMIT 1) b;
  IF options IS NOT NULL THEN EXECUTE format('ALTER VIEW latest_bars SET (%s)', array_to_string(options, ', ')); END IF;
END
$views$;
