/**
 * Tables to measure: plain ones on PostgreSQL, and those of TimescaleDB on the server that `TEST_TIMESCALE_URL` names, or in
 * PGlite, which is PostgreSQL compiled to WebAssembly: one connection, no COPY.
 *
 * @module
 */
import { type Database, withClient } from "../../src/database/database.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import type { TimescaleServer } from "../support/timescale.ts";
import { rowsOf } from "../support/frames.ts";

const MINUTE = 60_000;
/** The first minute: a chunk of a week begins there. */
export const START = Date.UTC(2024, 0, 4);
/** Rows of a batch. */
const BATCH = 5000;
/** Rows that one statement fills in. */
const FILL = 500_000;

/** Tables, and how they are to be kept. */
export interface Store {
  readonly database: Database;
  readonly isTimescale: boolean;
}

/** Makes empty tables in a place of the server. */
export async function openStore(server: TimescaleServer, isTimescale: boolean): Promise<Store> {
  const database = await server.open({ bare: !isTimescale });
  await prepareDatabase(database);
  if (isTimescale) {
    await applyTimescale(database, {}, (problem) => {
      throw problem;
    });
  }
  return { database, isTimescale };
}

/** Runs a statement, however long it takes. */
export async function execute({ database }: Store, sql: string): Promise<Record<string, unknown>[]> {
  return await withClient(database, async (client) => {
    await client.query("SET statement_timeout = 0");
    return (await client.query(sql)).rows;
  });
}

/** Adds series `S1`, `S2` and so on of the provider `mock` to tables without any: their ids are these numbers. */
export async function addSeries(store: Store, count: number): Promise<void> {
  await execute(
    store,
    `INSERT INTO series (provider, symbol, timeframe) SELECT 'mock', 'S' || n, '1m' FROM generate_series(1, ${count}) n
ORDER BY n ON CONFLICT DO NOTHING`,
  );
}

/** Fills in the bars of all series for the minutes from `from` to before `to`, in the order of time, within the server. */
export async function fill(store: Store, series: number, from: number, to: number): Promise<void> {
  const step = Math.max(1, Math.floor(FILL / series));
  for (let at = from; at < to; at += step) {
    const last = Math.min(at + step, to) - 1;
    await execute(
      store,
      `INSERT INTO bar (ts, open, high, low, close, volume, vwap, trades, received_at, series_id, status)
SELECT to_timestamp(${
        START / 1000
      } + m * 60), 100 + m % 7, 101 + m % 7, 99 + m % 7, 100.5 + m % 7, m % 97, 100.25, m % 50,
  '2024-01-01Z', id, 'f'
FROM generate_series(${at}, ${last}) m CROSS JOIN generate_series(1, ${series}) id`,
    );
  }
  await execute(store, "VACUUM ANALYZE bar");
}

/** Compresses the chunks that end before the minute, as the policy does. */
export async function compressBefore(store: Store, minute: number): Promise<void> {
  if (!store.isTimescale) return;
  await execute(
    store,
    `SELECT compress_chunk(chunk, true)
FROM show_chunks('bar', older_than => to_timestamp(${START / 1000 + minute * 60})) chunk`,
  );
}

/** Bars of all series for some minutes, as a feed would give them. */
export function makeBars(series: number, from: number, to: number, volume = 1): Bar[] {
  const receivedAt = Date.now() * 1000;
  return Array.from({ length: (to - from) * series }, (_, at): Bar => {
    const price = 100 + at % 7;
    return {
      provider: "mock",
      symbol: `S${at % series + 1}`,
      timeframe: "1m",
      ts: START + (from + Math.floor(at / series)) * MINUTE,
      open: price,
      high: price + 1,
      low: price - 1,
      close: price + 0.5,
      volume,
      status: "final",
      receivedAt: receivedAt + at,
    };
  });
}

/** Writes the bars in batches through one lane, and gives the rows a second. */
export async function writeRate({ database }: Store, bars: readonly Bar[]): Promise<number> {
  await using sink = openPostgresSink({ database, kind: recordKind("bar"), deadlineMs: 600_000 });
  await using lane = sink.openLane();
  const never = new AbortController().signal;
  // A lane that runs knows its series: it has written their first minute.
  const first = [...new Map(bars.map((bar) => [bar.symbol, { ...bar, ts: START, receivedAt: 0 }])).values()];
  for (let at = 0; at < first.length; at += BATCH) await lane.write(rowsOf(first.slice(at, at + BATCH)), never);
  const started = performance.now();
  for (let at = 0; at < bars.length; at += BATCH) await lane.write(rowsOf(bars.slice(at, at + BATCH)), never);
  return bars.length / ((performance.now() - started) / 1000);
}

/** Milliseconds of a query, after it has been run once: the median, and the best, which others on the machine disturb least. */
export async function queryMs({ database }: Store, sql: string, times = 21): Promise<{ median: number; best: number }> {
  return await withClient(database, async (client) => {
    await client.query("SET statement_timeout = 0");
    await client.query(sql);
    const taken: number[] = [];
    for (let at = 0; at < times; at++) {
      const started = performance.now();
      await client.query(sql);
      taken.push(performance.now() - started);
    }
    return { median: median(taken), best: Math.min(...taken) };
  });
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
