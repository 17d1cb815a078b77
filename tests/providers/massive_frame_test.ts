import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { readRow } from "../../src/providers/massive/history.ts";
import { type MassiveSeries, readFrame } from "../../src/providers/massive/frame.ts";
import { createSeen } from "../../src/providers/live/seen.ts";
import { bar as barKind } from "../../src/records/bar.ts";
import { toAggregate } from "../support/fake_massive.ts";

const MINUTE = 60_000;
const START = 1_610_144_640_000;
const minute = (at: number, volume: unknown = 100) => ({
  ...toAggregate({ symbol: "AAPL", ts: START + at * MINUTE, open: 2, high: 4, low: 1, close: 3, volume: 0 }),
  v: volume,
});
const series = (symbols = ["AAPL"]): MassiveSeries => ({
  timeframe: "1m",
  stepMs: MINUTE,
  channel: "AM",
  note: createSeen(symbols, MINUTE),
});
const status = { ev: "status", status: "success", message: "subscribed to: AM.AAPL" };

Deno.test("the documented aggregate is read, its integers as floats", () => {
  // As in Massive's documentation, but for a size that is written as 685.0 and a volume of fractional shares.
  const text = `[{"ev":"AM","sym":"GTE","v":4110.25,"av":9470157,"op":0.4372,"vw":0.4488,"o":0.4488,"c":0.4486,
    "h":0.4489,"l":0.4486,"a":0.4352,"z":685.0,"s":1610144640000,"e":1610144700000}]`;
  assertEquals(readFrame(text, series(["GTE"])), {
    bars: [{
      symbol: "GTE",
      timeframe: "1m",
      ts: START,
      open: 0.4488,
      high: 0.4489,
      low: 0.4486,
      close: 0.4486,
      volume: 4110.25,
      vwap: 0.4488,
      status: "final",
    }],
    statuses: [],
    rejected: [],
  });
});

Deno.test("a stock that is traded over the counter has bars like any other", () => {
  const { bars, rejected } = readFrame(JSON.stringify([{ ...minute(0), otc: true }, minute(1)]), series());
  assertEquals([bars.map(({ ts }) => ts), rejected], [[START, START + MINUTE], []]);
});

Deno.test("every element of an array counts, bars and statuses alike", () => {
  const { bars, statuses, rejected } = readFrame(
    JSON.stringify([status, minute(0), status, { ev: "T", sym: "AAPL" }, minute(1)]),
    series(),
  );
  assertEquals(bars.map(({ ts }) => ts), [START, START + MINUTE]);
  assertEquals(statuses.length, 2);
  assertEquals(rejected, []);
});

Deno.test("a bar that comes again corrects the first, however late, in the same array or another", () => {
  const of = series();
  const read = (...bars: unknown[]) =>
    readFrame(JSON.stringify(bars), of).bars.map(({ ts, status }) => `${(ts - START) / MINUTE} ${status}`);
  assertEquals(read(minute(0), minute(0, 101)), ["0 final", "0 correction"]);
  assertEquals(read(minute(5)), ["5 final"]);
  assertEquals(read(minute(3), minute(0, 102)), ["3 final", "0 correction"], "minute 3 is late, not corrected");
  assertEquals(read(minute(3)), ["3 correction"]);
  assertEquals(read(minute(36)), ["36 final"]);
  assertEquals(read(minute(5), minute(6)), ["5 correction", "6 final"], "32 bars are remembered");
  assertEquals(read(minute(4)), ["4 correction"], "what is older counts as seen");
  assertEquals(read(minute(5000)), ["5000 final"]);
  assertEquals(read(minute(4999)), ["4999 final"]);
});

Deno.test("a bar of the far future does not pass for the newest", () => {
  const of = series();
  const future = (Date.UTC(3000, 0, 1) - START) / MINUTE;
  const { bars, rejected } = readFrame(JSON.stringify([minute(0), minute(future), minute(1), minute(2)]), of);
  assertEquals(bars.map(({ status }) => status), ["final", "final", "final"]);
  assertStringIncludes(rejected[0].reason, "bar begins ahead of the local clock");
});

