import { assert, assertEquals } from "@std/assert";
import { FeedError } from "../../src/providers/live/feed.ts";
import { fakeClock } from "../support/clock.ts";
import { type Asked, BAR, barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

const STALL_MS = 2 * MINUTE;
/** Questions about what came after the connection was there. */
const probes = (asked: readonly Asked[]) => asked.filter(({ from }) => from < 0);

Deno.test("the connection is renewed for a silent symbol whose history has bars", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    options: { stallMs: STALL_MS },
    answer: ({ from, to }) => from > -3 && to < -3 ? [[barBefore(-3)]] : [],
  });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(10 * MINUTE);
  assertEquals(run.losses()[0], "stall");
  await run.stop();
});

Deno.test("while bars come, nothing is asked", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 }, options: { stallMs: STALL_MS } });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  for (let minute = 0; minute < 20; minute++) {
    await clock.tick(MINUTE);
    session.emit([barBefore(-minute)]);
  }
  assertEquals(probes(run.asked), []);
  await run.stop();
});

Deno.test("a quiet market is asked about less and less often, and causes no action", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 0 }, options: { stallMs: STALL_MS } });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(60 * MINUTE);
  const first = probes(run.asked).length;
  assert(first >= 3 && first <= 6, `${first} probes in an hour`);
  await clock.tick(60 * MINUTE);
  assert(probes(run.asked).length - first <= 2, `${probes(run.asked).length - first} probes in the next`);
  assertEquals(run.losses(), []);
  await run.stop();
});

Deno.test("several quiet symbols are asked about at once", async () => {
  using clock = fakeClock(NOW);
  const symbols = Array.from({ length: 450 }, (_, at) => `S${at}/USD`);
  const newest = Object.fromEntries(symbols.map((symbol) => [symbol, 0]));
  const run = await runScripted({ newest, historySymbols: 200, options: { stallMs: STALL_MS } });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(3 * MINUTE);
  assertEquals(probes(run.asked).map(({ symbols }) => symbols.length).toSorted(), [200, 200, 50]);
  await run.stop();
});

Deno.test("if each symbol takes a request, those heard of last are asked about first, and a few at a time", async () => {
  using clock = fakeClock(NOW);
  const symbols = Array.from({ length: 100 }, (_, at) => `S${at}/USD`);
  const newest = Object.fromEntries(symbols.map((symbol) => [symbol, 0]));
  const run = await runScripted({ newest, options: { stallMs: STALL_MS } });
  const { session } = run.connections[0];
  for (const symbol of symbols) session.subscribed(symbol);
  await clock.tick(40_000);
  const recent = symbols.slice(0, 5);
  for (const symbol of recent) session.alive(symbol);
  const asked = () => probes(run.asked).map(({ symbols }) => symbols[0]);
  // It looks around every half minute; at two minutes all but those five are due.
  await clock.tick(90_000);
  assertEquals([asked().length, recent.some((symbol) => asked().includes(symbol))], [20, false]);
  await clock.tick(60_000);
  assertEquals(asked().slice(40, 45).toSorted(), recent);
  await clock.tick(60_000);
  assertEquals([asked().length, new Set(asked()).size], [100, 100]);
  await run.stop();
});

Deno.test("nothing is asked while the market is closed, and silence counts from its opening", async () => {
  // A minute before the close of 3 January 2024, at 21:00 UTC; it opens again at 14:30 the next day.
  const close = Date.UTC(2024, 0, 3, 21);
  const open = Date.UTC(2024, 0, 4, 14, 30);
  using clock = fakeClock(close - 10_000);
  const bar = { ...barBefore(0, "AAPL"), ts: open };
  const run = await runScripted({
    name: "alpaca",
    symbols: ["AAPL"],
    options: { stallMs: STALL_MS },
    answer: () => Date.now() >= open + MINUTE ? [[bar]] : [],
  });
  run.connections[0].session.subscribed("AAPL");
  // The minutes before the close are asked for until they are an hour old and proved to have had no trade.
  await clock.tick(90 * MINUTE);
  const before = run.asked.length;
  await clock.tick(open - clock.now);
  assertEquals([run.asked.length, run.losses()], [before, []]);
  await clock.tick(100_000);
  assertEquals(run.asked.length, before);
  await clock.tick(2 * MINUTE);
  assertEquals(run.losses(), ["stall"]);
  await run.stop();
});

Deno.test("the bar that follows the last one is missed, too, where no further ones come", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    options: { stallMs: STALL_MS },
    answer: ({ from, to }) => from >= -2 && to < -2 ? [[barBefore(-2)]] : [],
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(2 * MINUTE + 1000);
  session.emit([barBefore(-1)]);
  await clock.tick(3 * MINUTE);
  assertEquals(run.losses(), ["stall"]);
  await run.stop();
});

