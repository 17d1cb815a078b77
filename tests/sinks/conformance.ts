/**
 * What every sink must do. A further sink's test calls {@linkcode testSink} and is done.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bar } from "../../src/records/bar.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { never } from "../support/lanes.ts";
import { numberedBar, numberedBars } from "../support/numbered.ts";
import { testWhere } from "../support/skip.ts";
import { rowsOf } from "../support/frames.ts";

/** A sink for bars that holds nothing yet, and how to look into it. */
export interface SinkUnderTest extends AsyncDisposable {
  readonly sink: Sink;
  /** The `close` of each stored bar by `symbol ts`. */
  stored(): Promise<Map<string, number>>;
  /** Makes it refuse bars whose `open` is this; absent in a log. */
  refuse?(open: number): Promise<void>;
  /** Lets no write end until it is disposed. */
  hold(): Promise<AsyncDisposable>;
  /** A sink of the same sort at a place where nothing is. */
  unreachable(): Sink;
}

/** Options of {@linkcode testSink}. */
export interface ConformanceOptions {
  /** Name of the sink in the names of the tests. */
  name: string;
  /** Why it cannot be tested here; `undefined` where it can. */
  missing?: string;
  /** Whether it keeps all that it is given, and knows no key of a record. @default {false} */
  isLog?: boolean;
  open(): Promise<SinkUnderTest>;
}

/** Registers the tests of a sink. */
export function testSink({ name, missing, isLog = false, open }: ConformanceOptions): void {
  const test = (behaviour: string, fn: (opened: SinkUnderTest) => Promise<void>) =>
    testWhere(missing, `${name} ${behaviour}`, async () => {
      await using opened = await open();
      await fn(opened);
    });
  const testTable: typeof test = isLog ? () => {} : test;

  test("has a name, and takes one lane at least", async ({ sink }) => {
    assert(/^[a-z0-9]+$/.test(sink.name), sink.name);
    assert(sink.maxLanes >= 1);
    await Promise.resolve();
  });

  test("stores the written records, and counts them", async ({ sink, stored }) => {
    assertEquals(await write(sink, numberedBars(100)), { stored: 100, unchanged: 0, deduplicated: 0 });
    assertEquals(await stored(), expected(numberedBars(100)));
  });

  test("takes the same batch again and is the same after it", async ({ sink, stored }) => {
    await write(sink, numberedBars(100));
    assertEquals(await write(sink, numberedBars(100)), { stored: 0, unchanged: 100, deduplicated: 0 });
    assertEquals(await stored(), expected(numberedBars(100)));
  });

  testTable(
    "accounts for every record of a batch with new, known, changed and repeated ones",
    async ({ sink, stored }) => {
      await write(sink, numberedBars(50));
      const changed = numberedBars(10).map((bar) => ({ ...bar, close: 1000, receivedAt: 1000 + bar.receivedAt }));
      const repeated = [
        numberedBar(60, 1, { close: 1 }),
        numberedBar(60, 3, { close: 3 }),
        numberedBar(60, 2, { close: 2 }),
      ];
      const counts = await write(sink, [...changed, ...numberedBars(40, 10), ...repeated]);
      const { updated: _, ...counted } = counts;
      assertEquals(counted, { stored: 11, unchanged: 40, deduplicated: 2 });
      assertEquals(await stored(), expected([...changed, ...numberedBars(40, 10), repeated[1]]));
    },
  );

  testTable("keeps the newest of observations in any order", async ({ sink, stored }) => {
    for (const receivedAt of [2, 3, 1]) await write(sink, [numberedBar(0, receivedAt, { close: receivedAt })]);
    assertEquals([...(await stored()).values()], [3]);
  });

  testTable(
    "writes all of a batch or nothing, calls a refusal poison, and continues",
    async ({ sink, stored, refuse }) => {
      await refuse!(50);
      await using lane = sink.openLane();
      const error = await assertRejects(() => lane.write(rowsOf(numberedBars(100)), never));
      assertEquals(sink.classify(error), "poison");
      assertEquals(await lane.write(rowsOf(numberedBars(50)), never), { stored: 50, unchanged: 0, deduplicated: 0 });
      await lane[Symbol.asyncDispose]();
      assertEquals(await stored(), expected(numberedBars(50)));
    },
  );

  test("gives up without waiting for the write when its signal aborts, and can be written to again", async (opened) => {
    const { sink, stored } = opened;
    await using lane = sink.openLane();
    await lane.write(rowsOf(numberedBars(1)), never);
    const reason = new Error("given up");
    {
      await using _held = await opened.hold();
      const aborting = new AbortController();
      const writing = lane.write(rowsOf(numberedBars(5000)), aborting.signal);
      aborting.abort(reason);
      assertEquals(await assertRejects(() => writing), reason);
    }
    // What was given up may have been written all the same, whole or not at all.
    const { stored: fresh, unchanged } = await lane.write(rowsOf(numberedBars(5000)), never);
    assertEquals(fresh + unchanged, 5000);
    await lane[Symbol.asyncDispose]();
    assertEquals(await stored(), expected(numberedBars(5000)));
  });

  test("writes nothing for a signal that has aborted before", async ({ sink, stored }) => {
    const reason = new Error("given up");
    for (const written of [0, 1]) {
      await using lane = sink.openLane();
      if (written > 0) await lane.write(rowsOf(numberedBars(written)), never);
      assertEquals(
        await assertRejects(() => lane.write(rowsOf(numberedBars(10, 1)), AbortSignal.abort(reason))),
        reason,
      );
    }
    assertEquals(await stored(), expected(numberedBars(1)));
  });

  test("reports whether it can be reached", async ({ sink, unreachable }) => {
    await sink.check(never);
    const away = unreachable();
    await assertRejects(() => away.check(never));
    await away[Symbol.asyncDispose]();
  });

  test("calls an error transient if nothing listens at its address", async ({ sink, unreachable }) => {
    const away = unreachable();
    {
      await using lane = away.openLane();
      const error = await assertRejects(() => lane.write(rowsOf(numberedBars(1)), never));
      assertEquals(away.classify(error), "transient");
      assertEquals(sink.classify(error), "transient");
    }
    await away[Symbol.asyncDispose]();
  });

  test("calls a defect of the program fatal", async ({ sink }) => {
    assertEquals(sink.classify(new TypeError("Cannot read properties of undefined")), "fatal");
    await Promise.resolve();
  });

  test("closes a lane that was never written to, and one twice", async ({ sink }) => {
    const unused = sink.openLane();
    await unused[Symbol.asyncDispose]();
    const used = sink.openLane();
    await used.write(rowsOf(numberedBars(1)), never);
    await used[Symbol.asyncDispose]();
    await used[Symbol.asyncDispose]();
  });
}

async function write(sink: Sink, bars: readonly Bar[]) {
  await using lane = sink.openLane();
  return await lane.write(rowsOf(bars), never);
}

function expected(bars: readonly Bar[]): Map<string, number> {
  return new Map(bars.map(({ symbol, ts, close }) => [`${symbol} ${ts}`, close]));
}
