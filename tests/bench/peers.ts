/**
 * Other ways to bring the same rows into the same tables.
 *
 * @module
 */
// @ts-types="@types/pg"
import { Client } from "pg";
import { DEFAULT_SCHEMA, namesIn } from "../../src/database/names.ts";
import { createStatements } from "../../src/sinks/postgres/statements.ts";
import { recordKind } from "../../src/records/mod.ts";
import type { Bar } from "../../src/records/bar.ts";

const COLUMNS = "series_id, ts, open, high, low, close, volume, received_at, status";

/** Runs a psql script and gives the seconds it took. */
async function psql(url: string, script: string): Promise<number> {
  const started = performance.now();
  const process = new Deno.Command("psql", {
    args: ["-X", "-q", "-v", "ON_ERROR_STOP=1", url],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { success, stderr } = await process.output();
  if (!success) throw new Error(`psql failed: ${new TextDecoder().decode(stderr)}`);
  return (performance.now() - started) / 1000;
}

/** `\copy` straight into the table: no upsert, fails where a key is there. */
export function rawCopy(url: string, file: string): Promise<number> {
  return psql(url, `\\copy bar (${COLUMNS}) FROM '${file}' (FORMAT csv)\n`);
}

/** `\copy` into a temporary table, and from there the same upsert as Barline's. */
export function stagedUpsert(url: string, file: string): Promise<number> {
  const { upsert } = createStatements(recordKind("bar"), namesIn(DEFAULT_SCHEMA));
  const [, conflict] = upsert.xmax.split(/ON CONFLICT|\nRETURNING /);
  return psql(
    url,
    `BEGIN;
CREATE TEMP TABLE stage (LIKE bar) ON COMMIT DROP;
ALTER TABLE stage ALTER COLUMN received_at SET DEFAULT now();
\\copy stage (${COLUMNS}) FROM '${file}' (FORMAT csv)
INSERT INTO bar AS old (${COLUMNS}) SELECT ${COLUMNS.replace("received_at", "now()")} FROM stage
ON CONFLICT${conflict};
COMMIT;
`,
  );
}

/** Row-wise upserts, 200 to a transaction, on 4 connections of the same driver: what a plain script does. */
export async function rowWiseUpserts(url: string, bars: readonly Bar[], symbols: readonly string[]): Promise<number> {
  const ids = new Map(symbols.map((symbol, at) => [symbol, at + 1]));
  const clients = await Promise.all(Array.from({ length: 4 }, async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  }));
  const started = performance.now();
  let next = 0;
  await Promise.all(clients.map(async (client) => {
    while (next < bars.length) {
      const batch = bars.slice(next, next += 200);
      await client.query("BEGIN");
      for (const { symbol, ts, open, high, low, close, volume, receivedAt } of batch) {
        await client.query({
          name: "upsert",
          text: `INSERT INTO bar (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'f')
ON CONFLICT (series_id, ts) DO UPDATE SET close = excluded.close`,
          values: [ids.get(symbol), new Date(ts), open, high, low, close, volume, new Date(receivedAt / 1000)],
        });
      }
      await client.query("COMMIT");
    }
  }));
  const seconds = (performance.now() - started) / 1000;
  for (const client of clients) await client.end();
  return seconds;
}
