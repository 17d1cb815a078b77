/**
 * Forgets what is known of bars whose chunks were dropped: TimescaleDB drops them without a trigger.
 *
 * A retention policy drops bars on purpose, so they come into no doubt and nobody asks for them again. They are unknown, as
 * they were before they came.
 *
 * @module
 */
import type { Client } from "pg";

const HAS_CHUNKS = "SELECT to_regclass('timescaledb_information.chunks') IS NOT NULL AS has";

const FIRST_CHUNK = `SELECT min(c.range_start)::text AS first FROM timescaledb_information.chunks c
WHERE c.hypertable_schema = current_schema() AND c.hypertable_name = 'bar'`;

const FORGET_CONFIRMED = `UPDATE series_coverage SET confirmed = confirmed - tstzmultirange(tstzrange(NULL, $1)),
  updated_at = clock_timestamp(), updated_by = 'drop of chunks'
WHERE confirmed && tstzrange(NULL, $1)`;

const FORGET_DOUBTS = "DELETE FROM series_doubt WHERE ends <= $1::timestamptz";

const CUT_DOUBTS = "UPDATE series_doubt SET starts = $1::timestamptz WHERE starts < $1::timestamptz";

/**
 * Forgets what lies before the first chunk of bars, where that is not `known` (as text) already. Gives its start; `undefined`
 * where the bars lie in no chunks.
 */
export async function forgetDropped(client: Client, known?: string): Promise<string | undefined> {
  if (!(await client.query(HAS_CHUNKS)).rows[0].has) return undefined;
  const first: string | undefined = (await client.query(FIRST_CHUNK)).rows[0].first ?? undefined;
  if (first === undefined || first === known) return first;
  for (const statement of [FORGET_CONFIRMED, FORGET_DOUBTS, CUT_DOUBTS]) await client.query(statement, [first]);
  return first;
}
