import { assert, assertEquals } from "@std/assert";
import { FeedError } from "../../src/providers/live/feed.ts";
import { fakeClock } from "../support/clock.ts";
import { type Asked, barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

const many = (count: number) => Array.from({ length: count }, (_, at) => `S${at}/USD`);
/** The bars of every minute that is over, of all symbols that are asked for. */
const every = ({ symbols, from, to }: Asked) => [
  symbols.flatMap((symbol) =>
    Array.from({ length: Math.max(0, from - to) }, (_, at) => barBefore(from - at, symbol))
      .filter(({ ts }) => ts + MINUTE <= Date.now())
  ),
];
const all = (symbols: readonly string[], minutes: number) => Object.fromEntries(symbols.map((name) => [name, minutes]));

Deno.test("a symbol is asked about from its frontier on, and once more when history surely has the forming bar", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 5 }, answer: every });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(1000);
  assertEquals(run.asked, [{ symbols: ["BTC/USD"], from: 5, to: 0 }]);
  await clock.tick(MINUTE);
  // From the bar before it on: only beside a bar that is known does an answer prove anything.
  assertEquals(run.asked[1], { symbols: ["BTC/USD"], from: 1, to: -1 });
  assertEquals(run.gaps(), { found: 5, repaired: 5, unrepairable: 0 });
  await run.stop();
});

Deno.test("an unknown symbol is asked about from its first subscription on", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ symbols: ["BTC/USD"] });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(10_000);
  assertEquals(run.asked, []);
  run.connections[0].end(new FeedError("lost before its first bar"));
  await clock.tick(5 * MINUTE);
  run.connections[1].session.subscribed("BTC/USD");
  await clock.tick(1000);
  assertEquals(run.asked, [{ symbols: ["BTC/USD"], from: 0, to: -5 }]);
  await run.stop();
});

Deno.test("thousands of symbols are asked about in as many requests as are needed, not in thousands", async () => {
  using clock = fakeClock(NOW);
  const symbols = many(10_000);
  const run = await runScripted({ newest: all(symbols, 5), historySymbols: 200, answer: every });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(1000);
  assertEquals(run.asked.length, 50);
  assertEquals(new Set(run.asked.flatMap(({ symbols }) => symbols)).size, 10_000);
  await clock.tick(2 * MINUTE);
  assertEquals(run.asked.length, 100);
  assertEquals(run.gaps(), { found: 50_000, repaired: 50_000, unrepairable: 0 });
  await run.stop();
});

Deno.test("symbols whose ranges start far apart do not share a request", async () => {
  using clock = fakeClock(NOW);
  const newest = { "A/USD": 20_000, "B/USD": 19_000, "C/USD": 5, "D/USD": 6 };
  const run = await runScripted({ newest, historySymbols: 200 });
  for (const symbol of Object.keys(newest)) run.connections[0].session.subscribed(symbol);
  await clock.tick(1000);
  assertEquals(run.asked.map(({ symbols }) => symbols.toSorted().join()), ["A/USD,B/USD", "C/USD,D/USD"]);
  await run.stop();
});

Deno.test("a long range is read in slices, between which the others have their turn", async () => {
  using clock = fakeClock(NOW);
  const newest = { "A/USD": 1_000_000, "B/USD": 900_000, "C/USD": 800_000, "D/USD": 5 };
  const run = await runScripted({
    newest,
    options: { reachMs: Infinity },
    async *answer() {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      yield [];
    },
  });
  for (const symbol of Object.keys(newest)) run.connections[0].session.subscribed(symbol);
  await clock.tick(2500);
  // Three are under way at a time: the short one is next, not last.
  assertEquals(run.asked.slice(0, 4).map(({ symbols }) => symbols[0]), ["A/USD", "B/USD", "C/USD", "D/USD"]);
  assertEquals(run.asked[0].from - run.asked[0].to, 50_000);
  await clock.tick(30_000);
  assertEquals(run.asked.filter(({ symbols }) => symbols[0] === "A/USD").length, 20);
  await run.stop();
});

