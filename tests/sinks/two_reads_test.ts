import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Database, withClient } from "../../src/database/database.ts";
import { noteHistoryReads } from "../../src/database/history_reads.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import type { Writers } from "../../src/sinks/sink.ts";
import { rowsOf } from "../support/frames.ts";
import { counts, never, select } from "../support/lanes.ts";
import { recordOf, STATUSES, turns } from "../support/observations.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();
const MINUTE = 60_000;
const OLD_MS = Date.now() - 8 * 24 * 60 * MINUTE;
const owner = { provider: "feed", timeframe: "1m" };

/** A run that reads history, as a process of its own would be. */
async function beginRun(url: string, writers: Writers) {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(databaseAt(url));
  const reader = crypto.randomUUID();
  const reads = noteHistoryReads({ tenant: "default", reader, run: (work) => withClient(database, work) });
  const sink = opened.use(
    openPostgresSink({ database, kind: recordKind("bar"), deadlineMs: 60_000, writers, reader }),
  );
  const lane = opened.use(sink.openLane());
  const closing = opened.move();
  return {
    ask: (minutes: number, symbol = "S") =>
      reads.begin(owner, new Map([[symbol, [OLD_MS, OLD_MS + minutes * MINUTE]]]), never),
    write: (bars: readonly Bar[]) => lane.write(rowsOf(bars), never),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

const barOf = (minute: number, value: number, at: number): Bar =>
  recordOf({ source: "history", value, at }, OLD_MS + minute * MINUTE);

const observations = fc.array(
  fc.record({ run: fc.constantFrom(0 as const, 1 as const), value: fc.integer({ min: 1, max: 2 }) }),
  { minLength: 5, maxLength: 5 },
);

async function takeRows(database: Database): Promise<{ close: number; status: string }[]> {
  const rows = await select(database, "SELECT close, status FROM bars ORDER BY ts");
  await select(database, "TRUNCATE bar");
  return rows as { close: number; status: string }[];
}

for (const [first, second] of [["history", "history"], ["live", "history"], ["history", "live"]] as const) {
  test(`a ${first} and a ${second} run that read old bars at once leave the newest of five observations in all interleavings`, async (server) => {
    const { url, database } = await migratedDatabase(server);
    await fc.assert(
      fc.asyncProperty(observations, async (seen) => {
        const ones = seen.filter(({ run }) => run === 0).length;
        const orders = turns(ones, seen.length - ones);
        // Rows of an earlier run, which both may find as they are.
        {
          await using earlier = await beginRun(url, "history");
          await earlier.write(orders.map((_, minute) => barOf(minute, 1, 0)));
        }
        await using one = await beginRun(url, first);
        await using other = await beginRun(url, second);
        const runs = [one, other];
        const queues: { value: number; at: number; note: AsyncDisposable | undefined }[][] = [[], []];
        for (const [at, { run, value }] of seen.entries()) {
          queues[run].push({ value, at: at + 1, note: await runs[run].ask(orders.length) });
        }
        const places = orders.map(() => [0, 0]);
        for (const step of seen.keys()) {
          for (const run of [0, 1] as const) {
            const bars = orders.flatMap((order, minute) => {
              if (order[step] !== run) return [];
              const { value, at } = queues[run][places[minute][run]++];
              return [barOf(minute, value, at)];
            });
            if (bars.length > 0) await runs[run].write(bars);
          }
        }
        for (const { note } of queues.flat()) await note?.[Symbol.asyncDispose]();
        const expected = orders.map(() => ({ close: seen.at(-1)!.value, status: STATUSES.history }));
        assertEquals(await takeRows(database), expected);
      }),
      { numRuns: 10, examples: [[[{ run: 0, value: 2 }, ...Array(4).fill({ run: 1, value: 1 })]]] },
    );
  });
}

test("unchanged old rows are rewritten only while another process reads their bars", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const version = async () => (await select(database, "SELECT xmin::text FROM bar"))[0].xmin;
  const see = async (at: number) => {
    await using run = await beginRun(url, "history");
    await using _own = await run.ask(1);
    const before = (await select(database, "SELECT 1 FROM bar")).length > 0 ? await version() : undefined;
    const written = await run.write([barOf(0, 1, at)]);
    return { written, isRewritten: await version() !== before };
  };
  assertEquals(await see(1), { written: counts(1), isRewritten: true });
  assertEquals(await see(2), { written: counts(0, 1), isRewritten: false });
  await using other = await beginRun(url, "history");
  {
    await using _elsewhere = await other.ask(1, "T");
    await using _later = await other.ask(0);
    assertEquals(await see(3), { written: counts(0, 1), isRewritten: false });
  }
  const note = await other.ask(1);
  assertEquals(await see(4), { written: counts(0, 1), isRewritten: true });
  await select(database, "UPDATE history_read SET began_at = began_at - interval '25 hours'");
  assertEquals(await see(5), { written: counts(0, 1), isRewritten: false });
  await note?.[Symbol.asyncDispose]();
  assertEquals(await select(database, "SELECT * FROM history_read"), []);
});

test("reads of recent bars are not noted", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await using other = databaseAt(url);
  const reads = noteHistoryReads({
    tenant: "default",
    reader: crypto.randomUUID(),
    run: (work) => withClient(other, work),
  });
  const days = async (count: number) => {
    const from = Date.now() - count * 24 * 60 * MINUTE;
    return await reads.begin(owner, new Map([["S", [from, from + MINUTE]]]), never);
  };
  assertEquals(await days(5.9), undefined);
  assertEquals(await select(database, "SELECT * FROM history_read"), []);
  await using _note = await days(6.1);
  assertEquals(await select(database, "SELECT provider, timeframe, symbols FROM history_read"), [
    { provider: "feed", timeframe: "1m", symbols: ["S"] },
  ]);
});

Deno.test("a read that cannot be noted does not begin, and the error says why", async () => {
  const reads = noteHistoryReads({
    ...{ tenant: "default", reader: crypto.randomUUID() },
    run: () => Promise.reject(new Error("connection refused")),
  });
  await assertRejects(
    () => reads.begin(owner, new Map([["S", [OLD_MS, OLD_MS + MINUTE]]]), never),
    Error,
    "Cannot note in the database that history is read: connection refused",
  );
});
