/**
 * Trims the log of committed keys to the time that readers may be away.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/** Rows that a statement deletes. */
const STEP_ROWS = 10_000;

/**
 * Deletes older entries, oldest first, and records the latest deleted transaction: a cursor that has not seen it cannot
 * be continued.
 */
export async function trimStreamLog(client: Client, { of }: Names, hours: number): Promise<void> {
  for (let removed = STEP_ROWS; removed === STEP_ROWS;) {
    const { rows } = await client.query(
      `WITH gone AS (
  DELETE FROM ${of("stream_log")} WHERE ctid = ANY (ARRAY(
    SELECT l.ctid FROM ${of("stream_log")} l WHERE l.written_at < clock_timestamp() - $1::float8 * interval '1 hour'
    ORDER BY l.xid LIMIT ${STEP_ROWS}
  )) RETURNING xid
), last AS (
  SELECT count(*)::int AS count, (SELECT g.xid FROM gone g ORDER BY g.xid DESC LIMIT 1) AS xid FROM gone
), noted AS (
  UPDATE ${of("stream_trim")} t SET trimmed = last.xid FROM last WHERE last.xid > t.trimmed
)
SELECT count FROM last`,
      [hours],
    );
    removed = rows[0].count;
  }
}
