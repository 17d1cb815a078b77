/**
 * Deletes old loads of files, which then can no longer be undone.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/**
 * Loads that are over: a run may still write an unfinished one. The load undone last stays, since readers of files
 * compare it to learn whether remembered positions still hold.
 */
const isPrunable = ({ of }: Names) =>
  `l.tenant = $1 AND l.began_at < to_timestamp($2::float8 / 1000) AND (l.ended_at IS NOT NULL OR l.undone_at IS NOT NULL)
  AND l.undo_began_at IS DISTINCT FROM (SELECT max(o.undo_began_at) FROM ${
    of("load")
  } o WHERE l.undo_began_at IS NOT NULL)`;

/** Counts a tenant's loads that began before a time, and the rows kept for them. */
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

/** Rows that a statement deletes. */
const STEP_ROWS = 50_000;

/** Deletes the loads. The kept rows go last, in steps: the next run deletes those that an interrupted run leaves. */
export async function pruneLoads(client: Client, names: Names, tenant: string, beforeMs: number): Promise<void> {
  const { of } = names;
  // All in one statement, since the load undone last would be another once others are gone.
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
