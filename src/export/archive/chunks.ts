/**
 * Chunks of bars in TimescaleDB, which are dropped whole: to delete their rows would decompress them.
 *
 * @module
 */
import type { Client } from "pg";
import { type Database, withClient } from "../../database/database.ts";
import { literal, type Names } from "../../database/names.ts";
import { inArchiving } from "./digest.ts";

/** Chunks to drop together, as they share days; times are in epoch ms. */
export interface DueChunks {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;

/** Chunks that end by a time, oldest first; `undefined` if bars are in a plain table. */
export async function findChunks(database: Database, until: number): Promise<DueChunks[] | undefined> {
  return await withClient(database, async (client, { schema }) => {
    const { rows: [{ view }] } = await client.query(
      "SELECT to_regclass('timescaledb_information.hypertables')::text AS view",
    );
    if (view === null) return undefined;
    const where = `hypertable_schema = ${literal(schema)} AND hypertable_name = 'bar'`;
    const { rows: [{ count }] } = await client.query(
      `SELECT count(*)::int FROM timescaledb_information.hypertables WHERE ${where}`,
    );
    if (count === 0) return undefined;
    const { rows } = await client.query(
      `SELECT (extract(epoch FROM range_start) * 1000)::float8 AS "from", (extract(epoch FROM range_end) * 1000)::float8 AS "to"
FROM timescaledb_information.chunks WHERE ${where} AND range_end <= $1 ORDER BY range_start`,
      [new Date(until).toISOString()],
    );
    return joinDays(rows);
  });
}

/** Joins chunks that share a day; a day that continues in a chunk that is not due keeps its chunks. */
function joinDays(chunks: readonly DueChunks[]): DueChunks[] {
  const joined: DueChunks[] = [];
  let open: DueChunks | undefined;
  for (const { from, to } of chunks) {
    open = { from: open?.from ?? from, to };
    if (to % DAY_MS !== 0) continue;
    joined.push(open);
    open = undefined;
  }
  return joined;
}

/**
 * Drops chunks if `isArchived` resolves to true while a lock blocks all writers of bars; returns whether it has.
 *
 * @throws {Error} If the lock cannot be taken in 10 s.
 */
export async function dropChunks(
  client: Client,
  { of }: Names,
  { from, to }: DueChunks,
  isArchived: () => Promise<boolean>,
): Promise<boolean> {
  return await inArchiving(client, "READ COMMITTED", async () => {
    await client.query(`LOCK TABLE ${of("bar")} IN SHARE ROW EXCLUSIVE MODE`);
    if (!await isArchived()) return false;
    await client.query(
      `SELECT drop_chunks(${literal(of("bar"))}, older_than => $1::timestamptz, newer_than => $2::timestamptz)`,
      [new Date(to).toISOString(), new Date(from).toISOString()],
    );
    return true;
  }, Boolean);
}

/** Counts the bars of chunks, of all series. */
export async function countBars(client: Client, { of }: Names, { from, to }: DueChunks): Promise<number> {
  const { rows } = await client.query(
    `SELECT count(*)::int FROM ${of("bar")} r WHERE r.ts >= $1 AND r.ts < $2`,
    [new Date(from).toISOString(), new Date(to).toISOString()],
  );
  return rows[0].count;
}