for (
  const [name, text, reasons] of [
    ["half a frame", '[{"ev":"AM"', ["message is not JSON"]],
    ["nothing", "", ["message is not JSON"]],
    ["an object", '{"ev":"AM"}', ["message is not an array"]],
    ["null", "null", ["message is not an array"]],
    ["elements that are no objects", '[null,5,"AM",[]]', Array(4).fill("message has no kind")],
    ["a kind that is no text", '[{"ev":5}]', ["message has no kind"]],
    ["kinds that nobody asked for", '[{"ev":"A"},{"ev":"T"},{"ev":"new"}]', []],
    ["a status without words", '[{"ev":"status"},{"ev":"status","status":"error","message":{"toString":1}}]', [
      "status is not as documented",
      "status is not as documented",
    ]],
  ] as [string, string, string[]][]
) {
  Deno.test(`nothing is read of ${name}, and the reason is given`, () => {
    const { bars, statuses, rejected } = readFrame(text, series());
    assertEquals(bars.length + statuses.length, 0);
    assertEquals(rejected.map(({ reason }) => reason), reasons);
  });
}

Deno.test("the volume is the decimal one where a frame has both, so that it goes with history", () => {
  const bars = [{ dv: "10.5" }, { dv: "4110.0" }, {}, { dv: 70_000 }].map((more, at) => ({
    ...minute(at),
    v: 10,
    ...more,
  }));
  assertEquals(readFrame(JSON.stringify(bars), series()).bars.map(({ volume }) => volume), [10.5, 4110, 10, 10]);
  const row = { t: START, o: 2, h: 4, l: 1, c: 3, v: 10 };
  const volumes = [row, { ...row, dv: "10.5" }].map((each) => readRow(each, { ...series(), symbol: "AAPL" }));
  assertEquals(volumes.map((bar) => (bar as FeedBar).volume), [10, 10.5]);
});

for (
  const [name, change, reason] of [
    ["a price in quotes", { o: "2" }, "bar is not as documented"],
    ["no price", { h: undefined }, "bar is not as documented"],
    ["no volume", { v: null }, "bar is not as documented"],
    ["a decimal volume that is none", { dv: "ten" }, "bar is not as documented"],
    ["no symbol", { sym: undefined }, "bar is not as documented"],
    ["a symbol that is a number", { sym: 7 }, "bar is not as documented"],
    ["a start in words", { s: "2021-01-08" }, "bar is not as documented"],
    ["no end", { e: undefined }, "bar is not as documented"],
    ["another length", { e: START + 1000 }, "bar is not of 1m"],
    ["an end before its start", { e: START - MINUTE }, "bar is not of 1m"],
    ["a start within a minute", { s: START + 1, e: START + 1 + MINUTE }, "bar is not of 1m"],
    ["a symbol that was not asked for", { sym: "GME" }, "symbol is not subscribed"],
  ] as [string, Record<string, unknown>, string][]
) {
  Deno.test(`a bar with ${name} is rejected, and those beside it are read`, () => {
    const bad = { ...minute(1), ...change };
    const { bars, rejected } = readFrame(JSON.stringify([minute(0), bad, minute(2)]), series());
    assertEquals(bars.map(({ ts }) => (ts - START) / MINUTE), [0, 2]);
    assertEquals(rejected, [{ item: JSON.parse(JSON.stringify(bad)), reason }]);
  });
}

Deno.test("a number too large for a float is rejected", () => {
  const text = JSON.stringify([minute(0)]).replace('"v":100', '"v":1e999');
  assertEquals(readFrame(text, series()).rejected.map(({ reason }) => reason), ["bar is not as documented"]);
});

Deno.test("a damaged frame is read or rejected, and a read one can be checked", () => {
  const original = JSON.stringify([status, minute(0), minute(1, 0.5), minute(1)]);
  const of = series();
  const alphabet = '{}[],:"0123456789.-eE \\u\n\u0000évshlcAMnulltrue';
  let seed = 12_345;
  const random = (below: number) => (seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0) % below;
  let read = 0;
  for (let run = 0; run < 30_000; run++) {
    let text = original;
    for (let change = random(4); change >= 0; change--) {
      const at = random(text.length);
      const kept = [text.slice(at), text.slice(at + 1), text.slice(at + random(30)), ""][random(4)];
      text = text.slice(0, at) + alphabet[random(alphabet.length)] + kept;
    }
    const { bars, rejected } = readFrame(text, of);
    for (const each of bars) {
      const { symbol, ts, open, high, low, close, volume, vwap = 0 } = each;
      assert(symbol === "AAPL" && ts % MINUTE === 0, text);
      assert([open, high, low, close, volume, vwap].every(Number.isFinite), text);
      barKind.validate({ ...each, provider: "massive", receivedAt: 1 }, START);
    }
    for (const { reason } of rejected) assert(reason.length > 0);
    read += bars.length;
  }
  assert(read > 1000);
});
