/** Coverage of series. @module */
import { literal, type Names } from "../names.ts";

export const coverage = ({ of, schema }: Names): string =>
  `-- Coverage: for which bars of a series there is evidence, and which are in doubt. It takes the place of the memory of minutes
-- without trades. A bar that is stored needs no row here: it is evidence for itself.

-- Where a series moves on, its row is updated in place: there is room on its page, and what changes stands at the end of the
-- row, so that little of it goes into the log.
CREATE TABLE ${of("series_coverage")} (
  series_id integer PRIMARY KEY,
  updated_by text NOT NULL,
  confirmed tstzmultirange NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE ${
    of("series_coverage")
  } IS 'Ranges of a series that are whole; see them with barline gaps. series_id refers to series.';
COMMENT ON COLUMN ${of("series_coverage")}.updated_by IS 'Host and process that wrote the row last.';
COMMENT ON COLUMN ${
    of("series_coverage")
  }.confirmed IS 'A bar is stored for each step, or history has proved that there was none.';

CREATE TABLE ${of("series_doubt")} (
  starts timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  found_at timestamptz NOT NULL,
  due_at timestamptz,
  series_id integer NOT NULL,
  attempts integer NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (series_id, starts),
  CHECK (starts < ends)
);

COMMENT ON TABLE ${of("series_doubt")} IS 'Ranges of a series in which bars may be missing, partial or out of date.';
COMMENT ON COLUMN ${of("series_doubt")}.starts IS 'Start of the first bar in doubt.';
COMMENT ON COLUMN ${of("series_doubt")}.ends IS 'End of the last one.';
COMMENT ON COLUMN ${of("series_doubt")}.due_at IS 'When history is asked next; null where asking is over.';
COMMENT ON COLUMN ${of("series_doubt")}.attempts IS 'Answers of history that have not settled it.';

INSERT INTO ${of("series_coverage")} (series_id, updated_by, confirmed, updated_at)
SELECT n.series_id, 'no_trade', range_agg(tstzrange(n.starts, n.ends)), max(n.confirmed_at) FROM ${
    of("no_trade")
  } n GROUP BY 1;

-- Bars that are deleted are missing from then on. TimescaleDB gives no transition tables where chunks are compressed: there
-- each row is noted, and the end of the statement takes the notes up. Both run as the owner of the tables, so that whoever may
-- delete bars needs no right on anything else.
CREATE TABLE ${of("bar_deletion")} (
  ts timestamptz NOT NULL,
  series_id integer NOT NULL
);

COMMENT ON TABLE ${
    of("bar_deletion")
  } IS 'Bars of a hypertable that the statement under way has deleted; empty otherwise.';

DO $migration$
DECLARE
  here text := quote_ident(${literal(schema)});
  -- Of a day one range at most: a year of bars that are thinned out is no reason for a year of ranges.
  doubt text := $sql$
    deleted AS MATERIALIZED (
      SELECT d.id, range_agg(tstzrange(d.first, d.last + d.step)) AS ranges FROM (
        SELECT k.id, min(g.ts) AS first, max(g.ts) AS last, min(k.timeframe)::interval AS step
        FROM gone g
        JOIN ${of("series_coverage")} c ON c.series_id = g.series_id JOIN ${of("series_key")} k ON k.id = g.series_id
        GROUP BY k.id, date_trunc('day', g.ts, 'UTC')
      ) AS d GROUP BY d.id
    ), hit AS MATERIALIZED (
      SELECT d.id, c.confirmed * d.ranges AS ranges
      FROM ${of("series_coverage")} c JOIN deleted d ON d.id = c.series_id WHERE c.confirmed && d.ranges
      ORDER BY c.series_id FOR UPDATE OF c
    ), doubted AS (
      INSERT INTO ${of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
      SELECT h.id, lower(part), upper(part), 'deleted', clock_timestamp(), clock_timestamp(), 0
      FROM hit h, unnest(h.ranges) AS part
      ON CONFLICT DO NOTHING
    )
    UPDATE ${of("series_coverage")} c
    SET confirmed = c.confirmed - h.ranges, updated_at = clock_timestamp(), updated_by = 'deletion by ' || session_user
    FROM hit h WHERE c.series_id = h.id;
  $sql$;
BEGIN
  EXECUTE format($sql$
    CREATE FUNCTION %s.bars_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $body$ BEGIN WITH %s RETURN NULL; END $body$
  $sql$, here, doubt);
  EXECUTE format($sql$
    CREATE FUNCTION %1$s.bar_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $body$ BEGIN INSERT INTO %1$s.bar_deletion (series_id, ts) VALUES (old.series_id, old.ts); RETURN NULL; END $body$
  $sql$, here);
  EXECUTE format($sql$
    CREATE FUNCTION %1$s.noted_bars_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $body$ BEGIN WITH gone AS (DELETE FROM %1$s.bar_deletion b RETURNING b.series_id, b.ts), %2$s RETURN NULL; END $body$
  $sql$, here, doubt);
  -- What is moved into the chunks of a hypertable is truncated too, but still there.
  EXECUTE format($sql$
    CREATE FUNCTION %1$s.bars_truncated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $body$ BEGIN
      IF EXISTS (SELECT FROM %1$s.bar) THEN RETURN NULL; END IF;
      INSERT INTO %1$s.series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
      SELECT c.series_id, lower(part), upper(part), 'deleted', clock_timestamp(), clock_timestamp(), 0
      FROM %1$s.series_coverage c, unnest(c.confirmed) AS part
      ON CONFLICT DO NOTHING;
      UPDATE %1$s.series_coverage
      SET confirmed = '{}', updated_at = clock_timestamp(), updated_by = 'truncation by ' || session_user;
      RETURN NULL;
    END $body$
  $sql$, here);
END $migration$;

CREATE TRIGGER bars_truncated AFTER TRUNCATE ON ${of("bar")} FOR EACH STATEMENT EXECUTE FUNCTION ${
    of("bars_truncated")
  }();

DO $migration$
DECLARE
  is_hypertable boolean := false;
BEGIN
  IF to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL THEN
    EXECUTE $sql$SELECT EXISTS (SELECT FROM _timescaledb_catalog.hypertable
      WHERE schema_name = ${literal(schema)} AND table_name = 'bar')$sql$ INTO is_hypertable;
  END IF;
  IF is_hypertable THEN
    CREATE TRIGGER bar_deleted AFTER DELETE ON ${of("bar")} FOR EACH ROW EXECUTE FUNCTION ${of("bar_deleted")}();
    CREATE TRIGGER bars_deleted AFTER DELETE ON ${of("bar")} FOR EACH STATEMENT EXECUTE FUNCTION ${
    of("noted_bars_deleted")
  }();
  ELSE
    CREATE TRIGGER bars_deleted AFTER DELETE ON ${of("bar")} REFERENCING OLD TABLE AS gone
      FOR EACH STATEMENT EXECUTE FUNCTION ${of("bars_deleted")}();
  END IF;
END $migration$;

-- Who may write bars may write what is known of them; who could read no_trade, of all tenants or some, reads these.
DO $migration$
DECLARE
  here text := quote_ident(${literal(schema)});
  has_policies boolean := (SELECT relrowsecurity FROM pg_class WHERE oid = ${literal(of("no_trade"))}::regclass);
  made text;
  found record;
BEGIN
  FOREACH made IN ARRAY ARRAY['series_coverage', 'series_doubt'] LOOP
    FOR found IN
      SELECT c.relname, a.privilege_type, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
      FROM pg_class c, aclexplode(c.relacl) a
      WHERE c.oid IN (${literal(of("bar"))}::regclass, ${literal(of("no_trade"))}::regclass) AND a.grantee <> c.relowner
    LOOP
      IF found.relname = 'bar' AND found.privilege_type = 'INSERT' THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s.%s TO %s', here, made, found.grantee);
      ELSIF found.relname = 'no_trade' AND found.privilege_type = 'SELECT' THEN
        EXECUTE format('GRANT SELECT ON %s.%s TO %s', here, made, found.grantee);
      END IF;
    END LOOP;
    FOR found IN
      SELECT policyname, cmd, roles, replace(qual, '.no_trade''', '.' || made || '''') AS qual,
        replace(with_check, '.no_trade''', '.' || made || '''') AS with_check
      FROM pg_policies WHERE schemaname = ${literal(schema)} AND tablename = 'no_trade'
    LOOP
      EXECUTE format('CREATE POLICY %I ON %s.%s FOR %s TO %s USING (%s) %s', found.policyname, here, made, found.cmd,
        (SELECT string_agg(CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END, ', ') FROM unnest(found.roles) AS role),
        found.qual, CASE WHEN found.with_check IS NOT NULL THEN format('WITH CHECK (%s)', found.with_check) END);
    END LOOP;
    IF has_policies THEN EXECUTE format('ALTER TABLE %s.%s ENABLE ROW LEVEL SECURITY', here, made); END IF;
    FOR found IN
      SELECT n.nspname, a.grantee::regrole AS grantee,
        replace(regexp_replace(rtrim(pg_get_viewdef(c.oid), ';'), '^.*?\\sWHERE\\s', ''), 'no_trade.series_id', 'series_id') AS condition
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
      WHERE c.relname = 'no_trade' AND c.relkind = 'v' AND starts_with(n.nspname, 'barline_reader_')
        AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
      EXECUTE format('CREATE VIEW %I.%s WITH (security_barrier = true) AS SELECT * FROM %s.%s WHERE %s',
        found.nspname, made, here, made, found.condition);
      EXECUTE format('GRANT SELECT ON %I.%s TO %s', found.nspname, made, found.grantee);
    END LOOP;
  END LOOP;
  FOR found IN
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'no_trade' AND c.relkind = 'v' AND starts_with(n.nspname, 'barline_reader_')
  LOOP
    EXECUTE format('DROP VIEW %I.no_trade', found.nspname);
  END LOOP;
END $migration$;

-- Not CASCADE: views that others have made over it are theirs to drop.
DROP TABLE ${of("no_trade")};

-- How far instances thought that they had all bars of a symbol is no evidence: the last day of it is in doubt. The source names
-- a provider, or several that stand in for each other; where records have a tenant, its name ends that of the cluster.
WITH upgraded AS (
  SELECT k.id, max(f.complete_until) - INTERVAL '1 day' AS starts, max(f.complete_until) AS ends
  FROM ${of("cluster_frontier")} f JOIN ${
    of("series_key")
  } k ON k.symbol = f.symbol AND k.timeframe = split_part(f.source, ' ', 2)
    AND k.provider = ANY (string_to_array(split_part(f.source, ' ', 1), ','))
    AND (k.tenant = 'default' OR right(f.cluster, length(k.tenant) + 1) = '.' || k.tenant)
  GROUP BY k.id
), doubted AS (
  INSERT INTO ${of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
  SELECT u.id, u.starts, u.ends, 'upgraded', clock_timestamp(), clock_timestamp(), 0 FROM upgraded u
)
UPDATE ${of("series_coverage")} c SET confirmed = c.confirmed - tstzmultirange(tstzrange(u.starts, u.ends))
FROM upgraded u WHERE u.id = c.series_id;

DROP TABLE ${of("cluster_frontier")}`;
