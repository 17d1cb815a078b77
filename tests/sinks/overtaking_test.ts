import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Database } from "../../src/database/database.ts";
import { createOrder, type Order } from "../../src/pipeline/order.ts";
import { distribute } from "../../src/pipeline/deliver.ts";
import type { Bar } from "../../src/records/bar.ts";
import { recordKind } from "../../src/records/mod.ts";
import { openPostgresSink } from "../../src/sinks/postgres.ts";
import type { Sink, SinkLane } from "../../src/sinks/sink.ts";
import { never, select } from "../support/lanes.ts";
import { newestOf, type Observation, permutations, recordOf, START_MS, STATUSES } from "../support/observations.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { settled } from "../support/streams.ts";
import { rowsOf } from "../support/frames.ts";

const { test } = useServer();
const kind = recordKind("bar");
const sinkOf = (database: Database) => openPostgresSink({ database, kind, deadlineMs: 10_000, writers: "alone" });

/** Five observations in the order in which a source gives them. */
const observations = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 5, maxLength: 5 }).map((values) =>
  values.map((value, at): Observation => ({ source: "plain", value, at }))
);
/** The row that another process has left: before all of them, between two, or after all. */
const earlier = fc.record({
  source: fc.constant("plain" as const),
  value: fc.integer({ min: 1, max: 3 }),
  at: fc.constantFrom(-1, 2.5, 10),
});

/** Writes bars through lanes of one process, where of those that could be written the first one of `ranks` is. */
async function writeOvertaking(
  lanes: readonly SinkLane[],
  order: Order,
  bars: readonly Bar[],
  ranks: readonly number[],
) {
  const waiting = new Map<number, () => Promise<unknown>>();
  const streams = lanes.map((lane) =>
    new WritableStream<number>({
      write: (at) =>
        new Promise<void>((resolve, reject) =>
          void waiting.set(at, () => lane.write(rowsOf([bars[at]]), never).then(() => resolve(), reject))
        ),
    }, { highWaterMark: 1 })
  );
  const spreading = distribute(ReadableStream.from(bars.keys()), streams, (at) => order.enter(rowsOf([bars[at]])));
  for (let left = bars.length; left > 0; left--) {
    while (waiting.size === 0) await settled();
    await settled();
    const next = ranks.find((at) => waiting.has(at))!;
    const write = waiting.get(next)!;
    waiting.delete(next);
    await write();
  }
  await spreading;
}

test("files leave the newest of five observations over a row of an earlier run, with any lane first", async (server) => {
  const { database } = await migratedDatabase(server);
  await using previous = sinkOf(database);
  await using before = previous.openLane();
  await using sink: Sink = sinkOf(database);
  await using opened = new AsyncDisposableStack();
  const lanes = Array.from({ length: 5 }, () => opened.use(sink.openLane()));
  await fc.assert(
    fc.asyncProperty(observations, earlier, async (seen, row) => {
      const orders = permutations([...seen.keys()]);
      await before.write(rowsOf(orders.map((_, at) => recordOf(row, START_MS + at))), never);
      for (const [at, ranks] of orders.entries()) {
        const bars = seen.map((each) => recordOf(each, START_MS + at));
        await writeOvertaking(lanes, createOrder(), bars, ranks);
      }
      const { value } = newestOf([row, ...seen]);
      const rows = await select(database, "SELECT close, status FROM bars ORDER BY ts");
      await select(database, "TRUNCATE bar");
      assertEquals(rows, orders.map(() => ({ close: value, status: STATUSES.plain })));
    }),
    { numRuns: 8 },
  );
});
