import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Database } from "../../src/database/database.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import type { Writers } from "../../src/sinks/sink.ts";
import { createHistoryFrame } from "../../src/providers/live/history/range.ts";
import { barSink, counts, never, select } from "../support/lanes.ts";
import {
  newestOf,
  observations,
  permutations,
  recordOf,
  type Source,
  START_MS,
  STATUSES,
} from "../support/observations.ts";
import { databaseAt, migratedDatabase, useServer } from "../support/server_tests.ts";
import { recordsOf, rowsOf } from "../support/frames.ts";

const { test } = useServer();
const kind = recordKind("bar");

/** Writes a batch as a process of its own would: another sink, another connection. */
async function writeRestarted(url: string, bars: readonly Bar[], writers: Writers): Promise<void> {
  await using database = databaseAt(url);
  await using sink = openPostgresSink({ database, kind, deadlineMs: 10_000, writers });
  await using lane = sink.openLane();
  await lane.write(rowsOf(bars), never);
}

async function takeRows(database: Database): Promise<{ close: number; status: string }[]> {
  const rows = await select(database, "SELECT close, status FROM bars ORDER BY ts");
  await select(database, "TRUNCATE bar");
  return rows as { close: number; status: string }[];
}

for (const writers of ["many", "live", "history"] as const) {
  test(`five observations of a bar leave the newest in all 120 orders, each written after a restart (${writers})`, async (server) => {
    const { url, database } = await migratedDatabase(server);
    await fc.assert(
      fc.asyncProperty(observations, async (seen) => {
        const orders = permutations(seen);
        for (const turn of seen.keys()) {
          const bars = orders.map((order, at) => recordOf(order[turn], START_MS + at));
          await writeRestarted(url, bars, writers);
        }
        const { source, value } = newestOf(seen);
        const expected = orders.map(() => ({ close: value, status: STATUSES[source] }));
        assertEquals(await takeRows(database), expected);
      }),
      { numRuns: 10 },
    );
  });
}

test("five observations of a bar leave the newest in all 120 orders through two lanes of one process", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database);
  await using one = sink.openLane();
  await using other = sink.openLane();
  await fc.assert(
    fc.asyncProperty(observations, fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), async (seen, lanes) => {
      const now = Date.now() - START_MS;
      const recent = seen.map((each) => ({ ...each, at: now / 1000 + each.at }));
      const orders = permutations(recent);
      for (const turn of recent.keys()) {
        const bars = orders.map((order, at) => recordOf(order[turn], START_MS + at));
        await (lanes[turn] ? one : other).write(rowsOf(bars), never);
      }
      const { source, value } = newestOf(recent);
      assertEquals(await takeRows(database), orders.map(() => ({ close: value, status: STATUSES[source] })));
    }),
    { numRuns: 10 },
  );
});

test("observations of a bar in one batch leave the newest in all orders", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database);
  await using lane = sink.openLane();
  await fc.assert(
    fc.asyncProperty(observations, async (seen) => {
      const orders = permutations(seen);
      const bars = orders.flatMap((order, at) => order.map((each) => recordOf(each, START_MS + at)));
      await lane.write(rowsOf(bars), never);
      const { source, value } = newestOf(seen);
      assertEquals(await takeRows(database), orders.map(() => ({ close: value, status: STATUSES[source] })));
    }),
    { numRuns: 10 },
  );
});

test("a plain bar that a feed repeats does not replace a correction, and history does only where asked later", async (server) => {
  const { database } = await migratedDatabase(server);
  const sink = barSink(database);
  await using lane = sink.openLane();
  const see = async (source: Source, value: number, at: number) => {
    const { stored } = await lane.write(rowsOf([recordOf({ source, value, at }, START_MS)]), never);
    const [{ close, status }] = await select(database, "SELECT close, status FROM bars");
    return { stored, close, status };
  };
  assertEquals(await see("plain", 1, 1), { stored: 1, close: 1, status: "final" });
  assertEquals(await see("correction", 2, 10), { stored: 1, close: 2, status: "correction" });
  assertEquals(await see("plain", 1, 20), { stored: 0, close: 2, status: "correction" });
  assertEquals(await see("history", 1, 9), { stored: 0, close: 2, status: "correction" });
  assertEquals(await see("history", 3, 11), { stored: 1, close: 3, status: "final" });
  assertEquals(await see("plain", 1, 30), { stored: 0, close: 3, status: "final" });
  assertEquals(await see("correction", 4, 12), { stored: 1, close: 4, status: "correction" });
});

test("a file that a later run reads again leaves its rows unchanged", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const bars = (at: number) => [recordOf({ source: "plain", value: 1, at }, START_MS)];
  await writeRestarted(url, bars(1), "alone");
  const before = await select(database, "SELECT xmin::text FROM bar");
  await using sink = barSink(database);
  await using lane = sink.openLane();
  assertEquals(await lane.write(rowsOf(bars(2)), never), counts(0, 1));
  assertEquals(await select(database, "SELECT xmin::text FROM bar"), before);
});

test("history marks the bars that were over when it was asked, and no others", () => {
  const asOf = START_MS * 1000;
  const bars = [65_000, 64_999, 0].map((before) => {
    const { provider: _, receivedAt: __, ...bar } = recordOf({ source: "plain", value: 1, at: 0 }, START_MS - before);
    return bar;
  });
  const records = recordsOf(createHistoryFrame("feed", bars, asOf, () => {}));
  assertEquals(records.map(({ fromHistory }) => fromHistory), [1, undefined, undefined]);
  // The vendor's clock says what was over, where the local one is behind it.
  const later = recordsOf(createHistoryFrame("feed", bars, asOf, () => {}, 65_000));
  assertEquals(later.map(({ fromHistory }) => fromHistory), [1, 1, 1]);
  return Promise.resolve();
});
