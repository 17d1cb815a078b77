import { assertEquals, assertRejects } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { type Feed, type FeedBar, FeedError } from "../../src/providers/live/feed.ts";
import {
  emptyAnswer,
  type HistoryQuestion,
  lies,
  type OnEnded,
  readHistory,
} from "../../src/providers/live/history/range.ts";
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
function read(pages: (readonly FeedBar[] | Error)[], given: Partial<HistoryQuestion> = {}) {
  const feed: Feed = {
    name: "test",
    symbols: [],
    timeframe: "1m",
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
  const settles: OnEnded[] = [];
  const sizes: number[] = [];
  const committed: string[] = [];
  const stop = new AbortController();
  const answer = emptyAnswer();
  const result = readHistory({
    feed,
    asked: new Map([["A", [START, END]], ["B", [START, END]]]),
    signal: stop.signal,
    clock: createReceiveClock(),
    hand(bars, _asOf, onEnded) {
      sizes.push(bars.length);
      settles.push(onEnded);
      return Promise.resolve();
    },
    onEnded(bars) {
      for (const { symbol, ts } of bars) committed.push(`${symbol} ${(ts - START) / MINUTE}`);
    },
    ...given,
  }, answer);
  return { result, answer, settles, sizes, committed, stop };
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
  for (const settle of settles) settle("committed");
  assertEquals((await result).starts.get("A"), page.map(({ ts }) => ts));
});

Deno.test("readHistory() says in order which bars have an outcome, and ends when all have one", async () => {
  const { result, settles, committed } = read([[bar("A", 0), bar("A", 1)], [bar("A", 7), bar("B", 3)], []]);
  await handed(settles, 2);
  settles[1]("committed");
  assertEquals(committed, []);
  settles[0]("committed");
  assertEquals(committed, ["A 0", "A 1", "A 7", "B 3"]);
  await result;
});

Deno.test("readHistory() names bars that were handed on and that the sink does not have", async () => {
  const { result, settles } = read([[bar("A", 0), bar("B", 0)], [bar("A", 1)], [bar("A", 2)]]);
  await handed(settles, 3);
  settles[0]("journaled");
  settles[1]("committed");
  settles[2]("deadLettered");
  const { unstored } = await result;
  assertEquals(unstored.get("A"), new Map([[START, "journaled"], [START + 2 * MINUTE, "deadLettered"]]));
  assertEquals(unstored.get("B"), new Map([[START, "journaled"]]));
});

Deno.test("bars that were not requested are left out", async () => {
  const { result, settles, sizes } = read([[bar("A", -1), bar("A", 0), bar("C", 1), bar("A", 5000)]]);
  await handed(settles, 1);
  assertEquals(sizes, [1]);
  settles[0]("committed");
  await result;
});

Deno.test("no bar of a symbol is handed over before the symbol's own start", async () => {
  const asked = new Map<string, Interval>([["A", [START + 2 * MINUTE, END]], ["B", [START, END]]]);
  const page = [0, 1, 2].flatMap((minute) => [bar("A", minute), bar("B", minute)]);
  const { result, settles, sizes, committed } = read([page], { asked });
  await handed(settles, 1);
  settles[0]("committed");
  await result;
  assertEquals([sizes, committed.slice(0, 2)], [[4], ["B 0", "B 1"]]);
});

Deno.test("bars beside the range are evidence, and not handed over", async () => {
  const range: Interval = [START + MINUTE, START + 2 * MINUTE];
  const { result, answer, settles, sizes } = read([[0, 1, 2].map((minute) => bar("A", minute))], {
    select: (bars) => bars.filter(({ ts }) => lies(ts, range)),
  });
  await handed(settles, 1);
  settles[0]("committed");
  await result;
  assertEquals([sizes, answer.starts.get("A")], [[1], [0, 1, 2].map((minute) => START + minute * MINUTE)]);
});

Deno.test("after a failure the delivered range is reported when it is committed, and the end is not", async () => {
  const { result, settles, committed } = read([[bar("A", 0)], new FeedError("broken", { reason: "rest" })]);
  await assertRejects(() => result, FeedError, "broken");
  settles[0]("committed");
  assertEquals(committed, ["A 0"]);
});

Deno.test("a stop ends the wait for a commit that does not come", async () => {
  const { result, settles, committed, stop } = read([[bar("A", 0)]]);
  await handed(settles, 1);
  stop.abort(new Error("stopped"));
  await assertRejects(() => result, Error, "stopped");
  assertEquals(committed, []);
});

Deno.test("bars are as of the moment of their request", async () => {
  const asked: number[] = [];
  const clock = createReceiveClock();
  const { result } = read([[bar("A", 0)], [bar("A", 1)]], {
    clock(count) {
      const first = clock(count);
      asked.push(first);
      return first;
    },
    hand(_bars, asOf, onEnded) {
      assertEquals(asOf, asked.at(-1));
      onEnded("committed");
      return Promise.resolve();
    },
  });
  await result;
  assertEquals(asked.length, 3);
});

Deno.test("readHistory() notes the read before it asks, and removes the note when all bars have an outcome", async () => {
  const events: string[] = [];
  const ticks = createReceiveClock();
  const { result, settles } = read([[bar("A", 0)], [bar("A", 1)]], {
    clock: () => (events.push("asked"), ticks(1)),
    noteRead: (asked) => {
      events.push(`noted ${[...asked.keys()]}`);
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve(void events.push("removed")) });
    },
  });
  await handed(settles, 2);
  settles[0]("committed");
  assertEquals(events, ["noted A,B", "asked", "asked", "asked"]);
  settles[1]("committed");
  await result;
  assertEquals(events.at(-1), "removed");
});

Deno.test("readHistory() removes its note after an answer that breaks off only when the bars before it have an outcome", async () => {
  const { promise: removed, resolve } = Promise.withResolvers<string>();
  let isRemoved = false;
  const { result, settles } = read([[bar("A", 0)], new Error("gone")], {
    noteRead: () =>
      Promise.resolve({
        [Symbol.asyncDispose]() {
          isRemoved = true;
          return Promise.resolve(resolve("removed"));
        },
      }),
  });
  await assertRejects(() => result, Error, "gone");
  assertEquals(isRemoved, false);
  settles[0]("deadLettered");
  assertEquals(await removed, "removed");
});

Deno.test("readHistory() leaves its note while bars are in the journal", async () => {
  let isRemoved = false;
  const { result, settles } = read([[bar("A", 0)]], {
    noteRead: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve(void (isRemoved = true)) }),
  });
  await handed(settles, 1);
  settles[0]("journaled");
  await result;
  assertEquals(isRemoved, false);
});
