import { assertEquals } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { startsIn } from "../support/coverage.ts";
import { fakeClock } from "../support/clock.ts";
import type { Bar } from "../../src/records/bar.ts";
import { barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

/** Closed by its successor, a moment after its end. */
const LIVE = barBefore(0);

Deno.test("a bar is asked for once after its end, and what history has otherwise is a correction", async () => {
  using clock = fakeClock(NOW);
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    isConfirmed: true,
    answer: ({ from, to }) => [[{ ...LIVE, high: 5, trades: 7 }, barBefore(1)].filter(() => from === 0 && to === -1)],
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(31_000);
  session.emit([LIVE]);
  await clock.tick(10_000);
  assertEquals(run.asked, [{ symbols: ["BTC/USD"], from: 0, to: -1 }]);
  assertEquals(run.bars.map(({ high, status }) => [high, status]), [[LIVE.high, "final"], [5, "correction"]]);
  await clock.tick(MINUTE);
  assertEquals(run.asked.length, 1);
  await run.stop();
});

Deno.test("the bar before is corrected with the next one where a late trade changed it unheard", async () => {
  using clock = fakeClock(NOW);
  const next = barBefore(-1);
  let late = LIVE;
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    isConfirmed: true,
    answer: ({ from, to }) => [[late, next].filter(({ ts }) => ts >= barBefore(from).ts && ts < barBefore(to).ts)],
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(31_000);
  session.emit([LIVE]);
  await clock.tick(10_000);
  late = { ...LIVE, volume: LIVE.volume + 1 };
  await clock.tick(MINUTE);
  session.emit([next]);
  await clock.tick(10_000);
  const given = run.bars.map(({ ts, volume, status }) => [ts, volume, status]);
  assertEquals(given, [
    [LIVE.ts, LIVE.volume, "final"],
    [next.ts, next.volume, "final"],
    [LIVE.ts, LIVE.volume + 1, "correction"],
  ]);
  await run.stop();
});

/** The row of a bar in a table that took all of these: revisions rank above plain bars, then the latest observation wins. */
function rowOf(bars: readonly Bar[], ts: number): Bar | undefined {
  const rank = ({ status, fromHistory }: Bar) => status === "correction" || fromHistory === 1 ? 1 : 0;
  const order = (a: Bar, b: Bar) => rank(a) - rank(b) || a.receivedAt - b.receivedAt;
  return bars.filter((bar) => bar.ts === ts).toSorted(order).at(-1);
}

Deno.test("a late state replaces a bar that history gave while the bar was on its way to the table", async () => {
  using clock = fakeClock(NOW);
  let known = LIVE;
  const table = Promise.withResolvers<void>();
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    isConfirmed: true,
    commit: () => table.promise,
    answer: () => [[known]],
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(34_000);
  session.emit([LIVE]);
  // History is asked about the minute of the subscription while the bar is not committed.
  await clock.tick(10_000);
  table.resolve();
  await clock.tick(1_000);
  known = { ...LIVE, volume: LIVE.volume + 1 };
  // The clock has closed the bar, so that the late state is a plain one.
  session.emit([known]);
  await clock.tick(5 * MINUTE);
  assertEquals(rowOf(run.bars, LIVE.ts)?.volume, known.volume);
  await run.stop();
});

Deno.test("an answer settles no bar with a state that came after history was asked", async () => {
  using clock = fakeClock(NOW);
  let known = LIVE;
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    isConfirmed: true,
    async *answer() {
      const given = known;
      if (run.asked.length === 1) await answered;
      yield [given];
    },
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(34_000);
  session.emit([LIVE]);
  await clock.tick(5_000);
  // What is lost of the stream is in history alone.
  session.emit([{ ...LIVE, volume: LIVE.volume + 1 }]);
  known = { ...LIVE, volume: LIVE.volume + 2 };
  await clock.tick(1_000);
  answer();
  await clock.tick(5 * MINUTE);
  assertEquals([run.asked.length > 1, rowOf(run.bars, LIVE.ts)?.volume], [true, known.volume]);
  await run.stop();
});

Deno.test("bars that a stop left unconfirmed are asked about although they are stored", async () => {
  using clock = fakeClock(NOW);
  const before = [3, 2, 1].map((minutes) => barBefore(minutes));
  const run = await runScripted({
    newest: { "BTC/USD": 3 },
    isConfirmed: true,
    starts: (_, ranges) =>
      Promise.resolve(
        new Map(Array.from(ranges, ([symbol, range]) => [symbol, startsIn(before.map(({ ts }) => ts), range)])),
      ),
    answer: () => [before.map((bar) => bar.ts === before[1].ts ? { ...bar, volume: 9 } : bar)],
  });
  run.connections[0].session.subscribed("BTC/USD");
  await clock.tick(10_000);
  assertEquals(run.bars.find(({ ts }) => ts === before[1].ts)?.volume, 9);
  await run.stop();
});

Deno.test("history hands over no bar that came live already; a failure is reported once, and the bars follow", async () => {
  using clock = fakeClock(NOW);
  let fails = true;
  const run = await runScripted({
    newest: { "BTC/USD": 0 },
    isConfirmed: true,
    answer() {
      if (!fails) return [[LIVE]];
      fails = false;
      throw new Error("no answer");
    },
  });
  const { session } = run.connections[0];
  session.subscribed("BTC/USD");
  await clock.tick(31_000);
  session.emit([LIVE]);
  await clock.tick(10_000);
  session.emit([{ ...LIVE, status: "correction" }]);
  await clock.tick(40_000);
  const warn = "history of BTC/USD could not be read: no answer";
  assertEquals([run.asked.length, run.bars.length, run.notices, run.losses()], [2, 2, [warn], []]);
  await run.stop();
});

Deno.test("many symbols have their turns, one request at a time, and each is asked for all that it has", async () => {
  using clock = fakeClock(NOW);
  const symbols = Array.from({ length: 60 }, (_, at) => `S${at}/USD`);
  const run = await runScripted({ symbols, isConfirmed: true, bucket: createTokenBucket(1) });
  const { session } = run.connections[0];
  for (const symbol of symbols) session.subscribed(symbol);
  await clock.tick(31_000);
  for (let minute = 0; minute < 6; minute++) {
    session.emit(symbols.map((symbol) => barBefore(-minute, symbol)));
    await clock.tick(MINUTE);
  }
  const counts = Map.groupBy(run.asked, ({ symbols }) => symbols.join());
  assertEquals([counts.size, run.asked.every(({ symbols }) => symbols.length === 1)], [60, true]);
  // Each once after its subscription, and from then on one in two seconds, of six minutes.
  assertEquals(run.asked.length >= 150 && run.asked.length <= 60 + 190, true);
  await run.stop();
});