Deno.test("a request that fails is made again, later each time, and the others are made meanwhile", async () => {
  using clock = fakeClock(NOW);
  let failures = 3;
  const run = await runScripted({
    newest: { "A/USD": 5, "B/USD": 5 },
    options: { repairRetryMs: 10_000 },
    answer(asked) {
      if (asked.symbols[0] === "A/USD" && failures-- > 0) throw new FeedError("it is down", { reason: "rest" });
      return every(asked);
    },
  });
  for (const symbol of ["A/USD", "B/USD"]) run.connections[0].session.subscribed(symbol);
  await clock.tick(1000);
  assertEquals([...new Set(run.bars.map(({ symbol }) => symbol))], ["B/USD"]);
  assertEquals(run.gaps().repaired, 5);
  const times: number[] = [];
  for (let tick = 0; tick < 100; tick++) {
    const before = run.asked.length;
    await clock.tick(1000);
    if (run.asked.slice(before).some(({ symbols, to }) => symbols[0] === "A/USD" && to >= 0)) {
      times.push(clock.now - NOW);
    }
  }
  assert(times[0] >= 5000 && times[0] <= 13_000, `first retry after ${times[0]} ms`);
  assert(times[1] - times[0] >= 9000, `second retry ${times[1] - times[0]} ms after the first`);
  assertEquals(run.gaps(), { found: 10, repaired: 10, unrepairable: 0 });
  assertEquals(run.notices, ["history of A/USD could not be read: it is down"]);
  await run.stop();
});

/** Runs a feed of 40 symbols until all are repaired but one, whose history fails. */
async function runWithBadSymbol(clock: ReturnType<typeof fakeClock>, error: FeedError) {
  const symbols = many(40);
  const run = await runScripted({
    newest: all(symbols, 5),
    historySymbols: 200,
    answer({ symbols }) {
      if (symbols.includes("S7/USD")) throw error;
      return [symbols.map((symbol) => barBefore(5, symbol))];
    },
  });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(10_000);
  assertEquals(new Set(run.bars.map(({ symbol }) => symbol)).size, 39);
  return run;
}

Deno.test("the symbol to blame for a refused request is found, named once and given up; the others are repaired", async () => {
  using clock = fakeClock(NOW);
  const run = await runWithBadSymbol(clock, new FeedError("no such symbol", { reason: "refused" }));
  assertEquals(run.notices, ["history of S7/USD could not be read: no such symbol"]);
  assert(run.asked.length <= 14, `${run.asked.length} requests`);
  const before = run.asked.length;
  await clock.tick(110_000);
  assertEquals(run.asked.slice(before).flatMap(({ symbols }) => symbols).includes("S7/USD"), false);
  assertEquals(new Set(run.asked.slice(before).flatMap(({ symbols }) => symbols)).size, 39);
  await run.stop();
});

Deno.test("rows that cannot be read hold up their own symbol alone", async () => {
  using clock = fakeClock(NOW);
  const run = await runWithBadSymbol(clock, new FeedError("history has bad rows", { reason: "history" }));
  assertEquals(run.notices, ["history of S7/USD could not be read: history has bad rows"]);
  const before = run.asked.length;
  await clock.tick(60_000);
  // What was bad may be mended: that symbol is asked about again.
  assertEquals(run.asked.slice(before).some(({ symbols, from }) => symbols.join() === "S7/USD" && from === 5), true);
  await run.stop();
});

Deno.test("history that fails for many symbols is a line a minute, not a line a symbol", async () => {
  using clock = fakeClock(NOW);
  const symbols = many(40);
  const run = await runScripted({
    newest: all(symbols, 5),
    answer() {
      throw new FeedError("it is down", { reason: "history" });
    },
  });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  for (let second = 0; second < 600; second++) await clock.tick(1000);
  await run.stop();
  const failed = run.notices.flatMap((warn) => /^history of (.*) could not be read: it is down$/.exec(warn)?.[1] ?? []);
  const counts = failed.map((names) => names.split(", ").length + Number(/ and (\d+) others/.exec(names)?.[1] ?? 0));
  assertEquals([counts[0], counts.reduce((sum, count) => sum + count, 0)], [1, 40]);
  assert(counts.length <= 11, run.notices.join("\n"));
});

