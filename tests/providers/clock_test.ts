import { assert, assertEquals, assertMatch } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { createMessageReader as createAlpacaReader } from "../../src/providers/alpaca/messages.ts";
import { createLiveKlines } from "../../src/providers/binance/live.ts";
import { createMessageReader as createBinanceReader } from "../../src/providers/binance/messages.ts";
import { createMessageReader as createKrakenReader } from "../../src/providers/kraken/messages.ts";
import { createFeedClock, explainAhead, type FeedClock } from "../../src/providers/live/clock.ts";
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { getJson } from "../../src/providers/live/transport/rest.ts";
import { createSeen } from "../../src/providers/live/seen.ts";
import { readFrame } from "../../src/providers/massive/frame.ts";
import { fakeClock } from "../support/clock.ts";
import { toItem } from "../support/fake_alpaca.ts";
import { toMessage as toKline } from "../support/fake_binance.ts";
import { type MarketBar, toMessage } from "../support/fake_kraken.ts";
import { toAggregate } from "../support/fake_massive.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2025, 0, 6, 15);

Deno.test("now() is the latest of the local clock, the vendor's and the newest bar of most symbols", async () => {
  using time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  assertEquals([clock.now(), clock.skewMs()], [START, undefined]);
  clock.vendorSaid(START + 90_000);
  await time.tick(5000);
  assertEquals([clock.now(), clock.skewMs()], [START + 95_000, 90_000]);
  clock.vendorSaid(START + 80_000);
  assertEquals(clock.now(), START + 95_000, "a word that was long on its way takes nothing back");
  for (const symbol of ["A", "B"]) clock.barEnded(symbol, START + 3 * MINUTE);
  assertEquals(clock.now(), START + 3 * MINUTE);
  clock.vendorSaid(NaN);
  await time.tick(10 * MINUTE);
  assertEquals(clock.now(), START + 5000 + 10 * MINUTE + 90_000);
});

Deno.test("the vendor's clock follows the vendor's later times, and is not trusted after a sleep of the machine", async () => {
  using time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  clock.vendorSaid(START + 10_000);
  for (let minute = 0; minute < 25; minute++) {
    await time.tick(MINUTE);
    clock.vendorSaid(Date.now() - 3000);
  }
  assertEquals(clock.skewMs(), -3000);
  const vendorMs = clock.vendorNow();
  time.set(Date.now() + HOUR);
  assertEquals([clock.skewMs(), clock.now()], [undefined, Date.now()]);
  await time.tick(1000);
  // Whether the machine slept or its clock was set ahead, bars are no older than that.
  assertEquals(clock.vendorNow(), vendorMs + 1000);
  clock.vendorSaid(Date.now() + 1);
  assertEquals(clock.skewMs(), 1);
});

Deno.test("a single word of the vendor that lies far ahead counts for nothing, two that agree do", async () => {
  using time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  clock.vendorSaid(START + 20 * 60 * MINUTE);
  assertEquals(clock.now(), START);
  await time.tick(1000);
  clock.vendorSaid(START + 1000);
  assertEquals(clock.now(), START + 1000);
  for (let said = 0; said < 2; said++) {
    await time.tick(1000);
    clock.vendorSaid(Date.now() + 60 * MINUTE);
  }
  assertEquals(clock.now(), Date.now() + 60 * MINUTE);
});

Deno.test("one symbol far ahead moves no clock, most of them do", () => {
  using _time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  clock.barEnded("LIAR", START + 20 * HOUR);
  assertEquals(clock.now(), START);
  const symbols = Array.from({ length: 100 }, (_, at) => `S${at}`);
  for (const symbol of symbols) clock.barEnded(symbol, START - MINUTE);
  clock.barEnded("LIAR", START + 20 * HOUR);
  assertEquals(clock.now(), START);
  for (const symbol of symbols.slice(0, 50)) clock.barEnded(symbol, START + HOUR);
  assertEquals(clock.now(), START + HOUR);
  for (const symbol of symbols.slice(0, 49)) clock.barEnded(symbol, START + HOUR + MINUTE);
  assertEquals(clock.now(), START + HOUR);
  clock.barEnded(symbols[49], START + HOUR + 2 * MINUTE);
  assertEquals(clock.now(), START + HOUR + MINUTE);
});

Deno.test("a local clock set back is reported once; one slewed or set forward is not", async () => {
  using time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  await time.tick(HOUR);
  time.set(Date.now() - 2000);
  assertEquals(clock.steppedBack(), 2000);
  assertEquals(clock.steppedBack(), 0);
  await time.tick(1000 * 1000);
  time.set(Date.now() - 900);
  assertEquals(clock.steppedBack(), 0);
  time.set(Date.now() + HOUR);
  assertEquals(clock.steppedBack(), 0);
  time.set(Date.now() - HOUR);
  assertEquals(clock.steppedBack(), HOUR);
});

Deno.test("a bar may begin one step and five minutes ahead of the clocks, and no more", () => {
  using _time = fakeClock(START - HOUR);
  const clock = { now: () => START, reached: () => -Infinity };
  assertEquals(explainAhead(START + 6 * MINUTE, MINUTE, clock), undefined);
  assertMatch(explainAhead(START + 6 * MINUTE + 1, MINUTE, clock)!, /ahead of .* by 360.001 s/);
  assertEquals(explainAhead(START + 24 * HOUR, 24 * HOUR, clock), undefined);
});

