/**
 * Forgets loads of files that nobody will undo.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/**
 * Loads that are over: of an unfinished one, a run may still write. The one that was undone last stays, as readers of files tell
 * by it whether what they remember of a file is still stored.
 */
const isPrunable = ({ of }: Names) =>
  `l.tenant = $1 AND l.began_at < to_timestamp($2::float8 / 1000) AND (l.ended_at IS NOT NULL OR l.undone_at IS NOT NULL)
  AND l.undo_began_at IS DISTINCT FROM (SELECT max(o.undo_began_at) FROM ${
    of("load")
  } o WHERE l.undo_began_at IS NOT NULL)`;

/** Counts loads of a tenant that began before a time, and the rows that are kept for them. */
export async function countPrunable(
  client: Client,
  names: Names,
  tenant: string,
  beforeMs: number,
): Promise<{ readonly loads: number; readonly rows: number }> {
  const { of } = names;
  const { rows } = await client.query(
    `SELECT count(*)::int AS loads, coalesce(sum((SELECT count(*) FROM ${
      of("load_replaced")
    } r WHERE r.load_id = l.id)), 0)::int AS rows
FROM ${of("load")} l WHERE ${isPrunable(names)}`,
    [tenant, beforeMs],
  );
  return rows[0];
}

/** Rows that a statement removes. */
const STEP_ROWS = 50_000;

/** Forgets them. The rows that are kept go last, in steps: those that an interrupted run leaves are removed by the next. */
export async function pruneLoads(client: Client, names: Names, tenant: string, beforeMs: number): Promise<void> {
  const { of } = names;
  // Of all at once, as the load that was undone last is another without the others.
  await client.query(
    `WITH gone AS (
  DELETE FROM ${of("load")} AS l WHERE ${isPrunable(names)} RETURNING l.id
), times AS (
  DELETE FROM ${of("load_time")} t USING gone WHERE t.load_id = gone.id
)
DELETE FROM ${of("load_series")} s USING gone WHERE s.load_id = gone.id`,
    [tenant, beforeMs],
  );
  let removed = STEP_ROWS;
  while (removed === STEP_ROWS) {
    const { rowCount } = await client.query(
      `DELETE FROM ${of("load_replaced")} WHERE ctid = ANY (ARRAY(
  SELECT r.ctid FROM ${of("load_replaced")} r
  WHERE NOT EXISTS (SELECT FROM ${of("load")} l WHERE l.id = r.load_id) LIMIT ${STEP_ROWS}
))`,
    );
    removed = rowCount ?? 0;
  }
}