Deno.test("a refusal for all symbols stops the requests for each", async () => {
  using clock = fakeClock(NOW);
  const symbols = many(1000);
  const run = await runScripted({
    newest: all(symbols, 5),
    answer() {
      throw new FeedError("wrong key", { isFatal: true, reason: "refused" });
    },
  });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(60 * MINUTE);
  assert(run.asked.length < 20, `${run.asked.length} requests`);
  assert(run.notices.some((warn) => /and 9\d\d others could not be read: wrong key/.test(warn)));
  assertEquals(run.losses(), []);
  await run.stop();
});

Deno.test("a repair that a lost connection cuts is made again: an answer that is cut proves nothing", async () => {
  using clock = fakeClock(NOW);
  let isHanging = true;
  const run = await runScripted({
    newest: { "BTC/USD": 600 },
    async *answer({ from, to }, signal) {
      for (let minute = from; minute > to; minute -= 100) {
        const end = Math.max(minute - 100, to);
        yield Array.from({ length: minute - end }, (_, at) => barBefore(minute - at));
        if (!isHanging || minute > 500) continue;
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
    },
  });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(1000);
  assertEquals(run.bars.length, 200);
  isHanging = false;
  run.connections[0].end(new FeedError("lost", { reason: "closed" }));
  await clock.tick(1000);
  run.connections[1].session.subscribed("BTC/USD");
  await clock.tick(1000);
  assertEquals(run.asked.map(({ from }) => from), [600, 600]);
  assertEquals(new Set(run.bars.map(({ ts }) => ts)).size, 600);
  // What was found once counts once, also where it took two connections.
  assertEquals(run.gaps(), { found: 600, repaired: 600, unrepairable: 0 });
  await run.stop();
});

Deno.test("bars that history no longer has are named once, and counted apart", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "BTC/USD": 1000 },
    historyStart: () => barBefore(720).ts,
    answer: ({ symbols, to }) => every({ symbols, from: 720, to }),
  });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(1000);
  assertEquals(run.gaps(), { found: 1000, repaired: 720, unrepairable: 280 });
  assertEquals(run.notices, [
    "bars of BTC/USD from 2024-01-03T01:50:00.000Z to 2024-01-03T06:30:00.000Z are lost: history no longer has them",
  ]);
  await run.stop();
});

Deno.test("ranges that history refuses are unrepairable, once", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "A/USD": 60, "B/USD": 60 },
    answer(asked) {
      if (asked.symbols.includes("A/USD")) throw new FeedError("not in the plan", { reason: "entitlement" });
      return every(asked);
    },
  });
  for (const symbol of ["A/USD", "B/USD"]) run.connections[0].session.subscribed(symbol);
  await clock.tick(1000);
  assertEquals(run.gaps(), { found: 120, repaired: 60, unrepairable: 60 });
  run.connections[0].end(new FeedError("lost", { reason: "closed" }));
  await clock.tick(MINUTE);
  (await run.connection(1)).session.subscribed("A/USD");
  await clock.tick(1000);
  const { found, unrepairable } = run.gaps();
  assert(unrepairable <= 62 && found === unrepairable + 60, `${unrepairable} of ${found} minutes`);
  await run.stop();
});

Deno.test("ranges that history lags behind with are asked for once it has them", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({ newest: { "BTC/USD": 60 }, historyLagMs: 15 * MINUTE, answer: every });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(1000);
  assertEquals(run.asked, [{ symbols: ["BTC/USD"], from: 60, to: 15 }]);
  assertEquals(run.gaps(), { found: 60, repaired: 45, unrepairable: 0 });
  await clock.tick(14 * MINUTE);
  assertEquals(run.asked.length, 1);
  await clock.tick(2 * MINUTE);
  assertEquals(run.asked.at(-1), { symbols: ["BTC/USD"], from: 16, to: -1 });
  assertEquals(run.gaps().repaired, 60);
  await run.stop();
});

