import { assertEquals } from "@std/assert";
import { confirm, type Doubt, doubt, UNKNOWN } from "../../src/coverage/coverage.ts";
import type { CoverageNews } from "../../src/coverage/store.ts";
import { fakeClock } from "../support/clock.ts";
import { BAR, barBefore, MINUTE, NOW, runScripted, type Script } from "../support/scripted_feed.ts";

const SYMBOL = "BTC/USD";
const minutes = (from: number, to: number) => [BAR + from * MINUTE, BAR + to * MINUTE] as const;
const doubtOver = (from: number, to: number, reason: Doubt["reason"]): Doubt => {
  const [start, end] = minutes(from, to);
  return { from: start, to: end, reason, foundAt: NOW, dueAt: Infinity, attempts: 0 };
};

/** Streams bars of ten minutes, and hears the news then. */
async function runWith(news: CoverageNews, script: Partial<Script> = {}) {
  const clock = fakeClock(NOW);
  let isThere = false;
  const run = await runScripted({
    ...script,
    newest: { [SYMBOL]: 0 },
    answer: ({ from, to }) => [
      Array.from({ length: from - to }, (_, at) => barBefore(from - at, SYMBOL))
        .filter(({ ts }) => ts + MINUTE <= Date.now()),
    ],
    news() {
      const some = isThere ? news : { changed: new Map() };
      isThere = false;
      return Promise.resolve(some);
    },
  });
  run.connections[0].session.subscribed(SYMBOL);
  for (let minute = 0; minute < 10; minute++) {
    run.connections[0].session.emit([barBefore(-minute, SYMBOL)]);
    await clock.tick(MINUTE);
  }
  const before = run.asked.length;
  isThere = true;
  await clock.tick(MINUTE);
  return { run, clock, asked: () => run.asked.slice(before) };
}

const confirmedUntil = (to: number) => confirm(UNKNOWN, [BAR - 1440 * MINUTE, BAR + to * MINUTE]);

Deno.test("a feed learns at once of doubts and confirmations by another process", async () => {
  const stored = doubt(confirmedUntil(8), doubtOver(3, 5, "deleted"));
  const { run, clock } = await runWith({ changed: new Map([[SYMBOL, stored]]) });
  using _clock = clock;
  const { doubts, confirmed } = run.track(SYMBOL)!;
  assertEquals(doubts, [doubtOver(3, 5, "deleted")]);
  // What is not saved yet is known all the same.
  assertEquals(confirmed.at(-1)![1], BAR + 10 * MINUTE);
  await run.stop();
});

Deno.test("after a restore, ranges that the database no longer confirms are asked for again", async () => {
  const { run, clock, asked } = await runWith({
    changed: new Map([[SYMBOL, confirmedUntil(4)]]),
    replaced: "a table of bars created again, as by a restore",
  });
  using _clock = clock;
  assertEquals(
    asked().map(({ from, to }) => [-from, -to]).at(0)!.map((each, at) => at === 0 ? each <= 4 : each >= 10),
    [
      true,
      true,
    ],
  );
  const again = run.bars.slice(-6).map(({ ts }) => (ts - BAR) / MINUTE);
  assertEquals(again, [4, 5, 6, 7, 8, 9]);
  await clock.tick(MINUTE);
  assertEquals(run.track(SYMBOL)!.doubts, []);
  await run.stop();
});

Deno.test("bars that were deleted are handed on again, also where history has them as the stream had", async () => {
  const deleted = { ...doubtOver(3, 5, "deleted"), dueAt: NOW };
  const news = { changed: new Map([[SYMBOL, doubt(confirmedUntil(8), deleted)]]) };
  const { run, clock } = await runWith(news, { isConfirmed: true });
  using _clock = clock;
  await clock.tick(2 * MINUTE);
  const times = [2, 3, 4, 5].map((minute) => run.bars.filter(({ ts }) => ts === BAR + minute * MINUTE).length);
  assertEquals(times, [1, 2, 2, 1]);
  await run.stop();
});
