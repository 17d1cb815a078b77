import { assert, assertEquals } from "@std/assert";
import { type Database, withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { noteHistoryReads } from "../../src/database/history_reads.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { rowsOf as columnsFrom } from "../support/frames.ts";
import { counts, never, select, writeOnce } from "../support/lanes.ts";
import { minuteBars, rowsOf } from "../support/rollups.ts";
import { startTimescale, type TimescaleServer } from "../support/timescale.ts";

let server: TimescaleServer;
Deno.test.beforeAll(async () => void (server = await startTimescale()));
Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());

const MARCH = Date.UTC(2024, 2, 1);
const MINUTE = 60_000;

/** Bars in a table, all of whose chunks are compressed where it `isCompressed`, else all of it plain. */
async function filled(bars: readonly Bar[], isCompressed = true): Promise<Database> {
  const database = await server.open();
  await prepareDatabase(database);
  if (isCompressed) await applyTimescale(database, {}, (problem) => Promise.reject(problem));
  assertEquals(await writeOnce(database, bars), counts(bars.length));
  if (isCompressed) {
    const [{ compressed }] = await select(
      database,
      "SELECT count(compress_chunk(chunk))::int AS compressed FROM show_chunks('bar') AS chunk",
    );
    assertEquals(compressed, 1);
  }
  return database;
}

Deno.test("writes into compressed chunks end and count as those into a plain table", async () => {
  const bars = minuteBars(MARCH, 600);
  const later = (bar: Bar, more: Partial<Bar> = {}) => ({ ...bar, receivedAt: bar.receivedAt + 1_000_000, ...more });
  const older = (bar: Bar, more: Partial<Bar> = {}) => ({ ...bar, receivedAt: bar.receivedAt - 1_000_000, ...more });
  const batches = [
    bars,
    bars.slice(100, 300).map((bar) => later(bar)),
    bars.slice(150, 200).map((bar) => later(bar, { volume: 7, status: "correction" })),
    bars.slice(0, 400).map((bar) => older(bar, { volume: 9 })),
    minuteBars(MARCH + 570 * MINUTE, 60),
    minuteBars(MARCH - 30 * MINUTE, 60, ["AAA", "CCC"]).map((bar) => older(bar)),
    [...bars.slice(10, 20), ...bars.slice(10, 20).map((bar) => later(bar, { volume: 8 }))],
  ];
  const compressed = await filled(bars);
  const plain = await filled(bars, false);
  for (const [at, batch] of batches.entries()) {
    assertEquals(await writeOnce(compressed, batch), await writeOnce(plain, batch), `batch ${at}`);
  }
  const rows = async (database: Database) =>
    (await rowsOf(database, "bars", "symbol, timeframe, ts")).map(({ series_id: _, ...row }) => row);
  assertEquals(await rows(compressed), await rows(plain));
});

Deno.test("a batch for which more has to be decompressed than a transaction may is written all the same", async () => {
  const bars = minuteBars(MARCH, 600);
  const database = await filled(bars);
  const limited: Database = {
    ...database,
    async connect(signal) {
      const client = await database.connect(signal);
      await client.query("SET timescaledb.max_tuples_decompressed_per_dml_transaction = 10");
      return client;
    },
  };
  const changed = bars.map((bar) => ({ ...bar, volume: bar.volume + 1, receivedAt: bar.receivedAt + 1 }));
  assertEquals(await writeOnce(limited, changed), counts(bars.length, 0, 0, bars.length));
  const [{ volume }] = await select(database, "SELECT sum(volume) AS volume FROM bar");
  assertEquals(volume, changed.reduce((sum, bar) => sum + bar.volume, 0));
  // Everything in one session where it is PGlite.
  await withClient(database, (client) => client.query("RESET timescaledb.max_tuples_decompressed_per_dml_transaction"));
});

Deno.test("late rows in a compressed chunk are compressed again by the policy", async () => {
  const bars = minuteBars(MARCH, 600);
  const database = await filled(bars);
  await writeOnce(database, minuteBars(MARCH + 700 * MINUTE, 60));
  const partial = async () =>
    (await select(
      database,
      `SELECT count(*)::int AS rows FROM ONLY ${(await chunkOf(database))}`,
    ))[0].rows as number;
  assert(await partial() > 0, "they lie in the chunk uncompressed");
  const [{ job_id }] = await select(
    database,
    `SELECT job_id FROM timescaledb_information.jobs
WHERE proc_name = 'policy_compression' AND hypertable_schema = current_schema()`,
  );
  const before = await rowsOf(database, "bars");
  await select(database, `CALL run_job(${job_id})`);
  assertEquals(await partial(), 0);
  assertEquals(await rowsOf(database, "bars"), before);
});

async function chunkOf(database: Database): Promise<string> {
  return (await select(database, "SELECT show_chunks('bar')::text AS chunk"))[0].chunk as string;
}

Deno.test("unchanged rows of a compressed chunk take a newer time of receipt while another process reads them from history", async () => {
  const receivedAt = Date.now() * 1000;
  const bars = minuteBars(MARCH, 60, ["AAA"]).map((bar) => ({
    ...{ ...bar, timeframe: "1m", receivedAt, fromHistory: 1 as const },
  }));
  const database = await filled(bars);
  await using sink = openPostgresSink({
    ...{ database, kind: recordKind("bar"), deadlineMs: 60_000, writers: "history", reader: crypto.randomUUID() },
  });
  await using lane = sink.openLane();
  const [{ provider, symbol, timeframe }] = bars;
  const times = async () =>
    await select(
      database,
      `SELECT count(*) FILTER (WHERE received_at > to_timestamp(${receivedAt / 1e6}))::int AS newer FROM bars`,
    );
  const later = bars.map((bar) => ({ ...bar, receivedAt: bar.receivedAt + 1_000_000 }));
  assertEquals(await lane.write(columnsFrom(later), never), counts(0, bars.length));
  assertEquals(await times(), [{ newer: 0 }]);
  const reads = noteHistoryReads({
    ...{ tenant: "default", reader: crypto.randomUUID() },
    run: (work) => withClient(database, work),
  });
  const until = MARCH + 10 * MINUTE;
  await using _note = await reads.begin({ provider, timeframe }, new Map([[symbol, [MARCH, until]]]), never);
  assertEquals(await lane.write(columnsFrom(later), never), counts(0, bars.length));
  assertEquals(await times(), [{ newer: bars.filter(({ ts }) => ts < until).length }]);
});
