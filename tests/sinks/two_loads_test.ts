import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Database, withClient } from "../../src/database/database.ts";
import { recordLoads } from "../../src/database/loads.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { rowsOf } from "../support/frames.ts";
import { counts, never, select } from "../support/lanes.ts";
import { numberedBar } from "../support/numbered.ts";
import { turns } from "../support/observations.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** A run that loads files, as a process of its own would be. */
async function beginRun(url: string) {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(databaseAt(url));
  const loads = recordLoads({ tenant: "default", run: (work, signal) => withClient(database, work, signal) });
  const id = await loads.begin("barline ingest", [{ path: "a.csv" }], never);
  const sink = opened.use(
    openPostgresSink({ database, kind: recordKind("bar"), loads: loads.book, deadlineMs: 60_000, writers: "alone" }),
  );
  const lane = opened.use(sink.openLane());
  const closing = opened.move();
  return {
    /** The next time of receipt. */
    time: async () => (await loads.reserve(id, Date.now() * 1000, never))[0],
    write: (bars: readonly Bar[]) => lane.write(rowsOf(bars), never),
    async end() {
      await loads.finish(id, { ledger: {}, used: Date.now() * 1000 }, never);
      await closing.disposeAsync();
    },
  };
}

const observations = fc.array(
  fc.record({ run: fc.constantFrom(0 as const, 1 as const), value: fc.integer({ min: 1, max: 2 }) }),
  { minLength: 5, maxLength: 5 },
);

const barOf = (minute: number, receivedAt: number, close: number) =>
  numberedBar(0, receivedAt, { provider: "replay", symbol: "S", ts: Date.UTC(2020, 0, 1) + minute * 60_000, close });

async function takeCloses(database: Database): Promise<number[]> {
  const rows = await select(database, "SELECT close FROM bars ORDER BY ts");
  await select(database, "TRUNCATE bar");
  return rows.map(({ close }) => close as number);
}

test("two runs that load files of one series at once leave the newest of five observations in all interleavings", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await fc.assert(
    fc.asyncProperty(observations, async (seen) => {
      const ones = seen.filter(({ run }) => run === 0).length;
      const orders = turns(ones, seen.length - ones);
      // Rows of an earlier run, which both may find as they are.
      const earlier = await beginRun(url);
      const before = await earlier.time();
      await earlier.write(orders.map((_, minute) => barOf(minute, before, 1)));
      await earlier.end();
      const runs = [await beginRun(url), await beginRun(url)];
      // Each run writes its own in order.
      const queues: { value: number; at: number }[][] = [[], []];
      for (const { run, value } of seen) queues[run].push({ value, at: await runs[run].time() });
      const places = orders.map(() => [0, 0]);
      for (const step of seen.keys()) {
        for (const run of [0, 1] as const) {
          const bars = orders.flatMap((order, minute) => {
            if (order[step] !== run) return [];
            const { value, at } = queues[run][places[minute][run]++];
            return [barOf(minute, at, value)];
          });
          if (bars.length > 0) await runs[run].write(bars);
        }
      }
      for (const run of runs) await run.end();
      assertEquals(await takeCloses(database), orders.map(() => seen.at(-1)!.value));
    }),
    { numRuns: 12, examples: [[[{ run: 0, value: 2 }, ...Array(4).fill({ run: 1, value: 1 })]]] },
  );
});

test("a file that is loaded again leaves its rows unchanged while no other run loads files", async (server) => {
  const { url, database } = await migratedDatabase(server);
  for (const expected of [counts(1), counts(0, 1)]) {
    const run = await beginRun(url);
    const row = await select(database, "SELECT xmin::text FROM bar");
    assertEquals(await run.write([barOf(0, await run.time(), 1)]), expected);
    if (row.length > 0) assertEquals(await select(database, "SELECT xmin::text FROM bar"), row);
    await run.end();
  }
});