Deno.test("the last bars of a session that have not come are asked for once it is over, until their silence is proved", async () => {
  const close = Date.UTC(2024, 0, 3, 21);
  using clock = fakeClock(close - 4 * MINUTE);
  const symbols = ["AAPL", "MSFT"];
  const run = await runScripted({ name: "alpaca", symbols, options: { stallMs: STALL_MS }, answer: () => [] });
  const { session } = run.connections[0];
  for (const symbol of symbols) session.subscribed(symbol);
  await clock.tick(2 * MINUTE + 1000);
  const bar = (symbol: string, minute: number) => ({ ...barBefore(0, symbol), ts: close - minute * MINUTE });
  session.emit(symbols.map((symbol) => bar(symbol, 3)));
  await clock.tick(2 * MINUTE);
  session.emit([bar("MSFT", 2), bar("MSFT", 1)]);
  const before = run.asked.length;
  // An hour of silence proves the end of the session, and the backoff after earlier answers is an hour as well.
  await clock.tick(3 * 60 * MINUTE);
  const asked = run.asked.slice(before).map((each) => [each.symbols.join(), (close - BAR) / MINUTE + each.from]);
  assertEquals([asked.some(([symbol, from]) => symbol === "AAPL" && from === 2), run.losses()], [true, []]);
  const proved = run.asked.length;
  await clock.tick(7 * 60 * MINUTE);
  assertEquals(run.asked.length, proved);
  await run.stop();
});

Deno.test("silence after bars of after hours is examined for a while, although the market is closed", async () => {
  const evening = Date.UTC(2024, 0, 3, 22);
  using clock = fakeClock(evening);
  const bar = { ...barBefore(0, "AAPL"), ts: evening };
  let isTraded = false;
  const run = await runScripted({
    name: "alpaca",
    symbols: ["AAPL", "MSFT"],
    options: { stallMs: STALL_MS },
    answer: () => isTraded ? [[{ ...bar, ts: evening + 200 * MINUTE }]] : [],
  });
  const { session } = run.connections[0];
  for (const symbol of ["AAPL", "MSFT"]) session.subscribed(symbol);
  await clock.tick(2 * MINUTE);
  session.emit([bar]);
  const before = run.asked.length;
  await clock.tick(200 * MINUTE);
  const asked = run.asked.slice(before).filter(({ symbols }) => symbols.join() === "AAPL");
  assert(asked.length >= 4 && asked.length <= 10, `${asked.length} questions about AAPL`);
  isTraded = true;
  session.emit([{ ...bar, ts: evening + 199 * MINUTE }]);
  await clock.tick(5 * MINUTE);
  assertEquals(run.losses(), ["stall"]);
  await run.stop();
});

Deno.test("a silence that a new connection does not mend does not renew it again at once", async () => {
  using clock = fakeClock(NOW);
  // History has a bar of each minute; the stream gives none.
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    options: { stallMs: STALL_MS },
    *answer({ from, to }) {
      for (let minute = from; minute > to; minute--) yield [barBefore(minute)];
    },
  });
  run.connections[0].session.subscribed("BTC/USD");
  for (let at = 1, minutes = 0; minutes < 240; minutes++) {
    await clock.tick(MINUTE);
    for (; at < run.connections.length; at++) run.connections[at].session.subscribed("BTC/USD");
  }
  const count = run.losses().length;
  assert(count >= 4 && count <= 12, `renewed ${count} times in four hours`);
  await run.stop();
});

Deno.test("a symbol that is refused is neither repaired nor asked about", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "A/USD": 5, "B/USD": 5 }, options: { stallMs: STALL_MS } });
  const { session } = run.connections[0];
  session.subscribed("B/USD");
  session.refuse("A/USD", "no such pair");
  session.refuse("B/USD", "no longer");
  await clock.tick(60 * MINUTE);
  assertEquals(run.asked, []);
  assertEquals(run.notices, ["A/USD is refused: no such pair", "B/USD is refused: no longer"]);
  await run.stop();
});

Deno.test("a probe that fails proves nothing, and of one that is refused the halves are asked about", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "A/USD": 0, "B/USD": 0, "C/USD": 0 },
    historySymbols: 200,
    options: { stallMs: STALL_MS },
    answer({ symbols, from }) {
      if (from >= 0) return [];
      if (symbols.includes("A/USD")) throw new FeedError("no such pair", { reason: "refused" });
      if (symbols.includes("B/USD")) throw new FeedError("it is down", { reason: "rest" });
      return [[barBefore(from, "C/USD")]];
    },
  });
  for (const symbol of Object.keys({ "A/USD": 0, "B/USD": 0, "C/USD": 0 })) {
    run.connections[0].session.subscribed(symbol);
  }
  await clock.tick(5 * MINUTE);
  assertEquals(probes(run.asked).map(({ symbols }) => symbols.join()).slice(0, 4), [
    "A/USD,B/USD,C/USD",
    "A/USD,B/USD",
    "A/USD",
    "B/USD",
  ]);
  assertEquals(run.losses(), ["stall"]);
  await run.stop();
});
