import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Database } from "../../src/database/database.ts";
import type { WriteCounts } from "../../src/events.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import { numberedBar } from "../support/numbered.ts";
import { barSink, never, select } from "../support/lanes.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { rowsOf } from "../support/frames.ts";

const { test } = useServer();

/** An observation: which key, and how new. The value is the receive time, so that each has one of its own. */
function observation(key: number, receivedAt: number): Bar {
  return numberedBar(key, receivedAt, { close: receivedAt });
}

/** Batches in which keys come again and receive times never do. */
const batches: fc.Arbitrary<Bar[][]> = fc.array(
  fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 40 }),
  { minLength: 1, maxLength: 12 },
).chain((keys) => {
  const count = keys.flat().length;
  const times = fc.shuffledSubarray(Array.from({ length: count }, (_, at) => at + 1), { minLength: count });
  return times.map((received) => {
    let at = 0;
    return keys.map((batch) => batch.map((key) => observation(key, received[at++])));
  });
});

/** What one delivery of each observation in the order of receiving would leave: the newest of each key. */
function fold(bars: readonly Bar[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { symbol, ts, receivedAt } of bars) {
    const key = `${symbol} ${ts}`;
    newest.set(key, Math.max(newest.get(key) ?? 0, receivedAt));
  }
  return newest;
}

/** What the table holds; then it is emptied. */
async function takeTable(database: Database): Promise<Map<string, number>> {
  const rows = await select(database, "SELECT symbol, extract(epoch FROM ts)::float8 * 1000 AS ts, close FROM bars");
  await select(database, "TRUNCATE bar");
  return new Map(rows.map(({ symbol, ts, close }) => [`${symbol} ${ts}`, close as number]));
}

/** Writes the batches through that many lanes at once, each lane taking the next when it is free. */
async function writeAll(database: Database, sent: readonly Bar[][], lanes: number): Promise<WriteCounts> {
  const total = { stored: 0, unchanged: 0, deduplicated: 0 };
  const waiting = [...sent];
  const sink = barSink(database);
  await Promise.all(Array.from({ length: lanes }, async () => {
    await using lane = sink.openLane();
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      const { stored, unchanged, deduplicated } = await lane.write(rowsOf(batch), never);
      total.stored += stored;
      total.unchanged += unchanged;
      total.deduplicated += deduplicated;
    }
  }));
  return total;
}

for (const lanes of [1, 4]) {
  test(`any batches through ${lanes} lanes in any order leave the newest observation of each key`, async (server) => {
    const { database } = await migratedDatabase(server);
    await fc.assert(
      fc.asyncProperty(batches, async (sent) => {
        const { stored, unchanged, deduplicated } = await writeAll(database, sent, lanes);
        const bars = sent.flat();
        const newest = fold(bars);
        assertEquals(stored + unchanged + deduplicated, bars.length);
        assertEquals(stored >= newest.size, true, "each key is stored once at least");
        assertEquals(await takeTable(database), newest);
      }),
      { numRuns: 40 },
    );
  });
}

test("all batches once more change nothing, in any order", async (server) => {
  const { database } = await migratedDatabase(server);
  await fc.assert(
    fc.asyncProperty(batches, async (sent) => {
      await writeAll(database, sent, 3);
      assertEquals((await writeAll(database, sent.toReversed(), 3)).stored, 0);
      assertEquals(await takeTable(database), fold(sent.flat()));
    }),
    { numRuns: 20 },
  );
});

test("lanes that write large overlapping batches in opposite orders do not deadlock", async (server) => {
  const { database } = await migratedDatabase(server);
  const count = 2000;
  const batch = (round: number) => {
    const bars = Array.from({ length: count }, (_, key) => observation(key, round * count + key));
    return round % 2 === 0 ? bars : bars.reverse();
  };
  const rounds = Array.from({ length: 16 }, (_, at) => batch(at + 1));
  const { stored, unchanged } = await writeAll(database, rounds, 4);
  assertEquals(stored + unchanged, 16 * count);
  assertEquals(await takeTable(database), fold(rounds.flat()));
});

test("unordered observations with repeated values leave the newest, in any order", async (server) => {
  const { database } = await migratedDatabase(server);
  // Observed as 1, corrected to 2, and both seen again, as by a file that is read again from before both.
  const seen = [[1, 1], [2, 2], [3, 1], [4, 2]].map(([receivedAt, close]) => numberedBar(0, receivedAt, { close }));
  for (const order of permutations(seen)) {
    await using sink = openPostgresSink({ database, kind: recordKind("bar"), deadlineMs: 10_000, writers: "many" });
    await using lane = sink.openLane();
    for (const bar of order) await lane.write(rowsOf([bar]), never);
    assertEquals([...(await takeTable(database)).values()], [2], order.map(({ receivedAt }) => receivedAt).join());
  }
  await database[Symbol.asyncDispose]();
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}
