/** Doubts about deleted bars. @module */
import { literal, type Names } from "../names.ts";

export const deletions = ({ of, schema }: Names): string =>
  `-- Whatever deletes bars opens doubts, also where no trigger sees it, or where the coverage of the bars was not saved yet.
-- A chunk or a partition that is dropped, detached or truncated fires no trigger of its table: those that are known are
-- compared with those that are there, and their files with the ones that they had.
CREATE TABLE ${of("bar_part")} (
  starts timestamptz,
  ends timestamptz,
  seen_at timestamptz NOT NULL,
  relation oid PRIMARY KEY,
  file oid NOT NULL
);

COMMENT ON TABLE ${of("bar_part")} IS 'Chunks or partitions of bar as they were seen last; empty where it has none.';
COMMENT ON COLUMN ${of("bar_part")}.starts IS 'Start of its range; null where it has none.';
COMMENT ON COLUMN ${of("bar_part")}.relation IS 'The chunk or the partition in pg_class.';
COMMENT ON COLUMN ${
    of("bar_part")
  }.file IS 'Where its rows were stored: another one once they are truncated or rewritten.';

COMMENT ON TABLE ${
    of("bar_deletion")
  } IS 'Bars that were deleted row by row, until they are taken up: at the end of the statement or, where a chunk or a partition was named, a minute later.';

DO $migration$
DECLARE
  here text := quote_ident(${literal(schema)});
  head text := 'RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS';
  -- Of a day one range at most: a year of bars that are thinned out is no reason for a year of ranges.
  by_day text := $sql$
    SELECT coalesce(array_agg(d.id), '{}'), coalesce(array_agg(d.ranges), '{}') INTO ids, ranges FROM (
      SELECT day.id, range_agg(tstzrange(day.first, day.last + day.step)) AS ranges FROM (
        SELECT k.id, min(g.ts) AS first, max(g.ts) AS last, min(k.timeframe)::interval AS step
        FROM gone g
        JOIN ${of("series_coverage")} c ON c.series_id = g.series_id JOIN ${of("series_key")} k ON k.id = g.series_id
        GROUP BY k.id, date_trunc('day', g.ts, 'UTC')
      ) AS day GROUP BY day.id
    ) AS d;
    PERFORM ${of("doubt_deleted")}(ids, ranges, by_whom);
  $sql$;
BEGIN
  -- Brings into doubt what is known of ranges whose bars are gone. The end of a live series is known to its process alone:
  -- behind what is saved, everything is in doubt.
  EXECUTE $sql$
    CREATE FUNCTION ${of("doubt_deleted")}(ids integer[], ranges tstzmultirange[], by_whom text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
    $body$
    DECLARE
      hit record;
    BEGIN
      FOR hit IN
        SELECT c.series_id AS id, g.ranges * (c.confirmed + coalesce(d.open, '{}')
          + tstzmultirange(tstzrange(coalesce(upper(c.confirmed), lower(d.open), 'infinity'), NULL))) - coalesce(d.over, '{}') AS ranges
        FROM unnest(ids, ranges) AS g (id, ranges) JOIN ${of("series_coverage")} c ON c.series_id = g.id
        LEFT JOIN LATERAL (
          SELECT range_agg(tstzrange(s.starts, s.ends)) FILTER (WHERE s.due_at IS NOT NULL) AS open,
            range_agg(tstzrange(s.starts, s.ends)) FILTER (WHERE s.due_at IS NULL) AS over
          FROM ${of("series_doubt")} s WHERE s.series_id = g.id
        ) AS d ON true
        ORDER BY c.series_id FOR UPDATE OF c
      LOOP
        CONTINUE WHEN isempty(hit.ranges);
        WITH cut AS (
          DELETE FROM ${of("series_doubt")} s WHERE s.series_id = hit.id AND tstzrange(s.starts, s.ends) && hit.ranges 
          RETURNING s.series_id, s.starts, s.ends, s.reason, s.found_at, s.due_at, s.attempts
        )
        INSERT INTO ${of("series_doubt")} (series_id, starts, ends, reason, found_at, due_at, attempts)
        SELECT cut.series_id, lower(part), upper(part), cut.reason, cut.found_at, cut.due_at, cut.attempts
        FROM cut, unnest(tstzmultirange(tstzrange(cut.starts, cut.ends)) - hit.ranges) AS part
        UNION ALL
        SELECT hit.id, lower(part), upper(part), 'deleted', clock_timestamp(), clock_timestamp(), 0 FROM unnest(hit.ranges) AS part;
        UPDATE ${
    of("series_coverage")
  } c SET confirmed = c.confirmed - hit.ranges, updated_at = clock_timestamp(), updated_by = by_whom
        WHERE c.series_id = hit.id;
      END LOOP;
    END $body$
  $sql$;

  -- The same of all series, in a range. Of a series that has ended nothing is known behind its end.
  EXECUTE $sql$
    CREATE FUNCTION ${of("doubt_lost")}(first timestamptz, last timestamptz, by_whom text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
    $body$
    DECLARE
      ids integer[];
      ranges tstzmultirange[];
    BEGIN
      SELECT coalesce(array_agg(k.id), '{}'), coalesce(array_agg(tstzmultirange(
        tstzrange(date_bin(d.step, first, 'epoch'), e.until)
      )), '{}') INTO ids, ranges
      FROM ${of("series_coverage")} c JOIN ${of("series_key")} k ON k.id = c.series_id
      CROSS JOIN LATERAL (
        SELECT k.timeframe::interval AS step,
          (SELECT max(s.ends) FROM ${of("series_doubt")} s WHERE s.series_id = k.id) AS ends
      ) AS d
      CROSS JOIN LATERAL (
        SELECT least(date_bin(d.step, last - interval '1 microsecond', 'epoch') + d.step, CASE
          WHEN greatest(upper(c.confirmed), d.ends) > now() - interval '1 day' THEN date_bin(d.step, now(), 'epoch') + d.step
          ELSE greatest(upper(c.confirmed), d.ends)
        END) AS until
      ) AS e
      WHERE e.until > coalesce(first, '-infinity');
      PERFORM ${of("doubt_deleted")}(ids, ranges, by_whom);
    END $body$
  $sql$;

  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION %s.bars_deleted() %s
    $body$ DECLARE
      ids integer[];
      ranges tstzmultirange[];
      by_whom text := 'deletion by ' || session_user;
    BEGIN %s RETURN NULL; END $body$
  $sql$, here, head, by_day);
  EXECUTE format($sql$
    CREATE FUNCTION %1$s.take_deletions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $body$ DECLARE
      ids integer[];
      ranges tstzmultirange[];
      by_whom text := 'deletion by ' || session_user;
    BEGIN WITH gone AS (DELETE FROM %1$s.bar_deletion b RETURNING b.series_id, b.ts) %2$s END $body$
  $sql$, here, by_day);
  -- Its callers are functions of the same owner.
  EXECUTE format('REVOKE EXECUTE ON FUNCTION %s.take_deletions() FROM PUBLIC', here);
  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION %1$s.noted_bars_deleted() %2$s
    $body$ BEGIN PERFORM %1$s.take_deletions(); RETURN NULL; END $body$
  $sql$, here, head);
  -- What is moved into the chunks of a hypertable is truncated too, but still there.
  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION %1$s.bars_truncated() %2$s
    $body$ BEGIN
      IF EXISTS (SELECT FROM %1$s.bar) THEN RETURN NULL; END IF;
      PERFORM %1$s.doubt_lost(NULL, NULL, 'truncation by ' || session_user);
      DELETE FROM %1$s.bar_part;
      RETURN NULL;
    END $body$
  $sql$, here, head);

  -- Takes up what no trigger has: to be called now and then, by whoever keeps coverage. Rows that lie before all chunks or
  -- partitions were dropped on purpose, by a retention: they are forgotten, and come into no doubt. A part with another file
  -- was truncated where no row is left in it that was received before it was seen, and was only rewritten where one is.
  -- It runs with the owner's rights and takes a lock: it serves callers that may write coverage, and refuses readers.
  EXECUTE $sql$
    CREATE FUNCTION ${of("compare_bar_parts")}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS
    $body$
    DECLARE
      bars regclass := ${literal(of("bar"))};
      known record;
      parts jsonb;
      oldest timestamptz;
      is_left boolean;
      is_first boolean := NOT EXISTS (SELECT FROM ${of("bar_part")});
      has_lost boolean := false;
      caller name := coalesce(nullif(current_setting('role'), 'none')::name, session_user);
    BEGIN
      IF NOT has_table_privilege(caller, ${literal(of("series_coverage"))}::regclass, 'UPDATE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'permission denied for function compare_bar_parts';
      END IF;
      IF EXISTS (SELECT FROM ${of("bar_deletion")}) THEN PERFORM ${of("take_deletions")}(); END IF;
      IF (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = bars) THEN
        -- Bounds of partitions of partitions are not read. Reading any waits for whoever has locked the partition, so each is
        -- read once.
        WITH RECURSIVE tree AS (
          SELECT i.inhrelid AS part, p.partstrat = 'r' AND p.partnatts = 1 AND a.attname = 'ts' AS is_bound
          FROM pg_inherits i JOIN pg_partitioned_table p ON p.partrelid = i.inhparent
          LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] WHERE i.inhparent = bars
          UNION ALL SELECT i.inhrelid, false FROM tree t JOIN pg_inherits i ON i.inhparent = t.part
        )
        SELECT jsonb_agg(jsonb_build_object('part', p.oid, 'file', p.relfilenode, 'starts', p.bound[1], 'ends', p.bound[2])) INTO parts
        FROM (
          SELECT c.oid, c.relfilenode, CASE WHEN k.relation IS NOT NULL THEN ARRAY[k.starts::text, k.ends::text] WHEN t.is_bound THEN
            regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \\(''(.+)''\\) TO \\(''(.+)''\\)$') END AS bound
          FROM tree t JOIN pg_class c ON c.oid = t.part LEFT JOIN ${
    of("bar_part")
  } k ON k.relation = c.oid WHERE c.relkind <> 'p'
        ) AS p;
      ELSIF to_regclass('timescaledb_information.chunks') IS NOT NULL THEN
        SELECT jsonb_agg(jsonb_build_object('part', c.oid, 'file', c.relfilenode, 'starts', i.range_start, 'ends', i.range_end)) INTO parts
        FROM timescaledb_information.chunks i
        JOIN pg_namespace n ON n.nspname = i.chunk_schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = i.chunk_name
        WHERE (i.hypertable_schema, i.hypertable_name) = (SELECT b.relnamespace::regnamespace::text, b.relname FROM pg_class b WHERE b.oid = bars);
      END IF;
      IF parts IS NULL AND is_first THEN RETURN; END IF;
      -- One at a time: what another has taken up is taken up.
      LOCK TABLE ${of("bar_part")} IN SHARE ROW EXCLUSIVE MODE;
      SELECT CASE WHEN bool_and(p.starts IS NOT NULL) THEN min(p.starts) END INTO oldest
      FROM jsonb_to_recordset(parts) AS p (starts timestamptz);
      FOR known IN
        SELECT k.relation, k.starts, k.ends, k.seen_at, p.part IS NULL AS is_gone FROM ${of("bar_part")} k
        LEFT JOIN jsonb_to_recordset(parts) AS p (part oid, file oid) ON p.part = k.relation
        WHERE p.part IS NULL OR p.file <> k.file
      LOOP
        has_lost := true;
        CONTINUE WHEN known.ends <= oldest;
        IF known.starts IS NOT NULL THEN
          is_left := EXISTS (SELECT FROM ${
    of("bar")
  } b WHERE b.ts >= known.starts AND b.ts < known.ends AND b.received_at < known.seen_at);
        ELSIF known.is_gone THEN is_left := false;
        ELSE EXECUTE format('SELECT EXISTS (SELECT FROM %s b WHERE b.received_at < $1)', known.relation::regclass) INTO is_left USING known.seen_at;
        END IF;
        IF NOT is_left THEN PERFORM ${of("doubt_lost")}(known.starts, known.ends, 'loss of a part of bar'); END IF;
      END LOOP;
      DELETE FROM ${of("bar_part")} k
      WHERE NOT EXISTS (SELECT FROM jsonb_to_recordset(parts) AS p (part oid) WHERE p.part = k.relation);
      INSERT INTO ${of("bar_part")} AS k (relation, file, starts, ends, seen_at)
      SELECT p.part, p.file, p.starts, p.ends, clock_timestamp()
      FROM jsonb_to_recordset(parts) AS p (part oid, file oid, starts timestamptz, ends timestamptz)
      ON CONFLICT (relation) DO UPDATE SET file = excluded.file, seen_at = excluded.seen_at
      WHERE k.file <> excluded.file OR k.seen_at < excluded.seen_at - interval '1 hour';
      IF oldest IS NULL OR NOT (is_first OR has_lost) THEN RETURN; END IF;
      UPDATE ${of("series_coverage")} c SET confirmed = c.confirmed - tstzmultirange(tstzrange(NULL, oldest)),
        updated_at = clock_timestamp(), updated_by = 'drop of chunks'
      WHERE c.confirmed && tstzrange(NULL, oldest);
      DELETE FROM ${of("series_doubt")} d WHERE d.ends <= oldest;
      UPDATE ${of("series_doubt")} d SET starts = oldest WHERE d.starts < oldest;
    END $body$
  $sql$;
END $migration$`;