Deno.test("a symbol that was quiet while data of others came has missed no more than they", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "A/USD": 0, "QUIET/USD": 300 },
    options: { stallMs: 600 * MINUTE },
    answer: every,
  });
  const [{ session }] = run.connections;
  for (const symbol of ["A/USD", "QUIET/USD"]) session.subscribed(symbol);
  await clock.tick(2 * MINUTE);
  assertEquals(run.gaps(), { found: 300, repaired: 300, unrepairable: 0 });
  for (let minute = 0; minute < 60; minute++) {
    session.emit([barBefore(-minute, "A/USD")]);
    await clock.tick(MINUTE);
  }
  run.connections[0].end(new FeedError("lost", { reason: "closed" }));
  await clock.tick(5 * MINUTE);
  const { session: next } = await run.connection(1);
  for (const symbol of ["A/USD", "QUIET/USD"]) next.subscribed(symbol);
  await clock.tick(2 * MINUTE);
  const { found, repaired } = run.gaps();
  assert(found > 300 && found <= 320, `${found} minutes are told to be missed`);
  assertEquals(repaired, found);
  await run.stop();
});

Deno.test("minutes count while the market is open", async () => {
  using clock = fakeClock(NOW);
  // From 21:30 UTC of the day before, when the market had closed, to 18:30: it opened at 14:30.
  const run = await runScripted({ name: "alpaca", newest: { AAPL: 21 * 60 }, answer: every });
  run.connections[0].session.subscribed("AAPL");
  await clock.tick(1000);
  assertEquals(run.gaps(), { found: 240, repaired: 240, unrepairable: 0 });
  await run.stop();
});

Deno.test("a bar of history counts as observed when it was asked for: a correction that comes meanwhile is newer", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "BTC/USD": 5 },
    async *answer() {
      await new Promise((resolve) => setTimeout(resolve, 5000));
      yield [barBefore(3)];
    },
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(2000);
  session.emit([{ ...barBefore(3), volume: 9, status: "correction" }]);
  await clock.tick(5000);
  const [newest] = run.bars.toSorted((a, b) => b.receivedAt - a.receivedAt);
  // History still has what the correction replaced: that is not handed on at all.
  assertEquals([newest.volume, run.bars.length], [9, 1]);
  await run.stop();
});

Deno.test("a history that answers a whole group with nonsense is asked no more than twice for each halving", async () => {
  using clock = fakeClock(NOW);
  const symbols = many(200);
  const run = await runScripted({
    newest: all(symbols, 5),
    historySymbols: 200,
    answer() {
      throw new FeedError("an answer that contradicts itself", { reason: "history" });
    },
  });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(10_000);
  assert(run.asked.length <= 20, `${run.asked.length} requests`);
  await run.stop();
});

Deno.test("a symbol that history answers with nonsense is reported alone, and the others are repaired", async () => {
  using clock = fakeClock(NOW);
  const symbols = many(200);
  const run = await runScripted({
    newest: all(symbols, 5),
    historySymbols: 200,
    answer(asked) {
      if (asked.symbols.includes("S77/USD")) throw new FeedError("nonsense", { reason: "history" });
      return every(asked);
    },
  });
  for (const symbol of symbols) run.connections[0].session.subscribed(symbol);
  await clock.tick(10_000);
  assert(run.asked.length <= 20, `${run.asked.length} requests`);
  assertEquals(run.gaps().repaired, 199 * 5);
  await run.stop();
});

Deno.test("a lagging history is asked again with the next bars a few times, then as its backoff says", async () => {
  using clock = fakeClock(NOW);
  const symbol = "BTC/USD";
  // History ends half an hour ago, and says so to nobody.
  const answer = ({ from, to }: Asked) => [
    Array.from({ length: Math.max(0, from - Math.max(to, 30)) }, (_, at) => barBefore(from - at, symbol)),
  ];
  const run = await runScripted({ newest: { [symbol]: 60 }, answer });
  const { session } = run.connections[0];
  session.subscribed(symbol);
  await clock.tick(30_000);
  const before = run.asked.length;
  for (let minute = 0; minute < 60; minute++) {
    session.emit([barBefore(-minute, symbol)]);
    await clock.tick(MINUTE);
  }
  const { length } = run.asked.slice(before);
  assert(length <= 10, `${length} requests in an hour`);
  await run.stop();
});
