import { assertEquals, assertRejects } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { type Feed, type FeedBar, FeedError } from "../../src/providers/live/feed.ts";
import { type RangeOptions, readRange } from "../../src/providers/live/range.ts";
import type { Interval } from "../../src/records/intervals.ts";
import { createReceiveClock } from "../../src/records/record.ts";

const MINUTE = 60_000;
const START = Date.UTC(2024, 0, 2, 14, 30);
const END = START + 5000 * MINUTE;
const bar = (symbol: string, minute: number): FeedBar => {
  const prices = { open: 2, high: 4, low: 1, close: 3, volume: 1 };
  return { symbol, timeframe: "1m", ts: START + minute * MINUTE, ...prices, status: "final" };
};

/** Reads pages, and settles what is handed over where the test says so. */
function read(pages: (readonly FeedBar[] | Error)[], given: Partial<RangeOptions> & { lagMs?: number } = {}) {
  const feed: Feed = {
    name: "test",
    symbols: [],
    timeframe: "1m",
    historyLagMs: given.lagMs,
    bucket: createTokenBucket(Infinity),
    connect: () => Promise.reject(new Error("no stream")),
    async *history() {
      for (const page of pages) {
        if (page instanceof Error) throw page;
        yield page;
        await Promise.resolve();
      }
    },
  };
  const settles: (() => void)[] = [];
  const sizes: number[] = [];
  const committed: string[] = [];
  const stop = new AbortController();
  const result = readRange({
    feed,
    asked: new Map([["A", [START, END]], ["B", [START, END]]]),
    signal: stop.signal,
    clock: createReceiveClock(),
    hand(bars, _asOf, onSettled) {
      sizes.push(bars.length);
      settles.push(onSettled);
      return Promise.resolve();
    },
    onCommitted: (symbol, until) => void committed.push(`${symbol} ${(until - START) / MINUTE}`),
    ...given,
  });
  return { result, settles, sizes, committed, stop };
}

/** Waits until so many frames were handed over. */
async function handed(settles: unknown[], count: number): Promise<void> {
  while (settles.length < count) await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("a large page is handed over in parts", async () => {
  const page = Array.from({ length: 2500 }, (_, minute) => bar("A", minute));
  const { result, settles, sizes } = read([page]);
  await handed(settles, 3);
  assertEquals(sizes, [1000, 1000, 500]);
  for (const settle of settles) settle();
  assertEquals(await result, START + 5000 * MINUTE);
});

Deno.test("commits are told in order, and the end of the range when all is committed", async () => {
  const { result, settles, committed } = read([[bar("A", 0), bar("A", 1)], [bar("A", 7), bar("B", 3)], []]);
  await handed(settles, 2);
  settles[1]();
  assertEquals(committed, []);
  settles[0]();
  assertEquals(committed, ["A 2", "A 8", "B 4"]);
  assertEquals(await result, START + 5000 * MINUTE);
  assertEquals(committed.slice(3), ["A 5000", "B 5000"]);
});

Deno.test("what is too young for the history is not told to be committed", async () => {
  const lagMs = Date.now() - (START + 10 * MINUTE);
  const { result, committed } = read([], { lagMs });
  assertEquals([await result, committed], [START + 10 * MINUTE, ["A 10", "B 10"]]);
});

Deno.test("bars that were not asked for are left out", async () => {
  const { result, settles, sizes } = read([[bar("A", -1), bar("A", 0), bar("C", 1), bar("A", 5000)]]);
  await handed(settles, 1);
  assertEquals(sizes, [1]);
  settles[0]();
  await result;
});

Deno.test("of each symbol no bar is handed over before its own start", async () => {
  const asked = new Map<string, Interval>([["A", [START + 2 * MINUTE, END]], ["B", [START, END]]]);
  const page = [0, 1, 2].flatMap((minute) => [bar("A", minute), bar("B", minute)]);
  const { result, settles, sizes, committed } = read([page], { asked });
  await handed(settles, 1);
  settles[0]();
  await result;
  assertEquals([sizes, committed.slice(0, 2)], [[4], ["B 3", "A 3"]]);
});

Deno.test("bars beside the range are evidence, and not handed over", async () => {
  const answer = new Map<string, number[]>();
  const ranges = new Map<string, Interval>([["A", [START + MINUTE, START + 2 * MINUTE]]]);
  const { result, settles, sizes } = read([[0, 1, 2].map((minute) => bar("A", minute))], { ranges, answer });
  await handed(settles, 1);
  settles[0]();
  await result;
  assertEquals([sizes, answer.get("A")], [[1], [0, 1, 2].map((minute) => START + minute * MINUTE)]);
});

Deno.test("after a failure what was handed over is told when it is committed, and the end is not", async () => {
  const { result, settles, committed } = read([[bar("A", 0)], new FeedError("broken", { reason: "rest" })]);
  await assertRejects(() => result, FeedError, "broken");
  settles[0]();
  assertEquals(committed, ["A 1"]);
});

Deno.test("a stop ends the wait for a commit that does not come", async () => {
  const { result, settles, committed, stop } = read([[bar("A", 0)]]);
  await handed(settles, 1);
  stop.abort(new Error("stopped"));
  await assertRejects(() => result, Error, "stopped");
  assertEquals(committed, []);
});

Deno.test("bars are as of the moment at which they were asked for", async () => {
  const asked: number[] = [];
  const clock = createReceiveClock();
  const { result } = read([[bar("A", 0)], [bar("A", 1)]], {
    clock(count) {
      const first = clock(count);
      asked.push(first);
      return first;
    },
    hand(_bars, asOf, onSettled) {
      assertEquals(asOf, asked.at(-1));
      onSettled();
      return Promise.resolve();
    },
  });
  await result;
  assertEquals(asked.length, 3);
});