/** How each feed reads a minute bar of its stream. */
const feeds: Record<string, (symbols: string[], clock: FeedClock) => (bar: MarketBar) => string | FeedBar> = {
  alpaca(symbols, clock) {
    const { session, outcome } = record();
    const controls = { success() {}, subscription() {}, error: () => false };
    const read = createAlpacaReader(session, new Set(symbols), controls, clock);
    return (bar) => outcome(() => read(JSON.stringify([toItem("b", bar)])));
  },
  massive(symbols, clock) {
    const series = { timeframe: "1m", stepMs: MINUTE, channel: "AM", note: createSeen(symbols, MINUTE), clock };
    return (bar) => {
      const { bars, rejected } = readFrame(JSON.stringify([toAggregate(bar)]), series);
      return bars[0] ?? rejected[0].reason;
    };
  },
  kraken(symbols, clock) {
    const { session, outcome } = record();
    const handlers = { bars: session.emit, accepted() {}, refused() {}, beat() {} };
    const read = createKrakenReader(session, { timeframe: "1m", stepMs: MINUTE, symbols, clock }, handlers);
    return (bar) => outcome(() => read(JSON.stringify({ channel: "ohlc", type: "update", data: [toMessage(bar)] })));
  },
  binance(symbols, clock) {
    const { session, outcome } = record();
    const note = createSeen(symbols, MINUTE);
    const klines = createLiveKlines({
      ...{ timeframe: "1m", stepMs: MINUTE, symbols, session, provisional: false, note, clock },
    });
    const read = createBinanceReader(session, { kline: klines.take, answer: () => false });
    return (bar) => outcome(() => read(JSON.stringify(toKline(bar, true))));
  },
};

/** A session that keeps its last bar, or why there is none. */
function record() {
  let last: string | FeedBar = "nothing came";
  const session = {
    emit: ([bar]: readonly FeedBar[]) => void (last = bar ?? last),
    reject: (_: unknown, reason: string) => void (last = reason),
    ...{ alive() {}, quiet() {}, interrupted() {}, subscribed() {} },
  };
  return { session, outcome: (act: () => void) => (act(), last) };
}

for (const [name, make] of Object.entries(feeds)) {
  Deno.test(`${name}: a bar of the far future is refused, and hides no bar after it`, () => {
    using _time = fakeClock(START);
    const read = make(["A", "B"], createFeedClock(MINUTE));
    const bar = (ts: number, symbol = "A") => ({
      ...{ symbol, ts, open: 2, high: 4, low: 1, close: 3, volume: 1, trades: 1 },
    });
    const status = (ts: number) => {
      const read_ = read(bar(ts));
      return typeof read_ === "string" ? read_ : read_.status;
    };
    assertEquals(status(START - MINUTE), "final");
    assertMatch(status(START + 20 * HOUR), /^bar begins ahead of .* by 72000 s$/);
    assertMatch(status(START + 7 * MINUTE), /^bar begins ahead/);
    assertEquals([status(START), status(START + 6 * MINUTE)], ["final", "final"]);
  });

  Deno.test(`${name}: where the local clock is an hour behind, the bars of most symbols are believed`, () => {
    using _time = fakeClock(START);
    const symbols = ["A", "B", "C", "D", "E"];
    const read = make(symbols, createFeedClock(MINUTE));
    const bar = (symbol: string, ts: number) => ({
      ...{ symbol, ts, open: 2, high: 4, low: 1, close: 3, volume: 1, trades: 1 },
    });
    for (const symbol of symbols) assert(typeof read(bar(symbol, START)) !== "string");
    const answers = symbols.map((symbol) => typeof read(bar(symbol, START + HOUR)));
    assertEquals(answers, ["string", "string", "object", "object", "object"]);
    assertEquals(typeof read(bar("A", START + 2 * HOUR)), "string");
  });
}

Deno.test("the date, age and duration of an answer decide the reading of the clock", async () => {
  const said: number[] = [];
  const answers: { headers: Record<string, string>; waitMs?: number }[] = [
    { headers: { date: "Mon, 06 Jan 2025 15:00:00 GMT" } },
    { headers: { date: "Mon, 06 Jan 2025 15:00:00 GMT", age: "300" } },
    { headers: { date: "Mon, 06 Jan 2025 15:00:00 GMT" }, waitMs: 2200 },
  ];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    const { headers, waitMs = 0 } = answers.shift()!;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return Response.json({}, { headers });
  });
  const clock = { vendorSaid: (ms: number) => void said.push(ms) };
  for (let asked = 0; asked < 3; asked++) {
    await getJson(`http://127.0.0.1:${server.addr.port}`, {
      ...{ clock, signal: new AbortController().signal, bucket: createTokenBucket(Infinity) },
    });
  }
  await server.shutdown();
  assertEquals(said, [START + 500]);
});

Deno.test("messages of Kraken and Binance say the vendor's time", async () => {
  using time = fakeClock(START);
  const clock = createFeedClock(MINUTE);
  const { session } = record();
  const kraken = { bars() {}, accepted() {}, refused() {}, beat() {} };
  const said = (ms: number) => new Date(ms).toISOString();
  createKrakenReader(session, { timeframe: "1m", stepMs: MINUTE, symbols: ["A"], clock }, kraken)(
    JSON.stringify({ method: "pong", time_in: said(START), time_out: said(START + 4000) }),
  );
  assertEquals(clock.skewMs(), 4000);
  await time.tick(1000);
  const bar = { symbol: "A", ts: START - MINUTE, open: 2, high: 4, low: 1, close: 3, volume: 1, trades: 1 };
  const { stream, data } = toKline(bar, true);
  createBinanceReader(session, { kline() {}, answer: () => false }, clock)(
    JSON.stringify({ stream, data: { ...data, E: Date.now() + 5000 } }),
  );
  assertEquals(clock.skewMs(), 5000);
});
