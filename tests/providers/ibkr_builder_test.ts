import { assertEquals } from "@std/assert";
import { createBuilder } from "../../src/providers/ibkr/builder.ts";
import type { FeedBar } from "../../src/providers/live/feed.ts";

const MINUTE = 60_000;
const START = Date.UTC(2026, 9, 19, 14);

function build() {
  const whole: FeedBar[] = [];
  const states: FeedBar[] = [];
  const doubts: [number, number][] = [];
  const builder = createBuilder({
    timeframe: "1m",
    stepMs: MINUTE,
    state: (bar) => states.push(bar),
    whole: (bar) => whole.push(bar),
    partial: (from, to) => doubts.push([(from - START) / MINUTE, (to - START) / MINUTE]),
  });
  /** Parts that start at these seconds, each of one share at that price. */
  function add(...seconds: number[]): void {
    for (const second of seconds) builder.add(START + second * 1000, part(second));
  }
  return { builder, add, whole, states, doubts, minutes: () => whole.map(({ ts }) => (ts - START) / MINUTE) };
}

function part(price: number, given: Partial<FeedBar> = {}): FeedBar {
  const prices = { open: price, high: price + 1, low: price - 1, close: price, vwap: price };
  return { symbol: "AAPL", timeframe: "5s", ts: 0, ...prices, volume: 1, trades: 1, status: "final", ...given };
}

/** Seconds from `from` to before `to` at which parts start. */
const seconds = (from: number, to: number) => Array.from({ length: (to - from) / 5 }, (_, at) => from + at * 5);

Deno.test("a bar is whole with its last part", () => {
  const { add, whole, states, doubts } = build();
  add(...seconds(0, 55));
  assertEquals([whole.length, states.length], [0, 11]);
  add(55);
  const [{ open, high, low, close, volume, vwap, trades }] = whole;
  assertEquals({ open, high, low, close, volume, vwap, trades }, {
    ...{ open: 0, high: 56, low: -1, close: 55 },
    ...{ volume: 12, vwap: 27.5, trades: 12 },
  });
  assertEquals(doubts, []);
});

Deno.test("the bar in progress at the subscription is left to history", () => {
  const { add, minutes, doubts } = build();
  add(...seconds(20, 120));
  assertEquals([minutes(), doubts], [[1], []]);
});

Deno.test("a bar that lacks a part between others is built, and in doubt once it is over", () => {
  const { add, minutes, doubts } = build();
  add(...seconds(0, 20), ...seconds(25, 55));
  assertEquals(doubts, []);
  add(...seconds(55, 120));
  assertEquals([minutes(), doubts], [[0, 1], [[0, 1]]]);
});

Deno.test("bars that lack their last parts, all parts and their first parts are in doubt", () => {
  const { add, minutes, doubts } = build();
  add(...seconds(0, 40), ...seconds(190, 240));
  assertEquals([minutes(), doubts], [[3], [[0, 3], [3, 4]]]);
});

Deno.test("the first bar after the subscription that lacks its first part is in doubt", () => {
  const { add, minutes, doubts } = build();
  add(...seconds(20, 60), ...seconds(65, 120));
  assertEquals([minutes(), doubts], [[1], [[1, 2]]]);
});

Deno.test("parts without trades make a bar whole, and make none on their own", () => {
  const { builder, add, whole, minutes, doubts } = build();
  add(0);
  for (const second of seconds(5, 120)) builder.add(START + second * 1000, undefined);
  assertEquals([minutes(), whole[0].volume, doubts], [[0], 1, []]);
});

Deno.test("a part that comes twice counts once", () => {
  const { add, whole } = build();
  add(0, 5, 5, 0, ...seconds(10, 60));
  assertEquals(whole[0].volume, 12);
});

Deno.test("a bar has no average price where a part with volume has none", () => {
  const { builder, add, whole } = build();
  builder.add(START, part(1, { vwap: undefined, trades: undefined }));
  add(...seconds(5, 60));
  assertEquals([whole[0].vwap, whole[0].trades, whole[0].volume], [undefined, undefined, 12]);
});
