import { assertEquals } from "@std/assert";
import { fakeClock } from "../support/clock.ts";
import { BAR, barBefore, MINUTE, runScripted } from "../support/scripted_feed.ts";

/** Minutes from the bar under way to the close of the session. */
const CLOSE = (Date.UTC(2024, 0, 3, 21) - BAR) / MINUTE;

/** Runs a feed of US stocks whose last bar starts so many minutes before the close. */
async function runUntilClose(lastBar: number, answer: Parameters<typeof runScripted>[0]["answer"]) {
  const clock = fakeClock(BAR + (CLOSE - 30) * MINUTE + 30_000);
  const run = await runScripted({
    name: "alpaca",
    newest: { AAPL: 30 - CLOSE },
    answer,
    options: { stallMs: 86_400_000 },
  });
  const { session } = run.connections[0];
  session.subscribed("AAPL");
  for (let left = 30; left > 0; left--) {
    if (left >= lastBar) session.emit([barBefore(left - CLOSE, "AAPL")]);
    await clock.tick(MINUTE);
  }
  return { run, clock };
}

Deno.test("minutes without a bar at the end of a session are asked about when it ends, not with the next bar", async () => {
  const bars = Array.from({ length: 40 }, (_, at) => barBefore(40 - at - CLOSE, "AAPL"));
  const { run, clock } = await runUntilClose(6, ({ from, to }) => [
    bars.filter(({ ts }) => ts >= BAR - from * MINUTE && ts < BAR - to * MINUTE && ts + MINUTE <= Date.now()),
  ]);
  using _clock = clock;
  await clock.tick(MINUTE);
  const got = run.bars.map(({ ts }) => CLOSE - (ts - BAR) / MINUTE).filter((left) => left < 6);
  assertEquals(got, [5, 4, 3, 2, 1]);
  await clock.tick(90 * MINUTE);
  assertEquals(run.track("AAPL")!.doubts, []);
  assertEquals(run.track("AAPL")!.confirmed.at(-1)![1], BAR + CLOSE * MINUTE);
  await run.stop();
});

Deno.test("history is not asked at the end of a session if its last bar came", async () => {
  const { run, clock } = await runUntilClose(1, ({ from }) => [[barBefore(from, "AAPL")]]);
  using _clock = clock;
  const { length } = run.asked;
  await clock.tick(MINUTE);
  assertEquals(run.asked.slice(length), []);
  await run.stop();
});
