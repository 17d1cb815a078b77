/**
 * Tables before and after a load, and rows that somebody else holds.
 *
 * @module
 */
import { text } from "node:stream/consumers";
// @ts-types="@types/pg"
import { Client } from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { Workspace } from "./workspace.ts";

/** All tables of records, and those of series, in the order of their keys. */
const TABLES: readonly (readonly [table: string, order: string])[] = [
  ["bar", "series_id, ts"],
  ["option_snapshot", "series_id, ts"],
  ["fundamental", "series_id, ts, period"],
  ["news_item", "series_id, ts, id"],
  ["series_key", "id"],
];

/** What `COPY … TO` gives of the tables; of the embedded database, which has no such answer, rows as text. */
export async function dumpTables({ database, query }: Workspace, bars = "true"): Promise<string> {
  const selections = TABLES.map(([table, order]) =>
    [`SELECT * FROM ${table} WHERE ${table === "bar" ? bars : "true"} ORDER BY ${order}`, table] as const
  );
  if (database === "embedded") {
    // Each question opens the database, which takes most of a second.
    const [{ there }] = await query(
      `SELECT array_agg(name) AS there FROM unnest('{${TABLES.map(([table]) => table)}}'::text[]) AS name
      WHERE to_regclass(name) IS NOT NULL`,
    );
    const lines = selections.filter(([, table]) => (there as string[]).includes(table)).map(([selection, table]) =>
      `SELECT '${table}' AS name, array(SELECT r::text FROM (${selection}) AS r) AS lines`
    );
    const parts = await query(lines.join(" UNION ALL "));
    return parts.map(({ name, lines }) => `${name}\n${(lines as string[]).join("\n")}`).join("\n--\n");
  }
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    const parts: string[] = [];
    for (const [selection, table] of selections) {
      const { rows: [{ exists }] } = await client.query(`SELECT to_regclass('${table}') IS NOT NULL AS exists`);
      if (exists) parts.push(await text(client.query(copyTo(`COPY (${selection}) TO STDOUT`))));
    }
    return parts.join("--\n");
  } finally {
    await client.end();
  }
}

/** Holds the bar of that time, until it is disposed of. */
export async function lockRow(url: string, ts: string): Promise<AsyncDisposable> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN");
  const { rowCount } = await client.query("SELECT 1 FROM bar WHERE ts = $1 FOR UPDATE", [ts]);
  if (rowCount !== 1) throw new Error(`Cannot hold the bar of ${ts}: it is not there`);
  return {
    async [Symbol.asyncDispose]() {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}

/** Waits until a statement waits for a lock. */
export async function untilLocked({ query }: Workspace): Promise<void> {
  while (true) {
    const [{ waiting }] = await query(`SELECT count(*)::int AS waiting FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'`);
    if (waiting as number > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
